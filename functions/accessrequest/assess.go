package accessrequest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/workflow"
)

// assessment is what a request comes to as things stand: $.request. It holds
// nothing personal.
type assessment struct {
	// Verdict says how it goes on.
	Verdict string `json:"verdict"`
	// End says, when it ends here, how: one of the endings.
	End string `json:"end,omitempty"`
	// Text is why, in a sentence or more for the ticket.
	Text string `json:"text,omitempty"`
	// Problems are what a person has to mend.
	Problems []string `json:"problems,omitempty"`
	// Version names the rules that decided.
	Version string `json:"version,omitempty"`

	// UserID is the Okta account of whom it is for; Item is what the catalog
	// calls what is asked for, and Kind, ID and Name are the group or app.
	UserID string `json:"user_id,omitempty"`
	Item   string `json:"item,omitempty"`
	Kind   string `json:"kind,omitempty"`
	ID     string `json:"id,omitempty"`
	Name   string `json:"name,omitempty"`
	Policy string `json:"policy,omitempty"`
	// Warnings name pairs that are on trial: approvers are told.
	Warnings []string `json:"warnings,omitempty"`

	// Content is a hash of what is asked for; Round counts how often the ticket
	// has ended before. Approvals hold for both together.
	Content string `json:"content,omitempty"`
	Round   int    `json:"round"`
	// Since is when it was first assessed with this content, WaitSeconds how long
	// to sleep until the next look, while ServiceNow decides.
	Since       time.Time `json:"since,omitzero"`
	WaitSeconds int       `json:"wait_seconds,omitempty"`
}

// Verdicts of an assessment: $.request.verdict.
const (
	// goOn: its stages decide, of which a policy that asks nobody has none.
	goOn = "go_on"
	// wait: ServiceNow has not decided yet.
	wait = "wait"
	// end: it ends here, with nothing granted.
	end = "end"
	// mend: a person has to mend something first.
	mend = "mend"
)

// Endings of a request.
const (
	endHeld         = "already_held"
	endUnknown      = "unknown"
	endNoRequest    = "not_requestable"
	endNotFor       = "not_for_this_person"
	endIncompatible = "incompatible"
	endProtected    = "protected"
	endLeft         = "left"
	endRejected     = "rejected"
	endExpired      = "expired"
	endGranted      = "granted"
	// endChanged and endWithdrawn end what was asked, not the ticket: what comes
	// next is asked anew.
	endChanged   = "changed"
	endWithdrawn = "withdrawn"
)

func (a assessment) entitlement() lease.Entitlement {
	return lease.Entitlement{Kind: a.Kind, ID: a.ID}
}

// question names the question that a stage asks, for good.
func (a assessment) question(s workflow.Subject, stage string) string {
	return fmt.Sprintf("%s/%d/%s/%s/%s", s.Stream(), a.Round, a.Content, a.Policy, stage)
}

// ended is the assessment when the request ends with it.
func (a assessment) ended(how, format string, args ...any) assessment {
	a.Verdict, a.End, a.Text = end, how, fmt.Sprintf(format, args...)
	return a
}

// toMend is the assessment when a person has to mend something first.
func (a assessment) toMend(problems ...string) assessment {
	a.Verdict, a.Problems = mend, problems
	return a
}

// AssessRequest weighs the request as things stand, and records it when that
// differs from the last time.
func (s *Steps) AssessRequest(ctx context.Context, st state) (assessment, error) {
	a, _, err := s.assess(ctx, st)
	if err != nil {
		return assessment{}, err
	}
	before := st.Request
	if a.Verdict == before.Verdict && a.End == before.End && a.Version == before.Version && a.Content == before.Content && a.Round == before.Round {
		return a, nil
	}
	_, err = s.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: "request.assessed", Target: a.target(st.Subject), Subject: a.UserID,
		Reason: audit.Reason{Kind: "request", Ref: st.Number, Version: a.Version, Text: a.Policy},
		After:  map[string]any{"verdict": a.Verdict, "end": a.End, "item": a.Item, "text": a.Text, "warnings": a.Warnings},
	})
	return a, err
}

// target is what a record of the request is about: the entitlement, once it is
// known.
func (a assessment) target(s workflow.Subject) string {
	if a.ID == "" {
		return s.Stream()
	}
	return a.entitlement().String()
}

// assess weighs the request: everything that has to hold for it to be granted,
// except the approvals of its stages.
func (s *Steps) assess(ctx context.Context, st state) (assessment, entitlement.Item, error) {
	r, _, problems, err := s.request(ctx, st.Subject)
	if err != nil {
		return assessment{}, entitlement.Item{}, err
	}
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return assessment{}, entitlement.Item{}, err
	}
	a := assessment{Verdict: goOn, Version: rules.Version(), Content: r.content(), Since: time.Now().UTC().Truncate(time.Second)}
	if a.Round, err = s.round(ctx, st.Subject); err != nil {
		return assessment{}, entitlement.Item{}, err
	}
	if st.Request.Content == a.Content && st.Request.Round == a.Round && !st.Request.Since.IsZero() {
		a.Since = st.Request.Since
	}
	if len(problems) > 0 {
		return a.toMend(problems...), entitlement.Item{}, nil
	}
	item, found := rules.Item(r.Item)
	if !found {
		return s.notInCatalog(a, rules, r.Item), entitlement.Item{}, nil
	}
	a.Item, a.Policy = item.Name, item.Policy.Name
	a.Kind, a.ID, a.Name = item.Entitlement.Kind, item.Entitlement.ID, item.Entitlement.Name
	w := &weighing{subject: st.Subject, request: r, rules: rules, item: item, now: time.Now()}
	for _, weigh := range []func(context.Context, *assessment, *weighing) error{
		s.weighRefusal, s.weighPeople, s.weighAccount, s.weighHolding, s.weighPairs, s.weighPolicy,
	} {
		if err := weigh(ctx, &a, w); err != nil || a.Verdict != goOn {
			return a, item, err
		}
	}
	return a, item, nil
}

// notInCatalog tells a name that nobody knows from one that cannot be requested.
func (s *Steps) notInCatalog(a assessment, rules *entitlement.Rules, name string) assessment {
	if e, known := rules.Named(name); known {
		return a.ended(endNoRequest, "%q cannot be requested: the %s is given by rule or by its owners only.", e.Name, e.Kind)
	}
	var names []string
	for _, item := range rules.Items() {
		names = append(names, item.Name)
	}
	const most = 40
	list := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		list += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return a.ended(endUnknown, "There is nothing to request under the name that was given. What can be requested: %s.", list)
}

// round counts how often the ticket has ended before: a ticket that is opened
// again is approved anew.
func (s *Steps) round(ctx context.Context, subject workflow.Subject) (int, error) {
	records, err := s.ledger.Stream(ctx, subject.Stream())
	n := 0
	for _, r := range records {
		if r.Verb == verbEnded {
			n++
		}
	}
	return n, err
}

// verbEnded is the verb of the ledger's record of how a request ended.
const verbEnded = "request.ended"

// ended records it, once for each round.
func (s *Steps) ended(ctx context.Context, st state, how string) error {
	if round, err := s.round(ctx, st.Subject); err != nil || round > st.Request.Round {
		return err
	}
	_, err := s.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: verbEnded, Target: st.Request.target(st.Subject), Subject: st.Request.UserID, Key: strconv.Itoa(st.Request.Round),
		Reason: because(st.Subject), After: map[string]any{"how": how},
	})
	return err
}

// how reads it.
func how(r audit.Record) string {
	kept, _ := r.After.(map[string]any)
	text, _ := kept["how"].(string)
	return text
}
