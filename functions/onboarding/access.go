package onboarding

import (
	"context"
	"errors"
	"fmt"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// access is what the rules give: $.access.
type access struct {
	// Version names the rules that decided.
	Version string              `json:"version"`
	Grants  []entitlement.Grant `json:"grants"`
	// Gaps name values of the profile that no rule covers.
	Gaps []string `json:"gaps,omitempty"`
}

// granted is what became of it: $.granted.
type granted struct {
	// UserID is the account that they were given to.
	UserID string              `json:"user_id,omitempty"`
	Grants []entitlement.Grant `json:"grants,omitempty"`
	// Refused are grants that Okta did not accept, each with why.
	Refused []refusal `json:"refused,omitempty"`
	// Superseded were granted before the ticket was changed and are not part of
	// the present plan.
	Superseded []entitlement.Grant `json:"superseded,omitempty"`
}

type refusal struct {
	Grant entitlement.Grant `json:"grant"`
	Why   string            `json:"why"`
}

// withdrawn is what a conversion or a changed ticket took away: $.withdrawn.
type withdrawn struct {
	Grants []entitlement.Grant `json:"grants,omitempty"`
	// Kept are apps that a group gives too, so that Okta does not end the direct
	// assignment.
	Kept []entitlement.Grant `json:"kept,omitempty"`
}

// PlanAccess asks the rules what the person gets.
func (s *Steps) PlanAccess(ctx context.Context, st state) (access, error) {
	h, _, problems, err := s.hire(ctx, st.Subject)
	if err != nil {
		return access{}, err
	}
	if len(problems) > 0 {
		return access{}, &fault.Invalid{Message: "the ticket was changed and can no longer be carried out", Problems: problems}
	}
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return access{}, err
	}
	decision := rules.Birthright(h.rulesProfile())
	_, err = s.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: "birthright.decided", Target: st.Stream(),
		Reason: audit.Reason{Kind: "birthright", Ref: st.Number, Version: decision.Version},
		After:  map[string]any{"grants": names(decision.Grants), "gaps": len(decision.Gaps)},
	})
	return access{Version: decision.Version, Grants: decision.Grants, Gaps: decision.Gaps}, err
}

// BookSeats books the calls of this onboarding in Okta's limits.
func (s *Steps) BookSeats(ctx context.Context, st state) (workflow.Seats, error) {
	groups, apps := 0, 0
	for _, g := range st.Access.Grants {
		if g.Kind == "app" {
			apps++
		} else {
			groups++
		}
	}
	calls := okta.NewCalls().
		Add("GET", "/api/v1/users/{id}", 5).
		Add("GET", "/api/v1/users", 1).
		Add("POST", "/api/v1/users", 1).
		Add("POST", "/api/v1/users/{id}", 1). // the profile of an account that exists
		Add("PUT", "/api/v1/groups/{id}/users/{id}", groups).
		Add("POST", "/api/v1/apps/{id}/users", 2*apps).
		Add("POST", "/api/v1/users/{id}/lifecycle/activate", 1).
		Add("GET", "/api/v1/users/{id}/groups", 1)
	return workflow.BookSeats(ctx, s.seats, ratelimit.Normal, calls.Needs(), st.Seats)
}

// GrantAccess adds the planned groups and apps. One that Okta refuses does not
// keep the person from the others; the ticket names it.
func (s *Steps) GrantAccess(ctx context.Context, st state) (granted, error) {
	out := granted{UserID: st.Account.UserID, Superseded: without(append(st.Granted.Grants, st.Granted.Superseded...), st.Access.Grants)}
	for _, g := range st.Access.Grants {
		err := s.grant(ctx, st, g)
		switch {
		case err == nil:
			out.Grants = append(out.Grants, g)
		case fault.Retryable(err):
			return granted{}, err
		default:
			out.Refused = append(out.Refused, refusal{Grant: g, Why: err.Error()})
		}
	}
	return out, nil
}

// grant records the reason first: no access without one, even for a moment.
func (s *Steps) grant(ctx context.Context, st state, g entitlement.Grant) error {
	id, e, why := st.Account.UserID, lease.Entitlement{Kind: g.Kind, ID: g.ID}, reasonOf(g, st.Access.Version)
	err := s.leases.Grant(ctx, lease.Lease{
		Subject: id, Entitlement: e, Name: g.Name, Key: lease.Birthright, Reason: why, Ticket: st.Number,
	})
	if err != nil {
		return err
	}
	_, err = s.leases.Settle(ctx, s.okta, id, e, why)
	if err == nil || fault.Retryable(err) {
		return err
	}
	// Refused: there is nothing to hold a reason for.
	return errors.Join(err, s.leases.End(ctx, id, e, lease.Birthright, why))
}

func reasonOf(g entitlement.Grant, version string) audit.Reason {
	return audit.Reason{Kind: "birthright", Ref: g.Rule, Version: version, Text: g.Text}
}

// WithdrawAccess takes away what only the former role gave, after a conversion,
// and what was granted before the ticket was changed under way.
func (s *Steps) WithdrawAccess(ctx context.Context, st state) (withdrawn, error) {
	var out withdrawn
	why := audit.Reason{Kind: "birthright", Ref: st.Number, Version: st.Access.Version, Text: "no rule gives it to the present profile"}
	for _, g := range append(st.Account.Former, st.Granted.Superseded...) {
		gone, err := s.withdraw(ctx, g, st.Account.UserID, why)
		switch {
		case g.Kind == "app" && fault.Is[*fault.Conflict](err):
			out.Kept = append(out.Kept, g)
		case err != nil:
			return withdrawn{}, err
		case gone:
			out.Grants = append(out.Grants, g)
		}
	}
	return out, nil
}

// withdraw ends the birthright; what an approved request gives besides stays.
func (s *Steps) withdraw(ctx context.Context, g entitlement.Grant, userID string, why audit.Reason) (gone bool, err error) {
	e := lease.Entitlement{Kind: g.Kind, ID: g.ID}
	if err := s.leases.End(ctx, userID, e, lease.Birthright, why); err != nil {
		return false, err
	}
	held, err := s.leases.Settle(ctx, s.okta, userID, e, why)
	return !held, err
}

// activation is the account's status after ActivateAccount: $.activation.
type activation struct {
	Status okta.Status `json:"status"`
}

// ActivateAccount activates a new account, and sends the welcome mail to a
// revived one. An account that is in use is left alone. When the function dies
// between Okta's work and its answer, a revived account may get the mail twice:
// better than not at all.
func (s *Steps) ActivateAccount(ctx context.Context, st state) (activation, error) {
	u, err := s.okta.User(ctx, st.Account.UserID)
	if err != nil {
		return activation{}, err
	}
	switch {
	case u.Status == okta.Staged:
		err = s.okta.Activate(ctx, u.ID, true, because(st.Subject))
	case u.Status == okta.Provisioned && st.Account.Action == "rehire":
		err = s.okta.Reactivate(ctx, u.ID, true, because(st.Subject))
	}
	return activation{Status: u.Status}, err
}

// VerifyAccount reads the account back. What is not visible yet is looked for
// again by the state machine's retry.
func (s *Steps) VerifyAccount(ctx context.Context, st state) (activation, error) {
	u, err := s.okta.User(ctx, st.Account.UserID)
	if err != nil {
		return activation{}, err
	}
	if !u.Status.CanSignIn() {
		return activation{}, &fault.Unavailable{Message: fmt.Sprintf("the account %s is %s after its activation", u.ID, u.Status)}
	}
	groups, err := s.okta.Groups(ctx, u.ID)
	if err != nil {
		return activation{}, err
	}
	held := map[string]bool{}
	for _, g := range groups {
		held[g.ID] = true
	}
	for _, g := range st.Granted.Grants {
		there := held[g.ID]
		if g.Kind == "app" {
			if there, err = s.okta.HasApp(ctx, g.ID, u.ID); err != nil {
				return activation{}, err
			}
		}
		if !there {
			return activation{}, &fault.Unavailable{Message: fmt.Sprintf("the %s %q was granted to %s and does not show yet", g.Kind, g.Name, u.ID)}
		}
	}
	return activation{Status: u.Status}, nil
}

// without is list less what other holds, by kind and id.
func without(list, other []entitlement.Grant) []entitlement.Grant {
	var rest []entitlement.Grant
	for _, g := range list {
		if !holds(other, g.Kind, g.ID) && !holds(rest, g.Kind, g.ID) {
			rest = append(rest, g)
		}
	}
	return rest
}

func holds(list []entitlement.Grant, kind, id string) bool {
	for _, g := range list {
		if g.Kind == kind && g.ID == id {
			return true
		}
	}
	return false
}

func names(list []entitlement.Grant) []string {
	out := make([]string, len(list))
	for i, g := range list {
		out[i] = g.Kind + "/" + g.ID
	}
	return out
}
