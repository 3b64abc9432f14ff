// Command poller starts the synchronisation of each person that Okta's System Log tells of.
package main

import (
	"lifecycle/functions/statesync"
	"lifecycle/shared/platform"
)

func main() { platform.Main(statesync.NewPoller) }
