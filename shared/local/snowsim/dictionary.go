package snowsim

import (
	"slices"
	"strings"
)

// Type is the type of a column, by ServiceNow's name (sys_dictionary.internal_type).
type Type string

// The types that the simulator tells apart.
const (
	Text      Type = "string"
	Integer   Type = "integer"
	Boolean   Type = "boolean"
	Date      Type = "glide_date"
	DateTime  Type = "glide_date_time" // stored in UTC
	Reference Type = "reference"       // a sys_id
	List      Type = "glide_list"      // sys_ids, separated by commas
	Journal   Type = "journal_input"   // appends to sys_journal_field
	Document  Type = "document_id"     // a sys_id of any table
)

// Column is a column of a table.
type Column struct {
	Name string
	// Label is what people read; empty: made from the name.
	Label string
	Type  Type
	// Refers is the table that a Reference or List points to.
	Refers string
	// Default is the value of a new record that names none.
	Default string
	// Length is how many characters are kept; more are cut off silently.
	// 0 keeps everything.
	Length int
	// System columns are set by the instance and by nobody else.
	System bool
}

// Table describes a table that Options add.
type Table struct {
	Name string
	// Label is what people read.
	Label string
	// Extends is the table that it is made from, such as "task"; empty for none.
	Extends string
	// Display is the column that stands for a record, such as "number".
	Display string
	// Prefix begins the numbers of its records, such as "INC"; empty: no numbers.
	Prefix  string
	Columns []Column
}

// table is a Table in the instance.
type table struct {
	name, label, display string
	parent               *table
	own                  map[string]*Column
	prefix               string
	last                 int // the last number that was given out
	shelf                *shelf
}

// column finds a column, also of the tables that this one is made from.
func (t *table) column(name string) *Column {
	for at := t; at != nil; at = at.parent {
		if c := at.own[name]; c != nil {
			return c
		}
	}
	return nil
}

// names lists all columns, sorted.
func (t *table) names() []string {
	var all []string
	for at := t; at != nil; at = at.parent {
		for name := range at.own {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// is reports whether t is the named table or made from it.
func (t *table) is(name string) bool {
	for at := t; at != nil; at = at.parent {
		if at.name == name {
			return true
		}
	}
	return false
}

func (t *table) root() *table {
	for t.parent != nil {
		t = t.parent
	}
	return t
}

// displayColumn stands for a record of the table.
func (t *table) displayColumn() string {
	for at := t; at != nil; at = at.parent {
		if at.display != "" {
			return at.display
		}
	}
	return "sys_id"
}

// numbering finds the table whose numbers the records of t get.
func (t *table) numbering() *table {
	for at := t; at != nil; at = at.parent {
		if at.prefix != "" {
			return at
		}
	}
	return nil
}

func (c *Column) label() string {
	if c.Label != "" {
		return c.Label
	}
	words := strings.ReplaceAll(strings.TrimPrefix(c.Name, "u_"), "_", " ")
	if words == "" {
		return c.Name
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// define adds a table. A table that is made from one that does not exist is a
// mistake in the program.
func (s *Sim) define(d Table) {
	t := &table{name: d.Name, label: d.Label, display: d.Display, prefix: d.Prefix, own: map[string]*Column{}, last: firstNumber - 1}
	if d.Extends != "" {
		if t.parent = s.tables[d.Extends]; t.parent == nil {
			panic("snowsim: the table " + d.Name + " is made from " + d.Extends + ", which does not exist")
		}
		t.shelf = t.root().shelf
	} else {
		t.shelf = newShelf(indexed[d.Name])
		d.Columns = append(slices.Clone(systemColumns), d.Columns...)
	}
	s.tables[d.Name] = t
	for _, c := range d.Columns {
		t.add(c)
	}
}

func (t *table) add(c Column) {
	if c.Type == "" {
		c.Type = Text
	}
	t.own[c.Name] = &c
}

// firstNumber is where an instance without demo data begins to count.
const firstNumber = 10001

// grows reports whether a column that begins with u_ comes into being when it is
// first written: as if an administrator had made it just before.
func (s *Sim) grows(t *table, name string) bool {
	return !s.options.FixedColumns && strings.HasPrefix(name, "u_") && columnShape.MatchString(name) && (t.is("task") || t.is("sys_user"))
}
