package rolechange

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
)

// plan is what the change comes to as things stand: $.plan. It holds nothing
// personal.
type plan struct {
	// Version names the rules that decided.
	Version string `json:"version"`
	// Comes are given by the new role and not held yet; Stays are given by the
	// new role and held.
	Comes []due `json:"comes,omitempty"`
	Stays []due `json:"stays,omitempty"`
	// Goes were given by the former role alone.
	Goes []loss `json:"goes,omitempty"`
	// Kept is held although the rules do not give it.
	Kept []kept `json:"kept,omitempty"`
	// Withheld would come, and is incompatible with what is kept.
	Withheld []refusal `json:"withheld,omitempty"`
	// Unmanaged are the names of groups and apps that are nobody's business here.
	Unmanaged []string `json:"unmanaged,omitempty"`
	// Gaps name what no rule covers, Trials what rules on trial would change.
	Gaps   []string `json:"gaps,omitempty"`
	Trials []string `json:"trials,omitempty"`
	// Hash stands for what the person is to have and to lose by rule: a plan with
	// another hash is shown on the ticket again.
	Hash string `json:"hash"`
}

// due is an entitlement that the rules give to the new role.
type due struct {
	entitlement.Grant

	// Settled is true when it is held and has an open-ended birthright lease.
	Settled bool `json:"settled,omitempty"`
}

// loss is an entitlement that the rules give no more.
type loss struct {
	entitlement.Grant

	// Stays is true when another lease gives it too: only the reason goes.
	Stays bool `json:"stays,omitempty"`
	// First is true when something that comes must not be held together with it:
	// then it goes before, and without grace.
	First bool `json:"first,omitempty"`
	// Until is when its grace ends; zero when it has none yet.
	Until time.Time `json:"until,omitzero"`
	// Over is true for an app that an earlier change has taken away and a group
	// gave too: it is tried again, and is no news to anybody.
	Over bool `json:"over,omitempty"`
}

// news are the losses that this change brings about.
func (p plan) news() []loss {
	return slices.DeleteFunc(slices.Clone(p.Goes), func(x loss) bool { return x.Over })
}

// kept is access by exception.
type kept struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
	// Keys are those of its leases; none when it was found without a reason.
	Keys []string `json:"keys,omitempty"`
	// Text says why it is held, for the reader of a ticket.
	Text string `json:"text"`
}

// refusal is an entitlement that was not given or not taken away, and why.
type refusal struct {
	entitlement.Grant

	Why string `json:"why"`
}

// inventory is what a person has.
type inventory struct {
	holdings []lease.Holding
	groups   []okta.Group
	// apps are those assigned to the person directly.
	apps []okta.Assignment
	// taken is what the change itself has taken away, or given a time of grace.
	// Okta's lists lag behind: they may show it still.
	taken []entitlement.Grant
	now   time.Time
}

// held is what Okta gives by a membership or assignment of the person's own, by
// "group/<id>" with its name. Groups that an app or Okta itself fills are not
// among them: nobody can be added to or taken out of these.
func (i inventory) held() map[string]string {
	held := map[string]string{}
	for _, g := range i.groups {
		if g.Type == okta.GroupTypeOkta {
			held[key(entitlement.Group, g.ID)] = g.Name
		}
	}
	for _, a := range i.apps {
		held[key(entitlement.App, a.AppID)] = a.Label
	}
	for _, g := range i.taken {
		delete(held, keyOf(g))
	}
	return held
}

func key(kind, id string) string { return kind + "/" + id }

func keyOf(g entitlement.Grant) string { return key(g.Kind, g.ID) }

// adoptable are the entitlements that the person holds, that the rules gave to
// the former role, and that the register does not know: they were given before it
// existed.
func adoptable(rules *entitlement.Rules, former entitlement.Profile, inv inventory) []entitlement.Grant {
	held, known := inv.held(), map[string]bool{}
	for _, h := range inv.holdings {
		known[h.Entitlement.String()] = len(h.Leases) > 0
	}
	return slices.DeleteFunc(rules.Birthright(former).Grants, func(g entitlement.Grant) bool {
		_, has := held[keyOf(g)]
		return !has || known[keyOf(g)]
	})
}

// planned is what the change to the new role comes to for a person who has that.
func planned(rules *entitlement.Rules, becomes entitlement.Profile, inv inventory) plan {
	decision := rules.Birthright(becomes)
	p := plan{Version: decision.Version, Gaps: decision.Gaps}
	d := differ{rules: rules, inv: inv, held: inv.held(), given: map[string]bool{}, leased: map[string]lease.Holding{}}
	for _, g := range decision.Grants {
		d.given[keyOf(g)] = true
	}
	for _, h := range inv.holdings {
		d.leased[h.Entitlement.String()] = h
	}
	d.losses(&p)
	d.exceptions(&p)
	d.gains(&p, decision)
	for _, t := range decision.Trials {
		if t.Mode == entitlement.Warn {
			p.Trials = append(p.Trials, fmt.Sprintf("%s %s (%s)", map[bool]string{true: "would lose", false: "would get"}[t.Loses], t.Grant.Name, strings.Join(t.Rules, ", ")))
		}
	}
	p.Hash = p.hash(slices.DeleteFunc(slices.Clone(inv.taken), func(g entitlement.Grant) bool { return d.given[keyOf(g)] }))
	return p
}

// differ compares what is held with what is given.
type differ struct {
	rules *entitlement.Rules
	inv   inventory
	held  map[string]string
	// given is what the rules give to the new role; leased what the register
	// knows.
	given  map[string]bool
	leased map[string]lease.Holding
}

// losses are the birthright leases that the new role does not give. What the
// rules do not manage any more stays as it is.
func (d *differ) losses(p *plan) {
	for _, h := range d.inv.holdings {
		l, has := h.Find(lease.Birthright)
		e := h.Entitlement
		if !has || d.given[e.String()] || !d.rules.Managed(e.Kind, e.ID) {
			continue
		}
		p.Goes = append(p.Goes, loss{
			Grant: entitlement.Grant{Kind: e.Kind, ID: e.ID, Name: l.Name, Rule: l.Reason.Ref, Text: l.Reason.Text},
			Stays: len(exceptional(h, d.inv.now)) > 0, Until: l.Until, Over: l.Ended(d.inv.now) && !l.Retry.IsZero(),
		})
	}
	slices.SortFunc(p.Goes, func(a, b loss) int { return inOrder(a.Grant, b.Grant) })
}

// exceptions are what is held for another reason than a rule, or for none, and
// what is not managed.
func (d *differ) exceptions(p *plan) {
	for name, h := range d.leased {
		leases := exceptional(h, d.inv.now)
		if len(leases) == 0 || d.given[name] {
			continue
		}
		k := kept{Kind: h.Entitlement.Kind, ID: h.Entitlement.ID, Name: leases[0].Name}
		var reasons []string
		for _, l := range leases {
			k.Keys, reasons = append(k.Keys, l.Key), append(reasons, words(l))
		}
		k.Text = strings.Join(reasons, "; ")
		p.Kept = append(p.Kept, k)
	}
	for name, label := range d.held {
		kind, id, _ := strings.Cut(name, "/")
		switch {
		case !d.rules.Managed(kind, id):
			p.Unmanaged = append(p.Unmanaged, label)
		case !d.given[name] && len(d.leased[name].Leases) == 0:
			p.Kept = append(p.Kept, kept{Kind: kind, ID: id, Name: label, Text: unexplained})
		}
	}
	for _, g := range d.inv.groups {
		if g.Type != okta.GroupTypeOkta && g.Type != okta.GroupTypeBuiltIn {
			p.Unmanaged = append(p.Unmanaged, g.Name)
		}
	}
	slices.SortFunc(p.Kept, func(a, b kept) int {
		return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	slices.Sort(p.Unmanaged)
}

// unexplained is why access is held that nobody gave a reason for.
const unexplained = "held already, for a reason that nobody recorded"

// exceptional are the valid leases that no rule gives.
func exceptional(h lease.Holding, now time.Time) []lease.Lease {
	return slices.DeleteFunc(h.Valid(now), func(l lease.Lease) bool { return l.Key == lease.Birthright })
}

// words tells what a lease rests on.
func words(l lease.Lease) string {
	text := l.Reason.Text
	if text == "" {
		text = l.Reason.Kind
	}
	if l.Ticket != "" && !strings.Contains(text, l.Ticket) {
		text += " (" + l.Ticket + ")"
	}
	if !l.Until.IsZero() {
		text += ", until " + l.Until.UTC().Format("2 January 2006")
	}
	return text
}

// gains are what the rules give. What must not be held together with something
// that stays by exception is withheld; what must not be held together with
// something that goes waits until that is gone.
func (d *differ) gains(p *plan, decision entitlement.Decision) {
	var staying []string
	for _, k := range p.Kept {
		staying = append(staying, k.ID)
	}
	for _, g := range decision.Grants {
		_, has := d.held[keyOf(g)]
		if !has {
			if why := d.against(staying, g); why != "" {
				p.Withheld = append(p.Withheld, refusal{Grant: g, Why: why})
				continue
			}
			for i, x := range p.Goes {
				if !x.Stays && d.against([]string{x.ID}, g) != "" {
					p.Goes[i].First = true
				}
			}
			p.Comes = append(p.Comes, due{Grant: g})
			continue
		}
		l, leased := d.leased[keyOf(g)].Find(lease.Birthright)
		p.Stays = append(p.Stays, due{Grant: g, Settled: leased && l.Until.IsZero()})
	}
}

// against says what the grant must not be held together with.
func (d *differ) against(ids []string, g entitlement.Grant) string {
	for _, pair := range d.rules.Incompatible(ids, g.ID) {
		if pair.Mode == entitlement.Enforce {
			return fmt.Sprintf("the person holds %s: %s", pair.A.Name, pair.Reason)
		}
	}
	return ""
}

// inOrder lists groups before apps, then by name, as decisions do.
func inOrder(a, b entitlement.Grant) int {
	return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

// removals are what is really taken away.
func (p plan) removals() []string {
	var list []string
	for _, x := range p.news() {
		if !x.Stays {
			list = append(list, keyOf(x.Grant))
		}
	}
	return list
}

// hash is the same before, during and after the carrying out, as long as neither
// ticket nor rules change what the person is to have.
func (p plan) hash(taken []entitlement.Grant) string {
	var parts []string
	for _, g := range slices.Concat(p.Comes, p.Stays) {
		parts = append(parts, "+"+keyOf(g.Grant))
	}
	for _, x := range p.news() {
		parts = append(parts, "-"+keyOf(x.Grant))
	}
	for _, w := range p.Withheld {
		parts = append(parts, "?"+keyOf(w.Grant))
	}
	for _, g := range taken {
		parts = append(parts, "-"+keyOf(g))
	}
	slices.Sort(parts)
	parts = slices.Compact(parts)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:8])
}
