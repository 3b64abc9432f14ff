// Command stream takes in what Okta streams through EventBridge.
package main

import (
	"lifecycle/functions/securityalert"
	"lifecycle/shared/platform"
)

func main() { platform.Main(securityalert.NewStream) }
