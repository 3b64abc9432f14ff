package entitlement_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/entitlement"
)

var update = flag.Bool("update", false, "write the golden files anew")

// small is a document with a bit of everything.
const small = `{
  "version": "1",
  "groups": {
    "Staff": "00gAAAAAAAAAAAAAAAAA", "Externals": "00gBBBBBBBBBBBBBBBBB", "Code": "00gCCCCCCCCCCCCCCCCC",
    "Invoices": "00gDDDDDDDDDDDDDDDDD", "Payments": "00gEEEEEEEEEEEEEEEEE", "Pagers": "00gFFFFFFFFFFFFFFFFF",
    "Admins": "00gGGGGGGGGGGGGGGGGG"
  },
  "apps": {"Calls": "0oaAAAAAAAAAAAAAAAAA"},
  "roles": {
    "staff": {"description": "d", "groups": ["Staff"]},
    "external": {"description": "d", "groups": ["Externals"], "apps": ["Calls"]},
    "engineer": {"description": "d", "groups": ["Code"]},
    "lead": {"description": "d", "groups": ["Code", "Pagers"]},
    "accountant": {"description": "d", "groups": ["Invoices"]},
    "on-call": {"description": "d", "groups": ["Pagers"]}
  },
  "baseline": {"employeeType": {"employee": ["staff"], "contractor": ["external"]}},
  "tables": [{
    "name": "job", "columns": ["title", "department"], "complete": true,
    "rows": [
      {"department": "Engineering", "gives": ["engineer"]},
      {"title": "Lead", "department": "Engineering", "gives": ["lead"]},
      {"title": "Manager", "gives": []},
      {"title": ["Accountant", "Senior Accountant"], "department": "Finance", "gives": ["accountant"]}
    ]
  }],
  "conditions": [
    {"name": "pagers", "description": "IT answers pages", "when": "department == \"IT\" and employeeType == \"employee\"", "gives": ["on-call"]}
  ],
  "catalog": {
    "Payment approval": {"description": "d", "group": "Payments", "risk": "high", "owners": ["employee:E1"], "approval": "asked", "longest": "90d", "for": "employeeType == \"employee\""},
    "Calls": {"description": "d", "app": "Calls", "risk": "low", "approval": "at once", "longest": "12h"}
  },
  "incompatible": [{"name": "money", "between": [{"group": "Invoices"}, {"group": "Payments"}], "reason": "four eyes"}],
  "protected": {
    "users": [{"id": "00uAAAAAAAAAAAAAAAAA", "reason": "break glass"}],
    "groups": [{"group": "Admins", "reason": "administrators"}]
  },
  "approvalPolicies": {
    "at once": {"description": "harmless", "stages": []},
    "asked": {"description": "d", "stages": [
      {"name": "manager", "approvers": ["manager"], "remind": "24h", "escalate": "3d", "expire": "14d"},
      {"name": "second", "approvers": ["owner", "group:Security"], "need": "all", "expire": "90m"}
    ]}
  }
}`

// with is the small document after a JSON merge patch (RFC 7396): objects are
// merged, null takes out, everything else replaces.
func with(t testing.TB, patch string) []byte {
	t.Helper()
	var doc, change any
	for text, into := range map[string]*any{small: &doc, patch: &change} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	out, err := json.Marshal(merge(doc, change))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func merge(doc, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := doc.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object = maps.Clone(object)
	for name, v := range changes {
		if v == nil {
			delete(object, name)
		} else {
			object[name] = merge(object[name], v)
		}
	}
	return object
}

func load(t testing.TB, doc []byte) *entitlement.Rules {
	t.Helper()
	rules, err := entitlement.Load(doc)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// given lists what a decision grants: "group Staff".
func given(grants []entitlement.Grant) []string {
	out := []string{}
	for _, g := range grants {
		out = append(out, g.Kind+" "+g.Name)
	}
	return out
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// golden holds text against testdata/name; -update writes it.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (refresh with -update): %s", path, diff)
	}
}
