package servicenow

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"lifecycle/shared/fault"
)

func TestParseQuery(t *testing.T) {
	t.Parallel()

	t.Run("keeps what it can check, word for word", func(t *testing.T) {
		t.Parallel()
		for _, encoded := range []string{
			"u_kind=onboarding", "u_kind!=x^cat_item.name=New hire", "u_kindINa,b", "categoryNOT INa,b",
			"short_descriptionSTARTSWITHNew", "short_descriptionLIKEhire", "parentISEMPTY^u_kindISNOTEMPTY",
		} {
			q, problems := parseQuery(encoded)
			if len(problems) > 0 || q.String() != encoded {
				t.Errorf("%s became %s with %q", encoded, q, problems)
			}
		}
	})

	t.Run("refuses what it could not hold a row against", func(t *testing.T) {
		t.Parallel()
		for name, encoded := range map[string]string{
			"an alternative":          "u_kind=a^ORu_kind=b",
			"a second query":          "u_kind=a^NQu_kind=b",
			"an order":                "u_kind=a^ORDERBYnumber",
			"a script":                "opened_by=javascript:gs.getUserID()",
			"a script in disguise":    "opened_by=JavaScript:gs.getUserID()",
			"a type test":             "sys_class_nameINSTANCEOFtask",
			"a date comparison":       "sys_created_on>2026-01-01",
			"nothing":                 "",
			"an empty term":           "u_kind=a^^active=true",
			"no column":               "=onboarding",
			"an upper case column":    "U_KIND=onboarding",
			"an empty value":          "u_kind=",
			"the word for empty":      "parent=NULL",
			"an empty value in list":  "u_kindINa,,b",
			"a value for ISEMPTY":     "u_kindISEMPTYx",
			"a line break":            "u_kind=a\nb",
			"a misspelt operator":     "u_kindISS onboarding",
			"a dot at the wrong side": "u_kind.=a",
		} {
			if q, problems := parseQuery(encoded); len(problems) == 0 {
				t.Errorf("%s was taken: %v", name, q)
			}
		}
	})

	t.Run("lists every problem", func(t *testing.T) {
		t.Parallel()
		if _, problems := parseQuery("a=^b~c^ORd=e"); len(problems) != 3 {
			t.Errorf("got %q", problems)
		}
	})
}

func TestQueryHolds(t *testing.T) {
	t.Parallel()
	r := row{"kind": "Onboarding", "empty": "", "state": "2"}
	for encoded, want := range map[string]bool{
		"kind=onboarding": true, "kind=boarding": false, "kind!=offboarding": true, "kind!=onboarding": false,
		"stateIN1,2": true, "stateIN1,3": false, "stateNOT IN1,3": true, "stateNOT IN2": false,
		"kindSTARTSWITHon": true, "kindSTARTSWITHboard": false, "kindLIKEBOARD": true, "kindLIKEoff": false,
		"emptyISEMPTY": true, "kindISEMPTY": false, "kindISNOTEMPTY": true, "emptyISNOTEMPTY": false,
		"kind=onboarding^state=2": true, "kind=onboarding^state=1": false,
		// A column that did not come back satisfies nothing, not even a negation.
		"absentISEMPTY": false, "absent!=x": false, "absentNOT INx": false,
	} {
		q, problems := parseQuery(encoded)
		if got := q.holds(r); len(problems) > 0 || got != want {
			t.Errorf("%s: %t, want %t (%q)", encoded, got, want, problems)
		}
	}
}

func TestWhere(t *testing.T) {
	t.Parallel()

	t.Run("refuses a value that would change the query or match everybody, without repeating it", func(t *testing.T) {
		t.Parallel()
		for name, value := range map[string]string{
			"another term": "x@example.com^ORactive=true", "a script": "javascript:gs.getUserID()",
			"nothing": "", "blanks": "  ", "a line break": "a\nb",
		} {
			_, err := where("email", value)
			if !fault.Is[*fault.Invalid](err) {
				t.Errorf("%s: %v", name, err)
			} else if len(strings.TrimSpace(value)) > 3 && strings.Contains(err.Error(), value) {
				t.Errorf("%s: the message repeats the value: %v", name, err)
			}
		}
	})

	t.Run("refuses a comma in a list only", func(t *testing.T) {
		t.Parallel()
		if _, err := within(in, "sys_id", "a,b"); !fault.Is[*fault.Invalid](err) {
			t.Errorf("got %v", err)
		}
		if _, err := where("name", "Adler, Charlotte"); err != nil {
			t.Error(err)
		}
	})

	t.Run("never lets a value become a second term", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			value := rapid.String().Draw(t, "value")
			c, err := where("email", value)
			if err != nil {
				return
			}
			parsed, problems := parseQuery(query{c}.String())
			if len(problems) > 0 || len(parsed) != 1 || parsed[0].operator != equals || parsed[0].values[0] != value {
				t.Fatalf("%q became %v %q", value, parsed, problems)
			}
		})
	})
}

func FuzzParseQuery(f *testing.F) {
	for _, seed := range []string{"u_kind=onboarding", "a=b^ORc=d", "aINb,c^dISEMPTY", "a^^b", "INSTANCEOF", "aLIKE"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		q, problems := parseQuery(encoded)
		if len(problems) > 0 {
			return
		}
		if q.String() != encoded {
			t.Fatalf("%q is not kept: %q", encoded, q)
		}
		for _, c := range q {
			if !columnName.MatchString(c.column) || slices.ContainsFunc(c.values, func(v string) bool {
				return strings.ContainsFunc(v, unicode.IsControl) || strings.Contains(v, "^")
			}) {
				t.Fatalf("%q let %+v through", encoded, c)
			}
		}
	})
}

func FuzzRow(f *testing.F) {
	for _, seed := range []string{`{"a":"b"}`, `{"a":{"link":"x","value":"y"}}`, `{"a":null,"b":1,"c":true}`, `{"a":[1]}`, `[]`, `{"a":{"value":{"value":{}}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, raw []byte) {
		var r row
		_ = r.UnmarshalJSON(raw) // it must not panic
	})
}
