package dynamo

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

func sizeOf(v value) value {
	n := len(v.text)
	switch v.kind {
	case "L":
		n = len(v.list)
	case "M":
		n = len(v.fields)
	case "SS", "NS", "BS":
		n = len(v.set)
	}
	return numberValue(strconv.Itoa(n))
}

// action is one change of an update expression: what edit makes of the value at
// the path, given the item as it was before the update.
type action struct {
	path path
	edit func(before item, old value, exists bool) (fresh value, keep bool, err error)
	// removes says that it is a REMOVE.
	removes bool
}

// update is an update expression. Every action sees the item as it was before.
type update []action

// update reads an update expression: each of SET, REMOVE, ADD and DELETE at most
// once.
func (p *parser) update() update {
	var u update
	seen := map[string]bool{}
	for p.at < len(p.tokens) {
		clause, ok := p.accept("SET", "REMOVE", "ADD", "DELETE")
		if !ok {
			p.unexpected()
		}
		if seen[clause] {
			p.failf("The %q section can only be used once in an update expression;", clause)
		}
		seen[clause] = true
		for {
			u = append(u, p.action(clause))
			if _, more := p.accept(","); !more {
				break
			}
		}
	}
	for i, a := range u {
		for _, b := range u[:i] {
			if overlap(a.path, b.path) {
				p.failf("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [%s], path two: [%s]", b.path, a.path)
			}
		}
	}
	return u
}

func (p *parser) action(clause string) action {
	a := action{path: p.path()}
	switch clause {
	case "SET":
		p.expect("=")
		term := p.term()
		a.edit = func(before item, _ value, _ bool) (value, bool, error) {
			v, err := term(before)
			return v, true, err
		}
	case "REMOVE":
		a.removes = true
		a.edit = func(item, value, bool) (value, bool, error) { return value{}, false, nil }
	default:
		operand := p.value()
		a.edit = func(_ item, old value, exists bool) (value, bool, error) {
			if clause == "ADD" {
				return added(old, exists, operand)
			}
			return withoutMembers(old, exists, operand)
		}
	}
	return a
}

// term is the right side of a SET: it may refer to attributes that are absent,
// which is an error only then.
type term func(before item) (value, error)

func (p *parser) term() term {
	left := p.factor()
	operator, ok := p.accept("+", "-")
	if !ok {
		return left
	}
	right := p.factor()
	return func(before item) (value, error) {
		v, err := left(before)
		if err != nil {
			return value{}, err
		}
		w, err := right(before)
		if err != nil {
			return value{}, err
		}
		if v.kind != "N" || w.kind != "N" {
			return value{}, invalid("An operand in the update expression has an incorrect data type")
		}
		return sum(v, w, operator == "-")
	}
}

func sum(v, w value, minus bool) (value, error) {
	text, err := addNumbers(v.text, w.text, minus)
	if err != nil {
		return value{}, invalid("%v", err)
	}
	return numberValue(text), nil
}

func (p *parser) factor() term {
	switch {
	case p.peek(0) == "(":
		p.at++
		inner := p.term()
		p.expect(")")
		return inner
	case p.peek(1) == "(" && p.peek(0) == "if_not_exists":
		p.at += 2
		subject := p.path()
		p.expect(",")
		otherwise := p.factor()
		p.expect(")")
		return func(before item) (value, error) {
			if v, exists := subject.get(before); exists {
				return v, nil
			}
			return otherwise(before)
		}
	case p.peek(1) == "(" && p.peek(0) == "list_append":
		return p.listAppend()
	case p.peek(1) == "(":
		p.failf("Invalid function name; function: %s", p.peek(0))
	}
	what := p.operand()
	return func(before item) (value, error) {
		v, exists := what(before)
		if !exists {
			return value{}, invalid("The provided expression refers to an attribute that does not exist in the item")
		}
		return v, nil
	}
}

func (p *parser) listAppend() term {
	p.at += 2
	first := p.factor()
	p.expect(",")
	second := p.factor()
	p.expect(")")
	return func(before item) (value, error) {
		v, err := first(before)
		if err != nil {
			return value{}, err
		}
		w, err := second(before)
		if err != nil {
			return value{}, err
		}
		if v.kind != "L" || w.kind != "L" {
			return value{}, invalid("An operand in the update expression has an incorrect data type")
		}
		return value{kind: "L", list: slices.Concat(v.list, w.list)}, nil
	}
}

// added is what ADD makes of a value: a sum, or a set with more members.
func added(old value, exists bool, operand value) (value, bool, error) {
	switch {
	case operand.kind != "N" && !operand.isSet():
		return value{}, false, invalid("Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: %s", operand.kind)
	case !exists:
		return operand, true, nil
	case old.kind != operand.kind:
		return value{}, false, invalid("An operand in the update expression has an incorrect data type")
	case operand.kind == "N":
		v, err := sum(old, operand, false)
		return v, true, err
	default:
		return value{kind: old.kind, set: sortedSet(old.kind, slices.Concat(old.set, operand.set))}, true, nil
	}
}

// withoutMembers is what DELETE makes of a set: without its last member it is gone.
func withoutMembers(old value, exists bool, operand value) (value, bool, error) {
	switch {
	case !operand.isSet():
		return value{}, false, invalid("Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, operand type: %s", operand.kind)
	case !exists:
		return value{}, false, nil
	case old.kind != operand.kind:
		return value{}, false, invalid("An operand in the update expression has an incorrect data type")
	}
	left := slices.DeleteFunc(slices.Clone(old.set), func(m string) bool { return slices.Contains(operand.set, m) })
	return value{kind: old.kind, set: left}, len(left) > 0, nil
}

// apply makes the item after the update.
func (u update) apply(before item) (item, error) {
	after := before
	for _, a := range u.inOrder() {
		var failure error
		changed, ok := after.change(a.path.root(), a.path[1:], func(old value, exists bool) (value, bool) {
			fresh, keep, err := a.edit(before, old, exists)
			failure = err
			return fresh, keep
		})
		if failure != nil {
			return nil, failure
		}
		if !ok {
			return nil, invalid("The document path provided in the update expression is invalid for update")
		}
		after = changed
	}
	return after, nil
}

// inOrder has removals last, and those from lists from the end, so that the
// positions of the others still mean what they did.
func (u update) inOrder() update {
	position := func(a action) int {
		at, ok := a.path[len(a.path)-1].(int)
		switch {
		case !a.removes:
			return math.MaxInt
		case !ok:
			return -1
		}
		return at
	}
	ordered := slices.Clone(u)
	slices.SortStableFunc(ordered, func(a, b action) int { return cmp.Compare(position(b), position(a)) })
	return ordered
}
