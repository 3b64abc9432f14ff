package accessrequest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// granted is what was given: $.granted.
type granted struct {
	// Done is false when something has changed since the request was weighed:
	// nothing is held then, and it is weighed again.
	Done  bool      `json:"done"`
	Until time.Time `json:"until,omitzero"`
	// Shortened is true when the catalog allows less than was asked for.
	Shortened bool `json:"shortened,omitempty"`
}

// BookLook books the calls of one look at the request.
func (s *Steps) BookLook(ctx context.Context, st state) (workflow.Seats, error) {
	return workflow.BookSeats(ctx, s.seats, ratelimit.Normal, looking(okta.NewCalls()).Needs(), st.Seats)
}

// BookGrant books the calls of the last look, the grant and reading it back.
func (s *Steps) BookGrant(ctx context.Context, st state) (workflow.Seats, error) {
	calls := looking(okta.NewCalls()).Add("GET", "/api/v1/users/{id}", 2)
	if st.Request.Kind == entitlement.App {
		calls.Add("POST", "/api/v1/apps/{id}/users", 3)
	} else {
		calls.Add("PUT", "/api/v1/groups/{id}/users/{id}", 1).Add("GET", "/api/v1/users/{id}/groups", 1)
	}
	return workflow.BookSeats(ctx, s.seats, ratelimit.Normal, calls.Needs(), st.Seats)
}

func looking(calls *okta.Calls) *okta.Calls {
	return calls.Add("GET", "/api/v1/users", 1).Add("GET", "/api/v1/users/{id}", 2).Add("GET", "/api/v1/users/{id}/groups", 1)
}

// GrantAccess weighs the request once more, records the reason and gives the
// access.
//
// Two orders matter. The lease is written before separation of duties is looked
// at for the last time, so that of two requests that are granted in the same
// moment at least one sees the other, and before Okta is changed. The account is
// read after Okta was changed: a leaver who is suspended before that is seen
// here, and one who is suspended later has a lease that the offboarding ends.
func (s *Steps) GrantAccess(ctx context.Context, st state) (granted, error) {
	a, item, err := s.assess(ctx, st)
	if err != nil {
		return granted{}, err
	}
	votes, agreed, err := s.votes(ctx, st, item)
	if err != nil {
		return granted{}, err
	}
	if a.Verdict != goOn || a.Content != st.Request.Content || a.Round != st.Request.Round || a.UserID != st.Request.UserID || a.ID != st.Request.ID || !agreed {
		return granted{}, s.takeBack(ctx, st.Subject)
	}
	r, _, _, err := s.request(ctx, st.Subject)
	if err != nil {
		return granted{}, err
	}
	out := granted{Done: true}
	out.Until, out.Shortened = r.until(entered(ctx), item.Longest)
	l := s.lease(st, a, item, votes, out.Until)
	if err := s.leases.Grant(ctx, l); err != nil {
		return granted{}, err
	}
	w := &weighing{subject: st.Subject, request: r, item: item}
	if w.rules, err = s.rules.Rules(ctx); err != nil {
		return granted{}, err
	}
	if w.user, err = s.okta.User(ctx, a.UserID); err != nil {
		return granted{}, err
	}
	again := a
	if err := s.weighPairs(ctx, &again, w); err != nil {
		return granted{}, err
	}
	if again.Verdict != goOn || gone(w.user) {
		return granted{}, s.takeBack(ctx, st.Subject)
	}
	_, err = s.leases.Settle(ctx, s.okta, a.UserID, a.entitlement(), l.Reason)
	if err != nil && !fault.Retryable(err) {
		// Refused: there is nothing to hold a reason for.
		return granted{}, errors.Join(err, s.leases.End(ctx, a.UserID, a.entitlement(), l.Key, l.Reason))
	}
	if err != nil {
		return granted{}, err
	}
	if w.user, err = s.okta.User(ctx, a.UserID); err != nil {
		return granted{}, err
	}
	if gone(w.user) {
		return granted{}, s.takeBack(ctx, st.Subject)
	}
	return out, nil
}

// entered is when the running state was entered: the same for all its retries,
// so that each of them grants until the same moment.
func entered(ctx context.Context) time.Time {
	task, _ := workflow.TaskOf(ctx)
	if at, err := time.Parse(time.RFC3339Nano, task.Entered); err == nil {
		return at.UTC().Truncate(time.Second)
	}
	return time.Now().UTC().Truncate(time.Second)
}

func (s *Steps) lease(st state, a assessment, item entitlement.Item, votes []approval.Vote, until time.Time) lease.Lease {
	why := audit.Reason{Kind: "request", Ref: st.Number, Version: a.Version, Text: fmt.Sprintf("%s, policy %s: %s", item.Name, item.Policy.Name, item.Policy.Description)}
	l := lease.Lease{
		Subject: a.UserID, Entitlement: a.entitlement(), Name: a.Name, Key: lease.RequestKey(st.Number), Reason: why, Until: until, Ticket: st.Number,
	}
	for _, v := range votes {
		if !slices.Contains(l.ApprovedBy, v.By) {
			l.ApprovedBy = append(l.ApprovedBy, v.By)
		}
	}
	return l
}

// votes are the answers that the request rests on; agreed is false when one is
// missing that the policy asks for.
func (s *Steps) votes(ctx context.Context, st state, item entitlement.Item) (votes []approval.Vote, agreed bool, err error) {
	if item.Policy.DecidedBy == entitlement.ByServiceNow {
		r, _, _, err := s.request(ctx, st.Subject)
		if err != nil {
			return nil, false, err
		}
		votes, err = s.votesThere(ctx, st.Subject, r)
		return votes, len(votes) > 0, err
	}
	for _, one := range item.Policy.Stages {
		now, err := s.desk.Standing(ctx, st.Request.question(st.Subject, one.Name))
		if err != nil || now.Decision != approval.Approved {
			return nil, false, err
		}
		votes = append(votes, now.Votes...)
	}
	return votes, true, nil
}

// VerifyAccess reads the access back. What is not visible yet is looked for
// again by the state machine's retry.
func (s *Steps) VerifyAccess(ctx context.Context, st state) (workflow.Nothing, error) {
	e := st.Request.entitlement()
	held, err := s.shows(ctx, st.Request.UserID, e)
	if err == nil && !held {
		err = &fault.Unavailable{Message: fmt.Sprintf("the %s %q was granted to %s and does not show yet", e.Kind, st.Request.Name, st.Request.UserID)}
	}
	return workflow.Nothing{}, err
}

// shows reports whether Okta shows the access.
func (s *Steps) shows(ctx context.Context, userID string, e lease.Entitlement) (bool, error) {
	if e.Kind == entitlement.App {
		return s.okta.HasApp(ctx, e.ID, userID)
	}
	groups, err := s.okta.Groups(ctx, userID)
	return slices.ContainsFunc(groups, func(g okta.Group) bool { return g.ID == e.ID }), err
}

// TakeBack ends what was given for a content that the ticket does not have any
// more, before the ticket is read again.
func (s *Steps) TakeBack(ctx context.Context, st state) (workflow.Nothing, error) {
	return workflow.Nothing{}, s.takeBack(ctx, st.Subject)
}

// WithdrawRequest takes everything back that belongs to a ticket that was closed
// or cancelled before it was carried out. One that is left with people keeps its
// approvals.
func (s *Steps) WithdrawRequest(ctx context.Context, st state) (workflow.Nothing, error) {
	t, err := s.servicenow.Ticket(ctx, s.tickets.Kind, st.SysID)
	if err != nil || open(t) {
		return workflow.Nothing{}, err
	}
	if _, err := s.desk.Withdraw(ctx, workflow.Ref(st.Subject)); err != nil {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.takeBack(ctx, st.Subject)
}

// takeBack ends the leases of this ticket that were given since it last ended:
// what a request that was carried out gave is not among them. The ledger knows
// them, whichever execution gave them.
func (s *Steps) takeBack(ctx context.Context, subject workflow.Subject) error {
	records, err := s.ledger.Stream(ctx, subject.Stream())
	if err != nil {
		return err
	}
	key := lease.RequestKey(subject.Number)
	type holder struct{ subject, target string }
	var since []holder
	for _, r := range records {
		this := holder{r.Subject, r.Target}
		switch {
		case r.Verb == verbEnded && how(r) == endGranted:
			since = since[:0]
		case r.Verb == "lease.grant" && r.Key == key && !slices.Contains(since, this):
			since = append(since, this)
		}
	}
	why := because(subject)
	why.Text = "the request was not carried out"
	for _, h := range since {
		kind, id, _ := strings.Cut(h.target, "/")
		e := lease.Entitlement{Kind: kind, ID: id}
		if err := s.leases.End(ctx, h.subject, e, key, why); err != nil {
			return err
		}
		if _, err := s.leases.Settle(ctx, s.okta, h.subject, e, why); err != nil {
			return err
		}
	}
	return nil
}
