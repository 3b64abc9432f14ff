package okta

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"
	"golang.org/x/sync/singleflight"

	"lifecycle/shared/fault"
)

// Scopes are what a service app needs to be granted for everything this package
// does.
func Scopes() []string {
	return []string{
		"okta.users.read", "okta.users.manage", "okta.groups.read", "okta.groups.manage",
		"okta.apps.read", "okta.apps.manage", "okta.roles.read", "okta.roles.manage",
		"okta.apiTokens.read", "okta.apiTokens.manage", "okta.logs.read",
	}
}

// signer says who calls.
type signer interface {
	// authorization is the header's value.
	authorization(ctx context.Context) (string, error)
	// renew forgets what Okta no longer accepts; false when there is nothing new
	// to be had.
	renew() bool
}

// secret is what Options.Credentials holds.
type secret struct {
	Token      string `json:"token"`
	ClientID   string `json:"clientId"`
	PrivateKey string `json:"privateKey"`
	KeyID      string `json:"keyId"`
	Scopes     scopes `json:"scopes"`
}

// scopes are written as a list or, as OAuth does, in one string.
type scopes []string

func (s *scopes) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*s = strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
		return nil
	}
	var list []string
	err := json.Unmarshal(raw, &list)
	*s = list
	return err
}

func newSigner(credentials string, c *Client) (signer, error) {
	var given secret
	if err := json.Unmarshal([]byte(credentials), &given); err != nil {
		return nil, errors.New(`the secret is no JSON object with "token", or with "clientId" and "privateKey"`)
	}
	switch {
	case given.Token != "" && given.PrivateKey != "":
		return nil, errors.New("the secret has both a token and a private key; it must be one of them")
	case given.Token != "":
		return token(given.Token), nil
	case given.ClientID == "" || given.PrivateKey == "":
		return nil, errors.New(`the secret has neither "token" nor both "clientId" and "privateKey"`)
	}
	assert, err := asserter(given)
	if err != nil {
		return nil, err
	}
	if len(given.Scopes) == 0 {
		given.Scopes = Scopes()
	}
	return &serviceApp{client: c, assert: assert, scopes: given.Scopes}, nil
}

// token is an SSWS token.
type token string

func (t token) authorization(context.Context) (string, error) { return "SSWS " + string(t), nil }
func (t token) renew() bool                                   { return false }

// asserter returns what signs a client assertion for an org.
func asserter(given secret) (func(org string) (string, error), error) {
	key, err := rsaKey(given.PrivateKey)
	if err != nil {
		return nil, err
	}
	// The SDK takes nothing but PKCS#1.
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	sign, err := sdkokta.CreateKeySigner(string(text), given.KeyID)
	if err != nil {
		return nil, errors.New("the private key cannot sign")
	}
	return func(org string) (string, error) { return sdkokta.CreateClientAssertion(org, given.ClientID, sign) }, nil
}

func rsaKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if block == nil {
		return nil, errors.New("the private key is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key is neither PKCS#8 nor PKCS#1")
	}
	key, isRSA := parsed.(*rsa.PrivateKey)
	if !isRSA {
		return nil, errors.New("the private key is not RSA")
	}
	return key, nil
}

// serviceApp is a service app with a private key: it trades a signed assertion
// for an access token, which is kept until shortly before it runs out.
type serviceApp struct {
	client *Client
	assert func(org string) (string, error)
	scopes []string
	flight singleflight.Group

	mu      sync.Mutex
	bearer  string
	expires time.Time
}

// early is how long before its end an access token is replaced: longer than a
// request may take, and clocks may differ.
const early = time.Minute

func (a *serviceApp) authorization(ctx context.Context) (string, error) {
	if bearer := a.held(); bearer != "" {
		return "Bearer " + bearer, nil
	}
	// All that wait share one request, which must not end with the first of them.
	shared := a.flight.DoChan("token", func() (any, error) {
		if bearer := a.held(); bearer != "" {
			return bearer, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.client.timeout)
		defer cancel()
		return a.request(ctx)
	})
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case got := <-shared:
		if got.Err != nil {
			return "", got.Err
		}
		bearer, _ := got.Val.(string)
		return "Bearer " + bearer, nil
	}
}

func (a *serviceApp) held() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Until(a.expires) <= 0 {
		return ""
	}
	return a.bearer
}

func (a *serviceApp) renew() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bearer, a.expires = "", time.Time{}
	return true
}

// request gets an access token. The assertion goes in the body, since URLs end
// up in logs.
func (a *serviceApp) request(ctx context.Context) (string, error) {
	const doing = "signing in to Okta"
	org := a.client.org.String()
	assertion, err := a.assert(org)
	if err != nil {
		return "", &fault.Invalid{Message: doing + ": the client assertion could not be signed"}
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {strings.Join(a.scopes, " ")},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, org+"/oauth2/v1/token", bytes.NewBufferString(form.Encode()))
	if err != nil {
		return "", &fault.Invalid{Message: doing + ": the request could not be made"}
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	began := time.Now()
	answer, err := a.client.exchange(r)
	if err != nil {
		return "", &fault.Unavailable{Message: doing + ": Okta did not answer; it is tried again", Cause: withoutURL(err)}
	}
	a.client.learn(ctx, answer)
	return a.take(answer, began)
}

// take reads the token endpoint's answer, whose errors have OAuth's form.
func (a *serviceApp) take(answer *reply, began time.Time) (string, error) {
	var body struct {
		Token       string `json:"access_token"`
		Expires     int    `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	readable := json.Unmarshal(answer.body, &body) == nil
	const doing = "signing in to Okta"
	switch {
	case answer.status == http.StatusTooManyRequests:
		_, _, reset, _ := answer.limits()
		return "", &fault.Throttled{Message: doing + ": the limit of token requests is used up", Until: reset}
	case answer.status >= http.StatusInternalServerError || answer.status < 300 && (!readable || body.Token == ""):
		return "", &fault.Unavailable{Message: fmt.Sprintf("%s: Okta gave no access token (%d); it is tried again", doing, answer.status)}
	case answer.status >= 300:
		return "", &fault.Denied{Message: fmt.Sprintf("%s: Okta does not accept the integration's credentials (%d %s: %s); an Okta administrator has to look at the service app, its key and its scopes",
			doing, answer.status, body.Error, plain(body.Description))}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	life := time.Duration(body.Expires) * time.Second
	a.bearer, a.expires = body.Token, began.Add(life-min(early, life/2))
	return body.Token, nil
}
