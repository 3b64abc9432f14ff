package snowsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// defaultLimit is sysparm_limit's (docs: c_TableAPI).
const defaultLimit = 10000

func (s *Sim) tableOf(c *call) (*table, *Error) {
	t := s.tables[c.params["table"]]
	if t == nil {
		return nil, invalidTable(c.params["table"])
	}
	return t, nil
}

// listRecords answers a query. The limit is applied before access rules, and
// X-Total-Count counts what they hide (docs: c_TableAPI, sysparm_limit).
func (s *Sim) listRecords(c *call) (answer, *Error) {
	t, refusal := s.tableOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	window, header, refusal := s.search(c, t, defaultLimit)
	if refusal != nil {
		return answer{}, refusal
	}
	result := make([]map[string]any, 0, len(window))
	for _, r := range window {
		if s.may(c.user, reading, r) {
			result = append(result, s.render(c, t, r))
		}
	}
	if len(result) == 0 && c.prefix == apiRoot+"/v1" {
		// Version 1 takes nothing for an error (docs: c_TableAPI, api_version).
		// Without a version the latest is called.
		return answer{}, noRecord()
	}
	return answer{status: http.StatusOK, body: result, header: header}, nil
}

// search finds the page that a call asks for.
func (s *Sim) search(c *call, t *table, limit int) ([]*record, http.Header, *Error) {
	q := parseQuery(c.query.Get("sysparm_query"))
	if !c.query.Has("sysparm_query") {
		for name := range c.query {
			if !strings.HasPrefix(name, "sysparm_") {
				q.pair(name, c.query.Get(name))
			}
		}
	}
	if len(q.foreign) > 0 {
		return nil, nil, refuse(http.StatusBadRequest, "Not simulated", "The query uses "+strings.Join(q.foreign, ", ")+", which ServiceNow understands and the simulator does not")
	}
	f := s.compile(t, q)
	if slices.ContainsFunc(f.columns, func(p path) bool { return s.veiled(c.user, p) }) {
		return nil, nil, unreadableColumn()
	}
	found := f.rows()
	limit, offset := c.number("sysparm_limit", limit), c.number("sysparm_offset", 0)
	header := http.Header{}
	if !c.flag("sysparm_no_count") {
		header.Set("X-Total-Count", strconv.Itoa(len(found)))
		if !c.flag("sysparm_suppress_pagination_header") {
			header.Set("Link", c.pages(limit, offset, len(found)))
		}
	}
	from := min(offset, len(found))
	return found[from:min(from+limit, len(found))], header, nil
}

// pages is the Link header, all relations in one line (seen; docs: c_TableAPI,
// Link).
func (c *call) pages(limit, offset, total int) string {
	link := func(offset int, rel string) string {
		query := make([]string, 0, 4)
		for part := range strings.SplitSeq(c.request.URL.RawQuery, "&") {
			if name, _, _ := strings.Cut(part, "="); part != "" && name != "sysparm_offset" {
				query = append(query, part)
			}
		}
		query = append(query, "sysparm_offset="+strconv.Itoa(offset))
		return fmt.Sprintf(`<%s%s?%s>;rel="%s"`, c.base, c.request.URL.EscapedPath(), strings.Join(query, "&"), rel)
	}
	links := []string{link(0, "first")}
	if offset > 0 {
		links = append(links, link(max(0, offset-limit), "prev"))
	}
	if offset+limit < total {
		links = append(links, link(offset+limit, "next"))
	}
	last := 0
	if limit > 0 && total > 0 {
		last = (total - 1) / limit * limit
	}
	return strings.Join(append(links, link(last, "last")), ",")
}

// recordOf finds the record that the path names. One that an access rule hides
// does not exist for the caller.
func (s *Sim) recordOf(c *call) (*table, *record, *Error) {
	t, refusal := s.tableOf(c)
	if refusal != nil {
		return nil, nil, refusal
	}
	r := t.shelf.find(c.params["id"])
	if r == nil || !r.table.is(t.name) || !s.may(c.user, reading, r) {
		return nil, nil, noRecord()
	}
	return t, r, nil
}

func (s *Sim) getRecord(c *call) (answer, *Error) {
	t, r, refusal := s.recordOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	return ok(s.render(c, t, r))
}

func (s *Sim) createRecord(c *call) (answer, *Error) {
	t, refusal := s.tableOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	values, refusal := c.values()
	if refusal != nil {
		return answer{}, refusal
	}
	r, refusal := s.insert(c.user, t, values)
	if refusal != nil {
		return answer{}, refusal
	}
	header := http.Header{}
	header.Set("Location", c.base+c.prefix+"/table/"+t.name+"/"+url.PathEscape(r.id))
	return answer{status: http.StatusCreated, body: s.render(c, t, r), header: header}, nil
}

func (s *Sim) updateRecord(c *call) (answer, *Error) {
	t, r, refusal := s.recordOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	values, refusal := c.values()
	if refusal != nil {
		return answer{}, refusal
	}
	for name := range values {
		if t.column(name) == nil && !s.grows(t, name) {
			delete(values, name) // a column of the record's own class, not of the table in the path
		}
	}
	if refusal := s.update(c.user, r, values); refusal != nil {
		return answer{}, refusal
	}
	return ok(s.render(c, t, r))
}

func (s *Sim) deleteRecord(c *call) (answer, *Error) {
	_, r, refusal := s.recordOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	if refusal := s.remove(c.user, r); refusal != nil {
		return answer{}, refusal
	}
	return answer{status: http.StatusNoContent}, nil
}
