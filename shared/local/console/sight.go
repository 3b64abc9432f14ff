package console

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
	"lifecycle/shared/workflow"
)

// How much is looked at.
const (
	mostTickets    = 200
	mostExecutions = 1000
	mostRecords    = 80
	mostCalls      = 60
)

// sight is everything at one moment, shared by all pages.
type sight struct {
	at         time.Time
	snow       snowsim.Snapshot
	accounts   []oktasim.Account
	names      map[string]string  // of what records are about: "group/<id>" and so on
	executions []states.Execution // latest first
	running    int
	scheduled  map[string]bool           // ARN of the machine and input of what schedules start
	tickets    map[string]bool           // sys_ids
	machines   map[string]states.Machine // by ARN
	records    []audit.Record            // latest first
	gauges     []oktasim.Gauge
	okta       []oktasim.Call // oldest first
	servicenow []snowsim.Call
	proof      proof
	stopped    string // why nothing may be changed; empty: it may
	faults     []activeFault
	slow       bool
	problem    string // what could not be read
}

// proof is the latest verification of the whole ledger.
type proof struct {
	report  audit.Report
	at      time.Time
	err     error
	head    string // hash of the latest record at that time
	running bool
}

// look returns what is to be seen now, at most a moment old.
func (c *Console) look(ctx context.Context) *sight {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.latest != nil && time.Since(c.latest.at) < c.options.Freshness {
		return c.latest
	}
	// A browser that goes away must not spoil the look of the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	s := &sight{at: time.Now(), scheduled: c.scheduled, tickets: map[string]bool{}, machines: map[string]states.Machine{}, faults: c.mischief.active(), slow: c.mischief.pace() > 0}
	for _, m := range c.world.States.Machines() {
		s.machines[m.ARN] = m
	}
	s.executions = c.world.States.Executions("")
	slices.SortStableFunc(s.executions, func(a, b states.Execution) int { return b.Started.Compare(a.Started) })
	for _, x := range s.executions {
		if x.Status == states.Running {
			s.running++
		}
	}
	s.executions = s.executions[:min(mostExecutions, len(s.executions))]
	if !c.options.Real {
		s.snow = c.world.ServiceNow.Snapshot(mostTickets)
		for _, t := range s.snow.Tickets {
			s.tickets[t.SysID] = true
		}
		s.servicenow = last(c.world.ServiceNow.Calls(), mostCalls)
		s.accounts = c.world.Okta.Accounts()
		s.names = namesOf(s.accounts)
		s.gauges = c.world.Okta.Gauges()
		s.okta = last(c.world.Okta.Calls(), mostCalls)
	}
	c.readLedger(ctx, s)
	var stopped *fault.Stopped
	if err := c.brake.Check(ctx); errors.As(err, &stopped) {
		// What follows is for whoever had to wait, and nobody has here.
		s.stopped, _, _ = strings.Cut(sentence(stopped.Message), "; this one")
	} else if err != nil {
		s.problem = err.Error()
	}
	c.latest = s
	return s
}

// namesOf are the names of everything that somebody holds, and of everybody.
func namesOf(accounts []oktasim.Account) map[string]string {
	names := map[string]string{}
	for _, a := range accounts {
		names["user/"+a.ID] = nameOf(a)
		for _, g := range a.Groups {
			names["group/"+g.ID] = g.Name
		}
		for _, app := range a.Apps {
			names["app/"+app.AppID] = app.Label
		}
	}
	return names
}

func last[T any](list []T, most int) []T { return list[max(0, len(list)-most):] }

// readLedger reads the latest records, of today and of the day before, and has
// the ledger verified when it has grown.
func (c *Console) readLedger(ctx context.Context, s *sight) {
	for _, day := range []time.Time{s.at, s.at.AddDate(0, 0, -1)} {
		for r, err := range c.ledger.LatestOfDay(ctx, day.UTC().Format(time.DateOnly), mostRecords) {
			if err != nil {
				s.problem = err.Error()
				break
			}
			if r.Verb == workflow.StepDone {
				continue // for auditors: the machine shows its steps
			}
			s.records = append(s.records, r)
			if len(s.records) == mostRecords {
				break
			}
		}
		if len(s.records) == mostRecords {
			break
		}
	}
	slices.SortStableFunc(s.records, func(a, b audit.Record) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Stream, b.Stream), cmp.Compare(b.Seq, a.Seq))
	})
	head := ""
	if len(s.records) > 0 {
		head = s.records[0].Hash
	}
	if due := c.proof.at.Add(verifyEvery); !c.proof.running && (c.proof.at.IsZero() || c.proof.head != head && s.at.After(due)) {
		c.prove(ctx, head)
	}
	s.proof = c.proof
}

// verifyEvery is how often a growing ledger is verified whole.
const verifyEvery = 2 * time.Second

// prove verifies the ledger aside; c.mu is held.
func (c *Console) prove(ctx context.Context, head string) {
	c.proof.running = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	go func() {
		defer cancel()
		report, err := c.ledger.VerifyAll(ctx)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.proof = proof{report: report, err: err, at: time.Now(), head: head}
	}()
}

// account finds somebody by the Okta id or login.
func (s *sight) account(idOrLogin string) (oktasim.Account, bool) {
	i := slices.IndexFunc(s.accounts, func(a oktasim.Account) bool { return a.ID == idOrLogin || a.Login == idOrLogin })
	if i < 0 {
		return oktasim.Account{}, false
	}
	return s.accounts[i], true
}
