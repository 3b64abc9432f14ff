package detect

import (
	"cmp"
	"maps"
	"slices"
)

// conclude says what a rule's windows come to.
func (b *batch) conclude(r *Rule) {
	for _, c := range b.sorted() {
		if c.rule != r {
			continue
		}
		switch c.part {
		case "count":
			if len(c.fresh) > 0 {
				in, _ := r.counting.crowds(c.full, uuids(c.fresh))
				b.together(r, in)
			}
		case "travel":
			b.together(r, r.travel.jumps(c.full, uuids(c.fresh)))
		case "then":
			b.sequel(c)
		}
	}
}

// sorted are the cells in an order that does not change from run to run.
func (b *batch) sorted() []*cell {
	return slices.SortedFunc(maps.Values(b.cells), func(x, y *cell) int { return cmp.Compare(x.pk, y.pk) })
}

// sequel finds those that come after another rule has matched. When that rule's
// side is new in this batch, all that is remembered is looked at again: it may have
// come late.
func (b *batch) sequel(c *cell) {
	r := c.rule
	first := b.cells[place("first", r, c.by)]
	if r.after.rule.counting != nil {
		first = b.cells[place("count", r.after.rule, c.by)]
	}
	if first == nil {
		return
	}
	candidates := c.fresh
	if len(first.fresh) > 0 {
		candidates = c.full
	}
	for _, s := range r.after.followed(candidates, first.Passed) {
		b.together(r, []Sighting{s})
	}
}

func uuids(all []Sighting) map[string]bool {
	set := make(map[string]bool, len(all))
	for _, s := range all {
		set[s.UUID] = true
	}
	return set
}

// together tells sightings that make up a finding. Of several keys each gets one
// of its own.
func (b *batch) together(r *Rule, in []Sighting) {
	if r.silent {
		return
	}
	made := map[string]*Finding{}
	for _, s := range in {
		f := made[s.Key.ID]
		if f == nil {
			f = &Finding{Rule: r, Severity: s.Severity, Key: s.Key}
			made[s.Key.ID] = f
		}
		f.Sightings = append(f.Sightings, s)
		if s.Severity.Worse(f.Severity) {
			f.Severity = s.Severity
		}
	}
	for _, key := range slices.Sorted(maps.Keys(made)) {
		b.findings = append(b.findings, *made[key])
	}
}
