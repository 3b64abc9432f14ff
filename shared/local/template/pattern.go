package template

import (
	"fmt"
	"slices"
	"strings"
)

// Pattern is the event pattern of an EventBridge rule, as far as the template uses
// the language: values, and beginnings of values ({"prefix": "..."}), at any depth.
type Pattern struct{ fields map[string]any }

// newPattern checks a pattern; what it does not understand is an error.
func newPattern(fields map[string]any) (Pattern, error) {
	if len(fields) == 0 {
		return Pattern{}, fmt.Errorf("has no Pattern")
	}
	return Pattern{fields}, checkPattern(fields)
}

func checkPattern(fields map[string]any) error {
	for name, want := range fields {
		if inner := object(want); inner != nil {
			if err := checkPattern(inner); err != nil {
				return err
			}
			continue
		}
		alternatives := list(want)
		if len(alternatives) == 0 {
			return fmt.Errorf("pattern: %s has to be a list of alternatives", name)
		}
		for _, a := range alternatives {
			if matcher := object(a); matcher != nil {
				if _, isPrefix := matcher["prefix"].(string); !isPrefix || len(matcher) != 1 {
					return fmt.Errorf("pattern: %v is not part of the embedded cloud", a)
				}
			}
		}
	}
	return nil
}

// Matches reports whether an event, decoded from JSON, is one that the rule sends on.
func (p Pattern) Matches(event map[string]any) bool { return matches(p.fields, event) }

func matches(fields, event map[string]any) bool {
	for name, want := range fields {
		got, present := event[name]
		if inner := object(want); inner != nil {
			if !matches(inner, object(got)) {
				return false
			}
			continue
		}
		if !present || !slices.ContainsFunc(list(want), func(a any) bool { return alternative(a, got) }) {
			return false
		}
	}
	return true
}

// alternative compares with one alternative; of a list that an event carries one
// element is enough.
func alternative(want, got any) bool {
	if elements := list(got); elements != nil {
		return slices.ContainsFunc(elements, func(element any) bool { return alternative(want, element) })
	}
	if matcher := object(want); matcher != nil {
		prefix, _ := matcher["prefix"].(string)
		text, isText := got.(string)
		return isText && strings.HasPrefix(text, prefix)
	}
	return want == got
}
