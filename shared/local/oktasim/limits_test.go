package oktasim_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

func TestBuckets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method, path string
		want         oktasim.Bucket
	}{
		{"GET", "/api/v1/users", oktasim.BucketUsers},
		{"POST", "/api/v1/users", oktasim.BucketUsers},
		{"GET", "/api/v1/users/ada%40example.com", oktasim.BucketUserRead},
		{"POST", "/api/v1/users/00u1", oktasim.BucketUserWrite},
		{"DELETE", "/api/v1/users/00u1", oktasim.BucketUserWrite},
		{"POST", "/api/v1/users/00u1/lifecycle/suspend", oktasim.BucketOther},
		{"GET", "/api/v1/users/00u1/groups", oktasim.BucketOther},
		{"DELETE", "/api/v1/users/00u1/sessions", oktasim.BucketOther},
		{"GET", "/api/v1/groups", oktasim.BucketGroups},
		{"GET", "/api/v1/groups/rules", oktasim.BucketGroups},
		{"GET", "/api/v1/groups/00g1", oktasim.BucketGroup},
		{"PUT", "/api/v1/groups/00g1/users/00u1", oktasim.BucketGroups},
		{"GET", "/api/v1/apps", oktasim.BucketApps},
		{"GET", "/api/v1/apps/0oa1", oktasim.BucketApp},
		{"POST", "/api/v1/apps/0oa1/users", oktasim.BucketApps},
		{"GET", "/api/v1/logs", oktasim.BucketLogs},
		{"GET", "/api/v1/api-tokens", oktasim.BucketOther},
		{"POST", "/oauth2/v1/token", oktasim.BucketOAuth},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			t.Parallel()
			if got := oktasim.BucketOf(tc.method, tc.path); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	anna := users(seed.PersonOktaID(seed.NumberNamesake))

	t.Run("is counted down in the headers, refused with 429, and starts anew at the reset", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{Limits: map[oktasim.Bucket]int{oktasim.BucketUserRead: 3}})
			start := time.Now()
			for left := 2; left >= 0; left-- {
				limit, remaining, reset := c.get(anna).want(200).limits()
				if limit != 3 || remaining != left || !reset.Equal(start.Add(time.Minute)) {
					t.Errorf("limit %d, remaining %d of %d, reset %s", limit, remaining, left, reset)
				}
				time.Sleep(10 * time.Second)
			}
			refused := c.get(anna).want(429, "E0000047")
			limit, remaining, reset := refused.limits()
			if limit != 3 || remaining != 0 || refused.Header.Get("Date") == "" {
				t.Errorf("limit %d, remaining %d, Date %q", limit, remaining, refused.Header.Get("Date"))
			}
			c.get("/api/v1/users").want(200) // another bucket
			time.Sleep(time.Until(reset))
			if _, remaining, _ := c.get(anna).want(200).limits(); remaining != 2 {
				t.Errorf("remaining %d after the reset", remaining)
			}
		})
	})

	t.Run("names a reset that is never early, also between two seconds", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(300 * time.Millisecond)
			c := newClient(t, oktasim.Options{Limits: map[oktasim.Bucket]int{oktasim.BucketUserRead: 1}})
			c.get(anna).want(200)
			_, _, reset := c.get(anna).want(429).limits()
			time.Sleep(time.Until(reset))
			c.get(anna).want(200)
		})
	})

	t.Run("counts refused calls and those of others", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{Limits: map[oktasim.Bucket]int{oktasim.BucketUserRead: 2}})
		c.get(users("nobody@example.com")).want(404)
		c.as("SSWS wrong").get(anna).want(401)
		c.get(anna).want(429)
		for _, gauge := range c.sim.Gauges() {
			if gauge.Bucket == oktasim.BucketUserRead && (gauge.Used != 2 || gauge.Calls != 3 || gauge.Throttled != 1 || gauge.Reset.IsZero()) {
				t.Errorf("%+v", gauge)
			}
		}
	})

	t.Run("shows an empty gauge when the window is over", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{})
			c.get(anna).want(200)
			time.Sleep(time.Minute)
			for _, gauge := range c.sim.Gauges() {
				if gauge.Used != 0 || !gauge.Reset.IsZero() {
					t.Errorf("%+v", gauge)
				}
			}
		})
	})

	t.Run("does not count looking at the org directly", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.account(seed.PersonOktaID(seed.NumberNamesake))
		if err := c.sim.SignIn("anna.schmidt@example.com"); err != nil {
			t.Fatal(err)
		}
		for _, gauge := range c.sim.Gauges() {
			if gauge.Calls != 0 {
				t.Errorf("%+v", gauge)
			}
		}
		if calls := c.sim.Calls(); len(calls) != 0 {
			t.Errorf("%v", calls)
		}
	})
}

func TestConcurrencyLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, oktasim.Options{Latency: time.Second})
		anna := users(seed.PersonOktaID(seed.NumberNamesake))
		replies := make([]reply, oktasim.Concurrency+5)
		var group sync.WaitGroup
		for i := range replies {
			group.Go(func() { replies[i] = c.get(anna) })
		}
		group.Wait()
		refused := 0
		for _, r := range replies {
			if r.Status == 200 {
				continue
			}
			refused++
			// The bucket is far from empty: the zeros tell the two kinds of 429 apart.
			if limit, remaining, reset := r.want(429, "E0000047").limits(); limit != 0 || remaining != 0 || !reset.After(time.Now()) {
				t.Errorf("limit %d, remaining %d, reset %s", limit, remaining, reset)
			}
		}
		if refused != 5 {
			t.Errorf("%d refused, want 5", refused)
		}
		gauges := c.sim.Gauges()
		if busy := gauges[len(gauges)-1]; busy.Throttled != 5 || busy.Used != 0 || busy.Limit != oktasim.Concurrency {
			t.Errorf("%+v", busy)
		}
		c.get(anna).want(200)
	})
}

func TestCalls(t *testing.T) {
	t.Parallel()

	t.Run("are remembered up to a number, and told to the hook, which may look at the org", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{KeepCalls: 3})
		var told []oktasim.Call
		c.sim.OnCall(func(call oktasim.Call) {
			told = append(told, call)
			_ = c.sim.Calls()
		})
		for range 8 {
			c.get("/api/v1/users?limit=1").want(200)
		}
		last := c.get(users("nobody@example.com")).want(404)
		calls := c.sim.Calls()
		if len(calls) != 3 || len(told) != 9 || calls[2] != told[8] {
			t.Fatalf("%d remembered, %d told", len(calls), len(told))
		}
		got := calls[2]
		if got.ID != last.Header.Get("X-Okta-Request-Id") || got.Status != 404 || got.Code != "E0000007" ||
			got.Path != "/api/v1/users/nobody@example.com" || got.Bucket != oktasim.BucketUserRead {
			t.Errorf("%+v", got)
		}
		c.sim.OnCall(nil)
		c.get("/api/v1/users?limit=1").want(200)
		if len(told) != 9 {
			t.Error("the hook was told after it had been taken off")
		}
	})

	t.Run("to what does not exist are refused by path and by method", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.get("/api/v1/brands").want(404, "E0000008")
		c.do("PATCH", "/api/v1/users", nil).want(405, "E0000022")
	})
}
