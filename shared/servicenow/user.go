package servicenow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// User is a sys_user record with all that is kept in step with Okta.
type User struct {
	Person

	FirstName, LastName, Title string
	// Department and Location are the names of the records referred to,
	// ManagerNumber is the manager's employee number.
	Department, Location, ManagerNumber string
	// ServiceOnly is true for accounts that only programs sign in with
	// (web_service_access_only).
	ServiceOnly bool
	// Created and Updated are to the second; UpdatedBy is the user name of who
	// changed the record last.
	Created, Updated time.Time
	UpdatedBy        string
}

// Columns of sys_user that stand in several places.
const (
	departmentName = "department.name"
	locationName   = "location.name"
	managerNumber  = "manager.employee_number"
	serviceColumn  = "web_service_access_only"
	createdColumn  = "sys_created_on"
	updatedColumn  = "sys_updated_on"
	updaterColumn  = "sys_updated_by"
)

var userColumns = append(slices.Clone(personColumns), "first_name", "last_name", "title", departmentName, locationName, managerNumber,
	serviceColumn, createdColumn, updatedColumn, updaterColumn)

func userOf(r row) User {
	return User{
		Person: personOf(r), FirstName: r["first_name"], LastName: r["last_name"], Title: r["title"],
		Department: r[departmentName], Location: r[locationName], ManagerNumber: r[managerNumber],
		ServiceOnly: r.truth(serviceColumn), Created: r.moment(createdColumn), Updated: r.moment(updatedColumn), UpdatedBy: r[updaterColumn],
	}
}

// User reads a sys_user; *fault.NotFound when there is none.
func (c *Client) User(ctx context.Context, sysID string) (User, error) {
	r, err := c.get(ctx, Ref{people, sysID}, userColumns)
	return userOf(r), err
}

// UsersByEmployeeNumber lists all records with that number, inactive ones too.
func (c *Client) UsersByEmployeeNumber(ctx context.Context, number string) ([]User, error) {
	return c.users(ctx, numberColumn, number)
}

// UsersByEmail lists all records with that address, inactive ones too.
func (c *Client) UsersByEmail(ctx context.Context, email string) ([]User, error) {
	return c.users(ctx, emailColumn, email)
}

func (c *Client) users(ctx context.Context, column, value string) ([]User, error) {
	wanted, err := where(column, value)
	if err != nil {
		return nil, err
	}
	rows, err := c.all(ctx, listing{
		what: "ServiceNow: looking for rows of " + people + " by " + column, table: people, q: query{wanted}, columns: userColumns,
	})
	found := make([]User, len(rows))
	for i, r := range rows {
		found[i] = userOf(r)
	}
	return found, err
}

// UserPage is a page of all sys_user records.
type UserPage struct {
	Users []User
	// Next is where the next page begins, for UserPage; Done says that there is
	// none.
	Next string
	Done bool
}

// UsersPerPage is how many sys_user records UserPage asks for at a time.
const UsersPerPage = 1000

// UserPage reads one page of all sys_user records in the order of their
// sys_ids, behind the record that after names. It is *fault.Denied when an access
// rule hides rows: whoever compares must not take these people for missing.
func (c *Client) UserPage(ctx context.Context, after string) (UserPage, error) {
	l := listing{what: "ServiceNow: listing all rows of " + people, table: people, columns: userColumns, whole: true, size: UsersPerPage}
	rows, total, err := c.page(ctx, l, after, 0)
	if err != nil {
		return UserPage{}, err
	}
	page := UserPage{Users: make([]User, len(rows)), Next: after, Done: len(rows) == 0 || total >= 0 && total <= UsersPerPage}
	for i, r := range rows {
		if page.Users[i] = userOf(r); r[idColumn] <= after && after != "" && total > UsersPerPage {
			return UserPage{}, &fault.Unavailable{Message: l.what + " got a page again that it had before"}
		}
		page.Next = r[idColumn]
	}
	return page, nil
}

// references are the columns of sys_user that point to a record of another
// table, by whose column they are written here.
var references = map[string]struct{ table, column string }{
	"department": {"cmn_department", nameColumn}, "location": {"cmn_location", nameColumn}, managerColumn: {people, numberColumn},
}

// UpdatePerson writes columns of a sys_user record. Department and location are
// given by name, the manager by employee number. subject is the Okta user the
// record belongs to. The ledger gets the names of the columns, and of their
// values only whether the person is active.
//
// *fault.NotFound says that a department, location or manager does not exist,
// *fault.Denied that a column was left as it was.
func (c *Client) UpdatePerson(ctx context.Context, sysID string, set map[string]string, subject string, why audit.Reason) error {
	ref := Ref{people, sysID}
	if err := ref.check(); err != nil || len(set) == 0 {
		return err
	}
	values := maps.Clone(set)
	for column, to := range references {
		if value := values[column]; value != "" {
			r, err := c.only(ctx, to.table, to.column, value)
			if err != nil {
				return err
			}
			values[column] = r[idColumn]
		}
	}
	columns := slices.Sorted(maps.Keys(values))
	after := map[string]any{"columns": columns}
	for _, flag := range []string{activeColumn, lockedColumn} {
		if value, has := values[flag]; has {
			after[flag] = value
		}
	}
	change := audit.Change{System: system, Verb: "person.update", Target: ref.String(), Subject: subject, Reason: why, After: after}
	return c.ledger.Do(ctx, change, func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
		now, out, err := c.write(ctx, "ServiceNow: updating "+ref.String(), ref, values, true, columns...)
		if err != nil {
			return audit.Effect{}, err
		}
		if ignored := (posting{ref: ref, set: values}).ignored(now); len(ignored) > 0 {
			err = &fault.Denied{Message: fmt.Sprintf(
				"ServiceNow accepted the update of %s but left %s as it was: an access rule or a business rule keeps it. Let the integration write it, or leave it to ServiceNow in the synchronisation policy",
				ref, strings.Join(ignored, ", "))}
		}
		return audit.Effect{After: after, RequestID: out.requestID}, err
	})
}

// Ours reports whether a user name is that of this integration.
func (c *Client) Ours(name string) bool { return c.user != "" && strings.EqualFold(name, c.user) }
