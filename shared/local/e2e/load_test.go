package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// busyDay is an org of the usual size in the network, with the default limits of
// a Workforce org and calls that take as long as they do.
func busyDay(leavers int) func() scenario.Options {
	return func() scenario.Options {
		people := seed.People()
		for i := range leavers {
			p := people[10+i%30] // with all that those hold
			p.Number, p.OktaStatus, p.Last = fmt.Sprintf("L%04d", i), "ACTIVE", fmt.Sprintf("Leaver%d", i)
			p.Email = fmt.Sprintf("leaver%d@%s", i, seed.Domain)
			p.OktaID, p.SysID = seed.PersonOktaID(p.Number), seed.PersonSysID(p.Number)
			people = append(people, p)
		}
		return scenario.Options{Options: local.Options{
			Okta: oktasim.New(oktasim.Options{
				URL: local.OktaURL, Latency: 80 * time.Millisecond, DeactivationTime: time.Second, SearchLag: 5 * time.Second, KeepCalls: 1,
				Seed: &oktasim.Seed{People: people, Groups: seed.Groups(), Apps: seed.Apps()},
			}),
			ServiceNow: snowsim.New(snowsim.Options{
				Latency: 120 * time.Millisecond, KeepCalls: 1, Seed: &snowsim.Seed{People: people, Groups: snowsim.Groups()},
			}),
			Parameters: map[string]string{"BreakerLimit": "1000"},
			Pace:       rare,
		}}
	}
}

// TestLoad puts 1,000 onboardings and 50 offboardings into the system at once.
func TestLoad(t *testing.T) {
	t.Parallel()
	hires, leavers := 1000, 50
	if testing.Short() {
		hires, leavers = 100, 10
	}
	inOfficeOf(t, busyDay(leavers), func(o *office) {
		began := time.Now()
		var joiners, gone []scenario.Ticket
		for i := range hires {
			if i*leavers/hires != (i-1)*leavers/hires || i == 0 {
				number := fmt.Sprintf("L%04d", i*leavers/hires)
				ticket, err := o.Open(leaverKind(), scenario.Requester, "Termination", map[string]string{
					"email": fmt.Sprintf("leaver%d@%s", i*leavers/hires, seed.Domain), "employee_number": number,
				})
				o.must(err)
				gone = append(gone, ticket)
			}
			joiners = append(joiners, o.hire(newcomer(i)))
		}
		o.is("terminations", len(gone), leavers)
		slowest := o.slowest(began, gone)
		if slowest > time.Minute {
			t.Errorf("the slowest termination took %s", slowest)
		}
		total := o.slowest(began, joiners)
		floor, bucket := o.floor()
		t.Logf("%d onboardings and %d offboardings took %s, %.2f times the floor of %s that %s allows; the slowest termination %s",
			hires, leavers, total.Round(time.Second), total.Seconds()/floor.Seconds(), floor.Round(time.Second), bucket, slowest.Round(time.Second))
		if total > floor*115/100 && !testing.Short() {
			t.Errorf("it took %s, %.2f times the floor", total, total.Seconds()/floor.Seconds())
		}
		for _, g := range o.Okta.Gauges() {
			if g.Throttled > 0 {
				t.Errorf("%d of %d calls to %s were answered 429", g.Throttled, g.Calls, g.Bucket)
			}
		}
	})
}

// newcomer is the form of the i-th new hire: most need groups only, one in ten
// an app too.
func newcomer(i int) map[string]string {
	jobs := []map[string]string{
		{"department": "Engineering", "title": "Engineer"}, {"department": "Engineering", "title": "Senior Engineer"},
		{"department": "Support", "title": "Support Specialist", "manager": "E1008"}, {"department": "Engineering", "title": "Engineer", "location": "Tokyo"},
		{"department": "Finance", "title": "Accountant", "manager": "E1004"}, {"department": "Security", "title": "Security Engineer", "manager": "E1007"},
		{"department": "Engineering", "title": "Staff Engineer"}, {"department": "People", "title": "People Partner", "manager": "E1005"},
		{"department": "Engineering", "title": "Engineer", "location": "London"}, {"department": "Sales", "title": "Account Executive", "manager": "E1003"},
	}
	form := map[string]string{
		"first_name": fmt.Sprintf("Nova%d", i), "last_name": fmt.Sprintf("Newcomer%d", i),
		"email": fmt.Sprintf("newcomer%d@%s", i, seed.Domain), "employee_number": fmt.Sprintf("N%05d", i),
	}
	for name, value := range jobs[i%len(jobs)] {
		form[name] = value
	}
	return form
}

// slowest waits until every ticket is resolved, and tells how long the last took.
func (o *office) slowest(began time.Time, tickets []scenario.Ticket) time.Duration {
	o.t.Helper()
	var last time.Time
	for _, ticket := range tickets {
		for o.Column(ticket, "state") != stateResolved {
			if time.Since(began) > 6*time.Hour {
				o.t.Fatalf("%s is not resolved after six hours: %q", ticket.Number, o.Notes(ticket, ""))
			}
			time.Sleep(time.Second)
		}
		at, err := time.Parse(time.DateTime, o.Column(ticket, "resolved_at"))
		o.must(err)
		if at.After(last) {
			last = at
		}
	}
	return last.Sub(began)
}

// floor is how long the calls that were made take at least, by the limit that
// they used most of.
func (o *office) floor() (longest time.Duration, bucket oktasim.Bucket) {
	for _, g := range o.Okta.Gauges() {
		if g.Bucket == "concurrency" {
			continue
		}
		if takes := time.Duration(float64(g.Calls) / float64(g.Limit) * float64(time.Minute)); takes > longest {
			longest, bucket = takes, g.Bucket
		}
	}
	return longest, bucket
}
