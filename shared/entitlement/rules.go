package entitlement

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr/vm"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"lifecycle/shared/fault"
)

// Rules decide. They are immutable and may be used by many goroutines.
type Rules struct {
	version      string
	entitlements []Entitlement // in the order in which decisions list them
	// rules are all of them in order of precedence; the others tell how each is
	// found.
	rules      []*rule
	everybody  *rule
	types      map[string]*rule // by folded employee type
	tables     []*table
	conditions []*rule

	items           map[string]Item // by folded name
	pairs           []pair
	protectedUsers  map[string]string // reason by id
	protectedGroups map[string]string
	managed         map[int]bool
	managedIDs      map[Entitlement]bool // by kind and id, without name
	userPlaces      []place

	machines sync.Pool // of *vm.VM: one run at a time each
}

// LargestDocument is the size in bytes up to which a document is read.
const LargestDocument = 4 << 20

// Load reads a document. When it cannot be used the error is *fault.Invalid and
// lists every problem; Inspect gives them in parts.
func Load(doc []byte) (*Rules, error) {
	rules, found := Inspect(doc)
	if len(found) == 0 {
		return rules, nil
	}
	invalid := &fault.Invalid{Message: fmt.Sprintf("the entitlement rules cannot be used (problems: %d)", len(found))}
	for _, p := range found {
		invalid.Problems = append(invalid.Problems, p.String())
	}
	return nil, invalid
}

// Inspect reads a document and lists its problems by place. There are rules only
// when there are no problems.
func Inspect(doc []byte) (*Rules, []Problem) {
	var form problems
	if len(doc) > LargestDocument {
		form.add("", "split titles into conditions, or take out what is not needed", "it has %d bytes, more than the %d that are read", len(doc), LargestDocument)
		return nil, form
	}
	content, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err == nil {
		err = repeatedMembers(doc, &form)
	}
	if err != nil {
		form.add("", "mend the JSON", "it is not JSON%s: %v", position(doc, err), err)
		return nil, form
	}
	formProblems(content, &form)
	b := newBuilder(decode(doc))
	b.build()
	all := form
	for _, p := range b.problems {
		if !follows(p, form) {
			all = append(all, p)
		}
	}
	if len(all) > 0 {
		return nil, all.sorted()
	}
	b.rules.finish(version(b.doc.Version, content))
	return b.rules, nil
}

// follows reports whether the problem lies where the document has not even the
// right form: it would only repeat that.
func follows(p Problem, form problems) bool {
	return slices.ContainsFunc(form, func(f Problem) bool {
		return f.Where != "" && pointer(p.Where).within(pointer(f.Where))
	})
}

// version is the declared version and the beginning of the hash of the content.
// Layout and the order of members do not change the hash.
func version(declared string, content any) string {
	canonical, err := json.Marshal(content) // sorts members
	if err != nil {
		panic(fmt.Sprintf("entitlement: what came from JSON does not go back: %v", err))
	}
	sum := sha256.Sum256(canonical)
	return declared + "+" + hex.EncodeToString(sum[:6])
}

func (r *Rules) finish(version string) {
	r.version = version
	r.machines.New = func() any { return new(vm.VM) }
	r.managedIDs = map[Entitlement]bool{}
	for e := range r.managed {
		of := r.entitlements[e]
		r.managedIDs[Entitlement{Kind: of.Kind, ID: of.ID}] = true
	}
}

// Version names the document: its declared version and a short hash of its
// content, such as "2026-03-01+5f3c9a0d1b2e".
func (r *Rules) Version() string { return r.version }

// Birthright decides what a person with the profile gets without asking.
func (r *Rules) Birthright(p Profile) Decision {
	m := r.match(p)
	d := Decision{Version: r.version, Grants: r.combine(m.applied), Gaps: m.gaps, Covered: m.covered}
	if len(m.trials) > 0 || len(m.displaced) > 0 {
		d.Trials = r.trials(m, d.Grants)
	}
	d.Collisions = r.collisions(d.Grants)
	return d
}

// match is which rules apply to a profile.
type match struct {
	// applied are the enforced ones, in order of precedence.
	applied []*rule
	// trials are those on trial that would apply; displaced are the enforced
	// rows that rows on trial would take the place of.
	trials, displaced []*rule
	gaps              []string
	covered           bool
}

func (r *Rules) match(p Profile) match {
	written := p.values()
	v := written.folded()
	m := match{applied: make([]*rule, 0, 8)}
	m.applied = append(m.applied, r.everybody)
	if own, ok := r.types[v[employeeType]]; ok {
		m.applied = append(m.applied, own)
	} else {
		m.gaps = append(m.gaps, typeGap(written))
	}
	for _, t := range r.tables {
		enforced, onTrial := t.find(v)
		if enforced != nil {
			m.applied, m.covered = append(m.applied, enforced), true
		} else if t.complete {
			m.gaps = append(m.gaps, t.gap(written))
		}
		if onTrial != enforced {
			m.trials = append(m.trials, onTrial)
			if enforced != nil {
				m.displaced = append(m.displaced, enforced)
			}
		}
	}
	env := v.environment()
	machine := r.machines.Get().(*vm.VM)
	defer r.machines.Put(machine)
	for _, c := range r.conditions {
		if !c.needs.met(&v) || !c.condition.holds(machine, env) {
			continue
		}
		if c.trial() {
			m.trials = append(m.trials, c)
		} else {
			m.applied, m.covered = append(m.applied, c), true
		}
	}
	slices.Sort(m.gaps)
	m.gaps = slices.Compact(m.gaps)
	return m
}

func typeGap(v values) string {
	if words := v.words([]field{employeeType}); words != "" {
		return "no baseline for " + words
	}
	return "no baseline for a profile without employee type"
}

// holds evaluates one condition.
func (r *Rules) holds(c *condition, env map[string]any) bool {
	machine := r.machines.Get().(*vm.VM)
	defer r.machines.Put(machine)
	return c.holds(machine, env)
}

// combine adds up what rules give. A grant of several rules carries the reasons
// of all of them.
func (r *Rules) combine(rules []*rule) []Grant {
	type given struct {
		share
		rule *rule
	}
	all := make([]given, 0, 16)
	for _, x := range rules {
		for _, s := range x.shares {
			all = append(all, given{s, x})
		}
	}
	slices.SortFunc(all, func(a, b given) int {
		return cmp.Or(cmp.Compare(a.entitlement, b.entitlement), cmp.Compare(a.rule.order, b.rule.order))
	})
	grants := make([]Grant, 0, len(all))
	for i, g := range all {
		if i > 0 && g.entitlement == all[i-1].entitlement {
			last := &grants[len(grants)-1]
			last.Rule += "; " + g.rule.name
			last.Text += "; " + g.text
			continue
		}
		e := r.entitlements[g.entitlement]
		grants = append(grants, Grant{Kind: e.Kind, ID: e.ID, Name: e.Name, Rule: g.rule.name, Text: g.text})
	}
	return grants
}

// trials compares the decision with the one that would be taken if the rules on
// trial were enforced.
func (r *Rules) trials(m match, now []Grant) []Trial {
	would := append(slices.Clone(m.trials), m.applied...)
	would = slices.DeleteFunc(would, func(x *rule) bool { return slices.Contains(m.displaced, x) })
	change := between(now, r.combine(would))
	var out []Trial
	for _, g := range change.Gained {
		out = append(out, trial(g, false, r.giving(m.trials, g)))
	}
	for _, g := range change.Lost {
		var replaced []*rule
		for _, gone := range r.giving(m.displaced, g) {
			for _, x := range m.trials {
				if x.table == gone.table {
					replaced = append(replaced, x)
				}
			}
		}
		out = append(out, trial(g, true, replaced))
	}
	return out
}

func trial(g Grant, loses bool, by []*rule) Trial {
	t := Trial{Mode: Record, Loses: loses, Grant: g}
	for _, x := range by {
		if x.mode == Warn {
			t.Mode = Warn
		}
		t.Rules = append(t.Rules, x.name)
	}
	return t
}

// giving are those of rules that give the grant.
func (r *Rules) giving(rules []*rule, g Grant) []*rule {
	var out []*rule
	for _, x := range rules {
		for _, s := range x.shares {
			if e := r.entitlements[s.entitlement]; e.Kind == g.Kind && e.ID == g.ID {
				out = append(out, x)
			}
		}
	}
	return out
}

// Protected reports whether a process has to leave the account alone until a
// person says otherwise, and why: the account is listed, or is in a group whose
// members are. The reason names no person.
func (r *Rules) Protected(userID string, groupIDs []string) (reason string, protected bool) {
	if reason, protected = r.protectedUsers[userID]; protected {
		return reason, true
	}
	var reasons []string
	for _, id := range groupIDs {
		if why, ok := r.protectedGroups[id]; ok {
			reasons = append(reasons, why)
		}
	}
	reasons = distinct(reasons)
	return strings.Join(reasons, "; "), len(reasons) > 0
}

// Managed reports whether the group or app is one that the rules give or the
// catalog offers, or that they name as managed. All others are never touched.
func (r *Rules) Managed(kind, id string) bool {
	return r.managedIDs[Entitlement{Kind: kind, ID: id}]
}

// Incompatible lists the pairs that would come about if whoever holds the
// entitlements with the ids held were given the one with the id add.
func (r *Rules) Incompatible(held []string, add string) []Pair {
	var out []Pair
	for _, p := range r.pairs {
		a, b := r.entitlements[p.a], r.entitlements[p.b]
		if a.ID == add {
			a, b = b, a
		}
		if b.ID == add && slices.Contains(held, a.ID) {
			out = append(out, Pair{Name: p.name, A: a, B: b, Reason: p.reason, Mode: p.mode})
		}
	}
	return out
}

// Opposites are the entitlements that nobody may hold together with the one with
// the id: whoever asks Incompatible needs to know which of them are held.
func (r *Rules) Opposites(id string) []Entitlement {
	var out []Entitlement
	for _, p := range r.pairs {
		a, b := r.entitlements[p.a], r.entitlements[p.b]
		switch id {
		case a.ID:
			out = append(out, b)
		case b.ID:
			out = append(out, a)
		}
	}
	return out
}

// Pairs lists everything that nobody may hold together.
func (r *Rules) Pairs() []Pair {
	out := make([]Pair, 0, len(r.pairs))
	for _, p := range r.pairs {
		out = append(out, Pair{Name: p.name, A: r.entitlements[p.a], B: r.entitlements[p.b], Reason: p.reason, Mode: p.mode})
	}
	return out
}

// collisions are the pairs of which both stand in grants.
func (r *Rules) collisions(grants []Grant) []Pair {
	var out []Pair
	for _, p := range r.pairs {
		a, b := r.entitlements[p.a], r.entitlements[p.b]
		if has(grants, a.ID) && has(grants, b.ID) {
			out = append(out, Pair{Name: p.name, A: a, B: b, Reason: p.reason, Mode: p.mode})
		}
	}
	return out
}

func has(grants []Grant, id string) bool {
	return slices.ContainsFunc(grants, func(g Grant) bool { return g.ID == id })
}

// Diff tells what a person gains, loses and keeps when the profile changes.
func (r *Rules) Diff(before, after Profile) Difference {
	return between(r.Birthright(before).Grants, r.Birthright(after).Grants)
}

// between compares two lists of grants by what they give, not by the reason.
func between(before, after []Grant) Difference {
	var d Difference
	for _, g := range before {
		if !has(after, g.ID) {
			d.Lost = append(d.Lost, g)
		}
	}
	for _, g := range after {
		if has(before, g.ID) {
			d.Kept = append(d.Kept, g)
		} else {
			d.Gained = append(d.Gained, g)
		}
	}
	return d
}
