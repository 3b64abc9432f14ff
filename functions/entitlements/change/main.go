// Command change takes a changed rules document and starts its way into force.
package main

import (
	"lifecycle/functions/entitlements"
	"lifecycle/shared/platform"
)

func main() { platform.Main(entitlements.NewChangeAPI) }
