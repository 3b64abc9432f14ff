package rolechange

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/okta"
)

// filled is a form by its field names.
type filled map[string]string

func (f filled) Value(name string) string { return f[name] }

func TestReadForm(t *testing.T) {
	t.Parallel()
	t.Run("reads both positions", func(t *testing.T) {
		t.Parallel()
		got, problems := readForm(filled{
			"employee_number": " E1019 ", "old_department": "Sales", "old_title": "Account Executive", "old_location": "Berlin",
			"department": "Engineering", "title": "Engineer", "location": "London", "requested_by": "r",
		})
		want := transfer{
			EmployeeNumber: "E1019", RequestedBy: "r", Old: position{Department: "Sales", Title: "Account Executive", Location: "Berlin"},
			New: position{Department: "Engineering", Title: "Engineer", Location: "London"},
		}
		if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
			t.Errorf("%q %s", problems, diff)
		}
	})
	for says, form := range map[string]filled{
		"The employee number is missing.":                   {"title": "Engineer"},
		"The employee number may hold letters":              {"employee_number": "E 1", "title": "Engineer"},
		"Nothing is to change: give the new department":     {"employee_number": "E1", "old_title": "Engineer"},
		"The new title holds line breaks":                   {"employee_number": "E1", "title": "Engineer\nand poet"},
		"The new department is longer than 100 characters.": {"employee_number": "E1", "department": strings.Repeat("x", 101)},
	} {
		t.Run("refuses: "+says, func(t *testing.T) {
			t.Parallel()
			if _, problems := readForm(form); len(problems) == 0 || !strings.HasPrefix(problems[0], says) {
				t.Errorf("%q", problems)
			}
		})
	}

	t.Run("a new manager alone is a change", func(t *testing.T) {
		t.Parallel()
		if _, problems := readForm(filled{"employee_number": "E1", "manager": "someone"}); len(problems) > 0 {
			t.Errorf("%q", problems)
		}
	})
}

func TestDay(t *testing.T) {
	t.Parallel()
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"": "0001-01-01T00:00:00Z", "2026-03-02": "2026-03-01T15:00:00Z",
		"2028-01-01": "The effective date is more than a year ahead.", "2025-01-01": "The effective date is more than 90 days ago.",
		"tomorrow": "The effective date is not a date of the form 2026-01-31.",
	} {
		t.Run("reads "+text, func(t *testing.T) {
			t.Parallel()
			r := reader{form: filled{}}
			at := r.day(text, tokyo, now)
			if got := strings.Join(append(r.problems, at.UTC().Format(time.RFC3339)), " "); !strings.HasPrefix(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestUnfit(t *testing.T) {
	t.Parallel()
	profile := okta.Profile{Department: "Sales", Title: "Account Executive", ManagerID: "E1003"}
	for name, c := range map[string]struct {
		user  okta.User
		asked transfer
		want  string
	}{
		"nothing is said of the old position":   {user: okta.User{Status: okta.Active, Profile: profile}},
		"the old position is Okta's":            {user: okta.User{Status: okta.Active, Profile: profile}, asked: transfer{Old: position{Department: " sales ", Manager: "E1003"}}},
		"Okta has the new position already":     {user: okta.User{Status: okta.Active, Profile: profile}, asked: transfer{Old: position{Department: "Support"}, New: position{Department: "Sales"}}},
		"Okta has another one":                  {user: okta.User{Status: okta.Active, Profile: profile}, asked: transfer{Old: position{Department: "Support"}, New: position{Department: "Legal"}}, want: "The old department on this ticket is not the one"},
		"the manager is another":                {user: okta.User{Status: okta.Active, Profile: profile}, asked: transfer{Old: position{Manager: "E1"}}, want: "The old manager on this ticket"},
		"Okta does not know the department yet": {user: okta.User{Status: okta.Staged}, asked: transfer{Old: position{Department: "Support"}}},
		"the account is suspended":              {user: okta.User{Status: okta.Suspended, Profile: profile}, want: "is suspended"},
		"the account is deactivated":            {user: okta.User{Status: okta.Deprovisioned, Profile: profile}, want: "is deactivated"},
		"the account is being deactivated":      {user: okta.User{Status: okta.Active, TransitioningTo: okta.Deprovisioned}, want: "is deactivated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(append(unfit(c.user), contradictions(c.user, c.asked)...), " ")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
