package entitlement

import (
	"fmt"
	"slices"
	"strings"
)

// rule is one reason for access: an entry of the baseline, a row of a table (for
// one combination of the values it lists), or a condition.
type rule struct {
	name string
	// text is the reason in words; a grant's text begins with the role.
	text  string
	where pointer
	mode  Mode
	// order is the rule's place in the precedence: baseline, tables, conditions.
	order  int
	roles  []string
	shares []share
	needs  needs

	table     *table     // of a row
	condition *condition // of a condition
}

// share is one entitlement that a rule gives, with the reason.
type share struct {
	entitlement int
	text        string
}

// trial reports whether the rule is on trial.
func (r *rule) trial() bool { return r.mode == Warn || r.mode == Record }

// table is a lookup table. It gives the roles of at most one row.
type table struct {
	name     string
	where    pointer
	columns  []field
	complete bool
	// shapes are the sets of columns that its rows name, in precedence.
	shapes []*shape
}

// shape holds the rows that name the same columns.
type shape struct {
	columns []field // in the order of the table's columns
	rows    map[values]slot
}

// key is what v has in the shape's columns.
func (s *shape) key(v values) values {
	var key values
	for _, f := range s.columns {
		key[f] = v[f]
	}
	return key
}

// slot holds the row for one combination of values, and the row on trial that
// would replace it.
type slot struct{ enforced, trial *rule }

// find looks up the row that decides, and the one that would if the rows on
// trial were enforced. Either may be nil.
func (t *table) find(v values) (enforced, onTrial *rule) {
	for _, s := range t.shapes {
		at, ok := s.rows[s.key(v)]
		if !ok {
			continue
		}
		if onTrial == nil {
			if onTrial = at.trial; onTrial == nil {
				onTrial = at.enforced
			}
		}
		if at.enforced != nil {
			return at.enforced, onTrial
		}
	}
	return nil, onTrial
}

// shapeOf is the shape of rows that name the columns in named.
func (t *table) shapeOf(named []field) *shape {
	var columns []field
	for _, c := range t.columns {
		if slices.Contains(named, c) {
			columns = append(columns, c)
		}
	}
	for _, s := range t.shapes {
		if slices.Equal(s.columns, columns) {
			return s
		}
	}
	s := &shape{columns: columns, rows: map[values]slot{}}
	t.shapes = append(t.shapes, s)
	return s
}

// rank sorts the shapes: those with more columns first, then those with the
// earlier columns.
func (t *table) rank() {
	place := func(s *shape) (p []int) {
		for _, c := range s.columns {
			p = append(p, slices.Index(t.columns, c))
		}
		return p
	}
	slices.SortFunc(t.shapes, func(a, b *shape) int {
		if len(a.columns) != len(b.columns) {
			return len(b.columns) - len(a.columns)
		}
		return slices.Compare(place(a), place(b))
	})
}

// gap says that no row fits: `no mapping for title "Astronaut" in department
// "Engineering"`.
func (t *table) gap(v values) string {
	if words := v.words(t.columns); words != "" {
		return "no mapping for " + words
	}
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = phrases[c].first
	}
	return "no mapping for a profile without " + strings.Join(names, " and ")
}

const mostRows = 100_000 // of all tables, with their lists written out

// buildTables reads the lookup tables.
func (b *builder) buildTables() {
	seen := map[string]bool{}
	for i, from := range b.doc.Tables {
		where := pointer("/tables").at(i)
		if seen[from.Name] {
			b.add(where.at("name"), "give it another name", "there are two tables called %q", from.Name)
		}
		seen[from.Name] = true
		t := &table{name: from.Name, where: where, complete: from.Complete}
		for _, name := range from.Columns {
			if f, ok := fieldNamed(name); ok {
				t.columns = append(t.columns, f)
			}
		}
		used := map[field]bool{}
		for j, row := range from.Rows {
			b.row(t, where.at("rows", j), row, used)
		}
		for j, c := range t.columns {
			if !used[c] {
				b.add(where.at("columns", j), "take the column out", "no row of the table names %s", c)
			}
		}
		t.rank()
		b.rules.tables = append(b.rules.tables, t)
	}
	slices.SortStableFunc(b.rules.tables, func(x, y *table) int { return strings.Compare(x.name, y.name) })
}

// row adds a row for every combination of the values it lists.
func (b *builder) row(t *table, where pointer, from docRow, used map[field]bool) {
	roles := b.roles(where.at("gives"), from.Gives)
	combinations := []values{{}}
	var named []field
	for f, list := range from.columns() {
		f := field(f)
		if len(list) == 0 {
			continue
		}
		used[f] = true
		if !slices.Contains(t.columns, f) {
			b.add(where.at(f.String()), "add it to the table's columns, or take it out of the row", "the table %q has no column %s", t.name, f)
			continue
		}
		named = append(named, f)
		var next []values
		for _, v := range list {
			b.checkValue(where.at(f.String()), f, v)
			for _, c := range combinations {
				if len(next) > mostRows-b.rows {
					break
				}
				c[f] = v
				next = append(next, c)
			}
		}
		combinations = next
	}
	if b.rows += len(combinations); b.rows > mostRows {
		if b.rows-len(combinations) <= mostRows {
			b.add(where, "name fewer values in its lists, or write a condition", "with this row the tables have more than %d rows when their lists are written out", mostRows)
		}
		return
	}
	if len(named) == 0 {
		b.add(where, "name at least one attribute, or give the roles to everybody in the baseline", "the row fits everybody")
		return
	}
	s := t.shapeOf(named)
	for _, c := range combinations {
		b.place(t, s, c, &rule{where: where, mode: mode(from.Mode), roles: roles, table: t})
	}
}

// place puts a row under its values.
func (b *builder) place(t *table, s *shape, written values, r *rule) {
	key, pairs := written.folded(), make([]string, len(s.columns))
	for i, f := range s.columns {
		pairs[i] = fmt.Sprintf("%s=%s", f, written[f])
		r.needs[f] = []string{key[f]}
	}
	r.name = fmt.Sprintf("%s[%s]", t.name, strings.Join(pairs, ", "))
	r.text = "for " + written.words(s.columns)
	at := s.rows[key]
	taken := &at.enforced
	if r.trial() {
		taken = &at.trial
	}
	if *taken != nil {
		b.add(r.where, "take one of them out, or let it name one attribute more", "the row for %s stands already at %s", written.words(s.columns), (*taken).where)
		return
	}
	*taken = r
	s.rows[key] = at
	b.addRule(r)
}

func mode(m Mode) Mode {
	if m == "" {
		return Enforce
	}
	return m
}
