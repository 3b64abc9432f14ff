package offboarding

import (
	"context"
	"fmt"
	"slices"

	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// finding is something the account still holds.
type finding struct {
	What string `json:"what"`
	ID   string `json:"id"`
	Name string `json:"name"`
	Why  string `json:"why,omitempty"`
}

func (f finding) String() string {
	text := f.What + " " + f.Name
	if f.Why != "" {
		text += ": " + f.Why
	}
	return text
}

// proof is what reading the account back showed: $.proof.
type proof struct {
	Clean    bool        `json:"clean"`
	GivenUp  bool        `json:"given_up"`
	Reads    int         `json:"reads"`
	Status   okta.Status `json:"status"`
	Findings []finding   `json:"findings,omitempty"`
	// Explained are memberships that are nobody's to remove and give nothing to
	// a deactivated account: of built-in, application and rule-made groups.
	Explained []finding `json:"explained,omitempty"`
}

// mostReads bounds how often what is left is removed and read again.
const mostReads = 6

// ReadBack reads everything back.
func (s *Steps) ReadBack(ctx context.Context, st state) (proof, error) {
	p, err := s.read(ctx, st.Leaver.UserID)
	if err != nil {
		return proof{}, err
	}
	for _, left := range append(st.Groups.Left, st.Apps.Left...) {
		for i, f := range p.Findings {
			if f.What == left.What && f.ID == left.ID {
				p.Findings[i].Why = left.Why
			}
		}
	}
	if factors := st.Kill["ResetFactors"]; factors.failed() { // too late now to try again
		p.Findings = append(p.Findings, finding{What: "enrolled factors", Name: "were not reset", Why: factors.message()})
	}
	if again := st.Kill["RevokeAgain"]; again.failed() {
		p.Findings = append(p.Findings, finding{What: "revocation", Name: "of sessions, tokens, grants, roles or factors", Why: again.message()})
	}
	p.Clean = len(p.Findings) == 0
	p.Reads = 1
	if last := st.Proof; !last.Clean && !last.GivenUp { // else this is another round
		p.Reads += last.Reads
	}
	p.GivenUp = !p.Clean && p.Reads >= mostReads
	return p, nil
}

// read lists what the account still holds.
func (s *Steps) read(ctx context.Context, id string) (proof, error) {
	u, err := s.okta.User(ctx, id)
	if err != nil {
		return proof{}, err
	}
	p := proof{Status: u.Status}
	if u.Status != okta.Deprovisioned {
		p.Findings = append(p.Findings, finding{What: "status", ID: u.ID, Name: string(u.Status)})
	}
	if err := s.readGroups(ctx, id, &p); err != nil {
		return proof{}, err
	}
	apps, err := s.okta.Assignments(ctx, id)
	if err != nil {
		return proof{}, err
	}
	for _, a := range apps {
		p.Findings = append(p.Findings, finding{What: "app", ID: a.AppID, Name: a.Label})
	}
	roles, err := s.okta.AdminRoles(ctx, id)
	if err != nil && !fault.Is[*fault.NotFound](err) {
		return proof{}, err
	}
	for _, r := range roles {
		p.Findings = append(p.Findings, finding{What: "admin role", ID: r.ID, Name: r.Label})
	}
	tokens, err := s.okta.APITokens(ctx, id)
	if err != nil {
		return proof{}, err
	}
	for _, t := range tokens {
		p.Findings = append(p.Findings, finding{What: "API token", ID: t.ID, Name: t.Name})
	}
	return p, nil
}

// readGroups sorts the memberships into those that must go and those that can
// only be explained.
func (s *Steps) readGroups(ctx context.Context, id string, p *proof) error {
	groups, err := s.okta.Groups(ctx, id)
	if err != nil {
		return err
	}
	var rules []okta.GroupRule // read only when something has to be explained
	for _, g := range groups {
		f := finding{What: "group", ID: g.ID, Name: g.Name}
		switch g.Type {
		case okta.GroupTypeBuiltIn:
			continue
		case okta.GroupTypeApp:
			f.Why = "belongs to the application it is imported from, which removes it"
			p.Explained = append(p.Explained, f)
			continue
		}
		if rules == nil {
			if rules, err = s.okta.GroupRules(ctx); err != nil {
				return err
			}
		}
		if rule, made := madeBy(rules, g.ID); made {
			f.Why = fmt.Sprintf("made by the group rule %q, which has to be changed to let go of the account", rule)
			p.Explained = append(p.Explained, f)
			continue
		}
		p.Findings = append(p.Findings, f)
	}
	return nil
}

func madeBy(rules []okta.GroupRule, groupID string) (name string, made bool) {
	for _, r := range rules {
		if r.Active() && slices.Contains(r.GroupIDs, groupID) {
			return r.Name, true
		}
	}
	return "", false
}

// watch is what a later look found: $.watch.
type watch struct {
	Returned bool      `json:"returned"`
	Rehired  bool      `json:"rehired"`
	Findings []finding `json:"findings,omitempty"`
	// Seats are those of the calls that a look takes; when they are for later,
	// nothing has been read yet.
	Seats workflow.Seats `json:"seats"`
}

// WatchReadBack looks again after the ticket was resolved. An account that an
// onboarding has brought back since is not ours to watch any more.
func (s *Steps) WatchReadBack(ctx context.Context, st state) (watch, error) {
	calls := okta.NewCalls().Add("GET", "/api/v1/users/{id}", 1).Add("GET", "/api/v1/users/{id}/groups", 3).Add("GET", "/api/v1/apps", 1)
	seats, err := workflow.BookSeats(ctx, s.seats, ratelimit.Normal, calls.Needs(), st.Watch.Seats)
	if err != nil || seats.Wait {
		return watch{Seats: seats}, err
	}
	p, err := s.read(ctx, st.Leaver.UserID)
	if err != nil {
		return watch{}, err
	}
	if len(p.Findings) == 0 {
		return watch{}, nil
	}
	rehired, err := s.rehired(ctx, st)
	if err != nil || rehired {
		return watch{Rehired: rehired}, err
	}
	return watch{Returned: true, Findings: p.Findings}, nil
}

// rehired looks in the ledger for an activation that another ticket asked for
// after this one had deactivated the account.
func (s *Steps) rehired(ctx context.Context, st state) (bool, error) {
	gone := false
	for r, err := range s.ledger.BySubject(ctx, st.Leaver.UserID) {
		if err != nil {
			return false, err
		}
		if r.Phase != "done" {
			continue
		}
		switch {
		case r.Stream == st.Stream() && r.Verb == "user.deactivate":
			gone = true
		case gone && r.Stream != st.Stream() && r.Verb == "user.activate":
			return true, nil
		}
	}
	return false, nil
}
