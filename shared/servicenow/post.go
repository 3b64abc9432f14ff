package servicenow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// Posting is one write to a ticket: notes and columns together, or neither.
type Posting struct {
	// Key tells this posting from others to the same ticket. A posting is made
	// once per key, however often it is asked for.
	Key string
	// Comment is read by requester and watchers, WorkNote by those who work on
	// the ticket.
	Comment, WorkNote string
	// Set are columns to write, such as Kind.Columns gives. To watch_list and
	// work_notes_list the value is added; in others it replaces what was there.
	Set map[string]string
}

// Post writes to the ticket, once per key: also when the function dies between
// ServiceNow's work and its answer, or when the ledger could not note that it
// was done. Each note ends in a line "[record <stream>/<number>] [ref 1a2b3c4d5e]",
// by which its proof in the ledger is found, and the note itself again.
//
// *fault.Denied says that ServiceNow took the note but left a column as it was:
// an access rule, a data policy or a business rule keeps it, and the instance
// answers 200 all the same. *fault.Unavailable says that it is not known whether
// the posting was made; the next attempt finds out.
func (c *Client) Post(ctx context.Context, ref Ref, p Posting, why audit.Reason) error {
	if err := ref.check(); err != nil {
		return err
	}
	if p.Key == "" {
		return &fault.Invalid{Message: "a note without a key would be repeated; nothing was written to " + ref.String()}
	}
	notes := map[string]string{}
	for column, text := range map[string]string{publicNotes: p.Comment, internalNotes: p.WorkNote} {
		if strings.TrimSpace(text) != "" {
			notes[column] = marked(text, p.Key)
		}
	}
	if len(notes)+len(p.Set) == 0 {
		return nil
	}
	w := posting{ref: ref, set: p.Set, notes: notes}
	a := addition{
		change: audit.Change{System: system, Verb: "ticket.update", Target: ref.String(), Reason: why, Key: p.Key, After: w.after()},
		add: func(ctx context.Context, attempt audit.Attempt) (audit.Effect, error) {
			return c.post(ctx, w, p.Key, attempt.Record)
		},
	}
	if len(notes) > 0 {
		a.look = func(ctx context.Context) (bool, audit.Effect, error) { return c.posted(ctx, w, p.Key) }
	}
	effect, err := c.once(ctx, a)
	if err != nil {
		return err
	}
	if ignored := ignoredColumns(effect.After); len(ignored) > 0 {
		return &fault.Denied{Message: fmt.Sprintf(
			"ServiceNow accepted the update of %s but left %s as it was: the column does not exist, or an access rule, a data policy or a business rule keeps it. Set it by hand, and let the integration write it",
			ref, strings.Join(ignored, ", "))}
	}
	return nil
}

// posting is a Posting made ready to be sent.
type posting struct {
	ref        Ref
	set, notes map[string]string
}

// after is what the ledger keeps of a posting: not the text of its notes, which
// may hold a login, but which columns were written, the new state, and the
// columns that did not take their value.
func (w posting) after(ignored ...string) map[string]any {
	kept := map[string]any{"columns": slices.Sorted(maps.Keys(w.set)), "notes": slices.Sorted(maps.Keys(w.notes))}
	if state := w.set[stateColumn]; state != "" {
		kept[stateColumn] = state
	}
	if len(ignored) > 0 {
		kept["ignored"] = ignored
	}
	return kept
}

// ignoredColumns reads them back, from a posting just made or from the ledger.
func ignoredColumns(after any) []string {
	kept, _ := after.(map[string]any)
	switch list := kept["ignored"].(type) {
	case []string:
		return list
	case []any:
		names := make([]string, len(list))
		for i, name := range list {
			names[i], _ = name.(string)
		}
		return names
	}
	return nil
}

func (c *Client) post(ctx context.Context, w posting, key, record string) (audit.Effect, error) {
	values, err := c.widened(ctx, w)
	if err != nil {
		return audit.Effect{}, err
	}
	for column, note := range w.notes {
		values[column] = recorded(note, key, record)
	}
	now, out, err := c.write(ctx, "ServiceNow: updating "+w.ref.String(), w.ref, values, len(w.notes) == 0, w.columns()...)
	if err != nil {
		return audit.Effect{}, err
	}
	return audit.Effect{After: w.after(w.ignored(now)...), RequestID: out.requestID}, nil
}

// posted looks whether an earlier attempt made the posting. Its columns were
// written in the same transaction as its notes; what they hold is checked as
// after a posting just made.
func (c *Client) posted(ctx context.Context, w posting, key string) (bool, audit.Effect, error) {
	found, err := c.journalHolds(ctx, w.ref, key)
	if err != nil || !found || len(w.set) == 0 {
		return found, audit.Effect{After: w.after()}, err
	}
	now, err := c.get(ctx, w.ref, w.columns())
	return true, audit.Effect{After: w.after(w.ignored(now)...)}, err
}

func (w posting) columns() []string { return slices.Sorted(maps.Keys(w.set)) }

// ignored lists the columns that do not hold what was written to them.
func (w posting) ignored(now row) []string {
	var ignored []string
	for _, column := range w.columns() {
		if got, present := now[column]; !present || !took(column, w.set[column], got) {
			ignored = append(ignored, column)
		}
	}
	return ignored
}

// addedTo are the columns that hold lists of people: writing replaces the whole
// list, and whoever watched the ticket before is to go on doing so.
var addedTo = []string{"watch_list", "work_notes_list"}

// widened are the columns to write, lists with the members they have.
func (c *Client) widened(ctx context.Context, w posting) (map[string]string, error) {
	values := map[string]string{}
	var lists []string
	for column, value := range w.set {
		values[column] = value
		if slices.Contains(addedTo, column) {
			lists = append(lists, column)
		}
	}
	if len(lists) == 0 {
		return values, nil
	}
	now, err := c.get(ctx, w.ref, lists)
	if err != nil {
		return nil, err
	}
	for _, column := range lists {
		members := membersOf(now[column])
		for _, m := range membersOf(values[column]) {
			if !slices.Contains(members, m) {
				members = append(members, m)
			}
		}
		values[column] = strings.Join(members, ",")
	}
	return values, nil
}

func membersOf(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// shortestCut is the least that a column holds of a text that was cut to its
// length.
const shortestCut = 40

// took reports whether a column holds what was written to it.
func took(column, asked, got string) bool {
	if slices.Contains(addedTo, column) {
		members := membersOf(got)
		return !slices.ContainsFunc(membersOf(asked), func(m string) bool { return !slices.Contains(members, m) })
	}
	asked, got = strings.TrimSpace(asked), strings.TrimSpace(got)
	return asked == got || len(got) >= shortestCut && strings.HasPrefix(asked, got)
}
