package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lifecycle/shared/local"
	"lifecycle/shared/local/console"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
)

// logFile receives what the functions log.
const logFile = ".demo/functions.log"

// run plays the story and, when asked to, goes on serving.
func run(ctx context.Context, f flags, out io.Writer) error {
	began := time.Now()
	path := filepath.Join(f.root, logFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	log, err := os.Create(path) //nolint:gosec // the user's own directory
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	options := scenario.Options{Options: local.Options{Root: f.root, Log: log}, API: f.against, WebhookSecret: f.secret, HookSecret: f.hookSecret}
	real, err := tenants(os.Getenv, &options)
	if err != nil {
		return err
	}
	simulated := !real && f.against == ""
	if simulated {
		options.Okta = oktasim.New(oktasim.Options{URL: local.OktaURL, Limits: scenario.Granted()})
	}
	w, err := scenario.New(ctx, options)
	if err != nil {
		return err
	}
	defer w.Stop()
	if simulated {
		if err := w.KnowLimits(ctx, scenario.Granted()); err != nil {
			return err
		}
	}
	server := newServer(w, f.listen, console.Options{Real: real})
	if f.serve || f.against != "" {
		if err := server.start(ctx); err != nil {
			return err
		}
	}
	if real {
		fmt.Fprintf(out, "Real tenants are plugged in: no sample ticket is played.\nServing on http://%s: console, and webhooks below /webhooks.\n", f.listen)
		return server.wait(ctx)
	}
	err = tell(ctx, w, f, out)
	fmt.Fprintf(out, "\n%.1f s. What the functions logged is in %s.\n", time.Since(began).Seconds(), path)
	if err != nil || !f.serve {
		return err
	}
	server.console.SetPace(console.Lifelike)
	fmt.Fprintf(out, "\nServing on http://%s: console, webhooks, simulated Okta and ServiceNow. Ctrl-C ends it.\n", f.listen)
	return server.wait(ctx)
}

// tell plays the story and says how the ledger and Okta's limits came out of it.
func tell(ctx context.Context, w *scenario.World, f flags, out io.Writer) error {
	chapters := [][]scenario.Act{
		scenario.Joiners(),
		scenario.AccessRequests(),
		scenario.Movers()[:1], scenario.Movers()[1:], // each waits for its seats
		scenario.Leavers(),
		scenario.Sync(),
		scenario.Credentials(),
		scenario.Alerts(),
		scenario.AccessReviews(),
	}
	if f.against != "" {
		chapters = [][]scenario.Act{scenario.Anywhere()}
		if f.hookSecret != "" {
			chapters[0] = append(chapters[0], scenario.Alerts()[0])
		}
		fmt.Fprintf(out, "Playing %d acts through %s, around a simulated Okta org and ServiceNow instance of 50 people.\n", len(chapters[0]), f.against)
	} else {
		fmt.Fprintf(out, "%d functions, %d state machines and %d tables of template.yaml are up in this process,\n"+
			"around a simulated Okta org, granted five times the default limits, and a ServiceNow instance of 50 people.\n",
			len(w.Template.Functions), len(w.Template.Machines), len(w.Template.Tables))
	}
	failed := story(ctx, w, chapters, out)
	if f.against == "" {
		failed = append(failed, audited(ctx, w, out))
	}
	limits(w, out)
	return errors.Join(failed...)
}

// played is an act that is over.
type played struct {
	act  scenario.Act
	told scenario.Told
	err  error
}

// story plays the chapters side by side, as a company's days are, each act after the
// one before it in its chapter, and tells them one after the other.
func story(ctx context.Context, w *scenario.World, chapters [][]scenario.Act, out io.Writer) (failed []error) {
	var over []chan played
	for _, acts := range chapters {
		done := make(chan played, len(acts))
		over = append(over, done)
		go func() {
			defer close(done)
			for _, act := range acts {
				told, err := act.Play(ctx, w)
				done <- played{act, told, err}
			}
		}()
	}
	n := 0
	for _, done := range over {
		for p := range done {
			n++
			if err := tellAct(out, n, p); err != nil {
				failed = append(failed, err)
			}
		}
	}
	return failed
}

func tellAct(out io.Writer, n int, p played) error {
	fmt.Fprintf(out, "\n%d. %s\n", n, p.act.Title)
	for _, line := range p.told.Happened {
		fmt.Fprintf(out, "   %s\n", line)
	}
	column(out, "Okta", p.told.Okta)
	column(out, "ServiceNow", p.told.ServiceNow)
	if p.err != nil {
		fmt.Fprintf(out, "   WRONG      %s\n", strings.ReplaceAll(p.err.Error(), "\n", "\n              "))
		return fmt.Errorf("act %d (%s): %w", n, p.act.Title, p.err)
	}
	fmt.Fprintf(out, "   %-10s as it has to be\n", "✓")
	return nil
}

func column(out io.Writer, title string, lines []string) {
	for i, line := range lines {
		if i > 0 {
			title = ""
		}
		fmt.Fprintf(out, "   %-10s %s\n", title, line)
	}
}

// audited verifies the ledger's chains.
func audited(ctx context.Context, w *scenario.World, out io.Writer) error {
	report, err := w.Ledger().VerifyAll(ctx)
	if err != nil {
		return err
	}
	if !report.OK() {
		return fmt.Errorf("the ledger does not verify: %s", report)
	}
	fmt.Fprintf(out, "\nledger verified: %s\n", report)
	return agreed(ctx, w, out)
}

// limits tells how close Okta's rate limits came.
func limits(w *scenario.World, out io.Writer) {
	calls, throttled := 0, 0
	for _, g := range w.Okta.Gauges() {
		if g.Bucket == "concurrency" {
			calls = g.Calls
		}
		throttled += g.Throttled
	}
	fmt.Fprintf(out, "Okta answered %d calls, %d of them 429\n", calls, throttled)
}
