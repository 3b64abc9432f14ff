package snowsim

import (
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"lifecycle/shared/local/seed"
)

func manyPeople(n int) []seed.Person {
	people := make([]seed.Person, n)
	for i := range people {
		number := fmt.Sprintf("N%06d", i)
		people[i] = seed.Person{
			Number: number, First: "First", Last: fmt.Sprintf("Last%d", i), Email: fmt.Sprintf("p%d@example.com", i),
			Department: "Engineering", Location: "Berlin", TimeZone: "Europe/Berlin", SysID: seed.SysID(number), OktaStatus: "ACTIVE",
		}
	}
	return people
}

func TestALargeInstanceStaysFast(t *testing.T) {
	t.Parallel()
	const n = 100_000
	if testing.Short() {
		t.Skip("100,000 people")
	}
	b := setup(t, Options{Seed: &Seed{People: manyPeople(n)}})
	began := time.Now()
	const lookups = 1000
	for i := range lookups {
		at := i * (n / lookups)
		for column, value := range map[string]string{"employee_number": fmt.Sprintf("N%06d", at), "email": fmt.Sprintf("p%d@example.com", at)} {
			if got := b.list("sys_user", column+"="+value); len(got) != 1 {
				t.Fatalf("%s=%s finds %d", column, value, len(got))
			}
		}
		b.Insert("incident", map[string]string{"u_kind": "onboarding"})
	}
	// A scan of every row for each lookup would take minutes.
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("%d lookups and inserts took %s", 2*lookups, took)
	}
	r := b.get("/api/now/v2/table/sys_user", url.Values{
		"sysparm_query": {"active=true^employee_numberISNOTEMPTY^ORDERBYsys_id"}, "sysparm_limit": {"100"}, "sysparm_fields": {"sys_id"},
	})
	if got := r.header.Get("X-Total-Count"); got != fmt.Sprint(n) {
		t.Errorf("X-Total-Count is %s", got)
	}
}

func TestConcurrentCallers(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{HourlyLimit: 10_000})
	b.OnChange(func(c Change) { _ = b.Record(c.Table, c.SysID) })
	b.OnCall(func(Call) { _ = b.Calls() })
	id := b.incident(nil)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				b.want(b.call("POST", "/api/now/table/incident", none, map[string]string{"u_kind": fmt.Sprint(i)}), 201)
				b.want(b.call("PATCH", "/api/now/table/incident/"+id, none, map[string]string{"work_notes": fmt.Sprint(i)}), 200)
				b.list("incident", fmt.Sprintf("u_kind=%d", i))
				b.Snapshot(5)
			}
		})
	}
	all.Wait()
	if got := len(b.Journal("incident", id, "work_notes")); got != 160 {
		t.Errorf("%d notes", got)
	}
	if got := len(b.Query("incident", "numberISNOTEMPTY")); got != 161 {
		t.Errorf("%d incidents", got)
	}
	if got := b.Record("incident", id)["sys_mod_count"]; got != "160" {
		t.Errorf("%s updates", got)
	}
}
