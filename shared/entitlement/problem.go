package entitlement

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one reason why a document cannot be used.
type Problem struct {
	// Where is the JSON pointer (RFC 6901) to the place in the document; empty
	// for the document as a whole.
	Where string `json:"where"`
	// What is wrong there.
	What string `json:"what"`
	// Do is what to do about it.
	Do string `json:"do"`
}

func (p Problem) String() string {
	where := p.Where
	if where == "" {
		where = "the document"
	}
	return fmt.Sprintf("%s: %s: %s", where, p.What, p.Do)
}

// pointer is a place in the document.
type pointer string

var escapes = strings.NewReplacer("~", "~0", "/", "~1")

// at is the place of a member or an element beneath p.
func (p pointer) at(steps ...any) pointer {
	for _, s := range steps {
		switch s := s.(type) {
		case string:
			p += pointer("/" + escapes.Replace(s))
		case int:
			p += pointer("/" + strconv.Itoa(s))
		}
	}
	return p
}

// within reports whether p is q or lies beneath it.
func (p pointer) within(q pointer) bool {
	return p == q || strings.HasPrefix(string(p), string(q)+"/")
}

// problems collects, so that all are reported at once.
type problems []Problem

func (ps *problems) add(where pointer, do, what string, args ...any) {
	*ps = append(*ps, Problem{Where: string(where), What: fmt.Sprintf(what, args...), Do: do})
}

// sorted are the problems by place, each once.
func (ps *problems) sorted() []Problem {
	slices.SortStableFunc(*ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What))
	})
	return slices.Compact(*ps)
}
