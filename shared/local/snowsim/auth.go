package snowsim

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Credentials that work from the start.
const (
	// IntegrationUser is the user name that the integration signs in with.
	IntegrationUser     = "lifecycle.integration"
	IntegrationPassword = "simulated-password-of-the-integration"
	// ClientID and ClientSecret are an OAuth application whose user is the same.
	ClientID     = "51a0c11e47000000000000000000f00d"
	ClientSecret = "simulated-secret-of-the-client"
)

type oauthClient struct {
	secret string
	user   string // sys_id of the OAuth application user
}

type token struct {
	user    string // sys_id
	expires time.Time
	refresh bool
	client  string
}

// SetPassword lets a user sign in with basic authentication or the password
// grant. It panics when there is no such user.
func (s *Sim) SetPassword(userName, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passwords[s.userNamed(userName).id] = password
}

// RegisterClient adds an OAuth application. User is the user name of its OAuth
// application user, for the grant client_credentials; it may be empty.
func (s *Sim) RegisterClient(id, secret, userName string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := oauthClient{secret: secret}
	if userName != "" {
		c.user = s.userNamed(userName).id
	}
	s.clients[id] = c
}

// RevokeTokens makes every access token invalid before its time.
func (s *Sim) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = map[string]token{}
}

// userNamed finds a user by user name, else by sys_id.
func (s *Sim) userNamed(name string) *record {
	users := s.tables["sys_user"].shelf
	for _, r := range users.by("user_name", name) {
		return r
	}
	if r := users.find(name); r != nil {
		return r
	}
	panic("snowsim: there is no user " + name)
}

// signedIn finds out who calls: basic authentication or an access token of a
// user who is active and not locked out.
func (s *Sim) signedIn(c *call) (*actor, *Error) {
	if name, password, basic := c.request.BasicAuth(); basic {
		if user := s.withPassword(name, password); user != nil {
			return s.actorOf(user), nil
		}
		return nil, unauthenticated()
	}
	kind, secret, _ := strings.Cut(c.request.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "Bearer") {
		t, known := s.tokens[secret]
		if user := s.tables["sys_user"].shelf.find(t.user); known && !t.refresh && c.now.Before(t.expires) && welcome(user) {
			return s.actorOf(user), nil
		}
	}
	return nil, unauthenticated()
}

func (s *Sim) withPassword(name, password string) *record {
	for _, user := range s.tables["sys_user"].shelf.by("user_name", name) {
		set := s.passwords[user.id]
		if set != "" && subtle.ConstantTimeCompare([]byte(set), []byte(password)) == 1 && welcome(user) {
			return user
		}
	}
	return nil
}

func welcome(user *record) bool {
	return user != nil && user.get("active") == "true" && user.get("locked_out") != "true"
}

// refreshLife is a refresh token's (100 days, the default of an application).
const refreshLife = 100 * 24 * time.Hour

// oauthToken is the token endpoint: form-encoded, the client's own credentials
// in the form or as basic authentication.
func (s *Sim) oauthToken(c *call) (answer, *Error) {
	if c.request.Method != http.MethodPost {
		return answer{}, refuse(http.StatusMethodNotAllowed, "Method not supported", "")
	}
	// Parameters in the URL do not count (seen: access_denied).
	form, err := url.ParseQuery(string(c.body))
	if err != nil || !strings.HasPrefix(c.request.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return answer{}, accessDenied()
	}
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if basicID, basicSecret, basic := c.request.BasicAuth(); basic {
		id, secret = basicID, basicSecret
	}
	client, known := s.clients[id]
	if !known || subtle.ConstantTimeCompare([]byte(client.secret), []byte(secret)) != 1 {
		return answer{}, accessDenied()
	}
	users := s.tables["sys_user"].shelf
	var user *record
	switch grant := form.Get("grant_type"); grant {
	case "client_credentials":
		if user = users.find(client.user); s.options.NoClientCredentials {
			user = nil
		}
	case "password":
		user = s.withPassword(form.Get("username"), form.Get("password"))
	case "refresh_token":
		t := s.tokens[form.Get("refresh_token")]
		if t.refresh && t.client == id && c.now.Before(t.expires) {
			user = users.find(t.user)
		}
	default:
		e := refuse(http.StatusBadRequest, "unsupported_grant_type", "")
		e.oauth = &oauthError{"unsupported_grant_type", "the grant is not simulated: " + grant}
		return answer{}, e
	}
	if !welcome(user) {
		return answer{}, accessDenied()
	}
	return s.issue(c, id, user, form.Get("grant_type") != "client_credentials"), nil
}

// accessDenied is what the endpoint says to all that is wrong with credentials
// (seen).
func accessDenied() *Error {
	e := refuse(http.StatusUnauthorized, "server_error", "access_denied")
	e.oauth = &oauthError{"server_error", "access_denied"}
	return e
}

func (s *Sim) issue(c *call, client string, user *record, refreshable bool) answer {
	c.user = s.actorOf(user)
	access := "sim-access-" + strconv.Itoa(s.serial)
	s.tokens[access] = token{user: user.id, expires: c.now.Add(s.options.TokenLife), client: client}
	body := map[string]any{
		"access_token": access, "token_type": "Bearer", "scope": "useraccount",
		"expires_in": int(s.options.TokenLife/time.Second) - 1,
	}
	if refreshable {
		refresh := "sim-refresh-" + strconv.Itoa(s.serial)
		s.tokens[refresh] = token{user: user.id, expires: c.now.Add(refreshLife), client: client, refresh: true}
		body["refresh_token"] = refresh
	}
	return answer{status: http.StatusOK, whole: body}
}
