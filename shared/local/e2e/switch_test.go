package e2e_test

import (
	"net/http"
	"testing"
	"time"

	"lifecycle/shared/guard"
	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/snowsim"
)

// unhurried is a world in which calls take their time, so that something can
// happen in the middle of a process.
func unhurried() scenario.Options {
	return scenario.Options{Options: local.Options{
		Okta:       oktasim.New(oktasim.Options{URL: local.OktaURL, Latency: 2 * time.Second, KeepCalls: 10_000}),
		ServiceNow: snowsim.New(snowsim.Options{Latency: 2 * time.Second, KeepCalls: 10_000}),
		Pace:       rare,
	}}
}

// TestSwitch shows that one switch stops all writes, and that all work goes on
// when it is back on.
func TestSwitch(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, 20 * time.Second} {
		t.Run("stopped after "+after.String(), func(t *testing.T) {
			t.Parallel()
			inOfficeOf(t, unhurried, func(o *office) {
				stop := guard.NewSwitch(o.DynamoDB(), o.Table("ControlTable"))
				hire, leave := o.hire(seller), o.leaver("E1013", nil)
				time.Sleep(after)
				o.must(stop.Stop(o.ctx, "the operator on duty", "drill"))
				time.Sleep(30 * time.Second) // what was read of the switch is believed for a while, and calls are under way
				since := time.Now()
				time.Sleep(6 * time.Hour)
				o.is("writes while all is stopped", o.writesSince(since), []string(nil))
				o.is("running", []int{len(o.running(joining, hire)), len(o.running(leaving, leave))}, []int{1, 1})
				o.must(stop.Start(o.ctx, "the operator on duty"))
				time.Sleep(15 * time.Minute)
				o.isResolved(hire)
				o.isResolved(leave)
				o.is("status", o.account(jana).Status, oktasim.Provisioned)
				o.is("mails", len(o.mailsTo(o.account(jana).ID)), 1)
				o.hasNothing(o.person("E1013"))
				o.verifiesLedger()
			})
		})
	}
}

// writesSince are the calls since then that changed something in either system.
func (o *office) writesSince(since time.Time) []string {
	var list []string
	for _, c := range o.Okta.Calls() {
		if c.Method != http.MethodGet && !c.At.Before(since) {
			list = append(list, c.Method+" "+c.Path)
		}
	}
	for _, c := range o.ServiceNow.Calls() {
		if c.Method != http.MethodGet && !c.At.Before(since) {
			list = append(list, c.Method+" "+c.Path)
		}
	}
	return list
}
