package servicenow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/fault"
)

// Ticket is a ticket as it stood when it was read.
type Ticket struct {
	Ref
	Number string
	Phase  Phase
	// OpenedBy is the sys_id of who opened it.
	OpenedBy string
	// Updated is when it was last changed, to the second, and UpdatedBy the user
	// name of who did it.
	Updated   time.Time
	UpdatedBy string

	values map[string]string
}

// ticketColumns are read for every ticket.
var ticketColumns = []string{"number", stateColumn, "opened_by", "sys_updated_on", "sys_updated_by"}

// Own reports whether the ticket was last changed by this integration, so that
// nobody has touched it since. It is true, too, when the integration does not
// know its own user name.
func (c *Client) Own(t Ticket) bool { return c.user == "" || strings.EqualFold(t.UpdatedBy, c.user) }

// Value is what the ticket says for a field of its kind, as it is stored: a
// reference is a sys_id. It is empty for a field that the kind does not have.
func (t Ticket) Value(name string) string { return t.values[name] }

// Fingerprint is a hash that changes with every value the ticket asks for, and
// when it is finished or opened again. It stays the same through notes,
// assignments, and the states in between.
func (t Ticket) Fingerprint() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(t.values)) {
		fmt.Fprintf(h, "%q=%q\n", name, strings.TrimSpace(t.values[name]))
	}
	fmt.Fprintf(h, "unfinished=%t\n", t.Unfinished())
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Unfinished reports whether the ticket is still to be carried out.
func (t Ticket) Unfinished() bool { return slices.Contains(unfinished, t.Phase) }

// Ticket reads one ticket. It is *fault.NotFound when there is none or when it
// is not of this kind, *fault.Invalid when its state belongs to no phase of the
// kind or when the table lacks one of the kind's columns, and *fault.Unavailable
// when its catalog variables are not there yet.
func (c *Client) Ticket(ctx context.Context, k Kind, sysID string) (Ticket, error) {
	q, err := k.selects()
	if err != nil {
		return Ticket{}, err
	}
	columns, variables := k.columns()
	ref := Ref{k.Table, sysID}
	r, err := c.get(ctx, ref, slices.Concat(ticketColumns, k.ownColumns(), columns, q.columns()))
	if err != nil {
		return Ticket{}, err
	}
	if !q.holds(r) {
		return Ticket{}, &fault.NotFound{Message: fmt.Sprintf("%s (%s) is not a ticket for %s: those satisfy %s", r["number"], ref, k.Name, k.Query)}
	}
	var answered map[string]answers
	if len(variables) > 0 {
		if answered, err = c.variables(ctx, k, []row{r}); err != nil {
			return Ticket{}, err
		}
		if err := answered[sysID].demand(k, r["number"], variables); err != nil {
			return Ticket{}, err
		}
	}
	return k.ticket(r, answered[sysID])
}

// ticket makes a ticket of a row and the answers to its catalog variables.
func (k Kind) ticket(r row, a answers) (Ticket, error) {
	phase, known := k.phase(r[stateColumn])
	if !known {
		return Ticket{}, &fault.Invalid{Message: fmt.Sprintf(
			"%s has the state %q, which means nothing for %s tickets as they are configured", r["number"], r[stateColumn], k.Name)}
	}
	t := Ticket{
		Ref: Ref{k.Table, r[idColumn]}, Number: r["number"], Phase: phase, OpenedBy: r["opened_by"],
		Updated: r.moment("sys_updated_on"), UpdatedBy: r["sys_updated_by"], values: map[string]string{},
	}
	for name, from := range k.Fields {
		if variable, ok := strings.CutPrefix(from, variablePrefix); ok {
			t.values[name] = a.values[variable]
			continue
		}
		t.values[name] = r[from]
	}
	return t, nil
}

// OpenTickets reads the tickets of a kind that are still to be carried out, in
// the order of their sys_ids. It ends with the first error. A catalog variable
// that a ticket lacks reads as empty here; Ticket says that it is missing.
func (c *Client) OpenTickets(ctx context.Context, k Kind) iter.Seq2[Ticket, error] {
	return func(yield func(Ticket, error) bool) {
		q, err := k.selects()
		if err != nil {
			yield(Ticket{}, err)
			return
		}
		columns, variables := k.columns()
		rows := c.list(ctx, listing{
			what: "ServiceNow: listing the open " + k.Name + " tickets", table: k.Table,
			q:       q.and(condition{stateColumn, in, k.values(unfinished)}),
			columns: slices.Concat(ticketColumns, k.ownColumns(), columns),
		})
		size := 1
		if len(variables) > 0 {
			size = batchSize
		}
		for batch, err := range batches(rows, size) {
			var answered map[string]answers
			if err == nil && len(variables) > 0 {
				answered, err = c.variables(ctx, k, batch)
			}
			if err != nil {
				yield(Ticket{}, err)
				return
			}
			for _, r := range batch {
				t, err := k.ticket(r, answered[r[idColumn]])
				if !yield(t, err) || err != nil {
					return
				}
			}
		}
	}
}

// batchSize keeps a query that names every row's sys_id within a URL.
const batchSize = 100

func batches(rows iter.Seq2[row, error], size int) iter.Seq2[[]row, error] {
	return func(yield func([]row, error) bool) {
		var batch []row
		for r, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if batch = append(batch, r); len(batch) == size {
				if !yield(batch, nil) {
					return
				}
				batch = nil
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}
