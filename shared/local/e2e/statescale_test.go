package e2e_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
)

// crowd are n people like those of the seed, one in fifty of whom has left.
func crowd(n int) []seed.Person {
	models := slices.DeleteFunc(seed.People(), func(p seed.Person) bool { return p.EmployeeType == "service" || p.OktaStatus != "ACTIVE" })
	people := make([]seed.Person, 0, n+1)
	for i := range n {
		p := models[i%len(models)]
		p.Number, p.OktaID, p.SysID = fmt.Sprintf("L%06d", i), fmt.Sprintf("00ularge%012d", i), seed.SysID(fmt.Sprint("large/", i))
		p.Email, p.ManagerNumber, p.AdminRoles, p.DirectApps = fmt.Sprintf("person%d@example.com", i), "L000000", nil, nil
		if i == 0 {
			p.ManagerNumber = ""
		}
		if i%50 == 49 {
			p.OktaStatus, p.Groups = oktasim.Deprovisioned, []string{seed.GroupID("Everyone")}
		}
		people = append(people, p)
	}
	service := seed.People()
	return append(people, service[slices.IndexFunc(service, func(p seed.Person) bool { return p.Number == seed.NumberService })])
}

// crowded are both systems with the same many people.
func crowded(people []seed.Person) scenario.Options {
	groups := snowsim.Groups()
	for i := range groups {
		groups[i].Members = []string{"L000001"}
	}
	o := scenario.Options{Mishap: func(snowsim.Message) snowsim.Mishap { return snowsim.Mishap{Lose: true} }}
	o.Pace = 240 * time.Hour // the comparison is started by hand
	o.Okta = oktasim.New(oktasim.Options{Seed: &oktasim.Seed{People: people, Groups: seed.Groups(), Apps: seed.Apps()}, Bare: true, URL: local.OktaURL, Latency: 150 * time.Millisecond})
	o.ServiceNow = snowsim.New(snowsim.Options{Seed: &snowsim.Seed{People: people, Groups: groups}, Latency: 400 * time.Millisecond})
	return o
}

// compare starts a comparison and waits for its end.
func (o *office) compare() states.Execution {
	o.t.Helper()
	started, err := o.SFN().StartExecution(o.ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(o.Machine(comparing)), Input: aws.String(`{"table":"comparison","sys_id":"all","number":"comparison of all people"}`),
	})
	o.must(err)
	x, err := o.States.Wait(o.ctx, aws.ToString(started.ExecutionArn))
	o.must(err)
	o.is("the comparison", x.Status+" "+x.Error+x.Cause, states.Succeeded+" ")
	return x
}

// ledger of pages: what reading everybody once costs at least.
func floorOf(people []seed.Person) (okta, servicenow int) {
	former := 0
	for _, p := range people {
		if p.OktaStatus == oktasim.Deprovisioned {
			former++
		}
	}
	pages := func(n, size int) int { return (n + size - 1) / size }
	return pages(len(people)-former, 200) + pages(former, 200), pages(len(people)+2, 1000) // two users come with every instance
}

// counted counts the pages that are read of each system.
type counted struct {
	mu               sync.Mutex
	okta, servicenow int
	peak             uint64
}

func (c *counted) watch(call local.Outgoing, sample bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := call.Request
	switch {
	case local.OktaURL == "https://"+r.URL.Host && r.URL.Path == "/api/v1/users":
		c.okta++
	case strings.HasSuffix(r.URL.Path, "/table/sys_user") && r.URL.Query().Get("sysparm_limit") == "1000":
		c.servicenow++
	}
	if sample {
		c.peak = max(c.peak, inUse())
	}
}

// inUse is the memory that is reachable.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestComparisonOfAHundredThousandPeople(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 people take a minute")
	}
	const n = 100_000
	people := crowd(n)
	o := crowded(people)
	inOffice(t, o, func(o *office) {
		for i := range 10 { // drift of some kinds
			o.must(o.Okta.EditProfile(people[i*1000+1].OktaID, map[string]any{"title": "Drifted"}))
			o.must(o.Okta.SetStatus(people[i*1000+2].OktaID, oktasim.Suspended))
			o.ServiceNow.Update("sys_user", people[i*1000+3].SysID, map[string]string{"active": "false"})
			o.ServiceNow.Update("sys_user", people[i*1000+49].SysID, map[string]string{"active": "true"})
		}
		var seen counted
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			seen.watch(c, c.N%250 == 0)
			return local.Pass
		})
		began := time.Now()
		run := o.compare()
		rest := inUse()

		okta, servicenow := floorOf(people)
		repairs := 30 // each reads one account
		t.Logf("%d people in %s of virtual time: %d calls for pages of Okta (floor %d), %d of ServiceNow (floor %d), %d events of history, %d MB held at most",
			n, time.Since(began), seen.okta, okta, seen.servicenow, servicenow, run.Events, int64(seen.peak-min(seen.peak, rest))>>20)
		if got, floor := seen.okta+seen.servicenow, okta+servicenow; got*100 > floor*105 {
			t.Errorf("%d calls where %d are the floor", got, floor)
		}
		if held := int64(seen.peak) - int64(rest); held > 16<<20 {
			t.Errorf("a step holds %d MB", held>>20)
		}
		if run.Events > 5_000 { // Step Functions ends an execution at 25,000
			t.Errorf("%d events", run.Events)
		}
		for _, g := range o.Okta.Gauges() {
			o.is("429 for "+string(g.Bucket), g.Throttled, 0)
		}
		report, found := o.reportOf(run)
		o.is("a report was made", found, true)
		list := o.outcomes(report)
		o.is("repaired", strings.Count(list, ",repaired"), repairs)
		o.is("inactive in ServiceNow only", strings.Count(list, "inactive_in_servicenow,"), 10)
		o.is("lines", strings.Count(list, "\n"), 41)
	})
}

// A run that is killed goes on with the slice that it was at.
func TestComparisonGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	people := crowd(9_000)
	inOffice(t, crowded(people), func(o *office) {
		o.must(o.Okta.EditProfile(people[1].OktaID, map[string]any{"title": "Drifted"}))
		var seen counted
		kills := 0
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			seen.watch(c, false)
			seen.mu.Lock()
			defer seen.mu.Unlock()
			if c.N%61 == 0 && kills < 6 {
				kills++
				return local.KillAfter
			}
			return local.Pass
		})
		o.compare()
		okta, servicenow := floorOf(people)
		o.is("kills", kills, 6)
		if most := okta + servicenow + 6*20; seen.okta+seen.servicenow > most {
			t.Errorf("%d calls for pages; a slice is read again after each kill, which makes %d at most", seen.okta+seen.servicenow, most)
		}
		o.is("title", o.account(people[1].OktaID).Profile["title"], any(people[1].Title))
		o.verifiesLedger()
	})
}
