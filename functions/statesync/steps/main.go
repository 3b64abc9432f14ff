// Command steps runs the steps of the state sync and state comparison state machines.
package main

import (
	"lifecycle/functions/statesync"
	"lifecycle/shared/platform"
)

func main() { platform.Main(statesync.NewSteps) }
