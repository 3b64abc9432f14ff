package accessreview

import (
	"context"
	"fmt"
	"strings"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/okta"
	"lifecycle/shared/report"
)

// Rules about accounts.

// leaver flags each thing that a deactivated account still has.
func (d *judged) leaver(ctx context.Context) error {
	status := fmt.Sprintf("Okta says that the account is %s.", d.account.Status)
	if d.account.Status != okta.Deprovisioned {
		status = "Okta says that the account is being deactivated."
	}
	risk := report.High
	for _, h := range d.held {
		f := finding{
			flag: report.Leaver, risk: risk, holding: d.holdingOf(h), suggested: report.Revoke, why: "Who has left keeps nothing.",
			evidence: []string{status, "It still has " + d.what(h) + "."},
		}
		switch {
		case h.Kind == report.Role:
			f.risk = report.Critical
		case h.Type == okta.GroupTypeApp:
			f.risk, f.suggested = report.Low, report.None
			f.why = "The app that the group comes from has to take the membership back; Okta cannot."
		case d.riskOf(h.Kind, h.ID) == entitlement.Low:
			f.risk = report.Medium
		}
		if err := d.explain(ctx, &f, h.Kind, h.ID); err != nil {
			return err
		}
		d.add(f)
	}
	for _, r := range d.registered {
		if _, there := d.holds(r.Held.Kind, r.Held.ID); there || len(d.valid(r)) == 0 {
			continue
		}
		l := d.valid(r)[0]
		d.add(finding{
			flag: report.Leaver, risk: report.Medium, origin: originOf(l), suggested: report.Revoke,
			holding:  report.Holding{Kind: r.Held.Kind, ID: r.Held.ID, Name: l.Name, Risk: string(d.riskOf(r.Held.Kind, r.Held.ID))},
			why:      "A reason that stays in the register would give the access again to whoever is hired under this account.",
			evidence: []string{status, fmt.Sprintf("The register of access still holds the reason %s for %s, although the account has lost it.", l.Key, quoted(l.Name))},
		})
	}
	return nil
}

// what names a holding in a sentence.
func (d *judged) what(h held) string {
	switch {
	case h.Kind == report.Role:
		return "the administrator role " + quoted(h.Name)
	case h.Kind == report.Group:
		return "the membership in the group " + quoted(h.Name)
	case h.Scope == okta.ScopeGroup && d.names[h.Via] != "":
		return fmt.Sprintf("the app %s, through the group %s", quoted(h.Name), quoted(d.names[h.Via]))
	case h.Scope == okta.ScopeGroup:
		return "the app " + quoted(h.Name) + ", through a group"
	}
	return "the app " + quoted(h.Name) + ", assigned directly"
}

// orphan flags an account in use that ServiceNow has nobody for.
func (d *judged) orphan() {
	a := d.account
	if d.protected != "" || a.Status == okta.Staged || d.review.Began.Sub(a.Created) < youngest {
		return
	}
	f := finding{flag: report.Orphan, risk: report.High, holding: d.accountHolding(), origin: report.Origin{Kind: "unknown", At: a.Created}, suggested: report.Revoke}
	status := fmt.Sprintf("Okta says that the account is %s and was made on %s.", a.Status, date(a.Created))
	number := "The account has no employee number."
	if a.Number != "" {
		number = fmt.Sprintf("Its employee number is %s.", a.Number)
	}
	switch l := d.link; {
	case l == nil || l.Record == "":
		f.key, f.why = "missing", "Nobody in ServiceNow answers for this account: find whose it is, or have it terminated."
		f.evidence = []string{status, number, "ServiceNow has no person with this number, nor one with the account's address who has no other number."}
	case !l.Active && a.Status == okta.Suspended:
		f.flag, f.key, f.why = report.Leaver, "suspended", "The person has left; a suspended account can be opened again with all that it has."
		f.evidence = []string{status, number, fmt.Sprintf("ServiceNow's record %s of the person is inactive.", l.Record), d.amount()}
	case !l.Active:
		f.key, f.why = "inactive", "The person has left: a termination ticket disables the account and takes everything away."
		f.evidence = []string{status, number, fmt.Sprintf("ServiceNow's record %s of the person is inactive.", l.Record), d.amount()}
	case len(l.Doubles) > 0:
		f.key, f.risk, f.suggested = "doubled", report.Medium, report.None
		f.why = "Two active records answer for one account: say which one is the person's, and make the other inactive."
		f.evidence = []string{status, number, fmt.Sprintf("ServiceNow has the active records %s and %s with the same number or address.", l.Record, strings.Join(l.Doubles, ", "))}
	default:
		return
	}
	if d.privileged() && f.key != "doubled" {
		f.risk = report.Critical
		f.evidence = append(f.evidence, "The account holds an administrator role or an entitlement of high risk.")
	}
	d.add(f)
}

// amount tells how much somebody holds.
func (d *judged) amount() string {
	n := map[string]int{}
	for _, h := range d.held {
		n[h.Kind]++
	}
	return fmt.Sprintf("It holds %d memberships, %d apps and %d administrator roles.", n[report.Group], n[report.App], n[report.Role])
}

// privileged reports whether the account can do much harm.
func (d *judged) privileged() bool {
	for _, h := range d.held {
		if h.Kind == report.Role || d.riskOf(h.Kind, h.ID) == entitlement.High {
			return true
		}
	}
	return false
}

// dormant flags an account that could be used and is not.
func (d *judged) dormant() {
	a := d.account
	if d.protected != "" || !a.Status.CanSignIn() {
		return
	}
	last, words := a.LastSignIn, "The last sign-in was on "
	if last.IsZero() {
		if last, words = a.Activated, "Nobody has ever signed in with it since it was activated on "; last.IsZero() {
			last, words = a.Created, "Nobody has ever signed in with it since it was made on "
		}
	}
	days := int(d.review.Began.Sub(last) / wholeDay)
	if last.IsZero() || days < d.settings.DormantDays {
		return
	}
	f := finding{
		flag: report.Dormant, risk: report.Low, holding: d.accountHolding(), origin: report.Origin{Kind: "unknown", At: a.Created}, suggested: report.Revoke,
		why: "Unused licences can be reclaimed, and an account that nobody misses is one that nobody guards.",
		evidence: []string{
			fmt.Sprintf("%s%s, %d days before the review; the policy allows %d.", words, date(last), days, d.settings.DormantDays),
			d.amount(),
		},
	}
	if d.privileged() {
		f.risk = report.Medium
		f.evidence = append(f.evidence, "The account holds an administrator role or an entitlement of high risk.")
	}
	d.add(f)
}

// adminRoles flags every administrator: whoever can give access to others is
// confirmed at every review.
func (d *judged) adminRoles() {
	for _, h := range d.roles {
		f := finding{
			flag: report.AdminRole, risk: report.Medium, holding: d.holdingOf(h), suggested: report.None,
			why:      "Administrators are confirmed at every review: keep the role only if the work needs it.",
			evidence: []string{fmt.Sprintf("Okta lists the account as %s.", quoted(h.Name))},
		}
		if h.Type == okta.SuperAdmin {
			f.risk = report.High
			f.evidence = append(f.evidence, "The role may do everything, and give any role to anybody.")
		}
		if h.Via != "" {
			f.holding.Via = d.names[h.Via]
			f.evidence = append(f.evidence, fmt.Sprintf("The role comes through the group %s and goes with the membership.", quoted(d.names[h.Via])))
		}
		if a := d.account; !a.LastSignIn.IsZero() {
			f.evidence = append(f.evidence, "The last sign-in was on "+date(a.LastSignIn)+".")
		} else {
			f.evidence = append(f.evidence, "No sign-in is known.")
		}
		d.add(f)
	}
}
