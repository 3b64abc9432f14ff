package states

import (
	"slices"
	"strings"
)

// choice reads a Choice state.
func (l *loader) choice(s *state, f *fields) {
	c := &choice{}
	s.choice = c
	c.fallback, _ = f.text("Default")
	rules := f.objects("Choices")
	if _, given := f.values["Choices"]; !given {
		f.problemf("Choices", "is missing")
	}
	for _, r := range rules {
		next, given := r.text("Next")
		if !given {
			r.problemf("Next", "is missing")
		}
		compiled := l.rule(r)
		compiled.next = next
		c.rules = append(c.rules, compiled)
	}
}

// rule reads one rule; the caller has read Next where it may stand.
func (l *loader) rule(f *fields) rule {
	f.text("Comment")
	f.refuse(noJSONata, "Condition", "Output")
	f.refuse(noVariables, "Assign")
	defer f.done()
	var found []string
	for _, name := range sortedNames(f.values) {
		if _, compares := comparisons[strings.TrimSuffix(name, "Path")]; compares || contains([]string{"And", "Or", "Not"}, name) {
			found = append(found, name)
			f.asked[name] = true
		}
	}
	if len(found) != 1 {
		f.problemf("Variable", "a rule has exactly one operator, this one has %s", listed(found))
		f.asked["Variable"] = true
		return rule{}
	}
	r := rule{operator: found[0]}
	switch r.operator {
	case "And", "Or":
		for _, inner := range f.objects(r.operator) {
			r.inner = append(r.inner, l.rule(inner))
		}
	case "Not":
		if inner, is := f.object("Not"); is {
			r.inner = []rule{l.rule(f.inside("Not", inner))}
		}
	default:
		l.comparison(&r, f)
	}
	return r
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, " and ")
}

// comparison reads Variable and the value it is compared with.
func (l *loader) comparison(r *rule, f *fields) {
	text, given := f.text("Variable")
	if !given {
		f.problemf("Variable", "is missing")
	} else if p, err := parsePath(text); err != nil {
		f.problemf("Variable", "%v", err)
	} else {
		r.variable = p
	}
	base, fromPath := strings.CutSuffix(r.operator, "Path")
	compare := comparisons[base]
	operand := f.values[r.operator]
	if fromPath {
		if !compare.path {
			f.problemf(r.operator, "the States Language does not know it here")
			return
		}
		r.operator = base
		r.path = f.reference(base + "Path")
		return
	}
	if !compare.operand(operand) {
		f.problemf(r.operator, "%s is no value for it", encode(operand))
	}
	r.operand = operand
}

// comparison is a comparison operator: what it may be compared with, whether it
// has a form that ends in Path, and how it compares.
type comparison struct {
	operand func(any) bool
	path    bool
	holds   func(value, operand any) bool
}

func isText(v any) bool      { _, ok := v.(string); return ok }
func isTruth(v any) bool     { _, ok := v.(bool); return ok }
func isNumber(v any) bool    { _, ok := asFloat(v); return ok }
func isTimestamp(v any) bool { s, ok := v.(string); return ok && okTimestamp(s) }

func okTimestamp(s string) bool { _, ok := timestamp(s); return ok }

var orders = map[string]func(int) bool{
	"Equals":            func(o int) bool { return o == 0 },
	"LessThan":          func(o int) bool { return o < 0 },
	"LessThanEquals":    func(o int) bool { return o <= 0 },
	"GreaterThan":       func(o int) bool { return o > 0 },
	"GreaterThanEquals": func(o int) bool { return o >= 0 },
}

// comparisons are the operators (spec, "Data-test expression"). A value of
// another type than the operator's never matches.
var comparisons = func() map[string]comparison {
	all := map[string]comparison{
		"BooleanEquals": {isTruth, true, func(v, operand any) bool { return isTruth(v) && v == operand }},
		"StringMatches": {isText, false, func(v, operand any) bool { return isText(v) && matches(v.(string), operand.(string)) }},
	}
	for name, holds := range orders {
		all["String"+name] = comparison{isText, true, func(v, operand any) bool {
			return isText(v) && isText(operand) && holds(strings.Compare(v.(string), operand.(string)))
		}}
		all["Numeric"+name] = comparison{isNumber, true, func(v, operand any) bool {
			order, both := compareNumbers(v, operand)
			return both && holds(order)
		}}
		all["Timestamp"+name] = comparison{isTimestamp, true, func(v, operand any) bool {
			return isTimestamp(v) && isTimestamp(operand) && holds(compareTimestamps(v.(string), operand.(string)))
		}}
	}
	tests := map[string]func(any) bool{
		"IsNull": func(v any) bool { return v == nil }, "IsString": isText, "IsNumeric": isNumber,
		"IsBoolean": isTruth, "IsTimestamp": isTimestamp,
		"IsPresent": func(any) bool { return true }, // a missing value is dealt with before
	}
	for name, is := range tests {
		all[name] = comparison{isTruth, false, func(v, operand any) bool { return is(v) == operand }}
	}
	return all
}()

// matches compares with a pattern in which * stands for anything; \* is a star
// and \\ a backslash.
func matches(s, pattern string) bool {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			part.WriteByte(pattern[i])
		case c == '*':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	last := part.String()
	if len(parts) == 0 {
		return s == last
	}
	rest, starts := strings.CutPrefix(s, parts[0])
	if !starts {
		return false
	}
	for p := range slices.Values(parts[1:]) {
		i := strings.Index(rest, p)
		if i < 0 {
			return false
		}
		rest = rest[i+len(p):]
	}
	return strings.HasSuffix(rest, last)
}
