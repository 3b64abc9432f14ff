package e2e_test

import (
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

func TestSecondPerson(t *testing.T) {
	t.Parallel()
	const number = seed.NumberBreakGlass // a protected account
	asked := func(o *office) scenario.Ticket {
		o.t.Helper()
		ticket := o.leaver(number, nil)
		o.rests(leaving, ticket, "AskApproval")
		o.is("status while it is asked", o.person(number).Status, oktasim.Active)
		o.is("changes while it is asked", changesOf(o.records(ticket)), []string(nil))
		return ticket
	}
	states := func(o *office, ticket scenario.Ticket) []string {
		var list []string
		for _, a := range o.ServiceNow.Approvals(ticket.SysID) {
			list = append(list, a.State)
		}
		return list
	}

	story(t, "is asked about a protected account, and nothing is touched before somebody agrees", scenario.Options{}, func(o *office) {
		ticket := asked(o)
		o.is("approvals", states(o, ticket), []string{"requested", "requested", "requested", "requested"})
		o.says(o.lastNote(ticket), "Termination needs a second person", "the account is protected", "Nothing has been touched yet.", "for the first of 4 members of IT Managers")
		o.decides(ticket, snowsim.Approved)
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
		o.hasNothing(o.person(number))
	})

	story(t, "can refuse: the ticket goes back, and the account stays as it is", scenario.Options{}, func(o *office) {
		ticket := asked(o)
		by := o.decides(ticket, snowsim.Rejected)
		o.rests(leaving, ticket)
		o.isWith(ticket, "Service Desk", "Nothing was touched", "and rejected it (sys_user "+by+")")
		o.is("status", o.person(number).Status, oktasim.Active)
		time.Sleep(time.Hour)
		o.saves(ticket, scenario.Requester, map[string]string{"comments": "Please decide again."})
		o.rests(leaving, ticket, "AskApproval")
		o.decides(ticket, snowsim.Approved)
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
	})

	story(t, "who does not answer in three days is no yes", slowly, func(o *office) {
		ticket := asked(o)
		o.days(4)
		o.rests(leaving, ticket)
		o.isWith(ticket, "Service Desk", "nobody of IT Managers decided within 72h")
		o.is("status", o.person(number).Status, oktasim.Active)
	})

	story(t, "is never the one who asks for it", scenario.Options{}, func(o *office) {
		manager := seed.PersonSysID("E1010") // one of the IT managers
		ticket, err := o.Open(leaverKind(), scenario.Login("E1010"), "Termination", scenario.Leaver(number, nil))
		o.must(err)
		o.rests(leaving, ticket, "AskApproval")
		for _, a := range o.ServiceNow.Approvals(ticket.SysID) {
			if a.Approver == manager {
				o.t.Error("the requester was asked")
			}
		}
		o.is("approvals", len(o.ServiceNow.Approvals(ticket.SysID)), 3)
	})

	story(t, "is never the leaver, though the leaver decides otherwise", scenario.Options{
		Options: local.Options{Rules: protecting(seed.PersonOktaID("E1002"))},
	}, func(o *office) {
		ticket := o.leaver("E1002", nil)
		o.rests(leaving, ticket, "AskApproval")
		for _, a := range o.ServiceNow.Approvals(ticket.SysID) {
			if a.Approver == seed.PersonSysID("E1002") {
				o.t.Error("the leaver was asked")
			}
		}
	})

	story(t, "is heard although the approval's webhook was lost", scenario.Options{Mishap: func(m snowsim.Message) snowsim.Mishap {
		return snowsim.Mishap{Lose: m.Table == "sysapproval_approver"}
	}}, func(o *office) {
		ticket := asked(o)
		_, err := o.ServiceNow.Decide(ticket.SysID, snowsim.Approved)
		o.must(err)
		decided := time.Now()
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
		if took := time.Since(decided); took > 6*time.Minute {
			o.t.Errorf("it took the reconciler %s", took)
		}
	})

	story(t, "is not needed any more when the ticket is cancelled", scenario.Options{}, func(o *office) {
		ticket := asked(o)
		o.saves(ticket, scenario.Requester, map[string]string{"state": stateCancelled})
		o.rests(leaving, ticket)
		o.is("state", o.Column(ticket, "state"), stateCancelled)
		o.is("status", o.person(number).Status, oktasim.Active)
		o.is("approvals", states(o, ticket), []string{"not_required", "not_required", "not_required", "not_required"})
	})

	story(t, "is asked anew when the ticket is changed, and the old question is taken back", scenario.Options{}, func(o *office) {
		ticket := asked(o)
		before := o.ServiceNow.Approvals(ticket.SysID)
		o.edits(ticket, map[string]string{"email": scenario.Login(seed.NumberService), "employee_number": seed.NumberService})
		time.Sleep(time.Minute)
		o.is("approvals", len(o.ServiceNow.Approvals(ticket.SysID)), 8)
		for _, old := range before {
			o.must(o.ServiceNow.ApproveAs(old.Approver, old.SysID, snowsim.Approved, ""))
		}
		time.Sleep(time.Minute)
		o.rests(leaving, ticket, "AskApproval")
		o.decides(ticket, snowsim.Rejected)
		o.rests(leaving, ticket)
		o.is("the account that was asked about first", o.person(number).Status, oktasim.Active)
		o.is("the one that was asked about then", o.person(seed.NumberService).Status, oktasim.Active)
	})

	story(t, "has agreed to the termination as it was shown: cancelled at the same moment, it is not carried out", scenario.Options{
		Mishap: func(m snowsim.Message) snowsim.Mishap {
			if m.Table == "incident" { // the approval overtakes the cancellation
				return snowsim.Mishap{Late: time.Minute}
			}
			return snowsim.Mishap{}
		},
	}, func(o *office) {
		ticket := asked(o)
		approvals := o.ServiceNow.Approvals(ticket.SysID)
		o.must(o.ServiceNow.ApproveAs(approvals[0].Approver, approvals[0].SysID, snowsim.Approved, ""))
		o.saves(ticket, scenario.Requester, map[string]string{"state": stateCancelled})
		time.Sleep(5 * time.Minute)
		o.rests(leaving, ticket)
		o.is("status", o.person(number).Status, oktasim.Active)
		o.is("state", o.Column(ticket, "state"), stateCancelled)
	})

	story(t, "is asked once, whatever is written on the ticket meanwhile", scenario.Options{}, func(o *office) {
		ticket := asked(o)
		for range 3 {
			o.saves(ticket, scenario.Requester, map[string]string{"comments": "Anybody?"})
			time.Sleep(10 * time.Minute)
		}
		o.is("approvals", len(o.ServiceNow.Approvals(ticket.SysID)), 4)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 1)
		_, err := o.ServiceNow.Decide(ticket.SysID, snowsim.Approved)
		o.must(err)
		time.Sleep(time.Minute)
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
	})
}

func TestMassTermination(t *testing.T) {
	t.Parallel()

	story(t, "the twenty-first termination within an hour waits for a second person, and the twentieth does not", slowly, func(o *office) {
		var tickets []scenario.Ticket
		for i := range 22 {
			number := seed.People()[10+i].Number
			tickets = append(tickets, o.leaver(number, nil))
			if i < 19 {
				o.rests(leaving, tickets[i], "WaitOneHour")
			}
		}
		waiting := 0
		for _, ticket := range tickets {
			o.rests(leaving, ticket, "WaitOneHour", "AskApproval")
			if o.Column(ticket, "state") != stateResolved {
				waiting++
				o.says(o.lastNote(ticket), "within 1h0m0s, and more than 20 need a second person")
			}
		}
		if waiting < 2 {
			o.t.Errorf("%d of 22 wait for a second person", waiting)
		}
		for _, ticket := range tickets {
			if o.Column(ticket, "state") != stateResolved {
				o.decides(ticket, snowsim.Approved)
				o.rests(leaving, ticket, "WaitOneHour")
			}
			o.isResolved(ticket)
		}
	})

	story(t, "one an hour later needs nobody", slowly, func(o *office) {
		for i := range 20 {
			ticket := o.leaver(seed.People()[10+i].Number, nil)
			o.rests(leaving, ticket, "WaitOneHour")
		}
		time.Sleep(61 * time.Minute)
		ticket := o.leaver(seed.People()[30].Number, nil)
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
	})
}

// protecting are the rules of the seeded org with one more protected account.
func protecting(userID string) []byte {
	return []byte(strings.Replace(string(seed.Rules()), `"users": [`, `"users": [{"id": "`+userID+`", "reason": "for the test"},`, 1))
}

// decides answers the latest question about a ticket, as the first of those who
// are asked. Earlier ones stay on their approvers' lists: to take them back is a
// right that costs a licence.
func (o *office) decides(t scenario.Ticket, state string) (approver string) {
	o.t.Helper()
	var latest snowsim.Approval
	for _, a := range o.ServiceNow.Approvals(t.SysID) {
		if a.State == snowsim.Requested && a.Updated.After(latest.Updated) {
			latest = a
		}
	}
	o.must(o.ServiceNow.ApproveAs(latest.Approver, latest.SysID, state, ""))
	return latest.Approver
}

// answersOnceAsked is somebody who answers as soon as the question comes.
func (o *office) answersOnceAsked(t scenario.Ticket, number, state string) {
	o.t.Helper()
	for range 24 * 60 {
		for _, a := range o.ServiceNow.Approvals(t.SysID) {
			if a.Approver == seed.PersonSysID(number) && a.State == snowsim.Requested {
				o.must(o.ServiceNow.ApproveAs(a.Approver, a.SysID, state, ""))
				return
			}
		}
		time.Sleep(time.Minute)
	}
	o.t.Fatalf("%s is not asked about %s", number, t.Number)
}
