// Command steps runs the steps of the onboarding state machine.
package main

import (
	"lifecycle/functions/onboarding"
	"lifecycle/shared/platform"
)

func main() { platform.Main(onboarding.NewSteps) }
