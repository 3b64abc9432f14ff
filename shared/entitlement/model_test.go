package entitlement_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"lifecycle/shared/entitlement"
)

// model is a random document, with a second, naive way to evaluate it.
type model struct {
	Version    string               `json:"version"`
	Groups     map[string]string    `json:"groups"`
	Roles      map[string]modelRole `json:"roles"`
	Baseline   modelBaseline        `json:"baseline"`
	Tables     []modelTable         `json:"tables,omitempty"`
	Conditions []modelCondition     `json:"conditions,omitempty"`
	Pairs      []modelPair          `json:"incompatible,omitempty"`
	// Managed keeps groups in the document that no role happens to bring.
	Managed map[string][]string `json:"managed"`
}

type modelRole struct {
	Description string   `json:"description"`
	Groups      []string `json:"groups"`
}

type modelBaseline struct {
	Everybody    []string            `json:"everybody"`
	EmployeeType map[string][]string `json:"employeeType"`
}

type modelTable struct {
	Name     string     `json:"name"`
	Columns  []string   `json:"columns"`
	Complete bool       `json:"complete"`
	Rows     []modelRow `json:"rows"`
}

type modelRow map[string]any // columns to []string, gives to []string, mode

type modelCondition struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	When        string   `json:"when"`
	Gives       []string `json:"gives"`
	Mode        string   `json:"mode"`

	holds func(entitlement.Profile) bool
}

type modelPair struct {
	Name    string              `json:"name"`
	Between []map[string]string `json:"between"`
	Reason  string              `json:"reason"`
}

// The values of the random world; the first of each list is in no document.
var world = map[string][]string{
	"title":        {"Unheard of", "Alpha", "Beta", "Alpha Prime"},
	"department":   {"Elsewhere", "North", "South"},
	"employeeType": {"ghost", "employee", "contractor"},
}

var columns = []string{"title", "department", "employeeType"}

func attribute(p entitlement.Profile, name string) string {
	value := map[string]string{"title": p.Title, "department": p.Department, "employeeType": p.EmployeeType}[name]
	return strings.ToLower(strings.Join(strings.Fields(value), " "))
}

// everyProfile are all profiles of the world.
func everyProfile() []entitlement.Profile {
	var out []entitlement.Profile
	for _, t := range world["title"] {
		for _, d := range world["department"] {
			for _, e := range world["employeeType"] {
				out = append(out, entitlement.Profile{Title: t, Department: d, EmployeeType: e})
			}
		}
	}
	return out
}

// sloppy is the profile as people type it.
func sloppy(t *rapid.T, p entitlement.Profile) entitlement.Profile {
	typed := func(s string) string {
		switch rapid.IntRange(0, 3).Draw(t, "typing") {
		case 0:
			return strings.ToUpper(s)
		case 1:
			return "  " + strings.ReplaceAll(strings.ToLower(s), " ", "   ")
		default:
			return s
		}
	}
	p.Title, p.Department, p.EmployeeType = typed(p.Title), typed(p.Department), typed(p.EmployeeType)
	return p
}

func groupNames() []string { return []string{"g0", "g1", "g2", "g3", "g4"} }

func groupID(name string) string { return "00g" + strings.Repeat(name[1:], 17) }

// drawModel draws a document that loads but for pairs that collide and for
// conditions that decide nothing; those it leaves to the caller.
func drawModel(t *rapid.T, pairs, conditions bool) model {
	m := model{
		Version: "1", Groups: map[string]string{}, Roles: map[string]modelRole{},
		Baseline: modelBaseline{Everybody: roles(t), EmployeeType: map[string][]string{}},
		Managed:  map[string][]string{"groups": groupNames()},
	}
	for _, g := range groupNames() {
		m.Groups[g] = groupID(g)
	}
	for _, e := range world["employeeType"][1:] {
		m.Baseline.EmployeeType[e] = roles(t)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "tables") {
		m.Tables = append(m.Tables, drawTable(t, fmt.Sprintf("t%d", i)))
	}
	if conditions {
		for i := range rapid.IntRange(0, 3).Draw(t, "conditions") {
			m.Conditions = append(m.Conditions, drawCondition(t, fmt.Sprintf("c%d", i)))
		}
	}
	if pairs {
		two := rapid.Permutation(groupNames()).Draw(t, "pair")
		m.Pairs = []modelPair{{Name: "p", Reason: "r", Between: []map[string]string{{"group": two[0]}, {"group": two[1]}}}}
	}
	for _, name := range m.usedRoles() {
		m.Roles[name] = modelRole{"d", some(t, groupNames(), 0, 2)}
	}
	return m
}

func roles(t *rapid.T) []string { return some(t, []string{"r0", "r1", "r2", "r3"}, 0, 2) }

func some(t *rapid.T, list []string, least, most int) []string {
	shuffled := rapid.Permutation(list).Draw(t, "some")
	out := slices.Clone(shuffled[:rapid.IntRange(least, most).Draw(t, "how many")])
	slices.Sort(out)
	return out
}

func drawTable(t *rapid.T, name string) modelTable {
	table := modelTable{Name: name, Complete: rapid.Bool().Draw(t, "complete")}
	seen, used := map[string]bool{}, map[string]bool{}
	order := rapid.Permutation(columns).Draw(t, "columns")
	for range rapid.IntRange(1, 5).Draw(t, "rows") {
		row, keys := modelRow{"gives": roles(t), "mode": rapid.SampledFrom([]string{"enforce", "enforce", "enforce", "warn", "record"}).Draw(t, "mode")}, []string{""}
		for _, c := range some(t, columns, 1, 3) {
			list := some(t, world[c][1:], 1, 2)
			row[c] = list
			var next []string
			for _, k := range keys {
				for _, v := range list {
					next = append(next, k+c+"="+v+";")
				}
			}
			keys = next
		}
		trial := fmt.Sprint(row["mode"] != "enforce")
		if slices.ContainsFunc(keys, func(k string) bool { return seen[trial+k] }) {
			continue
		}
		for _, k := range keys {
			seen[trial+k] = true
		}
		for _, c := range columns {
			used[c] = used[c] || row[c] != nil
		}
		table.Rows = append(table.Rows, row)
	}
	for _, c := range order {
		if used[c] {
			table.Columns = append(table.Columns, c)
		}
	}
	return table
}

func drawCondition(t *rapid.T, name string) modelCondition {
	when, holds := drawExpression(t, 3)
	return modelCondition{
		Name: name, Description: "d", When: when, holds: holds,
		Gives: some(t, []string{"r0", "r1", "r2", "r3"}, 1, 2),
		Mode:  rapid.SampledFrom([]string{"enforce", "enforce", "record"}).Draw(t, "mode"),
	}
}

// drawExpression draws an expression and what it means.
func drawExpression(t *rapid.T, depth int) (string, func(entitlement.Profile) bool) {
	kind := rapid.IntRange(0, 8).Draw(t, "kind")
	if depth == 0 {
		kind = kind%5 + 4
	}
	if kind < 4 {
		left, l := drawExpression(t, depth-1)
		right, r := drawExpression(t, depth-1)
		switch kind {
		case 0:
			return "(" + left + " or " + right + ")", func(p entitlement.Profile) bool { return l(p) || r(p) }
		case 1:
			return "not (" + left + ")", func(p entitlement.Profile) bool { return !l(p) }
		default:
			return "(" + left + " && " + right + ")", func(p entitlement.Profile) bool { return l(p) && r(p) }
		}
	}
	a := rapid.SampledFrom(columns).Draw(t, "attribute")
	v := rapid.SampledFrom(world[a][1:]).Draw(t, "value")
	low := strings.ToLower(v)
	switch kind {
	case 4:
		return fmt.Sprintf("%s == %q", a, v), func(p entitlement.Profile) bool { return attribute(p, a) == low }
	case 5:
		return fmt.Sprintf("%q != %s", v, a), func(p entitlement.Profile) bool { return attribute(p, a) != low }
	case 6:
		list := some(t, world[a][1:], 1, 2)
		text, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s in %s", a, text), func(p entitlement.Profile) bool {
			return slices.ContainsFunc(list, func(s string) bool { return strings.ToLower(s) == attribute(p, a) })
		}
	case 7:
		return fmt.Sprintf("%s startsWith %q", a, v), func(p entitlement.Profile) bool { return strings.HasPrefix(attribute(p, a), low) }
	default:
		return fmt.Sprintf("%s matches %q", a, "^"+v+"$"), func(p entitlement.Profile) bool { return attribute(p, a) == low }
	}
}

func (m model) usedRoles() []string {
	used := map[string]bool{}
	mark := func(names []string) {
		for _, n := range names {
			used[n] = true
		}
	}
	mark(m.Baseline.Everybody)
	for _, names := range m.Baseline.EmployeeType {
		mark(names)
	}
	for _, table := range m.Tables {
		for _, row := range table.Rows {
			mark(row["gives"].([]string))
		}
	}
	for _, c := range m.Conditions {
		mark(c.Gives)
	}
	return slices.Sorted(maps.Keys(used))
}

func (m model) json() []byte { return mustJSON(m) }

// withoutIdle leaves out the conditions that Load refuses because they decide
// nothing, and the roles that only they gave.
func (m model) withoutIdle() model {
	for {
		_, found := entitlement.Inspect(m.json())
		var keep []modelCondition
		for i, c := range m.Conditions {
			if !slices.ContainsFunc(found, func(p entitlement.Problem) bool { return p.Where == fmt.Sprintf("/conditions/%d/when", i) }) {
				keep = append(keep, c)
			}
		}
		if len(keep) == len(m.Conditions) {
			return m
		}
		m.Conditions = keep
		kept := map[string]modelRole{}
		for _, name := range m.usedRoles() {
			kept[name] = m.Roles[name]
		}
		m.Roles = kept
	}
}

// expect evaluates the document by looking at every rule in turn.
func (m model) expect(p entitlement.Profile) (groups []string, gaps int) {
	held := map[string]bool{}
	give := func(names []string) {
		for _, n := range names {
			for _, g := range m.Roles[n].Groups {
				held[g] = true
			}
		}
	}
	give(m.Baseline.Everybody)
	if own, ok := m.Baseline.EmployeeType[attribute(p, "employeeType")]; ok {
		give(own)
	} else {
		gaps++
	}
	for _, table := range m.Tables {
		if row := table.best(p); row != nil {
			give(row["gives"].([]string))
		} else if table.Complete {
			gaps++
		}
	}
	for _, c := range m.Conditions {
		if c.Mode == "enforce" && c.holds(p) {
			give(c.Gives)
		}
	}
	return slices.Sorted(maps.Keys(held)), gaps
}

// best is the enforced row that decides.
func (t modelTable) best(p entitlement.Profile) modelRow {
	var best modelRow
	rank := func(row modelRow) string { // the greater, the earlier
		named, places := 0, ""
		for _, c := range t.Columns {
			if row[c] != nil {
				named++
				places += "1"
			} else {
				places += "0"
			}
		}
		return fmt.Sprint(named) + places
	}
	for _, row := range t.Rows {
		fits := row["mode"] == "enforce"
		for _, c := range t.Columns {
			if list, ok := row[c].([]string); ok {
				fits = fits && slices.ContainsFunc(list, func(v string) bool { return strings.ToLower(v) == attribute(p, c) })
			}
		}
		if fits && (best == nil || rank(row) > rank(best)) {
			best = row
		}
	}
	return best
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}
