// Command trigger starts an access review on demand, for callers who sign their request with IAM.
package main

import (
	"lifecycle/functions/accessreview"
	"lifecycle/shared/platform"
)

func main() { platform.Main(accessreview.NewTrigger) }
