// Command hook receives what Okta delivers by event hooks.
package main

import (
	"lifecycle/functions/securityalert"
	"lifecycle/shared/platform"
)

func main() { platform.Main(securityalert.NewHook) }
