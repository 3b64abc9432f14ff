// Command steps runs the steps of the access request and lease expiry state machines.
package main

import (
	"lifecycle/functions/accessrequest"
	"lifecycle/shared/platform"
)

func main() { platform.Main(accessrequest.NewSteps) }
