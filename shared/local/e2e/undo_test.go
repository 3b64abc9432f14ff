package e2e_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/states"
)

func TestUndo(t *testing.T) {
	t.Parallel()
	const number = "E1022" // has a direct app
	id := seed.PersonOktaID(number)
	is := func(o *office, before, after oktasim.Account) {
		o.t.Helper()
		o.is("groups", groupsOf(after), groupsOf(before))
		o.is("direct apps", directApps(after), directApps(before))
		o.is("admin roles", len(after.Roles), len(before.Roles))
	}

	story(t, "gives back groups, direct apps and roles after a termination that was a mistake, and cancels the ticket", slowly, func(o *office) {
		o.must(o.Okta.SetStatus(id, oktasim.Active))
		o.burden(number)
		before := o.person(number)
		ticket := o.gone(number, nil)
		o.hasNothing(o.person(number))
		o.is("the undo", o.undo(ticket, "").Status, states.Succeeded)
		is(o, before, o.person(number))
		o.is("status", o.person(number).Status, oktasim.Provisioned)
		o.is("mails", o.mailsTo(id), []string{oktasim.MailWelcome})
		o.must(o.Okta.FollowWelcomeLink(id))
		o.is("state", o.Column(ticket, "state"), stateCancelled)
		o.says(o.lastNote(ticket), "The termination of Okta user "+id+" was undone. Back: the account, group All Employees", "app Zendesk", "admin role Help Desk Administrator",
			"API tokens (nightly export), consents and what apps deleted at deactivation cannot be restored.")
		o.days(3)
		o.is("running executions", len(o.running(leaving, ticket)), 0)
		is(o, before, o.person(number))
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 4)
	})

	story(t, "gives the reasons for access back too", slowly, func(o *office) {
		hired := o.hired(nil)
		a := o.account(jana)
		o.must(o.Okta.FollowWelcomeLink(a.ID))
		before := o.leases(a.ID)
		o.isResolved(hired)
		ticket, err := o.Open(leaverKind(), scenario.Requester, "Termination", map[string]string{"email": jana})
		o.must(err)
		o.rests(leaving, ticket, "WaitOneHour")
		o.hasNothing(o.account(jana))
		o.is("the undo", o.undo(ticket, "").Status, states.Succeeded)
		o.is("leases", o.leases(a.ID), before)
		is(o, a, o.account(jana))
	})

	story(t, "stops a termination that is only suspended, on hold", slowly, func(o *office) {
		o.must(o.Okta.SetStatus(id, oktasim.Active))
		before := o.person(number)
		ticket := o.leaver(number, map[string]string{"legal_hold": "true"})
		o.rests(leaving, ticket, "WaitForRelease")
		o.is("the undo", o.undo(ticket, "").Status, states.Succeeded)
		a := o.person(number)
		o.is("status", a.Status, oktasim.Active)
		is(o, before, a)
		o.is("running executions", len(o.running(leaving, ticket)), 0)
		o.days(2)
		o.is("state", o.Column(ticket, "state"), stateCancelled)
	})

	story(t, "waits for Okta to finish a deactivation that is under way", slowly, func(o *office) {
		o.must(o.Okta.SetStatus(id, oktasim.Active))
		before := o.person(number)
		ticket := o.leaver(number, nil)
		time.Sleep(time.Second)
		o.is("the undo", o.undo(ticket, "").Status, states.Succeeded)
		is(o, before, o.person(number))
	})

	story(t, "started twice does no harm", slowly, func(o *office) {
		o.must(o.Okta.SetStatus(id, oktasim.Active))
		before := o.person(number)
		ticket := o.gone(number, nil)
		o.is("the undo", o.undo(ticket, "").Status, states.Succeeded)
		o.is("the undo again", o.undo(ticket, "").Status, states.Succeeded)
		is(o, before, o.person(number))
		o.is("mails", len(o.mailsTo(id)), 1)
	})

	story(t, "says so when the ticket took nothing", slowly, func(o *office) {
		ticket := o.leaver(number, map[string]string{"termination_at": "2000-01-20"})
		o.rests(leaving, ticket, "WaitForMoment")
		x := o.undo(ticket, "")
		o.is("the undo", []string{x.Status, x.Error}, []string{states.Failed, "UndoFailed"})
		o.says(o.lastNote(ticket), "the ledger holds no snapshot for this ticket")
		o.is("state", o.Column(ticket, "state"), stateCancelled)
		o.days(25)
		o.is("status", o.person(number).Status, oktasim.LockedOut)
	})

	story(t, "wants to know of whom when the ticket was changed under way", slowly, func(o *office) {
		before := o.person("E1013")
		ticket := o.leaverWith("E1013", "/lifecycle/deactivate", func(t scenario.Ticket) {
			o.edits(t, map[string]string{"email": scenario.Login("E1015"), "employee_number": "E1015"})
		})
		o.rests(leaving, ticket, "WaitOneHour")
		o.is("the undo of nobody in particular", o.undo(ticket, "").Status, states.Failed)
		o.says(o.lastNote(ticket), "took the access of 2 people: start the undo with the user_id")
		o.is("the undo", o.undo(ticket, before.ID).Status, states.Succeeded)
		is(o, before, o.person("E1013"))
		o.hasNothing(o.person("E1015"))
	})
}

// undo does what an operator does: it starts the undo of a termination, and
// waits for it.
func (o *office) undo(t scenario.Ticket, userID string) states.Execution {
	o.t.Helper()
	input, err := json.Marshal(map[string]string{"table": t.Table, "sys_id": t.SysID, "number": t.Number, "user_id": userID})
	o.must(err)
	started, err := o.SFN().StartExecution(o.ctx, &sfn.StartExecutionInput{StateMachineArn: aws.String(o.Machine(undoing)), Input: aws.String(string(input))})
	o.must(err)
	x, err := o.States.Wait(o.ctx, aws.ToString(started.ExecutionArn))
	o.must(err)
	o.rests(leaving, t, "WaitOneHour")
	return x
}
