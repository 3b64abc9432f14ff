package entitlement_test

import (
	"strings"
	"testing"

	"lifecycle/shared/entitlement"
)

func TestExplain(t *testing.T) {
	t.Parallel()

	rules := load(t, with(t, `{
		"tables": [
			{"name": "job", "columns": ["title", "department"], "complete": true, "rows": [
				{"department": "Engineering", "gives": ["engineer"]},
				{"title": "Lead", "department": "Engineering", "gives": ["lead"]},
				{"title": "Lead", "gives": [], "mode": "warn"},
				{"title": "Lead", "department": "Engineering", "gives": ["engineer", "accountant"], "mode": "record"},
				{"title": ["Accountant", "Senior Accountant"], "department": "Finance", "gives": ["accountant"]}
			]},
			{"name": "place", "columns": ["location"], "rows": [{"location": "Berlin", "gives": ["on-call"]}]}
		],
		"conditions": [
			{"name": "pagers", "description": "IT answers pages", "when": "department == \"IT\" and employeeType == \"employee\"", "gives": ["on-call"]},
			{"name": "seniors", "description": "seniors see invoices", "when": "title startsWith \"Senior\"", "gives": ["accountant"], "mode": "record"}
		],
		"incompatible": [{"name": "noise", "between": [{"group": "Code"}, {"group": "Pagers"}], "reason": "whoever writes code sleeps", "mode": "warn"},
			{"name": "money", "between": [{"group": "Invoices"}, {"group": "Payments"}], "reason": "four eyes"}]
	}`))

	for name, profile := range map[string]entitlement.Profile{
		"lead.txt":     {Title: "Lead", Department: "Engineering", Location: "Berlin", EmployeeType: "employee", Manager: "E1001"},
		"senior.txt":   {Title: "senior  accountant", Department: "Finance", EmployeeType: "contractor"},
		"unknown.txt":  {Title: "Astronaut", Department: "Space", EmployeeType: "ghost"},
		"nothing.txt":  {},
		"pages-it.txt": {Title: "Admin", Department: "it", Location: "Rome", EmployeeType: "Employee"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := rules.Explain(profile).String()
			if strings.Contains(text, "E1001") {
				t.Error("it names the manager")
			}
			golden(t, "explain-"+name, text)
		})
	}

	t.Run("explains the decision that is taken", func(t *testing.T) {
		t.Parallel()
		for _, p := range []entitlement.Profile{{}, {Title: "Lead", Department: "Engineering", EmployeeType: "employee"}} {
			d := rules.Birthright(p)
			if e := rules.Explain(p); len(given(e.Decision.Grants)) != len(given(d.Grants)) || e.Decision.Version != d.Version {
				t.Errorf("%+v, decided %+v", e.Decision, d)
			}
		}
	})
}
