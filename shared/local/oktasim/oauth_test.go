package oktasim_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

const tokenEndpoint = "https://example.okta.com/oauth2/v1/token"

// assert signs a client assertion.
func assert(t *testing.T, key crypto.Signer, header, claims map[string]any) string {
	t.Helper()
	part := func(value any) string {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(encoded)
	}
	input := part(header) + "." + part(claims)
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	switch key := key.(type) {
	case *rsa.PrivateKey:
		signed, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		signature = signed
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// request asks for an access token; inQuery sends the parameters as
// okta-sdk-golang v2 does.
func request(t *testing.T, sim *oktasim.Sim, assertion, scope string, inQuery bool) (int, map[string]any) {
	t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {scope}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}.Encode()
	address, body := tokenEndpoint, form
	if inQuery {
		address, body = tokenEndpoint+"?"+form, ""
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := sim.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var got map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, got
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	setup := func(t *testing.T) *client {
		t.Helper()
		c := newClient(t, oktasim.Options{})
		c.sim.RegisterClient(oktasim.Client{
			ID: "0oaservice", Name: "Lifecycle", Scopes: []string{"okta.users.read", "okta.users.manage"},
			Keys: map[string]crypto.PublicKey{"rsa": &rsaKey.PublicKey, "ec": &ecKey.PublicKey},
		})
		return c
	}
	claims := func(changes map[string]any) map[string]any {
		c := map[string]any{
			"iss": "0oaservice", "sub": "0oaservice", "aud": tokenEndpoint, "exp": time.Now().Add(5 * time.Minute).Unix(), "jti": rand.Text(),
		}
		maps.Copy(c, changes)
		return c
	}
	rs256 := map[string]any{"alg": "RS256", "kid": "rsa"}
	anna := users(seed.PersonOktaID(seed.NumberNamesake))

	t.Run("do what their scopes say for an hour", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := setup(t)
			status, got := request(t, c.sim, assert(t, rsaKey, rs256, claims(nil)), "okta.users.read", false)
			if status != 200 || got["token_type"] != "Bearer" || got["expires_in"] != 3600.0 || got["scope"] != "okta.users.read" {
				t.Fatalf("%d %v", status, got)
			}
			token, _ := got["access_token"].(string)
			with := c.as("Bearer " + token)
			with.get(anna).want(200)
			refused := with.post(anna+"/lifecycle/suspend", nil).want(403, "E0000006")
			if challenge := refused.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="insufficient_scope"`) {
				t.Error(challenge)
			}
			time.Sleep(time.Hour)
			refused = with.get(anna).want(401, "E0000011")
			if challenge := refused.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="invalid_token"`) {
				t.Error(challenge)
			}
		})
	})

	t.Run("are given for an elliptic key, an audience among others, and parameters in the query", func(t *testing.T) {
		t.Parallel()
		c := setup(t)
		for _, assertion := range []string{
			assert(t, ecKey, map[string]any{"alg": "ES256", "kid": "ec"}, claims(nil)),
			assert(t, ecKey, map[string]any{"alg": "ES256"}, claims(map[string]any{"aud": []string{"https://other.example", tokenEndpoint}})),
		} {
			if status, got := request(t, c.sim, assertion, "okta.users.read okta.users.manage", true); status != 200 {
				t.Errorf("%d %v", status, got)
			}
		}
	})

	for name, make := range map[string]func(t *testing.T) (assertion, scope string){
		"a scope that was not granted": func(t *testing.T) (string, string) {
			return assert(t, rsaKey, rs256, claims(nil)), "okta.groups.read"
		},
		"no scope":     func(t *testing.T) (string, string) { return assert(t, rsaKey, rs256, claims(nil)), "" },
		"no assertion": func(*testing.T) (string, string) { return "", "okta.users.read" },
		"an unknown client": func(t *testing.T) (string, string) {
			return assert(t, rsaKey, rs256, claims(map[string]any{"iss": "0oa2", "sub": "0oa2"})), "okta.users.read"
		},
		"another audience": func(t *testing.T) (string, string) {
			return assert(t, rsaKey, rs256, claims(map[string]any{"aud": "https://example.okta.com"})), "okta.users.read"
		},
		"an expired assertion": func(t *testing.T) (string, string) {
			return assert(t, rsaKey, rs256, claims(map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()})), "okta.users.read"
		},
		"an assertion that lives too long": func(t *testing.T) (string, string) {
			return assert(t, rsaKey, rs256, claims(map[string]any{"exp": time.Now().Add(2 * time.Hour).Unix()})), "okta.users.read"
		},
		"a key under another id": func(t *testing.T) (string, string) {
			return assert(t, rsaKey, map[string]any{"alg": "RS256", "kid": "ec"}, claims(nil)), "okta.users.read"
		},
		"the algorithm none": func(t *testing.T) (string, string) {
			return assert(t, rsaKey, map[string]any{"alg": "none"}, claims(nil)), "okta.users.read"
		},
		"a signature for another": func(t *testing.T) (string, string) {
			return assert(t, rsaKey, rs256, claims(nil))[:50] + ".e30.c2ln", "okta.users.read"
		},
	} {
		t.Run("are refused for "+name, func(t *testing.T) {
			t.Parallel()
			assertion, scope := make(t)
			status, got := request(t, setup(t).sim, assertion, scope, false)
			if status < 400 || got["error"] == nil || got["error_description"] == "" {
				t.Errorf("%d %v", status, got)
			}
		})
	}

	t.Run("are refused for an assertion used before", func(t *testing.T) {
		t.Parallel()
		c := setup(t)
		assertion := assert(t, rsaKey, rs256, claims(nil))
		if status, got := request(t, c.sim, assertion, "okta.users.read", false); status != 200 {
			t.Fatalf("%d %v", status, got)
		}
		if status, got := request(t, c.sim, assertion, "okta.users.read", false); status != 401 || got["error"] != "invalid_client" {
			t.Errorf("%d %v", status, got)
		}
	})
}
