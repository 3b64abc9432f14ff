package rolechange

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/decision"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// BookDecisions books the calls of what is revoked.
func (s *Steps) BookDecisions(ctx context.Context, st taskState) (workflow.Seats, error) {
	q, _, err := s.asked(ctx, st.Subject)
	if err != nil {
		return workflow.Seats{}, err
	}
	calls := okta.NewCalls()
	for _, i := range q.Items {
		switch {
		case st.Ticket.Decisions[i.N] != decision.Revoke:
		case i.Kind == entitlement.App:
			calls.Add("DELETE", "/api/v1/apps/{id}/users/{id}", 1)
		default:
			calls.Add("DELETE", "/api/v1/groups/{id}/users/{id}", 1)
		}
	}
	if len(calls.Needs()) == 0 {
		return workflow.Seats{}, nil
	}
	return workflow.BookSeats(ctx, s.seats, ratelimit.Normal, calls.Needs(), st.Seats)
}

// carried is what came of the decisions: $.carried.
type carried struct {
	Kept    []item `json:"kept,omitempty"`
	Revoked []item `json:"revoked,omitempty"`
	// Given was revoked as an exception, and another reason gives it all the same.
	Given   []item    `json:"given,omitempty"`
	Refused []refusal `json:"refused,omitempty"`
}

// CarryOutDecisions ends the leases of what is revoked and confirms those of what
// is kept. Leases that were granted after the question was put are not its
// business.
func (s *Steps) CarryOutDecisions(ctx context.Context, st taskState) (carried, error) {
	q, _, err := s.asked(ctx, st.Subject)
	if err != nil {
		return carried{}, err
	}
	var out carried
	for _, i := range q.Items {
		chosen, decided := st.Ticket.Decisions[i.N]
		if !decided {
			continue
		}
		_, err := s.ledger.Fact(ctx, audit.Change{
			System: "lifecycle", Verb: "recertification.decided", Target: key(i.Kind, i.ID), Subject: q.UserID, Key: st.Number,
			Reason: about(st.Subject, q), After: map[string]any{"decision": chosen, "by": st.Ticket.By, "leases": i.Keys},
		})
		if err != nil {
			return carried{}, err
		}
		if chosen == decision.Keep {
			if err := s.confirm(ctx, st, q, i); err != nil {
				return carried{}, err
			}
			out.Kept = append(out.Kept, i)
			continue
		}
		held, err := s.revoke(ctx, st, q, i)
		switch {
		case err == nil && held:
			out.Given = append(out.Given, i)
		case err == nil:
			out.Revoked = append(out.Revoked, i)
		case fault.Retryable(err):
			return carried{}, err
		default:
			out.Refused = append(out.Refused, refusal{Grant: entitlement.Grant{Kind: i.Kind, ID: i.ID, Name: i.Name}, Why: err.Error()})
		}
	}
	return out, nil
}

// confirm notes on the exception who has agreed to it. Requests were approved
// when they were granted; that they are kept stands in the ledger.
func (s *Steps) confirm(ctx context.Context, st taskState, q question, i item) error {
	e := lease.Entitlement{Kind: i.Kind, ID: i.ID}
	h, err := s.leases.Holding(ctx, q.UserID, e)
	if err != nil {
		return err
	}
	for _, l := range exceptional(h, time.Now()) {
		if st.Ticket.By == "" || !slices.Contains(i.Keys, l.Key) || !strings.HasPrefix(l.Key, lease.ExceptionKey("")) {
			continue
		}
		l.Reason = audit.Reason{Kind: "exception", Ref: st.Number, Text: "kept by the manager's decision in " + st.Number}
		l.ApprovedBy = []string{st.Ticket.By}
		if err := s.leases.Grant(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func (s *Steps) revoke(ctx context.Context, st taskState, q question, i item) (held bool, err error) {
	e, why := lease.Entitlement{Kind: i.Kind, ID: i.ID}, about(st.Subject, q)
	for _, k := range i.Keys {
		if err := s.leases.End(ctx, q.UserID, e, k, why); err != nil {
			return false, err
		}
	}
	return s.leases.Settle(ctx, s.okta, q.UserID, e, why)
}

// CloseTask tells on the task what came of it, and closes it if nobody has.
func (s *Steps) CloseTask(ctx context.Context, st taskState) (outcome, error) {
	q, _, err := s.asked(ctx, st.Subject)
	if err != nil {
		return outcome{}, err
	}
	var b strings.Builder
	switch {
	case st.Ticket.Disposition == idle:
		b.WriteString("Nothing of what was asked about is held any more, so that nothing is left to decide.")
	case st.Ticket.By == "" && !st.Ticket.Closed:
		fmt.Fprintf(&b, "Nobody has answered in time, so that what was left undecided is %s.\n", s.consequence())
	default:
		b.WriteString("The decisions are carried out.\n")
	}
	for _, part := range []struct {
		what  string
		items []item
	}{{"Kept", st.Carried.Kept}, {"Revoked", st.Carried.Revoked}, {"Revoked as an exception; another reason gives it all the same", st.Carried.Given}} {
		for _, i := range part.items {
			fmt.Fprintf(&b, "%s: %s %s\n", part.what, i.Kind, i.Name)
		}
	}
	tell(&b, "Not revoked", st.Carried.Refused)
	p := servicenow.Posting{Key: "closed/" + st.Ticket.Fingerprint, WorkNote: strings.TrimSpace(b.String())}
	if !st.Ticket.Closed {
		p.Set = s.tasks.Kind.Columns(servicenow.Resolved)
	}
	return outcome{How: workflow.Resolved}, s.servicenow.Post(ctx, workflow.Ref(st.Subject), p, about(st.Subject, q))
}

// TellTaskFailure says on the task what failed for good and what to do about it.
// Its state stays: whoever reopened it here would be taken for its reader.
func (s *Steps) TellTaskFailure(ctx context.Context, st taskState) (outcome, error) {
	group, err := s.servicenow.GroupSysID(ctx, s.tasks.Kind.EscalationGroup)
	if err != nil {
		return outcome{}, err
	}
	failure := workflow.Failure{}
	if st.Error != nil {
		failure = *st.Error
	}
	task, _ := workflow.TaskOf(ctx)
	note := fmt.Sprintf("The recertification could not be carried out: %s\nWhat was done up to there stands in the ledger under %s. "+
		"When the cause is mended, save this task again (any change will do) and it goes on: what is done already is not repeated.", failure.Message(), st.Stream())
	return outcome{How: workflow.Failed}, s.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{
		Key: task.Name() + "/failed/" + failure.Error, WorkNote: note, Set: map[string]string{"assignment_group": group},
	}, audit.Reason{Kind: "failure", Ref: st.Number, Text: failure.Error})
}
