package oktasim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Client is a service app that gets access tokens with a signed assertion
// (private_key_jwt; developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp).
type Client struct {
	ID   string // client id, "0oa…"
	Name string
	// Keys are its public keys by key id: *rsa.PublicKey for RS256,
	// *ecdsa.PublicKey on P-256 for ES256. An assertion without a key id is
	// checked against all of them.
	Keys map[string]crypto.PublicKey
	// Scopes are those an administrator granted to the app.
	Scopes []string
}

type client struct {
	Client
	used map[string]time.Time // assertion ids seen, until they expire
}

type bearer struct {
	client  *client
	scopes  []string
	expires time.Time
}

// RegisterClient adds a service app, or replaces the one of the same id.
func (s *Sim) RegisterClient(c Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.org.clients[c.ID] = &client{Client: c, used: map[string]time.Time{}}
}

const (
	bearerLife    = time.Hour
	assertionLife = time.Hour
	// clockSkew is how far the clocks may differ (unconfirmed).
	clockSkew     = time.Minute
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// oauthError is an error in RFC 6749 form, which is what the token endpoint
// answers instead of an Okta Error.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

type tokenAnswer struct {
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Token   string `json:"access_token"`
	Scope   string `json:"scope"`
}

// token is POST /oauth2/v1/token. Parameters are read from the form and, as
// okta-sdk-golang v2 sends them there, from the query.
func (s *Sim) token(c *call) (answer, *Error) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return answer{}, refuse("E0000003")
	}
	parameter := func(name string) string {
		if value := form.Get(name); value != "" {
			return value
		}
		return c.query.Get(name)
	}
	fail := func(status int, code, description string) (answer, *Error) {
		return answer{status: status, body: oauthError{code, description}}, nil
	}
	if parameter("grant_type") != "client_credentials" {
		return fail(400, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server.")
	}
	if parameter("client_assertion_type") != assertionType {
		return fail(401, "invalid_client", "Client authentication failed. Either the client or the client credentials are invalid.")
	}
	app, err := s.verifyAssertion(c, parameter("client_assertion"))
	if err != nil {
		return fail(401, "invalid_client", err.Error())
	}
	scopes := strings.Fields(parameter("scope"))
	if len(scopes) == 0 {
		return fail(400, "invalid_scope", "The scope parameter is required.")
	}
	for _, scope := range scopes {
		if !slices.Contains(app.Scopes, scope) {
			return fail(400, "invalid_scope", "One or more scopes are not configured for the authorization server resource.")
		}
	}
	secret := "eyJ" + s.org.newID("sim")
	s.org.bearers[secret] = &bearer{client: app, scopes: scopes, expires: c.now.Add(bearerLife)}
	return ok(tokenAnswer{"Bearer", int(bearerLife.Seconds()), secret, strings.Join(scopes, " ")})
}

type claims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"`
	Expires  float64         `json:"exp"`
	ID       string          `json:"jti"`
}

// verifyAssertion checks signature, subject, audience, expiry and that the
// assertion is new. The descriptions are Okta's own where public reports show
// them.
func (s *Sim) verifyAssertion(c *call, assertion string) (*client, error) {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return nil, errors.New("The client_assertion token must be a signed JWT.") //nolint:staticcheck,revive // Okta's wording
	}
	var head struct {
		Algorithm string `json:"alg"`
		Key       string `json:"kid"`
	}
	var body claims
	if decodePart(parts[0], &head) != nil || decodePart(parts[1], &body) != nil {
		return nil, errors.New("The client_assertion token cannot be read.") //nolint:staticcheck,revive // Okta's wording
	}
	app := s.org.clients[body.Issuer]
	if app == nil || body.Subject != body.Issuer {
		return nil, errors.New("Invalid value for 'client_id' parameter.") //nolint:staticcheck,revive // Okta's wording
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !app.signed(head.Algorithm, head.Key, parts[0]+"."+parts[1], signature) {
		return nil, errors.New("The client_assertion signature is invalid.") //nolint:staticcheck,revive // Okta's wording
	}
	if err := body.check(c); err != nil {
		return nil, err
	}
	maps.DeleteFunc(app.used, func(_ string, seen time.Time) bool { return c.now.After(seen.Add(assertionLife + 2*clockSkew)) })
	if body.ID != "" {
		if _, again := app.used[body.ID]; again {
			return nil, errors.New("The client_assertion token has already been used.") //nolint:staticcheck,revive // Okta's wording
		}
		app.used[body.ID] = c.now
	}
	return app, nil
}

func (body claims) check(c *call) error {
	expires := time.Unix(int64(body.Expires), 0)
	switch {
	case body.Expires == 0 || !c.now.Before(expires.Add(clockSkew)):
		return errors.New("The client_assertion token is expired.") //nolint:staticcheck,revive // Okta's wording
	case expires.After(c.now.Add(assertionLife + clockSkew)):
		return errors.New("The client_assertion token has an expiration too far into the future.") //nolint:staticcheck,revive // Okta's wording
	}
	var one string
	var many []string
	if json.Unmarshal(body.Audience, &one) == nil {
		many = []string{one}
	} else if err := json.Unmarshal(body.Audience, &many); err != nil {
		return fmt.Errorf("aud cannot be read: %w", err)
	}
	if !slices.Contains(many, c.base+"/oauth2/v1/token") {
		return errors.New("The audience claim for client_assertion must be the endpoint invoked for the request.") //nolint:staticcheck,revive // Okta's wording
	}
	return nil
}

func decodePart(part string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return fmt.Errorf("part of a token: %w", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("part of a token: %w", err)
	}
	return nil
}

func (c *client) signed(algorithm, keyID, input string, signature []byte) bool {
	digest := sha256.Sum256([]byte(input))
	for id, key := range c.Keys {
		if keyID != "" && keyID != id {
			continue
		}
		switch key := key.(type) {
		case *rsa.PublicKey:
			if algorithm == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil {
				return true
			}
		case *ecdsa.PublicKey:
			if algorithm == "ES256" && len(signature) == 64 &&
				ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
				return true
			}
		}
	}
	return false
}
