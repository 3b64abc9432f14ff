package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local"
	"lifecycle/shared/local/scenario"
)

// process is one whole run of a state machine, from opening the ticket to its
// last look.
type process struct {
	name    string
	options scenario.Options
	// prepare happens before the calls are counted; play is what is disturbed.
	prepare func(o *office)
	play    func(o *office) scenario.Ticket
	machine string
	// login finds the person's account in the end.
	login string
}

// processes are the ones whose every call goes wrong once.
func processes() []process {
	return append(accessProcesses(), []process{
		{
			name: "onboarding", machine: joining, login: jana,
			play: func(o *office) scenario.Ticket { return o.hire(seller) },
		},
		{
			name: "offboarding", machine: leaving, login: scenario.Login("E1031"),
			play: func(o *office) scenario.Ticket { return o.leaver("E1031", nil) },
		},
	}...)
}

// rare is a pace at which schedules run now and then only, so that the calls
// that are counted are those of the process.
const rare = 11 * time.Hour

var disturbances = map[string]local.Verdict{
	"killed before":       local.KillBefore,
	"killed after":        local.KillAfter,
	"answer lost of":      local.LoseAnswer,
	"connection cut at":   local.Cut,
	"no answer, ever, to": local.Hang,
	"503 in answer to":    local.Fail,
	"429 in answer to":    local.Throttle,
}

// TestCrashes disturbs every single call that a process makes, one at a time, in
// seven ways. Each run has to end as the undisturbed one does.
func TestCrashes(t *testing.T) {
	t.Parallel()
	for _, p := range processes() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			calls, want := p.undisturbed(t)
			t.Logf("%d calls", len(calls))
			stride := 1
			if testing.Short() {
				stride = 13
			}
			for i := 0; i < len(calls); i += stride {
				for how, verdict := range disturbances {
					t.Run(fmt.Sprintf("%s call %d, %s", how, i+1, calls[i]), func(t *testing.T) {
						t.Parallel()
						p.disturbed(t, i+1, verdict, want)
					})
				}
			}
		})
	}
}

// undisturbed tells which calls the process makes, and how it ends.
func (p process) undisturbed(t *testing.T) (calls []string, end string) {
	t.Helper()
	var mu sync.Mutex
	p.run(t, func(c local.Outgoing) local.Verdict {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, describe(c))
		return local.Pass
	}, func(o *office, t scenario.Ticket) { end = o.endState(p, t) })
	return calls, end
}

func (p process) disturbed(t *testing.T, n int, verdict local.Verdict, want string) {
	t.Helper()
	p.run(t, func(c local.Outgoing) local.Verdict {
		if c.N == n {
			return verdict
		}
		return local.Pass
	}, func(o *office, ticket scenario.Ticket) {
		if diff := cmp.Diff(want, o.endState(p, ticket)); diff != "" {
			t.Errorf("it ends otherwise (-undisturbed +disturbed):\n%s", diff)
		}
		o.verifiesLedger()
	})
}

func (p process) run(t *testing.T, decide func(local.Outgoing) local.Verdict, then func(*office, scenario.Ticket)) {
	t.Helper()
	options := p.options
	options.Pace = rare
	inOffice(t, options, func(o *office) {
		if p.prepare != nil {
			p.prepare(o)
		}
		o.Sabotage(decide)
		ticket := p.play(o)
		o.rests(p.machine, ticket)
		then(o, ticket)
	})
}

// describe names a call without what differs from run to run.
func describe(c local.Outgoing) string {
	r := c.Request
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, operation, _ := strings.Cut(target, ".")
		return c.Function + " " + operation
	}
	if r.Method == http.MethodGet && r.URL.Host != "" && strings.HasSuffix(local.OktaURL, r.URL.Host) {
		return c.Function + " " + r.Method + " " + r.URL.Path
	}
	return c.Function + " " + r.Method + " " + r.URL.Path
}
