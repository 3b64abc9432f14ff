package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/guard"
	"lifecycle/shared/lease"
	"lifecycle/shared/local"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// jira asks for something that nobody has to approve, for a time.
func jira(number, duration string) scenario.Ask {
	return scenario.Ask{By: scenario.Login(number), Item: "Jira", Duration: duration}
}

func (o *office) hasJira(number string) bool {
	o.t.Helper()
	return slices.Contains(directApps(o.person(number)), seed.AppJira)
}

// comment is the last thing the requester was told.
func (o *office) comment(t scenario.Ticket) string {
	o.t.Helper()
	notes := o.Notes(t, "comments")
	if len(notes) == 0 {
		o.t.Fatalf("%s has no comment", t.Number)
	}
	return notes[len(notes)-1]
}

func TestLeaseExpiry(t *testing.T) {
	t.Parallel()
	hourly := func() scenario.Options { o := scenario.Options{}; o.Pace = time.Hour; return o }

	story(t, "ends access within minutes of its time, although no execution waits for that", scenario.Options{}, func(o *office) {
		ticket := o.asks(jira("E1042", "2h"))
		o.ended(ticket, itemComplete, "It ends on 1 January 2000 02:00 UTC")
		time.Sleep(2*time.Hour - 2*time.Minute)
		o.is("held shortly before", o.hasJira("E1042"), true)
		o.is("executions that wait", len(o.running(asking, ticket)), 0)
		time.Sleep(8 * time.Minute)
		o.is("held after it", o.hasJira("E1042"), false)
		o.is("leases", len(o.requested("E1042")), 0)
		o.says(o.comment(ticket), "Access to Jira has ended: its time was over on 1 January 2000 02:00 UTC.")
		told := len(o.Notes(ticket, "comments"))
		time.Sleep(2 * time.Hour)
		o.is("told once", len(o.Notes(ticket, "comments")), told)
		o.is("state", o.Column(ticket, "state"), itemComplete)
		var verbs []string
		for _, r := range o.records(ticket) {
			if r.Phase != audit.Intent && (r.Verb == "app.unassign" || r.Verb == "lease.end") {
				verbs = append(verbs, r.Verb+" "+r.Reason.Kind)
			}
		}
		o.is("the ledger", verbs, []string{"app.unassign expiry", "lease.end expiry"})
	})

	story(t, "warns a week before, once, and a new request extends it", hourly(), func(o *office) {
		first := o.asks(jira("E1042", "20d"))
		time.Sleep(12 * days)
		o.is("told too early", len(o.Notes(first, "comments")), 1)
		time.Sleep(2 * days)
		o.says(o.comment(first), `Access to Jira ends on 21 January 2000 00:00 UTC. To keep it, request "Jira" again before then.`)
		second := o.asks(jira("E1042", "20d"))
		o.ended(second, itemComplete, "It ends on 4 February 2000")
		time.Sleep(8 * days)
		o.is("warnings", len(o.Notes(first, "comments")), 3)
		o.says(o.comment(first), "The person keeps it, because it is given for another reason too: by "+second.Number)
		o.is("held in the extended time", o.hasJira("E1042"), true)
		time.Sleep(14 * days)
		o.is("held in the end", o.hasJira("E1042"), false)
	})

	story(t, "says that nothing has to be done to whom asks for less than is held", scenario.Options{}, func(o *office) {
		first := o.asks(jira("E1042", "20d"))
		second := o.asks(jira("E1042", "10d"))
		o.ended(second, itemComplete, `The person holds "Jira" already, until 21 January 2000 00:00 UTC: by `+first.Number)
	})

	story(t, "never takes what a birthright gives besides", hourly(), func(o *office) {
		ticket := o.asks(jira("E1042", "2d"))
		id := seed.PersonOktaID("E1042")
		register := lease.New(o.DynamoDB(), o.Table("LeasesTable"), o.ledger())
		ctx := audit.WithTrail(o.ctx, audit.Trail{Stream: "test/birthright", Actor: "system:test"})
		o.must(register.Grant(ctx, lease.Lease{
			Subject: id, Entitlement: lease.Entitlement{Kind: "app", ID: seed.AppID(seed.AppJira)}, Name: "Jira", Key: lease.Birthright,
			Reason: audit.Reason{Kind: "birthright", Ref: "job[title=Paralegal]"},
		}))
		time.Sleep(3 * days)
		o.is("held", o.hasJira("E1042"), true)
		o.is("leases by request", len(o.requested("E1042")), 0)
		o.says(o.comment(ticket), "The person keeps it", "by the rule job[title=Paralegal]")
		o.is("warned although it is kept", o.noted(ticket, "request \"Jira\" again"), 0)
	})

	story(t, "goes on with the others when one cannot be ended, raises the alarm, and comes back to it", hourly(), func(o *office) {
		o.asks(jira("E1042", "1d"))
		o.asks(jira("E1041", "1d"))
		stuck := seed.PersonOktaID("E1042")
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			if c.Request.Method == http.MethodDelete && strings.HasSuffix(c.Request.URL.Path, "/users/"+stuck) {
				return local.Fail
			}
			return local.Pass
		})
		time.Sleep(2 * days)
		o.is("the other", o.hasJira("E1041"), false)
		o.is("the one", o.hasJira("E1042"), true)
		o.is("its lease", len(o.requested("E1042")), 1)
		failed := 0
		for _, x := range o.States.Executions(o.Machine("LeaseExpiryMachine")) {
			if x.Status == "FAILED" {
				failed++
			}
		}
		if failed == 0 {
			o.t.Error("no alarm was raised")
		}
		o.Sabotage(nil)
		time.Sleep(2 * time.Hour)
		o.is("in the end", o.hasJira("E1042"), false)
	})

	story(t, "waits for the switch that stops all writes, in one execution only", hourly(), func(o *office) {
		o.asks(jira("E1042", "1d"))
		o.must(guard.NewSwitch(o.DynamoDB(), o.Table("ControlTable")).Stop(o.ctx, "an operator", "an exercise"))
		time.Sleep(3 * days)
		o.is("held while everything is stopped", o.hasJira("E1042"), true)
		running := 0
		for _, x := range o.States.Executions(o.Machine("LeaseExpiryMachine")) {
			if x.Status == "RUNNING" {
				running++
			}
		}
		o.is("sweeps that wait", running, 1)
		o.must(guard.NewSwitch(o.DynamoDB(), o.Table("ControlTable")).Start(o.ctx, "an operator"))
		time.Sleep(2 * time.Hour)
		o.is("held afterwards", o.hasJira("E1042"), false)
	})

	story(t, "leaves to the offboarding what a leaver holds, and ends nothing twice", hourly(), func(o *office) {
		o.asks(jira("E1042", "3d"))
		o.gone("E1042", nil)
		time.Sleep(5 * days)
		o.hasNothing(o.person("E1042"))
		for _, x := range o.States.Executions(o.Machine("LeaseExpiryMachine")) {
			if x.Status == "FAILED" {
				o.t.Errorf("%s: %s", x.Name, x.Cause)
			}
		}
	})

	story(t, "ends a request for a group as well, and only that", hourly(), func(o *office) {
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1042"), Item: "AWS development access", Duration: "1d"})
		o.answers(ticket, "E1009", snowsim.Approved, "")
		before := groupsOf(o.person("E1042"))
		o.answers(ticket, "E1010", snowsim.Approved, "")
		o.is("held", o.holdsGroup("E1042", "AWS Developers"), true)
		time.Sleep(2 * days)
		o.is("groups", groupsOf(o.person("E1042")), before)
	})
}
