package oktasim_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

// TestConcurrentUse has many callers do everything at once; the race detector
// and the org's own answers tell whether that is safe.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	limits := map[oktasim.Bucket]int{}
	for bucket := range oktasim.DefaultLimits() {
		limits[bucket] = 1 << 20
	}
	sim := oktasim.New(oktasim.Options{
		Limits: limits, SearchLag: time.Microsecond, DeactivationTime: time.Microsecond, ActivationTime: time.Microsecond, RuleTime: time.Microsecond,
	})
	sim.OnCall(func(oktasim.Call) { sim.Gauges() })
	sim.Fault(func(_ *http.Request, n int) *oktasim.Fault {
		if n%17 == 0 {
			return &oktasim.Fault{Status: 503, Work: n%2 == 0}
		}
		return nil
	})
	people := seed.People()[1:40]
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			c := &client{t: t, sim: sim, auth: "SSWS " + oktasim.DefaultToken, header: http.Header{"Prefer": {"respond-async"}}, spec: sim.Transport()}
			for i := range 6 {
				id := people[(worker*7+i)%len(people)].OktaID
				if id == seed.PersonOktaID(seed.NumberSuperAdmin) {
					continue
				}
				c.get("/api/v1/users?limit=200")
				c.get(query("/api/v1/users", "search", `status eq "ACTIVE"`))
				c.put(groups(seed.GroupID("GitHub Engineers"), "users", id), nil)
				c.lifecycle(id, "deactivate")
				c.post(users(id), map[string]any{"profile": map[string]any{"city": "London"}})
				c.lifecycle(id, "activate?sendEmail=true")
				c.delete(groups(seed.GroupID("Location London"), "users", id))
				c.get("/api/v1/logs?limit=1000")
				_ = sim.SignIn(id)
				sim.Snapshot(id)
				sim.Emit(time.Now(), map[string]any{"eventType": "user.session.start"})
			}
			sim.Accounts()
			sim.Events()
			sim.Calls()
		})
	}
	group.Wait()
	gauges := sim.Gauges()
	if busy := gauges[len(gauges)-1]; busy.Used != 0 || busy.Calls < 300 {
		t.Errorf("%+v", busy)
	}
}
