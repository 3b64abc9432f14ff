package decision_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lifecycle/shared/decision"
)

// three are the items of the tests; a name is part of another one, and one holds
// a number and the word keep.
func three() []decision.Item {
	return []decision.Item{
		{N: 1, Name: "GitHub"},
		{N: 2, Name: "GitHub Engineers"},
		{N: 3, Name: "Time-keep 2, London"},
	}
}

// read gives the words alone.
func read(text string, items []decision.Item) (words map[int]string, problems []string) {
	decided, problems := decision.Read(text, items)
	if decided != nil {
		words = map[int]string{}
	}
	for n, d := range decided {
		words[n] = d.Word
	}
	return words, problems
}

func TestRead(t *testing.T) {
	t.Parallel()
	krk := map[int]string{1: "keep", 2: "revoke", 3: "keep"}
	clear := map[string]map[int]string{
		"1 keep\n2 revoke\n3 keep":                                  krk,
		"1: keep\r\n2: Revoke\r\n3: KEEP\r\n":                       krk,
		"keep 1, 3; revoke 2":                                       krk,
		"Keep 1 and 3. Revoke 2.":                                   krk,
		"all keep, thanks\nrevoke 2":                                krk,
		"revoke #2\nkeep (1)\nkeep=3":                               krk,
		"Discussed with Lena on Monday.\n1 keep\n2 revoke\n3 keep":  krk,
		"GitHub - keep\nGitHub Engineers - revoke\n3 keep":          krk,
		"keep github, time-keep 2, london\nrevoke github engineers": krk,
		"1-3 keep\nnot decided lightly":                             {1: "keep", 2: "keep", 3: "keep"},
		"2 to 3: revoke; keep 1":                                    {1: "keep", 2: "revoke", 3: "revoke"},
		"all revoke":                                                {1: "revoke", 2: "revoke", 3: "revoke"},
		"keep all":                                                  {1: "keep", 2: "keep", 3: "keep"},
		"revoke everything":                                         {1: "revoke", 2: "revoke", 3: "revoke"},
		"1 keep\n1 keep\nkeep 2 - needed for the handover, not for long\n3 keep": {1: "keep", 2: "keep", 3: "keep"},
	}
	for text, want := range clear {
		t.Run("understands "+text, func(t *testing.T) {
			t.Parallel()
			got, problems := read(text, three())
			if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
				t.Errorf("problems %q, (-want +got):\n%s", problems, diff)
			}
		})
	}

	unclear := map[string]string{
		"":                             "Nothing is said about 1 (GitHub).",
		"ok":                           "Nothing is said about 3 (Time-keep 2, London).",
		"1 keep\n3 keep":               "Nothing is said about 2 (GitHub Engineers).",
		"all keep\n1 revoke\n1 keep":   "It says both keep and revoke about number 1.",
		"all keep\nall revoke":         "It says both keep and revoke about everything.",
		"1 keep 2 revoke 3 keep":       "A line says both keep and revoke",
		"all keep\n4 revoke":           "There is no number 4.",
		"all keep\n0 revoke":           "There is no number 0.",
		"revoke 2-9\nall keep":         "There is no number 9.",
		"all keep, seen 2026-05-01":    "There is no number 2026.",
		"all keep\nrevoke":             "It is not clear what to revoke",
		"all keep\nplease revoke jira": "It is not clear what to revoke",
		"do not revoke 1\nall keep":    "A line says not to revoke",
		"don't keep 2\nall keep":       "A line says not to keep",
		"all keep\nrevoke 999999999999999999999999": "It is not clear what to revoke",
	}
	for text, want := range unclear {
		t.Run("asks again about "+text, func(t *testing.T) {
			t.Parallel()
			got, problems := read(text, three())
			if got != nil || !strings.Contains(strings.Join(problems, "\n"), want) {
				t.Errorf("decisions %v, problems %q", got, problems)
			}
		})
	}
}

// TestDecisionsProperty writes decisions down in the ways that people do, in any
// order and with remarks in between: they are read as they were meant.
func TestDecisionsProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var items []decision.Item
		want := map[int]string{}
		var lines []string
		for n := range rapid.IntRange(1, 8).Draw(rt, "items") {
			i := decision.Item{N: n + 1, Name: rapid.StringMatching(`[A-Za-z][A-Za-z0-9 -]{0,12}[A-Za-z]`).Draw(rt, "name") + fmt.Sprintf(" T%d", n+1)}
			items = append(items, i)
			want[i.N] = rapid.SampledFrom([]string{decision.Keep, decision.Revoke}).Draw(rt, "decision")
			form := rapid.SampledFrom([]string{"%[1]d %[2]s", "%[2]s %[1]d", "%[1]d: %[2]s", "%[3]s: %[2]s", "%[2]s %[3]s"}).Draw(rt, "form")
			lines = append(lines, fmt.Sprintf(form, i.N, want[i.N], i.Name))
			if rapid.Bool().Draw(rt, "remark") {
				lines = append(lines, "needed for the handover")
			}
		}
		text := strings.Join(rapid.Permutation(lines).Draw(rt, "order"), rapid.SampledFrom([]string{"\n", "\r\n", "; "}).Draw(rt, "separator"))
		got, problems := read(text, items)
		if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
			rt.Fatalf("%q: problems %q, (-want +got):\n%s", text, problems, diff)
		}
	})
}

// FuzzRead holds that whatever a manager writes either decides about
// every item, and nothing else, or says what is unclear.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"1 keep\n2 revoke", "all keep; revoke 3", "keep \xff 1", "GitHub Engineers: revoke. All keep", "not keep 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, problems := read(text, three())
		if (got == nil) == (len(problems) == 0) {
			t.Fatalf("decisions %v and problems %q", got, problems)
		}
		for n, d := range got {
			if n < 1 || n > 3 || d != decision.Keep && d != decision.Revoke {
				t.Errorf("%d: %q", n, d)
			}
		}
		if got != nil && len(got) != 3 {
			t.Errorf("%v", got)
		}
	})
}
