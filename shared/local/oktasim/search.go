package oktasim

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// userFilter is the grammar of ?filter= on users: few properties, eq only, but
// for lastUpdated; values compare with case (spec, listUsers).
var userFilter = dialect{accept: func(path, op string) bool {
	switch path {
	case "lastUpdated":
		return slices.Contains([]string{"eq", "gt", "ge", "lt", "le"}, op)
	case "status", "id", "profile.login", "profile.email", "profile.firstName", "profile.lastName":
		return op == "eq"
	}
	return false
}}

// userSearch is the grammar of ?search= on users: every property, no "ne" and no
// "not", "co" on four attributes only; values compare without case (spec,
// listUsers).
var userSearch = dialect{fold: true, accept: func(path, op string) bool {
	switch op {
	case "co":
		return slices.Contains([]string{"profile.firstName", "profile.lastName", "profile.email", "profile.login"}, path)
	case "eq", "sw", "gt", "ge", "lt", "le", "pr":
		return strings.HasPrefix(path, "profile.") || slices.Contains([]string{"id", "status", "created", "activated", "statusChanged", "lastUpdated", "type.id"}, path)
	}
	return false
}}

// searchUsers goes by what search has been told so far, which may be older than
// what a read by id shows, and shows that older version too.
func (s *Sim) searchUsers(c *call, expression string, cursor, limit int) (answer, *Error) {
	compiled, err := userSearch.compile(expression)
	if err != nil {
		return answer{}, refuse("E0000031", err.Error())
	}
	matches := func(u *user) bool {
		shown, found := s.searchable(u, c.now)
		return found && compiled.holds(u.attributes(shown))
	}
	var found []*user
	var next int
	if few, indexed := s.candidates(compiled); indexed {
		var page ordered[*user]
		for _, u := range few {
			page.add(u.seq, u)
		}
		found, next = page.slice(cursor, limit, matches)
	} else {
		found, next = s.org.users.slice(cursor, limit, matches)
	}
	views := make([]userView, 0, len(found))
	for _, u := range found {
		shown, _ := s.searchable(u, c.now)
		views = append(views, u.view(c, shown, false))
	}
	return c.paged(views, next)
}

// candidates uses an index where the expression demands equality with an
// indexed attribute. Users whose change search does not show yet may be filed
// under their new value already, so they are always looked at.
func (s *Sim) candidates(c condition) ([]*user, bool) {
	for _, term := range equalities(c) {
		key, isText := term.value.(string)
		if !isText {
			continue
		}
		few := maps.Clone(s.org.settling)
		switch term.path {
		case "id":
			if u := s.org.userByID[key]; u != nil {
				few[u] = true
			}
		case "profile.login":
			if u := s.org.byLogin[strings.ToLower(key)]; u != nil {
				few[u] = true
			}
		case "profile.email":
			include(few, s.org.byEmail[strings.ToLower(key)])
		case "profile.employeeNumber":
			include(few, s.org.byNumber[strings.ToLower(key)])
		default:
			continue
		}
		return slices.SortedFunc(maps.Keys(few), func(a, b *user) int { return a.seq - b.seq }), true
	}
	return nil, false
}

func include(few map[*user]bool, found []*user) {
	for _, u := range found {
		few[u] = true
	}
}

// attributes reads a version of the user for a condition.
func (u *user) attributes(r record) func(string) []any {
	date := func(t time.Time) []any {
		if t.IsZero() {
			return nil
		}
		return []any{instant(t)}
	}
	return func(path string) []any {
		if name, isProfile := strings.CutPrefix(path, "profile."); isProfile {
			value, has := r.profile[name]
			if !has {
				return nil
			}
			return flatten(value)
		}
		switch path {
		case "id":
			return []any{u.id}
		case "status":
			return []any{r.status}
		case "type.id":
			return []any{userTypeID}
		case "created":
			return date(r.created)
		case "activated":
			return date(r.activated)
		case "statusChanged":
			return date(r.statusChanged)
		case "lastUpdated":
			return date(r.lastUpdated)
		}
		return nil
	}
}
