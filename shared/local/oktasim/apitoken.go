package oktasim

import "time"

// issue makes an SSWS token for its owner.
func (s *Sim) issue(c *call, owner *user, name, secret string) *apiToken {
	t := &apiToken{
		seq: s.org.next(), id: s.org.newID("00T"), name: name, secret: secret, owner: owner, created: c.now, used: c.now,
	}
	s.org.tokens.add(t.seq, t)
	s.org.secrets[secret] = t
	s.note(c, "system.api_token.create", "Create API token", t)
	return t
}

func (t *apiToken) target() target {
	return target{"id": t.id, "type": "Token", "alternateId": "unknown", "displayName": t.name, "detailEntry": nil}
}

func (s *Sim) revoke(c *call, t *apiToken) {
	s.org.tokens.remove(t.seq)
	delete(s.org.secrets, t.secret)
	s.note(c, "system.api_token.revoke", "Revoke API token", t)
}

// tokensOf lists the living tokens that the user owns.
func (s *Sim) tokensOf(u *user, now time.Time) []*apiToken {
	var owned []*apiToken
	for t := range s.org.tokens.all() {
		if t.owner == u && now.Before(t.expires()) {
			owned = append(owned, t)
		}
	}
	return owned
}

func (s *Sim) dropTokensOf(c *call, u *user) {
	for _, t := range s.tokensOf(u, c.now) {
		s.revoke(c, t)
	}
}

type apiTokenView struct {
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	UserID      string         `json:"userId"`
	ClientName  string         `json:"clientName"`
	TokenWindow string         `json:"tokenWindow"`
	Network     map[string]any `json:"network"`
	Created     stamp          `json:"created"`
	LastUpdated stamp          `json:"lastUpdated"`
	ExpiresAt   stamp          `json:"expiresAt"`
	Links       map[string]any `json:"_links"`
}

func (t *apiToken) view(c *call) apiTokenView {
	return apiTokenView{
		ID: t.id, Name: t.name, UserID: t.owner.id, ClientName: "Okta API", TokenWindow: "P30D",
		Network: map[string]any{"connection": "ANYWHERE"},
		Created: stamp(t.created), LastUpdated: stamp(t.used), ExpiresAt: stamp(t.expires()),
		Links: map[string]any{
			"self": link{Href: c.url("/api/v1/api-tokens/" + t.id), Hints: &hints{[]string{"GET", "DELETE"}}},
			"user": link{Href: c.url("/api/v1/users/" + t.owner.id), Hints: &hints{[]string{"GET"}}},
		},
	}
}

// listAPITokens is GET /api/v1/api-tokens: every living token of the org, in
// one answer (the spec gives the operation no parameters).
func (s *Sim) listAPITokens(c *call) (answer, *Error) {
	if refusal := c.only(); refusal != nil {
		return answer{}, refusal
	}
	views := []apiTokenView{}
	for t := range s.org.tokens.all() {
		if c.now.Before(t.expires()) {
			views = append(views, t.view(c))
		}
	}
	return ok(views)
}

// tokenFor resolves the path's API token.
func (s *Sim) tokenFor(c *call) (*apiToken, *Error) {
	for t := range s.org.tokens.all() {
		if t.id == c.params["token"] && c.now.Before(t.expires()) {
			return t, nil
		}
	}
	return nil, missing(c.params["token"], "ApiToken")
}

func (s *Sim) getAPIToken(c *call) (answer, *Error) {
	t, refusal := s.tokenFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	return ok(t.view(c))
}

func (s *Sim) revokeAPIToken(c *call) (answer, *Error) {
	t, refusal := s.tokenFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	s.revoke(c, t)
	return noContent()
}
