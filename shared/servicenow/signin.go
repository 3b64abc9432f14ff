package servicenow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"lifecycle/shared/fault"
)

// signIn puts the integration's identity on a request.
type signIn interface {
	sign(ctx context.Context, r *http.Request) error
	// renew drops what was remembered and reports whether trying again with a
	// fresh one makes sense.
	renew() bool
}

// credentials is the content of the secret: one pair or the other.
type credentials struct {
	User         string `json:"user"`
	Password     string `json:"password"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

func newSignIn(secret string, base *url.URL, client *http.Client) (signIn, error) {
	var c credentials
	decoder := json.NewDecoder(bytes.NewReader([]byte(secret)))
	decoder.DisallowUnknownFields()
	// The decoder's error may quote the secret.
	if decoder.Decode(&c) != nil || decoder.More() {
		return nil, errCredentials
	}
	basic := c.User != "" && c.Password != ""
	oauth := c.ClientID != "" && c.ClientSecret != ""
	switch {
	case basic && c.ClientID == "" && c.ClientSecret == "":
		return password{c.User, c.Password}, nil
	case oauth && c.User == "" && c.Password == "":
		return &clientToken{
			client: client, turn: make(chan struct{}, 1),
			config: clientcredentials.Config{
				ClientID: c.ClientID, ClientSecret: c.ClientSecret,
				TokenURL: base.JoinPath("oauth_token.do").String(), AuthStyle: oauth2.AuthStyleInParams,
			},
		}, nil
	}
	return nil, errCredentials
}

var errCredentials = &fault.Invalid{
	Message: `the ServiceNow secret must be the JSON object {"user","password"} or {"clientId","clientSecret"} and nothing else`,
}

// password is basic authentication.
type password struct{ user, word string }

func (p password) sign(_ context.Context, r *http.Request) error {
	r.SetBasicAuth(p.user, p.word)
	return nil
}

func (password) renew() bool { return false }

// clientToken is the OAuth client credentials grant. It keeps its own token
// rather than use the library's source, which binds every later refresh to the
// context of the first call.
type clientToken struct {
	config clientcredentials.Config
	client *http.Client
	// turn is held while the token is read or fetched: a channel rather than a
	// mutex, so that whoever waits can give up, and so that waiting counts as
	// idle on virtual time.
	turn  chan struct{}
	token *oauth2.Token
}

func (t *clientToken) sign(ctx context.Context, r *http.Request) error {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return unreachable(signingIn, ctx.Err())
	}
	defer func() { <-t.turn }()
	if !t.token.Valid() {
		token, err := t.config.Token(context.WithValue(
			context.WithValue(ctx, oauth2.HTTPClient, t.client), repeatableKey{}, true))
		if err != nil {
			return refusedToken(err)
		}
		t.token = token
	}
	t.token.SetAuthHeader(r)
	return nil
}

func (t *clientToken) renew() bool {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	t.token = nil
	return true
}

const signingIn = "ServiceNow: signing in as OAuth client"

// refusedToken classifies what the token endpoint said. The library's own text
// repeats the answer's body and is left out.
func refusedToken(err error) error {
	var answered *oauth2.RetrieveError
	if !errors.As(err, &answered) {
		var unanswered *url.Error
		if errors.As(err, &unanswered) {
			return unreachable(signingIn, err)
		}
		return &fault.Unavailable{Message: signingIn + " was answered with something other than a token: the instance is hibernating or being upgraded"}
	}
	status := answered.Response.StatusCode
	if status == http.StatusOK || status == http.StatusBadRequest || status == http.StatusUnauthorized {
		return &fault.Denied{Message: signingIn + " was refused (" + presentable(answered.ErrorCode) +
			"): check the client id and secret, that the grant is switched on (glide.oauth.inbound.client.credential.grant_type.enabled) and that the client has an application user"}
	}
	return refused(signingIn, answered.Response, answered.Body)
}
