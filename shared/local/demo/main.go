// Command demo starts the whole system in this process, plays sample tickets
// through signed webhooks, tells what happened in both systems, and ends with
// status 0 only if every end state is right. With -serve it goes on serving.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	serve := flag.Bool("serve", false, "keep serving the console, the webhooks and the simulated systems after the story")
	address := flag.String("listen", "127.0.0.1:8080", "address of the console")
	root := flag.String("root", ".", "directory of template.yaml")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := play(ctx, *root, *serve, *address, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}
