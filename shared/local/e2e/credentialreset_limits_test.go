package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"lifecycle/functions/credentialreset"
	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
)

// by is a day with a policy that differs in something.
func by(policy string) scenario.Options {
	return scenario.Options{Options: local.Options{Parameters: map[string]string{"CredentialResetPolicy": policy}, Pace: rare}}
}

func TestCredentialResetLimits(t *testing.T) {
	t.Parallel()

	story(t, "the fourth request for one account within a day is for a person, whoever asks, and the next day's is not", slowly, func(o *office) {
		for range 3 {
			o.isResolved(o.help(nina, "unlock", nina, nil))
		}
		before := o.person(nina)
		o.isReferred(o.help(isabel, "unlock", nina, nil), before, "This is request number 4 within 24h for this account, and more than 3 are for a person to decide.")
		o.isResolved(o.help(isabel, "unlock", robert, nil))
		o.days(1)
		o.isResolved(o.help(nina, "unlock", nina, nil))
	})

	story(t, "a ticket that is reopened again and again counts each time", slowly, func(o *office) {
		ticket := o.help(nina, "unlock", nina, nil)
		for range 2 {
			o.saves(ticket, scenario.Login(nina), map[string]string{"state": stateNew})
			o.helped(ticket)
			o.is("state", o.Column(ticket, "state"), stateResolved)
		}
		o.saves(ticket, scenario.Login(nina), map[string]string{"state": stateNew})
		o.helped(ticket)
		o.isWith(ticket, "Identity Operations", "This is request number 4 within 24h for this account")
	})

	story(t, "who asks for one after the other is stopped, also where none of it was granted", slowly, func(o *office) {
		for _, p := range seed.People()[10:15] {
			o.isReferred(o.help(robert, "unlock", p.Number, nil), o.person(p.Number), "nor of the helpdesk.")
		}
		before := o.person(robert)
		o.isReferred(o.help(robert, "unlock", robert, nil), before, "This is request number 6 within 24h by the same person (sys_user "+seed.PersonSysID(robert)+")")
	})

	story(t, "an agent may help more people than others, though not all", by(`{"limits": {"helpdesk": {"resets": 6, "window": "24h"}}}`), func(o *office) {
		for _, number := range []string{"E1011", "E1012", "E1013", "E1014", "E1015", "E1016"} {
			o.isResolved(o.help(chloe, "unlock", number, nil))
		}
		before := o.person(nina)
		o.isReferred(o.help(chloe, "unlock", nina, nil), before, "This is request number 7 within 24h by the same person")
		o.isResolved(o.help(kenji, "unlock", nina, nil))
	})

	story(t, "a wave over the whole company stops for people, and is over an hour later", by(`{"limits": {"overall": {"resets": 4, "window": "1h"}}}`), func(o *office) {
		for i := range 4 {
			o.isResolved(o.help(fmt.Sprintf("E10%d", 11+i), "unlock", fmt.Sprintf("E10%d", 11+i), nil))
		}
		before := o.person(nina)
		o.isReferred(o.help(nina, "unlock", nina, nil), before, "This is request number 5 within 1h in the whole company, and more than 4 are for a person to decide.")
		time.Sleep(time.Hour)
		o.isResolved(o.help(nina, "unlock", nina, nil))
	})

	story(t, "policy may leave a type of reset to the helpdesk", by(`{"may_ask": {"self": ["unlock"], "manager": []}}`), func(o *office) {
		before := o.person(nina)
		o.isReferred(o.help(nina, "password", nina, nil), before, "asks as the person themself, and by policy may not ask for a reset of type password.")
		o.isReferred(o.help(isabel, "unlock", nina, nil), before, "asks as their manager, and by policy may not ask for a reset of type unlock.")
		o.isResolved(o.help(chloe, "password", nina, proven))
	})
}

func TestCredentialResetCoolDown(t *testing.T) {
	t.Parallel()
	id := seed.PersonOktaID(nina)

	for kind, wait := range map[string]time.Duration{"unlock": 4 * time.Hour, "password": 24 * time.Hour, "mfa": 72 * time.Hour} {
		story(t, "a factor that was just enrolled leaves an account to people for "+wait.String()+" before "+kind, slowly, func(o *office) {
			_, err := o.Okta.EnrolFactor(id, oktasim.FactorSMS)
			o.must(err)
			time.Sleep(wait - time.Minute)
			before := o.person(nina)
			o.isReferred(o.help(isabel, kind, nina, nil), before, "A factor (sms) was enrolled on 1 January 2000 00:00 UTC")
			time.Sleep(2 * time.Minute)
			ticket := o.help(isabel, kind, nina, nil)
			if kind == "mfa" {
				o.is("who is asked", len(o.approvers(ticket)), 3)
				return
			}
			o.isResolved(ticket)
		})
	}

	for _, event := range []string{"user.mfa.factor.deactivate", "user.mfa.factor.update", "user.account.update_primary_email", "user.account.update_secondary_email"} {
		story(t, event+" leaves an account to people, and nobody else's", slowly, func(o *office) {
			o.happens(event, isabel, nina, "SUCCESS")
			o.happens(event, nina, robert, "SUCCESS") // what she did to somebody else
			before := o.person(nina)
			o.isReferred(o.help(nina, "password", nina, nil), before, "The account was changed on 1 January 2000 00:00 UTC ("+event+")")
			o.isResolved(o.help(isabel, "password", "E1021", nil))
		})
	}

	story(t, "what failed, and what she did to somebody else, is no change of hers", slowly, func(o *office) {
		o.happens("user.mfa.factor.activate", nina, nina, "FAILURE")
		o.happens("user.mfa.factor.deactivate", nina, robert, "SUCCESS")
		o.isResolved(o.help(nina, "password", nina, nil))
	})

	story(t, "a new password and new factors one after the other are for a person", slowly, func(o *office) {
		o.isResolved(o.help(isabel, "password", nina, nil))
		o.must(o.Okta.FollowResetLink(id))
		time.Sleep(time.Hour)
		ticket := o.help(isabel, "mfa", nina, nil)
		o.isWith(ticket, "Identity Operations", "The account was changed on 1 January 2000 00:00 UTC (user.account.reset_password)")
		o.is("factors", len(o.person(nina).Factors), 2)
	})

	story(t, "asked for at the same moment, at most one of them is done", slowly, func(o *office) {
		tickets := make([]scenario.Ticket, 0, 2)
		for _, kind := range []string{"password", "mfa"} {
			ticket, err := o.Open(credentialreset.DefaultKind(), scenario.Login(isabel), "New phone, new everything", scenario.Reset(kind, nina, nil))
			o.must(err)
			tickets = append(tickets, ticket)
		}
		o.helped(tickets[1])
		if len(o.approvers(tickets[1])) > 0 {
			o.agrees(tickets[1], chloe, snowsim.Approved)
		}
		o.helped(tickets[0])
		done := 0
		for _, ticket := range tickets {
			if o.Column(ticket, "state") == stateResolved {
				done++
			}
		}
		if done > 1 || len(o.person(nina).Factors) == 0 && len(o.mailsTo(id)) > 0 {
			o.t.Errorf("%d were done: factors %v, mails %v", done, o.person(nina).Factors, o.mailsTo(id))
		}
	})
}

// happens writes an event of the System Log that one person brought about and
// another, or the same, was the target of.
func (o *office) happens(event, actor, target, result string) {
	o.t.Helper()
	party := func(number string) map[string]any {
		return map[string]any{"id": seed.PersonOktaID(number), "type": "User", "alternateId": scenario.Login(number), "displayName": number}
	}
	o.Okta.Emit(time.Now(), map[string]any{
		"eventType": event, "actor": party(actor), "target": []any{party(target)}, "outcome": map[string]any{"result": result},
	})
	time.Sleep(time.Second)
}

func TestCredentialResetIncidents(t *testing.T) {
	t.Parallel()
	about := func(o *office, values map[string]string) string {
		values["u_kind"] = "security_alert"
		return o.ServiceNow.Insert("incident", values)
	}
	for name, values := range map[string]map[string]string{
		"names the person as its caller": {"caller_id": seed.PersonSysID(nina)},
		"gives the person's address":     {"u_email": scenario.Login(nina)},
		"gives the person's number":      {"u_employee_number": nina},
	} {
		story(t, "an open one that "+name+" keeps the account with people until it is closed", slowly, func(o *office) {
			incident := about(o, values)
			before := o.person(nina)
			ticket := o.help(chloe, "mfa", nina, proven)
			o.isReferred(ticket, before, "A security incident is open about this person: INC")
			o.is("who is asked", len(o.approvers(ticket)), 0)
			o.ServiceNow.Update("incident", incident, map[string]string{"state": stateCancelled})
			o.saves(ticket, scenario.Login(chloe), map[string]string{"comments": "It was a false alarm."})
			o.helped(ticket)
			o.is("who is asked once it is closed", o.approvers(ticket), []string{isabel, viktor, kenji})
		})
	}

	story(t, "one that is resolved, or about somebody else, is no matter", slowly, func(o *office) {
		about(o, map[string]string{"caller_id": seed.PersonSysID(robert)})
		about(o, map[string]string{"caller_id": seed.PersonSysID(nina), "state": stateCancelled})
		o.isResolved(o.help(nina, "unlock", nina, nil))
	})

	story(t, "one that is opened while the second person thinks about it stops the reset", slowly, func(o *office) {
		ticket := o.help(nina, "mfa", nina, nil)
		o.is("who is asked", len(o.approvers(ticket)), 4)
		about(o, map[string]string{"caller_id": seed.PersonSysID(nina)})
		before := o.person(nina)
		o.agrees(ticket, chloe, snowsim.Approved)
		o.isReferred(ticket, before, "A security incident is open about this person: INC")
	})

	story(t, "where access rules hide incidents a person looks", slowly, func(o *office) {
		about(o, map[string]string{"caller_id": seed.PersonSysID(nina)})
		o.ServiceNow.Restrict(snowsim.Rule{
			Table: "incident", Operation: "read", Roles: []string{"sn_si.analyst"}, Only: func(r map[string]string) bool { return r["u_kind"] == "security_alert" },
		})
		before := o.person(nina)
		o.isReferred(o.help(nina, "unlock", nina, nil), before, "Whether a security incident is open about this person cannot be told")
	})
}

func TestCredentialResetSecondPerson(t *testing.T) {
	t.Parallel()

	story(t, "who refuses leaves it with people", slowly, func(o *office) {
		ticket := o.help(nina, "mfa", nina, nil)
		before := o.person(nina)
		o.agrees(ticket, isabel, snowsim.Rejected)
		o.isReferred(ticket, before, "A second person was asked and refused (sys_user "+seed.PersonSysID(isabel)+").")
	})

	story(t, "who does not answer in a day leaves it with people, and is asked anew when it is saved", slowly, func(o *office) {
		o.ServiceNow.GrantRole(snowsim.IntegrationUser, "approval_admin") // so that old questions can be taken back
		ticket := o.help(nina, "mfa", nina, nil)
		before := o.person(nina)
		o.days(2)
		o.helped(ticket)
		o.isReferred(ticket, before, "A second person has to agree, and nobody who was asked decided within 24h.")
		o.saves(ticket, scenario.Login(nina), map[string]string{"comments": "I still have no phone."})
		o.helped(ticket)
		o.is("who is asked", o.approvers(ticket), []string{isabel, viktor, chloe, kenji})
		o.agrees(ticket, viktor, snowsim.Approved)
		o.is("who is asked in the end", len(o.approvers(ticket)), 0)
		o.is("state", o.Column(ticket, "state"), stateResolved)
		o.is("factors", len(o.person(nina).Factors), 0)
	})

	story(t, "who asks cannot agree in another's place", slowly, func(o *office) {
		o.ServiceNow.GrantRole(scenario.Login(chloe), "approval_admin")
		ticket := o.help(chloe, "mfa", nina, proven)
		for _, a := range o.ServiceNow.Approvals(ticket.SysID) {
			if a.Approver == seed.PersonSysID(kenji) {
				o.must(o.ServiceNow.ApproveAs(scenario.Login(chloe), a.SysID, snowsim.Approved, ""))
			}
		}
		time.Sleep(time.Minute)
		o.helped(ticket)
		o.is("state", o.Column(ticket, "state"), stateNew)
		o.is("factors", len(o.person(nina).Factors), 2)
		o.agrees(ticket, viktor, snowsim.Approved)
		o.is("factors once another agreed", len(o.person(nina).Factors), 0)
	})

	story(t, "nobody being left who may agree, a person decides", by(`{"second_approval": {"from": ["manager"]}}`), func(o *office) {
		before := o.person(nina)
		o.isReferred(o.help(isabel, "mfa", nina, nil), before, "A second person has to agree, and nobody is left who may")
	})

	story(t, "a ticket that is cancelled while it waits asks nobody any more", slowly, func(o *office) {
		ticket := o.help(nina, "mfa", nina, nil)
		o.saves(ticket, scenario.Login(nina), map[string]string{"state": stateCancelled})
		time.Sleep(time.Minute)
		o.helped(ticket)
		o.is("who is asked", len(o.approvers(ticket)), 0)
		o.is("running executions", len(o.running(helping, ticket)), 0)
		o.is("factors", len(o.person(nina).Factors), 2)
		o.is("state", o.Column(ticket, "state"), stateCancelled)
	})

	story(t, "what was agreed to holds for that and for nothing else", slowly, func(o *office) {
		ticket := o.help(nina, "mfa", nina, map[string]string{"factor": "token:software:totp"})
		asked := o.approvers(ticket)
		o.saves(ticket, scenario.Login(nina), map[string]string{"u_factor": "push"})
		time.Sleep(time.Minute)
		o.helped(ticket)
		o.is("who is asked", len(o.approvers(ticket)) >= len(asked), true)
		o.is("factors", len(o.person(nina).Factors), 2)
		for _, a := range o.ServiceNow.Approvals(ticket.SysID) { // the first question of the two
			if a.Approver == seed.PersonSysID(chloe) && a.State == snowsim.Requested {
				o.must(o.ServiceNow.ApproveAs(a.Approver, a.SysID, snowsim.Approved, ""))
			}
		}
		time.Sleep(time.Minute)
		o.helped(ticket)
		o.is("factors once both were answered", len(o.person(nina).Factors), 0) // push takes the code of the same app along
	})
}

func TestCredentialResetWatch(t *testing.T) {
	t.Parallel()

	story(t, "nothing happening, the account is looked at after one and after eight hours, and the execution ends", slowly, func(o *office) {
		ticket := o.help(isabel, "password", nina, nil)
		looks := func() int { return o.calls("/api/v1/logs") }
		before := looks()
		time.Sleep(2 * time.Hour)
		o.is("looks after two hours", looks()-before, 1)
		o.rests(helping, ticket)
		o.is("looks in the end", looks()-before, 2)
		o.is("execution", o.Executions(helping, ticket)[0].Status, states.Succeeded)
		o.isResolved(ticket)
	})

	for name, act := range map[string]func(o *office){
		"an admin role":              func(o *office) { _, err := o.Okta.GiveRole(seed.PersonOktaID(nina), "APP_ADMIN"); o.must(err) },
		"the admin console":          func(o *office) { o.happens("user.session.access_admin_app", nina, nina, "SUCCESS") },
		"a try at the admin console": func(o *office) { o.happens("user.session.access_admin_app", nina, nina, "FAILURE") },
		"an API token":               func(o *office) { o.happens("system.api_token.create", nina, nina, "SUCCESS") },
	} {
		for _, hours := range []int{0, 5} {
			story(t, fmt.Sprintf("%s %d hours after the reset gives the ticket to security", name, hours), slowly, func(o *office) {
				ticket := o.help(isabel, "password", nina, nil)
				time.Sleep(time.Duration(hours)*time.Hour + time.Minute)
				act(o)
				o.rests(helping, ticket)
				o.isWith(ticket, "Security Operations", "After this reset there was admin access of Okta user "+seed.PersonOktaID(nina), "suspend the account and end its sessions")
				o.is("execution", o.Executions(helping, ticket)[0].Error, "AdminAccess")
				o.days(1)
				o.isWith(ticket, "Security Operations")
			})
		}
	}

	story(t, "an account that is deleted meanwhile is looked after no more", slowly, func(o *office) {
		ticket := o.help(isabel, "password", nina, nil)
		o.must(o.Okta.DeleteUser(seed.PersonOktaID(nina)))
		o.rests(helping, ticket)
		o.isResolved(ticket)
	})

	story(t, "what happened before the reset is no matter", slowly, func(o *office) {
		o.happens("user.session.access_admin_app", nina, nina, "SUCCESS")
		ticket := o.help(isabel, "password", nina, nil)
		o.rests(helping, ticket)
		o.isResolved(ticket)
	})
}

// calls counts the calls of Okta's API on a path.
func (o *office) calls(path string) int {
	n := 0
	for _, c := range o.Okta.Calls() {
		if c.Path == path {
			n++
		}
	}
	return n
}
