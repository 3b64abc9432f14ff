// Command verify checks the evidence from outside.
//
// With a file it proves an NDJSON export, with no access to anything. With -api it
// has a deployed stack verify its ledger and its archive, or with -export gets an
// export of it, page by page, signed with the credentials that the AWS CLI would
// use.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"lifecycle/functions/audit"
)

func main() {
	part := flag.Bool("part", false, "the export is of a person, an entitlement or an actor: records between them may be missing")
	api := flag.String("api", "", "URL of a stack's HTTP API whose ledger is to be verified")
	question := flag.String("ask", `{"all": true}`, "with -api: what to verify, or to export")
	export := flag.String("export", "", "with -api: file that gets an export, of what -ask says")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *api != "" && *export != "":
		err = fetch(ctx, *api, *question, *export)
	case *api != "":
		err = remote(ctx, os.Stdout, *api, *question)
	case flag.NArg() == 1:
		err = file(os.Stdout, flag.Arg(0), !*part)
	default:
		err = errors.New("verify [-part] export.ndjson, or verify -api URL [-ask JSON]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// file proves an export.
func file(out io.Writer, name string, whole bool) error {
	export, err := os.Open(name) //nolint:gosec // the caller's own file
	if err != nil {
		return err
	}
	defer func() { _ = export.Close() }() // it was only read
	proof, err := audit.Prove(export)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, proof)
	for _, p := range proof.Problems {
		fmt.Fprintln(out, "-", p)
	}
	if !proof.OK(whole) {
		return errors.New("the export does not prove itself")
	}
	return nil
}
