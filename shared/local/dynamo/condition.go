package dynamo

import (
	"slices"
	"strings"
)

// condition tells whether it holds of an item; an absent item is empty.
type condition func(item) bool

// operand is a part of a comparison: a value, or what a path leads to.
type operand func(item) (value, bool)

// condition reads a condition or filter expression. From loosest to tightest:
// OR, AND, NOT, comparisons.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
func (p *parser) condition() condition {
	left := p.conjunction()
	for {
		if _, or := p.accept("OR"); !or {
			return left
		}
		a, b := left, p.conjunction()
		left = func(i item) bool { return a(i) || b(i) }
	}
}

func (p *parser) conjunction() condition {
	left := p.negation()
	for {
		if _, and := p.accept("AND"); !and {
			return left
		}
		a, b := left, p.negation()
		left = func(i item) bool { return a(i) && b(i) }
	}
}

func (p *parser) negation() condition {
	if _, not := p.accept("NOT"); not {
		inner := p.negation()
		return func(i item) bool { return !inner(i) }
	}
	if _, open := p.accept("("); open {
		inner := p.condition()
		p.expect(")")
		return inner
	}
	if p.peek(1) == "(" && p.peek(0) != "size" {
		return p.predicate()
	}
	return p.comparison()
}

// predicate reads a function that is a condition by itself.
func (p *parser) predicate() condition {
	function := p.peek(0)
	p.at += 2
	subject := p.path()
	switch function {
	case "attribute_exists", "attribute_not_exists":
		p.expect(")")
		return func(i item) bool {
			_, exists := subject.get(i)
			return exists == (function == "attribute_exists")
		}
	case "attribute_type", "begins_with", "contains":
		p.expect(",")
		argument := p.operand()
		p.expect(")")
		holds := map[string]func(v, w value) bool{"attribute_type": ofType, "begins_with": beginsWith, "contains": contains}[function]
		return func(i item) bool {
			v, exists := subject.get(i)
			w, known := argument(i)
			return exists && known && holds(v, w)
		}
	}
	p.failf("Invalid function name; function: %s", function)
	return nil
}

func ofType(v, w value) bool { return w.kind == "S" && v.kind == w.text }

func beginsWith(v, w value) bool {
	return v.kind == w.kind && (v.kind == "S" || v.kind == "B") && strings.HasPrefix(v.text, w.text)
}

func contains(v, w value) bool {
	switch {
	case v.kind == "S" && w.kind == "S", v.kind == "B" && w.kind == "B":
		return strings.Contains(v.text, w.text)
	case v.kind == "L":
		return slices.ContainsFunc(v.list, w.equal)
	case v.isSet():
		return v.kind == w.kind+"S" && slices.Contains(v.set, w.text)
	default:
		return false
	}
}

func (p *parser) comparison() condition {
	left := p.operand()
	if _, between := p.accept("BETWEEN"); between {
		low := p.operand()
		p.expect("AND")
		high := p.operand()
		return func(i item) bool { return holds(">=", left, low, i) && holds("<=", left, high, i) }
	}
	if _, in := p.accept("IN"); in {
		return p.membership(left)
	}
	operator, ok := p.accept("=", "<>", "<", "<=", ">", ">=")
	if !ok {
		p.unexpected()
	}
	right := p.operand()
	return func(i item) bool { return holds(operator, left, right, i) }
}

func (p *parser) membership(left operand) condition {
	p.expect("(")
	var members []operand
	for {
		members = append(members, p.operand())
		if _, more := p.accept(","); !more {
			break
		}
	}
	p.expect(")")
	return func(i item) bool {
		return slices.ContainsFunc(members, func(m operand) bool { return holds("=", left, m, i) })
	}
}

// holds compares two operands. What is absent differs from everything; values
// of different types have no order.
func holds(operator string, left, right operand, i item) bool {
	v, known := left(i)
	w, alsoKnown := right(i)
	both := known && alsoKnown
	switch operator {
	case "=":
		return both && v.equal(w)
	case "<>":
		return !both || !v.equal(w)
	}
	order, ordered := v.compare(w)
	return both && ordered && inOrder(operator, order)
}

func inOrder(operator string, order int) bool {
	switch operator {
	case "=":
		return order == 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default: // ">="
		return order >= 0
	}
}

// operand reads a path, a value or size(path).
func (p *parser) operand() operand {
	if strings.HasPrefix(p.peek(0), ":") {
		v := p.value()
		return func(item) (value, bool) { return v, true }
	}
	if p.peek(0) == "size" && p.peek(1) == "(" {
		p.at += 2
		subject := p.path()
		p.expect(")")
		return func(i item) (value, bool) {
			v, exists := subject.get(i)
			return sizeOf(v), exists && v.kind != "N" && v.kind != "BOOL" && v.kind != "NULL"
		}
	}
	return p.path().get
}
