package console_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/local"
	"lifecycle/shared/local/console"
	"lifecycle/shared/local/scenario"
)

// newWorld is the embedded cloud as `make run` has it, without its story.
func newWorld(ctx context.Context, t *testing.T) *scenario.World {
	t.Helper()
	w, err := scenario.New(ctx, scenario.Options{Options: local.Options{Root: "../../.."}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// testBundle is a console over a world in virtual time.
type testBundle struct {
	*scenario.World
	t       *testing.T
	console *console.Console
}

// inWorld runs a test in a bubble.
func inWorld(t *testing.T, o console.Options, test func(b *testBundle)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := newWorld(ctx, t)
		defer func() {
			cancel()
			w.Stop()
			time.Sleep(time.Minute) // the timers of requests whose function was killed run out
		}()
		test(&testBundle{World: w, t: t, console: console.New(w, o)})
	})
}

// host is where the console is reached in these tests.
const host = "127.0.0.1:8080"

func (b *testBundle) serve(r *http.Request) *http.Response {
	b.t.Helper()
	recorder := httptest.NewRecorder()
	b.console.ServeHTTP(recorder, r)
	response := recorder.Result()
	b.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// get is a page as a browser without the script gets it.
func (b *testBundle) get(address string) string {
	b.t.Helper()
	response := b.serve(httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://"+host+address, nil))
	if response.StatusCode != http.StatusOK {
		b.t.Fatalf("%s was answered %d", address, response.StatusCode)
	}
	return text(b.t, response)
}

// form is a form that the page itself sends.
func (b *testBundle) form(action string, values map[string]string) *http.Request {
	b.t.Helper()
	body := url.Values{}
	for name, value := range values {
		body.Set(name, value)
	}
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, "http://"+host+"/console/"+action, strings.NewReader(body.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", "http://"+host)
	return r
}

// post sends a form as the script does, and returns the answer.
func (b *testBundle) post(action string, values map[string]string) (status int, said string) {
	b.t.Helper()
	r := b.form(action, values)
	r.Header.Set("Accept", "application/json")
	response := b.serve(r)
	return response.StatusCode, text(b.t, response)
}

// does is a form that has to be taken.
func (b *testBundle) does(action string, values map[string]string) string {
	b.t.Helper()
	status, said := b.post(action, values)
	if status != http.StatusOK {
		b.t.Fatalf("%s %v was answered %d: %s", action, values, status, said)
	}
	return said
}

// opens opens a sample ticket and lets what follows happen.
func (b *testBundle) opens(sample string) scenario.Ticket {
	b.t.Helper()
	said := b.does("open", map[string]string{"sample": sample})
	var answer struct{ To string }
	if err := json.Unmarshal([]byte(said), &answer); err != nil {
		b.t.Fatal(err)
	}
	b.passes(20 * time.Second)
	t, found := b.ServiceNow.Ticket("task", strings.TrimPrefix(answer.To, "/?ticket="))
	if !found {
		b.t.Fatalf("no ticket was opened: %s", said)
	}
	return scenario.Ticket{Table: t.Table, SysID: t.SysID, Number: t.Number}
}

// passes lets time pass while webhooks are delivered.
func (b *testBundle) passes(d time.Duration) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), d)
	defer cancel()
	b.Outbox.Run(ctx)
}

func (b *testBundle) has(page string, wanted ...string) {
	b.t.Helper()
	for _, w := range wanted {
		if !strings.Contains(page, w) {
			b.t.Errorf("the page does not contain %q", w)
		}
	}
}

func (b *testBundle) lacks(page string, unwanted ...string) {
	b.t.Helper()
	for _, u := range unwanted {
		if i := strings.Index(page, u); i >= 0 {
			b.t.Errorf("the page contains %q: …%s…", u, page[max(0, i-80):min(len(page), i+120)])
		}
	}
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
