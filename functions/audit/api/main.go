// Command api answers what an auditor asks about the ledger.
package main

import (
	"lifecycle/functions/audit"
	"lifecycle/shared/platform"
)

func main() { platform.Main(audit.NewAPI) }
