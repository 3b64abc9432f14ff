package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/states"
)

// TestRulesChangeCrashes lets calls of a change of the rules go wrong, one at a
// time, in ways that take turns: it always ends as the undisturbed one does.
func TestRulesChangeCrashes(t *testing.T) {
	t.Parallel()
	candidate := changedRules(t, `"groups": ["GitHub Engineers", "AWS Developers"]}`, `"groups": ["GitHub Engineers", "Zendesk Agents"]}`)
	options := calm(scenario.Options{})
	options.Parameters = map[string]string{"RulesRemovalLimit": "100"}
	run := func(t *testing.T, decide func(local.Outgoing) local.Verdict) (end string) {
		t.Helper()
		inOffice(t, options, func(o *office) {
			plan := o.weighed(candidate).Hash
			o.Sabotage(decide)
			status, answer := o.questions("/entitlements/changes", map[string]any{"candidate": json.RawMessage(candidate), "plan": plan}, nil)
			o.is("status", status, http.StatusAccepted)
			o.agreesToChange()
			o.Sabotage(nil)
			time.Sleep(time.Minute) // as long as a function goes by the rules that it has read
			o.says(string(answer), `"execution"`)
			end = o.afterChange() + fmt.Sprintf("left to change: %d\n", o.weighed(candidate).Changed)
			o.verifiesLedger()
		})
		return end
	}
	var mu sync.Mutex
	var calls []string
	want := run(t, func(c local.Outgoing) local.Verdict {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, describe(c))
		return local.Pass
	})
	every := 7
	if testing.Short() {
		every = 29
	}
	for i := range calls {
		// What goes wrong at the door the caller is told, and asks again.
		if (!*thorough && i%every != 0) || strings.HasPrefix(calls[i], "RulesChangeTrigger") {
			continue
		}
		d := disturbances[i/every%len(disturbances)]
		t.Run(fmt.Sprintf("%s call %d, %s", d.how, i+1, calls[i]), func(t *testing.T) {
			t.Parallel()
			got := run(t, func(c local.Outgoing) local.Verdict {
				if c.N == i+1 {
					return d.verdict
				}
				return local.Pass
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("it ends otherwise (-undisturbed +disturbed):\n%s", diff)
			}
		})
	}
}

// agreesToChange answers the question about a change of the rules.
func (o *office) agreesToChange() {
	o.t.Helper()
	for range 10_000 {
		if len(o.ServiceNow.Query("sc_task", "correlation_display=Change of access rules")) > 0 {
			if _, err := o.ServiceNow.Decide(o.changeTask().SysID, "approved"); err == nil {
				break
			}
		}
		time.Sleep(10 * time.Second)
	}
	for len(o.runningChanges()) > 0 {
		time.Sleep(10 * time.Second)
	}
}

func (o *office) runningChanges() []states.Execution {
	var list []states.Execution
	for _, x := range o.States.Executions(o.Machine(rulesChanging)) {
		if x.Status == states.Running {
			list = append(list, x)
		}
	}
	return list
}

// afterChange tells how everything stands after a change of the rules.
func (o *office) afterChange() string {
	o.t.Helper()
	var b strings.Builder
	task := o.changeTask()
	fmt.Fprintf(&b, "tasks %d, state %s\n", len(o.ServiceNow.Query("sc_task", "")), o.Column(task, "state"))
	for _, note := range o.Notes(task, "work_notes") {
		fmt.Fprintf(&b, "%s\n", steady(note, ""))
	}
	for _, p := range seed.People() {
		fmt.Fprintf(&b, "%s %q", p.Number, groupsOf(o.person(p.Number)))
		for _, l := range o.leases(p.OktaID) {
			fmt.Fprintf(&b, " %s %s %s", l.Entitlement, l.Key, l.Reason.Ref)
		}
		b.WriteString("\n")
	}
	for _, x := range o.States.Executions(o.Machine(rulesChanging)) {
		fmt.Fprintf(&b, "execution %s %s\n", x.Status, x.Error)
	}
	return b.String()
}
