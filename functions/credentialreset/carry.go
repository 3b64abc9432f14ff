package credentialreset

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/okta"
)

// carried is what was done: $.done.
type carried struct {
	// At is when it was done.
	At   time.Time `json:"at,omitzero"`
	Plan plan      `json:"plan"`
	// ApprovedBy is the sys_id of the second person, where there was one.
	ApprovedBy string `json:"approved_by,omitempty"`
	// Changed is true when the ticket was changed before anything was done.
	Changed bool `json:"changed"`
}

// CarryOut does what was planned, and records that all of it was done, so that
// whatever fails afterwards does not do it again.
func (s *Steps) CarryOut(ctx context.Context, st state) (carried, error) {
	h, err := s.history(ctx, st.Subject)
	if err != nil {
		return carried{}, err
	}
	if earlier, found := h.carried(st.Request.key()); found {
		return earlier, nil
	}
	r, ticket, _, err := s.request(ctx, st.Subject)
	if err != nil {
		return carried{}, err
	}
	if !ticket.Unfinished() || r.content() != st.Request.Content {
		return carried{Changed: true}, nil
	}
	if err := s.carryOut(ctx, st); err != nil {
		return carried{}, err
	}
	done := carried{At: time.Now().UTC().Truncate(time.Second), Plan: st.Request.Plan, ApprovedBy: st.Request.ApprovedBy}
	_, err = s.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: verbCarried, Target: st.Stream(), Subject: st.Request.UserID, Key: st.Request.key(), Reason: s.because(st.Subject), After: done,
	})
	return done, err
}

func (s *Steps) carryOut(ctx context.Context, st state) error {
	id, p, why := st.Request.UserID, st.Request.Plan, s.because(st.Subject)
	if p.Unlock {
		if err := s.okta.Unlock(ctx, id, why); err != nil {
			return err
		}
	}
	switch p.Mail {
	case mailReset:
		before := okta.User{ID: id, Status: p.Status, PasswordChanged: p.PasswordChanged}
		if err := s.okta.ResetPassword(ctx, before, why); err != nil {
			return err
		}
	case mailActivation:
		if err := s.okta.Reactivate(ctx, id, true, why); err != nil {
			return err
		}
	}
	if err := s.removeFactors(ctx, id, p, why); err != nil {
		return err
	}
	if p.EndSessions {
		return s.okta.EndSessions(ctx, id, why)
	}
	return nil
}

func (s *Steps) removeFactors(ctx context.Context, id string, p plan, why audit.Reason) error {
	if p.All {
		return s.okta.ResetFactors(ctx, id, why)
	}
	for _, f := range p.Factors {
		if err := s.okta.Unenroll(ctx, id, okta.Factor{ID: f.ID, Type: f.Type}, why); err != nil {
			return err
		}
	}
	return nil
}

// result is what a look at the account found: $.result.
type result struct {
	OK bool `json:"ok"`
	// Findings are what is not as it has to be.
	Findings []string `json:"findings,omitempty"`
	// GivenUp is true when it has not become so in patience.
	GivenUp bool        `json:"given_up"`
	Status  okta.Status `json:"status,omitempty"`
	// Since is when it was first looked.
	Since time.Time `json:"since,omitzero"`
}

// patience is how long Okta has to show what it was asked to do.
const patience = time.Minute

// CheckResult reads the account back.
func (s *Steps) CheckResult(ctx context.Context, st state) (result, error) {
	u, err := s.okta.User(ctx, st.Request.UserID)
	if err != nil {
		return result{}, err
	}
	p := st.Done.Plan
	out := result{Status: u.Status, Findings: p.unmet(u), Since: st.Result.Since}
	if out.Since.Before(st.Done.At) {
		out.Since = time.Now()
	}
	if len(p.Factors) > 0 {
		enrolled, err := s.okta.Factors(ctx, u.ID)
		if err != nil {
			return result{}, err
		}
		for _, f := range enrolled {
			if slices.ContainsFunc(p.Factors, func(l lost) bool { return l.ID == f.ID }) {
				out.Findings = append(out.Findings, fmt.Sprintf("the factor %s (%s) is still enrolled", f.Type, f.ID))
			}
		}
	}
	out.OK = len(out.Findings) == 0
	out.GivenUp = !out.OK && time.Since(out.Since) >= patience
	return out, nil
}

// unmet says in which way the account's status is not what the plan leads to.
// Who has followed the link already is ACTIVE with a newer password.
func (p plan) unmet(u okta.User) []string {
	renewed := u.PasswordChanged.After(p.PasswordChanged)
	var want bool
	switch {
	case p.Mail == mailReset:
		want = u.Status == okta.Recovery || renewed && u.Status.CanSignIn()
	case p.Mail == mailActivation:
		want = u.Status == okta.Provisioned || u.Status == okta.Active
	case p.Unlock:
		want = u.Status.CanSignIn()
	default:
		want = u.Status == p.Status || u.Status.CanSignIn()
	}
	if want && u.TransitioningTo == "" {
		return nil
	}
	return []string{fmt.Sprintf("the account is %s", u.Status)}
}
