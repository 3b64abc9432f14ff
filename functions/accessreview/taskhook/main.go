// Command taskhook starts the state machine of the reviewer's task that a signed
// webhook names.
package main

import (
	"lifecycle/shared/event"
	"lifecycle/shared/platform"
)

func main() { platform.Main(event.NewTrigger) }
