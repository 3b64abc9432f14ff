package entitlement_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lifecycle/shared/entitlement"
)

func TestDecisionProperties(t *testing.T) {
	t.Parallel()

	mustLoad := func(t *rapid.T, doc []byte) *entitlement.Rules {
		rules, err := entitlement.Load(doc)
		if err != nil {
			t.Fatalf("%v\n%s", err, doc)
		}
		return rules
	}

	t.Run("a decision is the union of the matching rules, with a gap for each table meant to be complete that has none", rapid.MakeCheck(func(t *rapid.T) {
		m := drawModel(t, false, true).withoutIdle()
		rules := mustLoad(t, m.json())
		for _, p := range everyProfile() {
			d := rules.Birthright(sloppy(t, p))
			groups, gaps := m.expect(p)
			got := []string{}
			for _, g := range d.Grants {
				got = append(got, g.Name)
			}
			if !slices.Equal(got, groups) || !slices.IsSorted(got) {
				t.Fatalf("%+v: %v, want %v\n%s", p, got, groups, m.json())
			}
			// Two tables that name the same columns report the same gap once.
			if (len(d.Gaps) > 0) != (gaps > 0) || len(d.Gaps) > gaps {
				t.Fatalf("%+v: gaps %q, want %d\n%s", p, d.Gaps, gaps, m.json())
			}
		}
	}))

	t.Run("the order of the document means nothing, and neither does asking twice", rapid.MakeCheck(func(t *rapid.T) {
		m := drawModel(t, false, true).withoutIdle()
		rules := mustLoad(t, m.json())
		shuffled := m
		if len(m.Tables) > 0 {
			shuffled.Tables = rapid.Permutation(m.Tables).Draw(t, "tables")
			for i := range shuffled.Tables {
				if len(shuffled.Tables[i].Rows) > 0 {
					shuffled.Tables[i].Rows = rapid.Permutation(shuffled.Tables[i].Rows).Draw(t, "rows")
				}
			}
		}
		if len(m.Conditions) > 0 {
			shuffled.Conditions = rapid.Permutation(m.Conditions).Draw(t, "conditions")
		}
		other := mustLoad(t, shuffled.json())
		for _, p := range everyProfile() {
			d := rules.Birthright(p)
			if diff := cmp.Diff(d, rules.Birthright(p)); diff != "" {
				t.Fatal(diff)
			}
			e := other.Birthright(p)
			e.Version = d.Version
			if diff := cmp.Diff(d, e); diff != "" {
				t.Fatal(diff)
			}
		}
	}))

	t.Run("what is gained, lost and kept adds up to both decisions", rapid.MakeCheck(func(t *rapid.T) {
		m := drawModel(t, false, true).withoutIdle()
		rules := mustLoad(t, m.json())
		before, after := rapid.SampledFrom(everyProfile()).Draw(t, "before"), rapid.SampledFrom(everyProfile()).Draw(t, "after")
		d := rules.Diff(before, after)
		had, has := given(rules.Birthright(before).Grants), given(rules.Birthright(after).Grants)
		if diff := cmp.Diff(sorted(had), sorted(append(given(d.Lost), given(d.Kept)...))); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(sorted(has), sorted(append(given(d.Gained), given(d.Kept)...))); diff != "" {
			t.Error(diff)
		}
		if before == after && len(d.Gained)+len(d.Lost) > 0 {
			t.Errorf("%+v", d)
		}
	}))

	t.Run("enforcing what is on trial does what the trial said", rapid.MakeCheck(func(t *rapid.T) {
		m := drawModel(t, false, true).withoutIdle()
		rules := mustLoad(t, m.json())
		enforced := m.enforced()
		after := mustLoad(t, enforced.json())
		for _, p := range everyProfile() {
			d := rules.Birthright(p)
			var gained, lost []string
			for _, x := range d.Trials {
				if len(x.Rules) == 0 || x.Mode == entitlement.Enforce {
					t.Fatalf("a trial without a rule: %+v", x)
				}
				if x.Loses {
					lost = append(lost, x.Grant.Name)
				} else {
					gained = append(gained, x.Grant.Name)
				}
			}
			var wantGained, wantLost []string
			now, then := given(d.Grants), given(after.Birthright(p).Grants)
			for _, g := range groupNames() {
				switch a, b := slices.Contains(now, "group "+g), slices.Contains(then, "group "+g); {
				case a && !b:
					wantLost = append(wantLost, g)
				case b && !a:
					wantGained = append(wantGained, g)
				}
			}
			if !slices.Equal(gained, wantGained) || !slices.Equal(lost, wantLost) {
				t.Fatalf("%+v: told %v and %v, came %v and %v\n%s", p, gained, lost, wantGained, wantLost, m.json())
			}
		}
	}))
}

// enforced is the document with everything on trial enforced; a row on trial
// takes the place of one with the same values.
func (m model) enforced() model {
	out := m
	out.Tables = nil
	for _, table := range m.Tables {
		var rows []modelRow
		for _, row := range table.Rows {
			rows = append(rows, spread(table.Columns, row)...)
		}
		kept := map[string]modelRow{}
		for _, row := range rows {
			key := string(mustJSON([]any{row["title"], row["department"], row["employeeType"]}))
			if old, ok := kept[key]; !ok || old["mode"] == "enforce" {
				kept[key] = row
			}
		}
		table.Rows = nil
		for _, row := range kept {
			row["mode"] = "enforce"
			table.Rows = append(table.Rows, row)
		}
		out.Tables = append(out.Tables, table)
	}
	out.Conditions = slices.Clone(m.Conditions)
	for i := range out.Conditions {
		out.Conditions[i].Mode = "enforce"
	}
	kept := map[string]modelRole{}
	for _, name := range out.usedRoles() {
		kept[name] = m.Roles[name]
	}
	out.Roles = kept
	return out
}

// spread writes a row's lists out.
func spread(columns []string, row modelRow) []modelRow {
	out := []modelRow{{"gives": row["gives"], "mode": row["mode"]}}
	for _, c := range columns {
		list, ok := row[c].([]string)
		if !ok {
			continue
		}
		var next []modelRow
		for _, r := range out {
			for _, v := range list {
				one := modelRow{c: []string{v}}
				for k, x := range r {
					one[k] = x
				}
				next = append(next, one)
			}
		}
		out = next
	}
	return out
}

func TestSeparationOfDutiesProperties(t *testing.T) {
	t.Parallel()

	t.Run("rules that load never bring both sides of a pair together", rapid.MakeCheck(func(t *rapid.T) {
		m := drawModel(t, true, true).withoutIdle()
		rules, err := entitlement.Load(m.json())
		if err != nil {
			return
		}
		for _, p := range everyProfile() {
			if d := rules.Birthright(p); len(d.Collisions) > 0 {
				t.Fatalf("%+v: %+v\n%s", p, d, m.json())
			}
		}
	}))

	t.Run("tables are refused only for a pair that somebody would get", rapid.MakeCheck(func(t *rapid.T) {
		m := drawModel(t, true, false)
		for _, table := range m.Tables {
			for _, row := range table.Rows {
				row["mode"] = "enforce"
			}
		}
		m = m.enforced()
		rules, found := entitlement.Inspect(m.json())
		if rules != nil {
			return
		}
		loose := m
		loose.Pairs = nil
		free, err := entitlement.Load(loose.json())
		if err != nil {
			t.Fatalf("not because of the pair: %v\n%s", err, m.json())
		}
		for _, p := range everyProfile() {
			got := given(free.Birthright(p).Grants)
			if slices.Contains(got, "group "+m.Pairs[0].Between[0]["group"]) && slices.Contains(got, "group "+m.Pairs[0].Between[1]["group"]) {
				return
			}
		}
		t.Fatalf("nobody would get both: %v\n%s", found, m.json())
	}))
}
