package snowsim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// grant asks the token endpoint.
func (b *testBundle) grant(form url.Values) (r reply, access string, refresh string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, "https://instance.example/oauth_token.do", strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r = b.send(request)
	var token struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(r.body, &token); err != nil {
		b.t.Fatal(err)
	}
	return r, token.Access, token.Refresh
}

func clientForm(grant string, more ...string) url.Values {
	form := url.Values{"grant_type": {grant}, "client_id": {ClientID}, "client_secret": {ClientSecret}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

func TestBasicAuthentication(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	ask := func(b *testBundle) reply { return b.get("/api/now/table/sys_user", url.Values{"sysparm_limit": {"1"}}) }
	b.want(ask(b), 200)
	for name, c := range map[string]testBundle{
		"a wrong password":          {user: IntegrationUser, password: "wrong"},
		"no password":               {user: IntegrationUser},
		"nobody":                    {user: "nobody", password: IntegrationPassword},
		"a user without a password": {user: emailOf("E1001")},
		"no sign-in":                {},
		"an unknown token":          {bearer: "forged"},
	} {
		c.Sim, c.t = b.Sim, t
		r := ask(&c)
		if r.status != 401 || r.header.Get("WWW-Authenticate") == "" || !strings.Contains(string(r.body), `"message":"User Not Authenticated"`) {
			t.Errorf("%s: answered %d %s", name, r.status, r.body)
		}
	}
	for _, values := range []map[string]string{{"locked_out": "true"}, {"locked_out": "false", "active": "false"}} {
		b.Update("sys_user", b.userNamed(IntegrationUser).id, values)
		b.want(ask(b), 401)
	}
	b.Update("sys_user", b.userNamed(IntegrationUser).id, map[string]string{"active": "true"})
	b.want(ask(b), 200)
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, Options{})
		ask := func(bearer string) int {
			b.bearer = bearer
			return b.get("/api/now/table/sys_user", url.Values{"sysparm_limit": {"1"}}).status
		}
		r, access, refresh := b.grant(clientForm("client_credentials"))
		b.want(r, 200, `"token_type":"Bearer"`, `"expires_in":1799`)
		if refresh != "" || ask(access) != 200 {
			t.Errorf("client credentials: %s", r.body)
		}
		if calls := b.Calls(); calls[len(calls)-1].User != IntegrationUser {
			t.Errorf("called as %q", calls[len(calls)-1].User)
		}
		time.Sleep(30 * time.Minute)
		if ask(access) != 401 {
			t.Error("the token outlived its time")
		}

		b.SetPassword(emailOf(itHead), "secret")
		r, access, refresh = b.grant(clientForm("password", "username", emailOf(itHead), "password", "secret"))
		b.want(r, 200)
		if ask(access) != 200 || ask(refresh) != 401 {
			t.Error("the access token does not work, or the refresh token does")
		}
		_, second, _ := b.grant(clientForm("refresh_token", "refresh_token", refresh))
		if second == access || ask(second) != 200 {
			t.Errorf("refreshed to %q", second)
		}
		b.RevokeTokens()
		if ask(second) != 401 {
			t.Error("a revoked token works")
		}
		_, third, _ := b.grant(clientForm("client_credentials"))
		b.Update("sys_user", b.userNamed(IntegrationUser).id, map[string]string{"locked_out": "true"})
		if ask(third) != 401 {
			t.Error("a locked user's token works")
		}
	})
}

func TestOAuthRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	b.RegisterClient("other", "secret", "")
	for name, c := range map[string]struct {
		form   url.Values
		status int
	}{
		"a wrong secret":         {clientForm("client_credentials", "client_secret", "wrong"), 401},
		"an unknown client":      {clientForm("client_credentials", "client_id", "nobody"), 401},
		"a client without user":  {clientForm("client_credentials", "client_id", "other", "client_secret", "secret"), 401},
		"a wrong password":       {clientForm("password", "username", IntegrationUser, "password", "x"), 401},
		"a forged refresh token": {clientForm("refresh_token", "refresh_token", "x"), 401},
		"another grant":          {clientForm("authorization_code"), 400},
	} {
		r, _, _ := b.grant(c.form)
		if r.status != c.status || !strings.Contains(string(r.body), `"error_description":`) || strings.Contains(string(r.body), `"status"`) {
			t.Errorf("%s: answered %d %s", name, r.status, r.body)
		}
	}
	b.want(b.call("POST", "/oauth_token.do", clientForm("client_credentials"), nil), 401, `{"error":"server_error","error_description":"access_denied"}`)
	b.want(b.get("/oauth_token.do", none), 405)
	off := setup(t, Options{NoClientCredentials: true})
	r, _, _ := off.grant(clientForm("client_credentials"))
	off.want(r, 401, "access_denied")
}
