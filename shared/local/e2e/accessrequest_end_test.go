package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// corrects changes the answer to a catalog variable, as the service desk does.
func (o *office) corrects(t scenario.Ticket, variable, value string) {
	o.t.Helper()
	for _, link := range o.ServiceNow.Query("sc_item_option_mtom", "request_item="+t.SysID) {
		option := o.ServiceNow.Record("sc_item_option", link["sc_item_option"])
		if o.ServiceNow.Record("item_option_new", option["item_option_new"])["name"] == variable {
			o.ServiceNow.Update("sc_item_option", link["sc_item_option"], map[string]string{"value": value})
			o.saves(t, scenario.Login("E1032"), map[string]string{"short_description": "Corrected: " + value})
			o.quiet(t)
			return
		}
	}
	o.t.Fatalf("%s has no variable %s", t.Number, variable)
}

func TestAccessRequestEnds(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct {
		ask   scenario.Ask
		state string
		told  []string
	}{
		"when nobody knows what is asked for, with what there is": {
			scenario.Ask{By: scenario.Login("E1042"), Item: "Root on everything"}, itemIncomplete,
			[]string{"There is nothing to request under the name that was given.", "AWS development access", "Zoom", "Nothing was granted."},
		},
		"when it cannot be requested": {
			scenario.Ask{By: scenario.Login("E1042"), Item: "Engineering"}, itemIncomplete,
			[]string{`"Engineering" cannot be requested: the group is given by rule or by its owners only.`, "Nothing was granted."},
		},
		"when it is not for this person, with the condition": {
			scenario.Ask{By: scenario.Login("E1043"), Item: "AWS production access"}, itemIncomplete,
			[]string{`"AWS production access" is not for this person: it is only for those of whom employeeType == "employee" holds.`},
		},
		"when somebody put the person into the group by hand already": {
			scenario.Ask{By: scenario.Login("E1013"), Item: "GitHub access"}, itemComplete,
			[]string{`The person holds "GitHub Engineers" already. It was given outside this system`, "Nothing had to be done."},
		},
		"when a group gives the app already": {
			scenario.Ask{By: scenario.Login("E1013"), Item: "Jira"}, itemComplete, []string{`The person holds "Jira" already.`},
		},
		"when the account is protected": {
			scenario.Ask{By: scenario.Login("E1006"), For: seed.NumberBreakGlass, Item: "GitHub access"}, itemIncomplete,
			[]string{"is protected: the break-glass account is the last way in when nothing else works.", "Nothing was granted."},
		},
		"when the account is suspended": {
			scenario.Ask{By: scenario.Login("E1004"), For: seed.NumberSuspended, Item: "GitHub access"}, itemIncomplete,
			[]string{"is suspended.", "Nothing was granted."},
		},
		"when the person has left": {
			scenario.Ask{By: scenario.Login("E1010"), For: seed.NumberFormer, Item: "GitHub access"}, itemIncomplete,
			[]string{"The person it is for is no longer active in ServiceNow.", "Nothing was granted."},
		},
		"against the separation of duties, with the pair and why": {
			scenario.Ask{By: scenario.Login("E1025"), Item: "NetSuite accounting"}, itemIncomplete,
			[]string{`The person holds "NetSuite Payment Approvers".`, `"NetSuite Payment Approvers" and "NetSuite Accountants" must not be held together (payments)`, "whoever enters invoices must not release their payment", "Nothing was granted."},
		},
	} {
		story(t, name, scenario.Options{}, func(o *office) {
			before := o.Okta.Accounts()
			ticket := o.asks(test.ask)
			o.ended(ticket, test.state, test.told...)
			o.is("asked", len(o.ServiceNow.Approvals(ticket.SysID)), 0)
			o.is("Okta", o.Okta.Accounts(), before)
			o.says(o.lastNote(ticket), "Rules: 2026-01+")
		})
	}

	story(t, "with a person when something has to be mended, and goes on when it is", scenario.Options{}, func(o *office) {
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1042"), Item: "Jira", Duration: "soon"})
		shown := o.ticket(ticket)
		o.is("with", shown.Group, "Service Desk")
		o.says(o.lastNote(ticket), "Nothing was granted.", "The duration is not of the form 30d, 12h or 90m.")
		o.corrects(ticket, "access_duration", "400")
		o.ended(ticket, itemComplete, "It ends on 31 January 2000", "the longest that is allowed and less than was asked for")

		ticket = o.asks(scenario.Ask{By: scenario.Login("E1041"), Item: "Jira", Until: "2000-01-10"})
		o.ended(ticket, itemComplete, "It ends on 10 January 2000 23:00 UTC") // the end of the day in Berlin
		for field, problem := range map[string]string{"1999-12-30": "The end date is over.", "next year": "not a date of the form"} {
			ticket = o.asks(scenario.Ask{By: scenario.Login("E1030"), Item: "Jira", Until: field})
			o.says(o.lastNote(ticket), problem)
		}
		ticket = o.asks(scenario.Ask{By: scenario.Login("E1030"), Item: "Jira", Until: "2000-02-01", Duration: "3d"})
		o.says(o.lastNote(ticket), "It gives both a duration and an end date")
	})

	story(t, "with a person when nobody's account can be told to be meant", scenario.Options{}, func(o *office) {
		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1042"), map[string]string{"employee_number": "E9999", "email": "nobody@example.com"})
		ticket := o.asks(paralegal)
		o.says(o.lastNote(ticket), "has no Okta account under the employee number or the address in sys_user")
		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1042"), map[string]string{"employee_number": "E1042"})
		o.saves(ticket, scenario.Login("E1032"), map[string]string{"short_description": "Corrected"})
		o.quiet(ticket)
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "was given")
	})

	story(t, "with one of two that must not be held together, when both are approved in the same moment", scenario.Options{}, func(o *office) {
		// Hannah holds neither.
		entering := o.asks(scenario.Ask{By: scenario.Login("E1028"), Item: "NetSuite accounting"})
		releasing := o.asks(scenario.Ask{By: scenario.Login("E1028"), Item: "NetSuite payment approval"})
		o.answers(entering, "E1005", snowsim.Approved, "")
		o.answers(releasing, "E1005", snowsim.Approved, "")
		o.answers(releasing, "E1036", snowsim.Approved, "")
		both := 0
		o.Okta.OnCall(func(oktasim.Call) {
			if o.holdsGroup("E1028", "NetSuite Accountants") && o.holdsGroup("E1028", "NetSuite Payment Approvers") {
				both++
			}
		})
		for _, t := range []scenario.Ticket{entering, releasing} {
			o.must(o.Answer(t, "E1004", snowsim.Approved, ""))
		}
		o.quiet(entering)
		o.quiet(releasing)
		time.Sleep(time.Hour)
		o.is("moments in which both were held", both, 0)
		states := o.Column(entering, "state") + o.Column(releasing, "state")
		if strings.Count(states, itemComplete) > 1 || !strings.Contains(states, itemIncomplete) {
			o.t.Errorf("the two ended in %s", states)
		}
	})

	story(t, "open, with what failed; the approvals hold when it is mended and saved", calm(scenario.Options{}), func(o *office) {
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			if c.Request.Method == http.MethodPut && strings.Contains(c.Request.URL.Path, "/groups/") {
				return local.Fail
			}
			return local.Pass
		})
		ticket := o.asks(paralegal)
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.is("state", o.Column(ticket, "state"), itemOpen)
		o.says(o.lastNote(ticket), "This ticket could not be carried out", "save the ticket again")
		time.Sleep(time.Hour)
		o.Sabotage(nil)
		o.saves(ticket, scenario.Login("E1032"), map[string]string{"short_description": "Again"})
		o.quiet(ticket)
		o.ended(ticket, itemComplete, "was given")
		o.is("times that somebody was asked", len(o.ServiceNow.Approvals(ticket.SysID)), 1)
	})

	story(t, "as nothing when it is cancelled after something failed", calm(scenario.Options{}), func(o *office) {
		// The access was given, and reading it back fails for good.
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			if c.Request.Method == http.MethodGet && strings.HasSuffix(c.Request.URL.Path, "/groups") && o.holdsGroup("E1042", "GitHub Engineers") {
				return local.Fail
			}
			return local.Pass
		})
		ticket := o.asks(paralegal)
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.is("held", o.holdsGroup("E1042", "GitHub Engineers"), true)
		o.Sabotage(nil)
		o.saves(ticket, scenario.Login("E1042"), map[string]string{"state": "7"})
		o.quiet(ticket)
		o.is("held after it was cancelled", o.holdsGroup("E1042", "GitHub Engineers"), false)
		o.is("leases", len(o.requested("E1042")), 0)
	})

	story(t, "with nothing when the person is suspended in the moment of the grant", calm(scenario.Options{}), func(o *office) {
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			if c.Request.Method == http.MethodPut && strings.Contains(c.Request.URL.Path, "/groups/") {
				_ = o.Okta.SetStatus(seed.PersonOktaID("E1042"), oktasim.Suspended)
			}
			return local.Pass
		})
		ticket := o.asks(paralegal)
		o.answers(ticket, "E1009", snowsim.Approved, "")
		time.Sleep(time.Minute)
		o.ended(ticket, itemIncomplete, "is suspended.", "Nothing was granted.")
		o.is("held", o.holdsGroup("E1042", "GitHub Engineers"), false)
		o.is("leases", len(o.requested("E1042")), 0)
	})

	story(t, "and is approved anew when somebody opens it again", calm(scenario.Options{}), func(o *office) {
		ticket := o.asks(paralegal)
		o.answers(ticket, "E1009", snowsim.Rejected, "Why?")
		o.ended(ticket, itemIncomplete, "Comment: Why?")
		o.ServiceNow.Update(ticket.Table, ticket.SysID, map[string]string{"state": itemOpen, "approval": "not requested"})
		o.quiet(ticket)
		o.is("asked again", o.approvers(ticket), []string{"E1009"})
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.is("state", o.Column(ticket, "state"), itemComplete)
		o.is("what was told", len(o.Notes(ticket, "comments")), 2)
		o.is("held", o.holdsGroup("E1042", "GitHub Engineers"), true)
	})

	story(t, "by the members of a group that owns the item, or the manager of an owner who has left", calm(scenario.Options{}), func(o *office) {
		o.PutRules(rulesWith(o, `"owners": ["employee:E1010"], "approval": "manager-then-owner"`, `"owners": ["group:Identity Operations"], "approval": "manager-then-owner"`))
		ticket := o.asks(scenario.Ask{By: scenario.Login("E1042"), Item: "AWS development access"})
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.is("owners", o.approvers(ticket), []string{"E1006", "E1032", "E1033"})
		o.answers(ticket, "E1033", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "was given")

		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1003"), map[string]string{"active": "false"})
		ticket = o.asks(scenario.Ask{By: scenario.Login("E1042"), Item: "Salesforce licence"})
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.is("in the place of the owner", o.approvers(ticket), []string{"E1001"})
	})

	story(t, "open, with no reason left behind, when Okta refuses the access for good", calm(scenario.Options{}), func(o *office) {
		o.Okta.Fault(func(r *http.Request, _ int) *oktasim.Fault {
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/groups/") {
				return &oktasim.Fault{Status: http.StatusForbidden, Code: "E0000006"}
			}
			return nil
		})
		ticket := o.asks(paralegal)
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.is("state", o.Column(ticket, "state"), itemOpen)
		o.says(o.lastNote(ticket), "This ticket could not be carried out", "an administrator of the system named above")
		o.is("leases", len(o.requested("E1042")), 0)
		o.Okta.Fault(nil)
		o.saves(ticket, scenario.Login("E1032"), map[string]string{"short_description": "Again"})
		o.quiet(ticket)
		o.ended(ticket, itemComplete, "was given")
	})
}
