package states

import (
	"fmt"
	"slices"
	"strings"
)

// payload is a payload template: Parameters, ResultSelector or ItemSelector.
// Names that end in .$ have a path or an intrinsic function as their value.
type payload struct {
	constant any            // when nothing in it is evaluated
	list     []*payload     // an array
	object   []payloadField // an object, in the order of names
	source   expression     // a value to evaluate
	field    string         // the name, with .$, that the source stands under
}

type payloadField struct {
	name  string
	value *payload
}

// expression is a path or an intrinsic function.
type expression interface {
	evaluate(data any, c *contextObject) (any, error)
	paths() []*path
}

// parseExpression reads what may stand under a name that ends in .$.
func parseExpression(text string) (expression, error) {
	if strings.HasPrefix(text, "$") {
		p, err := parsePath(text)
		if err != nil {
			return nil, err
		}
		return p, nil
	}
	return parseIntrinsic(text)
}

func (p *path) paths() []*path { return []*path{p} }

// noValueError says that a path selects nothing; whoever evaluates knows the field.
type noValueError struct {
	path *path
	data any
}

func (e *noValueError) Error() string {
	return fmt.Sprintf("The JSONPath '%s' could not be found in the input '%s'", e.path.text, encode(e.data))
}

func (p *path) evaluate(data any, c *contextObject) (any, error) {
	v, found := p.get(data, c)
	if !found {
		if p.inContext {
			data = c.value()
		}
		return nil, &noValueError{p, data}
	}
	return v, nil
}

// parsePayload compiles a template; problemf is told everything wrong in it.
func parsePayload(v any, at string, problemf func(at, format string, args ...any)) *payload {
	switch v := v.(type) {
	case []any:
		p := &payload{}
		for i, item := range v {
			p.list = append(p.list, parsePayload(item, fmt.Sprintf("%s[%d]", at, i), problemf))
		}
		if !slices.ContainsFunc(p.list, (*payload).dynamic) {
			return &payload{constant: v}
		}
		return p
	case map[string]any:
		p := &payload{}
		dynamic := false
		for _, name := range sortedNames(v) {
			inner := parseField(v, name, at, problemf)
			dynamic = dynamic || inner.dynamic()
			p.object = append(p.object, payloadField{strings.TrimSuffix(name, ".$"), inner})
		}
		if !dynamic {
			return &payload{constant: v}
		}
		return p
	}
	return &payload{constant: v}
}

func parseField(in map[string]any, name, at string, problemf func(at, format string, args ...any)) *payload {
	inner := at + "." + name
	bare, evaluated := strings.CutSuffix(name, ".$")
	if !evaluated {
		return parsePayload(in[name], inner, problemf)
	}
	if _, twice := in[bare]; twice {
		problemf(inner, "%q stands there too: which of the two is meant?", bare)
	}
	text, isText := in[name].(string)
	if !isText {
		problemf(inner, "a name that ends in .$ wants a path or an intrinsic function")
		return &payload{}
	}
	source, err := parseExpression(text)
	if err != nil {
		problemf(inner, "%v", err)
		return &payload{}
	}
	return &payload{source: source, field: name}
}

func (p *payload) dynamic() bool { return p.source != nil || p.list != nil || p.object != nil }

// paths are all paths in the template.
func (p *payload) paths() []*path {
	switch {
	case p == nil:
		return nil
	case p.source != nil:
		return p.source.paths()
	}
	var all []*path
	for _, item := range p.list {
		all = append(all, item.paths()...)
	}
	for _, f := range p.object {
		all = append(all, f.value.paths()...)
	}
	return all
}

func (p *payload) evaluate(data any, c *contextObject) (any, error) {
	switch {
	case p.source != nil:
		v, err := p.source.evaluate(data, c)
		if missing, ok := err.(*noValueError); ok { //nolint:errorlint // made above, never wrapped
			return nil, runtimeFailure("The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'",
				missing.path.text, p.field, encode(missing.data))
		}
		return v, err
	case p.list != nil:
		out := make([]any, len(p.list))
		for i, item := range p.list {
			v, err := item.evaluate(data, c)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	case p.object != nil:
		out := make(map[string]any, len(p.object))
		for _, f := range p.object {
			v, err := f.value.evaluate(data, c)
			if err != nil {
				return nil, err
			}
			out[f.name] = v
		}
		return out, nil
	}
	return p.constant, nil
}

func sortedNames(v map[string]any) []string {
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
