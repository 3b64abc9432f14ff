// Command steps runs the steps of the security alert state machine.
package main

import (
	"lifecycle/functions/securityalert"
	"lifecycle/shared/platform"
)

func main() { platform.Main(securityalert.NewSteps) }
