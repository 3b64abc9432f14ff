package e2e_test

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
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
	// every is how many calls come on one that is disturbed, at least three;
	// whole disturbs each. -thorough disturbs all calls of all processes.
	every int
	whole bool
}

// processes are the ones whose every call goes wrong once.
func processes() []process {
	return append(append(append(accessProcesses(), moverProcesses()...), reviewProcesses()...), []process{
		{
			name: "onboarding", options: alone, machine: joining, login: jana, whole: true,
			play: func(o *office) scenario.Ticket { return o.hire(seller) },
		},
		{
			name: "offboarding", options: alone, machine: leaving, login: scenario.Login("E1031"), whole: true,
			play: func(o *office) scenario.Ticket { return o.leaver("E1031", nil) },
		},
		{
			name: "onboarding of a former employee", options: alone, machine: joining, login: scenario.Login(seed.NumberFormer), every: 4,
			prepare: func(o *office) {
				o.must(o.Okta.AddMember(seed.GroupID("Sales"), seed.PersonOktaID(seed.NumberFormer)))
				o.hrSays(seed.NumberFormer, map[string]string{"active": "true", "locked_out": "false"})
				time.Sleep(time.Minute)
			},
			play: func(o *office) scenario.Ticket {
				return o.hire(map[string]string{
					"first_name": "Maria", "last_name": "Santos", "email": scenario.Login(seed.NumberFormer), "employee_number": seed.NumberFormer,
					"time_zone": "Europe/Berlin",
				})
			},
		},
		{
			name: "conversion of a contractor", options: alone, machine: joining, login: scenario.Login("E1044"), every: 4,
			prepare: func(o *office) { o.hrSays("E1044", map[string]string{"title": "Engineer"}) },
			play: func(o *office) scenario.Ticket {
				return o.hire(map[string]string{
					"first_name": "Olga", "last_name": "Ivanova", "email": scenario.Login("E1044"), "employee_number": "E1044", "time_zone": "Europe/Berlin",
				})
			},
		},
		{
			name: "onboarding that is mended and then waits for its day", options: alone, machine: joining, login: jana, every: 5,
			play: func(o *office) scenario.Ticket {
				ticket := o.hired(map[string]string{"manager": "", "start_date": "2000-01-07"})
				o.edits(ticket, map[string]string{"manager": "E1010"})
				return ticket
			},
		},
		{
			name: "offboarding that a second person has to agree to", options: alone, machine: leaving, login: scenario.Login(seed.NumberBreakGlass), every: 5,
			play: func(o *office) scenario.Ticket {
				ticket := o.leaver(seed.NumberBreakGlass, nil)
				o.answersOnceAsked(ticket, "E1007", snowsim.Approved)
				return ticket
			},
		},
		{
			name: "offboarding with a legal hold that is lifted", options: alone, machine: leaving, login: scenario.Login("E1025"), every: 5,
			play: func(o *office) scenario.Ticket {
				ticket := o.leaver("E1025", map[string]string{"legal_hold": "true"})
				o.rests(leaving, ticket, "WaitForRelease")
				o.edits(ticket, map[string]string{"legal_hold": "false"})
				return ticket
			},
		},
		{
			name: "offboarding whose access returns and is removed again", options: alone, machine: leaving, login: scenario.Login("E1013"), every: 5,
			play: func(o *office) scenario.Ticket {
				ticket := o.gone("E1013", nil)
				o.must(o.Okta.AddMember(seed.GroupID("GitHub Engineers"), seed.PersonOktaID("E1013")))
				o.rests(leaving, ticket)
				o.saves(ticket, "grace.mbeki@example.com", map[string]string{"comments": "Mended."})
				return ticket
			},
		},
		{
			name: "undo of an offboarding", options: alone, machine: undoing, login: scenario.Login("E1013"), every: 3,
			prepare: func(o *office) { o.gone("E1013", nil) },
			play: func(o *office) scenario.Ticket {
				ticket := o.onlyTicket()
				o.undo(ticket, "")
				return ticket
			},
		},
	}...)
}

// hrSays changes a person's record in ServiceNow, which is what profiles follow.
func (o *office) hrSays(number string, columns map[string]string) {
	o.t.Helper()
	o.must(o.ServiceNow.As("admin").Update("sys_user", seed.PersonSysID(number), columns))
}

// onlyTicket is the ticket of an office that has one.
func (o *office) onlyTicket() scenario.Ticket {
	o.t.Helper()
	tickets := o.ServiceNow.Query("incident", "")
	if len(tickets) != 1 {
		o.t.Fatalf("there are %d tickets", len(tickets))
	}
	return scenario.Ticket{Table: "incident", SysID: tickets[0]["sys_id"], Number: tickets[0]["number"]}
}

// never is a pace at which no schedule runs: what is counted is what the process
// itself calls, and nothing comes to its help.
const never = 400 * 24 * time.Hour

// alone is a world without schedules.
var alone = scenario.Options{Options: local.Options{Pace: never}}

// rare is a pace at which schedules run now and then only, so that the calls
// that are counted are those of the process.
const rare = 11 * time.Hour

// disturbance is one way in which a call goes wrong.
type disturbance struct {
	how     string
	verdict local.Verdict
}

var disturbances = []disturbance{
	{"killed after", local.KillAfter},
	{"answer lost of", local.LoseAnswer},
	{"no answer, ever, to", local.Hang},
	{"503 in answer to", local.Fail},
	{"429 in answer to", local.Throttle},
	{"connection cut at", local.Cut},    // much like a 503
	{"killed before", local.KillBefore}, // much like killed after the call before
}

// different is how many of the disturbances are unlike each other.
const different = 5

var thorough = flag.Bool("thorough", false, "disturb every call of every process in every way")

// TestCrashes disturbs the calls that a process makes, one at a time: every
// single one of an onboarding and of an offboarding, those to Okta and ServiceNow in
// five ways, the others in two; and of the other stories some, in one way each. Each
// run has to end as the undisturbed one does.
func TestCrashes(t *testing.T) {
	t.Parallel()
	for _, p := range processes() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			calls, want := p.undisturbed(t)
			t.Logf("%d calls", len(calls))
			for i := range calls {
				for j, d := range disturbances {
					if p.leavesOut(i, j, calls[i]) {
						continue
					}
					t.Run(fmt.Sprintf("%s call %d, %s", d.how, i+1, calls[i]), func(t *testing.T) {
						t.Parallel()
						p.disturbed(t, i+1, d.verdict, want)
					})
				}
			}
		})
	}
}

// leavesOut reports whether a disturbance of a call is left out for the time it
// takes. Where only some are made, they take turns.
func (p process) leavesOut(call, way int, to string) bool {
	every := 3 * max(p.every, 3) // twice as many again are for -thorough
	switch {
	case *thorough:
		return false
	case testing.Short():
		every = 29
	case p.whole && strings.Contains(to, " /api/"): // Okta and ServiceNow, in every way
		return way >= different
	case p.whole: // our own tables and queues: killed after it, and in one way more
		return way > 0 && way != 1+call%(different-1)
	}
	return call%every != 0 || call/every%len(disturbances) != way
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
			for _, x := range o.Executions(p.machine, ticket) {
				t.Logf("%s %s %s, %s to %s", x.Name, x.Status, x.Error, x.Started, x.Stopped)
			}
		}
		o.verifiesLedger()
	})
}

func (p process) run(t *testing.T, decide func(local.Outgoing) local.Verdict, then func(*office, scenario.Ticket)) {
	t.Helper()
	options := p.options
	if options.Pace == 0 {
		options.Pace = rare
	}
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
	return c.Function + " " + r.Method + " " + r.URL.Path
}
