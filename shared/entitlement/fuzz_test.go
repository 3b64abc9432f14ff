package entitlement_test

import (
	"testing"

	"lifecycle/shared/entitlement"
)

// FuzzLoad looks for documents that make loading fail otherwise than with a list
// of problems, or that load and then decide differently the second time.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"version": "1", "groups": {}, "roles": {}, "baseline": {"employeeType": {}}}`))
	f.Add([]byte(`{"version": "1", "groups": {"G": "00gAAAAAAAAAAAAAAAAA"}, "roles": {"r": {"description": "d", "groups": ["G"]}}, "baseline": {"everybody": ["r"], "employeeType": {}},
		"conditions": [{"name": "c", "description": "d", "when": "title matches '^a' and not (manager in ['b'])", "gives": ["r"]}]}`))
	f.Add([]byte(`{"tables": [{"columns": ["title", "title", 7], "rows": [{"title": [[]], "gives": "r"}, null]}], "conditions": [{"when": "((((("}], "incompatible": [{"between": [{}]}]}`))
	f.Add([]byte(`[{"a": 1, "a": {"b": [1, {"c": 1, "c": 2}]}}]`))
	f.Add([]byte(`nul`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		rules, found := entitlement.Inspect(doc)
		if (rules == nil) != (len(found) > 0) {
			t.Fatalf("rules and problems at once, or neither: %v", found)
		}
		for _, p := range found {
			if p.What == "" || p.Do == "" {
				t.Errorf("a problem without advice: %+v", p)
			}
		}
		if rules == nil {
			return
		}
		for _, p := range []entitlement.Profile{{}, {Title: "A", Department: "b", EmployeeType: "employee"}} {
			if a, b := rules.Explain(p).String(), rules.Explain(p).String(); a != b {
				t.Errorf("%s\nand then\n%s", a, b)
			}
		}
		again, err := entitlement.Load(doc)
		if err != nil || again.Version() != rules.Version() {
			t.Errorf("not the same the second time: %v", err)
		}
	})
}
