package snowsim

import "fmt"

// Session works in the instance as one of its users, without the wire: what
// people do in their browsers. It lasts as long as the Sim.
type Session struct {
	sim      *Sim
	userName string // empty: an administrator's script
}

// As is a session of the user with that user name or sys_id. It panics when
// there is no such user.
func (s *Sim) As(user string) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Session{s, s.userNamed(user).get("user_name")}
}

func (n *Session) actor() *actor {
	if n.userName == "" {
		return n.sim.actorOf(n.sim.userNamed("admin"))
	}
	return n.sim.actorOf(n.sim.userNamed(n.userName))
}

// Insert makes a record and returns its sys_id. The error is what the REST API
// would have answered, of type *Error.
func (n *Session) Insert(table string, values map[string]string) (sysID string, err error) {
	n.sim.transact(func() {
		t := n.sim.tables[table]
		if t == nil {
			err = invalidTable(table)
			return
		}
		r, refusal := n.sim.insert(n.actor(), t, values)
		if refusal != nil {
			err = refusal
			return
		}
		sysID = r.id
	})
	return sysID, err
}

// Update changes a record. Journal columns append.
func (n *Session) Update(table, sysID string, values map[string]string) (err error) {
	n.sim.transact(func() {
		by := n.actor()
		r := n.sim.record(table, sysID)
		if r == nil || !n.sim.may(by, reading, r) {
			err = noRecord()
			return
		}
		if refusal := n.sim.update(by, r, values); refusal != nil {
			err = refusal
		}
	})
	return err
}

// Delete removes a record.
func (n *Session) Delete(table, sysID string) (err error) {
	n.sim.transact(func() {
		r := n.sim.record(table, sysID)
		if r == nil {
			err = noRecord()
			return
		}
		if refusal := n.sim.remove(n.actor(), r); refusal != nil {
			err = refusal
		}
	})
	return err
}

// record finds a record, also by the name of a table that its own is made from.
func (s *Sim) record(table, sysID string) *record {
	t := s.tables[table]
	if t == nil {
		return nil
	}
	if r := t.shelf.find(sysID); r != nil && r.table.is(table) {
		return r
	}
	return nil
}

func (s *Sim) admin() *Session { return &Session{sim: s} }

// Insert makes a record as an administrator and returns its sys_id. It panics
// when the instance refuses it, say by a data policy.
func (s *Sim) Insert(table string, values map[string]string) (sysID string) {
	sysID, err := s.admin().Insert(table, values)
	if err != nil {
		panic(fmt.Sprintf("snowsim: inserting into %s: %v", table, err))
	}
	return sysID
}

// Update changes a record as an administrator. Journal columns append. It panics
// when there is no such record or the instance refuses.
func (s *Sim) Update(table, sysID string, values map[string]string) {
	if err := s.admin().Update(table, sysID, values); err != nil {
		panic(fmt.Sprintf("snowsim: updating %s/%s: %v", table, sysID, err))
	}
}

// Delete removes a record as an administrator. It panics when there is none.
func (s *Sim) Delete(table, sysID string) {
	if err := s.admin().Delete(table, sysID); err != nil {
		panic(fmt.Sprintf("snowsim: deleting %s/%s: %v", table, sysID, err))
	}
}

// Record returns a copy of a record's values as they are stored, nil when there
// is none. What is empty is absent.
func (s *Sim) Record(table, sysID string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.record(table, sysID); r != nil {
		return r.all()
	}
	return nil
}

// Query returns copies of all records that satisfy an encoded query, in its
// order. It panics when the query cannot be read whole or names a column that
// the table does not have: in a test that is a mistake.
func (s *Sim) Query(table, encoded string) []map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[table]
	if t == nil {
		panic("snowsim: there is no table " + table)
	}
	q := parseQuery(encoded)
	f := s.compile(t, q)
	if q.broken || len(q.foreign) > 0 || f.partial {
		panic("snowsim: a part of the query would be ignored: " + encoded)
	}
	rows := f.rows()
	found := make([]map[string]string, len(rows))
	for i, r := range rows {
		found[i] = r.all()
	}
	return found
}

// Lookup returns the one record whose column has that value; it panics when
// there is none or more than one.
func (s *Sim) Lookup(table, column, value string) map[string]string {
	found := s.Query(table, column+"="+value)
	if len(found) != 1 {
		panic(fmt.Sprintf("snowsim: %d records of %s have %s=%s", len(found), table, column, value))
	}
	return found[0]
}
