package oktasim

import (
	"slices"
	"time"
)

// session is one of a person's Okta sessions.
type session struct {
	id    string
	since time.Time
}

// grant is a person's consent that an app may use a scope.
type grant struct {
	seq     int
	id      string
	app     *app
	scope   string
	created time.Time
}

// refreshToken was issued to an app for a person.
type refreshToken struct {
	seq     int
	id      string
	app     *app
	scopes  []string
	created time.Time
	expires time.Time
}

// refreshLife is how long a refresh token lives when unused (spec, example
// OAuth2RefreshToken: seven days).
const refreshLife = 7 * 24 * time.Hour

// exactUser resolves the path's user where only an id will do (spec: "ID of an
// existing Okta user", in distinction from /users/{id} and /lifecycle).
func (s *Sim) exactUser(c *call) (*user, *Error) {
	u := s.org.userByID[c.params["user"]]
	if u == nil {
		return nil, missing(c.params["user"], "User")
	}
	return u, nil
}

// clearSessions is DELETE /api/v1/users/{id}/sessions. Tokens go only with
// oauthTokens=true; remembered devices are forgotten unless forgetDevices=false
// (spec, revokeUserSessions). Consents stay, and so do the person's API tokens
// (FACTS: help.okta.com, Identity Threat Protection, manual actions).
func (s *Sim) clearSessions(c *call) (answer, *Error) {
	if refusal := c.only("oauthTokens", "forgetDevices"); refusal != nil {
		return answer{}, refusal
	}
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	u.sessions = nil
	if c.flag("oauthTokens", false) {
		u.refresh = nil
	}
	if c.flag("forgetDevices", true) {
		u.devices = 0
	}
	s.note(c, "user.session.clear", "Clear user session", u)
	return noContent()
}

type grantView struct {
	ID          string         `json:"id"`
	Status      string         `json:"status"`
	Created     stamp          `json:"created"`
	LastUpdated stamp          `json:"lastUpdated"`
	Issuer      string         `json:"issuer"`
	ClientID    string         `json:"clientId"`
	UserID      string         `json:"userId"`
	ScopeID     string         `json:"scopeId"`
	Source      string         `json:"source"`
	Links       map[string]any `json:"_links"`
}

func (g *grant) view(c *call, u *user) grantView {
	self := c.url("/api/v1/users/" + u.id)
	return grantView{
		ID: g.id, Status: Active, Created: stamp(g.created), LastUpdated: stamp(g.created), Issuer: c.base, ClientID: g.app.id,
		UserID: u.id, ScopeID: g.scope, Source: "END_USER",
		Links: map[string]any{
			"self":   link{Href: self + "/grants/" + g.id, Hints: &hints{[]string{"GET", "DELETE"}}},
			"app":    link{Href: c.url("/api/v1/apps/" + g.app.id), Title: g.app.label},
			"client": link{Href: c.url("/oauth2/v1/clients/" + g.app.id), Title: g.app.label},
			"user":   link{Href: self, Title: u.name()},
		},
	}
}

// page cuts a person's own short list as Okta pages it: 20 to a page, at most
// 200 (spec, listUserGrants).
func page[T any](c *call, all []T, seq func(T) int) (cut []T, next int, refusal *Error) {
	limit, refusal := c.limit(20, 200)
	if refusal != nil {
		return nil, 0, refusal
	}
	cursor, refusal := c.cursor()
	if refusal != nil {
		return nil, 0, refusal
	}
	var list ordered[T]
	for _, value := range all {
		list.add(seq(value), value)
	}
	cut, next = list.slice(cursor, limit, nil)
	return cut, next, nil
}

func (s *Sim) listGrants(c *call) (answer, *Error) {
	if refusal := c.only("scopeId", "limit", "after"); refusal != nil {
		return answer{}, refusal
	}
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	scope := c.query.Get("scopeId")
	all := slices.DeleteFunc(slices.Clone(u.grants), func(g *grant) bool { return scope != "" && g.scope != scope })
	found, next, refusal := page(c, all, func(g *grant) int { return g.seq })
	if refusal != nil {
		return answer{}, refusal
	}
	views := make([]grantView, 0, len(found))
	for _, g := range found {
		views = append(views, g.view(c, u))
	}
	return c.paged(views, next)
}

// grantFor resolves the path of a consent.
func (s *Sim) grantFor(c *call) (*user, *grant, *Error) {
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return nil, nil, refusal
	}
	for _, g := range u.grants {
		if g.id == c.params["grant"] {
			return u, g, nil
		}
	}
	return nil, nil, missing(c.params["grant"], "OAuth2ScopeConsentGrant")
}

func (s *Sim) getGrant(c *call) (answer, *Error) {
	u, g, refusal := s.grantFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	return ok(g.view(c, u))
}

func (s *Sim) revokeGrant(c *call) (answer, *Error) {
	u, g, refusal := s.grantFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	u.grants = slices.DeleteFunc(u.grants, func(other *grant) bool { return other == g })
	s.note(c, "app.oauth2.as.consent.revoke", "Revoke user consent", u, g.app)
	return noContent()
}

// revokeGrants revokes all consents. Refresh tokens already issued stay
// (unconfirmed; the stricter reading).
func (s *Sim) revokeGrants(c *call) (answer, *Error) {
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	u.grants = nil
	s.note(c, "app.oauth2.as.consent.revoke.user", "Revoke all user consents", u)
	return noContent()
}

type clientView struct {
	ID    string         `json:"client_id"`
	Name  string         `json:"client_name"`
	Links map[string]any `json:"_links"`
}

// listClients is GET /api/v1/users/{id}/clients: apps for which the person has
// consents or tokens.
func (s *Sim) listClients(c *call) (answer, *Error) {
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	views := []clientView{}
	for a := range s.org.apps.all() {
		consented := slices.ContainsFunc(u.grants, func(g *grant) bool { return g.app == a })
		issued := slices.ContainsFunc(u.refresh, func(t *refreshToken) bool { return t.app == a })
		if !consented && !issued {
			continue
		}
		self := c.url("/api/v1/users/" + u.id + "/clients/" + a.id)
		views = append(views, clientView{ID: a.id, Name: a.label, Links: map[string]any{
			"grants": link{Href: self + "/grants"}, "tokens": link{Href: self + "/tokens"},
		}})
	}
	return c.linked(views, "")
}

type refreshView struct {
	ID          string         `json:"id"`
	Status      string         `json:"status"`
	Created     stamp          `json:"created"`
	LastUpdated stamp          `json:"lastUpdated"`
	ExpiresAt   stamp          `json:"expiresAt"`
	Issuer      string         `json:"issuer"`
	ClientID    string         `json:"clientId"`
	UserID      string         `json:"userId"`
	Scopes      []string       `json:"scopes"`
	Links       map[string]any `json:"_links"`
}

func (t *refreshToken) view(c *call, u *user) refreshView {
	self := c.url("/api/v1/users/" + u.id + "/clients/" + t.app.id + "/tokens/" + t.id)
	return refreshView{
		ID: t.id, Status: Active, Created: stamp(t.created), LastUpdated: stamp(t.created), ExpiresAt: stamp(t.expires),
		Issuer: c.base, ClientID: t.app.id, UserID: u.id, Scopes: t.scopes,
		Links: map[string]any{
			"self": link{Href: self}, "revoke": link{Href: self, Hints: &hints{[]string{"DELETE"}}},
			"app":    link{Href: c.url("/api/v1/apps/" + t.app.id), Title: t.app.label},
			"client": link{Href: c.url("/oauth2/v1/clients/" + t.app.id), Title: t.app.label},
			"user":   link{Href: c.url("/api/v1/users/" + u.id), Title: u.name()},
		},
	}
}

func (s *Sim) listRefreshTokens(c *call) (answer, *Error) {
	if refusal := c.only("limit", "after"); refusal != nil {
		return answer{}, refusal
	}
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	all := slices.DeleteFunc(slices.Clone(u.refresh), func(t *refreshToken) bool { return t.app.id != c.params["client"] })
	found, next, refusal := page(c, all, func(t *refreshToken) int { return t.seq })
	if refusal != nil {
		return answer{}, refusal
	}
	views := make([]refreshView, 0, len(found))
	for _, t := range found {
		views = append(views, t.view(c, u))
	}
	return c.paged(views, next)
}

func (s *Sim) revokeRefreshTokens(c *call) (answer, *Error) {
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	u.refresh = slices.DeleteFunc(u.refresh, func(t *refreshToken) bool { return t.app.id == c.params["client"] })
	s.note(c, "app.oauth2.as.token.revoke", "Revoke OAuth refresh tokens", u)
	return noContent()
}
