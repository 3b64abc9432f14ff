package entitlement

import (
	"maps"
	"slices"
	"strconv"
)

// pair is an incompatible pair, by number.
type pair struct {
	name, reason string
	a, b         int
	mode         Mode
	where        pointer
}

func (b *builder) buildPairs() {
	names, seen := map[string]bool{}, map[[2]int]string{}
	for i, from := range b.doc.Incompatible {
		where := pointer("/incompatible").at(i)
		if names[from.Name] {
			b.add(where.at("name"), "give it another name", "there are two pairs called %q", from.Name)
		}
		names[from.Name] = true
		if len(from.Between) != 2 {
			continue // the schema has reported it
		}
		first, ok := b.target(where.at("between", 0), from.Between[0])
		second, both := b.target(where.at("between", 1), from.Between[1])
		if !ok || !both {
			continue
		}
		key := [2]int{min(first, second), max(first, second)}
		if other, twice := seen[key]; twice {
			b.add(where, "take one of the two out", "the same pair stands there already as %q", other)
			continue
		}
		seen[key] = from.Name
		if first == second {
			b.add(where.at("between"), "name two different ones", "the pair is twice the same")
			continue
		}
		b.rules.pairs = append(b.rules.pairs, pair{from.Name, from.Reason, first, second, mode(from.Mode), where})
	}
	slices.SortStableFunc(b.rules.pairs, func(x, y pair) int {
		return slices.Compare([]string{x.name}, []string{y.name})
	})
}

func (b *builder) buildProtected() {
	b.rules.protectedUsers, b.rules.protectedGroups = map[string]string{}, map[string]string{}
	for i, u := range b.doc.Protected.Users {
		if _, twice := b.rules.protectedUsers[u.ID]; twice {
			b.add(pointer("/protected/users").at(i), "take one of the two out", "the account stands in the list already")
			continue
		}
		b.rules.protectedUsers[u.ID] = u.Reason
		b.rules.userPlaces = append(b.rules.userPlaces, place{pointer("/protected/users").at(i, "id"), Entitlement{Kind: "user", ID: u.ID}})
	}
	for i, g := range b.doc.Protected.Groups {
		where := pointer("/protected/groups").at(i)
		e, ok := b.entitlement(where.at("group"), Group, g.Group)
		if !ok {
			continue
		}
		id := b.rules.entitlements[e].ID
		if _, twice := b.rules.protectedGroups[id]; twice {
			b.add(where, "take one of the two out", "the group stands in the list already")
			continue
		}
		b.rules.protectedGroups[id] = g.Reason
	}
}

// buildManaged collects the managed scope: what enforced rules give, what the
// catalog offers, and what is named besides. A rule on trial manages nothing:
// otherwise the trial would take the group away from those who have it now.
func (b *builder) buildManaged() {
	b.rules.managed = map[int]bool{}
	for _, r := range b.rules.rules {
		for _, s := range r.shares {
			if !r.trial() {
				b.rules.managed[s.entitlement] = true
			}
		}
	}
	maps.Copy(b.rules.managed, b.offered)
	for _, e := range b.named("/managed", b.doc.Managed) {
		b.rules.managed[e] = true
	}
}

// findUnused reports what is declared and applies to nothing: a leftover, or the
// other half of a misspelling.
func (b *builder) findUnused() {
	const do = "take it out, or use it"
	for _, name := range slices.Sorted(maps.Keys(b.doc.Roles)) {
		if !b.usedRoles[name] {
			b.add(pointer("/roles").at(name), do, "no rule gives the role")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.doc.Policies)) {
		if !b.usedPolicies[name] {
			b.add(pointer("/approvalPolicies").at(name), do, "no item of the catalog uses the policy")
		}
	}
	for i, e := range b.rules.entitlements {
		if !b.spoken[i] {
			b.add(pointer("").at(e.Kind+"s", e.Name), do, "nothing in the rules speaks of the %s", e.Kind)
		}
	}
}

// findContradictions reports rules that would do what other parts of the
// document forbid. Rules on trial are held to it too: they could never be
// enforced.
func (b *builder) findContradictions() {
	givers := map[int][]*rule{}
	for _, r := range b.rules.rules {
		for _, s := range r.shares {
			givers[s.entitlement] = append(givers[s.entitlement], r)
		}
	}
	b.findProtectedGiven(givers)
	for _, p := range b.rules.pairs {
		if p.mode != Enforce {
			continue
		}
		b.findCollision(p, givers[p.a], givers[p.b])
	}
}

func (b *builder) findProtectedGiven(givers map[int][]*rule) {
	const do = "take it out there, or do not protect the group: whoever is in it is an account that only a person touches"
	for i, g := range b.doc.Protected.Groups {
		e, ok := b.index[Entitlement{Kind: Group, Name: g.Group}]
		if !ok {
			continue
		}
		where := pointer("/protected/groups").at(i)
		for _, r := range givers[e] {
			b.add(where, do, "the group is protected, and the rule %s (%s) gives it", r.name, r.where)
		}
		switch {
		case b.offered[e]:
			b.add(where, do, "the group is protected, and the catalog offers it")
		case slices.Contains(b.doc.Managed.Groups, g.Group):
			b.add(where, do, "the group is protected, and managed by name")
		}
	}
}

// findCollision reports the first two rules that can give both sides of a pair
// to one person. It may report two that never do so in practice, because it
// cannot tell; it never misses two that can.
func (b *builder) findCollision(p pair, left, right []*rule) {
	const do = "let the two rules exclude one another by an attribute they both compare with ==, or have one of the two requested"
	first, second := b.rules.entitlements[p.a].Name, b.rules.entitlements[p.b].Name
	for _, x := range left {
		for _, y := range right {
			if x == y {
				b.add(x.where, do, "the rule %s gives %q and %q, which nobody may hold together (%s)", x.name, first, second, p.name)
				return
			}
			if example, can := meet(x, y); can {
				b.add(y.where, do, "the rule %s gives %q and the rule %s (%s) gives %q, which nobody may hold together (%s); both may apply to %s",
					y.name, second, x.name, x.where, first, p.name, example)
				return
			}
		}
	}
}

// meet reports whether two rules may apply to one profile, and to which.
func meet(x, y *rule) (example string, can bool) {
	if x.table != nil && x.table == y.table {
		return "", false // a table gives one row
	}
	x.needs.and(y.needs).combinations(func(k knowledge) bool {
		if can = x.possible(k) && y.possible(k); !can {
			return true
		}
		var known []field
		for f := range fields {
			if k.known[f] {
				known = append(known, f)
			}
		}
		if example = k.values.words(known); example == "" {
			example = "anybody"
		}
		return false
	})
	return example, can
}

// possible reports whether the rule can apply to a profile of which k is known.
func (r *rule) possible(k knowledge) bool {
	switch {
	case r.condition != nil:
		return r.condition.logic(k) != never
	case r.table != nil && k != knowledge{}:
		// What k leaves open no row may name: a row that names more, and would
		// come first, applies to some profiles only.
		enforced, onTrial := r.table.find(k.values)
		return enforced == r || onTrial == r
	default:
		return true
	}
}

// place remembers where the document names something by its id.
type place struct {
	where pointer
	what  Entitlement
}

// Check holds every id that the document names against a directory and reports
// those it does not know. Kinds are Group, App, and "user" for protected
// accounts.
func (r *Rules) Check(known func(kind, id string) bool) []Problem {
	var found problems
	places := slices.Clone(r.userPlaces)
	for _, e := range r.entitlements {
		places = append(places, place{pointer("").at(e.Kind+"s", e.Name), e})
	}
	for _, p := range places {
		if !known(p.what.Kind, p.what.ID) {
			found.add(p.where, "correct the id, or take it out", "there is no %s with the id %s", p.what.Kind, strconv.Quote(p.what.ID))
		}
	}
	return found.sorted()
}
