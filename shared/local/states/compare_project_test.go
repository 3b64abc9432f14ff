package states

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// projectCases are runs of the project's own state machines. What the functions
// answer is drawn at random from what the machine looks at, and the draws that
// together enter the most states are played on both interpreters.
func projectCases(t *testing.T) []compareCase {
	t.Helper()
	files, err := filepath.Glob("../../../statemachines/*.asl.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := make([]compareCase, 0, len(files))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".asl.json")
		definition := readMachine(t, file, name)
		all = append(all, richest(t, name, string(encode(definition)), drawsPlayed)...)
	}
	return all
}

// drawsPlayed is how many draws of each machine the other interpreter plays; it
// takes a second of processor time for each.
const drawsPlayed = 1

// mostDrawn is how many draws are tried, mostLength how many events one may
// have, so that the other interpreter ends in time.
const mostDrawn, mostLength = 80, 160

func richest(t *testing.T, name, definition string, n int) []compareCase {
	t.Helper()
	p, err := load(definition)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	type draw struct {
		c       compareCase
		entered []string
	}
	var draws []draw
	for seed := range uint64(mostDrawn) {
		c := (&drawer{rand.New(rand.NewPCG(seed, 1)), p}).draw()
		c.Definition = definition
		c.Name = name
		// Executions that loop for long, and those that wait for more than the
		// test does, are of no use.
		if o := runHere(t, c, mostLength); o.Status != Aborted && o.Error != errRuntime {
			draws = append(draws, draw{c, o.Entered})
		}
	}
	var chosen []compareCase
	seen := map[string]bool{}
	for range n {
		fresh := func(d draw) int {
			return len(slices.Compact(slices.Sorted(func(yield func(string) bool) {
				for _, s := range d.entered {
					if !seen[s] && !yield(s) {
						return
					}
				}
			})))
		}
		if len(draws) == 0 {
			break
		}
		best := slices.MaxFunc(draws, func(a, b draw) int { return fresh(a) - fresh(b) })
		if fresh(best) == 0 {
			break
		}
		for _, s := range best.entered {
			seen[s] = true
		}
		best.c.Name = fmt.Sprintf("%s-%d", name, len(chosen)+1)
		best.c.Definition = strings.ReplaceAll(definition, ":function:"+name, ":function:"+best.c.Name)
		chosen = append(chosen, best.c)
	}
	t.Logf("%s: %d of %d states are entered", name, len(seen), len(p.states))
	return chosen
}

// drawer makes up answers for a machine.
type drawer struct {
	*rand.Rand
	program *program
}

// draw makes up the input and what every step answers.
func (d *drawer) draw() compareCase {
	c := compareCase{Answers: map[string][]scriptAnswer{"*": {{Return: map[string]any{}}}}}
	input := map[string]any{"table": "incident", "sys_id": "1", "number": "INC1"}
	d.fill(input, nil)
	c.Input = string(encode(input))
	for _, name := range sortedStates(d.program) {
		s := d.program.states[name]
		if s.task == nil {
			continue
		}
		step := stepOf(s)
		for range 1 + d.IntN(3) {
			c.Answers[step] = append(c.Answers[step], d.answer(s))
		}
	}
	return c
}

// stepOf is the step that a state's payload names.
func stepOf(s *state) string {
	v, err := s.parameters.evaluate(map[string]any{}, &contextObject{token: "t", inRetryable: true, execution: map[string]any{"Id": "", "Name": ""}})
	if err != nil { // it selects from the input
		return "*"
	}
	object, _ := v.(map[string]any)
	if inner, is := object["Payload"].(map[string]any); is {
		object = inner
	}
	step, _ := object["step"].(string)
	return step
}

func (d *drawer) answer(s *state) scriptAnswer {
	value := map[string]any{"by": s.name}
	if s.resultPath != nil {
		d.fill(value, s.resultPath.steps)
	}
	names := []string{"Invalid", "Conflict", "Throttled"}
	name := names[d.IntN(len(names))]
	fails := d.IntN(12) == 0
	switch {
	case s.task.callback && fails:
		return scriptAnswer{Return: map[string]any{}, Callback: map[string]any{"error": name, "cause": "drawn"}}
	case s.task.callback:
		return scriptAnswer{Return: map[string]any{}, Callback: map[string]any{"output": value}}
	case fails:
		return errs(name, "drawn")
	}
	return returns(value)
}

// fill puts a drawn value at every place beneath prefix that the machine looks
// at.
func (d *drawer) fill(into map[string]any, prefix []step) {
	for _, look := range looks(d.program) {
		rest := look.path.steps
		if look.path.inContext || len(rest) <= len(prefix) || !slices.Equal(rest[:len(prefix)], prefix) {
			continue
		}
		rest = rest[len(prefix):]
		if slices.ContainsFunc(rest, func(s step) bool { return s.isIndex }) {
			continue
		}
		at := into
		for _, s := range rest[:len(rest)-1] {
			inner, is := at[s.name].(map[string]any)
			if !is {
				inner = map[string]any{}
				at[s.name] = inner
			}
			at = inner
		}
		last := rest[len(rest)-1].name
		if _, drawn := at[last]; !drawn || d.IntN(2) == 0 {
			at[last] = look.values[d.IntN(len(look.values))]
		}
	}
}

// look is a path that the machine reads, with values that make a difference.
type look struct {
	path   *path
	values []any
}

func looks(p *program) []look {
	var all []look
	for _, name := range sortedStates(p) {
		s := p.states[name]
		if s.choice != nil {
			for _, r := range s.choice.rules {
				all = append(all, ruleLooks(r)...)
			}
		}
		if s.wait != nil && s.wait.path != nil {
			all = append(all, look{s.wait.path, []any{"1999-12-31T00:00:00Z"}})
		}
		if s.wait != nil && s.wait.seconds.path != nil {
			all = append(all, look{s.wait.seconds.path, []any{int64(0), int64(1)}})
		}
		if s.task != nil && s.task.timeout.path != nil {
			all = append(all, look{s.task.timeout.path, []any{int64(30)}})
		}
		if s.each != nil {
			if s.each.items != nil {
				all = append(all, look{s.each.items, []any{[]any{}, []any{map[string]any{"k": int64(1)}, map[string]any{"k": int64(2)}}}})
			}
			all = append(all, looks(s.each.program)...)
		}
		for _, b := range s.branches {
			all = append(all, looks(b)...)
		}
	}
	return all
}

func ruleLooks(r rule) []look {
	var all []look
	for _, inner := range r.inner {
		all = append(all, ruleLooks(inner)...)
	}
	if r.variable == nil || len(r.variable.steps) == 0 {
		return all
	}
	var values []any
	switch operand := r.operand.(type) {
	case bool:
		values = []any{true, false}
		if strings.HasPrefix(r.operator, "Is") {
			return all
		}
	case string:
		values = []any{operand, "something else"}
	case int64:
		values = []any{operand - 1, operand, operand + 1}
	default: // compared with a path
		return all
	}
	return append(all, look{r.variable, values})
}
