// Command steps runs the steps of the credential reset state machine.
package main

import (
	"lifecycle/functions/credentialreset"
	"lifecycle/shared/platform"
)

func main() { platform.Main(credentialreset.NewSteps) }
