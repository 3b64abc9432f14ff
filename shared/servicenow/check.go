package servicenow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifecycle/shared/fault"
)

// CheckStates holds a kind against the instance, for an operator who has just
// configured it: its states and closing codes against the choices of the table
// (sys_choice), its columns, and its groups. It returns *fault.Invalid with one
// sentence for each thing that does not fit.
func (c *Client) CheckStates(ctx context.Context, k Kind) error {
	var problems []string
	for _, check := range []func(context.Context, Kind) ([]string, error){c.checkChoices, c.checkColumns, c.checkGroups} {
		found, err := check(ctx, k)
		if err != nil {
			return err
		}
		problems = append(problems, found...)
	}
	if len(problems) == 0 {
		return nil
	}
	return &fault.Invalid{Message: "the configuration of the " + k.Name + " tickets does not fit the instance", Problems: problems}
}

// checkChoices compares with the choices of the table or, where it has none of
// its own for a column, of task. A column without choices takes anything.
func (c *Client) checkChoices(ctx context.Context, k Kind) ([]string, error) {
	wanted := map[string]map[string]string{} // column, value, phase
	want := func(column, value string, p Phase) {
		if wanted[column] == nil {
			wanted[column] = map[string]string{}
		}
		wanted[column][value] = string(p)
	}
	for _, p := range phases {
		for _, v := range k.States[p].Values {
			want(stateColumn, v, p)
		}
		for column, v := range k.States[p].Set {
			want(column, v, p)
		}
	}
	columns := slices.Sorted(maps.Keys(wanted))
	rows, err := c.all(ctx, listing{
		what: "ServiceNow: reading the choices of " + k.Table, table: "sys_choice",
		q:       query{{nameColumn, in, []string{k.Table, tasks}}, {elementColumn, in, columns}, {"inactive", equals, []string{no}}},
		columns: []string{valueColumn},
	})
	if err != nil {
		return nil, err
	}
	choices := map[string][]string{} // "table.column"
	for _, r := range rows {
		at := r[nameColumn] + "." + r[elementColumn]
		choices[at] = append(choices[at], r[valueColumn])
	}
	var problems []string
	for _, column := range columns {
		valid := choices[k.Table+"."+column]
		if len(valid) == 0 {
			valid = choices["task."+column]
		}
		if len(valid) == 0 && column != stateColumn {
			continue
		}
		for _, value := range slices.Sorted(maps.Keys(wanted[column])) {
			if !slices.Contains(valid, value) {
				problems = append(problems, fmt.Sprintf("%s.%s has no choice %q, which is to mean %s.", k.Table, column, value, wanted[column][value]))
			}
		}
	}
	return problems, nil
}

// checkColumns asks for one ticket with all the kind's columns: those the table
// does not have are missing from the answer. In an empty table nothing can be
// told.
func (c *Client) checkColumns(ctx context.Context, k Kind) ([]string, error) {
	columns, _ := k.columns()
	q, err := k.selects()
	if err != nil {
		return nil, err
	}
	l := listing{
		what: "ServiceNow: reading a row of " + k.Table, table: k.Table, size: 1,
		columns: slices.Concat(ticketColumns, k.ownColumns(), columns, q.columns()),
	}
	for _, err := range c.list(ctx, l) {
		if fault.Is[*fault.Invalid](err) {
			return []string{err.Error() + "."}, nil
		}
		return nil, err
	}
	return nil, nil
}

func (c *Client) checkGroups(ctx context.Context, k Kind) ([]string, error) {
	var problems []string
	for _, name := range slices.Compact([]string{k.ReturnGroup, k.EscalationGroup}) {
		_, err := c.GroupSysID(ctx, name)
		switch {
		case fault.Is[*fault.NotFound](err), fault.Is[*fault.Invalid](err):
			problems = append(problems, strings.TrimSuffix(err.Error(), ".")+".")
		case err != nil:
			return nil, err
		}
	}
	return problems, nil
}
