// Command steps starts what a lost webhook left, every few minutes.
package main

import (
	"lifecycle/functions/sweep"
	"lifecycle/shared/platform"
)

func main() { platform.Main(sweep.NewSweep) }
