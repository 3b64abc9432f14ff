// Command trigger starts the role change, or the recertification, of the ticket
// that a signed webhook names.
package main

import (
	"lifecycle/shared/event"
	"lifecycle/shared/platform"
)

func main() { platform.Main(event.NewTrigger) }
