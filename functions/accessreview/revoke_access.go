package accessreview

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/report"
)

// entitlementOf is what the register of access calls a holding.
func entitlementOf(h report.Holding) lease.Entitlement {
	return lease.Entitlement{Kind: h.Kind, ID: h.ID}
}

// leased reports whether a holding is of the kind that the register knows.
func leased(h report.Holding) bool { return h.Kind == report.Group || h.Kind == report.App }

// confirm gives access that a reviewer keeps a reason, where it has none: an
// exception that names who has agreed to it. What the deadline keeps stays without
// one, and the next review asks about it again.
func (c *Campaign) confirm(ctx context.Context, st taskState, q question, f report.Finding) (string, error) {
	wanting := f.Flag == report.Unapproved || f.Flag == report.Overdue
	switch {
	case q.Answer.By == "" || !leased(f.Holding) || f.Holding.Via != "":
		return kept, nil
	case f.Flag == report.NotDelivered:
		return c.deliver(ctx, q, f)
	case !wanting:
		return kept, nil
	}
	rules, err := c.rules.Rules(ctx)
	if err != nil {
		return "", err
	}
	if !rules.Managed(f.Holding.Kind, f.Holding.ID) {
		return kept, nil
	}
	if there, err := c.holds(ctx, f); err != nil || !there {
		return "kept, and not there any more", err
	}
	if against, err := c.incompatible(ctx, rules, f); err != nil || against != "" {
		return "kept, but not as an exception: it may not be held together with " + against, err
	}
	err = c.leases.Grant(ctx, lease.Lease{
		Subject: f.Person.OktaID, Entitlement: entitlementOf(f.Holding), Name: f.Holding.Name, Key: lease.ExceptionKey(st.Number), Ticket: st.Number,
		Reason:     audit.Reason{Kind: "exception", Ref: st.Number, Text: "kept by the reviewer's decision in " + st.Number},
		ApprovedBy: []string{q.Answer.By},
	})
	return "kept, as an exception that " + st.Number + " gives", err
}

// incompatible is what the person holds that nobody may hold together with what is
// kept: a reviewer cannot agree to that.
func (c *Campaign) incompatible(ctx context.Context, rules *entitlement.Rules, f report.Finding) (string, error) {
	groups, err := c.okta.Groups(ctx, f.Person.OktaID)
	if err != nil {
		return "", err
	}
	for _, g := range groups {
		for _, pair := range rules.Incompatible([]string{g.ID}, f.Holding.ID) {
			if pair.Mode == entitlement.Enforce && g.ID != f.Holding.ID {
				return g.Name + " (" + pair.Reason + ")", nil
			}
		}
	}
	return "", nil
}

// deliver gives what was approved and is not there.
func (c *Campaign) deliver(ctx context.Context, q question, f report.Finding) (string, error) {
	e := entitlementOf(f.Holding)
	h, err := c.leases.Holding(ctx, f.Person.OktaID, e)
	if err != nil {
		return "", err
	}
	if len(h.Valid(time.Now())) == 0 {
		return "kept as approved; nothing gives it yet, so its request has to be taken up again", nil
	}
	if _, err := c.leases.Settle(ctx, c.okta, f.Person.OktaID, e, q.why()); err != nil {
		return "", err
	}
	return "kept, and given now", nil
}

// revocation is one attempt to take something away.
type revocation struct {
	// begun is true when an earlier attempt had found it there: that it is gone
	// now is our doing.
	begun bool
	// begin notes that it was there; it has to be called before it is touched.
	begin func() error
}

// gone is what is said about something that is not there.
func (r revocation) gone(why string) string {
	if r.begun {
		return takenAway
	}
	return "gone already" + why
}

// revoke takes away what a line is about. What another lease or a rule gives
// besides stays, and so does what nobody manages here.
func (c *Campaign) revoke(ctx context.Context, q question, f report.Finding, r revocation) (string, error) {
	u, err := c.okta.User(ctx, f.Person.OktaID)
	if fault.Is[*fault.NotFound](err) {
		return r.gone(": the account does not exist any more"), nil
	}
	if err != nil {
		return "", err
	}
	rules, err := c.rules.Rules(ctx)
	if err != nil {
		return "", err
	}
	groups, err := c.okta.Groups(ctx, u.ID)
	if err != nil {
		return "", err
	}
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.ID
	}
	if why, protected := rules.Protected(u.ID, ids); protected {
		return "not revoked: the account is protected (" + why + "); a person has to do it", nil
	}
	switch f.Holding.Kind {
	case report.Role:
		return c.removeRole(ctx, q, f, r)
	case report.Account:
		return c.shut(ctx, q, f, u, r)
	}
	if problem := unrevocable(rules, f); problem != "" {
		return problem, nil
	}
	if f.Holding.Kind == report.Group && !slices.Contains(ids, f.Holding.ID) && f.Flag != report.NotDelivered {
		n, err := c.endReasons(ctx, q, f)
		if n > 0 {
			return r.gone("; what the register still gave as its reason is ended"), err
		}
		return r.gone(""), err
	}
	return c.endAccess(ctx, q, f, u, rules, r)
}

// unrevocable says why something cannot be taken away from the person; empty when
// it can.
func unrevocable(rules *entitlement.Rules, f report.Finding) string {
	switch {
	case f.Holding.Via != "":
		return "not revoked: it comes through the group " + f.Holding.Via + ", which has to be decided about"
	case f.Flag == report.Leaver, f.Flag == report.DirectAssignment:
		// Who has left keeps nothing; an assignment of their own besides a group's is
		// what the reviewer has decided about, whatever the group gives.
	case !rules.Managed(f.Holding.Kind, f.Holding.ID):
		return "not revoked: it is not managed here; whoever looks after it has to take it away"
	}
	return ""
}

// endAccess ends the reason that the line is about and lets the register say what
// follows from that.
func (c *Campaign) endAccess(ctx context.Context, q question, f report.Finding, u okta.User, rules *entitlement.Rules, r revocation) (string, error) {
	if rule, given := birthright(rules, u, f.Holding); given {
		_, err := c.endReasons(ctx, q, f)
		return "not revoked: the rule " + rule + " gives it", err
	}
	if err := r.begin(); err != nil {
		return "", err
	}
	if _, err := c.endReasons(ctx, q, f); err != nil {
		return "", err
	}
	held, err := c.leases.Settle(ctx, c.okta, u.ID, entitlementOf(f.Holding), q.why())
	switch {
	case f.Holding.Kind == report.App && fault.Is[*fault.Conflict](err):
		return "not revoked: a group gives the app too, and Okta keeps the person's own assignment as long as it does", nil
	case err == nil && !held && f.Flag == report.NotDelivered:
		return "the approval is ended; nothing had come of it", nil
	case err != nil || !held:
		return takenAway, err
	}
	h, err := c.leases.Holding(ctx, u.ID, entitlementOf(f.Holding))
	var reasons []string
	for _, l := range h.Valid(time.Now()) {
		reasons = append(reasons, l.Key)
	}
	return "not revoked: another reason gives it all the same (" + strings.Join(reasons, ", ") + ")", err
}

// birthright is the rule that gives a holding to somebody who is employed.
func birthright(rules *entitlement.Rules, u okta.User, h report.Holding) (rule string, given bool) {
	if u.Status == okta.Deprovisioned {
		return "", false
	}
	p := u.Profile
	for _, g := range rules.Birthright(entitlement.Profile{
		Department: p.Department, Title: p.Title, Location: p.Location, EmployeeType: p.EmployeeType, Manager: p.ManagerID,
	}).Grants {
		if g.Kind == h.Kind && g.ID == h.ID {
			return g.Rule, true
		}
	}
	return "", false
}

// endReasons ends the leases that the line is about: what its origin names, what
// is over, and of somebody who has left all, and counts them. What was given after
// the review had read is not its business.
func (c *Campaign) endReasons(ctx context.Context, q question, f report.Finding) (n int, err error) {
	e := entitlementOf(f.Holding)
	h, err := c.leases.Holding(ctx, f.Person.OktaID, e)
	if err != nil {
		return 0, err
	}
	for _, l := range h.Leases {
		named := f.Origin.Ref != "" && (l.Key == lease.RequestKey(f.Origin.Ref) || l.Key == lease.ExceptionKey(f.Origin.Ref))
		if l.Since.After(q.Read) || !named && !l.Ended(time.Now()) && f.Flag != report.Leaver {
			continue
		}
		if err := c.leases.End(ctx, f.Person.OktaID, e, l.Key, q.why()); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// removeRole takes an administrator's role away, unless nobody would be left who
// may do everything.
func (c *Campaign) removeRole(ctx context.Context, q question, f report.Finding, r revocation) (string, error) {
	roles, err := c.okta.AdminRoles(ctx, f.Person.OktaID)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(roles, func(role okta.Role) bool { return role.ID == f.Holding.ID })
	switch {
	case at < 0:
		return r.gone(""), nil
	case roles[at].ViaGroup():
		return "not revoked: the role comes through a group, which has to be decided about", nil
	}
	if roles[at].Type == okta.SuperAdmin {
		supers, err := c.okta.SuperAdmins(ctx)
		if err != nil {
			return "", err
		}
		if len(supers) <= 1 {
			return "not revoked: nobody else would be left who may do everything", nil
		}
	}
	if err := r.begin(); err != nil {
		return "", err
	}
	return takenAway, c.okta.RemoveAdminRole(ctx, f.Person.OktaID, roles[at].ID, q.why())
}

// shut keeps an account from signing in. That can be undone, unless the person
// has left: then the account is deactivated, as their offboarding would.
func (c *Campaign) shut(ctx context.Context, q question, f report.Finding, u okta.User, r revocation) (string, error) {
	leaver := f.Flag == report.Leaver
	if u.Status == okta.Deprovisioned || u.Status == okta.Suspended && !leaver {
		if !r.begun {
			return r.gone(fmt.Sprintf(": the account is %s", u.Status)), nil
		}
		return takenAway, nil
	}
	if err := r.begin(); err != nil {
		return "", err
	}
	if leaver {
		return takenAway, c.okta.Deactivate(ctx, u.ID, q.why())
	}
	if err := c.okta.Suspend(ctx, u.ID, q.why()); err != nil {
		return "", err
	}
	return takenAway, c.okta.EndSessions(ctx, u.ID, q.why())
}

// holds reads whether what a line is about is there.
func (c *Campaign) holds(ctx context.Context, f report.Finding) (bool, error) {
	there, err := c.holding(ctx, f)
	if fault.Is[*fault.NotFound](err) {
		return false, nil
	}
	return there, err
}

func (c *Campaign) holding(ctx context.Context, f report.Finding) (bool, error) {
	switch f.Holding.Kind {
	case report.App:
		return c.assigned(ctx, f)
	case report.Role:
		roles, err := c.okta.AdminRoles(ctx, f.Person.OktaID)
		return slices.ContainsFunc(roles, func(r okta.Role) bool { return r.ID == f.Holding.ID }), err
	case report.Account:
		u, err := c.okta.User(ctx, f.Person.OktaID)
		return u.Status.CanSignIn() || f.Flag == report.Leaver && u.Status != okta.Deprovisioned, err
	}
	groups, err := c.okta.Groups(ctx, f.Person.OktaID)
	return slices.ContainsFunc(groups, func(g okta.Group) bool { return g.ID == f.Holding.ID }), err
}

// assigned reports whether the person has an assignment of their own to the app:
// one that comes through a group goes with the group.
func (c *Campaign) assigned(ctx context.Context, f report.Finding) (bool, error) {
	if has, err := c.okta.HasApp(ctx, f.Holding.ID, f.Person.OktaID); err != nil || !has {
		return false, err
	}
	apps, err := c.okta.Assignments(ctx, f.Person.OktaID)
	return slices.ContainsFunc(apps, func(a okta.Assignment) bool { return a.AppID == f.Holding.ID && a.Scope == okta.ScopeUser }), err
}
