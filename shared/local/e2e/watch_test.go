package e2e_test

import (
	"testing"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/states"
)

// TestWatch looks at what happens to a leaver after the ticket was resolved.
func TestWatch(t *testing.T) {
	t.Parallel()
	const number = "E1013"
	id := seed.PersonOktaID(number)
	returns := func(o *office, ticket scenario.Ticket) {
		o.t.Helper()
		o.isWith(ticket, "Security Operations", "Access of Okta user "+id+" has returned after this ticket was resolved:", "- group GitHub Engineers",
			"Find out who or what gave it back, then save this ticket: it is removed again.")
	}

	story(t, "a clean account is read back after an hour and a day, and nothing more is written", slowly, func(o *office) {
		ticket := o.gone(number, nil)
		o.days(3)
		o.rests(leaving, ticket)
		o.isResolved(ticket)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 1)
		for _, x := range o.Executions(leaving, ticket) {
			o.is(x.Name, x.Status, states.Succeeded)
		}
	})

	for name, after := range map[string]time.Duration{"after half an hour": 30 * time.Minute, "after half a day": 12 * time.Hour} {
		story(t, "what returns "+name+" reopens the ticket for security, who have it removed again by saving it", slowly, func(o *office) {
			ticket := o.gone(number, nil)
			time.Sleep(after)
			o.must(o.Okta.AddMember(seed.GroupID("GitHub Engineers"), id))
			o.days(1)
			o.rests(leaving, ticket)
			returns(o, ticket)
			o.days(3)
			returns(o, ticket)
			o.is("work notes", len(o.Notes(ticket, "work_notes")), 2)
			o.is("groups", groupsOf(o.person(number)), []string{"Domain Users", "GitHub Engineers"})
			failed := o.Executions(leaving, ticket)[0]
			o.is("the execution, for the alarm", []string{failed.Status, failed.Error}, []string{states.Failed, "AccessReturned"})

			o.saves(ticket, "grace.mbeki@example.com", map[string]string{"comments": "It was a nightly import; mended."})
			o.rests(leaving, ticket, "WaitOneHour")
			o.is("state", o.Column(ticket, "state"), stateResolved)
			o.hasNothing(o.person(number))
		})
	}

	story(t, "a revived account is access that has returned", slowly, func(o *office) {
		ticket := o.gone(number, nil)
		o.must(o.Okta.SetStatus(id, oktasim.Active))
		o.days(1)
		o.rests(leaving, ticket)
		o.isWith(ticket, "Security Operations", "has returned after this ticket was resolved:\n- status ACTIVE")
	})

	story(t, "a person who was hired again by a ticket is left alone", slowly, func(o *office) {
		ticket := o.gone(number, nil)
		rehire := o.hired(map[string]string{"first_name": "Jonas", "last_name": "Weber", "email": scenario.Login(number), "employee_number": number})
		o.isResolved(rehire)
		o.days(3)
		o.rests(leaving, ticket)
		o.isResolved(ticket)
		o.is("status", o.person(number).Status, oktasim.Provisioned)
	})

	story(t, "a ticket that somebody reopens is carried out again", slowly, func(o *office) {
		ticket := o.gone(number, nil)
		o.must(o.Okta.AddMember(seed.GroupID("GitHub Engineers"), id))
		o.saves(ticket, scenario.Requester, map[string]string{"state": stateInProgress, "comments": "Still in GitHub!"})
		o.rests(leaving, ticket, "WaitOneHour")
		o.is("state", o.Column(ticket, "state"), stateResolved)
		o.hasNothing(o.person(number))
		o.days(3)
		o.rests(leaving, ticket)
		o.is("state", o.Column(ticket, "state"), stateResolved)
	})
}
