package statesync

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lifecycle/shared/okta"
	"lifecycle/shared/servicenow"
)

// bench makes records as a slice does.
func bench() *sorting { return &sorting{run: "run", piles: map[string][]string{}} }

func account(id, number, email, title string, status okta.Status) record {
	return bench().account(okta.User{ID: id, Status: status, Profile: okta.Profile{EmployeeNumber: number, Email: email, Title: title}}, DefaultPolicy())
}

func user(id, number, email, title string, active bool) record {
	return bench().user(servicenow.User{Person: servicenow.Person{SysID: id, EmployeeNumber: number, Email: email, Active: active}, Title: title}, DefaultPolicy())
}

// told are findings in short.
func told(found []finding) (list []string) {
	for _, f := range found {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s/%s %s %t", f.Kind, f.OktaID, f.SysID, f.Detail, f.Repair)))
	}
	return list
}

func TestMatching(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		pile []record
		want []string
		left int
	}{
		"two that agree":                         {[]record{account("o", "1", "a@b", "t", okta.Active), user("s", "1", "A@B ", "t", true)}, nil, 0},
		"a title":                                {[]record{account("o", "1", "a@b", "x", okta.Active), user("s", "1", "a@b", "t", true)}, []string{"attributes o/s title true"}, 0},
		"a title that its owner lacks":           {[]record{account("o", "1", "a@b", "x", okta.Active), user("s", "1", "a@b", "", true)}, []string{"attributes o/s title false"}, 0},
		"gone in Okta":                           {[]record{account("o", "1", "a@b", "x", okta.Deprovisioned), user("s", "1", "a@b", "t", true)}, []string{"inactive_in_okta o/s  true"}, 0},
		"gone in ServiceNow":                     {[]record{account("o", "1", "a@b", "t", okta.Active), user("s", "1", "a@b", "t", false)}, []string{"inactive_in_servicenow o/s  false"}, 0},
		"gone in ServiceNow, never used in Okta": {[]record{account("o", "1", "a@b", "t", okta.Staged), user("s", "1", "a@b", "t", false)}, nil, 0},
		"gone in both":                           {[]record{account("o", "1", "a@b", "x", okta.Deprovisioned), user("s", "1", "a@b", "t", false)}, nil, 0},
		"suspended":                              {[]record{account("o", "1", "a@b", "t", okta.Suspended), user("s", "1", "a@b", "t", true)}, []string{"locked o/s  true"}, 0},
		"an earlier account":                     {[]record{account("o", "1", "a@b", "t", okta.Active), account("p", "1", "c@d", "t", okta.Deprovisioned), user("s", "1", "a@b", "t", true)}, nil, 0},
		"two accounts in use":                    {[]record{account("o", "1", "a@b", "t", okta.Active), account("p", "1", "c@d", "t", okta.Active), user("s", "1", "a@b", "t", true)}, []string{"duplicate_in_okta o/ the same person as p false"}, 0},
		"two active users":                       {[]record{account("o", "1", "a@b", "t", okta.Active), user("s", "1", "a@b", "t", true), user("u", "1", "a@b", "t", true)}, []string{"duplicate_in_servicenow /s the same person as u false"}, 0},
		"nobody else":                            {[]record{account("o", "1", "a@b", "t", okta.Active), user("s", "2", "a@b", "t", true)}, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, left := match(one.pile, 1, DefaultPolicy())
			if diff := cmp.Diff(one.want, told(found)); diff != "" || len(left) != one.left {
				t.Errorf("%d left, want %d; found (-want +got):\n%s", len(left), one.left, diff)
			}
		})
	}
}

// Whatever lies on the piles, in whatever order: each record is compared, is part
// of a finding, or is left over, once; and the order changes nothing.
func TestMatchingLosesNobody(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(r, "people")
		var pile []record
		for i := range n {
			number := rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(r, "number")
			email := rapid.SampledFrom([]string{"", "a@x", "b@x"}).Draw(r, "email")
			if rapid.Bool().Draw(r, "account") {
				pile = append(pile, account(fmt.Sprint("o", i), number, email, "t", rapid.SampledFrom([]okta.Status{okta.Active, okta.Deprovisioned, okta.Suspended}).Draw(r, "status")))
			} else {
				pile = append(pile, user(fmt.Sprint("s", i), number, email, "t", rapid.Bool().Draw(r, "active")))
			}
		}
		round := rapid.IntRange(1, 2).Draw(r, "round")
		found, left := match(slices.Clone(pile), round, DefaultPolicy())
		shuffled := rapid.Permutation(pile).Draw(r, "order")
		again, leftAgain := match(shuffled, round, DefaultPolicy())
		if diff := cmp.Diff(told(found), told(again)); diff != "" || len(left) != len(leftAgain) {
			r.Fatalf("another order finds something else:\n%s", diff)
		}
		for _, l := range left {
			for _, f := range found {
				if f.OktaID == l.ID || f.SysID == l.ID {
					r.Fatalf("%s is left over and found", l.ID)
				}
			}
		}
	})
}

func TestRecordsKeepNothingPersonal(t *testing.T) {
	t.Parallel()
	s := bench()
	s.add(s.account(okta.User{ID: "00u1", Status: okta.Active, Profile: okta.Profile{
		Email: "jane@example.com", Login: "jane@example.com", FirstName: "Jane", LastName: "Roe", EmployeeNumber: "E77", Title: "Pilot",
	}}, DefaultPolicy()))
	for pile, lines := range s.piles {
		for _, personal := range []string{"jane", "Roe", "E77", "Pilot"} {
			if strings.Contains(pile+lines[0], personal) {
				t.Errorf("%s in %s", personal, lines[0])
			}
		}
		if r, err := parseRecord(lines[0]); err != nil || r.ID != "00u1" || len(lines[0]) > 250 {
			t.Errorf("%d bytes: %s, %v", len(lines[0]), lines[0], err)
		}
	}
	if other := (&sorting{run: "other"}).hash("title", "Pilot"); other == s.hash("title", "Pilot") {
		t.Error("two runs have the same hashes")
	}
}
