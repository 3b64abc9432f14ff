package rolechange

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/okta"
)

func seedRules(t *testing.T) *entitlement.Rules {
	t.Helper()
	rules, err := entitlement.Load(seed.Rules())
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

var (
	seller   = entitlement.Profile{Department: "Sales", Title: "Account Executive", Location: "New York", EmployeeType: "employee"}
	engineer = entitlement.Profile{Department: "Engineering", Title: "Engineer", Location: "Berlin", EmployeeType: "employee"}
	now      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// member is an inventory of memberships by name.
func member(names ...string) inventory {
	inv := inventory{now: now, groups: []okta.Group{{ID: seed.GroupID("Everyone"), Name: "Everyone", Type: okta.GroupTypeBuiltIn}}}
	for _, n := range names {
		inv.groups = append(inv.groups, okta.Group{ID: seed.GroupID(n), Name: n, Type: okta.GroupTypeOkta})
	}
	return inv
}

// with adds a lease on a group.
func (i inventory) with(name, key string, until time.Time) inventory {
	e := lease.Entitlement{Kind: "group", ID: seed.GroupID(name)}
	l := lease.Lease{Subject: "00u1", Entitlement: e, Name: name, Key: key, Until: until, Reason: audit.Reason{Kind: key, Text: "because"}, Ticket: "RITM1"}
	for n, h := range i.holdings {
		if h.Entitlement == e {
			i.holdings = slices.Clone(i.holdings)
			i.holdings[n].Leases = append(slices.Clone(h.Leases), l)
			return i
		}
	}
	i.holdings = append(slices.Clone(i.holdings), lease.Holding{Subject: "00u1", Entitlement: e, Leases: []lease.Lease{l}})
	return i
}

func TestAdoptable(t *testing.T) {
	t.Parallel()
	rules := seedRules(t)
	inv := member("All Employees", "Sales", "Salesforce Users", "GitHub Engineers", "Location Berlin").
		with("Salesforce Users", lease.RequestKey("RITM1"), time.Time{})
	var got []string
	for _, g := range adoptable(rules, seller, inv) {
		got = append(got, g.Name)
	}
	// Jira is given and not held, GitHub Engineers held and not given, Salesforce
	// Users known for another reason, Location Berlin nobody's business.
	if diff := cmp.Diff([]string{"All Employees", "Sales"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlanned(t *testing.T) {
	t.Parallel()
	rules := seedRules(t)
	grants := func(list []due) (out []string) {
		for _, g := range list {
			out = append(out, g.Name)
		}
		return out
	}
	losses := func(list []loss) (out []string) {
		for _, x := range list {
			name := x.Name
			if x.Stays {
				name += " stays"
			}
			if x.First {
				name += " first"
			}
			out = append(out, name)
		}
		return out
	}
	exceptions := func(list []kept) (out []string) {
		for _, k := range list {
			out = append(out, fmt.Sprintf("%s %q", k.Name, k.Keys))
		}
		return out
	}
	bound := func(i inventory, names ...string) inventory {
		for _, n := range names {
			i = i.with(n, lease.Birthright, time.Time{})
		}
		return i
	}

	t.Run("tells what comes, goes, stays, is kept and is not managed", func(t *testing.T) {
		t.Parallel()
		inv := bound(member("All Employees", "Sales", "Salesforce Users", "PagerDuty Responders", "Zendesk Agents", "Location Berlin"), "All Employees", "Sales", "Salesforce Users").
			with("PagerDuty Responders", lease.RequestKey("RITM1"), now.Add(time.Hour))
		inv.groups = append(inv.groups, okta.Group{ID: "00gad", Name: "Domain Users", Type: okta.GroupTypeApp})
		inv.apps = []okta.Assignment{{AppID: seed.AppID(seed.AppNetSuite), Label: seed.AppNetSuite, Scope: okta.ScopeUser}}
		p := planned(rules, engineer, inv)
		for what, c := range map[string][2]any{
			"comes": {[]string{"AWS Developers", "Engineering", "GitHub Engineers"}, grants(p.Comes)},
			"stays": {[]string{"All Employees"}, grants(p.Stays)}, "goes": {[]string{"Sales", "Salesforce Users"}, losses(p.Goes)},
			"kept":      {[]string{`PagerDuty Responders ["request/RITM1"]`, `Zendesk Agents []`}, exceptions(p.Kept)},
			"unmanaged": {[]string{"Domain Users", "Location Berlin", "NetSuite"}, p.Unmanaged},
			"removals":  {[]string{"group/" + seed.GroupID("Sales"), "group/" + seed.GroupID("Salesforce Users")}, p.removals()},
		} {
			if diff := cmp.Diff(c[0], c[1]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		if !p.Stays[0].Settled || p.Kept[0].Text != "because (RITM1), until 1 March 2026" || p.Kept[1].Text != unexplained {
			t.Errorf("%+v %+v", p.Stays, p.Kept)
		}
	})

	t.Run("what another reason gives besides is not taken away", func(t *testing.T) {
		t.Parallel()
		p := planned(rules, engineer, bound(member("Sales"), "Sales").with("Sales", lease.RequestKey("RITM1"), time.Time{}))
		if diff := cmp.Diff([]string{"Sales stays"}, losses(p.Goes)); diff != "" || len(p.removals()) != 0 || len(p.Kept) != 1 {
			t.Errorf("%s %+v", diff, p)
		}
	})

	t.Run("an ended lease keeps nothing", func(t *testing.T) {
		t.Parallel()
		p := planned(rules, engineer, bound(member("Sales"), "Sales").with("Sales", lease.RequestKey("RITM1"), now.Add(-time.Second)))
		if diff := cmp.Diff([]string{"Sales"}, losses(p.Goes)); diff != "" || len(p.Kept) != 0 {
			t.Errorf("%s %+v", diff, p)
		}
	})

	t.Run("what must not be held together with an exception is withheld", func(t *testing.T) {
		t.Parallel()
		accountant := entitlement.Profile{Department: "Finance", Title: "Accountant", EmployeeType: "employee"}
		p := planned(rules, accountant, member("NetSuite Payment Approvers").with("NetSuite Payment Approvers", lease.RequestKey("RITM1"), time.Time{}))
		if len(p.Withheld) != 1 || p.Withheld[0].Name != "NetSuite Accountants" || !strings.Contains(p.Withheld[0].Why, "NetSuite Payment Approvers") ||
			slices.Contains(grants(p.Comes), "NetSuite Accountants") {
			t.Errorf("%+v", p.Withheld)
		}
	})

	t.Run("what must not be held together with something that comes goes first", func(t *testing.T) {
		t.Parallel()
		accountant := entitlement.Profile{Department: "Finance", Title: "Accountant", EmployeeType: "employee"}
		p := planned(rules, accountant, bound(member("NetSuite Payment Approvers", "Sales"), "NetSuite Payment Approvers", "Sales"))
		if diff := cmp.Diff([]string{"NetSuite Payment Approvers first", "Sales"}, losses(p.Goes)); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("the hash stays through the carrying out, and changes with what is to be had", func(t *testing.T) {
		t.Parallel()
		before := planned(rules, engineer, bound(member("All Employees", "Sales"), "All Employees", "Sales"))
		during := planned(rules, engineer, bound(member("All Employees", "Sales", "Engineering", "AWS Developers", "GitHub Engineers"), "All Employees", "Sales", "Engineering"))
		other := planned(rules, seller, bound(member("All Employees", "Sales"), "All Employees", "Sales"))
		if before.Hash != during.Hash || before.Hash == other.Hash {
			t.Error(before.Hash, during.Hash, other.Hash)
		}
	})
}

// world is a person in a model of Okta and of the register.
type world struct {
	held   map[string]bool // "group/<id>"
	leases map[string][]string
}

func (w world) inventory() inventory {
	inv := inventory{now: now}
	for e := range w.held {
		kind, id, _ := strings.Cut(e, "/")
		if kind == "app" {
			inv.apps = append(inv.apps, okta.Assignment{AppID: id, Label: id, Scope: okta.ScopeUser})
		} else {
			inv.groups = append(inv.groups, okta.Group{ID: id, Name: id, Type: okta.GroupTypeOkta})
		}
	}
	for e, keys := range w.leases {
		kind, id, _ := strings.Cut(e, "/")
		h := lease.Holding{Subject: "00u1", Entitlement: lease.Entitlement{Kind: kind, ID: id}}
		for _, k := range keys {
			h.Leases = append(h.Leases, lease.Lease{Key: k, Name: id})
		}
		inv.holdings = append(inv.holdings, h)
	}
	return inv
}

func (w world) grant(e, key string) {
	if !slices.Contains(w.leases[e], key) {
		w.leases[e] = append(w.leases[e], key)
	}
	w.held[e] = true
}

func (w world) end(e, key string) {
	w.leases[e] = slices.DeleteFunc(w.leases[e], func(k string) bool { return k == key })
	if len(w.leases[e]) == 0 {
		delete(w.leases, e)
		delete(w.held, e)
	}
}

// carryOut does in the model what the steps do.
func (w world) carryOut(rules *entitlement.Rules, former, becomes entitlement.Profile, ticket string) plan {
	for _, g := range adoptable(rules, former, w.inventory()) {
		w.grant(keyOf(g), lease.Birthright)
	}
	p := planned(rules, becomes, w.inventory())
	for _, k := range p.Kept {
		if len(k.Keys) == 0 {
			w.grant(key(k.Kind, k.ID), lease.ExceptionKey(ticket))
		}
	}
	for _, g := range slices.Concat(p.Comes, p.Stays) {
		w.grant(keyOf(g.Grant), lease.Birthright)
	}
	for _, x := range p.Goes {
		w.end(keyOf(x.Grant), lease.Birthright)
	}
	return p
}

var departments = []string{"North", "South", "East", "West"}

// numbered is an id of Okta's form.
func numbered(prefix string, n int) string { return fmt.Sprintf("%s%017d", prefix, n) }

// randomRules is a document that gives some groups and apps by department, offers
// some, forbids a pair, and says nothing about others.
func randomRules(rt *rapid.T) *entitlement.Rules {
	names := func(prefix string, n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[numbered(prefix, i)] = numbered(prefix, i)
		}
		return m
	}
	groups, apps := names("00g", 8), names("0oa", 4)
	used := map[string]bool{numbered("00g", 0): true}
	some := func(from map[string]string, label string) []string {
		list := slices.DeleteFunc(slices.Sorted(maps.Keys(from)), func(string) bool { return rapid.IntRange(0, 2).Draw(rt, label) > 0 })
		for _, name := range list {
			used[name] = true
		}
		return list
	}
	roles, rows := map[string]any{"base": map[string]any{"description": "base", "groups": []string{numbered("00g", 0)}}}, []any{}
	for _, d := range departments {
		roles["of "+d] = map[string]any{"description": d, "groups": some(groups, "group"), "apps": some(apps, "app")}
		rows = append(rows, map[string]any{"department": d, "gives": []string{"of " + d}})
	}
	catalog := map[string]any{}
	for _, g := range some(groups, "offered") {
		catalog["item "+g] = map[string]any{"description": "x", "group": g, "risk": "low", "approval": "automatic"}
	}
	unused := func(name, _ string) bool { return !used[name] }
	maps.DeleteFunc(groups, unused)
	maps.DeleteFunc(apps, unused)
	doc := map[string]any{
		"version": "1", "groups": groups, "apps": apps, "roles": roles, "catalog": catalog,
		"baseline":         map[string]any{"employeeType": map[string]any{"employee": []string{"base"}}},
		"tables":           []any{map[string]any{"name": "department", "columns": []string{"department"}, "rows": rows}},
		"approvalPolicies": map[string]any{"automatic": map[string]any{"description": "x", "stages": []any{}}},
	}
	if len(catalog) == 0 {
		delete(doc, "approvalPolicies")
	}
	if used[numbered("00g", 1)] && used[numbered("00g", 2)] {
		doc["incompatible"] = []any{map[string]any{"name": "pair", "between": []any{map[string]any{"group": numbered("00g", 1)}, map[string]any{"group": numbered("00g", 2)}}, "reason": "no"}}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		rt.Fatal(err)
	}
	rules, problems := entitlement.Inspect(raw)
	if len(problems) > 0 {
		// A pair that a role itself brings together, or that nobody can get: without it
		// the document is fine.
		delete(doc, "incompatible")
		if raw, err = json.Marshal(doc); err != nil {
			rt.Fatal(err)
		}
		if rules, problems = entitlement.Inspect(raw); len(problems) > 0 {
			rt.Fatal(problems)
		}
	}
	return rules
}

// TestChangesProperty makes random people change role again and again under
// random rules: each ends with exactly what rules and valid leases give, every
// managed entitlement has a reason, and what is not managed is as it was.
func TestChangesProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		rules := randomRules(rt)
		profile := func() entitlement.Profile {
			return entitlement.Profile{Department: rapid.SampledFrom(departments).Draw(rt, "department"), EmployeeType: "employee"}
		}
		w := world{held: map[string]bool{}, leases: map[string][]string{}}
		for i := range 8 {
			if rapid.Bool().Draw(rt, "held before") {
				w.held["group/"+numbered("00g", i)] = true
			}
		}
		w.held["group/00gelse"], w.held["app/0oaelse"] = true, true
		now := profile()
		for n := range rapid.IntRange(1, 5).Draw(rt, "changes") {
			if g := rapid.IntRange(0, 7).Draw(rt, "request"); rules.Managed("group", numbered("00g", g)) && rapid.Bool().Draw(rt, "requests") {
				w.grant("group/"+numbered("00g", g), lease.RequestKey(fmt.Sprint(n)))
			}
			before, reasons := maps.Clone(w.held), maps.Clone(w.leases)
			becomes := profile()
			p := w.carryOut(rules, now, becomes, fmt.Sprint("T", n))
			w.check(rt, rules, becomes, p, before)
			for _, g := range rules.Birthright(now).Grants {
				given := slices.ContainsFunc(rules.Birthright(becomes).Grants, func(x entitlement.Grant) bool { return keyOf(x) == keyOf(g) })
				if !given && len(reasons[keyOf(g)]) == 0 && w.held[keyOf(g)] {
					rt.Fatalf("%s came with the former role before the register knew it, and was not taken away", g.Name)
				}
			}
			now = becomes
		}
	})
}

func (w world) check(rt *rapid.T, rules *entitlement.Rules, becomes entitlement.Profile, p plan, before map[string]bool) {
	want := map[string]bool{}
	for _, g := range rules.Birthright(becomes).Grants {
		want[keyOf(g)] = true
	}
	for _, r := range p.Withheld {
		delete(want, keyOf(r.Grant))
	}
	for e, keys := range w.leases {
		if slices.ContainsFunc(keys, func(k string) bool { return k != lease.Birthright }) {
			want[e] = true
		}
	}
	for e := range before {
		if kind, id, _ := strings.Cut(e, "/"); !rules.Managed(kind, id) {
			want[e] = true
		}
	}
	if diff := cmp.Diff(want, w.held); diff != "" {
		rt.Fatalf("held (-want +got):\n%s", diff)
	}
	for e := range w.held {
		if kind, id, _ := strings.Cut(e, "/"); rules.Managed(kind, id) && len(w.leases[e]) == 0 {
			rt.Fatalf("%s is held without a reason", e)
		}
	}
	a, b := numbered("00g", 1), numbered("00g", 2)
	both := func(held map[string]bool) bool { return held["group/"+a] && held["group/"+b] }
	if len(rules.Incompatible([]string{a}, b)) > 0 && both(w.held) && !both(before) {
		rt.Fatal("two came together that must not")
	}
	again := planned(rules, becomes, w.inventory())
	if len(again.Comes)+len(again.Goes) != 0 {
		rt.Fatalf("something is left to do: %+v", again)
	}
	for _, k := range again.Kept {
		if len(k.Keys) == 0 {
			rt.Fatalf("%s is still unexplained", k.Name)
		}
	}
}
