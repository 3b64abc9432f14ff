package oktasim

import (
	"slices"
	"strings"
)

// appFilter is the grammar of ?filter= on apps: the simulated ones of the
// properties in the spec (listApplications), and user.id, which expand needs.
var appFilter = dialect{accept: func(path, op string) bool {
	return op == "eq" && slices.Contains([]string{"id", "status", "name", "user.id"}, path)
}}

// appFor resolves the path's app.
func (s *Sim) appFor(c *call) (*app, *Error) {
	a := s.org.appID[c.params["app"]]
	if a == nil {
		return nil, missing(c.params["app"], "AppInstance")
	}
	return a, nil
}

// listApps is GET /api/v1/apps: at most 200 to a page (spec), 20 unless asked
// otherwise (unconfirmed; the spec gives -1). With filter=user.id eq "x" and
// expand=user/x it lists one person's apps, each with the assignment embedded.
func (s *Sim) listApps(c *call) (answer, *Error) {
	if refusal := c.only("q", "filter", "expand", "limit", "after"); refusal != nil {
		return answer{}, refusal
	}
	limit, refusal := c.limit(20, 200)
	if refusal != nil {
		return answer{}, refusal
	}
	cursor, refusal := c.cursor()
	if refusal != nil {
		return answer{}, refusal
	}
	matches, holder, refusal := s.appMatcher(c)
	if refusal != nil {
		return answer{}, refusal
	}
	expand := c.query.Get("expand")
	if expand != "" && (holder == nil || expand != "user/"+holder.id) {
		return answer{}, invalid("expand", "expand: must be user/{userId} together with the filter user.id eq of the same user")
	}
	found, next := s.org.apps.slice(cursor, limit, matches)
	views := make([]appView, 0, len(found))
	for _, a := range found {
		view := a.view(c)
		if expand != "" {
			view.Embedded = map[string]any{"user": holder.assignment(a).view(c)}
		}
		views = append(views, view)
	}
	return c.paged(views, next)
}

// appMatcher reads q and filter. holder is the user whom the filter demands.
func (s *Sim) appMatcher(c *call) (matches func(*app) bool, holder *user, refusal *Error) {
	q := strings.ToLower(c.query.Get("q"))
	matches = func(a *app) bool {
		return strings.HasPrefix(strings.ToLower(a.label), q) || strings.HasPrefix(strings.ToLower(a.name), q)
	}
	text := c.query.Get("filter")
	if text == "" {
		return matches, nil, nil
	}
	compiled, err := appFilter.compile(text)
	if err != nil {
		return nil, nil, refuse("E0000031", err.Error())
	}
	for _, term := range equalities(compiled) {
		if id, isText := term.value.(string); isText && term.path == "user.id" {
			holder = s.org.userByID[id]
		}
	}
	named := matches
	return func(a *app) bool { return named(a) && compiled.holds(a.attributes(holder)) }, holder, nil
}

func (a *app) attributes(holder *user) func(string) []any {
	return func(path string) []any {
		switch path {
		case "id":
			return []any{a.id}
		case "name":
			return []any{a.name}
		case "status":
			return []any{Active}
		case "user.id":
			if holder != nil && holder.assignment(a) != nil {
				return []any{holder.id}
			}
		}
		return nil
	}
}

func (s *Sim) getApp(c *call) (answer, *Error) {
	if refusal := c.only(); refusal != nil {
		return answer{}, refusal
	}
	a, refusal := s.appFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	return ok(a.view(c))
}
