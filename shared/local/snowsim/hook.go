package snowsim

import (
	"maps"
	"time"
)

// Change is a record that was inserted, updated or deleted.
type Change struct {
	// Table is the record's own class, such as incident, also when it was changed
	// through a table that this one is made from.
	Table  string
	SysID  string
	Number string // empty for tables without numbers
	// Operation says what happened.
	Operation Operation
	// Fields are the columns that have another value than before, journals that
	// were appended to included; sorted.
	Fields []string
	// By is the user name of who made the change.
	By string
	At time.Time

	record map[string]string
}

// Value is a column's value right after the change.
func (c Change) Value(column string) string {
	switch column {
	case "sys_id":
		return c.SysID
	case "sys_class_name":
		return c.Table
	}
	return c.record[column]
}

// Record is the whole record right after the change. What is empty is absent.
func (c Change) Record() map[string]string {
	values := maps.Clone(c.record)
	values["sys_id"], values["sys_class_name"] = c.SysID, c.Table
	return values
}

// OnChange tells hook about every change after its commit, like an asynchronous
// business rule. Hooks run in the goroutine of whoever made the change, outside
// the simulator's lock: they may call it.
func (s *Sim) OnChange(hook func(Change)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onChange = append(s.onChange[:len(s.onChange):len(s.onChange)], hook)
}
