// Command explain asks about the access rules of the simulated company, through
// the same route that the deployed stack has: what they give to somebody and by
// which rule, or what a changed document would do to everybody.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
)

// flags are the command line.
type flags struct {
	root, user, candidate string
}

func main() {
	var f flags
	flag.StringVar(&f.root, "root", ".", "directory of template.yaml")
	flag.StringVar(&f.user, "user", "", "login or Okta user id of somebody in the simulated company")
	flag.StringVar(&f.candidate, "candidate", "", "file with a changed rules document")
	flag.Parse()
	if err := run(context.Background(), f, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "explain:", err)
		os.Exit(1)
	}
}

// run asks one of the two questions and writes the answer.
func run(ctx context.Context, f flags, out io.Writer) error {
	switch {
	case f.user != "" && f.candidate == "":
		return explain(ctx, f, out)
	case f.candidate != "" && f.user == "":
		return whatIf(ctx, f, out)
	}
	return fmt.Errorf("say who: make explain USER=nina.kovacs@example.com; or which rules: make what-if RULES=rules.json")
}
