package oktasim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// listLogs is GET /api/v1/logs. Without `until` and in ascending order the
// request polls: it goes by the time of persistence, so that late events are
// not skipped, and always carries a next link, also when it is empty. With
// `until` it is bounded and goes by the time of publication: events stored late
// appear in a range already read, and there is a next link only while there is
// more (developer.okta.com/docs/reference/system-log-query).
func (s *Sim) listLogs(c *call) (answer, *Error) {
	if refusal := c.only("since", "until", "after", "filter", "q", "limit", "sortOrder"); refusal != nil {
		return answer{}, refusal
	}
	limit, refusal := c.limit(100, 1000)
	if refusal != nil {
		return answer{}, refusal
	}
	cursor, refusal := c.cursor()
	if refusal != nil {
		return answer{}, refusal
	}
	since, refusal := c.date("since")
	if refusal != nil {
		return answer{}, refusal
	}
	until, refusal := c.date("until")
	if refusal != nil {
		return answer{}, refusal
	}
	order := c.query.Get("sortOrder")
	if order != "" && order != "ASCENDING" && order != "DESCENDING" {
		return answer{}, invalid("sortOrder", "sortOrder: must be ASCENDING or DESCENDING")
	}
	matches, refusal := logMatcher(c)
	if refusal != nil {
		return answer{}, refusal
	}
	if until.IsZero() && order != "DESCENDING" {
		return s.pollLogs(c, since, cursor, limit, matches)
	}
	return s.boundedLogs(c, since, until, cursor, limit, matches)
}

func (c *call) date(name string) (time.Time, *Error) {
	text := c.query.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, refuse("E0000030")
	}
	return t, nil
}

// logDefault is how far back a request without `since` goes (spec, listLogEvents).
const logDefault = 7 * 24 * time.Hour

func (s *Sim) pollLogs(c *call, since time.Time, cursor, limit int, matches func(*event) bool) (answer, *Error) {
	if since.IsZero() {
		since = c.now.Add(-logDefault)
	}
	last := cursor
	bodies := []map[string]any{}
	for seq, e := range s.org.log.after(cursor) {
		if cursor == 0 && e.persisted.Before(since) {
			continue
		}
		if !matches(e) {
			continue
		}
		if len(bodies) == limit {
			break
		}
		bodies, last = append(bodies, e.body), seq
	}
	if last == 0 {
		// Nothing yet: the next page starts behind what is there now.
		last = s.org.seq
	}
	return c.linked(bodies, encodeCursor(last))
}

func (s *Sim) boundedLogs(c *call, since, until time.Time, cursor, limit int, matches func(*event) bool) (answer, *Error) {
	if until.IsZero() {
		until = c.now
	}
	if since.IsZero() {
		since = until.Add(-logDefault)
	}
	var found []*event
	for e := range s.org.log.all() {
		if !e.published.Before(since) && e.published.Before(until) && matches(e) {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b *event) int { return a.published.Compare(b.published) })
	if c.query.Get("sortOrder") == "DESCENDING" {
		slices.Reverse(found)
	}
	// The cursor of a bounded request counts events of its own, fixed range.
	found = found[min(cursor, len(found)):]
	next := 0
	if len(found) > limit {
		found, next = found[:limit], cursor+limit
	}
	bodies := make([]map[string]any, 0, len(found))
	for _, e := range found {
		bodies = append(bodies, e.body)
	}
	return c.paged(bodies, next)
}

// logOperators are those simulated of the ones the spec allows ("all operators
// except [ ] are supported").
var logOperators = []string{"eq", "ne", "gt", "ge", "lt", "le", "sw", "ew", "co", "pr"}

func logMatcher(c *call) (func(*event) bool, *Error) {
	var filter condition
	if text := c.query.Get("filter"); text != "" {
		d := dialect{fold: true, not: true, accept: func(_, op string) bool { return slices.Contains(logOperators, op) }}
		compiled, err := d.compile(text)
		if err != nil {
			return nil, refuse("E0000031", err.Error())
		}
		filter = compiled
	}
	words := strings.Fields(strings.ToLower(c.query.Get("q")))
	return func(e *event) bool {
		if filter != nil && !filter.holds(e.values) {
			return false
		}
		return len(words) == 0 || e.contains(words)
	}, nil
}

// values walks a dotted path through the event; lists count with each element.
func (e *event) values(path string) []any {
	found := []any{any(e.body)}
	for name := range strings.SplitSeq(path, ".") {
		var next []any
		for _, value := range found {
			if object, isObject := value.(map[string]any); isObject && object[name] != nil {
				next = append(next, flatten(object[name])...)
			}
		}
		found = next
	}
	return found
}

func flatten(value any) []any {
	switch value := value.(type) {
	case []any:
		all := make([]any, 0, len(value))
		for _, element := range value {
			all = append(all, flatten(element)...)
		}
		return all
	case int:
		return []any{float64(value)}
	}
	return []any{value}
}

func (e *event) contains(words []string) bool {
	encoded, err := json.Marshal(e.body)
	if err != nil {
		return false
	}
	haystack := strings.ToLower(string(encoded))
	for _, word := range words {
		if !strings.Contains(haystack, word) {
			return false
		}
	}
	return true
}
