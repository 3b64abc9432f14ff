// Command demo starts the whole system in this process, plays sample tickets
// through signed webhooks, tells what happened in both systems, and ends with
// status 0 only if every end state is right. With -serve it goes on serving.
//
// With -against it leaves the functions out and plays the tickets through a
// deployed stack instead, serving the simulated Okta and ServiceNow to it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

// flags are the command line.
type flags struct {
	root, listen, against, secret, hookSecret string
	serve                                     bool
}

func main() {
	var f flags
	flag.StringVar(&f.root, "root", ".", "directory of template.yaml")
	flag.BoolVar(&f.serve, "serve", false, "keep serving the console, the webhooks and the simulated systems after the story")
	flag.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address to serve on")
	flag.StringVar(&f.against, "against", "", "URL of a deployed stack's HTTP API, whose OktaOrgUrl and ServiceNowUrl are http://<listen>")
	flag.StringVar(&f.secret, "webhook-secret", "", "with -against: the stack's webhook secret")
	flag.StringVar(&f.hookSecret, "hook-secret", "", "with -against: the secret of the stack's event hook; the act about an attack is played with it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, f, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}
