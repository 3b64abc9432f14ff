package states

import (
	"errors"
	"fmt"
	"strings"
)

// call is an intrinsic function with its arguments (docs, "Intrinsic
// functions").
type call struct {
	name      string
	function  function
	arguments []argument
}

// argument is a constant, or something to evaluate.
type argument struct {
	constant any
	// template is the text of a constant string with its escapes, which
	// States.Format reads itself.
	template string
	source   expression
}

// parseIntrinsic compiles a call such as States.Format('{}', $.name).
func parseIntrinsic(text string) (*call, error) {
	s := &scanner{text: text}
	c, err := s.call()
	if err != nil {
		return nil, fmt.Errorf("%q is neither a path nor an intrinsic function: %w", text, err)
	}
	if s.skip(); s.at < len(text) {
		return nil, fmt.Errorf("%q goes on after its closing parenthesis", text)
	}
	return c, nil
}

type scanner struct {
	text string
	at   int
}

func (s *scanner) skip() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

func (s *scanner) accept(c byte) bool {
	s.skip()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) call() (*call, error) {
	s.skip()
	start := s.at
	for s.at < len(s.text) && (isNameByte(s.text[s.at]) || s.text[s.at] == '.') {
		s.at++
	}
	name := s.text[start:s.at]
	f, known := functions[name]
	if !known {
		return nil, fmt.Errorf("there is no function %q", name)
	}
	if !s.accept('(') {
		return nil, fmt.Errorf("%s wants its arguments in parentheses", name)
	}
	c := &call{name: name, function: f}
	for !s.accept(')') {
		if len(c.arguments) > 0 && !s.accept(',') {
			return nil, fmt.Errorf("a comma or ) is missing at %q", s.rest())
		}
		a, err := s.argument()
		if err != nil {
			return nil, err
		}
		c.arguments = append(c.arguments, a)
	}
	if n := len(c.arguments); n < f.least || (f.most >= 0 && n > f.most) {
		return nil, fmt.Errorf("%s does not take %d arguments", name, n)
	}
	return c, nil
}

func (s *scanner) rest() string { return s.text[s.at:] }

func (s *scanner) argument() (argument, error) {
	s.skip()
	rest := s.rest()
	switch {
	case rest == "":
		return argument{}, errors.New("it ends where an argument should stand")
	case rest[0] == '\'':
		return s.quoted()
	case rest[0] == '$':
		p, err := parsePath(strings.TrimSpace(s.until()))
		return argument{source: p}, err
	case strings.HasPrefix(rest, "States."):
		c, err := s.call()
		return argument{source: c}, err
	}
	word := strings.TrimSpace(s.until())
	v, err := decode([]byte(word))
	if err != nil || strings.ContainsAny(word, `"[{`) {
		return argument{}, fmt.Errorf("%q is no argument: use a path, 'text', a number, true, false, null or another function", word)
	}
	return argument{constant: v}, nil
}

// quoted reads 'text', in which \ takes its meaning from the next character.
func (s *scanner) quoted() (argument, error) {
	s.at++
	var plain strings.Builder
	start := s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '\'':
			s.at++
			return argument{constant: plain.String(), template: s.text[start : s.at-1]}, nil
		case c == '\\' && s.at+1 < len(s.text):
			s.at++
			plain.WriteByte(s.text[s.at])
		default:
			plain.WriteByte(c)
		}
		s.at++
	}
	return argument{}, errors.New("a ' is missing at its end")
}

// until takes everything up to the comma or parenthesis that ends an argument.
func (s *scanner) until() string {
	start, depth := s.at, 0
	var quote byte
	for ; s.at < len(s.text); s.at++ {
		c := s.text[s.at]
		switch {
		case quote != 0:
			switch c {
			case '\\':
				s.at++
			case quote:
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(' || c == '[':
			depth++
		case depth > 0 && (c == ')' || c == ']'):
			depth--
		case depth == 0 && (c == ',' || c == ')'):
			return s.text[start:s.at]
		}
	}
	s.at = len(s.text)
	return s.text[start:]
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

func (c *call) paths() []*path {
	var all []*path
	for _, a := range c.arguments {
		if a.source != nil {
			all = append(all, a.source.paths()...)
		}
	}
	return all
}

func (c *call) evaluate(data any, context *contextObject) (any, error) {
	values := make([]any, len(c.arguments))
	for i, a := range c.arguments {
		if a.source == nil {
			values[i] = a.constant
			if a.template != "" && c.name == "States.Format" && i == 0 {
				values[i] = a.template
			}
			continue
		}
		v, err := a.source.evaluate(data, context)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	v, err := c.function.run(values)
	if err != nil {
		return nil, &failure{name: errIntrinsic, cause: fmt.Sprintf("%s: %v", c.name, err)}
	}
	return v, nil
}
