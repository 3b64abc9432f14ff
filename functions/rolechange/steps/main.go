// Command steps runs the steps of the role change and recertification state
// machines.
package main

import (
	"lifecycle/functions/rolechange"
	"lifecycle/shared/platform"
)

func main() { platform.Main(rolechange.NewSteps) }
