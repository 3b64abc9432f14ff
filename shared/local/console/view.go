package console

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"lifecycle/shared/local/scenario"
)

// query is what a page is about; it is the page's address.
type query struct {
	// Ticket is a sys_id, Person an Okta user id: what the detail shows.
	Ticket, Person string
	// Execution is the one that is drawn, by its machine and name; empty: the ticket's latest,
	// or the latest of all.
	Execution string
	// Find narrows tickets and people.
	Find string
	// Big lets the state machine have the whole board.
	Big bool
}

func queryOf(v url.Values) query {
	return query{Ticket: v.Get("ticket"), Person: v.Get("person"), Execution: v.Get("x"), Find: strings.TrimSpace(v.Get("q")), Big: v.Get("big") != ""}
}

// String is the page's address.
func (q query) String() string {
	v := url.Values{}
	for name, value := range map[string]string{"ticket": q.Ticket, "person": q.Person, "x": q.Execution, "q": q.Find} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Big {
		v.Set("big", "1")
	}
	if len(v) == 0 {
		return "/"
	}
	return "/?" + v.Encode()
}

// The addresses that lead on from a page. A ticket brings its own execution.
func (q query) ToTicket(sysID string) string  { return query{Ticket: sysID, Find: q.Find}.String() }
func (q query) ToPerson(id string) string     { q.Ticket, q.Person = "", id; return q.String() }
func (q query) ToExecution(ref string) string { q.Execution = ref; return q.String() }
func (q query) Closed() string                { q.Ticket, q.Person = "", ""; return q.String() }
func (q query) Resized() string               { q.Big = !q.Big; return q.String() }
func (q query) Following() string             { q.Execution = ""; return q.String() }

// view is a page.
type view struct {
	Q          query
	Real       bool
	Status     statusView
	Tickets    ticketsView
	People     peopleView
	Executions []executionRow
	Running    int
	Routine    int // runs by schedule that went well, which are not listed
	Machine    machineView
	Ledger     []ledgerRow
	Systems    systemsView
	Ticket     *ticketView // at most one of the two
	Person     *personView
	Lost       string // what the address names and does not exist
	News       string
	Samples    []sampleGroup
	Alerts     []alertKind
	Faults     []faultKind
}

// statusView is the state of the whole.
type statusView struct {
	Stopped    string
	Slow       bool
	Faults     []activeFault
	Problem    string
	Verified   bool // the ledger has been verified
	Intact     bool
	Proof      string
	ProofTitle string
	Verifying  bool
}

// sampleGroup are the sample tickets of one use case.
type sampleGroup struct {
	Name    string
	Samples []scenario.Sample
}

func (c *Console) view(ctx context.Context, q query) *view {
	s := c.look(ctx)
	v := &view{
		Q: q, Real: c.options.Real, Status: statusOf(s), Tickets: ticketsOf(s, q), People: peopleOf(s, q), Running: s.running,
		Ledger: s.ledgerRows(s.records), Systems: systemsOf(s), News: newsOf(s), Faults: faultKinds,
	}
	for _, x := range s.executions {
		if s.routine(x) && refOf(x.ARN) != q.Execution {
			v.Routine++
		} else if len(v.Executions) < shownExecutions {
			v.Executions = append(v.Executions, rowOf(s, x))
		}
	}
	v.Machine = c.machineOf(s, q)
	for i := range v.Executions {
		v.Executions[i].Chosen = v.Executions[i].Ref == v.Machine.Ref
	}
	if !c.options.Real {
		v.Samples, v.Alerts = groups(c.world.Samples()), c.alerts()
	}
	switch {
	case q.Ticket != "":
		if v.Ticket = c.ticketOf(ctx, s, q); v.Ticket == nil {
			v.Lost = "There is no such ticket."
		}
	case q.Person != "":
		if v.Person = c.personOf(ctx, s, q); v.Person == nil {
			v.Lost = "Okta has no such account."
		}
	}
	return v
}

func groups(samples []scenario.Sample) (list []sampleGroup) {
	for _, sample := range samples {
		i := slices.IndexFunc(list, func(g sampleGroup) bool { return g.Name == sample.Group })
		if i < 0 {
			list, i = append(list, sampleGroup{Name: sample.Group}), len(list)
		}
		list[i].Samples = append(list[i].Samples, sample)
	}
	return list
}

func statusOf(s *sight) statusView {
	v := statusView{Stopped: s.stopped, Slow: s.slow, Faults: s.faults, Problem: s.problem, Verifying: s.proof.running}
	switch p := s.proof; {
	case p.at.IsZero():
		v.Proof = "Verifying"
	case p.err != nil:
		v.Verified, v.Proof, v.ProofTitle = true, "Ledger unreadable", p.err.Error()
	case !p.report.OK():
		v.Verified, v.Proof, v.ProofTitle = true, "Ledger damaged", p.report.String()
	default:
		v.Verified, v.Intact, v.Proof = true, true, "Ledger verified"
		v.ProofTitle = fmt.Sprintf("%s in %s, all intact", count(p.report.Records, "record"), count(p.report.Streams, "stream"))
	}
	return v
}

// newsOf is what happened last, for people who listen rather than look.
func newsOf(s *sight) string {
	for _, t := range s.snow.Tickets {
		return fmt.Sprintf("%s is %s", t.Number, t.State)
	}
	return ""
}

// found tells whether any of the texts contains what is looked for.
func (q query) found(texts ...string) bool {
	if q.Find == "" {
		return true
	}
	wanted := strings.ToLower(q.Find)
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(strings.ToLower(text), wanted) })
}
