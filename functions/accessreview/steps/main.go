// Command steps runs the steps of the access review and of its campaign.
package main

import (
	"lifecycle/functions/accessreview"
	"lifecycle/shared/platform"
)

func main() { platform.Main(accessreview.NewSteps) }
