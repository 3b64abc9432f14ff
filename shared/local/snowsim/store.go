package snowsim

import (
	"slices"
	"sort"
	"strings"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
	"unicode"
)

// record is one row. What is empty is not kept.
type record struct {
	table  *table
	id     string
	folded string // the sys_id as the database compares it
	values map[string]string
}

func (r *record) get(column string) string {
	switch column {
	case "sys_id":
		return r.id
	case "sys_class_name":
		return r.table.name
	}
	return r.values[column]
}

// shelf keeps the rows of a table and of all tables made from it.
type shelf struct {
	byID    map[string]*record // by folded sys_id
	sorted  []*record          // by folded sys_id
	fresh   []*record          // not yet in sorted
	indexes map[string]map[string][]*record
}

func newShelf(columns []string) *shelf {
	s := &shelf{byID: map[string]*record{}, indexes: map[string]map[string][]*record{}}
	for _, c := range columns {
		s.indexes[c] = map[string][]*record{}
	}
	return s
}

func (s *shelf) find(id string) *record { return s.byID[fold(id)] }

func (s *shelf) put(r *record) {
	s.byID[r.folded] = r
	s.fresh = append(s.fresh, r)
	for column := range s.indexes {
		s.file(r, column, r.get(column))
	}
}

func (s *shelf) drop(r *record) {
	s.settle()
	delete(s.byID, r.folded)
	at, _ := slices.BinarySearchFunc(s.sorted, r.folded, byFolded)
	s.sorted = slices.Delete(s.sorted, at, at+1)
	for column := range s.indexes {
		s.unfile(r, column, r.get(column))
	}
}

// set changes one value and keeps the index right.
func (s *shelf) set(r *record, column, value string) {
	if _, isIndexed := s.indexes[column]; isIndexed {
		s.unfile(r, column, r.get(column))
		s.file(r, column, value)
	}
	if value == "" {
		delete(r.values, column)
		return
	}
	r.values[column] = value
}

func (s *shelf) file(r *record, column, value string) {
	if value != "" {
		key := fold(value)
		s.indexes[column][key] = append(s.indexes[column][key], r)
	}
}

func (s *shelf) unfile(r *record, column, value string) {
	if value == "" {
		return
	}
	key := fold(value)
	rest := slices.DeleteFunc(s.indexes[column][key], func(o *record) bool { return o == r })
	if len(rest) == 0 {
		delete(s.indexes[column], key)
		return
	}
	s.indexes[column][key] = rest
}

// by finds rows by an indexed column, in no particular order.
func (s *shelf) by(column, value string) []*record { return s.indexes[column][fold(value)] }

// all are the rows in the order of their sys_ids, which is how the database
// keeps them: its primary key.
func (s *shelf) all() []*record {
	s.settle()
	return s.sorted
}

// fewFresh is how many new rows are put in their places one by one.
const fewFresh = 32

func (s *shelf) settle() {
	switch {
	case len(s.fresh) == 0:
	case len(s.fresh) <= fewFresh:
		for _, r := range s.fresh {
			at, _ := slices.BinarySearchFunc(s.sorted, r.folded, byFolded)
			s.sorted = slices.Insert(s.sorted, at, r)
		}
	default:
		s.sorted = append(s.sorted, s.fresh...)
		sort.Slice(s.sorted, func(i, j int) bool { return s.sorted[i].folded < s.sorted[j].folded })
	}
	s.fresh = nil
}

func byFolded(r *record, folded string) int { return strings.Compare(r.folded, folded) }

// fold makes equal what the database holds equal: without regard to case,
// accents and trailing blanks, as MariaDB's utf8_general_ci does (unconfirmed
// for a given instance; the docs call values case-sensitive, which they are not
// in practice).
func fold(value string) string {
	plain := true
	for i := range len(value) {
		if c := value[i]; c >= 0x80 || 'A' <= c && c <= 'Z' || c == ' ' {
			plain = false
			break
		}
	}
	if plain {
		return value
	}
	value = strings.TrimRight(value, " ")
	if !isASCII(value) {
		// Transformers keep state, so each call has its own.
		bare := transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
		if stripped, _, err := transform.String(bare, value); err == nil {
			value = stripped
		}
	}
	return strings.ToLower(value)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
