package e2e_test

import (
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/lease"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// waitsAt checks that the one execution of a ticket waits in a state.
func (o *office) waitsAt(t scenario.Ticket, state string) {
	o.t.Helper()
	running := o.running(moving, t)
	if len(running) != 1 || len(running[0].Current) != 1 || running[0].Current[0] != state {
		o.t.Errorf("%s should wait in %s: %+v; notes %q", t.Number, state, running, o.Notes(t, "work_notes"))
	}
}

// settles answers the open question about a change of role.
func (o *office) settles(t scenario.Ticket, state string) {
	o.t.Helper()
	_, err := o.ServiceNow.Decide(t.SysID, state)
	o.must(err)
	time.Sleep(time.Minute)
	o.rests(moving, t, "WaitForMoment", "WaitForGrace")
}

// asked counts the questions about a ticket that nobody has answered.
func (o *office) asked(t scenario.Ticket) int {
	n := 0
	for _, a := range o.ServiceNow.Approvals(t.SysID) {
		if a.State == snowsim.Requested {
			n++
		}
	}
	return n
}

func TestRoleChangeOnItsDay(t *testing.T) {
	t.Parallel()

	story(t, "shows the difference at once and waits for the day where the person works", calm(scenario.Options{}), func(o *office) {
		ticket := o.moved(toEngineering(map[string]string{"effective_date": "2000-01-15"}), "WaitForMoment")
		o.waitsAt(ticket, "WaitForMoment")
		o.says(o.lastNote(ticket), "Comes:\n- group AWS Developers", "It is carried out on 15 January 2000 at 00:00 (Europe/Berlin).")
		time.Sleep(time.Until(time.Date(2000, 1, 14, 22, 59, 0, 0, time.UTC)))
		o.is("groups a minute before", groupsOf(o.person(mover)), inSales)
		time.Sleep(2 * time.Minute)
		o.rests(moving, ticket)
		o.isWhole(ticket, inEngineering)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 2)
	})

	story(t, "follows a date that is moved, although the webhook is lost, and ends when it is cancelled", calm(deafTo("incident")), func(o *office) {
		ticket := o.move(toEngineering(map[string]string{"effective_date": "2000-02-15"}))
		time.Sleep(12 * time.Hour)
		o.rests(moving, ticket, "WaitForMoment")
		o.amends(ticket, map[string]string{"effective_date": "2000-01-10"})
		time.Sleep(time.Until(time.Date(2000, 1, 10, 0, 0, 0, 0, time.UTC)))
		o.rests(moving, ticket)
		o.isWhole(ticket, inEngineering)

		other := o.move(map[string]string{"employee_number": "E1020", "title": "VP Sales", "effective_date": "2000-03-15"})
		time.Sleep(12 * time.Hour)
		o.saves(other, scenario.Requester, map[string]string{"state": stateCancelled})
		time.Sleep(13 * time.Hour)
		o.is("running executions", len(o.running(moving, other)), 0)
		o.is("title", o.person("E1020").Profile["title"], any("Account Executive"))
	})

	story(t, "gives nothing to somebody who leaves before the day", calm(scenario.Options{}), func(o *office) {
		ticket := o.moved(toEngineering(map[string]string{"effective_date": "2000-01-15"}), "WaitForMoment")
		o.gone(mover, nil)
		o.days(15)
		o.rests(moving, ticket)
		o.isWith(ticket, "Service Desk", "Nothing was changed.", "is deactivated. Somebody who comes back is an onboarding")
		o.hasNothing(o.person(mover))
	})

	story(t, "gives nothing to somebody who is suspended in the last moment", calm(scenario.Options{}), func(o *office) {
		ticket := o.interrupted("/groups/"+seed.GroupID("AWS Developers")+"/users/"+seed.PersonOktaID(mover), func(scenario.Ticket) {
			o.must(o.Okta.SetStatus(seed.PersonOktaID(mover), oktasim.Suspended))
		}, func() scenario.Ticket { return o.move(toEngineering(nil)) })
		o.rests(moving, ticket)
		o.must(o.Okta.SetStatus(seed.PersonOktaID(mover), oktasim.Active))
		o.saves(ticket, scenario.Requester, map[string]string{"comments": "Unsuspended."})
		o.rests(moving, ticket)
		o.is("groups", groupsOf(o.person(mover)), inEngineering)
	})
}

func TestRoleChangeThatSomebodyHasToAgreeTo(t *testing.T) {
	t.Parallel()
	strict := map[string]string{"RemovalLimit": "1"}
	watched := func() scenario.Options {
		o := licensed() // questions can be taken back
		o.Parameters = strict
		return calm(o)
	}

	story(t, "waits for a second person where much would be taken away", watched(), func(o *office) {
		ticket := o.moved(toEngineering(nil), "AskApproval")
		o.waitsAt(ticket, "AskApproval")
		o.is("groups", groupsOf(o.person(mover)), inSales)
		o.says(o.lastNote(ticket), "2 entitlements would be taken away, and more than 1 need a second person", "Nothing has been touched yet.")
		o.saves(ticket, scenario.Requester, map[string]string{"comments": "Any news?"})
		o.rests(moving, ticket, "AskApproval")
		o.is("asked", o.asked(ticket), 4)
		o.settles(ticket, snowsim.Approved)
		o.isWhole(ticket, inEngineering)
		o.says(o.lastNote(ticket), "Agreed to by a second person: sys_user ")
		o.is("still asked", o.asked(ticket), 0)
	})

	story(t, "is left with people when it is rejected, and asked anew when it is saved", calm(configured(strict)), func(o *office) {
		ticket := o.moved(toEngineering(nil), "AskApproval")
		o.settles(ticket, snowsim.Rejected)
		o.isWith(ticket, "Service Desk", "Nothing was changed.", "it was rejected (sys_user ")
		o.is("groups", groupsOf(o.person(mover)), inSales)
		o.saves(ticket, scenario.Requester, map[string]string{"comments": "Cleared up."})
		o.rests(moving, ticket, "AskApproval")
		o.settles(ticket, snowsim.Approved)
		o.isWhole(ticket, inEngineering)
	})

	story(t, "is left with people when nobody decides in time", watched(), func(o *office) {
		ticket := o.moved(toEngineering(nil), "AskApproval")
		time.Sleep(72*time.Hour + time.Minute)
		o.rests(moving, ticket)
		o.isWith(ticket, "Service Desk", "nobody decided in time")
		o.is("still asked", o.asked(ticket), 0)
		o.is("groups", groupsOf(o.person(mover)), inSales)
	})

	story(t, "an approval whose webhook is lost is found at the next look", calm(scenario.Options{
		Options: configured(strict).Options, Mishap: deafTo("sysapproval_approver").Mishap,
	}), func(o *office) {
		ticket := o.moved(toEngineering(nil), "AskApproval")
		_, err := o.ServiceNow.Decide(ticket.SysID, snowsim.Approved)
		o.must(err)
		time.Sleep(13 * time.Hour)
		o.rests(moving, ticket)
		o.isWhole(ticket, inEngineering)
	})

	story(t, "a ticket that is changed while it waits is asked about anew, and the old answer counts for nothing", watched(), func(o *office) {
		ticket := o.moved(toEngineering(nil), "AskApproval")
		o.amends(ticket, map[string]string{"department": "Legal", "title": "Paralegal"})
		time.Sleep(time.Minute)
		o.rests(moving, ticket, "AskApproval")
		o.is("asked", o.asked(ticket), 4)
		o.settles(ticket, snowsim.Approved)
		o.isWhole(ticket, []string{"All Employees", "Domain Users", "Legal", "Location Berlin"})
	})

	story(t, "a ticket that is cancelled while it waits changes nothing, and asks nobody any more", watched(), func(o *office) {
		ticket := o.moved(toEngineering(nil), "AskApproval")
		o.saves(ticket, scenario.Requester, map[string]string{"state": stateCancelled})
		o.rests(moving, ticket)
		o.is("running executions", len(o.running(moving, ticket)), 0)
		o.is("still asked", o.asked(ticket), 0)
		o.is("groups", groupsOf(o.person(mover)), inSales)
	})

	story(t, "what was agreed to before the day is carried out on the day", calm(configured(strict)), func(o *office) {
		ticket := o.moved(toEngineering(map[string]string{"effective_date": "2000-01-15"}), "AskApproval")
		o.settles(ticket, snowsim.Approved)
		o.waitsAt(ticket, "WaitForMoment")
		o.is("groups", groupsOf(o.person(mover)), inSales)
		o.days(15)
		o.rests(moving, ticket)
		o.isWhole(ticket, inEngineering)
		o.is("questions", len(o.ServiceNow.Approvals(ticket.SysID)), 4)
	})

	story(t, "a protected account stops for a person", calm(scenario.Options{}), func(o *office) {
		ticket := o.moved(map[string]string{"employee_number": seed.NumberBreakGlass, "title": "Account"}, "AskApproval")
		o.says(o.lastNote(ticket), "the account is protected: the break-glass account is the last way in")
		o.settles(ticket, snowsim.Rejected)
		o.is("title", o.person(seed.NumberBreakGlass).Profile["title"], any("Break-glass account"))
	})

	story(t, "many changes at once stop for a person, those before do not", calm(configured(map[string]string{"BreakerLimit": "2"})), func(o *office) {
		var tickets []scenario.Ticket
		for _, number := range []string{"E1013", "E1015", "E1016", "E1017"} {
			tickets = append(tickets, o.moved(map[string]string{"employee_number": number, "title": "Senior Engineer"}, "AskApproval"))
		}
		for _, ticket := range tickets[:2] {
			o.isResolved(ticket)
		}
		o.says(o.lastNote(tickets[2]), "this is change of role number 3 within 1h0m0s, and more than 2 need a second person")
		for _, ticket := range tickets[2:] {
			o.waitsAt(ticket, "AskApproval")
			time.Sleep(2 * time.Hour) // parked is parked, however quiet it has become
			o.saves(ticket, scenario.Requester, map[string]string{"comments": "Any news?"})
			o.rests(moving, ticket, "AskApproval")
			o.waitsAt(ticket, "AskApproval")
			o.settles(ticket, snowsim.Approved)
			o.isResolved(ticket)
		}
	})
}

func TestSecondRoleChange(t *testing.T) {
	t.Parallel()
	toLegal := map[string]string{"employee_number": mover, "department": "Legal", "title": "Paralegal", "manager": "E1009"}
	inLegal := []string{"All Employees", "Domain Users", "Legal", "Location Berlin"}

	story(t, "the same ticket, changed while it waits for its day, is carried out as it stands then", calm(scenario.Options{}), func(o *office) {
		ticket := o.moved(toEngineering(map[string]string{"effective_date": "2000-01-15"}), "WaitForMoment")
		o.amends(ticket, map[string]string{"department": "Legal", "title": "Paralegal"})
		o.rests(moving, ticket, "WaitForMoment")
		o.says(o.lastNote(ticket), "Comes:\n- group Legal")
		o.days(15)
		o.rests(moving, ticket)
		o.isWhole(ticket, inLegal)
	})

	for name, form := range map[string]map[string]string{
		"waits for its day":    {"effective_date": "2000-01-15"},
		"waits for an answer":  {},
		"waits out its grace":  {},
		"is being carried out": {},
	} {
		parameters := map[string]map[string]string{"waits for an answer": {"RemovalLimit": "1"}, "waits out its grace": {"RoleChangeGrace": "240h"}}[name]
		options := calm(licensed())
		options.Parameters = parameters
		story(t, "another ticket about the same person takes the place of one that "+name, options, func(o *office) {
			var first, second scenario.Ticket
			if name == "is being carried out" {
				first = o.interrupted("/groups/"+seed.GroupID("Engineering")+"/users/"+seed.PersonOktaID(mover), func(scenario.Ticket) {
					second = o.move(toLegal)
				}, func() scenario.Ticket { return o.move(toEngineering(form)) })
				o.rests(moving, first)
			} else {
				first = o.moved(toEngineering(form), "WaitForMoment", "AskApproval", "WaitForGrace")
				second = o.move(toLegal)
			}
			time.Sleep(5 * time.Minute)
			o.rests(moving, second, "AskApproval", "WaitForGrace")
			if name == "waits for an answer" {
				o.is("asked about the first", o.asked(first), 0)
				o.settles(second, snowsim.Approved)
			}
			o.days(11)
			o.rests(moving, second)
			o.is("the first has ended", len(o.running(moving, first)), 0)
			o.isWhole(second, inLegal)
			o.is("title", o.person(mover).Profile["title"], any("Paralegal"))
			o.is("leases", o.reasons(), []string{"All Employees birthright", "Legal birthright"})
			if name == "is being carried out" {
				o.isResolved(first)
				return
			}
			o.is("state of the first", o.Column(first, "state"), stateCancelled)
			o.says(o.lastNote(first), second.Number+" was opened later about the same person and takes the place of this ticket")
		})
	}

	story(t, "a ticket that was opened earlier and arrives later changes nothing", calm(scenario.Options{Mishap: lateFirst()}), func(o *office) {
		first := o.move(toEngineering(nil))
		time.Sleep(time.Second)
		form := maps.Clone(toLegal)
		form["old_department"], form["old_title"] = "Sales", "Account Executive"
		second := o.moved(form)
		o.isWhole(second, inLegal)
		time.Sleep(2 * time.Hour)
		o.rests(moving, first)
		o.is("state of the first", o.Column(first, "state"), stateCancelled)
		o.says(o.lastNote(first), second.Number+" was opened later")
		o.is("groups", groupsOf(o.person(mover)), inLegal)
	})

	story(t, "when the later ticket is withdrawn, the earlier one can be opened again", calm(scenario.Options{}), func(o *office) {
		first := o.moved(toEngineering(map[string]string{"effective_date": "2000-01-15"}), "WaitForMoment")
		later := maps.Clone(toLegal)
		later["effective_date"] = "2000-01-20"
		second := o.move(later)
		time.Sleep(5 * time.Minute)
		o.rests(moving, second, "WaitForMoment")
		o.is("state of the first", o.Column(first, "state"), stateCancelled)
		o.saves(second, scenario.Requester, map[string]string{"state": stateCancelled})
		o.rests(moving, second)
		o.saves(first, scenario.Requester, map[string]string{"state": stateNew})
		o.rests(moving, first, "WaitForMoment")
		o.days(15)
		o.rests(moving, first)
		o.isWhole(first, inEngineering)
	})
}

// lateFirst holds the webhook of the first ticket back for an hour.
func lateFirst() func(snowsim.Message) snowsim.Mishap {
	held := ""
	return func(m snowsim.Message) snowsim.Mishap {
		if held == "" && m.Table == "incident" {
			held = m.Record
		}
		if m.Record == held {
			return snowsim.Mishap{Late: time.Hour}
		}
		return snowsim.Mishap{}
	}
}

func TestRoleChangeWithGrace(t *testing.T) {
	t.Parallel()
	week := configured(map[string]string{"RoleChangeGrace": "168h"})
	week.Pace = 3 * time.Hour
	both := []string{"AWS Developers", "All Employees", "Domain Users", "Engineering", "GitHub Engineers", "Location Berlin", "Sales", "Salesforce Users"}

	story(t, "takes the old access away a week after the new has come", calm(week), func(o *office) {
		ticket := o.moved(toEngineering(nil), "WaitForGrace")
		began := time.Now()
		o.waitsAt(ticket, "WaitForGrace")
		o.is("groups", groupsOf(o.person(mover)), both)
		o.is("title", o.person(mover).Profile["title"], any("Engineer"))
		o.says(o.lastNote(ticket), "What goes does so 7 days after what comes.")
		time.Sleep(time.Until(began.Add(168*time.Hour - time.Minute)))
		o.is("groups a minute before", groupsOf(o.person(mover)), both)
		time.Sleep(2 * time.Minute)
		o.is("groups a minute after", groupsOf(o.person(mover)), inEngineering)
		o.rests(moving, ticket)
		o.isWhole(ticket, inEngineering)
		o.says(o.lastNote(ticket), "Given:\n- group AWS Developers", "Taken away:\n- group Sales\n- group Salesforce Users\n")
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 2)
	})

	story(t, "takes it away although the execution is stopped by an operator", week, func(o *office) {
		ticket := o.moved(toEngineering(nil), "WaitForGrace")
		running := o.running(moving, ticket)
		_, err := o.SFN().StopExecution(o.ctx, &sfn.StopExecutionInput{ExecutionArn: aws.String(running[0].ARN)})
		o.must(err)
		o.days(8)
		o.rests(moving, ticket)
		o.isWhole(ticket, inEngineering)
	})

	story(t, "tells a ticket that is cancelled under way what has been done and what will be", week, func(o *office) {
		ticket := o.moved(toEngineering(nil), "WaitForGrace")
		o.saves(ticket, scenario.Requester, map[string]string{"state": stateCancelled})
		o.rests(moving, ticket)
		o.says(o.lastNote(ticket), "closed or cancelled while it was carried out", "Goes on ", "- group Sales", "open a change of role back to the former one")
		o.days(8)
		o.is("groups", groupsOf(o.person(mover)), inEngineering)
	})

	story(t, "access that the person may keep for a request's time outlives the grace", week, func(o *office) {
		o.holds(mover, "Salesforce Users", lease.RequestKey("RITM1"), time.Now().Add(30*24*time.Hour))
		ticket := o.moved(toEngineering(nil), "WaitForGrace")
		o.days(8)
		o.rests(moving, ticket)
		o.isResolved(ticket)
		o.is("groups", groupsOf(o.person(mover)), append(append([]string{}, inEngineering...), "Salesforce Users"))
	})
}
