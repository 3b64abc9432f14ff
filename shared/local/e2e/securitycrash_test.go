package e2e_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/syslog"
)

// TestAlertCrashes disturbs the calls that the work on an alert makes, one at a
// time: from the incident to the containment, and to its undoing. Each run ends as
// the undisturbed one does. Every fifth call is disturbed, in ways that take turns;
// -thorough disturbs all of them in every way.
func TestAlertCrashes(t *testing.T) {
	t.Parallel()
	calls, want := alertDisturbed(t, 0, local.Pass)
	if len(calls) < 50 || !strings.Contains(want, "can sign in again") {
		t.Fatalf("%d calls, ending in:\n%s", len(calls), want)
	}
	t.Logf("%d calls", len(calls))
	every := 5
	if testing.Short() {
		every = 17
	}
	for i, call := range calls {
		for j, d := range disturbances {
			if !*thorough && (i%every != 0 || i/every%len(disturbances) != j) {
				continue
			}
			t.Run(fmt.Sprintf("%s call %d, %s", d.how, i+1, call), func(t *testing.T) {
				t.Parallel()
				_, end := alertDisturbed(t, i+1, d.verdict)
				if diff := cmp.Diff(want, end); diff != "" {
					t.Errorf("it ends otherwise (-undisturbed +disturbed):\n%s", diff)
				}
			})
		}
	}
}

// alertDisturbed lets the n-th call of the work on an alert go wrong, and tells
// which calls were made and how it ended.
func alertDisturbed(t *testing.T, n int, how local.Verdict) (calls []string, end string) {
	t.Helper()
	inOffice(t, unpolled(), func(o *office) {
		w := &watch{office: o}
		w.polls()
		w.spray()
		time.Sleep(10 * time.Second)
		var mu sync.Mutex
		w.Sabotage(func(c local.Outgoing) local.Verdict {
			mu.Lock()
			defer mu.Unlock()
			if c.Function != "SecurityAlertSteps" {
				return local.Pass
			}
			if calls = append(calls, describe(c)); len(calls) == n {
				return how
			}
			return local.Pass
		})
		w.polls()
		w.settles()
		w.answers(w.incident(), snowsim.Approved, seed.PersonSysID(undoer))
		w.settles()
		end = w.whole()
		pages := len(w.pages())
		if pages < 1 || pages > 3 { // one may go out twice, none may be left out
			t.Errorf("%d pages", pages)
		}
		end = strings.Replace(end, fmt.Sprintf("pages %d", pages), "pages", 1)
		w.verifiesLedger()
	})
	return calls, end
}

// TestNewsAtAnyMoment has an account entered while the incident of the attack is
// being worked on, at every third call of that work: it is contained within seconds,
// and nothing of it sleeps until something else happens.
func TestNewsAtAnyMoment(t *testing.T) {
	t.Parallel()
	calls := newsAt(t, 0)
	if calls < 50 {
		t.Fatalf("%d calls", calls)
	}
	every := 3
	if testing.Short() {
		every = 17
	}
	if *thorough {
		every = 1
	}
	for n := 1; n <= calls; n += every {
		t.Run(fmt.Sprintf("at call %d", n), func(t *testing.T) {
			t.Parallel()
			newsAt(t, n)
		})
	}
}

// newsAt has an account entered at the n-th call of the work on an attack, 0:
// never, and returns how many calls the work makes.
func newsAt(t *testing.T, n int) (calls int) {
	t.Helper()
	inOffice(t, unpolled(), func(o *office) {
		w := &watch{office: o}
		w.polls()
		w.tries()
		now := make(chan struct{})
		var mu sync.Mutex
		w.Sabotage(func(c local.Outgoing) local.Verdict {
			mu.Lock()
			defer mu.Unlock()
			if c.Function == "SecurityAlertSteps" {
				if calls++; calls == n {
					close(now)
				}
			}
			return local.Pass
		})
		w.polls()
		if n > 0 {
			<-now
			w.happens(entered())
			w.polls()
			time.Sleep(20 * time.Second)
			w.is("the account", w.person(attacker).Status, "SUSPENDED")
		}
		w.calm()
		if n == 0 {
			mu.Lock()
			defer mu.Unlock()
			return
		}
		time.Sleep(2 * time.Minute) // those who are not described yet are, and the events attached
		w.calm()
		w.says(w.Column(w.incident(), "description"), "13 events")
		w.says(w.workNotes(w.incident()), "Undo the containment?")
	})
	return calls
}

// settles waits until the alerts are at rest, also where one only seems to wait for
// news: the function that is to wait for it may hang.
func (w *watch) settles() {
	w.t.Helper()
	for range 3 {
		w.calm()
		time.Sleep(2 * time.Minute)
	}
	w.calm()
}

// undoer is the analyst who has a containment undone.
const undoer = "E1007"

// TestABurst has fifty thousand events come at once, most of them one attack.
func TestABurst(t *testing.T) {
	t.Parallel()
	const events = 50_000
	inOffice(t, unpolled(), func(o *office) {
		w := &watch{office: o}
		w.polls()
		people := seed.People()
		for i := range events {
			switch {
			case i%5 == 0:
				w.happens(syslog.SingleSignOn(people[i%47], seed.AppSlack, syslog.Berlin, syslog.Mac, fmt.Sprint("s", i%47)))
			default:
				w.happens(syslog.WrongPassword(people[i%47], syslog.Hosting, syslog.Script))
			}
		}
		w.happens(entered())
		began := time.Now()
		runs := 0
		for ; ; runs++ {
			out, err := w.Invoke(w.ctx, "SecurityAlertPoller", []byte(`{}`))
			w.must(err)
			t.Logf("%s: %s", time.Since(began), out)
			if !strings.Contains(string(out), `"behind":true`) {
				break
			}
			time.Sleep(time.Until(began.Add(time.Duration(runs+1) * time.Minute))) // every minute
		}
		took := time.Since(began)
		w.calm()
		throttled := 0
		for _, g := range w.Okta.Gauges() {
			throttled += g.Throttled
		}
		w.is("429", throttled, 0)
		w.is("contained", w.person(attacker).Status, "SUSPENDED")
		notes := 0
		for _, ticket := range w.incidents() {
			notes += len(w.Notes(ticket, "work_notes"))
		}
		t.Logf("%d events in %d runs, %s by Okta's clock; %d incidents, %d notes, %d pages", events, runs+1, took, len(w.incidents()), notes, len(w.pages()))
		if took > 3*time.Minute || len(w.incidents()) > 50 || len(w.pages()) > 5 {
			t.Errorf("%s, %d incidents, %d pages", took, len(w.incidents()), len(w.pages()))
		}
		w.verifiesLedger()
	})
}
