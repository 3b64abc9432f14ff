package accessreview

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// links are what matching both rounds lays down.
func links(t *testing.T, crowd []identity) []link {
	t.Helper()
	first, second := newSheet(), newSheet()
	var numbered, addressed []identity
	for _, i := range crowd {
		if i.Number != "" {
			numbered = append(numbered, i)
		} else {
			addressed = append(addressed, i)
		}
	}
	matched(append(matched(numbered, 0, first), addressed...), 1, second)
	var all []link
	for _, s := range []*sheet{first, second} {
		if s.err != nil {
			t.Fatal(s.err)
		}
		parts := s.piles[linksPile]
		if parts == nil {
			continue
		}
		for i := range parts {
			for line := range strings.Lines(parts[i].String()) {
				var l link
				if err := json.Unmarshal([]byte(line), &l); err != nil {
					t.Fatal(err)
				}
				all = append(all, l)
			}
		}
	}
	slices.SortFunc(all, func(a, b link) int { return strings.Compare(a.Account, b.Account) })
	return all
}

func TestMatching(t *testing.T) {
	t.Parallel()
	account := func(id, number, email string) identity {
		return identity{Account: id, Number: number, Email: email, Used: true}
	}
	record := func(id, number, email string, active bool) identity {
		return identity{Record: id, Number: number, Email: email, Used: active}
	}
	asked := func(of, number, field, value string) identity {
		return identity{Record: of, Number: number, Email: of, Granted: &granted{ID: "q1", Number: "RITM1", Closed: before(40), Field: field, Value: value}}
	}
	for _, test := range []struct {
		name  string
		crowd []identity
		want  []link
	}{
		{"by employee number", []identity{account("o", "1", "a"), record("s", "1", "b", true)}, []link{{Account: "o", Record: "s", Active: true}}},
		{"by address where there is no number", []identity{account("o", "", "a"), record("s", "1", "a", true)}, []link{{Account: "o", Record: "s", Active: true}}},
		{"by address where the number is nobody's", []identity{account("o", "1", "a"), record("s", "", "a", true)}, []link{{Account: "o", Record: "s", Active: true}}},
		{"an address that somebody else has now", []identity{account("o", "1", "a"), record("s", "2", "a", true)}, []link{{Account: "o"}}},
		{"nobody", []identity{account("o", "1", "a")}, []link{{Account: "o"}}},
		{"nobody, without an address", []identity{account("o", "1", "")}, []link{{Account: "o"}}},
		{"the active one of two records", []identity{account("o", "1", "a"), record("s1", "1", "a", false), record("s2", "1", "a", true)}, []link{{Account: "o", Record: "s2", Active: true}}},
		{"two active records", []identity{account("o", "1", "a"), record("s2", "1", "b", true), record("s1", "1", "a", true)}, []link{{Account: "o", Record: "s1", Active: true, Doubles: []string{"s2"}}}},
		{"an inactive record", []identity{account("o", "1", "a"), record("s", "1", "a", false)}, []link{{Account: "o", Record: "s"}}},
		{
			"with what was asked for", []identity{
				account("o", "1", "a"), record("s", "1", "a", true), asked("s", "1", "item", "Wiki"), asked("s", "1", "duration", "30d"), asked("other", "1", "item", "Else"),
			},
			[]link{{Account: "o", Record: "s", Active: true, Requests: []request{{Number: "RITM1", Item: "Wiki", Closed: before(40), Until: before(10)}}}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(test.want, links(t, test.crowd)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEndOf(t *testing.T) {
	t.Parallel()
	from := before(100)
	for _, test := range []struct {
		span, until string
		want        time.Time
	}{
		{"", "", time.Time{}},
		{"30d", "", from.Add(30 * wholeDay)},
		{"30", "", from.Add(30 * wholeDay)},
		{"12 hours", "", from.Add(12 * time.Hour)},
		{"90m", "", from.Add(90 * time.Minute)},
		{"2 Weeks", "", from.Add(14 * wholeDay)},
		{"soon", "", time.Time{}},
		{"-3d", "", time.Time{}},
		{"", "2026-01-31", time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)},
	} {
		if got := endOf(from, test.span, test.until); !got.Equal(test.want) {
			t.Errorf("%q %q: %s, want %s", test.span, test.until, got, test.want)
		}
	}
}

func TestScope(t *testing.T) {
	t.Parallel()
	t.Run("names what it is about in words", func(t *testing.T) {
		t.Parallel()
		for want, s := range map[string]Scope{
			"everybody": {},
			"people of Legal, Sales, the groups A and the apps B, risk high or higher": {Departments: []string{"Legal", "Sales"}, Groups: []string{"A"}, Apps: []string{"B"}, Risk: "high"},
		} {
			if got := s.String(); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	})
	t.Run("is the same in another order and in other letters", func(t *testing.T) {
		t.Parallel()
		a, b := Scope{Groups: []string{"A  b", "C"}}, Scope{Groups: []string{"c", "a B"}}
		if a.key() != b.key() {
			t.Error("two scopes")
		}
		if a.key() == (Scope{Apps: []string{"c", "a B"}}).key() {
			t.Error("one scope")
		}
	})
	t.Run("is refused when it cannot be meant", func(t *testing.T) {
		t.Parallel()
		for _, s := range []Scope{{Risk: "huge"}, {Groups: []string{" "}}} {
			if s.Check() == nil {
				t.Errorf("%+v", s)
			}
		}
	})
}
