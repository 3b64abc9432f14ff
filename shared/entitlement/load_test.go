package entitlement_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
)

func TestLoadRefuses(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		name  string
		patch string // of the small document
		where string
		what  string // part of the problem
	}{
		// Form.
		{"a member that is missing", `{"version": null}`, "", "missing property 'version'"},
		{"a misspelt member", `{"condtions": []}`, "", "'condtions' not allowed"},
		{"a misspelt column", `{"tables": [{"name": "job", "columns": ["titel"], "rows": [{"title": "x", "gives": []}]}]}`, "/tables/0/columns/0", "must be one of 'title'"},
		{"an id that is not Okta's", `{"groups": {"Staff": "Staff"}}`, "/groups/Staff", "does not match pattern"},
		{"a value that is neither text nor list", `{"tables": [{"name": "job", "columns": ["title"], "rows": [{"title": 7, "gives": []}]}]}`, "/tables/0/rows/0/title", "neither a value nor a list"},
		{"an item that is group and app", `{"catalog": {"Calls": {"group": "Staff"}}}`, "/catalog/Calls", "neither a group nor an app, or both"},
		{"a duration without unit", `{"catalog": {"Calls": {"longest": "90"}}}`, "/catalog/Calls/longest", "does not match pattern"},

		// References.
		{"a role that is not declared", `{"baseline": {"everybody": ["nobody"]}}`, "/baseline/everybody/0", `there is no role "nobody"`},
		{"a role that is not declared, in a row", `{"tables": [{"name": "job", "columns": ["title"], "rows": [{"title": "x", "gives": ["engineer", "nobody"]}]}]}`, "/tables/0/rows/0/gives/1", `there is no role "nobody"`},
		{"a group that is not declared", `{"roles": {"staff": {"groups": ["Staf"]}}}`, "/roles/staff/groups/0", `there is no group "Staf"`},
		{"an app that is not declared", `{"roles": {"staff": {"apps": ["Staff"]}}}`, "/roles/staff/apps/0", `there is no app "Staff"`},
		{"an approval policy that is not declared", `{"catalog": {"Calls": {"approval": "none"}}}`, "/catalog/Calls/approval", `there is no approval policy "none"`},
		{"an incompatible group that is not declared", `{"incompatible": [{"name": "n", "between": [{"group": "Invoices"}, {"app": "Pay"}], "reason": "r"}]}`, "/incompatible/0/between/1/app", `there is no app "Pay"`},
		{"a protected group that is not declared", `{"protected": {"groups": [{"group": "Root", "reason": "r"}]}}`, "/protected/groups/0/group", `there is no group "Root"`},
		{"a managed group that is not declared", `{"managed": {"groups": ["Old"]}}`, "/managed/groups/0", `there is no group "Old"`},
		{"a column that the table lacks", `{"tables": [{"name": "job", "columns": ["title"], "rows": [{"title": "x", "location": "y", "gives": []}]}]}`, "/tables/0/rows/0/location", `the table "job" has no column location`},
		{"a value outside the closed list", `{"values": {"department": ["Engineering", "Finance"]}}`, "/conditions/0/when", `there is no department "it"`},
		{"an employee type that the baseline does not know", `{"conditions": [{"name": "c", "description": "d", "when": "employeeType != \"conractor\"", "gives": ["on-call"]}]}`, "/conditions/0/when", `there is no employee type "conractor"`},
		{"a row for an employee type that the baseline does not know", `{"tables": [{"name": "job", "columns": ["employeeType"], "rows": [{"employeeType": "intern", "gives": []}]}]}`, "/tables/0/rows/0/employeeType", `there is no employee type "intern"`},

		// Repetitions.
		{"one id under two names", `{"groups": {"Workers": "00gAAAAAAAAAAAAAAAAA"}}`, "/groups/Workers", `the same id as "Staff"`},
		{"two tables of a name", `{"tables": [{"name": "job", "columns": ["title"], "rows": [{"title": "x", "gives": []}]}, {"name": "job", "columns": ["title"], "rows": [{"title": "y", "gives": []}]}]}`, "/tables/1/name", `two tables called "job"`},
		{"two conditions of a name", `{"conditions": [{"name": "c", "description": "d", "when": "title == \"a\"", "gives": ["on-call"]}, {"name": "c", "description": "d", "when": "title == \"b\"", "gives": ["on-call"]}]}`, "/conditions/1/name", `two conditions called "c"`},
		{"a value with a space at its end", `{"tables": [{"name": "job", "columns": ["title"], "rows": [{"title": "B ", "gives": ["lead"]}]}]}`, "/tables/0/rows/0/title", "neither a value nor a list"},
		{"two rows for the same values but for case", `{"tables": [{"name": "job", "columns": ["title"], "rows": [{"title": ["a", "b"], "gives": ["engineer"]}, {"title": "B", "gives": ["lead"]}]}]}`, "/tables/0/rows/1", `the row for title "B" stands already at /tables/0/rows/0`},
		{"two items of a name but for case", `{"catalog": {"CALLS": {"description": "d", "app": "Calls", "risk": "low", "approval": "at once"}}}`, "/catalog/Calls", `differs from that of "CALLS" only in case`},
		{"a pair twice, the other way round", `{"incompatible": [{"name": "m", "between": [{"group": "Invoices"}, {"group": "Payments"}], "reason": "r"}, {"name": "n", "between": [{"group": "Payments"}, {"group": "Invoices"}], "reason": "r"}]}`, "/incompatible/1", `the same pair stands there already as "m"`},
		{"a pair of one", `{"incompatible": [{"name": "n", "between": [{"group": "Payments"}, {"group": "Payments"}], "reason": "r"}]}`, "/incompatible/0/between", "twice the same"},
		{"an account that is protected twice", `{"protected": {"users": [{"id": "00uAAAAAAAAAAAAAAAAA", "reason": "r"}, {"id": "00uAAAAAAAAAAAAAAAAA", "reason": "s"}]}}`, "/protected/users/1", "already"},
		{"an employee type twice but for case", `{"baseline": {"employeeType": {"Employee": ["staff"]}}}`, "/baseline/employeeType/employee", "already"},

		// What can never apply.
		{"a role that nobody gets", `{"roles": {"spare": {"description": "d", "groups": ["Staff"]}}}`, "/roles/spare", "no rule gives the role"},
		{"a policy that no item uses", `{"approvalPolicies": {"spare": {"description": "d", "stages": []}}}`, "/approvalPolicies/spare", "no item"},
		{"a group that nothing speaks of", `{"groups": {"Spare": "00gZZZZZZZZZZZZZZZZZ"}}`, "/groups/Spare", "nothing in the rules speaks of the group"},
		{"a column that no row names", `{"tables": [{"name": "job", "columns": ["title", "location"], "rows": [{"title": "x", "gives": []}]}]}`, "/tables/0/columns/1", "no row of the table names location"},
		{"a row that fits everybody", `{"tables": [{"name": "job", "columns": ["title"], "rows": [{"gives": ["engineer"]}, {"title": "x", "gives": []}]}]}`, "/tables/0/rows/0", "fits everybody"},
		{"a condition that contradicts itself", conditionPatch(`department == "IT" and department in ["Legal", "Finance"]`), "/conditions/0/when", "can never hold"},
		{"a condition that contradicts itself in every branch", conditionPatch(`(title == "A" or title == "B") and not (title contains "a" or title endsWith "B")`), "/conditions/0/when", "can never hold"},
		{"a condition that is false", conditionPatch(`false and title == "x"`), "/conditions/0/when", "can never hold"},
		{"a condition that is true", conditionPatch(`true or title == "x"`), "/conditions/0/when", "holds for everybody"},
		{"an item that nobody may hold", `{"catalog": {"Calls": {"for": "title == \"a\" and title == \"b\""}}}`, "/catalog/Calls/for", "can never hold"},

		// Contradictions.
		{"a role that gives both sides of a pair", `{"roles": {"accountant": {"groups": ["Invoices", "Payments"]}}}`, "/tables/0/rows/3", `gives "Invoices" and "Payments", which nobody may hold together (money)`},
		{"a row and the baseline that give both sides", `{"roles": {"staff": {"groups": ["Staff", "Payments"]}}}`, "/baseline/employeeType/employee", `both may apply to title "accountant" in department "finance" of employee type "employee"`},
		{"a row and a condition that give both sides", `{"roles": {"on-call": {"groups": ["Pagers", "Payments"]}}, "conditions": [{"name": "c", "description": "d", "when": "title startsWith \"senior\"", "gives": ["on-call"]}]}`, "/conditions/0", `both may apply to title "senior accountant" in department "finance"`},
		{"two conditions that may give both sides", `{"roles": {"on-call": {"groups": ["Payments"]}}, "conditions": [
			{"name": "c", "description": "d", "when": "location == \"Berlin\" and title contains \"clerk\"", "gives": ["accountant"]},
			{"name": "e", "description": "d", "when": "location in [\"Berlin\", \"Rome\"] and title contains \"boss\"", "gives": ["on-call"]}]}`, "/conditions/1", `both may apply to location "berlin"`},
		{"rows of two tables that give both sides", `{"roles": {"on-call": {"groups": ["Payments"]}}, "tables": [
			{"name": "a", "columns": ["title"], "rows": [{"title": "x", "gives": ["accountant"]}]},
			{"name": "b", "columns": ["department"], "rows": [{"department": "y", "gives": ["on-call"]}]}]}`, "/tables/1/rows/0", `both may apply to title "x" in department "y"`},
		{"a trial that could never be enforced", `{"roles": {"staff": {"groups": ["Staff", "Payments"]}}, "tables": [{"name": "job", "columns": ["title"], "rows": [{"title": "x", "gives": ["accountant"], "mode": "record"}]}]}`, "/baseline/employeeType/employee", "nobody may hold together"},
		{"a protected group that a rule gives", `{"roles": {"lead": {"groups": ["Admins"]}}}`, "/protected/groups/0", "the rule job[title=Lead, department=Engineering] (/tables/0/rows/1) gives it"},
		{"a protected group that the catalog offers", `{"catalog": {"Root": {"description": "d", "group": "Admins", "risk": "low", "approval": "asked", "owners": ["employee:E1"]}}}`, "/protected/groups/0", "the catalog offers it"},
		{"a protected group that is managed", `{"managed": {"groups": ["Admins"]}}`, "/protected/groups/0", "managed by name"},
		{"a high risk that nobody approves", `{"catalog": {"Calls": {"risk": "high"}}}`, "/catalog/Calls/approval", "without asking anybody"},
		{"a policy that asks owners of an item without any", `{"catalog": {"Payment approval": {"owners": null}}}`, "/catalog/Payment approval", "asks the owners, and the item has none"},
		{"a stage that reminds after its end", stagePatch(`"remind": "15d", "expire": "14d"`), "/approvalPolicies/at once/stages/0", "when it has expired already (14d)"},
		{"a stage that escalates before it reminds", stagePatch(`"remind": "3d", "escalate": "48h", "expire": "14d"`), "/approvalPolicies/at once/stages/0", "when it has escalated already (48h)"},
		{"two stages of a name", `{"approvalPolicies": {"at once": {"stages": [{"name": "s", "approvers": ["manager"], "expire": "1d"}, {"name": "s", "approvers": ["manager"], "expire": "1d"}]}}}`, "/approvalPolicies/at once/stages/1/name", `two stages called "s"`},

		{"a policy that leaves the decision to ServiceNow and asks by itself", `{"approvalPolicies": {"asked": {"decidedBy": "servicenow"}}}`, "/approvalPolicies/asked/stages", "has stages of its own"},
		{"a policy that is decided by nobody known", `{"approvalPolicies": {"asked": {"decidedBy": "fate", "stages": []}}}`, "/approvalPolicies/asked/decidedBy", "servicenow"},

		// Expressions.
		{"an expression that does not parse", conditionPatch("title ==\n  and"), "/conditions/0/when", `the condition "c" cannot be read: line 2, column 3: `},
		{"an attribute that there is not", conditionPatch(`salary == "x"`), "/conditions/0/when", "line 1, column 1: unknown name salary\n | salary == \"x\"\n | ^"},
		{"a comparison of different types", conditionPatch(`title == 7`), "/conditions/0/when", "line 1, column 7: invalid operation: == (mismatched types string and int)"},
		{"an expression that is not true or false", conditionPatch(`title`), "/conditions/0/when", "expected bool, but got string"},
		{"a function", conditionPatch(`title == upper("x")`), "/conditions/0/when", "line 1, column 10: unknown name upper"},
		{"an index, which could fail while it runs", conditionPatch(`["a"][7] == title`), "/conditions/0/when", "is not part of the language of conditions"},
		{"a concatenation", conditionPatch(`title + department == "ab"`), "/conditions/0/when", "line 1, column 7: the operator + is not part of the language of conditions"},
		{"a choice", conditionPatch(`title == "a" ? true : department == "b"`), "/conditions/0/when", "is not part of the language of conditions"},
		{"a variable", conditionPatch(`let x = title; x == "a"`), "/conditions/0/when", "is not part of the language of conditions"},
		{"a regular expression that is not one", conditionPatch(`title matches "("`), "/conditions/0/when", "missing closing )"},
		{"a regular expression out of the profile", conditionPatch(`title matches department`), "/conditions/0/when", "line 1, column 15: a regular expression that is not a constant"},
		{"the profile as a whole", conditionPatch(`$env == $env`), "/conditions/0/when", "$env is not part of the language of conditions"},
		{"a comparison with a list", conditionPatch(`title == ["a"]`), "/conditions/0/when", "line 1, column 7: invalid operation: =="},
		{"an item's expression that does not parse", `{"catalog": {"Calls": {"for": "titel == \"x\""}}}`, "/catalog/Calls/for", `the item "Calls" cannot be read: line 1, column 1: unknown name titel`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rules, found := entitlement.Inspect(with(t, test.patch))
			if rules != nil {
				t.Fatal("it loads")
			}
			for _, p := range found {
				if p.Do == "" || p.What == "" {
					t.Errorf("without advice: %+v", p)
				}
				if p.Where == test.where && strings.Contains(p.What, test.what) {
					return
				}
			}
			t.Errorf("%s: %s\nnot in %s", test.where, test.what, found)
		})
	}
}

// conditionPatch puts one condition in the place of those there are.
func conditionPatch(when string) string {
	text, err := json.Marshal(when)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"conditions": [{"name": "c", "description": "d", "when": %s, "gives": ["on-call"]}]}`, text)
}

func stagePatch(times string) string {
	return `{"approvalPolicies": {"at once": {"stages": [{"name": "s", "approvers": ["manager"], ` + times + `}]}}}`
}

func TestLoadAccepts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, patch string }{
		{"a high risk that ServiceNow decides about", `{"catalog": {"Calls": {"risk": "high"}}, "approvalPolicies": {"at once": {"decidedBy": "servicenow"}}}`},
		{"the language of conditions", conditionPatch(`not (title in ["a", "b"] || title startsWith "c") && (department contains " of " or location endsWith "n") and role matches "^x+$" and manager != "E1" and title == department`)},
		{"rules that exclude one another by employee type", `{"roles": {"staff": {"groups": ["Staff", "Payments"]}}, "tables": [{"name": "job", "columns": ["employeeType"], "rows": [{"employeeType": "contractor", "gives": ["accountant", "engineer", "lead"]}]}]}`},
		{"rules that exclude one another by a regular expression", `{"roles": {"on-call": {"groups": ["Pagers", "Payments"]}}, "conditions": [{"name": "c", "description": "d", "when": "not (title matches \"accountant$\")", "gives": ["on-call"]}]}`},
		{"a row that never decides where the other rule applies", `{"roles": {"on-call": {"groups": ["Payments"]}}, "conditions": [], "tables": [
			{"name": "a", "columns": ["title", "department"], "rows": [{"title": "x", "gives": ["accountant"]}, {"title": "x", "department": "y", "gives": ["lead"]}]},
			{"name": "b", "columns": ["department"], "rows": [{"department": "y", "gives": ["on-call", "engineer"]}]}]}`},
		{"both sides in one table, which gives one row", `{"roles": {"on-call": {"groups": ["Payments"]}}, "conditions": [], "tables": [{"name": "a", "columns": ["title", "department"], "rows": [
			{"title": "x", "gives": ["accountant", "engineer"]}, {"department": "y", "gives": ["on-call", "lead"]}]}]}`},
		{"a row on trial in the place of the one that gives the other side", `{"roles": {"on-call": {"groups": ["Payments"]}}, "conditions": [], "tables": [{"name": "a", "columns": ["title"], "rows": [
			{"title": "x", "gives": ["accountant", "engineer"]}, {"title": "x", "gives": ["on-call", "lead"], "mode": "warn"}]}]}`},
		{"a collision in a pair that is only told", `{"roles": {"accountant": {"groups": ["Invoices", "Payments"]}}, "incompatible": [{"name": "money", "between": [{"group": "Invoices"}, {"group": "Payments"}], "reason": "r", "mode": "warn"}]}`},
		{"members for editors", `{"$schema": "entitlement.schema.json", "description": "d"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			patch := with(t, test.patch)
			_, found := entitlement.Inspect(patch)
			for _, p := range found {
				if !strings.Contains(p.What, "no rule gives the role") { // beside the point
					t.Error(p)
				}
			}
		})
	}
}

func TestLoadReports(t *testing.T) {
	t.Parallel()

	t.Run("all problems at once, in order of place, as fault.Invalid", func(t *testing.T) {
		t.Parallel()
		_, err := entitlement.Load(with(t, `{"version": 7, "groups": {"Staff": "x"}, "baseline": {"everybody": ["nobody"]},
			"conditions": [{"name": "c", "description": "d", "when": "salary > 1", "gives": ["on-call"]}]}`))
		if !fault.Is[*fault.Invalid](err) {
			t.Fatalf("%T", err)
		}
		places := []string{"problems: 4", "/baseline/everybody/0: ", "/conditions/0/when: ", "/groups/Staff: ", "/version: "}
		from := 0
		for _, p := range places {
			at := strings.Index(err.Error()[from:], p)
			if at < 0 {
				t.Fatalf("%s not in its place in %v", p, err)
			}
			from += at
		}
	})

	t.Run("a name that stands twice, of which JSON libraries drop one", func(t *testing.T) {
		t.Parallel()
		doc := strings.Replace(small, `"roles": {`, `"roles": {"engineer": {"description": "d", "groups": ["Admins"]},`, 1)
		_, found := entitlement.Inspect([]byte(doc))
		if len(found) != 1 || found[0].Where != "/roles/engineer" || !strings.Contains(found[0].What, `"engineer" stands twice`) {
			t.Error(found)
		}
	})

	t.Run("where JSON itself is broken", func(t *testing.T) {
		t.Parallel()
		_, found := entitlement.Inspect([]byte("{\n  \"version\": \"1\",,\n}"))
		if len(found) != 1 || !strings.Contains(found[0].What, "line 2, column 18") {
			t.Error(found)
		}
	})

	t.Run("only the form of what has the wrong form", func(t *testing.T) {
		t.Parallel()
		_, found := entitlement.Inspect(with(t, `{"incompatible": [{"name": "n", "between": [{"group": "Nothing"}], "reason": "r"}]}`))
		if len(found) != 1 || found[0].Where != "/incompatible/0/between" {
			t.Error(found)
		}
	})

	t.Run("a document that is too large before reading it", func(t *testing.T) {
		t.Parallel()
		_, found := entitlement.Inspect(make([]byte, entitlement.LargestDocument+1))
		if len(found) != 1 || !strings.Contains(found[0].What, "more than the") {
			t.Error(found)
		}
	})

	t.Run("lists that multiply beyond measure, once", func(t *testing.T) {
		t.Parallel()
		values := make([]string, 400)
		for i := range values {
			values[i] = fmt.Sprintf("v%d", i)
		}
		list, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		row := fmt.Sprintf(`{"title": %s, "department": %s, "gives": []}`, list, list)
		_, found := entitlement.Inspect(with(t, `{"tables": [{"name": "job", "columns": ["title", "department"], "rows": [`+row+`,`+row+`]}]}`))
		count := 0
		for _, p := range found {
			if strings.Contains(p.What, "more than 100000 rows") {
				count++
			}
		}
		if count != 1 {
			t.Error(found)
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	rules := load(t, []byte(small))

	t.Run("asks for every id in the document", func(t *testing.T) {
		t.Parallel()
		asked := map[string]int{}
		if found := rules.Check(func(kind, _ string) bool { asked[kind]++; return true }); len(found) != 0 {
			t.Error(found)
		}
		if asked["group"] != 7 || asked["app"] != 1 || asked["user"] != 1 {
			t.Error(asked)
		}
	})
	t.Run("says where the unknown ones stand", func(t *testing.T) {
		t.Parallel()
		found := rules.Check(func(kind, id string) bool { return kind == "group" && id != "00gCCCCCCCCCCCCCCCCC" })
		if len(found) != 3 || found[0].Where != "/apps/Calls" || found[1].Where != "/groups/Code" || found[2].Where != "/protected/users/0/id" {
			t.Error(found)
		}
	})
}
