package oktasim

import (
	"slices"
	"strings"

	"lifecycle/shared/local/seed"
)

// Group types (spec, schema GroupType).
const (
	oktaGroup = seed.OktaGroup
	appGroup  = seed.AppGroup
	builtIn   = seed.BuiltIn
)

// groupFilter is the grammar of ?filter= on groups (spec, listGroups).
var groupFilter = dialect{accept: func(path, op string) bool {
	switch path {
	case "id", "type":
		return op == "eq"
	case "lastUpdated", "lastMembershipUpdated":
		return slices.Contains([]string{"eq", "gt", "ge", "lt", "le"}, op)
	}
	return false
}}

// groupSearch is the grammar of ?search= on groups: all properties (spec,
// listGroups). Unlike that of users it does not lag here: groups hardly change.
var groupSearch = dialect{fold: true, accept: func(path, op string) bool {
	known := slices.Contains([]string{"id", "type", "created", "lastUpdated", "lastMembershipUpdated", "source.id", "profile.name", "profile.description"}, path)
	return known && slices.Contains([]string{"eq", "sw", "co", "gt", "ge", "lt", "le", "pr"}, op)
}}

func (g *group) attributes(path string) []any {
	value := map[string]string{
		"id": g.id, "type": g.kind, "created": instant(g.created), "lastUpdated": instant(g.updated),
		"lastMembershipUpdated": instant(g.membersUpdated), "profile.name": g.name, "profile.description": g.description,
	}[path]
	if path == "source.id" && g.source != nil {
		value = g.source.id
	}
	if value == "" {
		return nil
	}
	return []any{value}
}

// groupFor resolves the path's group.
func (s *Sim) groupFor(c *call) (*group, *Error) {
	g := s.org.groupID[c.params["group"]]
	if g == nil {
		return nil, missing(c.params["group"], "UserGroup")
	}
	return g, nil
}

// listGroups is GET /api/v1/groups. q matches the beginning of names and
// answers one page of at most 300; a page is at most 10000 (spec, listGroups;
// that it is also the default is unconfirmed).
func (s *Sim) listGroups(c *call) (answer, *Error) {
	if refusal := c.only("search", "filter", "q", "limit", "after", "expand"); refusal != nil {
		return answer{}, refusal
	}
	q := strings.ToLower(c.query.Get("q"))
	usual := 10000
	if q != "" {
		usual = 300
	}
	limit, refusal := c.limit(usual, 10000)
	if refusal != nil {
		return answer{}, refusal
	}
	cursor, refusal := c.cursor()
	if refusal != nil {
		return answer{}, refusal
	}
	matches, refusal := groupMatcher(c)
	if refusal != nil {
		return answer{}, refusal
	}
	expand := c.query.Get("expand")
	if expand != "" && expand != "stats" {
		return answer{}, invalid("expand", "expand: only stats is simulated")
	}
	found, next := s.org.groups.slice(cursor, limit, func(g *group) bool {
		return matches(g) && strings.HasPrefix(strings.ToLower(g.name), q)
	})
	views := make([]groupView, 0, len(found))
	for _, g := range found {
		view := g.view(c)
		if expand == "stats" {
			view.Embedded = map[string]any{"stats": s.stats(g)}
		}
		views = append(views, view)
	}
	if q != "" {
		next = 0
	}
	return c.paged(views, next)
}

func groupMatcher(c *call) (func(*group) bool, *Error) {
	search, filter := c.query.Get("search"), c.query.Get("filter")
	grammar, expression := groupSearch, search
	switch {
	case search != "" && filter != "":
		return nil, refuse("E0000033")
	case filter != "":
		grammar, expression = groupFilter, filter
	case search == "":
		return func(*group) bool { return true }, nil
	}
	compiled, err := grammar.compile(expression)
	if err != nil {
		return nil, refuse("E0000031", err.Error())
	}
	return func(g *group) bool { return compiled.holds(g.attributes) }, nil
}

func (s *Sim) stats(g *group) map[string]any {
	users := g.roster.len()
	if g == s.org.everyone {
		users = s.org.users.len()
	}
	return map[string]any{
		"usersCount": users, "appsCount": len(g.apps), "groupPushMappingsCount": 0, "hasAdminPrivilege": len(g.roles) > 0,
	}
}

func (s *Sim) getGroup(c *call) (answer, *Error) {
	g, refusal := s.groupFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	return ok(g.view(c))
}

// groupApps is GET /api/v1/groups/{id}/apps: 20 to a page unless asked
// otherwise (the upper bound, 200, is that of listing apps).
func (s *Sim) groupApps(c *call) (answer, *Error) {
	if refusal := c.only("limit", "after"); refusal != nil {
		return answer{}, refusal
	}
	g, refusal := s.groupFor(c)
	if refusal != nil {
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
	found, next := s.org.apps.slice(cursor, limit, func(a *app) bool { return slices.Contains(g.apps, a) })
	views := make([]appView, 0, len(found))
	for _, a := range found {
		views = append(views, a.view(c))
	}
	return c.paged(views, next)
}

// groupOwners is GET /api/v1/groups/{id}/owners, all in one answer.
func (s *Sim) groupOwners(c *call) (answer, *Error) {
	if refusal := c.only("limit"); refusal != nil {
		return answer{}, refusal
	}
	g, refusal := s.groupFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	if _, refusal := c.limit(1000, 1000); refusal != nil {
		return answer{}, refusal
	}
	views := []ownerView{}
	for _, u := range g.owners {
		views = append(views, ownerView{ID: u.id, Type: "USER", DisplayName: u.name(), OriginType: "OKTA_DIRECTORY", Resolved: true})
	}
	return c.linked(views, "")
}

// ownerView leaves out lastUpdated, whose form changed between releases of the
// spec.
type ownerView struct {
	ID          string `json:"id"`
	Type        string `json:"type"`
	DisplayName string `json:"displayName"`
	OriginType  string `json:"originType"`
	Resolved    bool   `json:"resolved"`
}
