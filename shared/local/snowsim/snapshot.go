package snowsim

import (
	"slices"
	"strings"
	"time"
)

// Snapshot is the instance at a moment, for a console.
type Snapshot struct {
	At time.Time
	// Tickets are the ones that were changed last, latest first.
	Tickets []Ticket
	// Approvals are the open questions.
	Approvals []Approval
	People    []Person
	// Records counts the records of each table that has any.
	Records map[string]int
}

// Ticket is a task as people see it.
type Ticket struct {
	Table, SysID, Number, Title string
	// State is the label of the state, Value its value.
	State, Value string
	Active       bool
	// Group, AssignedTo and OpenedBy are names.
	Group, AssignedTo, OpenedBy string
	Opened, Updated             time.Time
	// Fields are the custom columns u_* that are not empty.
	Fields    map[string]string
	Notes     []Entry
	Approvals []Approval
	Files     []string
}

// Person is a user as people see it.
type Person struct {
	SysID, Name, Number, Email, Title, Department, Manager string
	Active, LockedOut                                      bool
}

// Snapshot shows the instance, with at most limit tickets and limit people.
func (s *Sim) Snapshot(limit int) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	shot := Snapshot{At: time.Now(), Records: map[string]int{}}
	for _, a := range s.approvals("") {
		if a.State == Requested {
			shot.Approvals = append(shot.Approvals, a)
		}
	}
	tasks := slices.Clone(s.tables["task"].shelf.all())
	slices.SortStableFunc(tasks, func(a, b *record) int {
		if c := strings.Compare(b.get("sys_updated_on"), a.get("sys_updated_on")); c != 0 {
			return c
		}
		return strings.Compare(b.get("number"), a.get("number"))
	})
	for _, r := range tasks[:min(limit, len(tasks))] {
		shot.Tickets = append(shot.Tickets, s.ticket(r))
	}
	users := s.tables["sys_user"].shelf.all()
	for _, r := range users {
		if len(shot.People) == limit {
			break
		}
		if r.get("employee_number") != "" {
			shot.People = append(shot.People, s.person(r))
		}
	}
	slices.SortFunc(shot.People, func(a, b Person) int { return strings.Compare(a.Number, b.Number) })
	for _, t := range s.tables {
		if t.parent == nil {
			for _, r := range t.shelf.all() {
				shot.Records[r.table.name]++
			}
		}
	}
	return shot
}

// Ticket shows one task; ok is false when there is none.
func (s *Sim) Ticket(table, sysID string) (t Ticket, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.record(table, sysID)
	if r == nil || !r.table.is("task") {
		return Ticket{}, false
	}
	return s.ticket(r), true
}

func (s *Sim) ticket(r *record) Ticket {
	t := Ticket{
		Table: r.table.name, SysID: r.id, Number: r.get("number"), Title: r.get("short_description"), Value: r.get("state"),
		State: s.display(r, r.table.column("state"), nil), Active: r.get("active") == "true",
		Group: s.displayOf("sys_user_group", r.get("assignment_group")), AssignedTo: s.displayOf("sys_user", r.get("assigned_to")),
		OpenedBy: s.displayOf("sys_user", r.get("opened_by")), Opened: r.time("opened_at"), Updated: r.time("sys_updated_on"),
		Fields: map[string]string{}, Notes: s.entries(r, ""),
	}
	for name, value := range r.values {
		if strings.HasPrefix(name, "u_") {
			t.Fields[name] = value
		}
	}
	for _, about := range s.tables["sysapproval_approver"].shelf.by("sysapproval", r.id) {
		t.Approvals = append(t.Approvals, s.approval(about))
	}
	for _, file := range s.tables["sys_attachment"].shelf.by("table_sys_id", r.id) {
		t.Files = append(t.Files, file.get("file_name"))
	}
	return t
}

func (s *Sim) person(r *record) Person {
	return Person{
		SysID: r.id, Name: r.get("name"), Number: r.get("employee_number"), Email: r.get("email"), Title: r.get("title"),
		Department: s.displayOf("cmn_department", r.get("department")), Manager: s.displayOf("sys_user", r.get("manager")),
		Active: r.get("active") == "true", LockedOut: r.get("locked_out") == "true",
	}
}
