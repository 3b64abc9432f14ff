package e2e_test

import (
	"testing"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/snowsim"
)

// slowly is a world in which months pass.
var slowly = scenario.Options{Options: local.Options{Pace: rare}}

// In Tokyo, where it is nine hours later than in UTC, on Saturday three weeks
// after the tests' time begins; accounts are made 72 hours before.
var inThreeWeeks = map[string]string{"start_date": "2000-01-22", "time_zone": "Asia/Tokyo"}

func utc(text string) time.Time {
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		panic(err)
	}
	return at
}

func TestStartDates(t *testing.T) {
	t.Parallel()
	early := func(o *office, changes map[string]string) scenario.Ticket {
		o.t.Helper()
		ticket := o.hire(changes)
		o.rests(joining, ticket, "WaitForStart")
		return ticket
	}

	story(t, "three weeks ahead: the account is made three days before midnight where the person works", slowly, func(o *office) {
		ticket := early(o, inThreeWeeks)
		o.is("state", o.Column(ticket, "state"), stateInProgress)
		o.says(o.lastNote(ticket), "The account will be made on 19 January 2000 at 00:00 (Asia/Tokyo), 3 days before the start date.")
		time.Sleep(time.Until(utc("2000-01-18 14:59:00")))
		_, made := o.Okta.Snapshot(jana)
		o.is("the account is there a minute before", made, false)
		time.Sleep(2 * time.Minute)
		o.rests(joining, ticket)
		o.isResolved(ticket)
		o.is("status", o.account(jana).Status, oktasim.Provisioned)
		o.madeAt(ticket, utc("2000-01-18 15:00:00"))
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 2)
	})

	story(t, "moved to later: it is made at the new moment and not before", slowly, func(o *office) {
		ticket := early(o, inThreeWeeks)
		o.days(10)
		o.edits(ticket, map[string]string{"start_date": "2000-01-29", "time_zone": "America/New_York"})
		o.rests(joining, ticket, "WaitForStart")
		o.says(o.lastNote(ticket), "The account will be made on 26 January 2000 at 00:00 (America/New_York)")
		time.Sleep(time.Until(utc("2000-01-27 00:00:00")))
		o.rests(joining, ticket)
		o.isResolved(ticket)
		o.madeAt(ticket, utc("2000-01-26 05:00:00"))
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 3)
	})

	story(t, "moved to tomorrow: it is made at once", slowly, func(o *office) {
		ticket := early(o, inThreeWeeks)
		o.days(5)
		o.edits(ticket, map[string]string{"start_date": "2000-01-07"})
		o.rests(joining, ticket)
		o.isResolved(ticket)
		o.madeAt(ticket, utc("2000-01-06 00:00:00"))
	})

	story(t, "a change whose webhook is lost is seen within half a day", scenario.Options{
		Options: slowly.Options, Mishap: func(m snowsim.Message) snowsim.Mishap {
			return snowsim.Mishap{Lose: time.Now().After(utc("2000-01-03 00:00:00"))}
		},
	}, func(o *office) {
		ticket := early(o, inThreeWeeks)
		o.days(5)
		o.edits(ticket, map[string]string{"start_date": "2000-01-07"})
		time.Sleep(12 * time.Hour)
		o.rests(joining, ticket)
		o.isResolved(ticket)
	})

	story(t, "cancelled: nothing is made, and nothing waits any more", slowly, func(o *office) {
		ticket := early(o, inThreeWeeks)
		o.days(10)
		o.saves(ticket, scenario.Requester, map[string]string{"state": stateCancelled})
		o.rests(joining, ticket)
		o.days(30)
		_, made := o.Okta.Snapshot(jana)
		o.is("the account is there", made, false)
		o.is("state", o.Column(ticket, "state"), stateCancelled)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 1)
		for _, x := range o.Executions(joining, ticket) {
			o.is(x.Name, x.Status, "SUCCEEDED")
		}
	})

	story(t, "made unusable while it waits: the ticket goes back, and mending it goes on waiting", slowly, func(o *office) {
		ticket := early(o, inThreeWeeks)
		o.edits(ticket, map[string]string{"email": "nobody"})
		o.rests(joining, ticket)
		o.isWith(ticket, "Service Desk", "- The work email address is not an address.")
		o.edits(ticket, map[string]string{"email": jana})
		o.rests(joining, ticket, "WaitForStart")
		o.days(20)
		o.rests(joining, ticket)
		o.isResolved(ticket)
		o.madeAt(ticket, utc("2000-01-18 15:00:00"))
	})

	story(t, "yesterday: it is made at once", scenario.Options{}, func(o *office) {
		ticket := o.hired(map[string]string{"start_date": "1999-12-31"})
		o.isResolved(ticket)
	})
}

// madeAt checks when a ticket's account was made, to the minute.
func (o *office) madeAt(t scenario.Ticket, at time.Time) {
	o.t.Helper()
	for _, r := range o.records(t) {
		if r.Verb == "user.create" && r.Phase == audit.Done {
			if r.At.Before(at) || r.At.After(at.Add(time.Minute)) {
				o.t.Errorf("the account was made at %s, not at %s", r.At, at)
			}
			return
		}
	}
	o.t.Error("no account was made")
}
