// Command trigger starts the credential reset that a signed webhook names.
package main

import (
	"lifecycle/shared/event"
	"lifecycle/shared/platform"
)

func main() { platform.Main(event.NewTrigger) }
