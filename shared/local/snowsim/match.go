package snowsim

import (
	"slices"
	"strconv"
	"strings"
)

// filter is a query held against a table.
type filter struct {
	sim          *Sim
	table        *table
	alternatives [][]test
	order        []sorting
	// none says that no row is to come back: the query was invalid and the
	// instance has glide.invalid_query.returns_no_rows.
	none bool
	// partial says that a part was left out.
	partial bool
	// columns are all that the query reads, for access rules.
	columns []path
}

// test holds if one of its checks does.
type test []check

type check struct {
	path  path
	other path // for SAMEAS
	condition
	folded []string // the value, or for IN each of them
}

type sorting struct {
	path       path
	descending bool
}

// path is a column of a record or, dot-walked, of one that it refers to.
type path []step

type step struct {
	table  *table
	column *Column
}

func (p path) last() *Column { return p[len(p)-1].column }

// resolve finds a column by its dotted name.
func (s *Sim) resolve(t *table, name string) (path, bool) {
	var p path
	for part := range strings.SplitSeq(name, ".") {
		if t == nil {
			return nil, false
		}
		c := t.column(part)
		if c == nil {
			return nil, false
		}
		p = append(p, step{t, c})
		t = nil
		if c.Type == Reference {
			t = s.tables[c.Refers]
		}
	}
	return p, true
}

// follow reads the value at the end of a path, and finds the record it is in;
// nil when a reference on the way is empty or leads nowhere.
func (s *Sim) follow(r *record, p path) (*record, string) {
	for i, step := range p {
		value := r.get(step.column.Name)
		if i == len(p)-1 {
			return r, value
		}
		target := s.tables[step.column.Refers]
		if value == "" || target == nil {
			return nil, ""
		}
		if r = target.shelf.find(value); r == nil {
			return nil, ""
		}
	}
	return nil, ""
}

// compile holds a query against a table. Parts about columns that the table
// does not have are left out (docs: api-reference/rest-apis/c_TableAPI,
// sysparm_query).
func (s *Sim) compile(t *table, q query) *filter {
	f := &filter{sim: s, table: t}
	broken := q.broken
	for _, groups := range q.alternatives {
		var tests []test
		for _, g := range groups {
			var alternatives test
			for _, c := range g {
				if compiled, ok := s.check(t, c); ok {
					alternatives = append(alternatives, compiled)
					f.columns = append(f.columns, compiled.path)
					continue
				}
				broken = true
			}
			if len(alternatives) > 0 {
				tests = append(tests, alternatives)
			}
		}
		f.alternatives = append(f.alternatives, tests)
	}
	for _, o := range q.order {
		if p, ok := s.resolve(t, o.column); ok {
			f.order = append(f.order, sorting{p, o.descending})
		}
	}
	f.partial, f.none = broken, broken && s.options.InvalidQueryNoRows
	return f
}

func (s *Sim) check(t *table, c condition) (check, bool) {
	p, ok := s.resolve(t, c.column)
	if !ok || p.last().Type == Journal {
		// The text of a journal is not in the row.
		return check{}, false
	}
	k := check{path: p, condition: c}
	switch c.operator {
	case "IN", "NOT IN":
		for value := range strings.SplitSeq(c.value, ",") {
			k.folded = append(k.folded, fold(plainValue(p.last(), value)))
		}
	case "BETWEEN":
		low, high, two := strings.Cut(c.value, "@")
		if !two {
			return check{}, false
		}
		k.folded = []string{fold(low), fold(high)}
	case "SAMEAS", "NSAMEAS":
		if k.other, ok = s.resolve(t, c.value); !ok {
			return check{}, false
		}
	default:
		k.folded = []string{fold(plainValue(p.last(), c.value))}
	}
	return k, true
}

// plainValue is a value as it is stored: true/false may be asked for as 1/0.
func plainValue(c *Column, value string) string {
	if value == "NULL" {
		return ""
	}
	if c.Type == Boolean {
		switch value {
		case "1":
			return "true"
		case "0":
			return "false"
		}
	}
	return value
}

func (f *filter) holds(r *record) bool {
	if !r.table.is(f.table.name) {
		return false
	}
	return slices.ContainsFunc(f.alternatives, func(tests []test) bool {
		for _, t := range tests {
			if !slices.ContainsFunc(t, func(k check) bool { return f.sim.passes(r, k) }) {
				return false
			}
		}
		return true
	})
}

// passes carries out one operator. What is empty is different from every value
// and not like any, so != and NOT IN hold for it (unconfirmed).
func (s *Sim) passes(r *record, k check) bool {
	column := k.path.last()
	owner, stored := s.follow(r, k.path)
	value := fold(stored)
	switch k.operator {
	case "=":
		return value == k.folded[0] || k.displayed && owner != nil && fold(s.display(owner, column, nil)) == k.folded[0]
	case "!=":
		return value != k.folded[0]
	case "IN":
		return slices.Contains(k.folded, value)
	case "NOT IN":
		return !slices.Contains(k.folded, value)
	case "ISEMPTY", "EMPTYSTRING":
		return value == ""
	case "ISNOTEMPTY":
		return value != ""
	case "ANYTHING":
		return true
	case "SAMEAS", "NSAMEAS":
		_, other := s.follow(r, k.other)
		return (value == fold(other)) == (k.operator == "SAMEAS")
	case ">", "<", ">=", "<=", "BETWEEN":
		return value != "" && ordered(column, value, k)
	}
	if column.Type == Reference && owner != nil {
		// A reference is like what it shows (docs: r_OpAvailableFiltersQueries,
		// operators for reference fields).
		value = fold(s.display(owner, column, nil))
	}
	switch k.operator {
	case "STARTSWITH":
		return strings.HasPrefix(value, k.folded[0])
	case "ENDSWITH":
		return strings.HasSuffix(value, k.folded[0])
	case "LIKE":
		return strings.Contains(value, k.folded[0])
	case "NOT LIKE":
		return !strings.Contains(value, k.folded[0])
	}
	return false
}

func ordered(c *Column, value string, k check) bool {
	switch order := compare(c, value, k.folded[0]); k.operator {
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	default:
		return order >= 0 && compare(c, value, k.folded[1]) <= 0
	}
}

// compare orders folded values: numbers by size, all else as text, which is
// right for stored dates.
func compare(c *Column, a, b string) int {
	if c.Type == Integer {
		x, errX := strconv.ParseInt(a, 10, 64)
		y, errY := strconv.ParseInt(b, 10, 64)
		if errX == nil && errY == nil {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	return strings.Compare(a, b)
}

// rows finds all rows that the filter lets through, in its order.
func (f *filter) rows() []*record {
	if f.none {
		return nil
	}
	var found []*record
	candidates, narrowed := f.narrow()
	for _, r := range candidates {
		if f.holds(r) {
			found = append(found, r)
		}
	}
	if narrowed {
		slices.SortFunc(found, func(a, b *record) int { return strings.Compare(a.folded, b.folded) })
		found = slices.Compact(found)
	}
	if len(f.order) == 0 || len(f.order) == 1 && f.order[0].path.last().Name == "sys_id" && len(f.order[0].path) == 1 && !f.order[0].descending {
		return found
	}
	slices.SortStableFunc(found, func(a, b *record) int {
		for _, o := range f.order {
			_, x := f.sim.follow(a, o.path)
			_, y := f.sim.follow(b, o.path)
			order := compare(o.path.last(), fold(x), fold(y))
			if o.descending {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	return found
}

// narrow finds the rows by an index where the query allows it; otherwise it
// returns all rows of the shelf in the order of their sys_ids.
func (f *filter) narrow() (candidates []*record, narrowed bool) {
	shelf := f.table.shelf
	if len(f.alternatives) != 1 {
		return shelf.all(), false
	}
	for _, t := range f.alternatives[0] {
		if len(t) != 1 || len(t[0].path) != 1 || t[0].displayed || t[0].operator != "=" && t[0].operator != "IN" {
			continue
		}
		name := t[0].path.last().Name
		index, isIndexed := shelf.indexes[name]
		if name != "sys_id" && !isIndexed || slices.Contains(t[0].folded, "") {
			continue
		}
		for _, value := range t[0].folded {
			if name == "sys_id" {
				if r := shelf.byID[value]; r != nil {
					candidates = append(candidates, r)
				}
				continue
			}
			candidates = append(candidates, index[value]...)
		}
		return candidates, true
	}
	return f.behind(shelf.all()), false
}

// behind leaves out what a page by sys_id has behind it.
func (f *filter) behind(sorted []*record) []*record {
	for _, t := range f.alternatives[0] {
		if len(t) == 1 && len(t[0].path) == 1 && t[0].operator == ">" && t[0].path.last().Name == "sys_id" {
			at, _ := slices.BinarySearchFunc(sorted, t[0].folded[0], byFolded)
			sorted = sorted[at:]
		}
	}
	return sorted
}
