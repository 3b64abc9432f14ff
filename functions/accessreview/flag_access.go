package accessreview

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/report"
)

// Rules about what somebody holds.

// valid are the leases of an entry that give access at the time of the review.
// One that ended within the last hour is about to be carried out.
func (d *judged) valid(r registered) []lease.Lease {
	return slices.DeleteFunc(slices.Clone(r.Leases), func(l lease.Lease) bool { return l.Ended(d.review.Began.Add(-grace)) })
}

// rule is the birthright that gives an entitlement.
func (d *judged) rule(kind, id string) (entitlement.Grant, bool) {
	i := slices.IndexFunc(d.birthright, func(g entitlement.Grant) bool { return g.Kind == kind && g.ID == id })
	if i < 0 {
		return entitlement.Grant{}, false
	}
	return d.birthright[i], true
}

// approved reports why somebody may hold an entitlement; ok is false when nothing
// says so.
func (d *judged) approved(kind, id string) (origin report.Origin, ok bool) {
	entry, known := d.entry(kind, id)
	if valid := d.valid(entry); len(valid) > 0 {
		return originOf(valid[0]), true
	}
	if g, given := d.rule(kind, id); given {
		return report.Origin{Kind: "birthright", Ref: g.Rule}, true
	}
	// Where the register knows of an entitlement its word counts: a request whose
	// lease was ended stays closed all the same.
	if r, asked := d.requestFor(kind, id); asked && !known && (r.Until.IsZero() || r.Until.After(d.review.Began.Add(-grace))) {
		return report.Origin{Kind: "request", Ref: r.Number, At: r.Closed, Until: r.Until}, true
	}
	return report.Origin{}, false
}

func originOf(l lease.Lease) report.Origin {
	o := report.Origin{Kind: "request", Ref: l.Ticket, ApprovedBy: strings.Join(l.ApprovedBy, ", "), At: l.Since, Until: l.Until}
	switch {
	case l.Key == lease.Birthright:
		o.Kind, o.Ref = "birthright", l.Reason.Ref
	case strings.HasPrefix(l.Key, "exception/"):
		o.Kind = "exception"
	}
	if o.Ref == "" {
		o.Ref = l.Key
	}
	return o
}

// access looks at one group or app.
func (d *judged) access(ctx context.Context, h held) error {
	switch {
	case h.Kind == report.Role, h.Kind == report.App && h.Scope != okta.ScopeUser:
		return nil // an app that comes through a group goes with the membership
	case h.Kind == report.Group && h.Type != okta.GroupTypeOkta:
		return nil // what an app fills is the app's
	}
	if _, ok := d.approved(h.Kind, h.ID); ok {
		return nil
	}
	if d.rules.Managed(h.Kind, h.ID) {
		return d.unexplained(ctx, h)
	}
	if h.Kind == report.App {
		return d.direct(ctx, h)
	}
	return nil
}

// unexplained flags managed access that nothing gives, or nothing gives any more.
func (d *judged) unexplained(ctx context.Context, h held) error {
	f := finding{
		flag: report.Unapproved, holding: d.holdingOf(h), suggested: report.Revoke, evidence: []string{
			"Okta shows " + d.what(h) + ".",
			fmt.Sprintf("No rule of version %s gives it to %s.", d.rules.Version(), d.profileWords()),
		},
		why: "Nobody has approved it: revoke it, or have it requested.",
	}
	entry, known := d.entry(h.Kind, h.ID)
	request, asked := d.requestFor(h.Kind, h.ID)
	switch {
	case len(entry.Leases) > 0:
		last := slices.MaxFunc(entry.Leases, func(a, b lease.Lease) int { return a.Until.Compare(b.Until) })
		f.flag, f.origin = report.Overdue, originOf(last)
		f.why = "Its time is over and nothing else gives it: revoke it, or have it renewed."
		f.evidence = append(f.evidence, fmt.Sprintf("The register of access gave it until %s (%s); no other reason is left.", date(last.Until), last.Key))
	case known:
		f.flag, f.why = report.Overdue, "The last reason for it was taken away: revoke it."
		f.evidence = append(f.evidence, "The register of access knows the entitlement, and holds no reason for it any more.")
	case asked:
		f.flag, f.origin = report.Overdue, report.Origin{Kind: "request", Ref: request.Number, At: request.Closed, Until: request.Until}
		f.why = "The time that was approved is over: revoke it, or have it renewed."
		f.evidence = append(f.evidence, fmt.Sprintf("%s gave it %s.", request.Number, lives(request.Until)))
	default:
		f.evidence = append(f.evidence, "The register of access holds no reason for it.", "No closed request of the person asks for it.")
	}
	f.risk = riskOfAccess(f.flag, d.riskOf(h.Kind, h.ID))
	if err := d.explain(ctx, &f, h.Kind, h.ID); err != nil || f.flag == "" {
		return err
	}
	d.add(f)
	return nil
}

func riskOfAccess(flag report.Flag, r entitlement.Risk) report.Risk {
	switch {
	case flag == report.Unapproved && r == entitlement.High:
		return report.Critical
	case r == entitlement.High, flag == report.Unapproved && r == entitlement.Medium:
		return report.High
	}
	return report.Medium
}

// profileWords is what the rules decide by.
func (d *judged) profileWords() string {
	a := d.account
	title := a.Title
	if title == "" {
		title = "somebody without a title"
	}
	if a.Department == "" {
		return title + " without a department"
	}
	return title + " in " + a.Department
}

// direct flags an app that somebody has directly although groups carry it.
func (d *judged) direct(ctx context.Context, h held) error {
	groups, carried := d.carriers[h.ID]
	if !carried {
		return nil
	}
	var all, mine []string
	for _, id := range groups {
		if d.names[id] == "" {
			continue
		}
		all = append(all, quoted(d.names[id]))
		if _, member := d.holds(report.Group, id); member {
			mine = append(mine, quoted(d.names[id]))
		}
	}
	slices.Sort(all)
	slices.Sort(mine)
	f := finding{
		flag: report.DirectAssignment, risk: report.Low, holding: d.holdingOf(h), origin: report.Origin{Kind: "unknown", At: h.At}, suggested: report.None,
		why: "Put the person into the group that carries the app, then take the direct assignment away: it outlives every change of role.",
		evidence: []string{
			"The app " + quoted(h.Name) + " is assigned to the person directly" + since(h.At) + ".",
			"Others have it through " + orGroups(all) + ".",
		},
	}
	if len(mine) > 0 {
		f.suggested, f.why = report.Revoke, "The person is in "+strings.Join(mine, ", ")+" anyway: nothing is lost without the direct assignment."
		f.evidence = append(f.evidence, "The person is a member of "+strings.Join(mine, ", ")+", which carries it too.")
	}
	if err := d.explain(ctx, &f, h.Kind, h.ID); err != nil {
		return err
	}
	d.add(f)
	return nil
}

func since(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return " since " + date(at)
}

func orGroups(names []string) string {
	const most = 5
	switch {
	case len(names) == 0:
		return "groups"
	case len(names) == 1:
		return "the group " + names[0]
	case len(names) > most:
		return fmt.Sprintf("the groups %s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return "the groups " + strings.Join(names, ", ")
}

// incompatible flags both sides of a pair that nobody may hold together. What is
// to go is the side that a request gave, not what the job brings.
func (d *judged) incompatible(ctx context.Context) error {
	for _, pair := range d.pairs {
		a, hasA := d.holds(pair.A.Kind, pair.A.ID)
		b, hasB := d.holds(pair.B.Kind, pair.B.ID)
		if !hasA || !hasB || pair.Mode == entitlement.Record {
			continue
		}
		keep, goes := a, b
		if _, byRule := d.rule(b.Kind, b.ID); byRule {
			keep, goes = b, a
		}
		origin, _ := d.approved(goes.Kind, goes.ID)
		f := finding{
			flag: report.Incompatible, risk: report.High, holding: d.holdingOf(goes), origin: origin, key: pair.Name, suggested: report.Revoke,
			why: fmt.Sprintf("One of the two has to go; %s is the one that the job does not bring.", quoted(goes.Name)),
			evidence: []string{
				fmt.Sprintf("The person holds both %s and %s.", quoted(keep.Name), quoted(goes.Name)),
				fmt.Sprintf("The rule %s keeps them apart: %s.", quoted(pair.Name), pair.Reason),
			},
		}
		if _, byRule := d.rule(goes.Kind, goes.ID); byRule || pair.Mode == entitlement.Warn {
			f.suggested, f.why = report.None, "Both have a reason: decide which of the two the person needs."
		}
		if pair.Mode == entitlement.Warn {
			f.risk = report.Medium
		}
		if err := d.explain(ctx, &f, goes.Kind, goes.ID); err != nil {
			return err
		}
		d.add(f)
	}
	return nil
}

// undelivered flags what was approved some time ago and is not there.
func (d *judged) undelivered(ctx context.Context) error {
	if !d.account.Status.CanSignIn() && d.account.Status != okta.LockedOut {
		return nil // it is given when the account is used
	}
	old := d.review.Began.Add(-grace)
	seen := map[string]bool{}
	for _, r := range d.registered {
		seen[r.Held.String()] = true
		valid := slices.DeleteFunc(d.valid(r), func(l lease.Lease) bool { return l.Since.After(old) })
		if len(valid) > 0 {
			if err := d.miss(ctx, r.Held.Kind, r.Held.ID, valid[0].Name, originOf(valid[0])); err != nil {
				return err
			}
		}
	}
	if d.link == nil {
		return nil
	}
	for _, r := range d.link.Requests {
		item, ok := d.rules.Item(r.Item)
		of := lease.Entitlement{Kind: item.Entitlement.Kind, ID: item.Entitlement.ID}
		if !ok || seen[of.String()] {
			continue
		}
		seen[of.String()] = true
		if newest, _ := d.requestFor(of.Kind, of.ID); !newest.Closed.After(old) && (newest.Until.IsZero() || newest.Until.After(d.review.Began)) {
			origin := report.Origin{Kind: "request", Ref: newest.Number, At: newest.Closed, Until: newest.Until}
			if err := d.miss(ctx, of.Kind, of.ID, item.Entitlement.Name, origin); err != nil {
				return err
			}
		}
	}
	return nil
}

// miss flags an entitlement that somebody should have and has not.
func (d *judged) miss(ctx context.Context, kind, id, name string, origin report.Origin) error {
	if _, there := d.holds(kind, id); there {
		return nil
	}
	f := finding{
		flag: report.NotDelivered, risk: report.Low, origin: origin, suggested: report.None,
		holding: report.Holding{Kind: kind, ID: id, Name: name, Risk: string(d.riskOf(kind, id))},
		why:     "Deliver it, or end the approval: an approval that waits is access that comes unasked.",
		evidence: []string{
			fmt.Sprintf("%s was approved on %s (%s %s), %s.", quoted(name), date(origin.At), origin.Kind, origin.Ref, lives(origin.Until)),
			"Okta does not show it.",
		},
	}
	if err := d.explain(ctx, &f, kind, id); err != nil {
		return err
	}
	d.add(f)
	return nil
}
