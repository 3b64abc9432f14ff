package servicenow

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"lifecycle/shared/fault"
)

func tablePath(table string) string { return "/api/now/v2/table/" + table }

// parameters are those that every call of the Table API carries: stored values
// rather than displayed ones, references without their links.
func parameters(columns []string) url.Values {
	return url.Values{
		"sysparm_fields":                 {strings.Join(distinct(columns), ",")},
		"sysparm_display_value":          {no},
		"sysparm_exclude_reference_link": {yes},
	}
}

func distinct(columns []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(append([]string{idColumn}, columns...))))
}

// get reads one record.
func (c *Client) get(ctx context.Context, ref Ref, columns []string) (row, error) {
	if err := ref.check(); err != nil {
		return nil, err
	}
	what := "ServiceNow: reading " + ref.String()
	out, err := c.do(ctx, call{
		what: what, method: http.MethodGet, path: tablePath(ref.Table) + "/" + ref.SysID,
		query: parameters(columns), repeatable: true,
	})
	if err != nil {
		return nil, err
	}
	var r row
	if err := json.Unmarshal(out.result, &r); err != nil || len(r) == 0 {
		return nil, &fault.Unavailable{Message: what + " got an answer without a record"}
	}
	if err := r.complete(what, ref.Table, columns); err != nil {
		return nil, err
	}
	if r[idColumn] != ref.SysID {
		return nil, &fault.Unavailable{Message: what + " got another record"}
	}
	return r, nil
}

// complete refuses an answer that lacks a column that was asked for: the Table
// API leaves out what it does not know, and a value that is merely absent must
// not be read as one that is empty.
func (r row) complete(what, table string, columns []string) error {
	var missing []string
	for _, name := range distinct(columns) {
		if _, present := r[name]; !present {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, broken := r["error"]; broken && len(r) <= 2 {
		// A transaction that was cancelled puts its error after the rows.
		return &fault.Unavailable{Message: what + " was broken off in the middle of the result"}
	}
	return &fault.Invalid{Message: fmt.Sprintf("%s: the table %s has no column %s, or the integration may not read it", what, table, strings.Join(missing, ", "))}
}

// listing is a list of rows to read.
type listing struct {
	what, table string
	q           query
	columns     []string
	// whole refuses to go on where access rules hide rows, because absence is
	// to be concluded from.
	whole bool
	// size is how many rows to ask for at a time; 0 means the client's page size.
	size int
}

// list reads the rows of a table that satisfy the query, in the order of their
// sys_ids, page by page. A row that does not satisfy it is left out: the
// instance compares more loosely (accents, trailing blanks), or ignored a part
// of it.
//
// The page limit is applied before access rules, so a page can be short or empty
// in the middle; X-Total-Count, which counts hidden rows too, says when to stop.
func (c *Client) list(ctx context.Context, l listing) iter.Seq2[row, error] {
	l.columns = append(l.q.columns(), l.columns...)
	if l.size == 0 {
		l.size = c.pageSize
	}
	return func(yield func(row, error) bool) {
		seen := map[string]bool{}
		last, skip := "", 0
		for {
			rows, total, err := c.page(ctx, l, last, skip)
			if err != nil {
				yield(nil, err)
				return
			}
			before := len(seen)
			for _, r := range rows {
				if seen[r[idColumn]] {
					continue
				}
				last, seen[r[idColumn]] = r[idColumn], true
				if l.q.holds(r) && !yield(r, nil) {
					return
				}
			}
			switch {
			case len(rows) > 0 && len(seen) == before:
				yield(nil, &fault.Unavailable{Message: l.what + " got the same page twice"})
				return
			case total < 0 && len(rows) == 0, total >= 0 && total <= skip+l.size:
				return
			case len(rows) == 0:
				skip += l.size // everything on this page is hidden from us
			default:
				skip = 0
			}
		}
	}
}

// page reads one page of the rows behind last. total counts the rows from there
// on, those to skip and hidden ones included; -1 when the instance does not say.
func (c *Client) page(ctx context.Context, l listing, last string, skip int) (rows []row, total int, err error) {
	encoded := l.q.String()
	if last != "" {
		if why := refusedValue(last); why != "" {
			return nil, 0, &fault.Conflict{Message: l.what + " came upon a sys_id that cannot be searched for: " + why}
		}
		encoded = strings.TrimPrefix(encoded+"^sys_id>"+last, "^")
	}
	parameters := parameters(l.columns)
	parameters.Set("sysparm_query", strings.TrimPrefix(encoded+"^ORDERBYsys_id", "^"))
	parameters.Set("sysparm_limit", strconv.Itoa(l.size))
	if skip > 0 {
		parameters.Set("sysparm_offset", strconv.Itoa(skip))
	}
	out, err := c.do(ctx, call{what: l.what, method: http.MethodGet, path: tablePath(l.table), query: parameters, repeatable: true})
	if err != nil {
		return nil, 0, err
	}
	if err := json.Unmarshal(out.result, &rows); err != nil {
		return nil, 0, &fault.Unavailable{Message: l.what + " got an answer that is not a list of records"}
	}
	for _, r := range rows {
		if err := r.complete(l.what, l.table, l.columns); err != nil {
			return nil, 0, err
		}
	}
	if l.whole && len(rows) < min(out.total-skip, l.size) {
		return nil, 0, &fault.Denied{Message: l.what + " cannot be relied on: an access rule hides rows of " + l.table + " from the integration"}
	}
	return rows, out.total, nil
}

// all reads a list to its end.
func (c *Client) all(ctx context.Context, l listing) ([]row, error) {
	var rows []row
	for r, err := range c.list(ctx, l) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// write sends values to a record, or with an empty sys_id makes a new one, and
// returns the record as it stands afterwards.
func (c *Client) write(ctx context.Context, what string, ref Ref, values map[string]string, repeatable bool, columns ...string) (row, answer, error) {
	body, err := json.Marshal(values)
	if err != nil {
		return nil, answer{}, &fault.Invalid{Message: what + " could not be put into a request"}
	}
	w := call{
		what: what, method: http.MethodPatch, path: tablePath(ref.Table) + "/" + ref.SysID,
		query: parameters(columns), body: body, contentType: "application/json", repeatable: repeatable,
	}
	if ref.SysID == "" {
		w.method, w.path = http.MethodPost, tablePath(ref.Table)
	}
	out, err := c.do(ctx, w)
	if err != nil {
		return nil, answer{}, err
	}
	var r row
	if err := json.Unmarshal(out.result, &r); err != nil || r[idColumn] == "" {
		return nil, answer{}, &fault.Unavailable{Message: what + " got an answer without the record"}
	}
	return r, out, nil
}
