// Command steps runs the steps of the rules change state machine.
package main

import (
	"lifecycle/functions/entitlements"
	"lifecycle/shared/platform"
)

func main() { platform.Main(entitlements.NewSteps) }
