package detect

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// expression is a compiled expression over an event. The language is cut down to
// what cannot fail while it runs and is over quickly: no indexing of lists, no
// arithmetic but +, which joins texts, no clock, regular expressions are constants,
// and of functions those that look at lists and texts.
type expression struct {
	source  string
	program *vm.Program
}

// holds evaluates a condition; a nil one holds. machine is for one goroutine.
func (x *expression) holds(machine *vm.VM, env *environment) (bool, error) {
	if x == nil {
		return true, nil
	}
	value, err := machine.Run(x.program, env)
	held, _ := value.(bool)
	return held && err == nil, x.failed(err)
}

// text evaluates an expression that gives a text.
func (x *expression) text(machine *vm.VM, env *environment) (string, error) {
	value, err := machine.Run(x.program, env)
	text, _ := value.(string)
	return text, x.failed(err)
}

func (x *expression) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the expression %q failed: %w", x.source, err)
}

const mostNodes = 500 // of one expression; its length is limited by the schema

// dialect compiles expressions; networks are those that inNetwork knows.
type dialect struct{ networks map[string][]netip.Prefix }

// functions are the builtin functions that there are.
var functions = []string{"any", "all", "none", "one", "len", "lower", "upper"}

const inNetwork = "inNetwork"

func (l dialect) condition(source string) (*expression, error) {
	return l.compile(source, expr.AsBool())
}

func (l dialect) text(source string) (*expression, error) {
	return l.compile(source, expr.AsKind(reflect.String))
}

func (l dialect) compile(source string, kind expr.Option) (*expression, error) {
	g := &grammar{networks: l.networks}
	options := make([]expr.Option, 0, 8+len(functions))
	options = append(options,
		expr.Env(&environment{}), kind, expr.WarnOnAny(), expr.DisableAllBuiltins(), expr.MaxNodes(mostNodes), expr.Patch(g),
		expr.Function(inNetwork, l.inNetwork, new(func(string, string) bool)))
	for _, name := range functions {
		options = append(options, expr.EnableBuiltin(name))
	}
	program, err := expr.Compile(source, options...)
	switch {
	case err != nil:
		return nil, complaint(err)
	case g.refused != nil:
		return nil, complaint(g.refused.Bind(file.NewSource(source)))
	}
	return &expression{source: source, program: program}, nil
}

// inNetwork reports whether an address is in a named network.
func (l dialect) inNetwork(params ...any) (any, error) {
	text, _ := params[0].(string)
	name, _ := params[1].(string)
	address, err := netip.ParseAddr(text)
	if err != nil {
		return false, nil //nolint:nilerr // what is no address is in no network
	}
	address = address.Unmap()
	return slices.ContainsFunc(l.networks[name], func(p netip.Prefix) bool { return p.Contains(address) }), nil
}

// complaint turns a compiler's error into words with position and excerpt.
func complaint(err error) error {
	var where *file.Error
	if errors.As(err, &where) {
		return fmt.Errorf("line %d, column %d: %s%s", where.Line, where.Column+1, where.Message, where.Snippet)
	}
	return err
}

// grammar visits an expression's tree and refuses what is outside the language.
type grammar struct {
	networks map[string][]netip.Prefix
	refused  *file.Error
}

var operators = []string{"and", "&&", "or", "||", "==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith", "matches", "+"}

// Visit is called for the leaves first and for the root last.
func (g *grammar) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.StringNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.ArrayNode, *ast.PredicateNode, *ast.PointerNode, *ast.BuiltinNode:
	case *ast.IdentifierNode:
		if n.Value == "$env" {
			g.refuse(n, n.Value)
		}
	case *ast.MemberNode:
		if _, named := n.Property.(*ast.StringNode); !named {
			g.refuse(n, "taking an element by its number or by a value")
		}
	case *ast.UnaryNode:
		if !slices.Contains([]string{"not", "!", "-", "+"}, n.Operator) {
			g.refuse(n, "the operator "+n.Operator)
		}
	case *ast.BinaryNode:
		if !slices.Contains(operators, n.Operator) {
			g.refuse(n, "the operator "+n.Operator)
		}
		if _, constant := n.Right.(*ast.StringNode); n.Operator == "matches" && !constant {
			g.refuse(n.Right, "a regular expression that is not a constant")
		}
	case *ast.CallNode:
		g.call(n)
	default:
		g.refuse(n, "this kind of expression")
	}
}

// call accepts inNetwork with a network that there is.
func (g *grammar) call(n *ast.CallNode) {
	callee, _ := n.Callee.(*ast.IdentifierNode)
	if callee == nil || callee.Value != inNetwork || len(n.Arguments) != 2 {
		g.refuse(n, "this call")
		return
	}
	name, constant := n.Arguments[1].(*ast.StringNode)
	if !constant {
		g.refuse(n, "a network that is not a constant")
		return
	}
	if _, known := g.networks[name.Value]; !known {
		g.refused = &file.Error{Location: n.Location(), Message: fmt.Sprintf("there is no network %q in the document", name.Value)}
	}
}

func (g *grammar) refuse(n ast.Node, what string) {
	if g.refused == nil {
		g.refused = &file.Error{Location: n.Location(), Message: what + " is not part of the language"}
	}
}
