package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/lease"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/states"
)

// States of a catalog task.
const (
	taskOpen       = "1"
	taskComplete   = "3"
	taskIncomplete = "4"
)

// excepted gives the mover two things that no rule gives: one that was requested,
// and one that nobody knows the reason of.
func (o *office) excepted() {
	o.t.Helper()
	o.holds(mover, "PagerDuty Responders", lease.RequestKey("RITM1"), time.Time{})
	o.holds(mover, "Zendesk Agents", "", time.Time{})
}

// recertified carries the mover's transfer out and returns the task that asks
// about the exceptions.
func (o *office) recertified() scenario.Ticket {
	o.t.Helper()
	o.excepted()
	o.isResolved(o.moved(toEngineering(nil)))
	time.Sleep(10 * time.Minute) // a lost webhook is made up for by the sweep
	return o.question()
}

// question is the one recertification that is open.
func (o *office) question() scenario.Ticket {
	o.t.Helper()
	tasks := o.ServiceNow.Query("sc_task", "correlation_display=Access recertification^stateIN1,2")
	if len(tasks) != 1 {
		o.t.Fatalf("there are %d open recertifications", len(tasks))
	}
	return scenario.Ticket{Table: "sc_task", SysID: tasks[0]["sys_id"], Number: tasks[0]["number"]}
}

// closes writes an answer into a task and closes it, as somebody.
func (o *office) closes(task scenario.Ticket, number, state, answer string) {
	o.t.Helper()
	o.saves(task, scenario.Login(number), map[string]string{"state": state, "close_notes": answer})
	time.Sleep(time.Minute)
	o.rests(recertifies, task, "WaitForDecisions")
}

// exceptions are the mover's groups beyond those of the new role.
func (o *office) exceptions() []string {
	return slices.DeleteFunc(groupsOf(o.person(mover)), func(g string) bool { return slices.Contains(inEngineering, g) })
}

func TestRecertification(t *testing.T) {
	t.Parallel()

	story(t, "asks the new manager about each exception, and carries out what is decided", calm(scenario.Options{}), func(o *office) {
		o.excepted()
		ticket := o.moved(toEngineering(nil))
		o.isWhole(ticket, append(slices.Clone(inEngineering), "PagerDuty Responders", "Zendesk Agents"))
		task := o.question()
		o.says(o.lastComment(ticket), "The person keeps 2 entitlements that the rules of the new role do not give. "+task.Number+" asks the manager to keep or revoke each, by 15 January 2000 00:00 UTC.")
		o.says(o.lastNote(ticket), "Kept by exception, put to the manager in "+task.Number+":\n- group PagerDuty Responders: asked for (RITM1)\n- group Zendesk Agents: held already, for a reason that nobody recorded")
		o.is("assigned to", o.Column(task, "assigned_to"), seed.PersonSysID("E1010"))
		o.is("due", o.Column(task, "due_date"), "2000-01-15 00:00:00")
		o.is("parent", o.Column(task, "parent"), ticket.SysID)
		o.says(o.Column(task, "description"), "nina.kovacs@example.com (Okta user "+seed.PersonOktaID(mover)+") has changed role ("+ticket.Number+")",
			"1. group PagerDuty Responders: asked for (RITM1)\n2. group Zendesk Agents: held already", "1 keep\n2 revoke\n", "by 15 January 2000 00:00 UTC")
		o.rests(recertifies, task, "WaitForDecisions")
		o.closes(task, "E1010", taskComplete, "1 keep, she stays on call until June\n2 revoke")
		o.is("exceptions", o.exceptions(), []string{"PagerDuty Responders"})
		o.is("leases", o.reasons(), []string{
			"AWS Developers birthright", "All Employees birthright", "Engineering birthright", "GitHub Engineers birthright", "PagerDuty Responders request/RITM1",
		})
		o.says(o.lastNote(task), "The decisions are carried out.\nKept: group PagerDuty Responders\nRevoked: group Zendesk Agents")
		o.is("notes on the task", len(o.Notes(task, "")), 1)
		o.is("state of the task", o.Column(task, "state"), taskComplete)
		decided := map[string]any{}
		for _, r := range o.records(task) {
			if r.Verb == "recertification.decided" {
				after, _ := r.After.(map[string]any)
				decided[r.Target] = []any{after["decision"], after["by"]}
			}
		}
		o.is("decisions in the ledger", decided, map[string]any{
			"group/" + seed.GroupID("PagerDuty Responders"): []any{"keep", seed.PersonSysID("E1010")},
			"group/" + seed.GroupID("Zendesk Agents"):       []any{"revoke", seed.PersonSysID("E1010")},
		})
		o.rests(recertifies, task) // in no state
	})

	story(t, "an exception that is kept carries the name of who agreed, and is asked about at the next change again", calm(scenario.Options{}), func(o *office) {
		task := o.recertified()
		o.closes(task, "E1010", taskComplete, "all keep")
		o.is("exceptions", o.exceptions(), []string{"PagerDuty Responders", "Zendesk Agents"})
		for _, l := range o.leases(seed.PersonOktaID(mover)) {
			if strings.HasPrefix(l.Key, "exception/") {
				o.is("approved by", l.ApprovedBy, []string{seed.PersonSysID("E1010")})
				o.is("because of", l.Reason.Ref, task.Number)
			}
		}
		o.isResolved(o.moved(map[string]string{"employee_number": mover, "department": "Legal", "title": "Paralegal", "manager": "E1009"}))
		next := o.question()
		o.says(o.Column(next, "description"), "2. group Zendesk Agents: kept by the manager's decision in "+task.Number)
		o.closes(next, "E1009", taskComplete, "all revoke")
		o.is("groups", groupsOf(o.person(mover)), []string{"All Employees", "Domain Users", "Legal", "Location Berlin"})
	})

	story(t, "asks again when the answer is not clear, and does not take the person's own", calm(licensed()), func(o *office) {
		task := o.recertified()
		for answer, says := range map[string]string{
			"":                   "Nothing is said about 1 (PagerDuty Responders).",
			"ok for me":          "Nothing is said about 2 (Zendesk Agents).",
			"keep 1 and 7":       "There is no number 7.",
			"all keep, revoke 2": "A line says both keep and revoke",
		} {
			o.closes(task, "E1010", taskComplete, answer)
			o.is("state after "+answer, o.Column(task, "state"), taskOpen)
			o.says(o.lastComment(task), "The answer is not clear, and nothing has been changed:", says)
		}
		o.ServiceNow.GrantRole(scenario.Login(mover), "itil")
		o.closes(task, mover, taskComplete, "all keep")
		o.says(o.lastComment(task), "It was closed by the person whom it is about: somebody else has to decide.")
		o.is("exceptions so far", o.exceptions(), []string{"PagerDuty Responders", "Zendesk Agents"})
		o.closes(task, "E1010", taskIncomplete, "Revoke all.")
		o.is("exceptions", o.exceptions(), []string{})
		o.is("state", o.Column(task, "state"), taskIncomplete)
	})

	story(t, "goes one level up after fourteen days, and is revoked after a week more", calm(scenario.Options{}), func(o *office) {
		task := o.recertified()
		due := time.Date(2000, 1, 15, 0, 0, 0, 0, time.UTC)
		time.Sleep(time.Until(due.Add(-time.Minute)))
		o.is("assigned to before the date", o.Column(task, "assigned_to"), seed.PersonSysID("E1010"))
		time.Sleep(2 * time.Minute)
		o.is("assigned to after it", o.Column(task, "assigned_to"), seed.PersonSysID("E1002"))
		o.is("due", o.Column(task, "due_date"), "2000-01-22 00:00:00")
		o.says(o.lastComment(task), "Nobody has answered in time, so this goes one level up, until 22 January 2000 00:00 UTC. What nobody has decided about by then is revoked.")
		o.is("exceptions meanwhile", o.exceptions(), []string{"PagerDuty Responders", "Zendesk Agents"})
		time.Sleep(time.Until(due.Add(7*24*time.Hour + time.Minute)))
		o.is("exceptions in the end", o.exceptions(), []string{})
		o.is("state", o.Column(task, "state"), taskComplete)
		o.says(o.lastNote(task), "Nobody has answered in time, so that what was left undecided is revoked.", "Revoked: group PagerDuty Responders\nRevoked: group Zendesk Agents")
		o.rests(recertifies, task)
	})

	story(t, "is kept instead where that is configured, or decided by whom it went up to", calm(configured(map[string]string{"UnansweredAccess": "keep"})), func(o *office) {
		task := o.recertified()
		o.days(15)
		o.closes(task, "E1002", taskComplete, "1 keep")
		o.is("state", o.Column(task, "state"), taskOpen)
		o.days(8)
		o.rests(recertifies, task)
		o.is("exceptions", o.exceptions(), []string{"PagerDuty Responders", "Zendesk Agents"})
		o.says(o.lastNote(task), "what was left undecided is kept")
	})

	story(t, "an answer whose webhook is lost is found within half a day", calm(deafTo("sc_task")), func(o *office) {
		o.excepted()
		o.isResolved(o.moved(toEngineering(nil)))
		time.Sleep(12 * time.Hour) // until the next sweep
		task := o.question()
		o.saves(task, scenario.Login("E1010"), map[string]string{"state": taskComplete, "close_notes": "all revoke"})
		time.Sleep(13 * time.Hour)
		o.rests(recertifies, task)
		o.is("exceptions", o.exceptions(), []string{})
	})

	story(t, "whoever should answer and leaves is replaced at once", calm(scenario.Options{}), func(o *office) {
		task := o.recertified()
		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1010"), map[string]string{"active": "false"})
		time.Sleep(13 * time.Hour)
		o.is("assigned to", o.Column(task, "assigned_to"), seed.PersonSysID("E1002"))
	})

	story(t, "a manager who has left already is passed over", calm(scenario.Options{}), func(o *office) {
		o.excepted()
		ticket := o.moved(toEngineering(map[string]string{"effective_date": "2000-01-02"}), "WaitForMoment")
		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1010"), map[string]string{"active": "false"})
		o.amends(ticket, map[string]string{"manager": ""})
		o.days(3)
		o.rests(moving, ticket)
		o.isResolved(ticket)
		// Nobody new is named: the present manager is asked.
		o.is("assigned to", o.Column(o.question(), "assigned_to"), seed.PersonSysID("E1003"))
	})

	story(t, "is closed when the person leaves, or nothing is held any more", calm(scenario.Options{}), func(o *office) {
		task := o.recertified()
		o.gone(mover, nil)
		time.Sleep(13 * time.Hour)
		o.is("state", o.Column(task, "state"), taskComplete)
		o.says(o.lastNote(task), "Nothing of what was asked about is held any more")
		o.hasNothing(o.person(mover))
	})

	story(t, "is asked anew by the next change of role, and closed", calm(scenario.Options{}), func(o *office) {
		task := o.recertified()
		o.isResolved(o.moved(map[string]string{"employee_number": mover, "department": "Legal", "title": "Paralegal", "manager": "E1009"}))
		time.Sleep(time.Minute)
		o.rests(recertifies, task)
		o.is("state of the first", o.Column(task, "state"), taskIncomplete)
		o.is("exceptions", len(o.exceptions()), 3)
		next := o.question()
		o.is("assigned to", o.Column(next, "assigned_to"), seed.PersonSysID("E1009"))
	})

	story(t, "what was approved after the question was put is not revoked by it", calm(scenario.Options{}), func(o *office) {
		task := o.recertified()
		o.holds(mover, "Zendesk Agents", lease.RequestKey("RITM2"), time.Time{})
		o.closes(task, "E1010", taskComplete, "all revoke")
		o.is("exceptions", o.exceptions(), []string{"Zendesk Agents"})
		o.says(o.lastNote(task), "Revoked as an exception; another reason gives it all the same: group Zendesk Agents")
	})

	story(t, "goes on although its execution was stopped by an operator", calm(scenario.Options{}), func(o *office) {
		task := o.recertified()
		for _, x := range o.Executions(recertifies, task) {
			if x.Status == states.Running {
				_, err := o.SFN().StopExecution(o.ctx, &sfn.StopExecutionInput{ExecutionArn: aws.String(x.ARN)})
				o.must(err)
			}
		}
		o.closes(task, "E1010", taskComplete, "all revoke")
		o.is("exceptions", o.exceptions(), []string{})
	})
}
