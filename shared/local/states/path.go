package states

import (
	"fmt"
	"maps"
	"strings"

	"github.com/ohler55/ojg/jp"
)

// path is a JSONPath into a state's data ("$...") or the context object
// ("$$...").
type path struct {
	text      string
	inContext bool
	steps     []step // nil when the path may select several values
	selection jp.Expr
}

// step is one name or index of a reference path.
type step struct {
	name    string
	index   int
	isIndex bool
}

// parsePath compiles a path. Names with other characters than letters, digits
// and _ need brackets: $['start-date'].
func parsePath(text string) (*path, error) {
	p := &path{text: text}
	inner, inContext := strings.CutPrefix(text, "$$")
	if inContext {
		p.inContext, inner = true, "$"+inner
	} else {
		inner = text
	}
	if !strings.HasPrefix(inner, "$") {
		return nil, fmt.Errorf("%q is no path: it does not begin with $", text)
	}
	expression, err := jp.ParseString(inner)
	if err != nil {
		return nil, fmt.Errorf("%q is no path: %w", text, err)
	}
	p.steps = []step{}
	for i, part := range expression {
		switch part := part.(type) {
		case jp.Root:
			if i > 0 {
				return nil, fmt.Errorf("%q is no path: $ in its middle", text)
			}
		case jp.Child:
			if p.steps != nil {
				p.steps = append(p.steps, step{name: string(part)})
			}
		case jp.Nth:
			if p.steps != nil {
				p.steps = append(p.steps, step{index: int(part), isIndex: true})
			}
		case jp.Wildcard, jp.Slice, jp.Union, *jp.Filter:
			p.steps, p.selection = nil, expression
		case jp.Descent:
			if i == len(expression)-1 {
				return nil, fmt.Errorf("%q is no path: nothing follows the two dots", text)
			}
			p.steps, p.selection = nil, expression
		default:
			return nil, fmt.Errorf("%q uses what the States Language does not know", text)
		}
	}
	return p, nil
}

// parseReference compiles a path that can select one value only (spec,
// "Reference Paths").
func parseReference(text string) (*path, error) {
	p, err := parsePath(text)
	if err == nil && p.steps == nil {
		err = fmt.Errorf("%q may select several values; this field wants a path to one", text)
	}
	return p, err
}

// get selects from data or, for $$ paths, from the context object. A path that
// may select several values gives a list of them, empty when there are none.
func (p *path) get(data any, c *contextObject) (any, bool) {
	if p.inContext {
		data = c.value()
	}
	if p.steps == nil {
		list := p.selection.Get(data)
		if list == nil {
			list = []any{}
		}
		return list, true
	}
	for _, s := range p.steps {
		switch in := data.(type) {
		case map[string]any:
			v, found := in[s.name]
			if !found || s.isIndex {
				return nil, false
			}
			data = v
		case []any:
			i := s.index
			if i < 0 {
				i += len(in)
			}
			if !s.isIndex || i < 0 || i >= len(in) {
				return nil, false
			}
			data = in[i]
		default:
			return nil, false
		}
	}
	return data, true
}

// put returns data with value where p points, and leaves data as it was.
// Missing objects on the way are made; anything else in the way is a failure
// (spec, "ResultPath").
func (p *path) put(data, value any) (any, error) {
	out, ok := put(data, p.steps, value)
	if !ok {
		return nil, &failure{name: errResultPath, cause: fmt.Sprintf("Unable to apply step \"result path\" to input: %s does not fit into %s", p.text, encode(data))}
	}
	return out, nil
}

func put(data any, steps []step, value any) (any, bool) {
	if len(steps) == 0 {
		return value, true
	}
	s := steps[0]
	switch in := data.(type) {
	case map[string]any:
		if s.isIndex {
			return nil, false
		}
		inner, found := in[s.name]
		if !found && len(steps) > 1 {
			inner = map[string]any{}
		}
		inner, ok := put(inner, steps[1:], value)
		if !ok {
			return nil, false
		}
		out := maps.Clone(in)
		out[s.name] = inner
		return out, true
	case []any:
		if !s.isIndex || s.index < 0 || s.index >= len(in) {
			return nil, false
		}
		inner, ok := put(in[s.index], steps[1:], value)
		if !ok {
			return nil, false
		}
		out := append([]any(nil), in...)
		out[s.index] = inner
		return out, true
	}
	return nil, false
}
