// Command poller reads Okta's System Log.
package main

import (
	"lifecycle/functions/securityalert"
	"lifecycle/shared/platform"
)

func main() { platform.Main(securityalert.NewPoller) }
