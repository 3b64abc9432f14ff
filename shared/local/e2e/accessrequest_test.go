package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

const asking = "AccessRequestMachine"

// Values of a request item's state.
const (
	itemOpen       = "1"
	itemComplete   = "3"
	itemIncomplete = "4"
)

// licensed is an instance that lets the integration withdraw approvals.
func licensed() scenario.Options {
	o := scenario.Options{}
	o.ServiceNow = snowsim.New(snowsim.Options{IntegrationRoles: []string{"itil", "user_admin", "approval_admin"}})
	return o
}

// asks orders access and waits until the request has come to rest.
func (o *office) asks(a scenario.Ask) scenario.Ticket {
	o.t.Helper()
	ticket, err := o.Request(a)
	o.must(err)
	o.quiet(ticket)
	return ticket
}

// quiet waits until a request has come to rest: ended, or waiting for people.
func (o *office) quiet(t scenario.Ticket) {
	o.t.Helper()
	time.Sleep(time.Second)
	o.rests(asking, t, "AskApprovers", "WaitForServiceNow")
}

// answers lets somebody decide who is asked, and waits for what follows.
func (o *office) answers(t scenario.Ticket, number, state, comment string) {
	o.t.Helper()
	o.must(o.Answer(t, number, state, comment))
	o.quiet(t)
}

// approvers are the employee numbers of those who are asked, in order.
func (o *office) approvers(t scenario.Ticket) []string {
	var list []string
	for _, a := range o.ServiceNow.Approvals(t.SysID) {
		if a.State == snowsim.Requested {
			list = append(list, o.ServiceNow.Record("sys_user", a.Approver)["employee_number"])
		}
	}
	slices.Sort(list)
	return list
}

// ended checks how a request item was closed, that it was told once, and what
// the requester reads.
func (o *office) ended(t scenario.Ticket, state string, parts ...string) {
	o.t.Helper()
	o.is(t.Number+" is in state", o.Column(t, "state"), state)
	comments := o.Notes(t, "comments")
	o.is("comments on "+t.Number, len(comments), 1)
	if len(comments) > 0 {
		o.says(comments[0], parts...)
	}
	o.is("executions that still work on "+t.Number, len(o.running(asking, t)), 0)
}

func (o *office) holdsGroup(number, group string) bool {
	o.t.Helper()
	return slices.Contains(groupsOf(o.person(number)), group)
}

// requested are the keys of the leases that requests gave to a person.
func (o *office) requested(number string) []lease.Lease {
	return slices.DeleteFunc(o.leases(seed.PersonOktaID(number)), func(l lease.Lease) bool { return !strings.HasPrefix(l.Key, "request/") })
}

func TestAccessRequest(t *testing.T) {
	t.Parallel()

	for _, act := range scenario.AccessRequests() {
		story(t, act.Title, scenario.Options{}, func(o *office) {
			_, err := act.Play(o.ctx, o.World)
			o.must(err)
		})
	}

	story(t, "is approved by two people one after the other, and every step stands in the ledger in its order", calm(scenario.Options{}), func(o *office) {
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1019"), Item: "aws  development ACCESS", Duration: "90d", Reason: "pricing demo"})
		o.is("asked at first", o.approvers(ticket), []string{"E1003"})
		o.says(o.lastNote(ticket), ticket.Number+": AWS development access", "Use the development accounts. Risk: medium.", "For: nina.kovacs@example.com",
			"For 90 days from the approval.", "Reason given: pricing demo", "Waiting until 15 January 2000 00:00 UTC for manager to decide.")
		time.Sleep(24 * time.Hour)
		o.answers(ticket, "E1003", snowsim.Approved, "")
		o.is("then", o.approvers(ticket), []string{"E1010"})
		o.is("held before the owner agreed", o.holdsGroup("E1019", "AWS Developers"), false)
		time.Sleep(24 * time.Hour)
		granted := time.Now()
		o.answers(ticket, "E1010", snowsim.Approved, "")
		o.ended(ticket, itemComplete, `"AWS development access" was given to nina.kovacs@example.com. It ends on 2 April 2000`, "request it again")
		o.says(o.lastNote(ticket), "Approved by isabel.moreno@example.com (manager) on 2 January 2000", "Approved by lena.vogel@example.com (owner) on 3 January 2000",
			"Given: group AWS Developers", "Policy: manager-then-owner", "Read back: Okta shows it.", "Rules: 2026-01+")
		o.is("approval", o.Column(ticket, "approval"), "approved")
		o.is("held", o.holdsGroup("E1019", "AWS Developers"), true)

		leases := o.requested("E1019")
		o.is("leases", len(leases), 1)
		o.is("key", leases[0].Key, lease.RequestKey(ticket.Number))
		o.is("approved by", leases[0].ApprovedBy, []string{seed.PersonSysID("E1003"), seed.PersonSysID("E1010")})
		if end := granted.Add(90 * 24 * time.Hour); leases[0].Until.Sub(end).Abs() > time.Minute {
			o.t.Errorf("it ends on %s, not on %s", leases[0].Until, end)
		}
		var order []string
		for _, r := range o.records(ticket) {
			if r.Phase != audit.Intent && (r.Verb == "approval.decision" || r.Verb == "lease.grant" || r.Verb == "group.add" || r.Verb == "request.ended" || r.Verb == "request.assessed") {
				order = append(order, r.Verb)
			}
		}
		o.is("the ledger", order, []string{"request.assessed", "approval.decision", "approval.decision", "lease.grant", "group.add", "request.ended"})
	})

	story(t, "needs each of those whom the policy wants to agree, and asks nobody twice", calm(licensed()), func(o *office) {
		// Kofi works in security himself and is not asked about his own request.
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1035"), Item: "AWS production access"})
		o.is("asked at first", o.approvers(ticket), []string{"E1007"})
		o.answers(ticket, "E1007", snowsim.Approved, "")
		o.is("asked then", o.approvers(ticket), []string{"E1007", "E1010", "E1034", "E1036"})
		o.answers(ticket, "E1036", snowsim.Approved, "")
		time.Sleep(13 * time.Hour)
		o.is("still asked at the next look", o.approvers(ticket), []string{"E1010"})
		o.is("held before the owner agreed", o.holdsGroup("E1035", "AWS Production Operators"), false)
		o.answers(ticket, "E1010", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "It ends on 31 March 2000")
		o.is("held", o.holdsGroup("E1035", "AWS Production Operators"), true)
		o.is("approved by", len(o.requested("E1035")[0].ApprovedBy), 3)
	})

	story(t, "goes to the next in line where the manager asks for somebody else, or is not there", calm(scenario.Options{}), func(o *office) {
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1010"), For: "E1013", Item: "PagerDuty on call"})
		o.is("asked in the place of a manager who asks", o.approvers(ticket), []string{"E1002"})
		if err := o.Answer(ticket, "E1010", snowsim.Approved, ""); err == nil {
			o.t.Error("the requester is asked")
		}
		o.answers(ticket, "E1002", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "was given to jonas.weber@example.com. It has no end.")

		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1008"), map[string]string{"active": "false"})
		ticket = o.asks(scenario.Ask{By: scenario.Login("E1037"), Item: "PagerDuty on call"})
		o.is("asked in the place of a manager who has left", o.approvers(ticket), []string{"E1001"})

		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1038"), map[string]string{"manager": ""})
		ticket = o.asks(scenario.Ask{By: scenario.Login("E1038"), Item: "PagerDuty on call"})
		o.is("asked where there is no manager", o.approvers(ticket), []string{"E1006", "E1032", "E1033"})
	})

	story(t, "is rejected with the approver's words, and nothing more is asked", calm(licensed()), func(o *office) {
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1035"), Item: "AWS production access"})
		o.answers(ticket, "E1007", snowsim.Approved, "")
		o.answers(ticket, "E1034", snowsim.Rejected, "Analysts do not operate.")
		o.ended(ticket, itemIncomplete, "Rejected by ingrid.larsen@example.com (security)", "Comment: Analysts do not operate.", "Nothing was granted.")
		o.is("approval", o.Column(ticket, "approval"), "rejected")
		o.is("still asked", o.approvers(ticket), []string(nil))
		o.is("leases", len(o.requested("E1035")), 0)
	})

	story(t, "is decided by ServiceNow where the policy says so, by somebody whom it does not concern", calm(scenario.Options{}), func(o *office) {
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1028"), Item: "Salesforce reports", Approval: "requested"})
		o.is("waits in", o.running(asking, ticket)[0].Current, []string{"WaitForServiceNow"})
		decide := func(number string) {
			o.ServiceNow.Insert("sysapproval_approver", map[string]string{
				"sysapproval": ticket.SysID, "source_table": "sc_req_item", "approver": seed.PersonSysID(number), "state": snowsim.Approved,
			})
		}
		decide("E1028")
		o.ServiceNow.Update(ticket.Table, ticket.SysID, map[string]string{"approval": "approved"})
		o.quiet(ticket)
		o.is("approved by herself only: state", o.Column(ticket, "state"), itemOpen)
		o.says(o.lastNote(ticket), "Nothing was granted.", "nobody but the requester and the person it is for is recorded as an approver")
		decide("E1003")
		o.saves(ticket, scenario.Login("E1006"), map[string]string{"short_description": "Reports"})
		o.quiet(ticket)
		o.ended(ticket, itemComplete, `"Salesforce reports" was given`)
		o.says(o.lastNote(ticket), "Approved by isabel.moreno@example.com (in ServiceNow)")
		o.is("apps", directApps(o.person("E1028")), []string{"Salesforce"})
	})

	story(t, "ends when ServiceNow rejects it, whatever the policy", calm(scenario.Options{}), func(o *office) {
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1042"), Item: "GitHub access"})
		o.is("asked", o.approvers(ticket), []string{"E1009"})
		o.ServiceNow.Update(ticket.Table, ticket.SysID, map[string]string{"approval": "rejected"})
		o.quiet(ticket)
		o.ended(ticket, itemIncomplete, "It was rejected in ServiceNow.", "Nothing was granted.")
		o.Answer(ticket, "E1009", snowsim.Approved, "")
		time.Sleep(time.Hour)
		o.is("held", o.holdsGroup("E1042", "GitHub Engineers"), false)
	})
}
