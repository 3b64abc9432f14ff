package servicenow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifecycle/shared/fault"
)

// CredentialResetKind is how a request for help with signing in looks unless
// configuration says otherwise: an incident whose column u_kind is
// "credential_reset", with the columns
//
//	u_reset_type (unlock, password or mfa)
//	u_email, u_employee_number (text) of whom it is for; one of them is enough
//
// and, which may be empty, u_factor (which factor of theirs is lost; empty: all
// of them) and u_identity_proof (text: how the person's identity was proved, and
// the reference of the evidence).
//
// Who asks is read from what nobody can write, sys_created_by. Tickets of the
// kind name somebody as their opener, opened_by, and as their caller, caller_id,
// which are held against it.
func CredentialResetKind() Kind {
	k := incident("credential_reset", "Identity Operations", "reset_type", "email", "employee_number", "factor", "identity_proof")
	k.Name = "credential-reset"
	k.Fields["caller"], k.Fields["created_by"] = "caller_id", "sys_created_by"
	return k
}

// Dossier says in which records of a table a person can be named.
type Dossier struct {
	// Table is the table, such as "sn_si_incident".
	Table string `json:"table"`
	// Query is an encoded query that selects the records that matter, such as
	// those that are open.
	Query string `json:"query"`
	// ByID are columns that hold somebody's sys_id, ByEmail an address, ByNumber
	// an employee number. One that matches is enough.
	ByID     []string `json:"by_id,omitempty"`
	ByEmail  []string `json:"by_email,omitempty"`
	ByNumber []string `json:"by_number,omitempty"`
}

// Check lists what is wrong with a dossier, one sentence each.
func (d Dossier) Check() []string {
	var problems []string
	if !tableName.MatchString(d.Table) {
		problems = append(problems, fmt.Sprintf("%q is not the name of a table.", d.Table))
	}
	if len(d.ByID)+len(d.ByEmail)+len(d.ByNumber) == 0 {
		problems = append(problems, "It names no column by which a person is found.")
	}
	for _, column := range slices.Concat(d.ByID, d.ByEmail, d.ByNumber) {
		if !columnName.MatchString(column) {
			problems = append(problems, fmt.Sprintf("%q is not the name of a column.", column))
		}
	}
	_, wrong := parseQuery(d.Query)
	for _, w := range wrong {
		problems = append(problems, "The query: "+w+".")
	}
	return problems
}

// About finds the records of the dossier that name the person, by their numbers.
// A table that the instance does not have, because the plugin that brings it is
// off, holds none. *fault.Denied says that access rules hide some: then nobody
// can say that there are none.
func (c *Client) About(ctx context.Context, d Dossier, p Person) ([]string, error) {
	selects, problems := parseQuery(d.Query)
	if len(problems) > 0 {
		return nil, &fault.Invalid{Message: "the query of " + d.Table + " cannot be used", Problems: problems}
	}
	found := map[string]bool{}
	for _, by := range []struct {
		value   string
		columns []string
	}{{p.SysID, d.ByID}, {p.Email, d.ByEmail}, {p.EmployeeNumber, d.ByNumber}} {
		for _, column := range by.columns {
			if by.value == "" {
				continue
			}
			named, err := where(column, by.value)
			if err != nil {
				return nil, err
			}
			rows, err := c.all(ctx, listing{
				what: "ServiceNow: looking for records of " + d.Table + " about somebody", table: d.Table,
				q: selects.and(named), columns: []string{ticketNumber}, whole: true,
			})
			if noSuchTable(err) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			for _, r := range rows {
				found[r[ticketNumber]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// noSuchTable reports whether an instance answered that it lacks a table.
func noSuchTable(err error) bool {
	return fault.Is[*fault.Invalid](err) && strings.Contains(err.Error(), "Invalid table")
}
