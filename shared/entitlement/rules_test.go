package entitlement_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/entitlement"
)

func TestBirthright(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name    string
		patch   string
		profile entitlement.Profile
		grants  []string
		gaps    []string
	}{
		{
			name:    "gives the baseline of the employee type and the row's roles",
			profile: entitlement.Profile{Title: "Engineer", Department: "Engineering", EmployeeType: "employee"},
			grants:  []string{"group Code", "group Staff"},
		},
		{
			name:    "lists groups before apps",
			profile: entitlement.Profile{Title: "Engineer", Department: "Engineering", EmployeeType: "contractor"},
			grants:  []string{"group Code", "group Externals", "app Calls"},
		},
		{
			name:    "takes the row that names more columns, and only that one",
			profile: entitlement.Profile{Title: "Lead", Department: "Engineering", EmployeeType: "employee"},
			grants:  []string{"group Code", "group Pagers", "group Staff"},
		},
		{
			name:    "prefers the earlier column of two rows that name as many",
			profile: entitlement.Profile{Title: "Manager", Department: "Engineering", EmployeeType: "employee"},
			grants:  []string{"group Staff"},
		},
		{
			name:    "lets the order of columns decide that preference",
			patch:   `{"tables": [{"name": "job", "columns": ["department", "title"], "rows": [{"department": "Engineering", "gives": ["engineer"]}, {"title": "Manager", "gives": ["accountant", "lead"]}]}]}`,
			profile: entitlement.Profile{Title: "Manager", Department: "Engineering", EmployeeType: "employee"},
			grants:  []string{"group Code", "group Staff"},
		},
		{
			name:    "ignores case and surplus spaces in tables",
			profile: entitlement.Profile{Title: "  senior   ACCOUNTANT ", Department: "FINANCE", EmployeeType: "Employee"},
			grants:  []string{"group Invoices", "group Staff"},
		},
		{
			name:    "ignores case and surplus spaces in conditions",
			profile: entitlement.Profile{Title: "Manager", Department: " it ", EmployeeType: "EMPLOYEE"},
			grants:  []string{"group Pagers", "group Staff"},
		},
		{
			name:    "names a title that no row covers",
			profile: entitlement.Profile{Title: "Astronaut", Department: "Space", EmployeeType: "employee"},
			grants:  []string{"group Staff"},
			gaps:    []string{`no mapping for title "Astronaut" in department "Space"`},
		},
		{
			name:    "gives nothing to an unknown employee type but what everybody has",
			patch:   `{"baseline": {"everybody": ["on-call"]}}`,
			profile: entitlement.Profile{Title: "Manager", EmployeeType: "service"},
			grants:  []string{"group Pagers"},
			gaps:    []string{`no baseline for employee type "service"`},
		},
		{
			name:    "names what an empty profile lacks",
			profile: entitlement.Profile{Title: " "},
			grants:  []string{},
			gaps:    []string{"no baseline for a profile without employee type", "no mapping for a profile without title and department"},
		},
		{
			name:    "names the part of a gap that is there",
			profile: entitlement.Profile{Department: "Space", EmployeeType: "employee"},
			grants:  []string{"group Staff"},
			gaps:    []string{`no mapping for department "Space"`},
		},
		{
			name:    "does not repeat a ticket's line breaks or endless titles in a gap",
			profile: entitlement.Profile{Title: "Line\nbreak " + strings.Repeat("x", 200), EmployeeType: "employee"},
			grants:  []string{"group Staff"},
			gaps:    []string{`no mapping for title "Line break ` + strings.Repeat("x", 89) + `..."`},
		},
		{
			name:    "is silent about a table that is not meant to be complete",
			patch:   `{"tables": [{"name": "job", "columns": ["department"], "rows": [{"department": "Engineering", "gives": ["engineer", "lead", "accountant"]}]}]}`,
			profile: entitlement.Profile{Title: "Astronaut", EmployeeType: "employee"},
			grants:  []string{"group Staff"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			patch := test.patch
			if patch == "" {
				patch = `{}`
			}
			d := load(t, with(t, patch)).Birthright(test.profile)
			if diff := cmp.Diff(test.grants, given(d.Grants)); diff != "" {
				t.Errorf("grants: %s", diff)
			}
			if diff := cmp.Diff(test.gaps, d.Gaps); diff != "" {
				t.Errorf("gaps: %s", diff)
			}
		})
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()

	t.Run("tell role and rule in words", func(t *testing.T) {
		t.Parallel()
		d := load(t, []byte(small)).Birthright(entitlement.Profile{Title: "accountant", Department: "Finance", EmployeeType: "employee"})
		want := []entitlement.Grant{
			{
				Kind: "group", ID: "00gDDDDDDDDDDDDDDDDD", Name: "Invoices", Rule: "job[title=Accountant, department=Finance]",
				Text: `role accountant, for title "Accountant" in department "Finance"`,
			},
			{
				Kind: "group", ID: "00gAAAAAAAAAAAAAAAAA", Name: "Staff", Rule: "baseline[employeeType=employee]",
				Text: `role staff, for employee type "employee"`,
			},
		}
		if diff := cmp.Diff(want, d.Grants); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("of several rules stand together in order of precedence", func(t *testing.T) {
		t.Parallel()
		rules := load(t, with(t, `{"conditions": [
			{"name": "b", "description": "second", "when": "title contains \"eng\"", "gives": ["engineer"]},
			{"name": "a", "description": "first", "when": "title startsWith \"Eng\"", "gives": ["on-call", "lead"]}]}`))
		d := rules.Birthright(entitlement.Profile{Title: "Engineer", Department: "Engineering", EmployeeType: "employee"})
		got := d.Grants[0]
		if got.Rule != "job[department=Engineering]; a; b" {
			t.Error(got.Rule)
		}
		if got.Text != `role engineer, for department "Engineering"; role lead: first; role engineer: second` {
			t.Error(got.Text)
		}
		if d.Grants[1].Text != "roles lead and on-call: first" {
			t.Error(d.Grants[1].Text)
		}
	})
}

func TestTrial(t *testing.T) {
	t.Parallel()

	profile := entitlement.Profile{Title: "Lead", Department: "Engineering", EmployeeType: "employee"}
	rows := func(extra string) string {
		return `{"tables": [{"name": "job", "columns": ["title", "department"], "rows": [
			{"department": "Engineering", "gives": ["engineer", "accountant"]}` + extra + `]}],
			"conditions": [{"name": "c", "description": "d", "when": "department == \"IT\"", "gives": ["lead", "on-call"]}]}`
	}

	t.Run("a condition that is recorded grants nothing and manages nothing", func(t *testing.T) {
		t.Parallel()
		rules := load(t, with(t, `{"conditions": [{"name": "trial", "description": "d", "when": "title == \"Lead\"", "gives": ["on-call", "accountant"], "mode": "record"}],
			"tables": [{"name": "job", "columns": ["department"], "rows": [{"department": "Engineering", "gives": ["engineer"]}]}],
			"roles": {"lead": null}, "incompatible": null}`))
		d := rules.Birthright(profile)
		if diff := cmp.Diff([]string{"group Code", "group Staff"}, given(d.Grants)); diff != "" {
			t.Error(diff)
		}
		if len(d.Trials) != 2 || d.Trials[1].Grant.Name != "Pagers" || d.Trials[1].Mode != entitlement.Record || d.Trials[1].Loses {
			t.Errorf("%+v", d.Trials)
		}
		if rules.Managed("group", "00gFFFFFFFFFFFFFFFFF") {
			t.Error("a trial manages its group")
		}
	})

	t.Run("a row on trial leaves the decision to the row beneath it and tells what would change", func(t *testing.T) {
		t.Parallel()
		d := load(t, with(t, rows(`, {"title": "Lead", "department": "Engineering", "gives": ["lead"], "mode": "warn"}`))).Birthright(profile)
		if diff := cmp.Diff([]string{"group Code", "group Invoices", "group Staff"}, given(d.Grants)); diff != "" {
			t.Error(diff)
		}
		row := []string{"job[title=Lead, department=Engineering]"}
		want := []entitlement.Trial{
			{Mode: entitlement.Warn, Rules: row, Grant: entitlement.Grant{
				Kind: "group", ID: "00gFFFFFFFFFFFFFFFFF", Name: "Pagers", Rule: row[0],
				Text: `role lead, for title "Lead" in department "Engineering"`,
			}},
			{Mode: entitlement.Warn, Loses: true, Rules: row, Grant: d.Grants[1]},
		}
		if diff := cmp.Diff(want, d.Trials); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("a row may be tried in place of the one with the same values", func(t *testing.T) {
		t.Parallel()
		d := load(t, with(t, rows(`, {"title": "x", "gives": []}, {"department": "engineering", "gives": [], "mode": "record"}`))).Birthright(profile)
		if len(d.Grants) != 3 || len(d.Trials) != 2 || !d.Trials[0].Loses || !d.Trials[1].Loses {
			t.Errorf("%+v", d)
		}
	})

	t.Run("a row on trial closes no gap", func(t *testing.T) {
		t.Parallel()
		rules := load(t, with(t, `{"tables": [{"name": "job", "columns": ["title"], "complete": true, "rows": [
			{"title": "Engineer", "gives": ["engineer", "accountant"]}, {"title": "Lead", "gives": ["lead"], "mode": "record"}]}]}`))
		d := rules.Birthright(profile)
		if len(d.Gaps) != 1 || d.Covered {
			t.Errorf("gaps %q, covered %t", d.Gaps, d.Covered)
		}
	})
}

func TestVersion(t *testing.T) {
	t.Parallel()
	version := func(doc string) string { return load(t, []byte(doc)).Version() }

	t.Run("begins with the declared version", func(t *testing.T) {
		t.Parallel()
		if v := version(small); !strings.HasPrefix(v, "1+") || len(v) != len("1+")+12 {
			t.Error(v)
		}
	})
	t.Run("changes with the content even when the author forgets to", func(t *testing.T) {
		t.Parallel()
		if version(small) == version(strings.Replace(small, "four eyes", "six eyes", 1)) {
			t.Error("the same version for two documents")
		}
	})
	t.Run("does not change with the layout", func(t *testing.T) {
		t.Parallel()
		if version(small) != version(string(with(t, `{}`))) {
			t.Error("two versions for one content")
		}
	})
	t.Run("stands in every decision", func(t *testing.T) {
		t.Parallel()
		rules := load(t, []byte(small))
		if rules.Birthright(entitlement.Profile{}).Version != rules.Version() {
			t.Error("another version in the decision")
		}
	})
}

func TestProtected(t *testing.T) {
	t.Parallel()
	rules := load(t, []byte(small))
	for _, test := range []struct {
		name, user string
		groups     []string
		reason     string
	}{
		{name: "an account that is listed", user: "00uAAAAAAAAAAAAAAAAA", reason: "break glass"},
		{name: "a member of a listed group", user: "00uBBBBBBBBBBBBBBBBB", groups: []string{"00gAAAAAAAAAAAAAAAAA", "00gGGGGGGGGGGGGGGGGG"}, reason: "administrators"},
		{name: "nobody else", user: "00uBBBBBBBBBBBBBBBBB", groups: []string{"00gAAAAAAAAAAAAAAAAA"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if reason, protected := rules.Protected(test.user, test.groups); reason != test.reason || protected != (test.reason != "") {
				t.Errorf("%q, %t", reason, protected)
			}
		})
	}
}

func TestManaged(t *testing.T) {
	t.Parallel()
	rules := load(t, with(t, `{"groups": {"Old": "00gHHHHHHHHHHHHHHHHH"}, "managed": {"groups": ["Old"]}}`))
	for _, test := range []struct {
		name, kind, id string
		managed        bool
	}{
		{"what a rule gives", "group", "00gAAAAAAAAAAAAAAAAA", true},
		{"what the catalog offers", "group", "00gEEEEEEEEEEEEEEEEE", true},
		{"an app", "app", "0oaAAAAAAAAAAAAAAAAA", true},
		{"what is named as managed", "group", "00gHHHHHHHHHHHHHHHHH", true},
		{"not what is only protected", "group", "00gGGGGGGGGGGGGGGGGG", false},
		{"not what the rules never heard of", "group", "00gZZZZZZZZZZZZZZZZZ", false},
		{"not an id of another kind", "app", "00gAAAAAAAAAAAAAAAAA", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := rules.Managed(test.kind, test.id); got != test.managed {
				t.Errorf("managed is %t", got)
			}
		})
	}
}

func TestIncompatible(t *testing.T) {
	t.Parallel()
	rules := load(t, []byte(small))
	const invoices, payments, staff = "00gDDDDDDDDDDDDDDDDD", "00gEEEEEEEEEEEEEEEEE", "00gAAAAAAAAAAAAAAAAA"

	t.Run("names the pair from either side, the new one second", func(t *testing.T) {
		t.Parallel()
		for held, add := range map[string]string{invoices: payments, payments: invoices} {
			pairs := rules.Incompatible([]string{staff, held}, add)
			if len(pairs) != 1 || pairs[0].A.ID != held || pairs[0].B.ID != add || pairs[0].Reason != "four eyes" {
				t.Errorf("%+v", pairs)
			}
		}
	})
	t.Run("finds nothing wrong with the same one again", func(t *testing.T) {
		t.Parallel()
		if pairs := rules.Incompatible([]string{payments}, payments); len(pairs) != 0 {
			t.Errorf("%+v", pairs)
		}
	})
	t.Run("tells from either side what may not be held besides", func(t *testing.T) {
		t.Parallel()
		for id, opposite := range map[string]string{invoices: payments, payments: invoices} {
			if found := rules.Opposites(id); len(found) != 1 || found[0].ID != opposite {
				t.Errorf("of %s: %+v", id, found)
			}
		}
		if found := rules.Opposites(staff); len(found) != 0 {
			t.Errorf("of a group in no pair: %+v", found)
		}
	})
}

func TestItem(t *testing.T) {
	t.Parallel()
	rules := load(t, []byte(small))

	t.Run("is found by name and carries its policy", func(t *testing.T) {
		t.Parallel()
		item, ok := rules.Item("payment  APPROVAL")
		if !ok {
			t.Fatal("not found")
		}
		want := entitlement.Policy{Name: "asked", Description: "d", Stages: []entitlement.Stage{
			{
				Name: "manager", Approvers: []entitlement.Party{{Kind: entitlement.Manager}}, Need: entitlement.Any,
				Remind: 24 * time.Hour, Escalate: 72 * time.Hour, Expire: 14 * 24 * time.Hour,
			},
			{
				Name: "second", Approvers: []entitlement.Party{{Kind: entitlement.Owner}, {Kind: entitlement.Team, Ref: "Security"}},
				Need: entitlement.All, Expire: 90 * time.Minute,
			},
		}}
		if diff := cmp.Diff(want, item.Policy); diff != "" {
			t.Error(diff)
		}
		if item.Entitlement != (entitlement.Entitlement{Kind: "group", ID: "00gEEEEEEEEEEEEEEEEE", Name: "Payments"}) ||
			item.Longest != 90*24*time.Hour || item.Risk != entitlement.High || item.Owners[0] != (entitlement.Party{Kind: entitlement.Employee, Ref: "E1"}) {
			t.Errorf("%+v", item)
		}
	})
	t.Run("says who may hold it", func(t *testing.T) {
		t.Parallel()
		item, _ := rules.Item("Payment approval")
		if ok, condition := item.MayHold(entitlement.Profile{EmployeeType: "contractor"}); ok || condition != `employeeType == "employee"` {
			t.Errorf("%t %q", ok, condition)
		}
		if ok, _ := item.MayHold(entitlement.Profile{EmployeeType: "Employee"}); !ok {
			t.Error("an employee may not")
		}
		calls, _ := rules.Item("Calls")
		if ok, _ := calls.MayHold(entitlement.Profile{}); !ok {
			t.Error("not everybody may")
		}
	})
	t.Run("is not found under another name", func(t *testing.T) {
		t.Parallel()
		if e, ok := rules.Named(" payments"); !ok || e.Kind != entitlement.Group || e.Name != "Payments" {
			t.Errorf("as a declared group: %+v, %t", e, ok)
		}
		if _, ok := rules.Named("Payment approval"); ok {
			t.Error("the name of an item is not that of a group or app")
		}
		if _, ok := rules.Item("Payments"); ok {
			t.Error("found")
		}
	})
	t.Run("stands in the list of all, which is sorted", func(t *testing.T) {
		t.Parallel()
		if items := rules.Items(); len(items) != 2 || items[0].Name != "Calls" {
			t.Errorf("%+v", items)
		}
	})
}

func TestDiff(t *testing.T) {
	t.Parallel()
	d := load(t, []byte(small)).Diff(
		entitlement.Profile{Title: "Lead", Department: "Engineering", EmployeeType: "contractor"},
		entitlement.Profile{Title: "Engineer", Department: "Engineering", EmployeeType: "employee"},
	)
	want := [][]string{{"group Staff"}, {"group Externals", "group Pagers", "app Calls"}, {"group Code"}}
	if diff := cmp.Diff(want, [][]string{given(d.Gained), given(d.Lost), given(d.Kept)}); diff != "" {
		t.Error(diff)
	}
	if d.Kept[0].Rule != "job[department=Engineering]" || d.Lost[0].Rule != "baseline[employeeType=contractor]" {
		t.Errorf("%+v", d)
	}
}
