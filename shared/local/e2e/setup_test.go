package e2e_test

import (
	"bytes"
	"context"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/functions/offboarding"
	"lifecycle/functions/onboarding"
	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
	"lifecycle/shared/servicenow"
)

// root is where template.yaml is, seen from here.
const root = "../../.."

const (
	joining  = "OnboardingMachine"
	leaving  = "OffboardingMachine"
	undoing  = "OffboardingUndoMachine"
	settling = "ApprovalsMachine"
)

// Values of an incident's state.
const (
	stateNew        = "1"
	stateInProgress = "2"
	stateResolved   = "6"
	stateCancelled  = "8"
)

// office is a world in which a test plays the people, on virtual time.
type office struct {
	*scenario.World
	t   *testing.T
	ctx context.Context //nolint:containedctx // an office lives as long as its test
	log *lines
}

// story runs a subtest in an office of its own. When it is over the ledger has
// to verify, and nothing personal and no secret may have been left behind.
func story(t *testing.T, name string, o scenario.Options, tell func(o *office)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		inOffice(t, o, func(o *office) {
			tell(o)
			o.verifiesLedger()
			o.keepsSecrets()
		})
	})
}

func inOffice(t *testing.T, o scenario.Options, tell func(o *office)) {
	t.Helper()
	inOfficeOf(t, func() scenario.Options { return o }, tell)
}

// inOfficeOf is inOffice with options that are made once the virtual time has
// begun, as simulated systems have to be.
func inOfficeOf(t *testing.T, options func() scenario.Options, tell func(o *office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := options()
		if o.Parameters["AccessReviewSchedules"] == "" { // reviews are started where they are what is told of
			o.Parameters = maps.Clone(o.Parameters)
			if o.Parameters == nil {
				o.Parameters = map[string]string{}
			}
			o.Parameters["AccessReviewSchedules"] = "DISABLED"
		}
		ctx, cancel := context.WithTimeout(t.Context(), 400*24*time.Hour)
		log := &lines{}
		o.Root, o.Log = root, log
		w, err := scenario.New(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		var background sync.WaitGroup
		background.Go(func() { w.Outbox.Run(ctx) })
		defer func() {
			cancel()
			background.Wait()
			w.Stop()
			time.Sleep(time.Minute) // the timers of requests whose function was killed run out
			if name := os.Getenv("E2E_LOG"); name != "" {
				_ = os.WriteFile(name, []byte(log.String()), 0o600)
			}
		}()
		tell(&office{World: w, t: t, ctx: ctx, log: log})
	})
}

// lines is a log that many write to.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// hire opens the ticket of an engineer who starts in Berlin, with changes.
func (o *office) hire(changes map[string]string) scenario.Ticket {
	o.t.Helper()
	ticket, err := o.Open(onboarding.DefaultKind(), scenario.Requester, "New hire", scenario.NewHire(changes))
	o.must(err)
	return ticket
}

// leaver opens the termination of somebody in the seeded org, with changes.
func (o *office) leaver(number string, changes map[string]string) scenario.Ticket {
	o.t.Helper()
	ticket, err := o.Open(offboarding.DefaultKind(), scenario.Requester, "Termination", scenario.Leaver(number, changes))
	o.must(err)
	return ticket
}

// hireWith and leaverWith open such a ticket and let something happen to it right
// before the first call whose path ends so.
func (o *office) hireWith(changes map[string]string, path string, happen func(scenario.Ticket)) scenario.Ticket {
	o.t.Helper()
	return o.interrupted(path, happen, func() scenario.Ticket { return o.hire(changes) })
}

func (o *office) leaverWith(number, path string, happen func(scenario.Ticket)) scenario.Ticket {
	o.t.Helper()
	return o.interrupted(path, happen, func() scenario.Ticket { return o.leaver(number, nil) })
}

func (o *office) interrupted(path string, happen func(scenario.Ticket), open func() scenario.Ticket) scenario.Ticket {
	var ticket scenario.Ticket
	var once sync.Once
	o.Sabotage(func(c local.Outgoing) local.Verdict {
		if strings.HasSuffix(c.Request.URL.Path, path) {
			once.Do(func() { happen(ticket) })
		}
		return local.Pass
	})
	ticket = open()
	return ticket
}

func leaverKind() servicenow.Kind { return offboarding.DefaultKind() }

// hired and gone open such a ticket and wait until it has come to rest: for a
// leaver, until the account is only watched.
func (o *office) hired(changes map[string]string) scenario.Ticket {
	o.t.Helper()
	ticket := o.hire(changes)
	o.rests(joining, ticket)
	return ticket
}

func (o *office) gone(number string, changes map[string]string) scenario.Ticket {
	o.t.Helper()
	ticket := o.leaver(number, changes)
	o.rests(leaving, ticket, "WaitOneHour")
	return ticket
}

// rests waits until no execution works on the ticket any more, except in one of
// the states named.
func (o *office) rests(machine string, t scenario.Ticket, waiting ...string) {
	o.t.Helper()
	o.must(o.Settled(o.ctx, t, machine, waiting...))
	synctest.Wait() // what has entered a waiting state may still be at work in it
}

// edits changes values of a ticket as the requester, by the kind's own names.
func (o *office) edits(t scenario.Ticket, values map[string]string) {
	o.t.Helper()
	kind := onboarding.DefaultKind()
	if o.Column(t, "u_kind") == "offboarding" {
		kind = offboarding.DefaultKind()
	}
	o.saves(t, scenario.Requester, scenario.Columns(kind, values))
}

// saves changes columns of a ticket as somebody.
func (o *office) saves(t scenario.Ticket, who string, columns map[string]string) {
	o.t.Helper()
	o.must(o.Save(t, who, columns))
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// account is an account as Okta holds it.
func (o *office) account(idOrLogin string) oktasim.Account {
	o.t.Helper()
	a, found := o.Okta.Snapshot(idOrLogin)
	if !found {
		o.t.Fatalf("there is no account %s", idOrLogin)
	}
	return a
}

// person is a seeded person's account.
func (o *office) person(number string) oktasim.Account {
	o.t.Helper()
	return o.account(seed.PersonOktaID(number))
}

// ticket is a ticket as people see it.
func (o *office) ticket(t scenario.Ticket) snowsim.Ticket {
	o.t.Helper()
	shown, found := o.ServiceNow.Ticket(t.Table, t.SysID)
	if !found {
		o.t.Fatalf("there is no ticket %s", t.Number)
	}
	return shown
}

func (o *office) ledger() *audit.Ledger { return audit.New(o.DynamoDB(), o.Table("LedgerTable")) }

// records are the ledger's records about a ticket.
func (o *office) records(t scenario.Ticket) []audit.Record {
	o.t.Helper()
	records, err := o.ledger().Stream(o.ctx, t.Table+"/"+t.SysID)
	o.must(err)
	return records
}

// leases are what the register gives to a person.
func (o *office) leases(userID string) []lease.Lease {
	o.t.Helper()
	holdings, err := lease.New(o.DynamoDB(), o.Table("LeasesTable"), o.ledger()).Of(o.ctx, userID)
	o.must(err)
	var all []lease.Lease
	for _, h := range holdings {
		all = append(all, h.Leases...)
	}
	return all
}

// running are the executions of a ticket that have not ended.
func (o *office) running(machine string, t scenario.Ticket) []states.Execution {
	var list []states.Execution
	for _, x := range o.Executions(machine, t) {
		if x.Status == states.Running {
			list = append(list, x)
		}
	}
	return list
}

// days lets time pass.
func (o *office) days(n int) { time.Sleep(time.Duration(n) * 24 * time.Hour) }
