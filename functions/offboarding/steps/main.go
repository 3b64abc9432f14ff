// Command steps runs the steps of the offboarding state machine.
package main

import (
	"lifecycle/functions/offboarding"
	"lifecycle/shared/platform"
)

func main() { platform.Main(offboarding.NewSteps) }
