package entitlement_test

import (
	"fmt"

	"lifecycle/shared/entitlement"
)

func ExampleLoad() {
	rules, err := entitlement.Load([]byte(`{
		"version": "2026-01",
		"groups": {"Staff": "00gAAAAAAAAAAAAAAAAA", "Code": "00gBBBBBBBBBBBBBBBBB"},
		"roles": {
			"staff": {"description": "Everybody with a contract", "groups": ["Staff"]},
			"engineer": {"description": "Writes code", "groups": ["Code"]}
		},
		"baseline": {"employeeType": {"employee": ["staff"]}},
		"tables": [{"name": "job", "columns": ["title"], "complete": true, "rows": [{"title": "Engineer", "gives": ["engineer"]}]}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, title := range []string{"engineer", "Astronaut"} {
		decision := rules.Birthright(entitlement.Profile{Title: title, EmployeeType: "employee"})
		for _, g := range decision.Grants {
			fmt.Printf("%s %s: %s\n", g.Kind, g.Name, g.Text)
		}
		for _, gap := range decision.Gaps {
			fmt.Println(gap)
		}
	}
	// Output:
	// group Code: role engineer, for title "Engineer"
	// group Staff: role staff, for employee type "employee"
	// group Staff: role staff, for employee type "employee"
	// no mapping for title "Astronaut"
}

func ExampleInspect() {
	_, problems := entitlement.Inspect([]byte(`{
		"version": "2026-01",
		"groups": {"Staff": "00gAAAAAAAAAAAAAAAAA"},
		"roles": {"staff": {"description": "Everybody with a contract", "groups": ["Staff"]}},
		"baseline": {"employeeType": {"employee": ["staf"]}},
		"conditions": [{"name": "berlin", "description": "Berlin is different", "when": "city == \"Berlin\"", "gives": ["staff"]}]
	}`))
	for _, p := range problems {
		fmt.Println(p)
	}
	// Output:
	// /baseline/employeeType/employee/0: there is no role "staf": declare it under roles, or name one that is declared
	// /conditions/0/when: the condition "berlin" cannot be read: line 1, column 1: unknown name city
	//  | city == "Berlin"
	//  | ^: correct the expression; the schema says what it may contain
}
