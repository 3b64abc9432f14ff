package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/states"
)

// alignment is something that state sync does, every call of which goes wrong
// once.
type alignment struct {
	name string
	// prepare happens before the calls are counted, play is what is disturbed.
	prepare, play func(o *office)
	// every is how many calls stand for one that is disturbed; 0: each is.
	every int
	// people are whose records are looked at in the end.
	people []string
}

func alignments() []alignment {
	const leaver = "E1037"
	return []alignment{
		{
			name: "a deactivation with a request and an approval", people: []string{leaver, engineer},
			prepare: func(o *office) {
				ticket, err := o.Request(scenario.Ask{By: scenario.Login(leaver), Item: "GitHub access", Reason: "work"})
				o.must(err)
				o.must(o.Settled(o.ctx, ticket, "AccessRequestMachine", "AskApprovers"))
				laptop := o.ServiceNow.Insert("sc_request", map[string]string{"requested_for": seed.PersonSysID("E1012")})
				o.ServiceNow.Insert("sysapproval_approver", map[string]string{"sysapproval": laptop, "approver": seed.PersonSysID(leaver), "state": "requested"})
				time.Sleep(time.Minute)
				o.must(o.Okta.SetStatus(seed.PersonOktaID(leaver), oktasim.Deprovisioned))
			},
			play: (*office).polls,
		},
		{
			name: "a title and an email address that go opposite ways", people: []string{engineer},
			prepare: func(o *office) {
				time.Sleep(time.Minute)
				o.must(o.Okta.EditProfile(seed.PersonOktaID(engineer), map[string]any{"email": "new@example.com"}))
			},
			play: func(o *office) {
				o.edit(engineer, map[string]string{"title": "Principal"})
				o.polls()
			},
		},
		{
			name: "somebody inactive in ServiceNow", people: []string{engineer},
			prepare: func(o *office) {
				time.Sleep(time.Hour)
				o.polls() // from here on
			},
			play: func(o *office) {
				o.edit(engineer, map[string]string{"active": "false"})
				time.Sleep(time.Hour) // the termination is carried out meanwhile
				o.polls()
			},
		},
		{
			name: "a comparison", every: 2, people: []string{engineer, leaver, seed.NumberSuspended},
			prepare: func(o *office) {
				time.Sleep(2 * time.Hour)
				o.must(o.Okta.EditProfile(seed.PersonOktaID(engineer), map[string]any{"title": "Wrong", "department": "Sales"}))
				o.must(o.Okta.SetStatus(seed.PersonOktaID(leaver), oktasim.Deprovisioned))
				o.ServiceNow.Insert("sys_user", map[string]string{"user_name": "second", "email": "second@example.com", "employee_number": "E1014"})
			},
			play: func(o *office) { o.compare() },
		},
	}
}

// polls has the poller run as its schedule does, each run tried twice.
func (o *office) polls() {
	for range 3 {
		for range 2 {
			if _, err := o.Invoke(o.ctx, "StateSyncPoller", []byte("{}")); err == nil {
				break
			}
		}
		time.Sleep(time.Minute)
	}
}

// TestSyncCrashes disturbs every call that state sync makes, one at a time, in
// seven ways. Each run has to end as the undisturbed one does.
func TestSyncCrashes(t *testing.T) {
	t.Parallel()
	for _, a := range alignments() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			var calls []string
			var want string
			var mu sync.Mutex
			a.run(t, func(_ int, c local.Outgoing) local.Verdict {
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, describe(c))
				return local.Pass
			}, func(o *office) { want = o.standing(a.people) })
			t.Logf("%d calls, in the end:\n%s", len(calls), want)
			thinned := process{every: a.every}
			for i := range calls {
				for j, d := range disturbances {
					if thinned.leavesOut(i, j, "") {
						continue
					}
					t.Run(fmt.Sprintf("%s call %d, %s", d.how, i+1, calls[i]), func(t *testing.T) {
						t.Parallel()
						a.run(t, func(n int, _ local.Outgoing) local.Verdict {
							if n == i+1 {
								return d.verdict
							}
							return local.Pass
						}, func(o *office) {
							if diff := cmp.Diff(want, o.standing(a.people)); diff != "" {
								t.Errorf("it ends otherwise (-undisturbed +disturbed):\n%s", diff)
							}
							o.verifiesLedger()
						})
					})
				}
			}
		})
	}
}

func (a alignment) run(t *testing.T, decide func(n int, c local.Outgoing) local.Verdict, then func(*office)) {
	t.Helper()
	options := scenario.Options{}
	options.Pace = 200 * time.Hour
	inOffice(t, options, func(o *office) {
		a.prepare(o)
		var mu sync.Mutex
		n := 0
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			if !strings.HasPrefix(c.Function, "StateSync") {
				return local.Pass
			}
			mu.Lock()
			n++
			at := n
			mu.Unlock()
			return decide(at, c)
		})
		a.play(o)
		o.synced()
		then(o)
	})
}

// standing tells how everything stands in the end, without what differs from run
// to run.
func (o *office) standing(people []string) string {
	o.t.Helper()
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, number := range people {
		a, u := o.person(number), o.sysUser(number)
		line("%s: Okta %s %v, ServiceNow %s %q %q", number, a.Status, a.Profile, o.flags(number), u["title"], u["email"])
	}
	for _, table := range []string{"sc_req_item", "sc_request", "sc_task"} {
		rows := o.ServiceNow.Query(table, "")
		slices.SortFunc(rows, func(a, b map[string]string) int { return strings.Compare(a["number"], b["number"]) })
		for _, row := range rows {
			var notes []string
			for _, field := range []string{"comments", "work_notes"} {
				for _, e := range o.ServiceNow.Journal(table, row["sys_id"], field) {
					notes = append(notes, steady(e.Text, ""))
				}
			}
			slices.Sort(notes)
			line("%s %q %s state %s, notes %q, files %d", table, row["short_description"], row["description"], row["state"], notes, len(o.ServiceNow.Attachments(table, row["sys_id"])))
			var asked []string
			for _, x := range o.ServiceNow.Approvals(row["sys_id"]) {
				asked = append(asked, x.Name+": "+x.State)
			}
			slices.Sort(asked)
			line("  approvals %q", asked)
		}
	}
	line("terminations %d", len(o.ServiceNow.Query("incident", "u_kind=offboarding")))
	for _, machine := range []string{syncing, comparing} {
		for _, x := range o.States.Executions(o.Machine(machine)) {
			if x.Status != states.Succeeded {
				line("%s %s %s", machine, x.Status, x.Error)
			}
		}
	}
	return b.String()
}
