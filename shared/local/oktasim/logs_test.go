package oktasim_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

func TestPollingTheSystemLog(t *testing.T) {
	t.Parallel()
	anna := seed.PersonOktaID(seed.NumberNamesake)
	event := func(kind string) map[string]any { return map[string]any{"eventType": kind} }

	t.Run("always carries a next link, which brings what came since and nothing twice", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		page := c.get("/api/v1/logs?sortOrder=ASCENDING").want(200)
		if len(page.list()) != 0 {
			t.Fatalf("a new org has a past: %s", page.Body)
		}
		c.lifecycle(anna, "suspend").want(200)
		c.lifecycle(anna, "unsuspend").want(200)
		for _, want := range [][]string{{"user.lifecycle.suspend", "user.lifecycle.unsuspend"}, {}, {}} {
			page = c.get(page.next()).want(200)
			if got := page.column("eventType"); !slices.Equal(got, want) || page.next() == "" {
				t.Errorf("%v, want %v; next %q", got, want, page.next())
			}
		}
		c.sim.Emit(time.Now(), event("security.threat.detected"))
		if got := c.get(page.next()).want(200).column("eventType"); !slices.Equal(got, []string{"security.threat.detected"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("does not skip events that were stored late, nor does it sort them", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{})
			c.sim.Emit(time.Now(), event("user.session.start"))
			page := c.get("/api/v1/logs").want(200)
			time.Sleep(time.Hour)
			c.sim.Emit(time.Now(), event("user.session.end"))
			c.sim.Emit(time.Now().Add(-90*time.Minute), event("user.account.lock"))
			got := c.get(page.next()).want(200)
			if !slices.Equal(got.column("eventType"), []string{"user.session.end", "user.account.lock"}) {
				t.Errorf("%s", got.Body)
			}
		})
	})

	t.Run("pages through a backlog with filter and words", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		for range 5 {
			c.lifecycle(anna, "suspend").want(200)
			c.lifecycle(anna, "unsuspend").want(200)
		}
		path, got := query("/api/v1/logs", "limit", "2", "filter", `eventType eq "user.lifecycle.suspend" and target.id eq "`+anna+`"`), 0
		for range 4 {
			page := c.get(path).want(200)
			got, path = got+len(page.list()), page.next()
		}
		if got != 5 {
			t.Errorf("%d events", got)
		}
		if found := c.get("/api/v1/logs?q=unsuspend+anna").want(200).list(); len(found) != 5 {
			t.Errorf("%d by words", len(found))
		}
		if found := c.get(query("/api/v1/logs", "filter", `not (outcome.result eq "SUCCESS") or actor.alternateId sw "anna"`)).want(200).list(); len(found) != 0 {
			t.Errorf("%v", found)
		}
	})

	t.Run("may pause for longer than a first request looks back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{})
			page := c.get("/api/v1/logs").want(200)
			c.sim.Emit(time.Now(), event("user.account.lock"))
			time.Sleep(8 * 24 * time.Hour)
			if got := c.get(page.next()).want(200).list(); len(got) != 1 {
				t.Errorf("%v", got)
			}
		})
	})

	t.Run("goes by when an event was stored, not by when it happened", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.sim.Emit(time.Now().Add(-30*24*time.Hour), event("user.account.lock"))
		if got := c.get("/api/v1/logs").want(200).list(); len(got) != 1 {
			t.Errorf("%v", got)
		}
	})

	t.Run("begins at since, a week back unless told", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{})
			c.sim.Emit(time.Now(), event("user.session.start"))
			time.Sleep(8 * 24 * time.Hour)
			if got := c.get("/api/v1/logs").want(200).list(); len(got) != 0 {
				t.Errorf("%v", got)
			}
			since := time.Now().Add(-9 * 24 * time.Hour).UTC().Format(time.RFC3339)
			if got := c.get(query("/api/v1/logs", "since", since)).want(200).list(); len(got) != 1 {
				t.Errorf("%v", got)
			}
		})
	})
}

func TestBoundedSystemLogRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, oktasim.Options{})
		start := time.Now()
		for i := range 3 {
			c.sim.Emit(start.Add(time.Duration(3-i)*time.Minute), map[string]any{"eventType": "user.session.start"})
		}
		time.Sleep(time.Hour)
		whole := []string{"since", start.UTC().Format(time.RFC3339), "until", time.Now().UTC().Format(time.RFC3339), "limit", "2"}
		for order, sign := range map[string]int{"ASCENDING": 1, "DESCENDING": -1} {
			first := c.get(query("/api/v1/logs", append(slices.Clone(whole), "sortOrder", order)...)).want(200)
			second := c.get(first.next()).want(200)
			published := append(first.column("published"), second.column("published")...)
			if !slices.IsSortedFunc(published, func(a, b string) int { return sign * strings.Compare(a, b) }) || len(published) != 3 {
				t.Errorf("%s: %v", order, published)
			}
			if second.next() != "" {
				t.Errorf("%s: there is always more", order)
			}
		}
	})
}

func TestRefusedSystemLogRequests(t *testing.T) {
	t.Parallel()
	c := newClient(t, oktasim.Options{})
	c.get("/api/v1/logs?since=yesterday").want(400, "E0000030")
	c.get("/api/v1/logs?limit=1001").want(400, "E0000001")
	c.get("/api/v1/logs?sortOrder=UP").want(400, "E0000001")
	c.get(query("/api/v1/logs", "filter", `eventType`)).want(400, "E0000031")
}

func TestSystemLogNamesWhoDidIt(t *testing.T) {
	t.Parallel()
	c := newClient(t, oktasim.Options{})
	anna := seed.PersonOktaID(seed.NumberNamesake)
	c.post(users(anna), map[string]any{"profile": map[string]any{"city": "London"}}).want(200)
	if err := c.sim.AddMember(seed.GroupID("Sales"), anna); err != nil {
		t.Fatal(err)
	}
	if err := c.sim.SignIn(anna); err != nil {
		t.Fatal(err)
	}
	events := c.sim.Events()
	got := make([]string, 0, len(events))
	for _, e := range events {
		got = append(got, e.Actor+" "+e.Type+" "+e.Targets[len(e.Targets)-1])
	}
	want := []string{
		"ServiceNow Integration user.account.update_profile Anna Schmidt",
		"Okta System group.user_membership.remove Location Berlin",
		"Okta System group.user_membership.add Location London",
		"Console Administrator group.user_membership.add Sales",
		"Anna Schmidt user.session.start Anna Schmidt",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
