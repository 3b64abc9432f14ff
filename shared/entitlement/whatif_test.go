package entitlement_test

import (
	"errors"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
)

func stream(people ...entitlement.Person) iter.Seq2[entitlement.Person, error] {
	return func(yield func(entitlement.Person, error) bool) {
		for _, p := range people {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func TestWhatIf(t *testing.T) {
	t.Parallel()

	// The candidate: engineers lose code to a new rule for Berlin, accountants
	// may approve payments by title, externals are no longer managed.
	const patch = `{
		"version": "2",
		"roles": {"external": {"groups": [], "apps": ["Calls"]}, "payer": {"description": "d", "groups": ["Payments"]}},
		"groups": {"Externals": null},
		"tables": [{"name": "job", "columns": ["title", "department"], "complete": true, "rows": [
			{"department": "Engineering", "gives": []},
			{"title": "Lead", "department": "Engineering", "gives": ["lead"]},
			{"title": "Payer", "gives": ["payer"]},
			{"title": ["Accountant", "Senior Accountant"], "department": "Finance", "gives": ["accountant"]}]}],
		"conditions": [{"name": "pagers", "description": "d", "when": "location == \"Berlin\"", "gives": ["on-call", "engineer"]},
			{"name": "later", "description": "d", "when": "department == \"Finance\" and title == \"Clerk\"", "gives": ["accountant"], "mode": "record"}]
	}`
	type testBundle struct{ current, candidate *entitlement.Rules }
	setup := func(t *testing.T) *testBundle {
		t.Helper()
		return &testBundle{load(t, []byte(small)), load(t, with(t, patch))}
	}
	people := []entitlement.Person{
		{ID: "00u1", Profile: entitlement.Profile{Title: "Engineer", Department: "Engineering", EmployeeType: "employee"}},
		{ID: "00u2", Profile: entitlement.Profile{Title: "Engineer", Department: "Engineering", EmployeeType: "employee"}, Held: []string{"00gCCCCCCCCCCCCCCCCC"}},
		{ID: "00u3", Profile: entitlement.Profile{Title: "Engineer", Department: "Engineering", Location: "Berlin", EmployeeType: "employee"}},
		{ID: "00u4", Profile: entitlement.Profile{Title: "Payer", EmployeeType: "employee"}, Held: []string{"00gDDDDDDDDDDDDDDDDD"}},
		{ID: "00u5", Profile: entitlement.Profile{Title: "Clerk", Department: "Finance", EmployeeType: "contractor"}},
		{ID: "00uAAAAAAAAAAAAAAAAA", Profile: entitlement.Profile{Department: "Engineering", EmployeeType: "employee"}},
		{ID: "00u6", Profile: entitlement.Profile{Department: "Engineering", EmployeeType: "employee"}, Held: []string{"00gGGGGGGGGGGGGGGGGG"}},
	}

	t.Run("tells who gains and loses what", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		got := map[string][]string{}
		summary, err := entitlement.WhatIf(b.current, b.candidate, stream(people...), func(c entitlement.Change) error {
			for _, part := range []struct {
				name string
				list []entitlement.Grant
			}{{"+", c.Gained}, {"-", c.Lost}, {"~", c.Released}} {
				for _, g := range given(part.list) {
					got[c.ID] = append(got[c.ID], part.name+g)
				}
			}
			for _, p := range c.Collisions {
				got[c.ID] = append(got[c.ID], "!"+p.A.Name+"/"+p.B.Name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{
			"00u1": {"-group Code"},
			// 00u2 holds code by request too, which the rule's end does not take away.
			"00u3": {"+group Pagers"},
			"00u4": {"+group Payments", "!Invoices/Payments"},
			"00u5": {"~group Externals"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if !strings.HasPrefix(summary.Current, "1+") || !strings.HasPrefix(summary.Candidate, "2+") {
			t.Errorf("versions %s, %s", summary.Current, summary.Candidate)
		}
		summary.Hash, summary.Current, summary.Candidate = "", "", ""
		tally := func(what, kind, id string, sample ...string) entitlement.Tally {
			return entitlement.Tally{What: what, Kind: kind, ID: id, People: len(sample), Sample: sample}
		}
		wantSummary := entitlement.Summary{
			People: 7, Protected: 2, Changed: 3, Losers: 1, Granted: 2, Removed: 1,
			Gains:      []entitlement.Tally{tally("Pagers", "group", "00gFFFFFFFFFFFFFFFFF", "00u3"), tally("Payments", "group", "00gEEEEEEEEEEEEEEEEE", "00u4")},
			Losses:     []entitlement.Tally{tally("Code", "group", "00gCCCCCCCCCCCCCCCCC", "00u1")},
			Releases:   []entitlement.Tally{tally("Externals", "group", "00gBBBBBBBBBBBBBBBBB", "00u5")},
			Trials:     []entitlement.Tally{tally("would get Invoices", "group", "00gDDDDDDDDDDDDDDDDD", "00u5")},
			Uncovered:  tally("the baseline alone", "", "", "00u5"),
			Gaps:       []entitlement.Tally{tally(`no mapping for title "Clerk" in department "Finance"`, "", "", "00u5")},
			Collisions: []entitlement.Tally{tally("money", "", "", "00u4")},
		}
		if diff := cmp.Diff(wantSummary, summary); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("finds nothing when nothing changes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		summary, err := entitlement.WhatIf(b.current, b.current, stream(people...), func(c entitlement.Change) error {
			return fmt.Errorf("%+v", c)
		})
		if err != nil || summary.Changed+summary.Granted+summary.Removed != 0 {
			t.Errorf("%+v, %v", summary, err)
		}
	})

	t.Run("has no summary of half a company", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		lost := &fault.Unavailable{Message: "Okta did not answer"}
		broken := func(yield func(entitlement.Person, error) bool) {
			_ = yield(people[0], nil) && yield(entitlement.Person{}, lost)
		}
		if _, err := entitlement.WhatIf(b.current, b.candidate, broken, nil); !errors.Is(err, lost) {
			t.Error(err)
		}
		full := errors.New("the disk is full")
		if _, err := entitlement.WhatIf(b.current, b.candidate, stream(people...), func(entitlement.Change) error { return full }); !errors.Is(err, full) {
			t.Error(err)
		}
		if _, err := entitlement.WhatIf(b.current, b.candidate, stream(entitlement.Person{}), nil); !fault.Is[*fault.Invalid](err) {
			t.Error(err)
		}
		if _, err := entitlement.WhatIf(nil, b.candidate, stream(), nil); !fault.Is[*fault.Invalid](err) {
			t.Error(err)
		}
	})

	t.Run("a plan has one hash in whatever order people come, and another when anything in it changes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		hash := func(current, candidate *entitlement.Rules, people ...entitlement.Person) string {
			s, err := entitlement.WhatIf(current, candidate, stream(people...), nil)
			if err != nil {
				t.Fatal(err)
			}
			return s.Hash
		}
		plan := hash(b.current, b.candidate, people...)
		backwards := slices.Clone(people)
		slices.Reverse(backwards)
		unconcerned := entitlement.Person{ID: "00u9", Profile: entitlement.Profile{Title: "Manager", EmployeeType: "employee"}}
		if plan != hash(b.current, b.candidate, backwards...) || plan != hash(b.current, b.candidate, append(backwards, unconcerned)...) {
			t.Error("another hash for the same plan")
		}
		moved := slices.Clone(people)
		moved[0].Profile.Location = "Berlin"
		for name, other := range map[string]string{
			"somebody moved":      hash(b.current, b.candidate, moved...),
			"somebody is missing": hash(b.current, b.candidate, people[1:]...),
			"somebody came twice": hash(b.current, b.candidate, append(people, people[0], people[0])...),
			"the other way round": hash(b.candidate, b.current, people...),
			"no change at all":    hash(b.current, b.current, people...),
			"another document":    hash(b.current, load(t, with(t, strings.Replace(patch, `"version": "2"`, `"version": "3"`, 1))), people...),
		} {
			if other == plan {
				t.Errorf("%s: the same hash", name)
			}
		}
	})

	t.Run("agrees with the decisions before and after", rapid.MakeCheck(func(t *rapid.T) {
		before, after := drawModel(t, false, true).withoutIdle(), drawModel(t, false, true).withoutIdle()
		current, err := entitlement.Load(before.json())
		if err != nil {
			t.Fatal(err)
		}
		candidate, err := entitlement.Load(after.json())
		if err != nil {
			t.Fatal(err)
		}
		var all []entitlement.Person
		changed, gained, lost := 0, 0, 0
		for i, p := range everyProfile() {
			all = append(all, entitlement.Person{ID: fmt.Sprintf("00u%02d", i), Profile: p})
			had, has := given(current.Birthright(p).Grants), given(candidate.Birthright(p).Grants)
			g := len(slices.DeleteFunc(slices.Clone(has), func(x string) bool { return slices.Contains(had, x) }))
			l := len(slices.DeleteFunc(slices.Clone(had), func(x string) bool { return slices.Contains(has, x) }))
			gained, lost = gained+g, lost+l
			if g+l > 0 {
				changed++
			}
		}
		s, err := entitlement.WhatIf(current, candidate, stream(rapid.Permutation(all).Draw(t, "order")...), nil)
		if err != nil || s.Changed != changed || s.Granted != gained || s.Removed != lost || s.People != len(all) {
			t.Errorf("%+v, %v; want %d changed, %d gained, %d lost", s, err, changed, gained, lost)
		}
	}))
}

// Not parallel: it measures the heap.
func TestWhatIfMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("memory under the race detector says nothing, and takes a minute")
	}
	current, candidate := load(t, large("1")), load(t, large("2"))
	debug.FreeOSMemory()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak uint64
	n := 0
	summary, err := entitlement.WhatIf(current, candidate, func(yield func(entitlement.Person, error) bool) {
		for p := range crowd(20_000) {
			if n++; n%1000 == 0 {
				runtime.GC()
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapAlloc)
			}
			// Everybody has a title of their own: the worst case for gaps.
			p.Profile.Title = fmt.Sprintf("Title %d", n)
			if !yield(p, nil) {
				return
			}
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !summary.MoreGaps || len(summary.Gaps) != entitlement.MostGaps {
		t.Errorf("%d gaps", len(summary.Gaps))
	}
	for _, tally := range slices.Concat(summary.Gains, summary.Losses, summary.Gaps) {
		if len(tally.Sample) > entitlement.SampleSize || !slices.IsSorted(tally.Sample) {
			t.Errorf("sample %q", tally.Sample)
		}
	}
	const most = 8 << 20 // bytes alive at any time, however many people
	if grown := int64(peak) - int64(before.HeapAlloc); grown > most {
		t.Errorf("%d bytes alive while 20,000 people were looked at, more than %d", grown, most)
	}
}
