package okta_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/okta"
)

// withBody is an answer with a body.
type withBody struct {
	answering

	text string
}

func (w withBody) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.answering.RoundTrip(r)
	answer.Body = io.NopCloser(strings.NewReader(w.text))
	return answer, err
}

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func pkcs8(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func pkcs1(key *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

const clientID = "0oasimserviceapp00001"

// serviceApp has a client sign in with a private key. Change alters the secret.
func serviceApp(t testing.TB, options oktasim.Options, granted []string, change func(secret map[string]any)) *testBundle {
	t.Helper()
	secret := map[string]any{"clientId": clientID, "privateKey": pkcs8(t, key()), "keyId": "key-1"}
	if change != nil {
		change(secret)
	}
	options.URL = orgURL
	b := setup(t, options, func(o *okta.Options) { o.Credentials = encoded(t, secret) })
	b.sim.RegisterClient(oktasim.Client{ID: clientID, Name: "Lifecycle", Keys: map[string]crypto.PublicKey{"key-1": &key().PublicKey}, Scopes: granted})
	return b
}

func (b *testBundle) tokenRequests() int {
	n := 0
	for _, c := range b.sim.Calls() {
		if c.Path == "/oauth2/v1/token" {
			n++
		}
	}
	return n
}

func TestAServiceAppSignsInWithItsKey(t *testing.T) {
	t.Parallel()
	key() // outside a bubble
	for name, change := range map[string]func(map[string]any){
		"PKCS#8":                  nil,
		"PKCS#1":                  func(s map[string]any) { s["privateKey"] = pkcs1(key()) },
		"with escaped line ends":  func(s map[string]any) { s["privateKey"] = strings.ReplaceAll(pkcs8(t, key()), "\n", `\n`) },
		"without a key id":        func(s map[string]any) { delete(s, "keyId") },
		"with scopes in a string": func(s map[string]any) { s["scopes"] = strings.Join(okta.Scopes(), " ") },
		"with scopes in a list":   func(s map[string]any) { s["scopes"] = okta.Scopes() },
	} {
		bubble(t, name, func(t *testing.T) {
			b := serviceApp(t, oktasim.Options{}, okta.Scopes(), change)
			for range 3 {
				_, err := b.client.User(b.ctx(t), b.id)
				must(t, err)
			}
			must(t, b.client.Suspend(b.ctx(t), b.id, why))
			if n := b.tokenRequests(); n != 1 {
				t.Errorf("%d access tokens were asked for", n)
			}
		})
	}
	t.Run("everything this package does is within the scopes it asks for", func(t *testing.T) {
		t.Parallel()
		for _, m := range all() {
			b := serviceApp(t, oktasim.Options{}, okta.Scopes(), nil)
			if m.prepare != nil {
				must(t, m.prepare(b))
			}
			if err := m.run(b.ctx(t), b); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		}
	})
	bubble(t, "an access token is replaced before it runs out", func(t *testing.T) {
		b := serviceApp(t, oktasim.Options{}, okta.Scopes(), nil)
		for range 9 {
			_, err := b.client.User(b.ctx(t), b.id)
			must(t, err)
			time.Sleep(29*time.Minute + 50*time.Second)
		}
		if n := b.tokenRequests(); n != 5 {
			t.Errorf("%d access tokens in four hours", n)
		}
	})
	bubble(t, "a token that Okta no longer accepts is replaced at once", func(t *testing.T) {
		b := serviceApp(t, oktasim.Options{}, okta.Scopes(), nil)
		_, err := b.client.User(b.ctx(t), b.id)
		must(t, err)
		once := true
		b.sim.Fault(func(r *http.Request, _ int) *oktasim.Fault {
			if r.URL.Path != "/oauth2/v1/token" && once {
				once = false
				return &oktasim.Fault{Status: 401}
			}
			return nil
		})
		must(t, b.client.Suspend(b.ctx(t), b.id, why))
		if n := b.tokenRequests(); n != 2 {
			t.Errorf("%d access tokens", n)
		}
	})
	bubble(t, "many calls at once share one request for a token", func(t *testing.T) {
		b := serviceApp(t, oktasim.Options{Latency: 200 * time.Millisecond}, okta.Scopes(), nil)
		impatient, cancel := context.WithTimeout(b.ctx(t), 50*time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := b.client.User(impatient, b.id); !fault.Is[*fault.Unavailable](err) {
				t.Errorf("who has no time: %v", err)
			}
		})
		time.Sleep(10 * time.Millisecond)
		for range 20 {
			all.Go(func() {
				if _, err := b.client.User(b.ctx(t), b.id); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := b.tokenRequests(); n != 1 {
			t.Errorf("%d access tokens", n)
		}
	})
}

func TestASignInThatFails(t *testing.T) {
	t.Parallel()
	key()
	bubble(t, "for a scope that nobody granted is denied, and says so", func(t *testing.T) {
		b := serviceApp(t, oktasim.Options{}, []string{"okta.users.read"}, nil)
		_, err := b.client.User(b.ctx(t), b.id)
		if !fault.Is[*fault.Denied](err) || !strings.Contains(err.Error(), "invalid_scope") {
			t.Errorf("got %T: %v", err, err)
		}
	})
	bubble(t, "for a key Okta does not know is denied", func(t *testing.T) {
		b := serviceApp(t, oktasim.Options{}, okta.Scopes(), func(s map[string]any) { s["keyId"] = "key-2" })
		if _, err := b.client.User(b.ctx(t), b.id); !fault.Is[*fault.Denied](err) {
			t.Errorf("got %T: %v", err, err)
		}
	})
	bubble(t, "for a scope the token lacks is denied", func(t *testing.T) {
		b := serviceApp(t, oktasim.Options{}, okta.Scopes(), func(s map[string]any) { s["scopes"] = "okta.users.read" })
		if err := b.client.Suspend(b.ctx(t), b.id, why); !fault.Is[*fault.Denied](err) || !strings.Contains(err.Error(), "required scopes") {
			t.Errorf("got %T: %v", err, err)
		}
	})
	for name, c := range map[string]struct {
		fault oktasim.Fault
		is    func(error) bool
	}{
		"429":       {oktasim.Fault{Status: 429}, fault.Is[*fault.Throttled]},
		"500":       {oktasim.Fault{Status: 500}, fault.Is[*fault.Unavailable]},
		"reset":     {oktasim.Fault{Reset: true}, fault.Is[*fault.Unavailable]},
		"no answer": {oktasim.Fault{Hang: true}, fault.Is[*fault.Unavailable]},
	} {
		bubble(t, "with "+name+" keeps the kind, sends no change, and shows no assertion", func(t *testing.T) {
			b := serviceApp(t, oktasim.Options{}, okta.Scopes(), nil)
			b.sim.Fault(func(*http.Request, int) *oktasim.Fault { return &c.fault })
			err := b.client.Suspend(b.ctx(t), b.id, why)
			if !c.is(err) {
				t.Errorf("got %T: %v", err, err)
			}
			if text := err.Error() + encoded(t, b.records(t)); strings.Contains(text, "eyJ") || strings.Contains(text, "oauth2/v1/token") {
				t.Errorf("the error tells too much: %s", text)
			}
			for _, request := range b.requests() {
				if !strings.HasPrefix(request, "POST /oauth2/v1/token") {
					t.Errorf("sent %s", request)
				}
			}
			b.sim.Fault(nil)
			must(t, b.client.Suspend(b.ctx(t), b.id, why))
		})
	}
}

func TestNewNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	b := setup(t, oktasim.Options{})
	const fine = `{"token":"00abc"}`
	app := func(key string) string {
		return encoded(t, map[string]string{"clientId": clientID, "privateKey": key})
	}
	for name, o := range map[string]okta.Options{
		"no URL":             {Credentials: fine, Ledger: b.ledger},
		"http":               {URL: "http://acme.okta.com", Credentials: fine, Ledger: b.ledger},
		"the admin console":  {URL: "https://acme-admin.okta.com", Credentials: fine, Ledger: b.ledger},
		"a path":             {URL: "https://acme.okta.com/api/v1", Credentials: fine, Ledger: b.ledger},
		"a user":             {URL: "https://me@acme.okta.com", Credentials: fine, Ledger: b.ledger},
		"no ledger":          {URL: orgURL, Credentials: fine},
		"no credentials":     {URL: orgURL, Ledger: b.ledger},
		"empty credentials":  {URL: orgURL, Credentials: "{}", Ledger: b.ledger},
		"a bare token":       {URL: orgURL, Credentials: "00abc", Ledger: b.ledger},
		"both":               {URL: orgURL, Credentials: `{"token":"00abc","privateKey":"x"}`, Ledger: b.ledger},
		"no PEM":             {URL: orgURL, Credentials: app("a key"), Ledger: b.ledger},
		"no RSA key":         {URL: orgURL, Credentials: app(pkcs8(t, elliptical)), Ledger: b.ledger},
		"a damaged key":      {URL: orgURL, Credentials: app(strings.Replace(pkcs8(t, key()), "M", "N", 3)), Ledger: b.ledger},
		"no client, but key": {URL: orgURL, Credentials: `{"privateKey":"x"}`, Ledger: b.ledger},
	} {
		if _, err := okta.New(t.Context(), o); !fault.Is[*fault.Invalid](err) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "00abc") || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
	for _, address := range []string{"https://acme.okta.com", "https://acme.okta.com/", " https://login.acme.example ", "http://127.0.0.1:8080", "http://localhost:1", "http://okta.example"} {
		if _, err := okta.New(t.Context(), okta.Options{URL: address, Credentials: fine, Ledger: b.ledger}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	_, err = okta.New(t.Context(), okta.Options{})
	if text := err.Error(); strings.Count(text, ";") < 2 {
		t.Errorf("not all is named: %s", text)
	}
}
