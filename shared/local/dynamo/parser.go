package dynamo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// scope is what a request's expressions may refer to, and whether they do:
// DynamoDB refuses names and values that nothing uses.
type scope struct {
	names  map[string]string
	values item

	usedNames, usedValues map[string]bool
}

func newScope(names map[string]string, values item) *scope {
	return &scope{names: names, values: values, usedNames: map[string]bool{}, usedValues: map[string]bool{}}
}

// unused refuses what no expression refers to.
func (s *scope) unused() error {
	for name := range s.names {
		if !s.usedNames[name] {
			return invalid("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", name)
		}
	}
	for name := range s.values {
		if !s.usedValues[name] {
			return invalid("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", name)
		}
	}
	return nil
}

// parser reads one expression. Its methods panic with a syntaxError, which
// parse turns into an error.
type parser struct {
	kind   string // of the expression, for messages
	tokens []string
	at     int
	scope  *scope
}

type syntaxError struct{ err error }

// parse runs read over the expression and sees that nothing is left.
func parse[T any](s *scope, kind, expression string, read func(*parser) T) (result T, err error) {
	found, err := tokens(expression)
	if err != nil {
		return result, invalid("Invalid %s: %v", kind, err)
	}
	if len(found) == 0 {
		return result, invalid("Invalid %s: The expression can not be empty;", kind)
	}
	defer func() {
		if cause := recover(); cause != nil {
			syntax, ok := cause.(syntaxError)
			if !ok {
				panic(cause)
			}
			err = syntax.err
		}
	}()
	p := &parser{kind: kind, tokens: found, scope: s}
	result = read(p)
	if p.at < len(p.tokens) {
		p.unexpected()
	}
	return result, nil
}

func (p *parser) failf(format string, args ...any) {
	panic(syntaxError{invalid("Invalid %s: %s", p.kind, fmt.Sprintf(format, args...))})
}

func (p *parser) unexpected() {
	near := "<EOF>"
	if p.at < len(p.tokens) {
		near = p.tokens[p.at]
	}
	p.failf("Syntax error; token: %q, near: %q", near, strings.Join(p.tokens[max(0, p.at-1):min(len(p.tokens), p.at+2)], " "))
}

func (p *parser) peek(ahead int) string {
	if p.at+ahead < len(p.tokens) {
		return p.tokens[p.at+ahead]
	}
	return ""
}

// accept takes the next token if it is one of those; keywords in any case.
func (p *parser) accept(wanted ...string) (string, bool) {
	token := strings.ToUpper(p.peek(0))
	if token != "" && slices.Contains(wanted, token) {
		p.at++
		return token, true
	}
	return "", false
}

func (p *parser) expect(wanted string) {
	if _, ok := p.accept(wanted); !ok {
		p.unexpected()
	}
}

// path reads a document path.
func (p *parser) path() path {
	found := path{p.name()}
	for {
		switch p.peek(0) {
		case ".":
			p.at++
			found = append(found, p.name())
		case "[":
			position, err := strconv.Atoi(p.peek(1))
			if err != nil || p.peek(2) != "]" {
				p.at++
				p.unexpected()
			}
			p.at += 3
			found = append(found, position)
		default:
			return found
		}
	}
}

func (p *parser) name() string {
	token := p.peek(0)
	if token == "" || !wordPart(token[0]) && token[0] != '#' || token[0] >= '0' && token[0] <= '9' {
		p.unexpected()
	}
	p.at++
	if token[0] == '#' {
		name, ok := p.scope.names[token]
		if !ok {
			p.failf("An expression attribute name used in the document path is not defined; attribute name: %s", token)
		}
		p.scope.usedNames[token] = true
		return name
	}
	if reserved[strings.ToUpper(token)] {
		p.failf("Attribute name is a reserved keyword; reserved keyword: %s", token)
	}
	return token
}

// value reads a :placeholder.
func (p *parser) value() value {
	token := p.peek(0)
	if !strings.HasPrefix(token, ":") {
		p.unexpected()
	}
	p.at++
	v, ok := p.scope.values[token]
	if !ok {
		p.failf("An expression attribute value used in expression is not defined; attribute value: %s", token)
	}
	p.scope.usedValues[token] = true
	return v
}

// paths reads a projection: paths separated by commas.
func (p *parser) paths() []path {
	var found []path
	for {
		next := p.path()
		for _, other := range found {
			if overlap(next, other) {
				p.failf("Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [%s], path two: [%s]", other, next)
			}
		}
		found = append(found, next)
		if _, more := p.accept(","); !more {
			return found
		}
	}
}
