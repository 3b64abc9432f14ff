package e2e_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/snowsim"
)

// storm is something that goes wrong with every call to a system for a while.
type storm struct {
	name  string
	lasts time.Duration
	okta  func(until time.Time) *oktasim.Fault
	snow  func(until time.Time) *snowsim.Fault
}

var storms = []storm{
	{name: "429s from Okta for a minute", lasts: time.Minute, okta: func(until time.Time) *oktasim.Fault {
		return &oktasim.Fault{Status: http.StatusTooManyRequests, Headers: map[string]string{"X-Rate-Limit-Reset": strconv.FormatInt(until.Unix(), 10)}}
	}},
	{name: "503s from Okta for ten minutes", lasts: 10 * time.Minute, okta: func(time.Time) *oktasim.Fault {
		return &oktasim.Fault{Status: http.StatusServiceUnavailable}
	}},
	{name: "connections to Okta that are cut after the work for ten minutes", lasts: 10 * time.Minute, okta: func(time.Time) *oktasim.Fault {
		return &oktasim.Fault{Work: true, Reset: true}
	}},
	{name: "an Okta that never answers for ten minutes", lasts: 10 * time.Minute, okta: func(time.Time) *oktasim.Fault { return &oktasim.Fault{Hang: true} }},
	{name: "500s from ServiceNow for ten minutes", lasts: 10 * time.Minute, snow: func(time.Time) *snowsim.Fault {
		return &snowsim.Fault{Status: http.StatusInternalServerError}
	}},
	{name: "504s from ServiceNow, the work done, for ten minutes", lasts: 10 * time.Minute, snow: func(time.Time) *snowsim.Fault {
		return &snowsim.Fault{Status: http.StatusGatewayTimeout, Work: true}
	}},
	{name: "a hibernating ServiceNow for half an hour", lasts: 30 * time.Minute, snow: func(time.Time) *snowsim.Fault { return snowsim.Hibernating() }},
	{name: "transactions that ServiceNow breaks off for ten minutes", lasts: 10 * time.Minute, snow: func(time.Time) *snowsim.Fault { return snowsim.Cancelled() }},
	{name: "an hour of ServiceNow's rate rule", lasts: time.Hour, snow: func(until time.Time) *snowsim.Fault {
		return &snowsim.Fault{Status: http.StatusTooManyRequests, Headers: map[string]string{"Retry-After": strconv.Itoa(int(time.Until(until).Seconds()) + 1)}}
	}},
}

// TestStorms lets a whole system fail for a while, from the beginning and from
// the middle of a process on. It ends as if nothing had been.
func TestStorms(t *testing.T) {
	t.Parallel()
	for _, p := range processes() {
		if p.name != "onboarding" && p.name != "offboarding" {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			calls, want := p.undisturbed(t)
			for _, s := range storms {
				for _, from := range []int{1, len(calls) / 3, 2 * len(calls) / 3} {
					t.Run(fmt.Sprintf("%s, from call %d on", s.name, from), func(t *testing.T) {
						t.Parallel()
						s.rage(t, p, from, want)
					})
				}
			}
		})
	}
}

func (s storm) rage(t *testing.T, p process, from int, want string) {
	t.Helper()
	inOffice(t, p.options, func(o *office) {
		var once sync.Once
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			if c.N >= from {
				once.Do(func() { s.begin(o) })
			}
			return local.Pass
		})
		ticket := p.play(o)
		o.rests(p.machine, ticket)
		if diff := cmp.Diff(want, o.endState(p, ticket)); diff != "" {
			t.Errorf("it ends otherwise (-undisturbed +disturbed):\n%s", diff)
			for _, x := range o.Executions(p.machine, ticket) {
				t.Logf("%s %s %s, %s to %s", x.Name, x.Status, x.Error, x.Started, x.Stopped)
			}
		}
		o.verifiesLedger()
	})
}

func (s storm) begin(o *office) {
	until := time.Now().Add(s.lasts)
	over := func() bool { return !time.Now().Before(until) }
	if s.okta != nil {
		o.Okta.Fault(func(*http.Request, int) *oktasim.Fault {
			if over() {
				return nil
			}
			return s.okta(until)
		})
	}
	if s.snow != nil {
		o.ServiceNow.Fault(func(r *http.Request, _ int) *snowsim.Fault {
			if over() || !strings.HasPrefix(r.URL.Path, "/api/") {
				return nil
			}
			return s.snow(until)
		})
	}
}
