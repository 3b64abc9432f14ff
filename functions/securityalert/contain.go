package securityalert

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// attempt is the result of one step of a containment, or the error it ended in:
// one that fails for good never keeps the next from running.
type attempt struct {
	Done  string `json:"done,omitempty"`
	Error string `json:"Error,omitempty"`
	Cause string `json:"Cause,omitempty"`
}

func (t attempt) failed() bool { return t.Error != "" }

func (t attempt) message() string { return workflow.Failure{Error: t.Error, Cause: t.Cause}.Message() }

// suspectOf is the person that a step works on.
func (s *Steps) suspectOf(ctx context.Context, st state) (alert, *detect.Rules, *person, error) {
	a, rules, err := s.own(ctx, st.Subject)
	if err != nil {
		return alert{}, nil, nil, err
	}
	p := a.People[st.UserID]
	if p == nil || p.Suspicion == nil {
		return alert{}, nil, nil, &fault.NotFound{Message: "the alert does not name Okta user " + st.UserID + " any more"}
	}
	return a, rules, p, nil
}

// BookContainment books the calls of a containment or of its undoing, in the
// urgent lane.
func (s *Steps) BookContainment(ctx context.Context, st state) (workflow.Seats, error) {
	calls := okta.NewCalls().
		Add("GET", "/api/v1/users/{id}", 2).
		Add("POST", "/api/v1/users/{id}/lifecycle/suspend", 1).
		Add("DELETE", "/api/v1/users/{id}/sessions", 1)
	return workflow.BookSeats(ctx, s.seats, ratelimit.Urgent, calls.Needs(), st.Seats)
}

// SuspendAccount keeps anybody from signing in. Only an active account can be
// suspended; of the others the note says why they were not.
func (s *Steps) SuspendAccount(ctx context.Context, st state) (attempt, error) {
	a, rules, p, err := s.suspectOf(ctx, st)
	if err != nil {
		return attempt{}, err
	}
	if !slices.Contains(p.Suspicion.Actions, detect.Suspend) {
		return attempt{}, nil
	}
	u, err := s.okta.User(ctx, p.ID)
	switch {
	case err != nil:
		return attempt{}, err
	case u.Status == okta.Suspended:
		// By an earlier attempt of this step, or by somebody before us.
		tried, err := s.tried(ctx, st, "user.suspend")
		if !tried {
			return attempt{Done: "was suspended already"}, err
		}
		return attempt{Done: suspendedHere}, err
	case u.Status != okta.Active:
		return attempt{Done: fmt.Sprintf("status %s cannot be suspended", u.Status)}, nil
	}
	return attempt{Done: suspendedHere}, s.okta.Suspend(ctx, p.ID, because(a, rules))
}

const suspendedHere = "suspended"

// tried reports whether the ledger knows of an attempt, for this episode, to do
// that to the account.
func (s *Steps) tried(ctx context.Context, st state, verb string) (bool, error) {
	records, err := s.ledger.Stream(ctx, st.Stream())
	return slices.ContainsFunc(records, func(r audit.Record) bool {
		return r.Phase == audit.Intent && r.Verb == verb && r.Subject == st.UserID
	}), err
}

// EndSessions ends Okta sessions, OAuth tokens and remembered devices.
func (s *Steps) EndSessions(ctx context.Context, st state) (attempt, error) {
	a, rules, p, err := s.suspectOf(ctx, st)
	if err != nil || !slices.Contains(p.Suspicion.Actions, detect.EndSessions) {
		return attempt{}, err
	}
	return attempt{Done: "sessions and tokens ended"}, s.okta.EndSessions(ctx, p.ID, because(a, rules))
}

// CheckContainment reads back how the account stands, and keeps what came of it.
// Undoing is offered only for what was done here.
func (s *Steps) CheckContainment(ctx context.Context, st state) (workflow.Nothing, error) {
	a, _, p, err := s.suspectOf(ctx, st)
	if err != nil || p.Suspicion.State != due { // an earlier attempt has kept it
		return workflow.Nothing{}, err
	}
	u, err := s.okta.User(ctx, p.ID)
	if err != nil {
		return workflow.Nothing{}, err
	}
	c := p.Suspicion
	c.State, c.Until = contained, time.Time{}
	said := "Contained:"
	if c.Note != "" {
		said = c.Note + " " + said
	}
	wanted := slices.Contains(c.Actions, detect.Suspend)
	switch {
	case st.Suspended.failed():
		c.State = failed
		said += fmt.Sprintf(" the account COULD NOT be suspended (%s), its status is %s.", st.Suspended.message(), u.Status)
	case wanted && st.Suspended.Done == suspendedHere && u.Status != okta.Suspended:
		c.State = failed
		said += fmt.Sprintf(" the account was suspended, and its status is %s all the same.", u.Status)
	case wanted && u.Status == okta.Suspended:
		said += " the account is suspended."
		if st.Suspended.Done == suspendedHere {
			c.Until = time.Now().Add(s.settings.UndoWait).UTC().Truncate(time.Second)
		}
	case wanted:
		said += fmt.Sprintf(" an account of the status %s cannot be suspended.", u.Status)
	}
	switch {
	case st.Sessions.failed():
		c.State = failed
		said += fmt.Sprintf(" Its sessions COULD NOT be ended (%s).", st.Sessions.message())
	case st.Sessions.Done != "":
		said += " Its Okta sessions and tokens were ended; sessions inside applications end when these next ask Okta."
	}
	c.Note = said
	_, err = s.decide(ctx, a, p)
	return workflow.Nothing{}, err
}

// ReleaseAccount undoes a containment: the account can sign in again. Ended
// sessions stay ended.
func (s *Steps) ReleaseAccount(ctx context.Context, st state) (workflow.Nothing, error) {
	a, rules, p, err := s.suspectOf(ctx, st)
	if err != nil || p.Suspicion.State != undoing { // an earlier attempt has kept it
		return workflow.Nothing{}, err
	}
	u, err := s.okta.User(ctx, p.ID)
	if err != nil {
		return workflow.Nothing{}, err
	}
	c := p.Suspicion
	undone, err := s.tried(ctx, st, "user.unsuspend")
	if err != nil {
		return workflow.Nothing{}, err
	}
	if u.Status == okta.Suspended {
		if err := s.okta.Unsuspend(ctx, p.ID, because(a, rules)); err != nil {
			return workflow.Nothing{}, err
		}
		undone = true
	}
	if undone {
		c.Note += " The account can sign in again."
	} else {
		c.Note += fmt.Sprintf(" The account was not suspended any more, its status is %s.", u.Status)
	}
	c.State = released
	_, err = s.decide(ctx, a, p)
	return workflow.Nothing{}, err
}

// TellContainment says on the incident what was decided and done about each
// account, once.
func (s *Steps) TellContainment(ctx context.Context, st state) (workflow.Nothing, error) {
	a, rules, err := s.own(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	states := []standof{asked, held, contained, released, cleared, spared, shadowed, failed}
	untold := slices.DeleteFunc(a.suspects(states...), func(p *person) bool { return p.Suspicion.ToldState == p.Suspicion.State })
	if len(untold) == 0 {
		return workflow.Nothing{}, nil
	}
	parts := []any{}
	for _, p := range untold {
		parts = append(parts, p.ID, p.Suspicion.N, p.Suspicion.State)
	}
	posting := servicenow.Posting{Key: noteKey(a, append([]any{"containment"}, parts...)...), WorkNote: s.containmentNote(untold, rules)}
	if err := s.post(ctx, a, rules, posting); err != nil {
		return workflow.Nothing{}, err
	}
	_, err = s.keep(ctx, a, func(now *alert) {
		for _, p := range untold {
			if q := now.People[p.ID]; q != nil && q.Suspicion != nil && q.Suspicion.N == p.Suspicion.N {
				q.Suspicion.ToldState = p.Suspicion.State
			}
		}
	})
	return workflow.Nothing{}, err
}
