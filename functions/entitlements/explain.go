package entitlements

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
)

// Explanation is what somebody gets, and how that differs from what they have.
type Explanation struct {
	// UserID is the Okta account; empty when a profile was asked about.
	UserID string `json:"user_id,omitempty"`
	// Status is the account's.
	Status okta.Status `json:"status,omitempty"`
	// Protected says why processes leave the account alone; usually empty.
	Protected string `json:"protected,omitempty"`

	entitlement.Explanation

	// Gets is given by the rules and not held yet; Loses is held by a rule of
	// before. Both come about the next time the rules are carried out.
	Gets  []Entry `json:"gets,omitempty"`
	Loses []Entry `json:"loses,omitempty"`
	// Keeps is held for another reason, or for none that is known.
	Keeps []Entry `json:"keeps,omitempty"`
	// Unmanaged are the names of groups and apps that the rules say nothing about.
	Unmanaged []string `json:"unmanaged,omitempty"`
}

// Entry is a group or app with the reason.
type Entry struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Explain tells what an account gets, by id or login, and by which rule. It is
// *fault.NotFound when there is no such account.
func (s *Service) Explain(ctx context.Context, request, idOrLogin string) (Explanation, error) {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return Explanation{}, err
	}
	calls := okta.NewCalls().Add("GET", "/api/v1/users/{id}", 1).Add("GET", "/api/v1/users/{id}/groups", 1).Add("GET", "/api/v1/apps", 1)
	if err := s.seat(ctx, ratelimit.Normal, "explain/"+request, calls); err != nil {
		return Explanation{}, err
	}
	u, err := s.okta.User(ctx, idOrLogin)
	if err != nil {
		return Explanation{}, err
	}
	h, err := s.holdings(ctx, u.ID)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{UserID: u.ID, Status: u.Status, Explanation: rules.Explain(profileOf(u))}
	e.Protected, _ = rules.Protected(u.ID, h.groupIDs)
	return compared(e, rules, h), nil
}

// ExplainProfile tells what somebody with the profile would get.
func (s *Service) ExplainProfile(ctx context.Context, p entitlement.Profile) (Explanation, error) {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return Explanation{}, err
	}
	if p == (entitlement.Profile{}) {
		return Explanation{}, &fault.Invalid{Message: "neither a user nor a profile was asked about"}
	}
	return Explanation{Explanation: rules.Explain(p)}, nil
}

// holdings is what an account has.
type holdings struct {
	// direct are memberships and assignments of the account's own, by
	// "group/<id>" with their names; others are groups that an app fills.
	direct   map[string]string
	others   []string
	groupIDs []string
	leases   []lease.Holding
}

func (s *Service) holdings(ctx context.Context, userID string) (holdings, error) {
	h := holdings{direct: map[string]string{}}
	groups, err := s.okta.Groups(ctx, userID)
	if err != nil {
		return holdings{}, err
	}
	for _, g := range groups {
		h.groupIDs = append(h.groupIDs, g.ID)
		switch g.Type {
		case okta.GroupTypeOkta:
			h.direct[key(entitlement.Group, g.ID)] = g.Name
		case okta.GroupTypeBuiltIn:
		default:
			h.others = append(h.others, g.Name)
		}
	}
	apps, err := s.okta.Assignments(ctx, userID)
	if err != nil {
		return holdings{}, err
	}
	for _, a := range apps {
		if a.Scope == okta.ScopeUser {
			h.direct[key(entitlement.App, a.AppID)] = a.Label
		}
	}
	h.leases, err = s.leases.Of(ctx, userID)
	return h, err
}

// compared is the explanation with what is given held against what is held.
func compared(e Explanation, rules *entitlement.Rules, h holdings) Explanation {
	now := time.Now()
	given, leased := map[string]bool{}, map[string]bool{}
	for _, g := range e.Decision.Grants {
		given[key(g.Kind, g.ID)] = true
		if _, has := h.direct[key(g.Kind, g.ID)]; !has {
			e.Gets = append(e.Gets, Entry{g.Kind, g.ID, g.Name, g.Text})
		}
	}
	for _, held := range h.leases {
		at := held.Entitlement.String()
		leased[at] = true
		if given[at] || !rules.Managed(held.Entitlement.Kind, held.Entitlement.ID) {
			continue
		}
		others := exceptional(held, now)
		for _, l := range others {
			e.Keeps = append(e.Keeps, Entry{held.Entitlement.Kind, held.Entitlement.ID, l.Name, because(l)})
		}
		if l, has := held.Find(lease.Birthright); has && len(others) == 0 {
			e.Loses = append(e.Loses, Entry{held.Entitlement.Kind, held.Entitlement.ID, l.Name, because(l)})
		}
	}
	for at, name := range h.direct {
		kind, id, _ := strings.Cut(at, "/")
		switch {
		case !rules.Managed(kind, id):
			h.others = append(h.others, name)
		case !given[at] && !leased[at]:
			e.Keeps = append(e.Keeps, Entry{kind, id, name, "held, for a reason that nobody recorded"})
		}
	}
	for _, list := range [][]Entry{e.Gets, e.Loses, e.Keeps} {
		slices.SortFunc(list, func(a, b Entry) int {
			return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Why, b.Why))
		})
	}
	slices.Sort(h.others)
	e.Unmanaged = h.others
	return e
}

// String lays the explanation out for a terminal.
func (e Explanation) String() string {
	var b strings.Builder
	if e.UserID != "" {
		fmt.Fprintf(&b, "Okta user %s, %s\n", e.UserID, e.Status)
	}
	if e.Protected != "" {
		fmt.Fprintf(&b, "Protected, processes leave it alone: %s\n", e.Protected)
	}
	b.WriteString(e.Explanation.String())
	if e.UserID == "" {
		return b.String()
	}
	for _, part := range []struct {
		title string
		list  []Entry
	}{{"Would get", e.Gets}, {"Would lose", e.Loses}, {"Keeps, by exception", e.Keeps}} {
		fmt.Fprintf(&b, "\n%s:\n", part.title)
		for _, x := range part.list {
			fmt.Fprintf(&b, "  %s %s: %s\n", x.Kind, x.Name, x.Why)
		}
		if len(part.list) == 0 {
			b.WriteString("  nothing\n")
		}
	}
	if len(e.Unmanaged) > 0 {
		fmt.Fprintf(&b, "\nNot managed: %s\n", strings.Join(e.Unmanaged, ", "))
	}
	return b.String()
}
