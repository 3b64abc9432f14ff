// Command api answers what the access rules give to somebody, and what other
// rules would change.
package main

import (
	"lifecycle/functions/entitlements"
	"lifecycle/shared/platform"
)

func main() { platform.Main(entitlements.NewAPI) }
