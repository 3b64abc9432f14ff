// Command trigger starts the synchronisation of the person that a signed webhook names.
package main

import (
	"lifecycle/shared/event"
	"lifecycle/shared/platform"
)

func main() { platform.Main(event.NewTrigger) }
