package oktasim_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

// manyPeople makes an org of n people, like those of the seed.
func manyPeople(n int) *oktasim.Seed {
	models := slices.DeleteFunc(seed.People(), func(p seed.Person) bool { return p.EmployeeType == "service" || p.OktaStatus != "ACTIVE" })
	org := &oktasim.Seed{Groups: seed.Groups(), Apps: seed.Apps(), People: make([]seed.Person, 0, n)}
	for i := range n {
		p := models[i%len(models)]
		p.Number = fmt.Sprintf("L%06d", i)
		p.OktaID = fmt.Sprintf("00ularge%012d", i)
		p.Email = fmt.Sprintf("person%d@example.com", i)
		p.AdminRoles = nil
		org.People = append(org.People, p)
	}
	return org
}

func TestOrgOfAHundredThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	const people = 100_000
	org := manyPeople(people)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	sim := oktasim.New(oktasim.Options{Seed: org, Bare: true, Limits: map[oktasim.Bucket]int{oktasim.BucketUsers: people, oktasim.BucketGroups: people, oktasim.BucketOther: people}})
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	size := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d people planted in %s, %d MB", people, took, size>>20)
	if perPerson := size / people; perPerson > 4096 {
		t.Errorf("%d bytes a person", perPerson)
	}
	if took > 15*time.Second { // two seconds on two busy cores
		t.Errorf("planting takes %s", took)
	}

	c := &client{t: t, sim: sim, auth: "SSWS " + oktasim.DefaultToken, spec: sim.Transport()}
	start = time.Now()
	path, listed := "/api/v1/users?limit=200", 0
	for range 25 {
		page := c.get(path).want(200)
		path, listed = page.next(), listed+strings.Count(string(page.Body), `"id":"00u`)
	}
	if listed != 25*200 {
		t.Errorf("%d people on 25 pages", listed)
	}
	t.Logf("a page takes %s", time.Since(start)/25)

	const calls = 300
	start = time.Now()
	for i := range calls {
		id := org.People[i*300].OktaID
		c.get(users(id, "groups")).want(200)
		c.get(query("/api/v1/users", "search", `profile.employeeNumber eq "`+org.People[i*300].Number+`"`)).want(200)
		c.put(groups(seed.GroupID("Managers"), "users", id), nil).want(204)
		c.lifecycle(id, "deactivate").want(200)
	}
	if each := time.Since(start) / (4 * calls); each > 20*time.Millisecond { // some microseconds, unless it walks through everybody
		t.Errorf("a call takes %s", each)
	} else {
		t.Logf("a call takes %s", each)
	}
}

func BenchmarkPageOfUsers(b *testing.B) {
	sim := oktasim.New(oktasim.Options{Seed: manyPeople(1000), Bare: true, Limits: map[oktasim.Bucket]int{oktasim.BucketUsers: 1 << 30}})
	c := &client{t: b, sim: sim, auth: "SSWS " + oktasim.DefaultToken, spec: sim.Transport()}
	for b.Loop() {
		c.get("/api/v1/users?limit=200").want(200)
	}
}

func BenchmarkCall(b *testing.B) {
	sim := oktasim.New(oktasim.Options{Limits: map[oktasim.Bucket]int{oktasim.BucketUserRead: 1 << 30}})
	c := &client{t: b, sim: sim, auth: "SSWS " + oktasim.DefaultToken, spec: sim.Transport()}
	for b.Loop() {
		c.get(users(seed.PersonOktaID(seed.NumberNamesake))).want(200)
	}
}
