package snowsim

import (
	"slices"
	"strings"
	"time"
)

// Entry is one entry of a journal: a comment or a work note.
type Entry struct {
	SysID string
	// Field is comments or work_notes.
	Field string
	Text  string
	// By is the user name of who wrote it.
	By string
	At time.Time
	// order tells entries of the same second apart.
	order int
}

// entries are those of one journal of a record, oldest first.
func (s *Sim) entries(r *record, column string) []Entry {
	var list []Entry
	for i, e := range s.tables["sys_journal_field"].shelf.by("element_id", r.id) {
		if e.get("name") != r.table.name || column != "" && e.get("element") != column {
			continue
		}
		at, err := time.ParseInLocation(time.DateTime, e.get("sys_created_on"), time.UTC)
		if err != nil {
			panic("snowsim: a journal entry without its time")
		}
		list = append(list, Entry{SysID: e.id, Field: e.get("element"), Text: e.get("value"), By: e.get("sys_created_by"), At: at, order: i})
	}
	slices.SortStableFunc(list, func(a, b Entry) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return a.order - b.order
	})
	return list
}

// Journal returns the entries of one journal of a record, oldest first; an empty
// field returns those of all its journals.
func (s *Sim) Journal(table, sysID, field string) []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.record(table, sysID)
	if r == nil {
		return nil
	}
	return s.entries(r, strings.TrimSpace(field))
}
