package okta_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
)

// failures are all ways in which a call goes wrong without a refusal.
var failures = []struct {
	name  string
	fault oktasim.Fault
	is    func(error) bool
	// repeated says that the policy sends such a call again at once, if it may.
	repeated bool
}{
	{"429", oktasim.Fault{Status: 429}, fault.Is[*fault.Throttled], false},
	{"429 for concurrency", oktasim.Fault{Status: 429, Headers: map[string]string{"X-Rate-Limit-Limit": "0", "X-Rate-Limit-Remaining": "0"}}, fault.Is[*fault.Throttled], true},
	{"500", oktasim.Fault{Status: 500}, fault.Is[*fault.Unavailable], false},
	{"502", oktasim.Fault{Status: 502, Headers: map[string]string{"Content-Type": "text/html"}}, fault.Is[*fault.Unavailable], true},
	{"503", oktasim.Fault{Status: 503}, fault.Is[*fault.Unavailable], true},
	{"504", oktasim.Fault{Status: 504}, fault.Is[*fault.Unavailable], true},
	{"504 after the work", oktasim.Fault{Status: 504, Work: true}, fault.Is[*fault.Unavailable], true},
	{"reset", oktasim.Fault{Reset: true}, fault.Is[*fault.Unavailable], true},
	{"reset after the work", oktasim.Fault{Reset: true, Work: true}, fault.Is[*fault.Unavailable], true},
	{"no answer", oktasim.Fault{Hang: true}, fault.Is[*fault.Unavailable], false},
	{"no answer after the work", oktasim.Fault{Hang: true, Work: true}, fault.Is[*fault.Unavailable], false},
}

// TestFaults has every call of every method go wrong in every way, then lets
// the step run again as the state machine does.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range failures {
		for _, m := range all() {
			bubble(t, m.name+", "+f.name, func(t *testing.T) {
				b := m.start(t)
				b.sim.Fault(func(*http.Request, int) *oktasim.Fault { return &f.fault })
				ctx, cancel := context.WithTimeout(b.ctx(t), 25*time.Second)
				defer cancel()
				err := m.run(ctx, b)
				if !f.is(err) {
					t.Fatalf("got %T: %v", err, err)
				}
				b.sim.Fault(nil)
				if err := m.run(b.ctx(t), b); err != nil {
					t.Fatalf("the second run: %v", err)
				}
				if m.verb != "" {
					if err := m.check(b, b.account(t)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// TestFaultsOfOneCall has one call go wrong: what may be repeated succeeds in
// place, a creation is never sent a second time.
func TestFaultsOfOneCall(t *testing.T) {
	t.Parallel()
	for _, f := range failures {
		for _, m := range all() {
			bubble(t, m.name+", "+f.name, func(t *testing.T) {
				b := m.start(t)
				failing := map[string]bool{}
				creations := 0
				b.sim.Fault(func(r *http.Request, _ int) *oktasim.Fault {
					key := r.Method + " " + r.URL.Path
					if key == "POST /api/v1/users" {
						creations++
					}
					if failing[key] || m.verb != "" && r.Method == http.MethodGet {
						return nil
					}
					failing[key] = true
					return &f.fault
				})
				err := m.run(b.ctx(t), b)
				refusedUndone := f.name == "429 for concurrency"
				switch {
				case f.repeated && (!m.once || refusedUndone):
					if err != nil {
						t.Fatalf("was not repeated: %v", err)
					}
				case !f.is(err):
					t.Fatalf("got %T: %v", err, err)
				}
				b.sim.Fault(nil)
				if err != nil {
					if creations > 1 {
						t.Errorf("%d creations were sent", creations)
					}
					if err := m.run(b.ctx(t), b); err != nil {
						t.Fatalf("the second run: %v", err)
					}
				}
				if m.verb != "" {
					if err := m.check(b, b.account(t)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

func TestACreationWithoutAnAnswerIsLookedForBeforeItIsRepeated(t *testing.T) {
	t.Parallel()
	bubble(t, "ours", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		b.sim.Fault(func(r *http.Request, _ int) *oktasim.Fault { return &oktasim.Fault{Work: true, Reset: true} })
		if _, err := b.client.CreateUser(b.ctx(t), newcomer, why); !fault.Is[*fault.Unavailable](err) {
			t.Fatalf("got %v", err)
		}
		b.sim.Fault(nil)
		u, err := b.client.CreateUser(b.ctx(t), newcomer, why)
		if err != nil || u.Profile != newcomer || u.ID == "" {
			t.Errorf("%+v, %v", u, err)
		}
		last := b.records(t)[3]
		if last.Phase != "done" || !strings.Contains(encoded(t, last.After), u.ID) {
			t.Errorf("the ledger has %+v", last)
		}
	})
	bubble(t, "somebody else's", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		b.sim.Fault(func(*http.Request, int) *oktasim.Fault { return &oktasim.Fault{Reset: true} })
		if _, err := b.client.CreateUser(b.ctx(t), newcomer, why); !fault.Is[*fault.Unavailable](err) {
			t.Fatalf("got %v", err)
		}
		b.sim.Fault(nil)
		_, err := b.sim.CreateUser(map[string]any{"login": newcomer.Login, "email": newcomer.Email, "firstName": "New", "lastName": "Comer"}, oktasim.Staged)
		must(t, err)
		if _, err := b.client.CreateUser(b.ctx(t), newcomer, why); !fault.Is[*fault.Conflict](err) {
			t.Errorf("got %T: %v", err, err)
		}
	})
}

func TestA429(t *testing.T) {
	t.Parallel()
	bubble(t, "of the rate names limit and reset, and closes the bucket", func(t *testing.T) {
		b := setup(t, oktasim.Options{Limits: map[oktasim.Bucket]int{oktasim.BucketApps: 3}})
		var err error
		for range 4 {
			_, err = b.client.HasApp(b.ctx(t), appID, b.id)
		}
		var throttled *fault.Throttled
		if !errors.As(err, &throttled) || throttled.Until.Before(time.Now().Add(50*time.Second)) || !strings.Contains(err.Error(), "3 calls a minute for /api/v1/apps") {
			t.Fatalf("got %T: %v", err, err)
		}
		if requests := b.requests(); len(requests) != 4 {
			t.Errorf("the 429 was repeated in place: %v", requests)
		}
		k, err := b.seats.Book(b.ctx(t), ratelimit.Urgent, "next", []ratelimit.Need{{Bucket: "/api/v1/apps", Calls: 1}})
		if err != nil || k.At.Before(throttled.Until) {
			t.Errorf("the next seat is at %s, the reset at %s, %v", k.At, throttled.Until, err)
		}
		if _, err := b.client.User(b.ctx(t), b.id); err != nil {
			t.Errorf("another limit: %v", err)
		}
	})
	bubble(t, "of concurrency passes by itself, and closes nothing", func(t *testing.T) {
		b := setup(t, oktasim.Options{Concurrency: 2, Latency: 100 * time.Millisecond})
		var all sync.WaitGroup
		failed := make([]error, 4)
		for i := range failed {
			all.Go(func() { _, failed[i] = b.client.User(b.ctx(t), b.id) })
		}
		all.Wait()
		for _, err := range failed {
			var throttled *fault.Throttled
			if err != nil && (!errors.As(err, &throttled) || !throttled.Until.IsZero()) {
				t.Errorf("got %T: %v", err, err)
			}
		}
		if errors.Join(failed[0], failed[1]) != nil && errors.Join(failed[2], failed[3]) != nil {
			t.Errorf("nobody waited it out: %v", failed)
		}
		k, err := b.seats.Book(b.ctx(t), ratelimit.Normal, "next", []ratelimit.Need{{Bucket: "/api/v1/users/{idOrLogin}", Calls: 1}})
		if err != nil || k.At.After(time.Now()) {
			t.Errorf("the next seat is at %s, %v", k.At, err)
		}
	})
	bubble(t, "without its headers still is one", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		b.sim.Fault(func(*http.Request, int) *oktasim.Fault {
			return &oktasim.Fault{Status: 429, Headers: map[string]string{"X-Rate-Limit-Limit": "", "X-Rate-Limit-Remaining": "", "X-Rate-Limit-Reset": "", "Date": ""}}
		})
		var throttled *fault.Throttled
		if _, err := b.client.User(b.ctx(t), b.id); !errors.As(err, &throttled) || !throttled.Until.IsZero() {
			t.Errorf("got %T: %v", err, err)
		}
	})
}

func TestOktasLimitsAreLearnedFromItsAnswers(t *testing.T) {
	t.Parallel()
	bubble(t, "another limit than the default", func(t *testing.T) {
		b := setup(t, oktasim.Options{Limits: map[oktasim.Bucket]int{oktasim.BucketApps: 1000}})
		_, err := b.client.Assignments(b.ctx(t), b.id)
		must(t, err)
		k, err := b.seats.Book(b.ctx(t), ratelimit.Normal, "many", []ratelimit.Need{{Bucket: "/api/v1/apps", Calls: 900}})
		if err != nil || k.At.After(time.Now()) {
			t.Errorf("900 of 1000 calls wait until %s, %v", k.At, err)
		}
	})
	bubble(t, "what cannot be noted does not fail the call", func(t *testing.T) {
		b := setup(t, oktasim.Options{}, func(o *okta.Options) { o.Seats = brokenSeats{} })
		if _, err := b.client.User(b.ctx(t), b.id); err != nil {
			t.Error(err)
		}
	})
	bubble(t, "nobody has to learn", func(t *testing.T) {
		b := setup(t, oktasim.Options{}, func(o *okta.Options) { o.Seats = nil })
		if _, err := b.client.User(b.ctx(t), b.id); err != nil {
			t.Error(err)
		}
	})
}

type brokenSeats struct{}

func (brokenSeats) Learn(context.Context, string, int, int, time.Time) error {
	return &fault.Unavailable{Message: "out"}
}

func (brokenSeats) Overrun(context.Context, string, time.Time) error {
	return &fault.Unavailable{Message: "out"}
}

func TestTime(t *testing.T) {
	t.Parallel()
	bubble(t, "a request that hangs is given up after its timeout", func(t *testing.T) {
		b := setup(t, oktasim.Options{}, func(o *okta.Options) { o.RequestTimeout = 3 * time.Second })
		b.sim.Fault(func(*http.Request, int) *oktasim.Fault { return &oktasim.Fault{Hang: true} })
		began := time.Now()
		_, err := b.client.User(b.ctx(t), b.id)
		if !fault.Is[*fault.Unavailable](err) || time.Since(began) != 3*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
	bubble(t, "the caller's deadline counts first, in a pause too", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		b.sim.Fault(func(*http.Request, int) *oktasim.Fault { return &oktasim.Fault{Status: 503} })
		ctx, cancel := context.WithTimeout(b.ctx(t), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, err := b.client.User(ctx, b.id); !fault.Is[*fault.Unavailable](err) || time.Since(began) > 50*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
	bubble(t, "three attempts are over in a moment", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		b.sim.Fault(func(*http.Request, int) *oktasim.Fault { return &oktasim.Fault{Status: 503} })
		began := time.Now()
		_, err := b.client.User(b.ctx(t), b.id)
		if took := time.Since(began); !fault.Is[*fault.Unavailable](err) || took > time.Second || took < 300*time.Millisecond || len(b.requests()) != 3 {
			t.Errorf("after %s and %d requests: %v", took, len(b.requests()), err)
		}
	})
}

// answering answers everything with one answer.
type answering struct {
	status      int
	contentType string
	header      map[string]string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	header := http.Header{"Content-Type": {a.contentType}}
	for name, value := range a.header {
		header.Set(name, value)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: http.NoBody, Request: r}, nil
}

// ended is a server that closes the connection instead of answering.
type ended struct{ requests *int }

func (e ended) RoundTrip(*http.Request) (*http.Response, error) {
	*e.requests++
	return nil, io.EOF
}

func TestAConnectionThatEndsIsNotTriedForEver(t *testing.T) {
	t.Parallel()
	bubble(t, "which the SDK would do", func(t *testing.T) {
		n := 0
		b := setup(t, oktasim.Options{}, func(o *okta.Options) { o.Transport = ended{&n} })
		if _, err := b.client.User(b.ctx(t), b.id); !fault.Is[*fault.Unavailable](err) || n != 3 {
			t.Errorf("%d requests, %v", n, err)
		}
		n = 0
		if _, err := b.client.CreateUser(b.ctx(t), newcomer, why); !fault.Is[*fault.Unavailable](err) || n != 1 {
			t.Errorf("%d creations, %v", n, err)
		}
	})
}

func TestAnswersThatAreNotOktas(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]answering{
		"a page of a proxy":          {status: 200, contentType: "text/html"},
		"a redirect":                 {status: 302, contentType: "text/html", header: map[string]string{"Location": "https://elsewhere.example/"}},
		"a refusal without an Error": {status: 503, contentType: "text/plain"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, oktasim.Options{}, func(o *okta.Options) { o.Transport = withBody{answer, "<html>nothing</html>"} })
			if _, err := b.client.User(b.ctx(t), b.id); !fault.Is[*fault.Unavailable](err) {
				t.Errorf("got %T: %v", err, err)
			}
		})
	}
	t.Run("a link that cannot be read", func(t *testing.T) {
		t.Parallel()
		answer := answering{status: 200, contentType: "application/json", header: map[string]string{"Link": `<https://x/%zz>; rel="next"`}}
		b := setup(t, oktasim.Options{}, func(o *okta.Options) { o.Transport = withBody{answer, "[]"} })
		if groups, err := b.client.Groups(b.ctx(t), b.id); err != nil || len(groups) != 0 {
			t.Errorf("%v, %v", groups, err)
		}
	})
	t.Run("a list without end", func(t *testing.T) {
		t.Parallel()
		answer := answering{status: 200, contentType: "application/json", header: map[string]string{"Link": `<https://x/api/v1/users/00u1/groups?after=1>; rel="next"`}}
		b := setup(t, oktasim.Options{}, func(o *okta.Options) { o.Transport = withBody{answer, "[]"} })
		if _, err := b.client.Groups(b.ctx(t), b.id); !fault.Is[*fault.Unavailable](err) {
			t.Errorf("got %T: %v", err, err)
		}
	})
}
