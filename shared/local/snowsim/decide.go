package snowsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Approval is an approval as the console shows it.
type Approval struct {
	SysID string
	// Table, Ticket and Number name what it is about.
	Table, Ticket, Number string
	// Approver is the sys_id of who is asked, Name the name.
	Approver, Name string
	State          string
	// By is the user name of who changed it last.
	By      string
	Updated time.Time
}

// Approvals lists the approvals about a record, in the order of their sys_ids;
// an empty sysID lists all.
func (s *Sim) Approvals(sysID string) []Approval {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.approvals(sysID)
}

func (s *Sim) approvals(sysID string) []Approval {
	shelf := s.tables["sysapproval_approver"].shelf
	found := shelf.all()
	if sysID != "" {
		found = slices.Clone(shelf.by("sysapproval", sysID))
		slices.SortFunc(found, func(a, b *record) int { return strings.Compare(a.folded, b.folded) })
	}
	list := make([]Approval, len(found))
	for i, r := range found {
		list[i] = s.approval(r)
	}
	return list
}

func (s *Sim) approval(r *record) Approval {
	about := r.get("sysapproval")
	a := Approval{
		SysID: r.id, Table: r.get("source_table"), Ticket: about, Approver: r.get("approver"),
		Name: s.displayOf("sys_user", r.get("approver")), State: r.get("state"), By: r.get("sys_updated_by"), Updated: r.time("sys_updated_on"),
	}
	if ticket := s.record("task", about); ticket != nil {
		a.Table, a.Number = ticket.table.name, ticket.get("number")
	}
	return a
}

func (r *record) time(column string) time.Time {
	at, _ := time.ParseInLocation(time.DateTime, r.get(column), time.UTC)
	return at
}

// ApproveAs answers an approval as a user would: with state Approved or
// Rejected, and a comment, which may be empty. The error is the instance's: who
// is not asked may not answer without the role approval_admin.
func (s *Sim) ApproveAs(user, approvalSysID, state, comment string) error {
	values := map[string]string{"state": state}
	if comment != "" {
		values["comments"] = comment
	}
	return s.As(user).Update("sysapproval_approver", approvalSysID, values)
}

// Decide answers the first open question about a record, as its own approver,
// and returns the approver's sys_id.
func (s *Sim) Decide(ticketSysID, state string) (approver string, err error) {
	for _, a := range s.Approvals(ticketSysID) {
		if a.State == Requested {
			return a.Approver, s.ApproveAs(a.Approver, a.SysID, state, "")
		}
	}
	return "", fmt.Errorf("snowsim: nothing is asked about %s", ticketSysID)
}
