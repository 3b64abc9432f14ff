package oktasim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The filter grammar of developer.okta.com/docs/api/#filter, which `filter` and
// `search` share: attribute operator value, combined with and, or, not and
// parentheses. Complex attribute filters in brackets are refused.

// condition is a compiled filter. get returns the values of an attribute: none
// when it is absent, several when it is a list.
type condition interface {
	holds(get func(path string) []any) bool
}

type both struct{ left, right condition }
type either struct{ left, right condition }
type negated struct{ inner condition }
type comparison struct {
	path, op string
	value    any  // string, float64, bool or nil
	fold     bool // strings compare without regard to case
}

func (c both) holds(get func(string) []any) bool    { return c.left.holds(get) && c.right.holds(get) }
func (c either) holds(get func(string) []any) bool  { return c.left.holds(get) || c.right.holds(get) }
func (c negated) holds(get func(string) []any) bool { return !c.inner.holds(get) }

func (c comparison) holds(get func(string) []any) bool {
	values := get(c.path)
	if c.op == "pr" {
		return len(values) > 0
	}
	for _, value := range values {
		if compare(value, c.op, c.value, c.fold) {
			return true
		}
	}
	return c.op == "ne" && len(values) == 0
}

// equalities lists the "attribute eq value" terms that must all hold, which is
// what an index can use.
func equalities(c condition) []comparison {
	switch c := c.(type) {
	case both:
		return append(equalities(c.left), equalities(c.right)...)
	case comparison:
		if c.op == "eq" {
			return []comparison{c}
		}
	}
	return nil
}

func compare(got any, op string, want any, fold bool) bool {
	have, isText := got.(string)
	text, wantsText := want.(string)
	if !isText || !wantsText {
		return op == "eq" && got == want || op == "ne" && got != want
	}
	if before, err := time.Parse(time.RFC3339, have); err == nil {
		if after, err := time.Parse(time.RFC3339, text); err == nil {
			return ordering(op, before.Compare(after))
		}
	}
	if fold {
		have, text = strings.ToLower(have), strings.ToLower(text)
	}
	switch op {
	case "sw":
		return strings.HasPrefix(have, text)
	case "ew":
		return strings.HasSuffix(have, text)
	case "co":
		return strings.Contains(have, text)
	}
	return ordering(op, strings.Compare(have, text))
}

func ordering(op string, sign int) bool {
	switch op {
	case "eq":
		return sign == 0
	case "ne":
		return sign != 0
	case "gt":
		return sign > 0
	case "ge":
		return sign >= 0
	case "lt":
		return sign < 0
	case "le":
		return sign <= 0
	}
	return false
}

// dialect is what one parameter of one operation accepts.
type dialect struct {
	fold   bool                             // values compare without regard to case
	not    bool                             // "not" is understood
	accept func(path, operator string) bool // which attribute takes which operator
}

// compile parses text; an error means E0000031, invalid search criteria.
func (d dialect) compile(text string) (condition, error) {
	tokens, err := tokenize(text)
	if err != nil {
		return nil, err
	}
	p := &filterParser{dialect: d, tokens: tokens}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	if len(p.tokens) > 0 {
		return nil, fmt.Errorf("unexpected %q", p.tokens[0].text)
	}
	return c, nil
}

type token struct {
	text   string
	quoted bool
}

func tokenize(text string) ([]token, error) {
	var tokens []token
	for i := 0; i < len(text); {
		switch text[i] {
		case ' ', '\t', '\n':
			i++
		case '(', ')':
			tokens = append(tokens, token{text: text[i : i+1]})
			i++
		case '[', ']':
			return nil, errors.New("brackets are not supported")
		case '"':
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			if end >= len(text) {
				return nil, errors.New("string without an end")
			}
			var value string
			if err := json.Unmarshal([]byte(text[i:end+1]), &value); err != nil {
				return nil, fmt.Errorf("string %s: %w", text[i:end+1], err)
			}
			tokens = append(tokens, token{text: value, quoted: true})
			i = end + 1
		default:
			end := i
			for end < len(text) && !strings.ContainsRune(" \t\n()[]\"", rune(text[end])) {
				end++
			}
			tokens = append(tokens, token{text: text[i:end]})
			i = end
		}
	}
	return tokens, nil
}

type filterParser struct {
	dialect dialect
	tokens  []token
	depth   int
}

// maxDepth keeps hostile input from exhausting the stack.
const maxDepth = 64

func (p *filterParser) word(want string) bool {
	if len(p.tokens) > 0 && !p.tokens[0].quoted && strings.EqualFold(p.tokens[0].text, want) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *filterParser) or() (condition, error) {
	left, err := p.and()
	for err == nil && p.word("or") {
		var right condition
		right, err = p.and()
		left = either{left, right}
	}
	return left, err
}

func (p *filterParser) and() (condition, error) {
	left, err := p.term()
	for err == nil && p.word("and") {
		var right condition
		right, err = p.term()
		left = both{left, right}
	}
	return left, err
}

func (p *filterParser) term() (condition, error) {
	p.depth++
	defer func() { p.depth-- }()
	switch {
	case p.depth > maxDepth:
		return nil, errors.New("nested too deep")
	case p.word("not"):
		if !p.dialect.not {
			return nil, errors.New("the not operator isn't supported")
		}
		inner, err := p.term()
		return negated{inner}, err
	case p.word("("):
		inner, err := p.or()
		if err == nil && !p.word(")") {
			err = errors.New("a parenthesis is not closed")
		}
		return inner, err
	}
	return p.comparison()
}

func (p *filterParser) comparison() (condition, error) {
	if len(p.tokens) < 2 || p.tokens[0].quoted || p.tokens[1].quoted {
		return nil, errors.New("an attribute and an operator are expected")
	}
	c := comparison{path: p.tokens[0].text, op: strings.ToLower(p.tokens[1].text), fold: p.dialect.fold}
	p.tokens = p.tokens[2:]
	if !strings.ContainsFunc(c.path, unicode.IsLetter) || !p.dialect.accept(c.path, c.op) {
		return nil, fmt.Errorf("%s %s is not supported", c.path, c.op)
	}
	if c.op == "pr" {
		return c, nil
	}
	if len(p.tokens) == 0 {
		return nil, errors.New("a value is expected")
	}
	value := p.tokens[0]
	p.tokens = p.tokens[1:]
	if value.quoted {
		c.value = value.text
		return c, nil
	}
	switch value.text {
	case "true", "false":
		c.value = value.text == "true"
	case "null":
		c.value = nil
	default:
		number, err := strconv.ParseFloat(value.text, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no value: strings stand in double quotes", value.text)
		}
		c.value = number
	}
	return c, nil
}
