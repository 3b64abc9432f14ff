package oktasim_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	anna := seed.PersonOktaID(seed.NumberNamesake)
	// once is a fault of the first call only.
	once := func(f oktasim.Fault) func(*http.Request, int) *oktasim.Fault {
		return func(_ *http.Request, n int) *oktasim.Fault {
			if n == 1 {
				return &f
			}
			return nil
		}
	}

	for _, tc := range []struct {
		name   string
		fault  oktasim.Fault
		status int
		code   string
	}{
		{"429", oktasim.Fault{Status: 429}, 429, "E0000047"},
		{"500", oktasim.Fault{Status: 500}, 500, "E0000009"},
		{"503", oktasim.Fault{Status: 503}, 503, "E0000010"},
		{"504", oktasim.Fault{Status: 504}, 504, "E0000067"},
		{"401", oktasim.Fault{Status: 401}, 401, "E0000011"},
		{"another code", oktasim.Fault{Status: 403, Code: "E0000038"}, 403, "E0000038"},
	} {
		for _, work := range []bool{false, true} {
			name := tc.name + " in place of the work"
			if work {
				name = tc.name + " after the work"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				c := newClient(t, oktasim.Options{})
				fault := tc.fault
				fault.Work = work
				c.sim.Fault(once(fault))
				refused := c.lifecycle(anna, "suspend").want(tc.status, tc.code)
				if _, remaining, _ := refused.limits(); tc.status == 429 && remaining != 0 {
					t.Errorf("%d remain", remaining)
				}
				if got := c.account(anna).Status == oktasim.Suspended; got != work {
					t.Errorf("done: %v, want %v", got, work)
				}
				c.get(users(anna)).want(200) // the next call is fine
			})
		}
	}

	t.Run("a reset cuts the connection, before or after the work", func(t *testing.T) {
		t.Parallel()
		for _, work := range []bool{false, true} {
			c := newClient(t, oktasim.Options{})
			c.sim.Fault(once(oktasim.Fault{Reset: true, Work: work}))
			if r := c.lifecycle(anna, "suspend"); !errors.Is(r.Err, syscall.ECONNRESET) {
				t.Errorf("%v", r.Err)
			}
			if got := c.account(anna).Status == oktasim.Suspended; got != work {
				t.Errorf("done: %v, want %v", got, work)
			}
			if calls := c.sim.Calls(); len(calls) != 1 || calls[0].Status != 0 {
				t.Errorf("%+v", calls)
			}
		}
	})

	t.Run("a hanging call ends with the caller's deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{})
			c.sim.Fault(once(oktasim.Fault{Hang: true}))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://example.okta.com"+users(anna), nil)
			_, err := c.sim.Transport().RoundTrip(r)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
				t.Errorf("%v after %s", err, time.Since(start))
			}
		})
	})

	t.Run("latency alone leaves the real answer; a caller who goes first gets nothing done", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{})
			c.sim.Fault(func(*http.Request, int) *oktasim.Fault { return &oktasim.Fault{Latency: time.Minute} })
			start := time.Now()
			c.get(users(anna)).want(200)
			if took := time.Since(start); took != time.Minute {
				t.Errorf("took %s", took)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "https://example.okta.com"+users(anna)+"/lifecycle/suspend", nil)
			r.Header.Set("Authorization", "SSWS "+oktasim.DefaultToken)
			if _, err := c.sim.Transport().RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			if got := c.account(anna).Status; got != oktasim.Active {
				t.Error(got)
			}
		})
	})

	t.Run("can replace and remove headers, and see what is asked", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.sim.Fault(func(r *http.Request, _ int) *oktasim.Fault {
			if r.Method != http.MethodPost {
				return nil
			}
			return &oktasim.Fault{Status: 429, Headers: map[string]string{"X-Rate-Limit-Reset": "", "Retry-After": "7"}}
		})
		c.get(users(anna)).want(200)
		refused := c.lifecycle(anna, "suspend").want(429)
		if refused.Header.Get("X-Rate-Limit-Reset") != "" || refused.Header.Get("Retry-After") != "7" {
			t.Errorf("%v", refused.Header)
		}
		c.sim.Fault(nil)
		c.lifecycle(anna, "suspend").want(200)
	})

	t.Run("cut real connections too", func(t *testing.T) {
		t.Parallel()
		sim := oktasim.New(oktasim.Options{})
		server := httptest.NewServer(sim)
		defer server.Close()
		sim.Fault(once(oktasim.Fault{Reset: true}))
		if _, err := server.Client().Get(server.URL + "/api/v1/users"); err == nil {
			t.Error("an answer came")
		}
		answer, err := server.Client().Get(server.URL + "/api/v1/users")
		if err != nil || answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%v, %v", answer, err)
		}
	})
}
