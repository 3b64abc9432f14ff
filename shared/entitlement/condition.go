package entitlement

import (
	"errors"
	"fmt"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// condition is a compiled expression over a profile. The language is cut down to
// what cannot fail while it runs and is over quickly: no functions, no indexing,
// no arithmetic, no clock, and regular expressions are constants.
type condition struct {
	source  string
	program *vm.Program
	// reads are the attributes it looks at.
	reads []field
	// logic tells what the condition can come to when only some attributes are
	// known; Load uses it to find conditions that contradict something.
	logic logic
	// needs are the values, for some attributes, without which it cannot hold.
	needs needs
	// compared are the constants that it compares attributes with.
	compared []comparison
}

// comparison is one constant that an attribute is held against by ==, != or in.
type comparison struct {
	field field
	value string // folded
}

// environment is what the expression sees of a profile: its attributes by name.
// (Expr reads a map faster than a struct, and checks types against either.)
func (v values) environment() map[string]any {
	env := make(map[string]any, fields)
	for f := range fields {
		env[f.String()] = v[f]
	}
	return env
}

const mostNodes = 500 // of one expression; its length is limited by the schema

// newCondition compiles an expression. The error names position and excerpt.
func newCondition(source string) (*condition, error) {
	var tree grammar
	// Unoptimised first: the optimiser rewrites what the analysis reads.
	if _, err := compile(source, &tree, expr.Optimize(false)); err != nil {
		return nil, err
	}
	if tree.refused != nil {
		return nil, tree.refused.Bind(file.NewSource(source))
	}
	program, err := compile(source, &grammar{})
	if err != nil {
		return nil, err
	}
	c := &condition{source: source, program: program, reads: tree.reads, compared: tree.compared}
	slices.Sort(c.reads)
	c.reads = slices.Compact(c.reads)
	c.logic = newLogic(tree.root)
	c.needs = needsOf(tree.root)
	return c, nil
}

func compile(source string, tree *grammar, options ...expr.Option) (*vm.Program, error) {
	return expr.Compile(source, append([]expr.Option{
		expr.Env(values{}.environment()), expr.AsBool(), expr.WarnOnAny(), expr.DisableAllBuiltins(),
		expr.MaxNodes(mostNodes), expr.Patch(tree),
	}, options...)...)
}

// holds evaluates the condition on machine, which no other goroutine may use
// meanwhile. What newCondition accepted cannot fail: should it all the same, the
// condition does not hold, for access is never given on an error.
func (c *condition) holds(machine *vm.VM, env map[string]any) bool {
	result, err := machine.Run(c.program, env)
	held, ok := result.(bool)
	return err == nil && ok && held
}

// grammar visits an expression's tree, refuses what is outside the language,
// and folds constants, so that comparison ignores case and spaces.
type grammar struct {
	root     ast.Node
	refused  *file.Error
	reads    []field
	compared []comparison
}

// Visit is called for the leaves first and for the root last.
func (g *grammar) Visit(node *ast.Node) {
	g.root = *node
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		f, ok := fieldNamed(n.Value)
		if !ok { // such as $env
			g.refuse(n, n.Value)
			return
		}
		g.reads = append(g.reads, f)
	case *ast.StringNode, *ast.BoolNode, *ast.ArrayNode:
	case *ast.UnaryNode:
		if n.Operator != "not" && n.Operator != "!" {
			g.refuse(n, "the operator "+n.Operator)
		}
	case *ast.BinaryNode:
		g.visitBinary(n)
	default:
		g.refuse(n, "this kind of expression")
	}
}

func (g *grammar) visitBinary(n *ast.BinaryNode) {
	switch n.Operator {
	case "and", "&&", "or", "||":
	case "==", "!=", "in":
		g.visitComparison(n)
	case "contains", "startsWith", "endsWith":
		for _, side := range []*ast.Node{&n.Left, &n.Right} {
			patchString(side, foldCase)
		}
	case "matches":
		if _, constant := n.Right.(*ast.StringNode); !constant {
			g.refuse(n.Right, "a regular expression that is not a constant")
		}
		patchString(&n.Left, foldCase)
		patchString(&n.Right, func(s string) string { return "(?i)" + s })
	default:
		g.refuse(n, "the operator "+n.Operator)
	}
}

func (g *grammar) visitComparison(n *ast.BinaryNode) {
	if _, list := n.Right.(*ast.ArrayNode); n.Operator == "in" && !list {
		g.refuse(n.Right, "a list that is not written out")
		return
	}
	for _, side := range []*ast.Node{&n.Left, &n.Right} {
		patchString(side, fold)
		if list, ok := (*side).(*ast.ArrayNode); ok {
			if n.Operator != "in" {
				g.refuse(list, "a comparison with a list (use in)")
			}
			for i := range list.Nodes {
				patchString(&list.Nodes[i], fold)
			}
		}
	}
	if f, list, ok := constants(n); ok {
		for _, v := range list {
			g.compared = append(g.compared, comparison{f, v})
		}
	}
}

func patchString(node *ast.Node, by func(string) string) {
	if s, ok := (*node).(*ast.StringNode); ok {
		s.Value = by(s.Value)
	}
}

func (g *grammar) refuse(n ast.Node, what string) {
	if g.refused == nil {
		g.refused = &file.Error{Location: n.Location(), Message: what + " is not part of the language of conditions"}
	}
}

// complaint turns a compiler's error into words with position and excerpt.
func complaint(err error) string {
	var at *file.Error
	if errors.As(err, &at) {
		return fmt.Sprintf("line %d, column %d: %s%s", at.Line, at.Column+1, at.Message, at.Snippet)
	}
	return err.Error()
}
