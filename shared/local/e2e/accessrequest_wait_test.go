package e2e_test

import (
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// deafTo loses every webhook about records of the table.
func deafTo(table string) scenario.Options {
	return scenario.Options{Mishap: func(m snowsim.Message) snowsim.Mishap { return snowsim.Mishap{Lose: m.Table == table} }}
}

// calm is a world whose schedules run now and then only.
func calm(o scenario.Options) scenario.Options {
	o.Pace = rare
	return o
}

// paralegal asks for something that her manager alone decides about.
var paralegal = scenario.Ask{By: scenario.Login("E1042"), Item: "GitHub access"}

const days = 24 * time.Hour

// noted counts the work notes that contain a text.
func (o *office) noted(t scenario.Ticket, text string) int {
	n := 0
	for _, note := range o.Notes(t, "work_notes") {
		if strings.Contains(note, text) {
			n++
		}
	}
	return n
}

func TestAccessRequestWaits(t *testing.T) {
	t.Parallel()

	story(t, "reminds after two days, asks the manager above after five, and ends after fourteen", calm(licensed()), func(o *office) {
		ticket := o.asks(paralegal)
		began := time.Now()
		at := func(after time.Duration) { time.Sleep(time.Until(began.Add(after))); o.quiet(ticket) }
		at(2*days - time.Minute)
		o.is("reminders before their time", o.noted(ticket, "Reminder"), 0)
		at(2*days + time.Minute)
		o.is("reminders", o.noted(ticket, "Reminder"), 1)
		comments := o.ServiceNow.Journal("sysapproval_approver", o.ServiceNow.Approvals(ticket.SysID)[0].SysID, "comments")
		o.says(comments[len(comments)-1].Text, "Reminder: "+ticket.Number+" (GitHub access) waits since 1 January 2000 00:00 UTC for a decision (manager). Without one it ends on 15 January 2000 00:00 UTC.")
		at(5*days - time.Minute)
		o.is("asked before the escalation", o.approvers(ticket), []string{"E1009"})
		at(5*days + time.Minute)
		o.is("asked after it", o.approvers(ticket), []string{"E1001", "E1009"})
		o.is("escalations", o.noted(ticket, "Nobody has decided (manager) since 1 January 2000 00:00 UTC"), 1)
		at(14*days - time.Minute)
		o.is("state before the end", o.Column(ticket, "state"), itemOpen)
		at(14*days + time.Minute)
		o.ended(ticket, itemIncomplete, "Nobody decided in time (manager).", "Nothing was granted.")
		o.is("reminders in the end", o.noted(ticket, "Reminder"), 1)
		o.is("still asked", o.approvers(ticket), []string(nil))
		o.is("leases", len(o.requested("E1042")), 0)
	})

	story(t, "is decided by whom it was escalated to, or on the last day", calm(scenario.Options{}), func(o *office) {
		ticket := o.asks(paralegal)
		time.Sleep(5*days + time.Hour)
		o.answers(ticket, "E1001", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "was given")

		ticket = o.asks(scenario.Ask{By: scenario.Login("E1041"), Item: "GitHub access"})
		time.Sleep(14*days - time.Minute)
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "was given")
	})

	story(t, "changes nothing by an approval that comes after the end", calm(scenario.Options{}), func(o *office) {
		ticket := o.asks(paralegal)
		time.Sleep(14*days + time.Minute)
		o.ended(ticket, itemIncomplete, "Nobody decided in time")
		for _, a := range o.ServiceNow.Approvals(ticket.SysID) {
			o.ServiceNow.Update("sysapproval_approver", a.SysID, map[string]string{"state": snowsim.Approved})
		}
		time.Sleep(days)
		o.is("held", o.holdsGroup("E1042", "GitHub Engineers"), false)
		o.ended(ticket, itemIncomplete)
	})

	story(t, "finds a decision within minutes whose webhook was lost", deafTo("sysapproval_approver"), func(o *office) {
		ticket := o.asks(paralegal)
		time.Sleep(3 * time.Hour)
		o.must(o.Answer(ticket, "E1009", snowsim.Approved, ""))
		time.Sleep(6 * time.Minute)
		o.ended(ticket, itemComplete, "was given")
	})

	story(t, "is started by the sweep when its own webhook was lost", deafTo("sc_req_item"), func(o *office) {
		ticket, err := o.Request(paralegal)
		o.must(err)
		time.Sleep(10 * time.Minute)
		o.answers(ticket, "E1009", snowsim.Approved, "")
		time.Sleep(time.Minute)
		o.ended(ticket, itemComplete, "was given")
	})

	story(t, "counts a decision once that is told three times, and one that comes before anybody waits for it", scenario.Options{
		Mishap: func(snowsim.Message) snowsim.Mishap { return snowsim.Mishap{Copies: 2} },
	}, func(o *office) {
		// The manager answers in the moment in which he is asked.
		o.ServiceNow.OnChange(func(c snowsim.Change) {
			if c.Table == "sysapproval_approver" && c.Operation == snowsim.Inserted {
				o.must(o.ServiceNow.ApproveAs(seed.PersonSysID("E1009"), c.SysID, snowsim.Approved, ""))
			}
		})
		ticket := o.asks(paralegal)
		time.Sleep(time.Minute)
		o.ended(ticket, itemComplete, "was given")
		o.is("leases", len(o.requested("E1042")), 1)
		o.is("approvals", len(o.ServiceNow.Approvals(ticket.SysID)), 1)
	})

	story(t, "asks the next in line when an approver leaves during the wait", calm(licensed()), func(o *office) {
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1013"), Item: "AWS production access"})
		o.is("asked", o.approvers(ticket), []string{"E1010"})
		o.gone("E1010", nil) // Okta knows; ServiceNow's record follows
		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1010"), map[string]string{"active": "false"})
		time.Sleep(13 * time.Hour)
		o.is("asked then", o.approvers(ticket), []string{"E1002"})
		o.answers(ticket, "E1002", snowsim.Approved, "")
		// The owner has left as well: the next in line above her.
		o.is("asked in the second stage", o.approvers(ticket), []string{"E1002", "E1007", "E1034", "E1035", "E1036"})
	})

	story(t, "is closed, and nothing granted, when the person it is for is offboarded during the wait", calm(licensed()), func(o *office) {
		ticket := o.asks(paralegal)
		o.gone("E1042", nil)
		time.Sleep(13 * time.Hour)
		o.ended(ticket, itemIncomplete, "The account of the person it is for", "is deprovisioned", "Nothing was granted.")
		o.is("still asked", o.approvers(ticket), []string(nil))
		o.hasNothing(o.person("E1042"))
	})

	story(t, "is closed when it is approved in the hour after the person has left", calm(scenario.Options{}), func(o *office) {
		ticket := o.asks(paralegal)
		o.gone("E1042", nil)
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.ended(ticket, itemIncomplete, "is deprovisioned", "Nothing was granted.")
		o.hasNothing(o.person("E1042"))
	})

	story(t, "is closed when the requester has left although it is for somebody else", calm(scenario.Options{}), func(o *office) {
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1041"), For: "E1042", Item: "GitHub access"})
		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1041"), map[string]string{"active": "false"})
		time.Sleep(13 * time.Hour)
		o.ended(ticket, itemIncomplete, "The requester is no longer active", "Nothing was granted.")
	})

	story(t, "is withdrawn by cancelling the ticket, questions and all", calm(licensed()), func(o *office) {
		ticket := o.asks(paralegal)
		o.saves(ticket, scenario.Login("E1042"), map[string]string{"state": "7"})
		o.quiet(ticket)
		o.is("still asked", o.approvers(ticket), []string(nil))
		o.is("executions", len(o.running(asking, ticket)), 0)
		o.is("comments", len(o.Notes(ticket, "comments")), 0)
		o.is("state", o.Column(ticket, "state"), "7")
	})

	story(t, "is asked anew when it is changed, and what was approved before does not count", calm(licensed()), func(o *office) {
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1019"), Item: "AWS development access"})
		o.answers(ticket, "E1003", snowsim.Approved, "")
		o.is("asked", o.approvers(ticket), []string{"E1010"})
		o.ServiceNow.Update(ticket.Table, ticket.SysID, map[string]string{"requested_for": seed.PersonSysID("E1021")})
		o.quiet(ticket)
		time.Sleep(time.Minute)
		o.is("asked for another person", o.approvers(ticket), []string{"E1003"})
		o.answers(ticket, "E1003", snowsim.Approved, "")
		o.answers(ticket, "E1010", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "was given to sofia.rossi@example.com")
		o.is("held by the first", o.holdsGroup("E1019", "AWS Developers"), false)
		o.is("held by the second", o.holdsGroup("E1021", "AWS Developers"), true)
	})

	story(t, "is left with people when its questions are taken back in ServiceNow, and asks again once it is saved", calm(scenario.Options{}), func(o *office) {
		ticket := o.asks(paralegal)
		o.ServiceNow.Update("sysapproval_approver", o.ServiceNow.Approvals(ticket.SysID)[0].SysID, map[string]string{"state": snowsim.Withdrawn})
		o.quiet(ticket)
		o.is("state", o.Column(ticket, "state"), itemOpen)
		o.says(o.lastNote(ticket), "The approvals (manager) were taken back in ServiceNow")
		o.saves(ticket, scenario.Login("E1032"), map[string]string{"short_description": "again"})
		o.quiet(ticket)
		o.is("asked again", o.approvers(ticket), []string{"E1009"})
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "was given")
	})

	story(t, "is left with people when an edit during the wait makes no sense, and goes on when that is corrected", calm(licensed()), func(o *office) {
		ticket := o.asks(paralegal)
		o.corrects(ticket, "access_duration", "soon")
		o.says(o.lastNote(ticket), "The duration is not of the form")
		o.is("executions", len(o.running(asking, ticket)), 0)
		o.corrects(ticket, "access_duration", "")
		o.is("asked", o.approvers(ticket), []string{"E1009"})
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "was given")
		o.is("times that somebody was asked", len(o.ServiceNow.Approvals(ticket.SysID)), 1)
	})
}
