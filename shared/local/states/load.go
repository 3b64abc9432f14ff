package states

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// DefinitionError lists everything that is wrong with a definition, each with
// its state and field.
type DefinitionError struct {
	Problems []string
}

func (e *DefinitionError) Error() string {
	return "the state machine cannot be loaded: " + strings.Join(e.Problems, "; ")
}

// mostSeconds is the most that a field in seconds takes (docs).
const mostSeconds = 99999999

// load compiles a definition; the error is a *DefinitionError.
func load(definition string) (*program, error) {
	if known, ok := loaded.Load(definition); ok {
		return known.(*program), nil
	}
	p, err := loadAfresh(definition)
	if err == nil {
		loaded.Store(definition, p)
	}
	return p, err
}

// loaded keeps what definitions were loaded to: tests start the same few
// machines thousands of times, and a program is never changed.
var loaded sync.Map

func loadAfresh(definition string) (*program, error) {
	l := &loader{names: map[string]string{}}
	if left := unsubstituted.FindString(definition); left != "" {
		l.problemf("", "", "%s has no substitution", left)
	}
	v, err := decodeStrict([]byte(definition))
	if err != nil {
		return nil, &DefinitionError{[]string{"it is no JSON: " + err.Error()}}
	}
	object, isObject := v.(map[string]any)
	if !isObject {
		return nil, &DefinitionError{[]string{"it is no JSON object"}}
	}
	f := l.fields("the state machine", object)
	if version, given := f.text("Version"); given && version != "1.0" {
		f.problemf("Version", "has to be 1.0")
	}
	p := l.program(f)
	p.timeout = f.whole("TimeoutSeconds", 1, mostSeconds, 0)
	f.done()
	if len(l.problems) > 0 {
		slices.Sort(l.problems)
		return nil, &DefinitionError{slices.Compact(l.problems)}
	}
	return p, nil
}

var unsubstituted = regexp.MustCompile(`\$\{[^}"]*\}`)

// substitute fills in ${Name} as DefinitionSubstitutions do.
func substitute(definition string, substitutions map[string]string) string {
	for name, value := range substitutions {
		definition = strings.ReplaceAll(definition, "${"+name+"}", value)
	}
	return definition
}

type loader struct {
	problems []string
	names    map[string]string // every state of the machine, with where it stands
}

func (l *loader) problemf(at, field, format string, args ...any) {
	where := at
	if field != "" {
		where += ", field " + field
	}
	if where != "" {
		where += ": "
	}
	l.problems = append(l.problems, where+fmt.Sprintf(format, args...))
}

// program compiles what has StartAt and States.
func (l *loader) program(f *fields) *program {
	f.language()
	f.text("Comment")
	p := &program{states: map[string]*state{}}
	start, given := f.text("StartAt")
	if !given {
		f.problemf("StartAt", "is missing")
	}
	p.startAt = start
	all, given := f.object("States")
	if !given || len(all) == 0 {
		f.problemf("States", "has to hold at least one state")
		return p
	}
	for _, name := range sortedNames(all) {
		at := "state " + name
		if n := len([]rune(name)); n == 0 || n > 80 {
			l.problemf(at, "", "a state's name has 1 to 80 characters")
		}
		if other, twice := l.names[name]; twice {
			l.problemf(at, "", "the name is used twice, in %s and in %s; names are unique in the whole machine", other, f.at)
		}
		l.names[name] = f.at
		object, isObject := all[name].(map[string]any)
		if !isObject {
			l.problemf(at, "", "it is no object")
			continue
		}
		p.states[name] = l.state(name, l.fields(at, object))
	}
	l.connect(p, f)
	return p
}

// connect checks that the states lead somewhere: every target exists, every
// state can be reached, and some state ends.
func (l *loader) connect(p *program, f *fields) {
	complete := true
	for _, name := range sortedStates(p) {
		for _, t := range p.states[name].targets() {
			if _, exists := p.states[t.name]; !exists && t.name != "" {
				l.problemf("state "+name, t.field, "there is no state %q beside it", t.name)
				complete = false
			}
		}
	}
	if p.startAt == "" {
		return
	}
	if _, exists := p.states[p.startAt]; !exists {
		f.problemf("StartAt", "there is no state %q", p.startAt)
		return
	}
	reached := map[string]bool{}
	queue := []string{p.startAt}
	ends := false
	for len(queue) > 0 {
		s, exists := p.states[queue[0]]
		queue = queue[1:]
		if !exists || reached[s.name] {
			continue
		}
		reached[s.name] = true
		ends = ends || s.terminal()
		for _, t := range s.targets() {
			queue = append(queue, t.name)
		}
	}
	for _, name := range sortedStates(p) {
		if !reached[name] {
			l.problemf("state "+name, "", "no other state leads to it")
		}
	}
	if !ends && complete {
		f.problemf("States", "no state ends the execution")
	}
}

func sortedStates(p *program) []string {
	names := make([]string, 0, len(p.states))
	for name := range p.states {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type target struct{ field, name string }

func (s *state) targets() []target {
	var all []target
	if s.next != "" {
		all = append(all, target{"Next", s.next})
	}
	for i, c := range s.catch {
		all = append(all, target{fmt.Sprintf("Catch[%d].Next", i), c.next})
	}
	if s.choice != nil {
		for i, r := range s.choice.rules {
			all = append(all, target{fmt.Sprintf("Choices[%d].Next", i), r.next})
		}
		if s.choice.fallback != "" {
			all = append(all, target{"Default", s.choice.fallback})
		}
	}
	return all
}

func (s *state) terminal() bool { return s.kind != "Choice" && s.next == "" }
