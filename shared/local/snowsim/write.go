package snowsim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifecycle/shared/local/seed"
)

// write is one record on its way into the database. The platform's business
// rules see it before and after.
type write struct {
	by     *actor
	record *record
	isNew  bool
	now    string            // as it is stored
	set    map[string]string // columns with their new values
	notes  map[string]string // journal columns with the texts to append
}

// get is a column's value after the write.
func (w *write) get(column string) string {
	if value, set := w.set[column]; set {
		return value
	}
	return w.record.get(column)
}

// turns reports whether the write gives the column another value.
func (w *write) turns(column string) bool {
	value, set := w.set[column]
	return set && value != w.record.get(column)
}

func (w *write) changed() []string {
	var names []string
	for column, value := range w.set {
		if value != w.record.get(column) {
			names = append(names, column)
		}
	}
	return slices.Sorted(slices.Values(slices.AppendSeq(names, maps.Keys(w.notes))))
}

func stored(at time.Time) string { return at.UTC().Format(time.DateTime) }

// insert makes a record for a user.
func (s *Sim) insert(by *actor, t *table, given map[string]string) (*record, *Error) {
	r := &record{table: t, values: map[string]string{}}
	if !s.may(by, creating, r) {
		return nil, forbidden("Insert")
	}
	return s.create(by, t, "", given)
}

// create makes a record without asking access rules. An empty id gets the
// next one.
func (s *Sim) create(by *actor, t *table, id string, given map[string]string) (*record, *Error) {
	s.records++
	if id == "" {
		id = seed.SysID("record/" + strconv.Itoa(s.records))
	}
	w := &write{
		by: by, isNew: true, now: stored(time.Now()), set: make(map[string]string, len(given)+12), notes: map[string]string{},
		record: &record{table: t, id: id, folded: fold(id)},
	}
	for at := t.root(); ; at = below(t, at) {
		for _, c := range at.own {
			if c.Default != "" {
				w.set[c.Name] = c.Default
			}
		}
		if at == t {
			break
		}
	}
	s.take(w, given)
	if refusal := s.beforeRules(w); refusal != nil {
		return nil, refusal
	}
	w.set["sys_created_on"], w.set["sys_created_by"] = w.now, by.name
	w.set["sys_updated_on"], w.set["sys_updated_by"] = w.now, by.name
	w.set["sys_mod_count"] = "0"
	maps.DeleteFunc(w.set, func(_, value string) bool { return value == "" })
	var changed []string
	if !s.planting {
		changed = w.changed()
	}
	w.record.values = w.set
	t.shelf.put(w.record)
	s.commit(w, Inserted, changed)
	return w.record, nil
}

// below is the next table on the way from an ancestor down to t.
func below(t, ancestor *table) *table {
	for t.parent != ancestor {
		t = t.parent
	}
	return t
}

// update changes a record for a user. What changes nothing is not written: no
// rule runs and nobody is told.
func (s *Sim) update(by *actor, r *record, given map[string]string) *Error {
	if !s.may(by, writing, r) {
		return forbidden("Update")
	}
	w := &write{by: by, record: r, now: stored(time.Now()), set: map[string]string{}, notes: map[string]string{}}
	s.take(w, given)
	if len(w.changed()) == 0 {
		return nil
	}
	if refusal := s.beforeRules(w); refusal != nil {
		return refusal
	}
	changed := w.changed()
	if len(changed) == 0 {
		return nil
	}
	count, _ := strconv.Atoi(r.get("sys_mod_count"))
	w.set["sys_updated_on"], w.set["sys_updated_by"], w.set["sys_mod_count"] = w.now, by.name, strconv.Itoa(count+1)
	for column, value := range w.set {
		r.table.shelf.set(r, column, value)
	}
	s.commit(w, Updated, changed)
	return nil
}

func (s *Sim) remove(by *actor, r *record) *Error {
	if !s.may(by, deleting, r) {
		return forbidden("Delete")
	}
	r.table.shelf.drop(r)
	delete(s.contents, r.id)
	s.pending = append(s.pending, Change{
		Table: r.table.name, SysID: r.id, Number: r.get("number"), Operation: Deleted, By: by.name, At: time.Now(), record: maps.Clone(r.values),
	})
	return nil
}

// commit appends the journal entries, notes the change for the hooks, and runs
// the rules that follow it.
func (s *Sim) commit(w *write, operation Operation, changed []string) {
	for _, column := range slices.Sorted(maps.Keys(w.notes)) {
		// The journal's own rows come from the platform; only their author does not.
		if _, refusal := s.create(w.by, s.tables["sys_journal_field"], "", map[string]string{
			"element_id": w.record.id, "element": column, "name": w.record.table.name, "value": w.notes[column],
		}); refusal != nil {
			panic("snowsim: a journal entry was refused: " + refusal.Error())
		}
	}
	if !s.planting {
		s.pending = append(s.pending, Change{
			Table: w.record.table.name, SysID: w.record.id, Number: w.record.get("number"), Operation: operation,
			Fields: changed, By: w.by.name, At: time.Now(), record: maps.Clone(w.record.values),
		})
	}
	s.afterRules(w, changed)
}

// take accepts what was given: unknown columns, those of the system and those
// that an access rule keeps from the user are dropped without a word.
func (s *Sim) take(w *write, given map[string]string) {
	t := w.record.table
	for name, value := range given {
		c := t.column(name)
		if c == nil && s.grows(t, name) {
			t.root().add(Column{Name: name, Length: 255})
			c = t.column(name)
		}
		switch {
		case c == nil || c.System || s.sealed(w.by, w.record, name):
		case c.Type == Journal:
			if strings.TrimSpace(value) != "" {
				w.notes[name] = value
			}
		default:
			w.set[name] = c.fit(value)
		}
	}
}

// fit is a value as the column's type keeps it. What a type cannot keep becomes
// empty (unconfirmed).
func (c *Column) fit(value string) string {
	trimmed := strings.TrimSpace(value)
	switch c.Type {
	case Boolean:
		if trimmed == "true" || trimmed == "1" {
			return "true"
		}
		return "false"
	case Integer:
		if _, err := strconv.ParseInt(trimmed, 10, 64); err != nil {
			return ""
		}
		return trimmed
	case Date, DateTime:
		return c.fitTime(trimmed)
	case Reference, Document:
		return cut(trimmed, 32)
	case Text:
		return cut(value, c.Length)
	}
	return value
}

func (c *Column) fitTime(value string) string {
	layout := time.DateTime
	if c.Type == Date {
		layout = time.DateOnly
	}
	for _, given := range []string{time.DateTime, time.DateOnly} {
		if at, err := time.ParseInLocation(given, value, time.UTC); err == nil {
			return at.Format(layout)
		}
	}
	return ""
}

func cut(value string, length int) string {
	if length == 0 || len(value) <= length {
		return value
	}
	if long := []rune(value); len(long) > length {
		return string(long[:length])
	}
	return value
}

// unique refuses a value that another record of the table has.
func (s *Sim) unique(w *write, column string) *Error {
	value := w.get(column)
	if value == "" || !w.isNew && !w.turns(column) {
		return nil
	}
	for _, other := range w.record.table.shelf.by(column, value) {
		if other != w.record {
			return refuse(http.StatusForbidden, "Operation Failed",
				"Unique Key violation detected by database (Duplicate entry for key '"+column+"')")
		}
	}
	return nil
}
