package e2e_test

import (
	"maps"
	"net/http"
	"path"
	"testing"
	"time"

	"lifecycle/functions/credentialreset"
	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// forged opens a reset for Nina as somebody, with columns of their own making.
func (o *office) forged(by, kind string, columns map[string]string) scenario.Ticket {
	o.t.Helper()
	form := scenario.Columns(credentialreset.DefaultKind(), scenario.Reset(kind, nina, nil))
	form["u_kind"], form["short_description"] = "credential_reset", "I cannot sign in"
	maps.Copy(form, columns)
	id, err := o.ServiceNow.As(by).Insert("incident", form)
	o.must(err)
	ticket := scenario.Ticket{Table: "incident", SysID: id, Number: o.ServiceNow.Record("incident", id)["number"]}
	o.helped(ticket)
	return ticket
}

// inServiceNow changes a person's record there.
func (o *office) inServiceNow(number string, columns map[string]string) {
	o.t.Helper()
	o.must(o.ServiceNow.As("admin").Update("sys_user", seed.PersonSysID(number), columns))
}

// TestCredentialResetAttackers has people pretend to be others.
func TestCredentialResetAttackers(t *testing.T) {
	t.Parallel()
	const stranger = "is neither the person it is for, nor their manager, nor of the helpdesk."
	victim := seed.PersonSysID(nina)

	story(t, "a colleague gets nothing, and person and manager learn that somebody asked", scenario.Options{}, func(o *office) {
		before := o.person(nina)
		ticket := o.help(robert, "password", nina, nil)
		o.isReferred(ticket, before, "sys_user "+seed.PersonSysID(robert)+", who made the ticket, "+stranger)
		o.is("watch list", o.Column(ticket, "watch_list"), victim+","+seed.PersonSysID(isabel))
		o.is("who is asked", len(o.approvers(ticket)), 0)
		o.is("changes", changesOf(o.records(ticket)), []string(nil))
	})

	for name, forgery := range map[string]map[string]string{
		"opener":                         {"opened_by": victim},
		"caller":                         {"caller_id": victim},
		"opener and caller":              {"opened_by": victim, "caller_id": victim},
		"creator":                        {"opened_by": victim, "caller_id": victim, "sys_created_by": scenario.Login(nina), "sys_updated_by": scenario.Login(nina)},
		"manager as caller":              {"caller_id": seed.PersonSysID(isabel)},
		"agent as opener, with evidence": {"opened_by": seed.PersonSysID(chloe), "u_identity_proof": "in person: badge 4711"},
	} {
		for _, kind := range []string{"unlock", "password", "mfa"} {
			story(t, "who names somebody else as "+name+" gets no "+kind, scenario.Options{}, func(o *office) {
				before := o.person(nina)
				ticket := o.forged(scenario.Login(robert), kind, forgery)
				o.isReferred(ticket, before, "who made the ticket, "+stranger)
				o.is("who is asked", len(o.approvers(ticket)), 0)
			})
		}
	}

	story(t, "an agent whom a stranger has called gets nothing for the stranger", scenario.Options{}, func(o *office) {
		before := o.person(nina)
		ticket := o.forged(scenario.Login(chloe), "password", map[string]string{"caller_id": seed.PersonSysID(robert), "u_identity_proof": "call back: 5512"})
		o.isReferred(ticket, before, "sys_user "+seed.PersonSysID(robert)+", the ticket's caller, "+stranger)
	})

	story(t, "an agent who names another opener is looked at", scenario.Options{}, func(o *office) {
		before := o.person(nina)
		ticket := o.forged(scenario.Login(chloe), "unlock", map[string]string{"opened_by": victim})
		o.isReferred(ticket, before, "The ticket names sys_user "+victim+" as its opener and was made by sys_user "+seed.PersonSysID(chloe))
	})

	story(t, "a ticket that a program or a mail made has nobody who asks", scenario.Options{}, func(o *office) {
		before := o.person(nina)
		ticket := o.forged(snowsim.IntegrationUser, "unlock", map[string]string{"opened_by": victim, "caller_id": victim})
		o.isReferred(ticket, before, stranger)
	})

	story(t, "whoever has left the company asks in vain, and so does whoever was locked out of ServiceNow", scenario.Options{Mishap: onlyTickets}, func(o *office) {
		before := o.person(nina)
		o.inServiceNow(isabel, map[string]string{"locked_out": "true"})
		o.isReferred(o.help(isabel, "unlock", nina, nil), before, "is no longer active in ServiceNow, or locked out.")
	})

	story(t, "somebody who works on tickets cannot turn another's to an account of their choice", scenario.Options{}, func(o *office) {
		// Robert asks for himself; Ingrid of security turns it to Nina while it waits.
		before := o.person(nina)
		ticket := o.help(robert, "mfa", robert, nil)
		o.is("who is asked", len(o.approvers(ticket)) > 0, true)
		o.saves(ticket, "ingrid.larsen@example.com", scenario.Columns(credentialreset.DefaultKind(), scenario.Reset("mfa", nina, nil)))
		time.Sleep(time.Minute)
		o.helped(ticket)
		o.isReferred(ticket, before, "who made the ticket, "+stranger, "who changed the ticket last, "+stranger)
	})

	story(t, "nor turn an unlock into a reset of factors that somebody else asked for", scenario.Options{}, func(o *office) {
		before := o.person(nina)
		ticket := o.help(nina, "mfa", nina, map[string]string{"factor": "a key I lost"})
		o.isWith(ticket, "Service Desk", "The factor that it names is not enrolled.")
		o.saves(ticket, "ingrid.larsen@example.com", map[string]string{"u_factor": ""})
		o.helped(ticket)
		o.isReferred(ticket, before, "who changed the ticket last, "+stranger)
		o.is("who is asked", len(o.approvers(ticket)), 0)
	})

	story(t, "a change that our own note has covered up is not taken for the requester's", scenario.Options{}, func(o *office) {
		before := o.person(nina)
		asked := false
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			// Right before the question's note is written, somebody widens the request.
			if !asked && c.Request.Method == http.MethodPatch && c.Function == "CredentialResetSteps" {
				asked = true
				o.must(o.ServiceNow.As("ingrid.larsen@example.com").Update("incident", path.Base(c.Request.URL.Path), map[string]string{"u_factor": ""}))
			}
			return local.Pass
		})
		ticket := o.help(nina, "mfa", nina, map[string]string{"factor": "push"})
		time.Sleep(time.Minute)
		o.helped(ticket)
		o.is("widened", asked, true)
		o.isReferred(ticket, before, "The ticket was changed while it was worked on, and by whom cannot be told any more.")
	})

	story(t, "an agent is nobody special for their own account", scenario.Options{}, func(o *office) {
		ticket := o.help(chloe, "mfa", chloe, map[string]string{"identity_proof": "in person: me myself"})
		o.is("who is asked", o.approvers(ticket), []string{seed.NumberSuperAdmin, viktor, kenji})
		o.is("factors", len(o.person(chloe).Factors), 2)
		for _, a := range o.ServiceNow.Approvals(ticket.SysID) {
			if o.ServiceNow.ApproveAs(scenario.Login(chloe), a.SysID, snowsim.Approved, "") == nil {
				o.t.Error("she may approve it herself")
			}
		}
	})

	story(t, "evidence that the person wrote themself proves nothing where policy asks for it", scenario.Options{
		Options: local.Options{Parameters: map[string]string{"CredentialResetPolicy": `{"identity_proof": {"needed": {"self": ["password"]}}}`}},
	}, func(o *office) {
		ticket := o.help(nina, "password", nina, map[string]string{"identity_proof": "in person: badge 4711"})
		o.isWith(ticket, "Service Desk", "The evidence of identity has to be entered by a member of the helpdesk.")
		o.is("mails", o.mailsTo(seed.PersonOktaID(nina)), []string(nil))
		o.saves(ticket, scenario.Login(chloe), map[string]string{"u_identity_proof": "in person: badge 4711, seen"})
		o.helped(ticket)
		o.isResolved(ticket)
		o.is("mails once the helpdesk has entered it", o.mailsTo(seed.PersonOktaID(nina)), []string{oktasim.MailReset})
	})

	for name, proof := range map[string]string{
		"none": "", "a word": "yes", "a method without a reference": "video call", "a method that does not count": "she sounded like herself, really",
		"a reference of nothing": "video call: x", "a method that only begins so": "video callers 12345",
	} {
		story(t, "an agent gets no password with evidence that is "+name, scenario.Options{}, func(o *office) {
			ticket := o.help(chloe, "password", nina, map[string]string{"identity_proof": proof})
			o.isWith(ticket, "Service Desk", "in person, video call, call back", "Nothing was changed.")
			o.is("status", o.person(nina).Status, oktasim.Active)
			o.is("mails", o.mailsTo(seed.PersonOktaID(nina)), []string(nil))
		})
	}

	story(t, "administrators and protected accounts are always for a person, whoever asks", scenario.Options{}, func(o *office) {
		for number, reason := range map[string]string{
			seed.NumberSuperAdmin: "The account is an administrator's (Super Administrator).", viktor: "The account is an administrator's (Help Desk Administrator).",
			seed.NumberBreakGlass: "The account is protected:", seed.NumberService: "The account is protected:",
		} {
			for _, kind := range []string{"unlock", "password", "mfa"} {
				before := o.person(number)
				o.isReferred(o.help(chloe, kind, number, proven), before, reason)
			}
		}
		o.must(o.Okta.AddMember(seed.GroupID("Legal"), seed.PersonOktaID(nina)))
		_, err := o.Okta.GiveGroupRole(seed.GroupID("Legal"), "READ_ONLY_ADMIN")
		o.must(err)
		before := o.person(nina)
		o.isReferred(o.help(nina, "unlock", nina, nil), before, "The account is an administrator's (Read Only Administrator).")
	})

	story(t, "an account that carries another address or number than the person is looked at", scenario.Options{Mishap: onlyTickets}, func(o *office) {
		o.must(o.Okta.EditProfile(seed.PersonOktaID(nina), map[string]any{"employeeNumber": "E9123"}))
		before := o.person(nina)
		o.isReferred(o.help(nina, "unlock", nina, nil), before, "The account carries another employee number than the person has in ServiceNow.")
	})

	story(t, "an attacker's own address in ServiceNow leads to no mail", scenario.Options{Mishap: onlyTickets}, func(o *office) {
		o.inServiceNow(nina, map[string]string{"email": "attacker@example.net"})
		before := o.person(nina)
		o.isReferred(o.help(isabel, "password", nina, map[string]string{"email": ""}), before,
			"The account has another address than the person has in ServiceNow: find out which is right, and who changed it.")
	})
}
