package e2e_test

import (
	"testing"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
)

func TestLegalHold(t *testing.T) {
	t.Parallel()
	const number = "E1025" // has a direct app
	held := func(o *office) scenario.Ticket {
		o.t.Helper()
		ticket := o.leaver(number, map[string]string{"legal_hold": "true"})
		o.rests(leaving, ticket, "WaitForRelease")
		return ticket
	}
	isHeld := func(o *office, ticket scenario.Ticket) {
		o.t.Helper()
		a := o.person(number)
		o.is("status", a.Status, oktasim.Suspended)
		o.is("groups", groupsOf(a), []string{"Domain Users", "Finance Share"})
		o.is("direct apps", directApps(a), []string(nil))
		o.is("factors, sessions, grants", []int{len(a.Factors), a.Sessions, len(a.Grants)}, []int{0, 0, 0})
		o.is("state", o.Column(ticket, "state"), stateInProgress)
	}

	story(t, "keeps the account, suspended and empty-handed, until the hold is lifted", slowly, func(o *office) {
		ticket := held(o)
		isHeld(o, ticket)
		o.says(o.lastNote(ticket), "Okta user "+seed.PersonOktaID(number)+" is on hold: SUSPENDED", "It is deactivated when the legal hold on this ticket is set to false.")
		o.days(25)
		isHeld(o, ticket)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 1)
		o.edits(ticket, map[string]string{"legal_hold": "false"})
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
		o.hasNothing(o.person(number))
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 2)
		o.inOrder(changesOf(o.records(ticket)), "user.suspend user/"+seed.PersonOktaID(number),
			"group.remove group/"+seed.GroupID("NetSuite Payment Approvers"), "user.deactivate user/"+seed.PersonOktaID(number))
	})

	story(t, "suspends a locked account by unlocking it first", slowly, func(o *office) {
		o.must(o.Okta.LockOut(seed.PersonOktaID(number)))
		ticket := held(o)
		isHeld(o, ticket)
	})

	story(t, "asks security about an account that cannot be suspended", slowly, func(o *office) {
		o.must(o.Okta.SetStatus(seed.PersonOktaID(number), oktasim.Staged))
		ticket := held(o)
		o.isWith(ticket, "Security Operations", "could not be suspended in that status: ask security whether that is enough")
		o.edits(ticket, map[string]string{"legal_hold": "false"})
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
	})

	story(t, "leaves the account as it is when the ticket is cancelled, and says so", slowly, func(o *office) {
		ticket := held(o)
		o.saves(ticket, scenario.Requester, map[string]string{"state": stateCancelled})
		o.rests(leaving, ticket)
		o.is("status", o.person(number).Status, oktasim.Suspended)
		o.is("state", o.Column(ticket, "state"), stateCancelled)
		o.says(o.lastNote(ticket), "closed or cancelled while it was carried out", "nothing gives it back by itself", "user.suspend user/")
	})
}
