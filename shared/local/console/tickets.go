package console

import (
	"context"
	"maps"
	"slices"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/local/snowsim"
)

// shownTickets bounds the list; the search goes through all.
const shownTickets = 80

// ticketsView is the list of tickets.
type ticketsView struct {
	Rows  []ticketRow
	Total int // in the instance
	Open  int // of those that were looked at
}

type ticketRow struct {
	snowsim.Ticket
	Tone      tone
	Questions int // open ones
	Chosen    bool
}

func ticketsOf(s *sight, q query) ticketsView {
	v := ticketsView{}
	for _, table := range []string{"incident", "sc_req_item", "sc_task", "sn_si_incident", "task"} {
		v.Total += s.snow.Records[table]
	}
	for _, t := range s.snow.Tickets {
		if t.Table == "sc_request" { // the envelope of its items
			continue
		}
		row := ticketRow{Ticket: t, Tone: ticketTone(t), Chosen: t.SysID == q.Ticket}
		for _, a := range t.Approvals {
			if a.State == snowsim.Requested {
				row.Questions++
			}
		}
		if row.Tone != toneGood && row.Tone != toneQuiet {
			v.Open++
		}
		if len(v.Rows) < shownTickets && q.found(t.Number, t.Title, t.State, t.Fields["u_email"], t.Fields["u_employee_number"], t.OpenedBy, t.Group) {
			v.Rows = append(v.Rows, row)
		}
	}
	return v
}

// ticketTone judges a ticket's state.
func ticketTone(t snowsim.Ticket) tone {
	state := strings.ToLower(t.State)
	switch {
	case strings.Contains(state, "cancel"), strings.Contains(state, "incomplete"), strings.Contains(state, "skipped"):
		return toneQuiet
	case strings.Contains(state, "resolved"), strings.Contains(state, "closed"), strings.Contains(state, "complete"):
		return toneGood
	case strings.Contains(state, "progress"):
		return toneBusy
	case t.Group != "" && len(t.Notes) > 0:
		return toneWarn // with people
	}
	return toneOpen
}

// ticketView is a ticket in full.
type ticketView struct {
	snowsim.Ticket
	Tone       tone
	With       string // the group it is with, when it waits for people
	Subject    string // Okta user id of whom it is about
	Who        string
	Fields     []field
	Questions  []snowsim.Approval
	Answered   []snowsim.Approval
	Executions []executionRow
	Notes      []snowsim.Entry // latest first
	Records    []ledgerRow     // latest first
	Proof      audit.Verification
	ProofErr   string
}

// field is a column of a ticket.
type field struct{ Column, Label, Value, Shown string }

func (c *Console) ticketOf(ctx context.Context, s *sight, q query) *ticketView {
	i := slices.IndexFunc(s.snow.Tickets, func(t snowsim.Ticket) bool { return t.SysID == q.Ticket })
	if i < 0 {
		return nil
	}
	t := s.snow.Tickets[i]
	v := &ticketView{Ticket: t, Tone: ticketTone(t), Notes: slices.Clone(t.Notes)}
	slices.Reverse(v.Notes)
	if v.Tone == toneWarn {
		v.With = t.Group
	}
	for _, a := range t.Approvals {
		if a.State == snowsim.Requested {
			v.Questions = append(v.Questions, a)
		} else {
			v.Answered = append(v.Answered, a)
		}
	}
	for _, column := range slices.Sorted(maps.Keys(t.Fields)) {
		if column != "u_kind" && column != "u_legal_hold" {
			v.Fields = append(v.Fields, field{column, label(column), t.Fields[column], s.readable(t.Fields[column])})
		}
	}
	for _, x := range s.executions {
		if strings.Contains(x.Input, t.SysID) {
			v.Executions = append(v.Executions, rowOf(s, x))
		}
	}
	stream := t.Table + "/" + t.SysID
	records, err := c.ledger.Stream(ctx, stream)
	if err == nil {
		v.Proof, err = c.ledger.Verify(ctx, stream)
	}
	if err != nil {
		v.ProofErr = err.Error()
	}
	slices.Reverse(records)
	v.Records = s.ledgerRows(records)
	for _, r := range records {
		if a, known := s.account(r.Subject); known {
			v.Subject, v.Who = a.ID, nameOf(a)
			break
		}
	}
	return v
}

// label makes "Employee number" of u_employee_number.
func label(column string) string {
	text := strings.ReplaceAll(strings.TrimPrefix(column, "u_"), "_", " ")
	if text == "" {
		return column
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// readable replaces a sys_id of a person by the name.
func (s *sight) readable(value string) string {
	for _, p := range s.snow.People {
		if p.SysID == value {
			return p.Name
		}
	}
	return value
}
