package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
)

const (
	syncing   = "StateSyncMachine"
	comparing = "StateComparisonMachine"
)

// synced waits until the poller has looked and nothing is being synchronised any
// more.
func (o *office) synced() {
	o.t.Helper()
	quiet := 0
	for range 2000 {
		time.Sleep(30 * time.Second)
		o.Outbox.Deliver(o.ctx)
		if len(o.syncs("RUNNING")) > 0 || o.undelivered() {
			quiet = 0
			continue
		}
		if quiet++; quiet > 5 {
			return
		}
	}
	o.t.Fatal("the synchronisation does not come to rest")
}

func (o *office) undelivered() bool {
	for _, m := range o.Outbox.Messages() {
		if m.State == snowsim.Waiting {
			return true
		}
	}
	return false
}

// syncs are the executions for people in a status; empty: all.
func (o *office) syncs(status string) []states.Execution {
	var list []states.Execution
	for _, x := range o.States.Executions(o.Machine(syncing)) {
		if status == "" || x.Status == status {
			list = append(list, x)
		}
	}
	return list
}

// sysUser is a seeded person's record in ServiceNow.
func (o *office) sysUser(number string) map[string]string {
	return o.ServiceNow.Record("sys_user", seed.PersonSysID(number))
}

// compared waits for the next comparison of all people and tells its report, if
// there is one.
func (o *office) compared(waiting ...string) (report scenario.Ticket, found bool) {
	o.t.Helper()
	before := len(o.States.Executions(o.Machine(comparing)))
	for range 10_000 {
		time.Sleep(time.Minute)
		o.Outbox.Deliver(o.ctx)
		runs := o.States.Executions(o.Machine(comparing))
		if len(runs) == before {
			continue
		}
		last := runs[len(runs)-1]
		if last.Status == states.Running && !slices.ContainsFunc(last.Current, func(s string) bool { return slices.Contains(waiting, s) }) {
			continue
		}
		if last.Status != states.Running {
			o.is("the comparison", last.Status+" "+last.Error, states.Succeeded+" ")
		}
		return o.reportOf(last)
	}
	o.t.Fatal("no comparison has run")
	return report, false
}

func (o *office) reportOf(run states.Execution) (scenario.Ticket, bool) {
	name := run.ARN[strings.LastIndexByte(run.ARN, ':')+1:]
	for _, row := range o.ServiceNow.Query("sc_task", "correlation_id=statesync-"+name) {
		return scenario.Ticket{Table: "sc_task", SysID: row["sys_id"], Number: row["number"]}, true
	}
	return scenario.Ticket{}, false
}

func TestSync(t *testing.T) {
	t.Parallel()
	const number = "E1013"
	id := seed.PersonOktaID(number)

	story(t, "an account deactivated in the console makes the person inactive in ServiceNow", scenario.Options{}, func(o *office) {
		o.must(o.Okta.SetStatus(id, oktasim.Deprovisioned))
		o.synced()
		o.is("active", o.sysUser(number)["active"], "false")
		o.is("locked out", o.sysUser(number)["locked_out"], "true")
		o.is("failed", len(o.syncs("FAILED")), 0)
	})
}

func TestComparison(t *testing.T) {
	t.Parallel()
	story(t, "finds and mends the one difference of the seeded org", scenario.Options{}, func(o *office) {
		_, found := o.compared()
		o.is("a report was made", found, false)
		o.is("locked out", o.sysUser(seed.NumberSuspended)["locked_out"], "true")
	})
}
