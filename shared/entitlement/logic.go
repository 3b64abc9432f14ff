package entitlement

import (
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// verdict is what a condition comes to when some attributes are unknown.
type verdict int

const (
	unknown verdict = iota
	never
	always
)

// knowledge is a profile of which only some attributes are known.
type knowledge struct {
	values values // folded
	known  [fields]bool
}

func (k knowledge) with(f field, value string) knowledge {
	k.values[f], k.known[f] = value, true
	return k
}

// logic evaluates the and, or and not of an expression over three verdicts. It
// may say unknown too often, but never and always are certain.
type logic func(knowledge) verdict

func newLogic(node ast.Node) logic {
	switch n := node.(type) {
	case *ast.UnaryNode:
		inner := newLogic(n.Node)
		return func(k knowledge) verdict {
			switch inner(k) {
			case never:
				return always
			case always:
				return never
			default:
				return unknown
			}
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return both(newLogic(n.Left), newLogic(n.Right), never)
		case "or", "||":
			return both(newLogic(n.Left), newLogic(n.Right), always)
		}
	}
	return atom(node)
}

// both is a conjunction when a single never decides it, a disjunction when a
// single always does.
func both(left, right logic, decisive verdict) logic {
	return func(k knowledge) verdict {
		l, r := left(k), right(k)
		switch {
		case l == decisive || r == decisive:
			return decisive
		case l == r:
			return l
		default:
			return unknown
		}
	}
}

// atom is a comparison: the expression machine evaluates it as soon as all it
// reads is known.
func atom(node ast.Node) logic {
	var tree grammar
	program, err := compile(node.String(), &tree)
	if err != nil {
		return func(knowledge) verdict { return unknown }
	}
	c := condition{program: program}
	return func(k knowledge) verdict {
		for _, f := range tree.reads {
			if !k.known[f] {
				return unknown
			}
		}
		if c.holds(&vm.VM{}, k.values.environment()) {
			return always
		}
		return never
	}
}

// needs are, by attribute, the values of which one is needed for a rule to
// apply: nil where any value will do, empty where none will, so that the rule
// never applies.
type needs [fields][]string //nolint:recvcheck // met is asked for every person: it copies nothing

// needsOf reads them off an expression: a conjunction needs what either side
// needs, a disjunction one of what both sides need.
func needsOf(node ast.Node) needs {
	n, ok := node.(*ast.BinaryNode)
	if !ok {
		return needs{}
	}
	switch n.Operator {
	case "and", "&&":
		return needsOf(n.Left).and(needsOf(n.Right))
	case "or", "||":
		return needsOf(n.Left).or(needsOf(n.Right))
	}
	var out needs
	if f, allowed, ok := equality(n); ok {
		out[f] = allowed
	}
	return out
}

func (n needs) and(m needs) needs {
	for f := range n {
		switch {
		case n[f] == nil:
			n[f] = m[f]
		case m[f] != nil:
			n[f] = intersection(n[f], m[f])
		}
	}
	return n
}

func (n needs) or(m needs) needs {
	var out needs
	for f := range n {
		if n[f] != nil && m[f] != nil {
			out[f] = distinct(slices.Concat(n[f], m[f]))
		}
	}
	return out
}

// met reports whether v has what is needed. It is a quick way to see that a
// condition does not hold.
func (n *needs) met(v *values) bool {
	for f := range n {
		if n[f] != nil && !slices.Contains(n[f], v[f]) {
			return false
		}
	}
	return true
}

// impossible reports whether some attribute would need a value out of none.
func (n needs) impossible() bool {
	return slices.ContainsFunc(n[:], func(list []string) bool { return list != nil && len(list) == 0 })
}

const mostCombinations = 10_000

// combinations calls yield with every combination of the needed values until it
// returns false. When there are too many it calls yield once, with nothing
// known: nothing is certain then.
func (n needs) combinations(yield func(knowledge) bool) {
	total := 1
	for _, list := range n {
		if list == nil {
			continue
		}
		if total *= len(list); total > mostCombinations {
			yield(knowledge{})
			return
		}
	}
	var choose func(f field, k knowledge) bool
	choose = func(f field, k knowledge) bool {
		if f == fields {
			return yield(k)
		}
		if n[f] == nil {
			return choose(f+1, k)
		}
		for _, v := range n[f] {
			if !choose(f+1, k.with(f, v)) {
				return false
			}
		}
		return true
	}
	choose(0, knowledge{})
}

// equality reads `attribute == "constant"`, either way round, and `attribute in
// ["one", "two"]`.
func equality(n *ast.BinaryNode) (f field, allowed []string, ok bool) {
	if n.Operator == "!=" {
		return 0, nil, false
	}
	return constants(n)
}

// constants are what a comparison (==, != or in) holds an attribute against.
func constants(n *ast.BinaryNode) (f field, list []string, ok bool) {
	left, right := n.Left, n.Right
	if _, constant := left.(*ast.StringNode); constant && n.Operator != "in" {
		left, right = right, left
	}
	name, ok := left.(*ast.IdentifierNode)
	if !ok || n.Operator != "==" && n.Operator != "!=" && n.Operator != "in" {
		return 0, nil, false
	}
	if f, ok = fieldNamed(name.Value); !ok {
		return 0, nil, false
	}
	nodes := []ast.Node{right}
	if array, several := right.(*ast.ArrayNode); several {
		nodes = array.Nodes
	}
	for _, node := range nodes {
		s, constant := node.(*ast.StringNode)
		if !constant {
			return 0, nil, false
		}
		list = append(list, s.Value)
	}
	return f, distinct(list), true
}

// distinct is the sorted list without repetitions; never nil.
func distinct(list []string) []string {
	list = append([]string{}, list...)
	slices.Sort(list)
	return slices.Compact(list)
}

func intersection(a, b []string) []string {
	out := []string{}
	for _, v := range a {
		if slices.Contains(b, v) {
			out = append(out, v)
		}
	}
	return out
}
