package servicenow

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/fault"
)

func TestDefaultKinds(t *testing.T) {
	t.Parallel()
	for _, k := range []Kind{OnboardingKind(), OffboardingKind()} {
		t.Run("the "+k.Name+" kind fits its own rules", func(t *testing.T) {
			t.Parallel()
			o := override{kind: k}
			o.checkStates()
			if _, err := k.selects(); err != nil || len(o.problems) > 0 {
				t.Errorf("%v, %q", err, o.problems)
			}
			for name, from := range k.Fields {
				if !columnName.MatchString(from) {
					t.Errorf("%s comes from %q", name, from)
				}
			}
		})
	}

	t.Run("have the fields that the processes read", func(t *testing.T) {
		t.Parallel()
		for name := range strings.FieldsSeq("first_name last_name email department title role location employee_number previous_employee_number employee_type time_zone manager start_date") {
			if OnboardingKind().Fields[name] == "" {
				t.Errorf("onboarding lacks %s", name)
			}
		}
		for name := range strings.FieldsSeq("email employee_number legal_hold termination_at time_zone requested_by") {
			if OffboardingKind().Fields[name] == "" {
				t.Errorf("offboarding lacks %s", name)
			}
		}
	})

	t.Run("resolve with what an incident demands, in a map of the caller's own", func(t *testing.T) {
		t.Parallel()
		k := OnboardingKind()
		columns := k.Columns(Resolved)
		if columns["state"] != "6" || columns["close_code"] == "" || columns["close_notes"] == "" {
			t.Errorf("got %v", columns)
		}
		columns["close_code"] = "mine"
		if k.Columns(Resolved)["close_code"] == "mine" {
			t.Error("a caller can change the kind")
		}
		if got := k.Columns("no such phase"); got == nil || len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

func TestKindWith(t *testing.T) {
	t.Parallel()

	t.Run("nothing changes nothing", func(t *testing.T) {
		t.Parallel()
		for _, nothing := range []string{"", " \n", "{}"} {
			k, err := OnboardingKind().With([]byte(nothing))
			if diff := cmp.Diff(OnboardingKind(), k); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		}
	})

	t.Run("a catalog item works by configuration alone", func(t *testing.T) {
		t.Parallel()
		k, err := OnboardingKind().With([]byte(`{
			"table": "sc_req_item", "query": "cat_item.name=New hire^active=true",
			"fields": {"first_name": "variable:first_name", "manager": "variable:manager", "department": "u_department.name", "role": ""},
			"states": {"resolved": {"set": {"close_notes": "Done."}}},
			"return_group": "HR", "escalation_group": "IT"}`))
		if err != nil {
			t.Fatal(err)
		}
		_, readsRole := k.Fields["role"]
		if k.Table != "sc_req_item" || k.Fields["first_name"] != "variable:first_name" || k.Fields["department"] != "u_department.name" || readsRole || k.Fields["last_name"] != "u_last_name" {
			t.Errorf("got %+v", k)
		}
		want := map[string]string{"state": "3", "close_notes": "Done."}
		if diff := cmp.Diff(want, k.Columns(Resolved)); diff != "" {
			t.Error(diff)
		}
		if k.ReturnGroup != "HR" || k.EscalationGroup != "IT" {
			t.Errorf("groups %q, %q", k.ReturnGroup, k.EscalationGroup)
		}
		if p, ok := k.phase("7"); p != Cancelled || !ok {
			t.Errorf("skipped means %q", p)
		}
	})

	t.Run("leaves the kind it starts from alone", func(t *testing.T) {
		t.Parallel()
		k := OnboardingKind()
		if _, err := k.With([]byte(`{"fields":{"email":"u_mail"},"states":{"open":{"values":["11"]}}}`)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(OnboardingKind(), k); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("says everything that is wrong at once", func(t *testing.T) {
		t.Parallel()
		_, err := OnboardingKind().With([]byte(`{
			"tabel": "incident", "query": "u_kind=a^ORu_kind=b",
			"fields": {"first_nam": "u_x", "email": "U_EMAIL", "title": "variable:", "role": 7},
			"states": {"done": {"values": ["3"]}, "resolved": {"values": [], "sets": {}}, "open": {"values": ["2"], "set": {"state": "1"}}},
			"return_group": "", "escalation_group": null}`))
		var invalid *fault.Invalid
		if !errors.As(err, &invalid) {
			t.Fatalf("got %v", err)
		}
		for _, part := range []string{`"tabel"`, "alternatives", `"first_nam"`, "fields.email", "fields.title", "fields.role", `"done"`, "states.resolved.values", `"sets"`, "states.open.set", `"2" means both`, "resolved needs a value", "return_group", "escalation_group"} {
			if !slices.ContainsFunc(invalid.Problems, func(p string) bool { return strings.Contains(p, part) }) {
				t.Errorf("nothing about %s in %q", part, invalid.Problems)
			}
		}
		if len(invalid.Problems) != 14 {
			t.Errorf("%d problems: %q", len(invalid.Problems), invalid.Problems)
		}
	})

	t.Run("refuses", func(t *testing.T) {
		t.Parallel()
		for name, overrides := range map[string]string{
			"what is not JSON":                        `{`,
			"what is not an object":                   `[]`,
			"null":                                    `null`,
			"something after the object":              `{} {}`,
			"another table without a query":           `{"table":"sc_task"}`,
			"an unknown table without states":         `{"table":"sn_hr_core_case","query":"u_kind=a"}`,
			"an unknown table with too few states":    `{"table":"sn_hr_core_case","query":"u_kind=a","states":{"open":{"values":["10"]}}}`,
			"a table that would leave the URL's path": `{"table":"../sys_user","query":"u_kind=a"}`,
			"a name of its own":                       `{"name":"x"}`,
			"a group that would change a query":       `{"return_group":"a^ORname=b"}`,
			"a state in two phases":                   `{"states":{"closed":{"values":["6"]}}}`,
		} {
			if _, err := OnboardingKind().With([]byte(overrides)); !fault.Is[*fault.Invalid](err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})

	t.Run("an unknown table works with its states", func(t *testing.T) {
		t.Parallel()
		k, err := OnboardingKind().With([]byte(`{"table":"sn_hr_core_case","query":"hr_service.value=new_hire",
			"states":{"open":{"values":["10"]},"in_progress":{"values":["18"]},"resolved":{"values":["3"]},"cancelled":{"values":["7","4"]}}}`))
		if err != nil || k.Columns(InProgress)["state"] != "18" || len(k.States) != 4 {
			t.Errorf("%+v, %v", k, err)
		}
	})
}

func FuzzKindWith(f *testing.F) {
	f.Add([]byte(`{"table":"sc_req_item","query":"active=true","fields":{"role":""},"states":{"open":{"values":["1"],"set":{"a":"b"}}}}`))
	f.Add([]byte(`{"states":{"open":null}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, err := OnboardingKind().With(raw)
		if err != nil {
			return
		}
		if _, err := k.selects(); err != nil {
			t.Fatalf("an accepted kind has no query: %v", err)
		}
		for _, p := range written {
			if k.Columns(p)["state"] == "" {
				t.Fatalf("an accepted kind cannot write %s", p)
			}
		}
	})
}
