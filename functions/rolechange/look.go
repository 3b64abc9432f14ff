package rolechange

import (
	"context"
	"slices"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/workflow"
)

// PlanChange works out what the change comes to as things stand. What the former
// role gave before the register existed is entered into it first, as what it is:
// a birthright. Nothing is changed in Okta.
func (s *Steps) PlanChange(ctx context.Context, st state) (plan, error) {
	asked, _, err := s.transfer(ctx, st.Subject)
	if err != nil {
		return plan{}, err
	}
	u, err := s.okta.User(ctx, st.Mover.UserID)
	if err != nil {
		return plan{}, err
	}
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return plan{}, err
	}
	inv, err := s.inventory(ctx, u.ID)
	if err != nil {
		return plan{}, err
	}
	inv.taken = slices.Concat(st.Granted.Taken, st.Ended.Taken, st.Ended.Pending)
	// Okta may have the new position already, and the ticket need not say the old.
	former := asked.Old.over(positionOf(u.Profile)).rulesProfile(u.Profile.EmployeeType)
	adopted := adoptable(rules, former, inv)
	for _, g := range adopted {
		if err := s.leases.Grant(ctx, birthright(st, g, rules.Version())); err != nil {
			return plan{}, err
		}
	}
	if len(adopted) > 0 {
		if inv.holdings, err = s.leases.Of(ctx, u.ID); err != nil {
			return plan{}, err
		}
	}
	becomes := asked.New.over(positionOf(u.Profile)).rulesProfile(u.Profile.EmployeeType)
	p := planned(rules, becomes, inv)
	if p.Hash == st.Plan.Hash && p.Version == st.Plan.Version {
		return p, nil // recorded
	}
	_, err = s.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: "role_change.planned", Target: st.Stream(), Subject: u.ID,
		Reason: audit.Reason{Kind: "role change", Ref: st.Number, Version: p.Version},
		After: map[string]any{
			"comes": names(p.Comes), "goes": p.removals(), "stays": names(p.Stays), "kept": keptNames(p.Kept), "adopted": len(adopted), "hash": p.Hash,
		},
	})
	return p, err
}

// inventory reads what the person has.
func (s *Steps) inventory(ctx context.Context, userID string) (inventory, error) {
	inv := inventory{now: time.Now()}
	var err error
	if inv.groups, err = s.okta.Groups(ctx, userID); err != nil {
		return inventory{}, err
	}
	apps, err := s.okta.Assignments(ctx, userID)
	if err != nil {
		return inventory{}, err
	}
	inv.apps = slices.DeleteFunc(apps, func(a okta.Assignment) bool { return a.Scope != okta.ScopeUser })
	inv.holdings, err = s.leases.Of(ctx, userID)
	return inv, err
}

// birthright is the lease of what a rule gives.
func birthright(st state, g entitlement.Grant, version string) lease.Lease {
	return lease.Lease{
		Subject: st.Mover.UserID, Entitlement: lease.Entitlement{Kind: g.Kind, ID: g.ID}, Name: g.Name, Key: lease.Birthright,
		Reason: reasonOf(g, version), Ticket: st.Number,
	}
}

func reasonOf(g entitlement.Grant, version string) audit.Reason {
	return audit.Reason{Kind: "birthright", Ref: g.Rule, Version: version, Text: g.Text}
}

// ShowDifference writes the plan onto the ticket, before anything is touched, and
// again when it has become another.
func (s *Steps) ShowDifference(ctx context.Context, st state) (workflow.Nothing, error) {
	asked, _, err := s.transfer(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.tickets.Announce(ctx, st.Subject, "difference/"+st.Ticket.Fingerprint+"/"+st.Plan.Hash,
		s.difference(st, asked), because(st.Subject))
}

func names(list []due) []string {
	out := make([]string, len(list))
	for i, g := range list {
		out[i] = keyOf(g.Grant)
	}
	return out
}

func keptNames(list []kept) []string {
	out := make([]string, len(list))
	for i, k := range list {
		out[i] = key(k.Kind, k.ID)
	}
	return out
}
