package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// width and height of the area in the tests.
const width, height = 710.0, 505.0

func TestEveryMachineOfTheProjectIsDrawnWhole(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../../../statemachines/*.asl.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no state machines: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := New(string(text), width, height)
			if err != nil {
				t.Fatal(err)
			}
			for _, problem := range c.problems() {
				t.Error(problem)
			}
			for _, state := range states(t, text) {
				if c.byName[state] == nil {
					t.Errorf("%s is missing", state)
				}
			}
		})
	}
}

// states are the names of all states, those of branches included, found without
// what is tested.
func states(t *testing.T, text []byte) (names []string) {
	t.Helper()
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if inner, is := v["States"].(map[string]any); is {
				for name := range inner {
					names = append(names, name)
				}
			}
			for _, member := range v {
				walk(member)
			}
		case []any:
			for _, member := range v {
				walk(member)
			}
		}
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	walk(document)
	return names
}

// problems lists what is wrong with a drawing: boxes that overlap or lie
// outside, names that do not fit, transitions without a line.
func (c *Chart) problems() (list []string) {
	for i, a := range c.Nodes {
		if a.X < 0 || a.Y < 0 || a.X+a.W > c.Width || a.Y+a.H > c.Height {
			list = append(list, fmt.Sprintf("%s lies outside: %g %g in %g x %g", a.Name, a.X, a.Y, c.Width, c.Height))
		}
		if float64(len(a.Name))*letter > a.W {
			list = append(list, a.Name+" does not fit its box")
		}
		for _, b := range c.Nodes[i+1:] {
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				list = append(list, a.Name+" covers "+b.Name)
			}
		}
	}
	for _, e := range c.Edges {
		if !strings.HasPrefix(e.Path, "M") || strings.Contains(e.Path, "NaN") || strings.Contains(e.Path, "Inf") {
			list = append(list, fmt.Sprintf("%s to %s: path %q", e.From, e.To, e.Path))
		}
	}
	return list
}

func TestTheMainWayRunsDownAndWhatLeavesItStandsAside(t *testing.T) {
	t.Parallel()
	c, err := New(`{"StartAt": "Read", "States": {
		"Read": {"Type": "Task", "Next": "Judge", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}]},
		"Judge": {"Type": "Choice", "Choices": [{"Next": "Ask"}, {"Next": "Wait"}, {"Next": "Refuse"}], "Default": "Act"},
		"Ask": {"Type": "Task", "Next": "Act"},
		"Wait": {"Type": "Wait", "Next": "Read"},
		"Act": {"Type": "Task", "Next": "Done"},
		"Done": {"Type": "Succeed"},
		"Refuse": {"Type": "Fail"},
		"Tell": {"Type": "Task", "Next": "Refuse"}}}`, 300, 900)
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) *Node { return c.byName[name] }
	main := []string{"Read", "Judge", "Act", "Done"}
	if !slices.IsSortedFunc(main, func(a, b string) int { return at(a).row - at(b).row }) {
		t.Error("the main way does not run down")
	}
	for _, name := range main {
		if at(name).lane != 0 {
			t.Errorf("%s is not on the main way", name)
		}
	}
	for _, name := range []string{"Ask", "Wait", "Refuse"} {
		if at(name).lane == 0 || at(name).X <= at("Judge").X {
			t.Errorf("%s does not stand aside", name)
		}
	}
	if !at("Tell").Apart || at("Tell").row <= at("Done").row {
		t.Error("what only an error leads to does not stand apart, below")
	}
	if c.Has("Read", "Tell") {
		t.Error("a caught error is drawn although it was not taken")
	}
	if e, ok := c.Line("Read", "Tell"); !ok || e.Path == "" {
		t.Error("a caught error that was taken has no line")
	}
	if _, ok := c.Line("Read", "Nowhere"); ok {
		t.Error("there is a line to a state that does not exist")
	}
	if !c.Has("Wait", "Read") {
		t.Error("the loop is not drawn")
	}
}

func TestBranchesAreDrawnBesideTheirState(t *testing.T) {
	t.Parallel()
	c, err := New(`{"StartAt": "Both", "States": {
		"Both": {"Type": "Parallel", "Next": "Each", "Branches": [
			{"StartAt": "Left", "States": {"Left": {"Type": "Pass", "End": true}}},
			{"StartAt": "Right", "States": {"Right": {"Type": "Pass", "End": true}}}]},
		"Each": {"Type": "Map", "End": true, "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Task", "End": true}}}}}}`, 400, 400)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range [][2]string{{"Both", "Left"}, {"Both", "Right"}, {"Both", "Each"}, {"Each", "One"}} {
		if !c.Has(way[0], way[1]) {
			t.Errorf("%s to %s is missing", way[0], way[1])
		}
	}
}

func TestWhatCannotBeDrawnIsRefused(t *testing.T) {
	t.Parallel()
	for name, definition := range map[string]string{
		"no JSON":               `{`,
		"states are a list":     `{"StartAt": "A", "States": []}`,
		"a state is a number":   `{"StartAt": "A", "States": {"A": 1}}`,
		"nothing to start with": `{"StartAt": "B", "States": {"A": {"Type": "Succeed"}}}`,
	} {
		if _, err := New(definition, width, height); err == nil {
			t.Errorf("%s: drawn", name)
		}
	}
}

func TestAnyGraphIsDrawnWithoutOverlaps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "states")
		name := func(i int) string { return fmt.Sprintf("State%d", i) }
		pick := rapid.IntRange(0, n-1)
		var members []string
		for i := range n {
			body := `"Type": "Succeed"`
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				body = fmt.Sprintf(`"Type": "Task", "Next": %q`, name(pick.Draw(t, "next")))
			case 1:
				body = fmt.Sprintf(`"Type": "Choice", "Choices": [{"Next": %q}, {"Next": %q}], "Default": %q`,
					name(pick.Draw(t, "a")), name(pick.Draw(t, "b")), name(pick.Draw(t, "c")))
			case 2:
				body = `"Type": "Fail"`
			}
			members = append(members, fmt.Sprintf(`%q: {%s}`, name(i), body))
		}
		definition := fmt.Sprintf(`{"StartAt": %q, "States": {%s}}`, name(pick.Draw(t, "start")), strings.Join(members, ","))
		c, err := New(definition, width, height)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Nodes) != n {
			t.Fatalf("%d of %d states are drawn", len(c.Nodes), n)
		}
		if problems := c.problems(); len(problems) > 0 {
			t.Fatalf("%v in %s", problems, definition)
		}
	})
}
