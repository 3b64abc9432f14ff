package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
)

func TestSyncHoldsMassChangesBack(t *testing.T) {
	t.Parallel()
	options := scenario.Options{}
	options.Parameters = map[string]string{"StateSyncThreshold": "3"}
	leavers := []string{"E1013", "E1014", "E1015", "E1016", "E1017", "E1018"}
	inactive := func(o *office) (n int) {
		for _, number := range leavers {
			if o.sysUser(number)["active"] == "false" {
				n++
			}
		}
		return n
	}
	story(t, "what is too much at once waits for the comparison and a person", options, func(o *office) {
		for _, number := range leavers {
			o.must(o.Okta.SetStatus(seed.PersonOktaID(number), oktasim.Deprovisioned))
		}
		o.settled()
		o.is("carried over before anybody agreed", inactive(o), 3)
		o.is("tasks that say so", len(o.ServiceNow.Query("sc_task", "short_descriptionSTARTSWITHState sync: mass change parked")), 1)
		report, found := o.compared("AskApproval")
		o.is("a report waits", found, true)
		o.is("carried over while it waits", inactive(o), 3)
		_, err := o.ServiceNow.Decide(report.SysID, snowsim.Approved)
		o.must(err)
		for range 60 {
			time.Sleep(time.Minute)
			o.Outbox.Deliver(o.ctx)
		}
		o.is("carried over once it is agreed to", inactive(o), len(leavers))
		o.is("the report is closed", o.Column(report, "state"), "3")
		o.says(o.outcomes(report), "inactive_in_okta", ",repaired")
	})
	story(t, "a no leaves everything as it is", options, func(o *office) {
		for _, number := range leavers {
			o.edit(number, map[string]string{"title": "Nonsense"})
			o.must(o.Okta.SetStatus(seed.PersonOktaID(number), oktasim.Suspended))
		}
		o.settled()
		report, found := o.compared("AskApproval")
		o.is("a report waits", found, true)
		_, err := o.ServiceNow.Decide(report.SysID, snowsim.Rejected)
		o.must(err)
		for range 30 {
			time.Sleep(time.Minute)
			o.Outbox.Deliver(o.ctx)
		}
		o.says(o.outcomes(report), "not released")
		o.is("the report stays open", o.Column(report, "state"), "1")
	})
	story(t, "without an answer nothing is repaired and the turn is given back", options, func(o *office) {
		for _, number := range leavers {
			o.must(o.Okta.SetStatus(seed.PersonOktaID(number), oktasim.Deprovisioned))
		}
		o.settled()
		_, found := o.compared("AskApproval")
		o.is("a report waits", found, true)
		time.Sleep(23 * time.Hour)
		o.is("carried over", inactive(o), 3)
		o.is("running", len(slices.DeleteFunc(o.States.Executions(o.Machine(comparing)), func(x states.Execution) bool { return x.Status != states.Running })), 0)
	})
}

func TestPollerMisfortunes(t *testing.T) {
	t.Parallel()
	story(t, "a poller killed between page and position loses nothing and starts nothing twice", scenario.Options{}, func(o *office) {
		killed := 0
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			if c.Function == "StateSyncPoller" && strings.HasSuffix(c.Request.Header.Get("X-Amz-Target"), ".StartExecution") && killed < 3 {
				killed++
				return local.KillAfter
			}
			return local.Pass
		})
		o.must(o.Okta.SetStatus(seed.PersonOktaID(engineer), oktasim.Suspended))
		o.settled()
		o.is("kills", killed, 3)
		o.is("ServiceNow", o.flags(engineer), "active=true locked_out=true")
		o.is("executions", len(o.syncs("")), 1)
	})
	story(t, "after a day's outage every person is caught up with", scenario.Options{}, func(o *office) {
		time.Sleep(10 * time.Minute)
		down := time.Now().Add(24 * time.Hour)
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			if c.Function == "StateSyncPoller" && time.Now().Before(down) {
				return local.Fail
			}
			return local.Pass
		})
		for _, p := range seed.People()[10:30] {
			o.must(o.Okta.SetStatus(p.OktaID, oktasim.Suspended))
		}
		time.Sleep(time.Until(down) - 2*time.Hour) // before the comparison would find them
		time.Sleep(2*time.Hour + 10*time.Minute)
		o.settled()
		for _, p := range seed.People()[10:30] {
			o.is(p.Number, o.flags(p.Number), "active=true locked_out=true")
		}
	})
	quiet(t, "a late event is not skipped", func(o *office) {
		o.settled()
		o.Okta.Emit(time.Now().Add(-3*time.Hour), map[string]any{
			"eventType": "user.lifecycle.suspend", "target": []any{map[string]any{"id": seed.PersonOktaID(engineer), "type": "User"}},
		})
		o.settled()
		o.is("executions", len(o.syncs("")), 1)
		o.is("ServiceNow follows the state, not the event", o.flags(engineer), there)
	})
}
