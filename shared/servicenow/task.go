package servicenow

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// correlation is the column by which what we have made is found again. An
// instance does not keep it unique: the ledger does.
const correlation = "correlation_id"

// ticketNumber is the column that people call a ticket by.
const ticketNumber = "number"

// mostCorrelation is the length of the column, in characters.
const mostCorrelation = 100

// NewTask is a record that is to be made in a table made from task.
type NewTask struct {
	// Table is where it is made, such as "sc_task".
	Table string
	// Key becomes its correlation_id and tells it from all others; at most 100
	// characters.
	Key string
	// Values are its other columns.
	Values map[string]string
}

// Made is a record that was made.
type Made struct {
	Ref
	Number string
}

// CreateTask makes the record, once per key in the context's stream of the
// ledger: also when the function dies between ServiceNow's work and its answer.
// The ledger keeps the names of its columns, not their values.
func (c *Client) CreateTask(ctx context.Context, t NewTask, why audit.Reason) (Made, error) {
	if !tableName.MatchString(t.Table) || refusedValue(t.Key) != "" || len([]rune(t.Key)) > mostCorrelation {
		return Made{}, &fault.Invalid{Message: fmt.Sprintf("a record of %q was to be made without a table or a key that it could be found by", t.Table)}
	}
	values := maps.Clone(t.Values)
	if values == nil {
		values = map[string]string{}
	}
	values[correlation] = t.Key
	columns := slices.Sorted(maps.Keys(values))
	effect := func(r row, requestID string) audit.Effect {
		return audit.Effect{After: map[string]any{idColumn: r[idColumn], ticketNumber: r[ticketNumber], "columns": columns}, RequestID: requestID}
	}
	made, err := c.once(ctx, addition{
		change: audit.Change{System: system, Verb: "task.create", Target: t.Table, Reason: why, Key: t.Key, After: map[string]any{"columns": columns}},
		look: func(ctx context.Context) (bool, audit.Effect, error) {
			r, found, err := c.correlated(ctx, t)
			return found, effect(r, ""), err
		},
		add: func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
			r, out, err := c.write(ctx, "ServiceNow: making a record of "+t.Table, Ref{Table: t.Table}, values, false, ticketNumber, correlation)
			if err == nil && r[correlation] != t.Key {
				err = &fault.Denied{Message: fmt.Sprintf("ServiceNow made %s/%s without its correlation_id, by which it would be found again: let the integration write that column, and close the record by hand", t.Table, r[idColumn])}
			}
			return effect(r, out.requestID), err
		},
	})
	if err != nil {
		return Made{}, err
	}
	kept, _ := made.After.(map[string]any)
	id, _ := kept[idColumn].(string)
	number, _ := kept[ticketNumber].(string)
	if id == "" {
		return Made{}, &fault.Conflict{Message: fmt.Sprintf("the ledger does not say which record of %s was made", t.Table)}
	}
	return Made{Ref: Ref{t.Table, id}, Number: number}, nil
}

// correlated looks for the record that an earlier attempt made.
func (c *Client) correlated(ctx context.Context, t NewTask) (row, bool, error) {
	wanted, err := where(correlation, t.Key)
	if err != nil {
		return nil, false, err
	}
	rows, err := c.all(ctx, listing{
		what: "ServiceNow: looking for a record of " + t.Table + " by correlation_id", table: t.Table, whole: true,
		q: query{wanted}, columns: []string{ticketNumber},
	})
	if err != nil || len(rows) == 0 {
		return nil, false, err
	}
	return rows[0], true, nil
}
