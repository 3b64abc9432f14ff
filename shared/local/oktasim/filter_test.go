package oktasim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anything is the widest dialect there is.
var anything = dialect{not: true, accept: func(string, string) bool { return true }}

// print writes a condition in the grammar it was read from, fully bracketed.
func printed(c condition) string {
	switch c := c.(type) {
	case both:
		return "(" + printed(c.left) + " and " + printed(c.right) + ")"
	case either:
		return "(" + printed(c.left) + " or " + printed(c.right) + ")"
	case negated:
		return "not (" + printed(c.inner) + ")"
	case comparison:
		if c.op == "pr" {
			return c.path + " pr"
		}
		switch value := c.value.(type) {
		case string:
			quoted, err := json.Marshal(value)
			if err != nil {
				panic(err)
			}
			return c.path + " " + c.op + " " + string(quoted)
		case nil:
			return c.path + " " + c.op + " null"
		case float64:
			return c.path + " " + c.op + " " + strconv.FormatFloat(value, 'g', -1, 64)
		default:
			return fmt.Sprintf("%s %s %v", c.path, c.op, value)
		}
	}
	panic("unknown condition")
}

func TestFilterGrammar(t *testing.T) {
	t.Parallel()
	attributes := map[string][]any{
		"status": {"ACTIVE"}, "n": {float64(7)}, "on": {true}, "tags": {"red", "Blue"}, "at": {"2026-03-01T00:00:00.000Z"}, "empty": {},
	}
	get := func(path string) []any { return attributes[path] }
	for text, want := range map[string]bool{
		`status eq "ACTIVE"`: true,
		`status EQ "ACTIVE"`: true,
		`status eq "active"`: false,
		`status ne "ACTIVE"`: false,
		`status sw "ACT" and status ew "IVE" and status co "TIV"`: true,
		`status eq "X" or status eq "ACTIVE" and on eq true`:      true,
		`(status eq "X" or status eq "ACTIVE") and on eq false`:   false,
		`not (status eq "X")`:                  true,
		`not status eq "ACTIVE" or on eq true`: true,
		`n eq 7`:                               true,
		`n eq "7"`:                             false,
		`tags eq "Blue"`:                       true,
		`tags pr and not (empty pr)`:           true,
		`missing ne "x"`:                       true,
		`missing eq null`:                      false,
		`at gt "2026-02-28T23:00:00Z" and at le "2026-03-01T01:00:00+01:00"`: true,
		`at lt "2026-03-01T00:00:00.000Z"`:                                   false,
		`status gt "ABC" and status lt "B"`:                                  true,
	} {
		compiled, err := anything.compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := compiled.holds(get); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	for _, text := range []string{
		"", "status", "status eq", `status eq ACTIVE`, `status eq "ACTIVE`, `(status eq "A"`, `status eq "A")`, `status eq "A" and`,
		`status eq "A" "B"`, `emails[type eq "work"]`, `"status" eq "A"`, `and`, `. eq "A"`, `status eq "\q"`, `status eq "\x41"`,
		strings.Repeat("(", 100) + `a pr` + strings.Repeat(")", 100), strings.Repeat("not ", 100) + "a pr",
	} {
		if compiled, err := anything.compile(text); err == nil {
			t.Errorf("%q is read as %s", text, printed(compiled))
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, text := range []string{
		`status eq "ACTIVE"`, `profile.login eq "a@b.c" or profile.email sw "a" and not (id pr)`,
		`lastUpdated gt "2026-01-01T00:00:00.000Z"`, `((a pr))`, `a eq "\u00e4\""`, `a eq 1e3 and b ne null`, `type eq "OKTA_GROUP`, `user.id eq "00u1"`,
	} {
		f.Add(text)
	}
	u := &user{id: "00u1", record: record{status: Active, profile: map[string]any{"login": "a@b.c", "tags": []any{"x", 7, nil}}}}
	g := &group{id: "00g1", name: "G", kind: oktaGroup}
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []dialect{anything, userFilter, userSearch, groupFilter, groupSearch, appFilter} {
			compiled, err := d.compile(text)
			if err != nil {
				continue
			}
			held := compiled.holds(u.attributes(u.record))
			compiled.holds(g.attributes)
			if d.not && (negated{compiled}).holds(u.attributes(u.record)) == held {
				t.Errorf("%q holds as much as its opposite", text)
			}
			again, err := d.compile(printed(compiled))
			if err != nil || printed(again) != printed(compiled) {
				t.Errorf("%q is read as %s, and that as %v (%v)", text, printed(compiled), again, err)
			}
		}
	})
}

// TestOrderedList holds the paged list against the plain meaning of one: pages
// bring everything that was there all along, once, in the order it was added.
func TestOrderedList(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var list ordered[int]
		var model []int
		last := 0
		change := func() {
			if len(model) > 0 && rapid.Bool().Draw(t, "remove") {
				i := rapid.IntRange(0, len(model)-1).Draw(t, "which")
				list.remove(model[i])
				list.remove(model[i]) // again, harmless
				model = slices.Delete(model, i, i+1)
				return
			}
			last += rapid.IntRange(1, 3).Draw(t, "gap")
			list.add(last, last)
			model = append(model, last)
		}
		for range rapid.IntRange(0, 60).Draw(t, "changes") {
			change()
		}
		stayed := slices.Clone(model)
		var got []int
		cursor := 0
		for {
			page, next := list.slice(cursor, rapid.IntRange(1, 7).Draw(t, "limit"), nil)
			got = append(got, page...)
			if next == 0 {
				break
			}
			cursor = next
			for range rapid.IntRange(0, 5).Draw(t, "changes between") {
				change()
			}
			stayed = slices.DeleteFunc(stayed, func(v int) bool { return v > cursor && !slices.Contains(model, v) })
		}
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Fatalf("out of order or twice: %v", got)
		}
		for _, v := range stayed {
			if !slices.Contains(got, v) {
				t.Fatalf("%d was there all along and not listed: %v", v, got)
			}
		}
		if list.len() != len(model) {
			t.Fatalf("%d values, want %d", list.len(), len(model))
		}
	})
}
