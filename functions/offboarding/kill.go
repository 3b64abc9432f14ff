package offboarding

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// BookKillSeats books the calls of the kill, in the urgent lane. Those that it
// took to find the account and to assess the risk are made already, and count.
func (s *Steps) BookKillSeats(ctx context.Context, st state) (workflow.Seats, error) {
	calls := okta.NewCalls().
		Add("GET", "/api/v1/users", 2).
		Add("GET", "/api/v1/users/{id}", 6).
		Add("POST", "/api/v1/users/{id}/lifecycle/suspend", 1).
		Add("DELETE", "/api/v1/users/{id}/sessions", 1).
		Add("GET", "/api/v1/users/{id}/groups", 5). // twice; roles, API tokens, grants
		Add("POST", "/api/v1/users/{id}/lifecycle/reset_factors", 1)
	if st.Risk.Few {
		calls.Add("GET", "/api/v1/apps", 1).Add("GET", "/api/v1/users/{id}/factors", 1).Add("GET", "/api/v1/groups/{id}/owners", st.Risk.Groups)
	} else {
		calls.Add("GET", "/api/v1/users/{id}/appLinks", 1)
	}
	return workflow.BookSeats(ctx, s.seats, ratelimit.Urgent, calls.Needs(), st.Seats)
}

// Suspend disables the account. Only an active account can be suspended; a
// locked one is unlocked first when it has to be held. Any other status cannot
// sign in as it is, and deactivation follows within seconds.
func (s *Steps) Suspend(ctx context.Context, st state) (killed, error) {
	u, err := s.okta.User(ctx, st.Leaver.UserID)
	if err != nil {
		return killed{}, err
	}
	switch {
	case u.Status == okta.Suspended:
		return killed{Done: "was suspended already"}, nil
	case u.Status == okta.LockedOut && st.Ticket.Hold:
		if err := s.okta.Unlock(ctx, u.ID, because(st.Subject)); err != nil {
			return killed{}, err
		}
	case u.Status != okta.Active:
		return killed{Done: fmt.Sprintf("status %s cannot be suspended", u.Status)}, nil
	}
	return killed{Done: "suspended"}, s.okta.Suspend(ctx, u.ID, because(st.Subject))
}

// EndSessions ends Okta sessions, OAuth tokens and remembered devices.
func (s *Steps) EndSessions(ctx context.Context, st state) (killed, error) {
	return killed{Done: "sessions and tokens ended"}, s.okta.EndSessions(ctx, st.Leaver.UserID, because(st.Subject))
}

// snapshot is where the record of everything held is: $.snapshot. The record
// itself stands in the ledger.
type snapshot struct {
	Seq int64 `json:"seq,omitempty"`
	// Groups counts the groups whose memberships can be removed.
	Groups int `json:"groups,omitempty"`
	Apps   int `json:"apps,omitempty"`
	// Error and Cause are set when it could not be taken.
	Error string `json:"Error,omitempty"`
	Cause string `json:"Cause,omitempty"`
}

// holdings is the snapshot as the ledger keeps it: ids and names of groups and
// apps, nothing personal.
type holdings struct {
	Status okta.Status  `json:"status"`
	Groups []okta.Group `json:"groups"`
	// Apps are the assigned apps; Scope is empty where only the dashboard's
	// links were read.
	Apps  []okta.Assignment `json:"apps"`
	Roles []okta.Role       `json:"roles"`
	// Factors are listed for a few leavers only: no command brings them back.
	Factors []string `json:"factors"`
	// SSWS are the API tokens. The ledger drops what is called a token.
	SSWS []okta.APIToken `json:"ssws"`
}

// names are those of groups, apps and roles, by their targets in the ledger.
func (h holdings) names() map[string]string {
	names := map[string]string{}
	for _, g := range h.Groups {
		names["group/"+g.ID] = g.Name
	}
	for _, a := range h.Apps {
		names["app/"+a.AppID] = a.Label
	}
	for _, r := range h.Roles {
		names["role/"+r.ID] = r.Label
	}
	return names
}

const snapshotVerb = "account.snapshot"

// fewLeavers is up to how many terminations in the window each snapshot reads
// the full app list, and each ticket is told at once who owns what. The apps
// bucket allows 100 calls a minute for the whole org, and owners are read group
// by group; in a mass termination the dashboard's links, which lack hidden apps,
// are read from a bucket twelve times as wide, and owners are read when all is
// done, so that nobody's kill waits for it.
const fewLeavers = 10

// TakeSnapshot records what the account holds before any of it is lost. It is
// taken once: a second pass would find the hands empty.
func (s *Steps) TakeSnapshot(ctx context.Context, st state) (snapshot, error) {
	if found, taken, err := s.snapshotOf(ctx, st.Subject, st.Leaver.UserID); err != nil || taken {
		return found, err
	}
	held, err := s.holdings(ctx, st)
	if err != nil {
		return snapshot{}, err
	}
	record, err := s.ledger.Fact(ctx, audit.Change{
		System: "okta", Verb: snapshotVerb, Target: "user/" + st.Leaver.UserID, Subject: st.Leaver.UserID,
		Reason: because(st.Subject), Before: held,
	})
	return held.at(record.Seq), err
}

// at is the snapshot that stands in the ledger under that number.
func (h holdings) at(seq int64) snapshot {
	return snapshot{Seq: seq, Groups: len(h.removable()), Apps: len(h.Apps)}
}

// removable are the groups whose memberships can be removed.
func (h holdings) removable() []okta.Group {
	return slices.DeleteFunc(slices.Clone(h.Groups), func(g okta.Group) bool { return g.Type != okta.GroupTypeOkta })
}

func (h holdings) tokenNames() []string {
	names := make([]string, len(h.SSWS))
	for i, t := range h.SSWS {
		names[i] = t.Name
	}
	return names
}

func (s *Steps) holdings(ctx context.Context, st state) (holdings, error) {
	id := st.Leaver.UserID
	u, err := s.okta.User(ctx, id)
	if err != nil {
		return holdings{}, err
	}
	held := holdings{Status: u.Status}
	if st.Leaver.Status != "" {
		held.Status = st.Leaver.Status // before the suspension
	}
	if held.Groups, err = s.okta.Groups(ctx, id); err != nil {
		return holdings{}, err
	}
	if held.Roles, err = s.okta.AdminRoles(ctx, id); err != nil {
		return holdings{}, err
	}
	if held.SSWS, err = s.okta.APITokens(ctx, id); err != nil {
		return holdings{}, err
	}
	if st.Risk.Few {
		factors, err := s.okta.Factors(ctx, id)
		if err != nil {
			return holdings{}, err
		}
		for _, f := range factors {
			held.Factors = append(held.Factors, f.Type)
		}
		held.Apps, err = s.okta.Assignments(ctx, id)
		return held, err
	}
	links, err := s.okta.AppLinks(ctx, id)
	for _, l := range links {
		held.Apps = append(held.Apps, okta.Assignment{AppID: l.AppID, Label: l.Label})
	}
	return held, err
}

// snapshotOf finds the snapshot that this ticket took of the account.
func (s *Steps) snapshotOf(ctx context.Context, subject workflow.Subject, userID string) (snapshot, bool, error) {
	records, err := s.ledger.Stream(ctx, subject.Stream())
	if err != nil {
		return snapshot{}, false, err
	}
	for _, r := range records {
		if r.Verb != snapshotVerb || (userID != "" && r.Subject != userID) {
			continue
		}
		var held holdings
		if err := into(r.Before, &held); err != nil {
			return snapshot{}, false, err
		}
		return held.at(r.Seq), true, nil
	}
	return snapshot{}, false, nil
}

// RevokeGrants revokes the consents given to applications.
func (s *Steps) RevokeGrants(ctx context.Context, st state) (killed, error) {
	return killed{Done: "grants revoked"}, s.okta.RevokeGrants(ctx, st.Leaver.UserID, because(st.Subject))
}

// RevokeAPITokens revokes the SSWS tokens that the person owns. Which programs
// used them is told on the ticket.
func (s *Steps) RevokeAPITokens(ctx context.Context, st state) (killed, error) {
	tokens, err := listed(ctx, s, st, func(h holdings) []okta.APIToken { return h.SSWS }, s.okta.APITokens)
	if err != nil {
		return killed{}, err
	}
	for _, t := range tokens {
		if err := s.okta.RevokeAPIToken(ctx, t.ID, st.Leaver.UserID, because(st.Subject)); err != nil {
			return killed{}, err
		}
	}
	return killed{Done: fmt.Sprintf("%d API tokens revoked", len(tokens))}, nil
}

// listed is what the snapshot has of something, which costs no call; once
// reading back has shown that something is left, or when there is no snapshot, it
// is read from Okta.
func listed[T any](ctx context.Context, s *Steps, st state, of func(holdings) []T, read func(context.Context, string) ([]T, error)) ([]T, error) {
	if st.Snapshot.Seq == 0 || st.Proof.Reads > 0 {
		return read(ctx, st.Leaver.UserID)
	}
	held, err := s.heldBefore(ctx, st)
	return of(held), err
}

// RemoveAdminRoles removes the person's own admin roles. One that comes through
// a group goes with the membership.
func (s *Steps) RemoveAdminRoles(ctx context.Context, st state) (killed, error) {
	roles, err := listed(ctx, s, st, func(h holdings) []okta.Role { return h.Roles }, s.okta.AdminRoles)
	if err != nil {
		return killed{}, err
	}
	n := 0
	for _, r := range roles {
		if r.ViaGroup() {
			continue
		}
		if err := s.okta.RemoveAdminRole(ctx, st.Leaver.UserID, r.ID, because(st.Subject)); err != nil {
			return killed{}, err
		}
		n++
	}
	return killed{Done: fmt.Sprintf("%d admin roles removed", n)}, nil
}

// ResetFactors removes the enrolled factors. Okta does not touch those of a
// deactivated account, which cannot use them.
func (s *Steps) ResetFactors(ctx context.Context, st state) (killed, error) {
	u, err := s.okta.User(ctx, st.Leaver.UserID)
	if err != nil {
		return killed{}, err
	}
	if u.Status == okta.Deprovisioned {
		return killed{Done: "a deactivated account uses no factors"}, nil
	}
	return killed{Done: "factors reset"}, s.okta.ResetFactors(ctx, u.ID, because(st.Subject))
}

// ListDependencies tells the ticket what depended on the account. It comes
// after the kill and never holds it up.
func (s *Steps) ListDependencies(ctx context.Context, st state) (killed, error) {
	held, err := s.heldBefore(ctx, st)
	if err != nil {
		return killed{}, err
	}
	var depends []string
	if tokens := held.tokenNames(); len(tokens) > 0 {
		depends = append(depends, fmt.Sprintf("API tokens revoked: %s. Whatever used them has stopped working: give it credentials of its own.",
			strings.Join(tokens, ", ")))
	}
	owned, err := s.okta.OwnedGroups(ctx, st.Leaver.UserID, held.Groups)
	if fault.Retryable(err) {
		return killed{}, err
	}
	for _, g := range owned {
		depends = append(depends, fmt.Sprintf("Owner of the group %s: name another owner.", g.Name))
	}
	for _, r := range held.Roles {
		depends = append(depends, fmt.Sprintf("Held the admin role %s: automations that ran under this account may have stopped.", r.Label))
		if r.Type == okta.SuperAdmin {
			left, err := s.okta.SuperAdmins(ctx)
			if err != nil {
				return killed{}, err
			}
			if len(left) == 0 {
				depends = append(depends, "No super administrator is left in the org: make somebody one now.")
			}
		}
	}
	if len(depends) == 0 {
		return killed{Done: "nothing depends on the account"}, nil
	}
	return killed{Done: fmt.Sprintf("%d dependencies listed", len(depends))}, s.tickets.Remark(ctx, st.Subject, "dependencies",
		"What depended on this account:\n- "+strings.Join(depends, "\n- "), because(st.Subject))
}

// heldBefore is the snapshot's content, or nothing when none could be taken.
func (s *Steps) heldBefore(ctx context.Context, st state) (holdings, error) {
	if st.Snapshot.Seq == 0 {
		return holdings{}, nil
	}
	records, err := s.ledger.Stream(ctx, st.Stream())
	if err != nil {
		return holdings{}, err
	}
	for _, r := range records {
		if r.Seq == st.Snapshot.Seq {
			var held holdings
			return held, into(r.Before, &held)
		}
	}
	return holdings{}, nil
}
