// Command trigger starts the access request of the item that a signed webhook names.
package main

import (
	"lifecycle/shared/event"
	"lifecycle/shared/platform"
)

func main() { platform.Main(event.NewTrigger) }
