package okta

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// The SDK reads OKTA_* variables and ~/.okta/okta.yaml on its own; nothing of it
// may count.
func TestNothingIsReadFromTheSurroundings(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.MkdirAll(filepath.Join(home, ".okta"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := "okta:\n  client:\n    orgUrl: https://file.okta.com\n    token: from-file\n    requestTimeout: 99\n    cache:\n      enabled: true\n"
	if err := os.WriteFile(filepath.Join(home, ".okta", "okta.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"ORGURL": "https://env.okta.com", "TOKEN": "from-env", "AUTHORIZATIONMODE": "PrivateKey", "CLIENTID": "env", "SCOPES": "env",
		"PRIVATEKEY": "env", "PRIVATEKEYID": "env", "CLIENTASSERTION": "env", "CACHE_ENABLED": "true", "REQUEST_TIMEOUT": "77",
		"CONNECTION_TIMEOUT": "77", "RATE_LIMIT_MAX_RETRIES": "77", "RATE_LIMIT_MAX_BACKOFF": "77", "PROXY_HOST": "env", "PROXY_PORT": "77",
		"PROXY_USERNAME": "env", "PROXY_PASSWORD": "env",
	} {
		t.Setenv("OKTA_CLIENT_"+name, value)
		t.Setenv("OKTA_OKTA_CLIENT_"+name, value)
	}
	t.Setenv("OKTA_TESTING_DISABLE_HTTPS_CHECK", "true")
	client, err := newSDK()
	if err != nil {
		t.Fatal(err)
	}
	got, want := client.GetConfig(), sdk.GetConfig()
	if got.Okta.Client.OrgUrl != "https://org.invalid" || got.Okta.Client.AuthorizationMode != "SSWS" || got.Okta.Client.Cache.Enabled || got.Okta.Client.RateLimit.MaxRetries != 0 {
		t.Errorf("the SDK goes by its surroundings: %+v", got.Okta)
	}
	got.Okta.Client.Scopes, want.Okta.Client.Scopes = nil, nil
	if a, b := got.Okta, want.Okta; a.Client.Proxy != b.Client.Proxy || a.Client.Cache != b.Client.Cache || a.Client.RateLimit != b.Client.RateLimit ||
		a.Testing != b.Testing || a.Client.Token != b.Client.Token || a.Client.PrivateKey != "" || a.Client.ClientId != "" || a.Client.ClientAssertion != "" ||
		a.Client.RequestTimeout != 0 || a.Client.ConnectionTimeout != 0 {
		t.Errorf("the SDK goes by its surroundings: %+v", a)
	}
	if _, isRouter := got.HttpClient.Transport.(router); !isRouter {
		t.Errorf("the SDK has another transport: %T", got.HttpClient.Transport)
	}
}

func TestARequestOutsideACallGoesNowhere(t *testing.T) {
	t.Parallel()
	if _, _, err := sdk.User.GetUser(t.Context(), "00u1"); err == nil {
		t.Error("it was sent")
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add(403, "application/json", `{"errorCode":"E0000038","errorSummary":"no","errorCauses":[{"errorSummary":"jane@example.com"}]}`, `Bearer error_description="x"`)
	f.Add(200, "text/html", `<html>`, "")
	f.Add(429, "", `{"errorCauses":[{}]}`, "")
	f.Fuzz(func(t *testing.T, status int, kind, body, challenge string) {
		a := &reply{status: status, header: http.Header{"Content-Type": {kind}, "Www-Authenticate": {challenge}}, body: []byte(body)}
		err := a.fault("reading", "not read", "tried again")
		if !isFault(err) {
			t.Fatalf("%T is no fault", err)
		}
		if address.MatchString(err.Error()) {
			t.Errorf("an address is in %q", err)
		}
		if utf8.ValidString(body) && utf8.ValidString(challenge) && !utf8.ValidString(err.Error()) {
			t.Errorf("broken text %q", err)
		}
	})
}

func FuzzCredentials(f *testing.F) {
	f.Add(`{"token":"x"}`)
	f.Add(`{"clientId":"x","privateKey":"-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----","scopes":["a"]}`)
	f.Add(`{"clientId":"x","privateKey":"x","scopes":"a b"}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := newSigner(text, &Client{})
		if (s == nil) == (err == nil) {
			t.Errorf("signer %v, error %v", s, err)
		}
	})
}
