package seed_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/local/seed"
)

func TestRules(t *testing.T) {
	t.Parallel()

	type testBundle struct {
		rules  *entitlement.Rules
		groups map[string]seed.Group  // by id
		people map[string]seed.Person // by employee number
	}
	setup := func(t *testing.T) *testBundle {
		t.Helper()
		rules, err := entitlement.Load(seed.Rules())
		if err != nil {
			t.Fatal(err)
		}
		b := &testBundle{rules, map[string]seed.Group{}, map[string]seed.Person{}}
		for _, g := range seed.Groups() {
			b.groups[g.ID] = g
		}
		for _, p := range seed.People() {
			b.people[p.Number] = p
		}
		return b
	}
	names := func(d entitlement.Decision) []string {
		out := []string{}
		for _, g := range d.Grants {
			out = append(out, g.Kind+" "+g.Name)
		}
		return out
	}

	t.Run("carry the ids that the org has under the same names", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		var doc struct {
			Groups, Apps map[string]string
		}
		if err := json.Unmarshal(seed.Rules(), &doc); err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{}
		for _, g := range seed.Groups() {
			known["group"+g.ID] = true
		}
		for _, a := range seed.Apps() {
			known["app"+a.ID] = true
		}
		for _, p := range seed.People() {
			known["user"+p.OktaID] = true
		}
		for _, p := range b.rules.Check(func(kind, id string) bool { return known[kind+id] }) {
			t.Error(p)
		}
		for name, id := range doc.Groups {
			if id != seed.GroupID(name) {
				t.Errorf("group %q has id %s, not %s", name, id, seed.GroupID(name))
			}
		}
		for name, id := range doc.Apps {
			if id != seed.AppID(name) {
				t.Errorf("app %q has id %s, not %s", name, id, seed.AppID(name))
			}
		}
	})

	t.Run("protect the break-glass and the service account and nobody else", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for number, p := range b.people {
			_, protected := b.rules.Protected(p.OktaID, p.Groups)
			if want := number == seed.NumberBreakGlass || number == seed.NumberService; protected != want {
				t.Errorf("%s: protected is %t", number, protected)
			}
		}
	})

	t.Run("know every title in the company", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for number, p := range b.people {
			if p.EmployeeType == "service" {
				continue
			}
			if d := b.rules.Birthright(profile(p)); len(d.Gaps) > 0 || !d.Covered {
				t.Errorf("%s: gaps %q, covered %t", number, d.Gaps, d.Covered)
			}
		}
	})

	t.Run("give and manage only groups whose members Okta lets us change", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for id, g := range b.groups {
			if b.rules.Managed("group", id) && (g.Type != seed.OktaGroup || g.Rule != "") {
				t.Errorf("%s is managed, and is %s, rule %q", g.Name, g.Type, g.Rule)
			}
		}
		if b.rules.Managed("group", seed.GroupID("Managers")) {
			t.Error("Managers is managed though only a rule on trial gives it")
		}
	})

	t.Run("give each kind of new hire what the job needs", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for number, want := range map[string][]string{
			"E1013": {"group All Employees", "group AWS Developers", "group Engineering", "group GitHub Engineers"},
			"E1018": {"group All Employees", "group Engineering", "group GitHub Engineers"},
			"E1020": {"group All Employees", "group Sales", "group Salesforce Users", "app Jira"},
			"E1026": {"group All Employees", "group Finance", "group NetSuite Accountants"},
			"E1029": {"group All Employees", "group People", "group Workday Partners"},
			"E1032": {"group All Employees", "group IT", "group PagerDuty Responders"},
			"E1037": {"group All Employees", "group Support", "group Zendesk Agents"},
			"E1041": {"group All Employees", "group Legal"},
			"E1044": {"group Contractors", "group Engineering", "group GitHub Engineers", "app Jira"},
			"E1047": {"group Contractors", "group IT", "app Jira"},
		} {
			if diff := cmp.Diff(want, names(b.rules.Birthright(profile(b.people[number])))); diff != "" {
				t.Errorf("%s: %s", number, diff)
			}
		}
	})

	t.Run("name the gap of an unknown title and give the baseline and the department", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		d := b.rules.Birthright(entitlement.Profile{Title: "Astronaut", Department: "Engineering", EmployeeType: "employee"})
		if diff := cmp.Diff([]string{`no mapping for title "Astronaut" in department "Engineering"`}, d.Gaps); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"group All Employees", "group Engineering"}, names(d)); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("keep accounting and payment approval apart", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		held := []string{seed.GroupID("NetSuite Accountants")}
		pairs := b.rules.Incompatible(held, seed.GroupID("NetSuite Payment Approvers"))
		if len(pairs) != 1 || pairs[0].Mode != entitlement.Enforce || pairs[0].A.Name != "NetSuite Accountants" {
			t.Errorf("%+v", pairs)
		}
		item, ok := b.rules.Item("netsuite  payment approval")
		if !ok || item.Entitlement.ID != pairs[0].B.ID || len(item.Policy.Stages) != 2 {
			t.Errorf("%+v", item)
		}
	})

	t.Run("name owners that exist", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, item := range b.rules.Items() {
			for _, o := range item.Owners {
				if _, ok := b.people[o.Ref]; !ok || o.Kind != entitlement.Employee {
					t.Errorf("%s: owner %+v", item.Name, o)
				}
			}
		}
	})

	t.Run("hold no names of people", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, p := range b.people {
			if strings.Contains(string(seed.Rules()), p.Email) || p.Last != "Glass" && p.EmployeeType != "service" && strings.Contains(string(seed.Rules()), p.First+" "+p.Last) {
				t.Errorf("%s is named", p.Number)
			}
		}
	})
}

func profile(p seed.Person) entitlement.Profile {
	return entitlement.Profile{
		Department: p.Department, Title: p.Title, Location: p.Location,
		EmployeeType: p.EmployeeType, Manager: p.ManagerNumber,
	}
}
