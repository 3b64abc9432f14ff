package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"lifecycle/functions/audit"
	"lifecycle/shared/local/scenario"
)

// mostLag is how long the demo waits for the last records to be archived.
const mostLag = 20 * time.Second

// agreed holds the ledger against its archive, both ways and to the last byte.
func agreed(ctx context.Context, w *scenario.World, out io.Writer) error {
	verifier := audit.NewVerifier(w.Ledger(), audit.NewVault(w.S3(), w.Bucket("LedgerArchive")))
	began := time.Now()
	for {
		checked, err := verifier.All(ctx, true)
		switch {
		case err != nil:
			return err
		case !checked.OK():
			return fmt.Errorf("ledger and archive do not agree: %s", checked)
		case checked.Pending == 0:
			fmt.Fprintf(out, "ledger and archive agree: %s, each under Object Lock\n", checked)
			return nil
		case time.Since(began) > mostLag:
			return fmt.Errorf("the archive of the ledger lags behind: %s", checked)
		}
		time.Sleep(time.Second)
	}
}
