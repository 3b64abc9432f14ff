package e2e_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
	"lifecycle/shared/local"
	"lifecycle/shared/local/largeorg"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
)

const (
	largeOkta       = "https://okta.large.example"
	largeServiceNow = "https://servicenow.large.example"
)

// inLargeOrg runs a test in an office whose Okta and ServiceNow are those of a
// large org, on virtual time.
func inLargeOrg(t *testing.T, size largeorg.Size, share string, tell func(*office, *largeorg.Org)) {
	t.Helper()
	var org *largeorg.Org
	inOfficeOf(t, func() (o scenario.Options) {
		org = largeorg.New(size, time.Now())
		okta, servicenow := org.Okta(150*time.Millisecond), org.ServiceNow(400*time.Millisecond)
		o.Pace, o.Rules = 100*24*time.Hour, org.Rules()
		o.Parameters = map[string]string{"OktaOrgUrl": largeOkta, "ServiceNowUrl": largeServiceNow, "OktaLimitShare": share}
		o.Outside = outside(func(r *http.Request) (*http.Response, error) {
			if "https://"+r.URL.Host == largeOkta {
				return okta.RoundTrip(r)
			}
			return servicenow.RoundTrip(r)
		})
		return o
	}, func(o *office) {
		o.leaseLarge(org)
		time.Sleep(2 * time.Hour)
		tell(o, org)
	})
}

type outside func(*http.Request) (*http.Response, error)

func (f outside) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// leaseLarge enters into the register what the org expects to be there.
func (o *office) leaseLarge(org *largeorg.Org) {
	o.t.Helper()
	id, name, members := org.LeasedGroup()
	register := lease.New(o.DynamoDB(), o.Table("LeasesTable"), o.ledger())
	ctx := audit.WithTrail(o.ctx, audit.Trail{Stream: "import/access", Actor: "system:import"})
	for _, m := range members {
		o.must(register.Grant(ctx, lease.Lease{
			Subject: m, Entitlement: lease.Entitlement{Kind: "group", ID: id}, Name: name, Key: lease.RequestKey("RITM1"), Ticket: "RITM1",
			Reason: audit.Reason{Kind: "request", Ref: "RITM1"},
		}))
	}
}

// peak samples the memory that is reachable while a test runs.
type peak struct {
	mu   sync.Mutex
	most uint64
	n    int
}

func (p *peak) sample(every int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n++; p.n%every != 0 {
		return
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.most = max(p.most, m.HeapAlloc)
}

// TestAccessReviewOfALargeOrg reviews a tenth of an org of 100,000 users, 2,000
// groups, 1.5 million memberships, 300 apps and 600,000 assignments; all of it
// with -thorough.
func TestAccessReviewOfALargeOrg(t *testing.T) {
	size := largeorg.Full()
	if !*thorough {
		size = size.Part(10)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(100)) // as in a Lambda, not as TestMain sets it for small worlds
	inLargeOrg(t, size, "0.92", func(o *office, org *largeorg.Org) {
		var heap peak
		o.Sabotage(func(local.Outgoing) local.Verdict {
			heap.sample(20)
			return local.Pass
		})
		r := o.review(everything)
		elapsed := r.execution.Stopped.Sub(r.execution.Started)

		calls, throttled := org.Calls()
		floor, slowest := org.Floor(), time.Duration(0)
		made, least := 0, 0
		for _, bucket := range slices.Sorted(maps.Keys(floor)) {
			made, least = made+calls[bucket], least+floor[bucket]
			slowest = max(slowest, time.Duration(calls[bucket])*time.Minute/time.Duration(oktasim.DefaultLimits()[oktasim.Bucket(bucket)]))
			t.Logf("%-16s %5d calls, floor %5d", bucket, calls[bucket], floor[bucket])
		}
		t.Logf("%+v", r.Figures)
		t.Logf("%d calls where %d are the floor: %.4f; %s of virtual time, the slowest limit alone takes %s: %.3f; %d MB of heap at most; %d events of history",
			made, least, float64(made)/float64(least), elapsed, slowest, elapsed.Seconds()/slowest.Seconds(), heap.most>>20, r.execution.Events)
		o.is("429", throttled, 0)
		if made*100 > least*105 {
			t.Errorf("%d calls where %d are the floor", made, least)
		}
		if *thorough && elapsed > slowest*11/10 {
			t.Errorf("%s, and the slowest limit takes %s", elapsed, slowest)
		}
		if heap.most > 512<<20 {
			t.Errorf("%d MB of heap", heap.most>>20)
		}
		o.is("found", r.largely(), expectedLargely(org))
	})
}

// largely are the findings in short.
func (r reviewed) largely() []string {
	var list []string
	for _, f := range r.findings {
		list = append(list, fmt.Sprintf("%s %s %s", f.Flag, f.Person.OktaID, f.Holding.Name))
	}
	slices.Sort(list)
	return list
}

func expectedLargely(org *largeorg.Org) []string {
	var list []string
	for _, v := range org.Planted() {
		list = append(list, fmt.Sprintf("%s %s %s", v.Flag, v.User, v.Holding))
	}
	slices.Sort(list)
	return list
}

// evidenceOf is the file of findings as it stands in the bucket.
func (o *office) evidenceOf(r reviewed) []byte {
	o.t.Helper()
	content, found := o.Objects().Get(o.Bucket("EvidenceBucket"), "reviews/"+r.ID+"/findings.ndjson")
	o.is("findings.ndjson", found, true)
	return content
}

// TestAccessReviewGoesOnWhereItWasCutOff kills, cuts and throttles a review all
// along its way: what it finds is the same, byte by byte. Little of Okta's limits
// is used, so that every list takes several slices.
func TestAccessReviewGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	size := largeorg.Size{Users: 2_000, Former: 40, Groups: 60, Memberships: 20_000, Apps: 12, Assignments: 7_000, Violations: 6}
	var undisturbed []byte
	calls := 0
	inLargeOrg(t, size, "0.05", func(o *office, org *largeorg.Org) {
		o.Sabotage(func(local.Outgoing) local.Verdict { return local.Pass })
		r := o.review(everything)
		calls, undisturbed = o.Calls(), o.evidenceOf(r)
		o.is("found", r.largely(), expectedLargely(org))
	})
	verdicts := map[string]local.Verdict{
		"killed before a call": local.KillBefore, "killed after a call": local.KillAfter, "an answer lost": local.LoseAnswer,
		"a 503": local.Fail, "a 429": local.Throttle,
	}
	offsets := 1
	if *thorough {
		offsets = 5
	}
	for _, name := range slices.Sorted(maps.Keys(verdicts)) {
		for offset := range offsets {
			t.Run(fmt.Sprintf("%s, %d", name, offset), func(t *testing.T) {
				t.Parallel()
				inLargeOrg(t, size, "0.05", func(o *office, _ *largeorg.Org) {
					disturbed := o.disturbs(verdicts[name], calls/mostDisturbed, offset)
					r := o.review(everything)
					if disturbed() < mostDisturbed/2 {
						t.Errorf("disturbed %d times only", disturbed())
					}
					if !bytes.Equal(o.evidenceOf(r), undisturbed) {
						t.Errorf("found something else than undisturbed: %v", r.largely())
					}
				})
			})
		}
	}
}

// mostDisturbed is how often a review is disturbed.
const mostDisturbed = 24

// disturbs lets something happen to every so many-th call of the review, and says
// how often it did.
func (o *office) disturbs(verdict local.Verdict, every, offset int) (times func() int) {
	var mu sync.Mutex
	disturbed, seen := 0, offset*7
	if verdict == local.Throttle { // AWS is not throttled, so there are fewer calls
		every = max(2, every/8)
	}
	o.Sabotage(func(c local.Outgoing) local.Verdict {
		mu.Lock()
		defer mu.Unlock()
		aws := !strings.HasSuffix(c.Request.URL.Host, "large.example")
		if c.Function != "AccessReviewSteps" || aws && verdict == local.Throttle || disturbed == mostDisturbed {
			return local.Pass
		}
		if seen++; seen%every != 0 {
			return local.Pass
		}
		disturbed++
		return verdict
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return disturbed
	}
}
