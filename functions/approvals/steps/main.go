// Command steps runs the steps of the approvals state machine.
package main

import (
	"lifecycle/functions/approvals"
	"lifecycle/shared/platform"
)

func main() { platform.Main(approvals.NewSteps) }
