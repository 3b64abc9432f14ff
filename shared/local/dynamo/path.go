package dynamo

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

//go:embed reserved.txt
var reservedList string

// reserved are the words that an expression may use as a name only through
// ExpressionAttributeNames.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
var reserved = func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(reservedList) {
		words[word] = true
	}
	return words
}()

// path leads to a value inside an item: names of fields (string) and positions
// in lists (int). The first is a name.
type path []any

func (p path) String() string {
	var b strings.Builder
	for i, part := range p {
		switch part := part.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", part)
		case string:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(part)
		}
	}
	return b.String()
}

func (p path) root() string { return p[0].(string) } //nolint:forcetypeassert // the parser sees to it

// get is the value that the path leads to.
func (p path) get(i item) (value, bool) {
	v, ok := i[p.root()]
	for _, part := range p[1:] {
		if !ok {
			return value{}, false
		}
		v, ok = v.inner(part)
	}
	return v, ok
}

func (v value) inner(part any) (value, bool) {
	switch part := part.(type) {
	case string:
		found, ok := v.fields[part]
		return found, ok && v.kind == "M"
	case int:
		if v.kind == "L" && part < len(v.list) {
			return v.list[part], true
		}
	}
	return value{}, false
}

// change returns v with the value at the path replaced by what edit makes of
// it; edit returns false to remove it. ok is false when the path does not lead
// through v.
func (v value) change(rest path, edit func(old value, exists bool) (value, bool)) (changed value, ok bool) {
	switch part := rest[0].(type) {
	case string:
		if v.kind != "M" {
			return value{}, false
		}
		fields, ok := v.fields.change(part, rest[1:], edit)
		return value{kind: "M", fields: fields}, ok
	case int:
		if v.kind != "L" {
			return value{}, false
		}
		list, ok := changeList(v.list, part, rest[1:], edit)
		return value{kind: "L", list: list}, ok
	}
	return value{}, false
}

func (i item) change(name string, rest path, edit func(value, bool) (value, bool)) (item, bool) {
	old, exists := i[name]
	var fresh value
	var keep bool
	if len(rest) == 0 {
		fresh, keep = edit(old, exists)
	} else if fresh, keep = old.change(rest, edit); !keep {
		return nil, false // the path does not lead on
	}
	changed := maps.Clone(i)
	if changed == nil {
		changed = item{}
	}
	delete(changed, name)
	if keep {
		changed[name] = fresh
	}
	return changed, true
}

// changeList changes one place of a list; a place behind the end is the next
// free one.
func changeList(list []value, at int, rest path, edit func(value, bool) (value, bool)) ([]value, bool) {
	old, exists := value{}, at < len(list)
	if exists {
		old = list[at]
	}
	var fresh value
	var keep bool
	if len(rest) == 0 {
		fresh, keep = edit(old, exists)
	} else if fresh, keep = old.change(rest, edit); !keep {
		return nil, false // the path does not lead on
	}
	changed := slices.Clone(list)
	switch {
	case exists && keep:
		changed[at] = fresh
	case exists:
		changed = slices.Delete(changed, at, at+1)
	case keep:
		changed = append(changed, fresh)
	}
	return changed, true
}

// overlap reports whether one path leads through the other.
func overlap(a, b path) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}

// project is the part of an item that the paths lead to.
func project(i item, paths []path) item {
	out := item{}
	for _, p := range paths {
		v, ok := p.get(i)
		if !ok {
			continue
		}
		out = graft(value{kind: "M", fields: out}, p, v).fields
	}
	return out
}

// graft puts v into the tree at the path, making maps and lists on the way. A
// projected list holds only the members asked for.
func graft(tree value, p path, v value) value {
	if len(p) == 0 {
		return v
	}
	switch part := p[0].(type) {
	case string:
		fields := maps.Clone(tree.fields)
		if fields == nil {
			fields = item{}
		}
		fields[part] = graft(fields[part], p[1:], v)
		return value{kind: "M", fields: fields}
	default:
		return value{kind: "L", list: append(slices.Clone(tree.list), graft(value{}, p[1:], v))}
	}
}
