// Command archive copies the ledger into the bucket that nobody can change.
package main

import (
	"lifecycle/functions/audit"
	"lifecycle/shared/platform"
)

func main() { platform.Main(audit.NewArchiver) }
