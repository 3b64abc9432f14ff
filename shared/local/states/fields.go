package states

import (
	"fmt"
	"slices"
)

// fields reads an object of a definition, and remembers what was asked for, so
// that what nobody asked for is refused.
type fields struct {
	l      *loader
	at     string // who it belongs to, for messages
	prefix string // the field it stands in, with a dot
	values map[string]any
	asked  map[string]bool
}

func (l *loader) fields(at string, values map[string]any) *fields {
	return &fields{l: l, at: at, values: values, asked: map[string]bool{}}
}

// inside reads an object within, such as Retry[0].
func (f *fields) inside(name string, values map[string]any) *fields {
	return &fields{l: f.l, at: f.at, prefix: f.prefix + name + ".", values: values, asked: map[string]bool{}}
}

func (f *fields) problemf(name, format string, args ...any) {
	f.l.problemf(f.at, f.prefix+name, format, args...)
}

func (f *fields) value(name string) (any, bool) {
	f.asked[name] = true
	v, given := f.values[name]
	return v, given
}

// refuse names fields of the language that are not run here, and why.
func (f *fields) refuse(why string, names ...string) {
	for _, name := range names {
		if _, given := f.value(name); given {
			f.problemf(name, "%s", why)
		}
	}
}

// done refuses every field that nobody asked for.
func (f *fields) done() {
	for _, name := range sortedNames(f.values) {
		if !f.asked[name] {
			f.problemf(name, "the States Language does not know it here")
		}
	}
}

func (f *fields) text(name string) (string, bool) {
	v, given := f.value(name)
	if !given {
		return "", false
	}
	s, isText := v.(string)
	if !isText || (s == "" && name != "Comment") {
		f.problemf(name, "has to be a text")
	}
	return s, true
}

func (f *fields) truth(name string) bool {
	v, given := f.value(name)
	b, isTruth := v.(bool)
	if given && !isTruth {
		f.problemf(name, "has to be true or false")
	}
	return b
}

func (f *fields) object(name string) (map[string]any, bool) {
	v, given := f.value(name)
	o, isObject := v.(map[string]any)
	if given && !isObject {
		f.problemf(name, "has to be an object")
	}
	return o, isObject
}

// objects reads an array of objects; each is read as name[i].
func (f *fields) objects(name string) []*fields {
	v, given := f.value(name)
	if !given {
		return nil
	}
	list, isList := v.([]any)
	if !isList || len(list) == 0 {
		f.problemf(name, "has to be an array with at least one object")
		return nil
	}
	var all []*fields
	for i, item := range list {
		at := fmt.Sprintf("%s[%d]", name, i)
		o, isObject := item.(map[string]any)
		if !isObject {
			f.problemf(at, "has to be an object")
			continue
		}
		all = append(all, f.inside(at, o))
	}
	return all
}

// whole reads an integer within limits; absent is otherwise.
func (f *fields) whole(name string, least, most, otherwise int64) int64 {
	v, given := f.value(name)
	if !given {
		return otherwise
	}
	n, isWhole := v.(int64)
	if !isWhole || n < least || n > most {
		f.problemf(name, "has to be a whole number from %d to %d", least, most)
	}
	return n
}

// reference reads a reference path; nil when absent or wrong.
func (f *fields) reference(name string) *path {
	s, given := f.text(name)
	if !given {
		return nil
	}
	p, err := parseReference(s)
	if err != nil {
		f.problemf(name, "%v", err)
		return nil
	}
	return p
}

// optionalPath reads InputPath and OutputPath: absent is $, null is none.
func (f *fields) optionalPath(name string) (p *path, none bool) {
	v, given := f.value(name)
	if given && v == nil {
		return nil, true
	}
	s, given := f.text(name)
	if !given {
		s = "$"
	}
	p, err := parsePath(s)
	if err != nil {
		f.problemf(name, "%v", err)
	}
	return p, false
}

// resultPath reads ResultPath: absent is $, null drops the result.
func (f *fields) resultPath() (p *path, none bool) {
	v, given := f.value("ResultPath")
	if given && v == nil {
		return nil, true
	}
	if !given {
		return &path{text: "$", steps: []step{}}, false
	}
	p = f.reference("ResultPath")
	if p != nil && p.inContext {
		f.problemf("ResultPath", "the context object cannot be written")
	}
	return p, false
}

// payload reads a payload template; nil when absent.
func (f *fields) payload(name string) *payload {
	v, given := f.value(name)
	if !given {
		return nil
	}
	return parsePayload(v, name, func(at, format string, args ...any) { f.problemf(at, format, args...) })
}

// seconds reads X and XPath, of which at most one may be given.
func (f *fields) seconds(name string, least int64) seconds {
	s := seconds{fixed: f.whole(name, least, mostSeconds, 0), path: f.reference(name + "Path")}
	if _, both := f.values[name]; both && s.path != nil {
		f.problemf(name+"Path", "stands beside %s: which of the two is meant?", name)
	}
	return s
}

// errorNames reads ErrorEquals. States.ALL stands alone and in the last entry
// only (spec, "Errors").
func (f *fields) errorNames(last bool) []string {
	v, _ := f.value("ErrorEquals")
	list, isList := v.([]any)
	if !isList || len(list) == 0 {
		f.problemf("ErrorEquals", "has to be an array with at least one error name")
		return nil
	}
	var names []string
	for _, item := range list {
		name, isText := item.(string)
		switch {
		case !isText || name == "":
			f.problemf("ErrorEquals", "error names are texts")
		case len(name) > 7 && name[:7] == "States." && !reservedErrors[name]:
			f.problemf("ErrorEquals", "there is no error %s; names that begin with States. are reserved", name)
		}
		names = append(names, name)
	}
	if slices.Contains(names, errAll) && (len(names) > 1 || !last) {
		f.problemf("ErrorEquals", "States.ALL has to stand alone, and in the last entry")
	}
	return names
}

// language refuses JSONata.
func (f *fields) language() {
	if language, given := f.text("QueryLanguage"); given && language != "JSONPath" {
		f.problemf("QueryLanguage", "only JSONPath is run here, not %s", language)
	}
}
