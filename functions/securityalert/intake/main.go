// Command intake takes in what an event hook delivered.
package main

import (
	"lifecycle/functions/securityalert"
	"lifecycle/shared/platform"
)

func main() { platform.Main(securityalert.NewIntake) }
