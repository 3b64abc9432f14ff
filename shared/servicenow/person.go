package servicenow

import (
	"context"
	"fmt"
	"slices"

	"lifecycle/shared/fault"
)

// Person is a sys_user record.
type Person struct {
	SysID, UserName, EmployeeNumber, Email string
	// Active is false for somebody who has left; LockedOut is true for somebody
	// who may not sign in.
	Active, LockedOut bool
	// TimeZone is an IANA name, or empty for the instance's own.
	TimeZone string
	// Manager is the manager's sys_id, empty if there is none.
	Manager string
}

const people = "sys_user"

var personColumns = []string{loginColumn, numberColumn, emailColumn, activeColumn, lockedColumn, zoneColumn, managerColumn}

func personOf(r row) Person {
	return Person{
		SysID: r[idColumn], UserName: r[loginColumn], EmployeeNumber: r[numberColumn], Email: r[emailColumn],
		Active: r.truth(activeColumn), LockedOut: r.truth(lockedColumn), TimeZone: r[zoneColumn], Manager: r[managerColumn],
	}
}

// PersonBySysID reads a person. What is not of the form of a sys_id is
// *fault.NotFound, like one that nobody has.
func (c *Client) PersonBySysID(ctx context.Context, sysID string) (Person, error) {
	r, err := c.get(ctx, Ref{people, sysID}, personColumns)
	return personOf(r), err
}

// PersonByEmployeeNumber finds the one person with that number. Nobody is
// *fault.NotFound, several are *fault.Invalid.
func (c *Client) PersonByEmployeeNumber(ctx context.Context, number string) (Person, error) {
	return c.person(ctx, numberColumn, number)
}

// PersonByEmail finds the one person with that address. Nobody is
// *fault.NotFound, several are *fault.Invalid.
func (c *Client) PersonByEmail(ctx context.Context, email string) (Person, error) {
	return c.person(ctx, emailColumn, email)
}

// PersonByUserName finds the one person with that login to ServiceNow, which is
// what sys_updated_by holds. Nobody is *fault.NotFound.
func (c *Client) PersonByUserName(ctx context.Context, name string) (Person, error) {
	return c.person(ctx, loginColumn, name)
}

func (c *Client) person(ctx context.Context, column, value string) (Person, error) {
	r, err := c.only(ctx, people, column, value, personColumns...)
	return personOf(r), err
}

// only finds the one row of a table with that value. The value, which may be
// personal, does not get into the errors.
func (c *Client) only(ctx context.Context, table, column, value string, columns ...string) (row, error) {
	wanted, err := where(column, value)
	if err != nil {
		return nil, err
	}
	rows, err := c.all(ctx, listing{
		what: "ServiceNow: looking for a row of " + table + " by " + column, table: table, q: query{wanted}, columns: columns,
	})
	switch {
	case err != nil:
		return nil, err
	case len(rows) == 0:
		return nil, &fault.NotFound{Message: fmt.Sprintf("ServiceNow: no row of %s that the integration may read has this %s", table, column)}
	case len(rows) > 1:
		ids := make([]string, len(rows))
		for i, r := range rows {
			ids[i] = r[idColumn]
		}
		return nil, &fault.Invalid{Message: fmt.Sprintf("ServiceNow: %d rows of %s have the same %s (sys_ids %v)", len(rows), table, column, ids)}
	}
	return rows[0], nil
}

// GroupSysID finds the sys_id of the one group of that name. None is
// *fault.NotFound, several are *fault.Invalid.
func (c *Client) GroupSysID(ctx context.Context, name string) (string, error) {
	r, err := c.only(ctx, "sys_user_group", nameColumn, name)
	if fault.Is[*fault.NotFound](err) {
		return "", &fault.NotFound{Message: fmt.Sprintf("ServiceNow has no group %q that the integration may read: create it, or configure another", name)}
	}
	return r[idColumn], err
}

// GroupMembers lists the sys_ids of a group's members who are active and not
// locked out, in order.
func (c *Client) GroupMembers(ctx context.Context, groupSysID string) ([]string, error) {
	ofGroup, err := where("group", groupSysID)
	if err != nil {
		return nil, err
	}
	rows, err := c.all(ctx, listing{
		what: "ServiceNow: listing the members of sys_user_group/" + groupSysID, table: "sys_user_grmember",
		q: query{ofGroup}, columns: []string{userColumn, "user.active", "user.locked_out"},
	})
	var members []string
	for _, r := range rows {
		if r[userColumn] != "" && r.truth("user.active") && !r.truth("user.locked_out") {
			members = append(members, r[userColumn])
		}
	}
	slices.Sort(members)
	return slices.Compact(members), err
}
