package servicenow

import (
	"context"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/fault"
)

// What an access review reads: everybody, with the manager, and everything that
// was asked for and given, each a page at a time.

// ReviewedPerson is a sys_user record with who is to be asked about the person.
type ReviewedPerson struct {
	SysID, EmployeeNumber, Email string
	// Active is false for somebody who has left.
	Active  bool
	Manager Manager
}

// Manager is a person's manager; the zero value when there is none.
type Manager struct {
	SysID, Name, UserName string
	// Active is false for a manager who has left or may not sign in.
	Active bool
}

const (
	managerName   = "manager.name"
	managerLogin  = "manager.user_name"
	managerActive = "manager.active"
	managerLocked = "manager.locked_out"
)

var reviewedColumns = []string{
	numberColumn, emailColumn, activeColumn, managerColumn, managerName, managerLogin, managerActive, managerLocked,
}

// ReviewedPage is a page of all sys_user records.
type ReviewedPage struct {
	People []ReviewedPerson
	// Next is where the next page begins; Done says that there is none.
	Next string
	Done bool
}

// ReviewedPage reads one page of UsersPerPage sys_user records in the order of
// their sys_ids, behind the record that after names. It is *fault.Denied when an
// access rule hides rows: nobody must be taken for missing who is only hidden.
func (c *Client) ReviewedPage(ctx context.Context, after string) (ReviewedPage, error) {
	l := listing{what: "ServiceNow: listing all rows of " + people, table: people, columns: reviewedColumns, whole: true, size: UsersPerPage}
	rows, next, done, err := c.onward(ctx, l, after)
	page := ReviewedPage{People: make([]ReviewedPerson, len(rows)), Next: next, Done: done}
	for i, r := range rows {
		page.People[i] = ReviewedPerson{
			SysID: r[idColumn], EmployeeNumber: r[numberColumn], Email: r[emailColumn],
			Active: r.truth(activeColumn),
			Manager: Manager{
				SysID: r[managerColumn], Name: r[managerName], UserName: r[managerLogin],
				Active: r.truth(managerActive) && !r.truth(managerLocked),
			},
		}
	}
	return page, err
}

// onward reads the page behind the row that after names, and says where it ends.
func (c *Client) onward(ctx context.Context, l listing, after string) (rows []row, next string, done bool, err error) {
	l.columns = append(l.q.columns(), l.columns...)
	rows, total, err := c.page(ctx, l, after, 0)
	if err != nil {
		return nil, "", false, err
	}
	next, done = after, len(rows) == 0 || total >= 0 && total <= l.size
	for _, r := range rows {
		if r[idColumn] <= after && after != "" && !done {
			return nil, "", false, &fault.Unavailable{Message: l.what + " got a page again that it had before"}
		}
		next = r[idColumn]
	}
	return slices.DeleteFunc(rows, func(r row) bool { return !l.q.holds(r) }), next, done, nil
}

// Granted is a part of what a closed request item says: the item itself, or the
// answer to one of its questions. Parts of the same item share its SysID.
type Granted struct {
	SysID, Number string
	// For is the sys_id of whom it is for, with number and address by which the
	// person is known elsewhere.
	For, EmployeeNumber, Email string
	Closed                     time.Time
	// Field is the kind's name for what is answered ("item", "duration", "until"),
	// Value the answer.
	Field, Value string
}

// GrantedPage is a page of them.
type GrantedPage struct {
	Granted []Granted
	Next    string
	Done    bool
}

// grantedFields are what a review has to know of a request.
var grantedFields = []string{"item", "duration", "until"}

// GrantedPage reads one page of what the closed request items of that kind were
// about. Where the kind's fields are catalog variables, it reads the answers of
// all items in one list rather than item by item.
func (c *Client) GrantedPage(ctx context.Context, k Kind, after string) (GrantedPage, error) {
	selected, err := k.selects()
	if err != nil {
		return GrantedPage{}, err
	}
	selected = selected.and(condition{stateColumn, in, k.values([]Phase{Resolved, Closed})})
	prefix := ""
	l := listing{what: "ServiceNow: listing the closed " + k.Name + " tickets", table: k.Table, whole: true, size: UsersPerPage}
	variables := map[string]string{}
	for _, f := range grantedFields {
		if v, is := strings.CutPrefix(k.Fields[f], variablePrefix); is {
			variables[v] = f
		}
	}
	_, itemIsVariable := strings.CutPrefix(k.Fields["item"], variablePrefix)
	if itemIsVariable {
		if k.Table != requestItems {
			return GrantedPage{}, &fault.Invalid{Message: "the variables of closed " + k.Name + " tickets can only be read of request items"}
		}
		prefix, l.table = requestItem+".", itemOptions
		names := make([]string, 0, len(variables))
		for v := range variables {
			names = append(names, v)
		}
		slices.Sort(names)
		l.q = query{{itemName, in, names}}
		l.columns = []string{requestItem, itemValue}
	}
	for _, term := range selected {
		term.column = prefix + term.column
		l.q = append(l.q, term)
	}
	whom := prefix + k.Fields["requested_for"]
	at := map[string]string{"number": prefix + "number", "closed": prefix + "closed_at", "approval": prefix + "approval", "for": whom, "employee": whom + "." + numberColumn, "email": whom + "." + emailColumn}
	for _, column := range at {
		l.columns = append(l.columns, column)
	}
	if !itemIsVariable {
		l.columns = append(l.columns, k.Fields["item"])
	}
	rows, next, done, err := c.onward(ctx, l, after)
	if err != nil {
		return GrantedPage{}, err
	}
	page := GrantedPage{Next: next, Done: done}
	for _, r := range rows {
		if r[at["approval"]] == "rejected" { // closed all the same
			continue
		}
		g := Granted{
			SysID: r[idColumn], Number: r[at["number"]], For: r[at["for"]], EmployeeNumber: r[at["employee"]], Email: r[at["email"]],
			Closed: r.moment(at["closed"]), Field: "item", Value: r[k.Fields["item"]],
		}
		if itemIsVariable {
			g.SysID, g.Field, g.Value = r[requestItem], variables[r[itemName]], r[itemValue]
		}
		page.Granted = append(page.Granted, g)
	}
	return page, nil
}

// PersonName reads a person's name as ServiceNow shows it.
func (c *Client) PersonName(ctx context.Context, sysID string) (string, error) {
	r, err := c.get(ctx, Ref{people, sysID}, []string{nameColumn})
	return r[nameColumn], err
}
