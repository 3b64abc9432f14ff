package snowsim

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestQuery(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	names := map[string]string{}
	add := func(name string, values map[string]string) {
		values["correlation_id"] = name
		names[b.incident(values)] = name
	}
	add("a", map[string]string{"u_kind": "onboarding", "state": "1", "u_email": "Nina.Kovács@example.com", "priority": "2", "u_manager": person("E1010"), "u_start_date": "2026-03-01"})
	add("b", map[string]string{"u_kind": "offboarding", "state": "2", "u_email": "mei.chen@example.com", "u_legal_hold": "true", "u_start_date": "2026-02-01"})
	add("c", map[string]string{"u_kind": "onboarding", "state": "3", "short_description": "Tom^s new laptop", "u_manager": person("E1002")})
	add("d", map[string]string{"state": "8", "reassignment_count": "10", "short_description": "description"})
	add("e", map[string]string{"state": "2", "reassignment_count": "9", "u_title": "x", "u_role": "x"})

	for query, want := range map[string]string{
		"":                                        "abcde",
		"u_kind=onboarding":                       "ac",
		"u_kind=ONBOARDING ":                      "ac",
		"u_kind!=onboarding":                      "bde",
		"u_kind=":                                 "de",
		"u_kind=NULL":                             "de",
		"u_kindISEMPTY":                           "de",
		"u_kindISNOTEMPTY":                        "abc",
		"u_kindANYTHING":                          "abcde",
		"stateIN2,3":                              "bce",
		"stateNOT IN2,3":                          "ad",
		"u_emailSTARTSWITHnina.kovacs":            "a",
		"u_emailENDSWITH@example.com":             "ab",
		"u_emailLIKEkov":                          "a",
		"u_email*kov":                             "a",
		"u_email%.com":                            "ab",
		"u_emailNOT LIKEkov":                      "bcde",
		"reassignment_count>9":                    "d",
		"reassignment_count>=9":                   "de",
		"reassignment_countBETWEEN1@9":            "e",
		"u_start_date<2026-02-15":                 "b",
		"u_start_date>2026-02-15 00:00:00":        "a",
		"u_legal_hold=true":                       "b",
		"u_legal_hold=1":                          "b",
		"u_legal_hold!=1":                         "acde",
		"u_titleSAMEASu_role":                     "abcde",
		"u_titleNSAMEASu_role":                    "",
		"u_titleSAMEASu_role^u_title=x":           "e",
		"short_description=Tom^^s new laptop":     "c",
		"u_kind=onboarding^state=1":               "a",
		"state=1^ORstate=3":                       "ac",
		"u_kind=onboarding^state=3^ORstate=2":     "c",
		"u_kind=offboarding^NQstate=8":            "bd",
		"^u_kind=offboarding^EQ":                  "b",
		"ORstate=8":                               "d",
		"u_manager.employee_number=E1010":         "a",
		"u_manager.manager.employee_number=E1002": "a",
		"u_managerLIKElena":                       "a",
		"u_managerSTARTSWITHdaniel":               "c",
		"u_manager.activeISEMPTY":                 "bde",
		"active=false":                            "d",
		"sys_class_name=incident":                 "abcde",
		"numberININC0010001,INC0010005":           "ae",
		"correlation_id=d":                        "d",
		"correlation_idINd,b,d":                   "bd",
		// What cannot be read, and columns that do not exist, are left out.
		"nonsense=1":                        "abcde",
		"u_kind=onboarding^nonsense=1":      "ac",
		"u_kind=onboarding^ORnonsense=1":    "ac",
		"u_kind=onboarding^state~1":         "ac",
		"u_kind=onboarding^Urgent":          "ac",
		"u_manager.nonsense=1":              "abcde",
		"caller.name=x":                     "abcde",
		"state.name=1":                      "abcde",
		"work_notesLIKEx":                   "abcde",
		"^^^":                               "abcde",
		"u_kind=offboarding^NQnonsense=1":   "abcde",
		"u_startBETWEEN1":                   "abcde",
		"ORDERBYnonsense^u_kind=onboarding": "ac",
	} {
		var got []string
		for _, id := range b.list("incident", query) {
			got = append(got, names[id])
		}
		slices.Sort(got)
		if strings.Join(got, "") != want {
			t.Errorf("%q finds %v, want %s", query, got, want)
		}
	}

	for query, want := range map[string]string{
		"ORDERBYcorrelation_id":                                      "abcde",
		"ORDERBYDESCcorrelation_id":                                  "edcba",
		"ORDERBYDESCreassignment_count^ORDERBYcorrelation_id":        "deabc",
		"ORDERBYstate^ORDERBYDESCcorrelation_id":                     "aebcd",
		"stateIN1,2^ORDERBYDESCu_manager.name^ORDERBYcorrelation_id": "abe",
	} {
		var got strings.Builder
		for _, id := range b.list("incident", query) {
			got.WriteString(names[id])
		}
		if got := got.String(); got != want {
			t.Errorf("%q orders %s, want %s", query, got, want)
		}
	}
}

func TestInvalidQueryReturnsNoRowsWhereThePropertyIsSet(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{InvalidQueryNoRows: true})
	b.incident(map[string]string{"u_kind": "onboarding"})
	for query, want := range map[string]int{"u_kind=onboarding": 1, "nonsense=1": 0, "u_kind=onboarding^state~1": 0, "u_kind=x^NQnonsense=1": 0} {
		if got := len(b.list("incident", query)); got != want {
			t.Errorf("%q finds %d rows, want %d", query, got, want)
		}
	}
}

func TestPagingBySysIDFindsEveryRowOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := New(Options{Seed: &Seed{}})
		n := rapid.IntRange(0, 60).Draw(rt, "rows")
		size := rapid.IntRange(1, 9).Draw(rt, "page")
		want := map[string]bool{}
		for range n {
			values := map[string]string{"u_kind": rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "kind")}
			if id := s.Insert("incident", values); values["u_kind"] == "x" {
				want[id] = true
			}
		}
		last, found := "", 0
		for {
			query := "u_kind=x^ORDERBYsys_id"
			if last != "" {
				query = "sys_id>" + last + "^" + query
			}
			page := s.Query("incident", query)
			for _, r := range page[:min(size, len(page))] {
				if last = r["sys_id"]; !want[last] {
					rt.Fatalf("%s was found twice or should not have been", last)
				}
				delete(want, last)
				found++
			}
			if len(page) <= size {
				break
			}
		}
		if len(want) > 0 {
			rt.Fatalf("%d of %d rows were not found", len(want), found+len(want))
		}
	})
}

// TestIndexAgreesWithScan holds the index against reading every row, through
// changes and deletions.
func TestIndexAgreesWithScan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := New(Options{Seed: &Seed{}})
		value := rapid.SampledFrom([]string{"", "a", "A", "b", "é", "e"})
		var ids []string
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch step := rapid.IntRange(0, 4).Draw(rt, "step"); {
			case step < 2 || len(ids) == 0:
				ids = append(ids, s.Insert("task", map[string]string{"correlation_id": value.Draw(rt, "value")}))
			case step < 4:
				s.Update("task", rapid.SampledFrom(ids).Draw(rt, "id"), map[string]string{"correlation_id": value.Draw(rt, "value")})
			default:
				at := rapid.IntRange(0, len(ids)-1).Draw(rt, "at")
				s.Delete("task", ids[at])
				ids = slices.Delete(ids, at, at+1)
			}
			asked := rapid.SampledFrom([]string{"a", "b", "e"}).Draw(rt, "asked")
			byIndex := s.Query("task", "correlation_id="+asked)
			byScan := s.Query("task", "correlation_id>="+asked+"^correlation_id<="+asked)
			if len(byIndex) != len(byScan) {
				rt.Fatalf("%s: the index finds %d, a scan %d", asked, len(byIndex), len(byScan))
			}
			for i := range byIndex {
				if byIndex[i]["sys_id"] != byScan[i]["sys_id"] {
					rt.Fatalf("the index orders otherwise than a scan")
				}
			}
		}
	})
}

func FuzzParseQuery(f *testing.F) {
	for _, example := range []string{
		"", "^", "^^", "^OR", "^NQ", "active=true^ORstate=3^NQnumberSTARTSWITHINC^ORDERBYDESCnumber", "a.b.c!=d", "stateIN1,2,^EQ",
		"short_descriptionLIKEa^^b", "ORDERBY", "ORDERBYDESC", "xBETWEEN1", "caller_id=javascript:x", "stateONx", "aNOT INb", "\x00=\x00", "é=é",
	} {
		f.Add(example)
	}
	s := New(Options{Seed: &Seed{}})
	s.Insert("incident", map[string]string{"short_description": "a^b", "state": "2"})
	f.Fuzz(func(t *testing.T, encoded string) {
		q := parseQuery(encoded)
		if len(q.alternatives) == 0 {
			t.Fatal("a query without alternatives holds for nothing")
		}
		conditions := 0
		for _, groups := range q.alternatives {
			for _, g := range groups {
				if len(g) == 0 {
					t.Fatal("an empty group holds for nothing")
				}
				for _, c := range g {
					conditions++
					if !columnPart.MatchString(c.column) || !slices.Contains(operators, c.operator) {
						t.Fatalf("condition %+v", c)
					}
				}
			}
		}
		if terms := strings.Count(encoded, "^") + 1; conditions+len(q.order) > terms {
			t.Fatalf("%d conditions and %d orders from %d terms", conditions, len(q.order), terms)
		}
		f := s.compile(s.tables["incident"], q)
		if rows := f.rows(); len(rows) > 1 {
			t.Fatal("a row was found twice")
		}
		if conditions == 0 && !f.partial && len(f.rows()) != 1 {
			t.Fatal("a query without conditions has to find every row")
		}
	})
}
