package offboarding

import (
	"context"
	"fmt"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// AnnounceHold tells the ticket that the account is kept and what ends that.
func (s *Steps) AnnounceHold(ctx context.Context, st state) (workflow.Nothing, error) {
	u, err := s.okta.User(ctx, st.Leaver.UserID)
	if err != nil {
		return workflow.Nothing{}, err
	}
	text := fmt.Sprintf("Okta user %s is on hold: %s, without sessions, tokens, factors, groups and direct apps. "+
		"It is deactivated when the legal hold on this ticket is set to false.", u.ID, u.Status)
	if u.Status != okta.Suspended {
		text += " It could not be suspended in that status: ask security whether that is enough."
		return workflow.Nothing{}, s.tickets.Escalate(ctx, st.Subject, "hold", text, because(st.Subject))
	}
	return workflow.Nothing{}, s.tickets.Announce(ctx, st.Subject, "hold", text, because(st.Subject))
}

// ReadHold reads the ticket again: whether the hold is still asked for, and
// whether the ticket is still open.
func (s *Steps) ReadHold(ctx context.Context, st state) (workflow.Reading, error) {
	// Taking it again says that the change which woke us has been looked at.
	held, err := s.tickets.TakeOver(ctx, st.Subject)
	if err != nil || !held {
		return workflow.Reading{Disposition: workflow.HandedOver}, err
	}
	asked, ticket, err := s.termination(ctx, st.Subject)
	if err != nil {
		return workflow.Reading{}, err
	}
	reading := workflow.Reading{Disposition: workflow.Ready, Fingerprint: ticket.Fingerprint(), Hold: asked.Hold}
	if !ticket.Unfinished() {
		reading.Disposition = workflow.NothingToDo
	}
	return reading, nil
}

// deactivation is how far Okta is: $.deactivation.
type deactivation struct {
	Done    bool `json:"done"`
	GivenUp bool `json:"given_up"`
	Looks   int  `json:"looks"`
	// NextLookSeconds is the pause before the next look.
	NextLookSeconds int `json:"next_look_seconds"`
}

// mostLooks bounds the wait for a deactivation: the pauses grow from 2 seconds
// to 2 minutes, half an hour in all.
const mostLooks = 20

// Deactivate starts the deactivation.
func (s *Steps) Deactivate(ctx context.Context, st state) (deactivation, error) {
	return deactivation{NextLookSeconds: 2}, s.okta.Deactivate(ctx, st.Leaver.UserID, because(st.Subject))
}

// CheckDeactivation reads whether it has come to its end.
func (s *Steps) CheckDeactivation(ctx context.Context, st state) (deactivation, error) {
	u, err := s.okta.User(ctx, st.Leaver.UserID)
	if err != nil {
		return deactivation{}, err
	}
	looks := st.Deactivation.Looks + 1
	return deactivation{
		Done:            u.Status == okta.Deprovisioned,
		GivenUp:         u.Status != okta.Deprovisioned && looks >= mostLooks,
		Looks:           looks,
		NextLookSeconds: min(2<<min(looks, 6), 120),
	}, nil
}

// BookRetireSeats books the calls for what is left, in the urgent lane.
func (s *Steps) BookRetireSeats(ctx context.Context, st state) (workflow.Seats, error) {
	calls := okta.NewCalls().
		Add("GET", "/api/v1/users/{id}", 2).
		Add("POST", "/api/v1/users/{id}/lifecycle/deactivate", 1).
		Add("DELETE", "/api/v1/users/{id}/sessions", 1).
		Add("GET", "/api/v1/users/{id}/groups", 4). // and roles, grants, API tokens
		Add("DELETE", "/api/v1/groups/{id}/users/{id}", st.Snapshot.Groups).
		Add("GET", "/api/v1/apps", 1)
	return workflow.BookSeats(ctx, s.seats, ratelimit.Urgent, calls.Needs(), st.Seats)
}

// BookDependencySeats books the calls that tell who owned what, of which nobody
// waits for.
func (s *Steps) BookDependencySeats(ctx context.Context, st state) (workflow.Seats, error) {
	calls := okta.NewCalls().Add("GET", "/api/v1/groups/{id}/owners", st.Snapshot.Groups)
	return workflow.BookSeats(ctx, s.seats, ratelimit.Bulk, calls.Needs(), st.Seats)
}

// RevokeAgain ends the sessions and consents that came into being until the
// account was disabled, and gives tokens and roles another chance when they
// failed in the kill. The rest of the kill needs no second pass: no token, role
// or factor can be added to a deactivated account, and ReadBack looks at tokens
// and roles anyway.
func (s *Steps) RevokeAgain(ctx context.Context, st state) (killed, error) {
	again := []func(context.Context, state) (killed, error){s.EndSessions, s.RevokeGrants}
	for _, once := range []struct {
		name string
		step func(context.Context, state) (killed, error)
	}{{"RevokeApiTokens", s.RevokeAPITokens}, {"RemoveAdminRoles", s.RemoveAdminRoles}} {
		if st.Kill[once.name].failed() || st.Proof.Reads > 0 {
			again = append(again, once.step)
		}
	}
	for _, step := range again {
		// Okta may not know sessions of a deactivated account any more.
		if _, err := step(ctx, st); err != nil && !fault.Is[*fault.NotFound](err) && !fault.Is[*fault.Conflict](err) {
			return killed{}, err
		}
	}
	return killed{Done: "revoked again"}, nil
}

// EndLeases ends every reason for which the person held access, so that nothing
// gives it back: no sweep, no request that is still under way.
func (s *Steps) EndLeases(ctx context.Context, st state) (killed, error) {
	ended, err := s.leases.EndAll(ctx, st.Leaver.UserID, because(st.Subject))
	return killed{Done: fmt.Sprintf("%d entitlements ended in the register", len(ended))}, err
}

// removed is what a removal step took away and what it had to leave: $.groups, $.apps.
type removed struct {
	Gone []string  `json:"gone,omitempty"`
	Left []finding `json:"left,omitempty"`
	// Error and Cause are set when the step failed for good.
	Error string `json:"Error,omitempty"`
	Cause string `json:"Cause,omitempty"`
}

// RemoveGroups removes the memberships that can be removed: those of
// OKTA_GROUP groups.
func (s *Steps) RemoveGroups(ctx context.Context, st state) (removed, error) {
	held := func(h holdings) []okta.Group { return h.Groups }
	if st.Groups.Gone != nil { // removed before, on hold: what has been added since then is not in the snapshot
		st.Snapshot = snapshot{}
	}
	groups, err := listed(ctx, s, st, held, s.okta.Groups)
	if err != nil {
		return removed{}, err
	}
	var out removed
	for _, g := range groups {
		if g.Type != okta.GroupTypeOkta {
			continue
		}
		err := s.okta.RemoveFromGroup(ctx, g.ID, st.Leaver.UserID, because(st.Subject))
		switch {
		case err == nil:
			out.Gone = append(out.Gone, g.Name)
		case fault.Retryable(err):
			return removed{}, err
		default:
			out.Left = append(out.Left, finding{What: "group", ID: g.ID, Name: g.Name, Why: err.Error()})
		}
	}
	return out, nil
}

// RemoveApps removes the direct app assignments; those that come through a
// group go with the membership.
func (s *Steps) RemoveApps(ctx context.Context, st state) (removed, error) {
	assigned, err := s.okta.Assignments(ctx, st.Leaver.UserID)
	if err != nil {
		return removed{}, err
	}
	var out removed
	for _, a := range assigned {
		if a.Scope == okta.ScopeGroup {
			continue
		}
		err := s.okta.UnassignApp(ctx, a.AppID, st.Leaver.UserID, because(st.Subject))
		switch {
		case err == nil:
			out.Gone = append(out.Gone, a.Label)
		case fault.Retryable(err):
			return removed{}, err
		default:
			out.Left = append(out.Left, finding{What: "app", ID: a.AppID, Name: a.Label, Why: err.Error()})
		}
	}
	return out, nil
}

// moments are shown in UTC, to the second.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
