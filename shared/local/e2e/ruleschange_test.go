package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/lease"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
)

const rulesChanging = "RulesChangeMachine"

// changes asks for a change of the rules, with the plan that was looked at.
func (o *office) changes(candidate, plan string) {
	o.t.Helper()
	status, answer := o.questions("/entitlements/changes", map[string]any{"candidate": json.RawMessage(candidate), "plan": plan}, nil)
	if status != http.StatusAccepted {
		o.t.Fatalf("%d %s", status, answer)
	}
	o.changeRests()
}

// changeRests waits until no change of the rules is under way, except one that
// waits for people or for its turn.
func (o *office) changeRests() {
	o.t.Helper()
	for range 600 {
		time.Sleep(time.Second)
		if !slices.ContainsFunc(o.States.Executions(o.Machine(rulesChanging)), func(x states.Execution) bool {
			return x.Status == states.Running && !slices.Contains([]string{"AskApproval", "WaitForTurn"}, strings.Join(x.Current, ""))
		}) {
			return
		}
	}
	o.t.Fatal("a change of the rules has not come to rest")
}

// changeTask is the latest task of a change of the rules.
func (o *office) changeTask() scenario.Ticket {
	o.t.Helper()
	tasks := o.ServiceNow.Query("sc_task", "correlation_display=Change of access rules")
	if len(tasks) == 0 {
		o.t.Fatal("there is no task of a change of the rules")
	}
	last := slices.MaxFunc(tasks, func(a, b map[string]string) int { return strings.Compare(a["number"], b["number"]) })
	return scenario.Ticket{Table: "sc_task", SysID: last["sys_id"], Number: last["number"]}
}

// inForce is what the rules now give to a new seller.
func (o *office) inForce() string {
	o.t.Helper()
	time.Sleep(time.Minute) // as long as a function goes by what it has read
	_, answer := o.questions("/entitlements/explain", map[string]any{"profile": map[string]string{"department": "Sales", "title": "Account Executive", "employeeType": "employee"}}, nil)
	return string(answer)
}

func TestRulesChange(t *testing.T) {
	t.Parallel()
	more := changedRules(t, `"groups": ["Sales"]}`, `"groups": ["Sales", "Zendesk Agents"]}`)
	less := changedRules(t, `"groups": ["GitHub Engineers", "AWS Developers"]}`, `"groups": ["GitHub Engineers"]}`)
	has := func(o *office, number, group string) bool { return slices.Contains(groupsOf(o.person(number)), group) }

	story(t, "that is only looked at changes nothing, and tells its plan", calm(scenario.Options{}), func(o *office) {
		o.changes(more, "")
		task := o.changeTask()
		o.says(o.Notes(task, "work_notes")[0], "7 change, 7 grants come, 0 go, 0 people lose something.", "Given:\n- Zendesk Agents: 7 people", "Plan: "+o.weighed(more).Hash)
		o.says(o.lastNote(task), "Nothing was changed. To put these rules into force, ask for the change with the plan "+o.weighed(more).Hash)
		o.is("state", o.Column(task, "state"), taskComplete)
		o.is("attachments", len(o.ticket(task).Files), 1)
		o.is("has it", has(o, mover, "Zendesk Agents"), false)
		o.is("in force", strings.Contains(o.inForce(), "Zendesk"), false)
	})

	story(t, "comes into force as the plan that was looked at, for everybody whom it concerns", calm(scenario.Options{}), func(o *office) {
		o.changes(more, o.weighed(more).Hash)
		task := o.changeTask()
		o.says(o.lastNote(task), "are in force. Carried out for 7 people: 7 grants given, 0 taken away, 0 kept for another reason; 0 people were left alone")
		o.is("state", o.Column(task, "state"), taskComplete)
		for _, number := range []string{"E1003", "E1019", "E1020", "E1021", "E1022", "E1023", "E1046"} {
			o.is("has it "+number, has(o, number, "Zendesk Agents"), true)
		}
		o.is("leases", o.reasons(), []string{"Zendesk Agents birthright"})
		o.is("in force", strings.Contains(o.inForce(), "Zendesk"), true)
		o.is("what is left to change", o.weighed(more).Changed, 0)
	})

	story(t, "is refused when people have changed since it was looked at", calm(scenario.Options{}), func(o *office) {
		plan := o.weighed(more).Hash
		o.must(o.Okta.EditProfile(seed.PersonOktaID("E1042"), map[string]any{"department": "Sales"}))
		o.changes(more, plan)
		o.says(o.lastNote(o.changeTask()), "people or rules have changed since the plan was looked at")
		o.is("state", o.Column(o.changeTask(), "state"), taskIncomplete)
		o.is("has it", has(o, mover, "Zendesk Agents"), false)
		o.is("in force", strings.Contains(o.inForce(), "Zendesk"), false)
	})

	story(t, "that takes much away waits for a second person, and takes nothing that is given for another reason", calm(scenario.Options{}), func(o *office) {
		o.holds("E1013", "AWS Developers", lease.RequestKey("RITM1"), time.Time{})
		o.changes(less, o.weighed(less).Hash)
		task := o.changeTask()
		o.says(o.lastNote(task), "of all people would lose something, and more than 5% need a second person", "Nothing has been changed yet.")
		o.is("has it still", has(o, "E1015", "AWS Developers"), true)
		_, err := o.ServiceNow.Decide(task.SysID, snowsim.Approved)
		o.must(err)
		o.days(1)
		o.changeRests()
		o.is("state", o.Column(task, "state"), taskComplete)
		o.says(o.lastNote(task), "Carried out for 11 people: 0 grants given, 11 taken away")
		o.is("has it", []bool{has(o, "E1015", "AWS Developers"), has(o, "E1013", "AWS Developers")}, []bool{false, true})
	})

	story(t, "that is rejected, or that has become stale while it waited, changes nothing", calm(scenario.Options{}), func(o *office) {
		plan := o.weighed(less).Hash
		o.changes(less, plan)
		_, err := o.ServiceNow.Decide(o.changeTask().SysID, snowsim.Rejected)
		o.must(err)
		o.days(1)
		o.changeRests()
		o.says(o.lastNote(o.changeTask()), "a second person of IT Managers was asked", "and did not agree")

		o.changes(less, plan)
		o.must(o.Okta.EditProfile(seed.PersonOktaID("E1013"), map[string]any{"title": "Engineering Intern"}))
		_, err = o.ServiceNow.Decide(o.changeTask().SysID, snowsim.Approved)
		o.must(err)
		o.days(1)
		o.changeRests()
		o.says(o.lastNote(o.changeTask()), "people or rules have changed since the plan was looked at")
		o.is("has it", has(o, "E1015", "AWS Developers"), true)
	})

	story(t, "waits for its turn while another one is under way", calm(scenario.Options{}), func(o *office) {
		o.changes(less, o.weighed(less).Hash)
		first := o.changeTask()
		o.changes(more, o.weighed(more).Hash)
		o.is("tasks", len(o.ServiceNow.Query("sc_task", "correlation_display=Change of access rules")), 1)
		_, err := o.ServiceNow.Decide(first.SysID, snowsim.Rejected)
		o.must(err)
		o.days(1)
		o.changeRests()
		o.is("state of the second", o.Column(o.changeTask(), "state"), taskComplete)
		o.is("has it", has(o, mover, "Zendesk Agents"), true)
	})

	consultation(t, "that cannot be used is refused at the door", func(o *office) {
		for name, c := range map[string]struct {
			body any
			want int
		}{
			"a broken document": {map[string]any{"candidate": json.RawMessage(changedRules(t, `"gives": ["seller"]`, `"gives": ["sellers"]`))}, http.StatusUnprocessableEntity},
			"no document":       {map[string]any{"plan": strings.Repeat("0", 64)}, http.StatusBadRequest},
			"no plan's hash":    {map[string]any{"candidate": json.RawMessage(more), "plan": "latest"}, http.StatusBadRequest},
		} {
			if status, answer := o.questions("/entitlements/changes", c.body, nil); status != c.want {
				o.t.Errorf("%s: %d %s", name, status, answer)
			}
		}
		o.is("executions", len(o.States.Executions(o.Machine(rulesChanging))), 0)
	})
}
