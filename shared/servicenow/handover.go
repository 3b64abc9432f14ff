package servicenow

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// AskedOf lists the approvals that a person is asked for and has not answered.
func (c *Client) AskedOf(ctx context.Context, person string) ([]Approval, error) {
	asked, err := where(askedColumn, person)
	if err != nil {
		return nil, err
	}
	rows, err := c.all(ctx, listing{
		what: "ServiceNow: listing the approvals asked of " + people + "/" + person, table: approvals,
		q:       query{asked, {stateColumn, in, []string{string(ApprovalRequested), "not requested"}}},
		columns: approvalColumns,
	})
	list := make([]Approval, len(rows))
	for i, r := range rows {
		list[i] = approvalOf(r)
	}
	return list, err
}

// Parties are whom a ticket and an approval of it concern.
type Parties struct {
	// Concerned are the sys_ids of who opened the ticket and whom it is for: they
	// must not decide about it.
	Concerned []string
	// Groups are the sys_ids of the groups that decide where nobody else can: the
	// approval's own, then the ticket's.
	Groups []string
}

// PartiesOf reads whom an approval concerns.
func (c *Client) PartiesOf(ctx context.Context, a Approval) (Parties, error) {
	asked, err := c.get(ctx, a.Ref(), []string{"group.assignment_group"})
	if err != nil {
		return Parties{}, err
	}
	columns := []string{"opened_by", "assignment_group"}
	if a.Ticket.Table == requestItems || a.Ticket.Table == "sc_request" {
		columns = append(columns, "requested_for")
	}
	ticket, err := c.get(ctx, a.Ticket, columns)
	if err != nil {
		return Parties{}, err
	}
	some := func(ids ...string) []string { return slices.DeleteFunc(ids, func(id string) bool { return id == "" }) }
	return Parties{
		Concerned: some(ticket["opened_by"], ticket["requested_for"]),
		Groups:    some(asked["group.assignment_group"], ticket["assignment_group"]),
	}, nil
}

// Reassign asks somebody else in the place of who is asked; an approval that is
// answered or withdrawn stays as it is. It needs the role approval_admin: without
// it the error is *fault.Denied.
func (c *Client) Reassign(ctx context.Context, sysID, to string, why audit.Reason) error {
	now, err := c.Approval(ctx, sysID)
	if fault.Is[*fault.NotFound](err) {
		return nil
	}
	if err != nil || now.State.ended() || now.Approver == to {
		return err
	}
	ref := Ref{approvals, sysID}
	change := audit.Change{
		System: system, Verb: "approval.reassign", Target: ref.String(), Reason: why,
		Before: map[string]any{askedColumn: now.Approver}, After: map[string]any{askedColumn: to},
	}
	return c.ledger.Do(ctx, change, func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
		r, out, err := c.write(ctx, "ServiceNow: reassigning "+ref.String(), ref, map[string]string{askedColumn: to}, true, askedColumn)
		if err == nil && r[askedColumn] != to {
			err = &fault.Denied{Message: fmt.Sprintf("ServiceNow left the approver of %s as it was", ref)}
		}
		return audit.Effect{After: map[string]any{askedColumn: r[askedColumn]}, RequestID: out.requestID}, err
	})
}

// For narrows a kind down to the tickets with that value in one of its fields,
// such as the requests for one person.
func (k Kind) For(field, value string) (Kind, error) {
	wanted, err := where(k.Fields[field], value)
	if err != nil {
		return Kind{}, err
	}
	if k.Query != "" {
		k.Query += "^"
	}
	k.Query += wanted.String()
	return k, nil
}

// Row are the columns of a new ticket of the kind: what its query demands, and
// values by the kind's own names. A value that comes from a catalog variable or
// from another record has no column and is *fault.Invalid.
func (k Kind) Row(values map[string]string) (map[string]string, error) {
	q, err := k.selects()
	if err != nil {
		return nil, err
	}
	columns := map[string]string{}
	for _, term := range q {
		if term.operator == equals && !strings.Contains(term.column, ".") {
			columns[term.column] = term.values[0]
		}
	}
	for name, value := range values {
		column := k.Fields[name]
		if value == "" {
			continue
		}
		if column == "" || strings.ContainsAny(column, ":.") {
			return nil, &fault.Invalid{Message: fmt.Sprintf("a ticket for %s cannot be made here: its field %s is not a column of %s", k.Name, name, k.Table)}
		}
		columns[column] = value
	}
	return columns, nil
}

// TaskKind are the tasks of a table that this integration makes for people, in
// the table's usual states.
func TaskKind(table string) Kind { return Kind{Name: "task", Table: table, States: statesOf(table)} }
