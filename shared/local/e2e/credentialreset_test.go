package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/functions/credentialreset"
	"lifecycle/shared/audit"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
)

const helping = "CredentialResetMachine"

// People of these stories: Nina sells in Berlin, Isabel is her manager, Chloe and
// Kenji are of the helpdesk, as is Viktor, Robert is a colleague.
const (
	nina, isabel, chloe, kenji, viktor, robert = "E1019", "E1003", "E1032", "E1047", seed.NumberHelpDesk, "E1020"
)

// proven is evidence as the helpdesk enters it.
var proven = map[string]string{"identity_proof": "video call: VC-2231"}

// help opens a credential reset as the person with the number by, and waits until
// it has come to rest, is waited for, or is only watched.
func (o *office) help(by, kind, number string, changes map[string]string) scenario.Ticket {
	o.t.Helper()
	ticket, err := o.Open(credentialreset.DefaultKind(), scenario.Login(by), "I cannot sign in", scenario.Reset(kind, number, changes))
	o.must(err)
	o.helped(ticket)
	return ticket
}

func (o *office) helped(t scenario.Ticket) {
	o.t.Helper()
	o.rests(helping, t, "WaitToLook", "WaitToLookAgain", "AskApproval")
}

// agrees answers the question about a ticket, one way or the other.
func (o *office) agrees(t scenario.Ticket, number, state string) {
	o.t.Helper()
	o.must(o.Answer(t, number, state, ""))
	time.Sleep(time.Minute) // for the webhook
	o.helped(t)
}

// isReferred checks that a ticket was left to people for the reasons named, that
// the account is as it was, and that nobody outside learns why.
func (o *office) isReferred(t scenario.Ticket, before oktasim.Account, reasons ...string) {
	o.t.Helper()
	o.isWith(t, "Identity Operations", append(reasons, "Nothing was changed. This has to be decided by a person", "Okta user id: "+before.ID)...)
	o.is("comments", len(o.Notes(t, "comments")), 1)
	for _, reason := range reasons {
		if strings.Contains(o.lastComment(t), reason) {
			o.t.Errorf("the requester learns what stood in the way: %q", reason)
		}
	}
	after := o.account(before.ID)
	o.is("the account", []any{after.Status, after.Factors, after.Sessions}, []any{before.Status, before.Factors, before.Sessions})
	o.is("mails", o.mailsTo(before.ID), []string(nil))
}

func TestCredentialResets(t *testing.T) {
	t.Parallel()

	story(t, "unlock a person within seconds, without an agent, and tell manager and person", scenario.Options{}, func(o *office) {
		const ethan = seed.NumberLockedOut
		began := time.Now()
		ticket := o.help(ethan, "unlock", ethan, nil)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %s", took)
		}
		o.isResolved(ticket)
		o.is("status", o.person(ethan).Status, oktasim.Active)
		o.must(o.Okta.SignIn(seed.PersonOktaID(ethan)))
		o.says(o.lastComment(ticket), "The account is unlocked.", "Whoever did not ask for this tells the service desk at once.")
		o.says(o.lastNote(ticket), "Okta user id: "+seed.PersonOktaID(ethan), "Asked for: unlock, by the person themself", "Done: the lock was lifted", "Read back: status ACTIVE")
		o.is("watch list", strings.Split(o.Column(ticket, "watch_list"), ","), []string{seed.PersonSysID(ethan), seed.PersonSysID(isabel)})
		o.is("mails", o.mailsTo(seed.PersonOktaID(ethan)), []string(nil))
	})

	story(t, "send a new password's link to the address on record, for the manager, and end all sessions", scenario.Options{}, func(o *office) {
		before := o.person(nina)
		if before.Sessions == 0 || before.RefreshTokens == 0 {
			o.t.Fatal("there is nothing to end")
		}
		ticket := o.help(isabel, "password", nina, nil)
		o.isResolved(ticket)
		a := o.person(nina)
		o.is("status", a.Status, oktasim.Recovery)
		o.is("mails", o.mailsTo(a.ID), []string{oktasim.MailReset})
		o.is("sessions, refresh tokens and devices", []int{a.Sessions, a.RefreshTokens, a.Devices}, []int{0, 0, 0})
		o.is("factors", a.Factors, before.Factors)
		o.says(o.lastComment(ticket), "Okta has sent a mail to the address that it has on record", "All sessions have ended.")
		o.says(o.lastNote(ticket), "Asked for: password, by their manager", "Read back: status RECOVERY")
		o.must(o.Okta.FollowResetLink(a.ID))
	})

	story(t, "are made for the helpdesk when the person's identity was proved", scenario.Options{}, func(o *office) {
		ticket := o.help(chloe, "password", nina, proven)
		o.isResolved(ticket)
		o.is("mails", o.mailsTo(seed.PersonOktaID(nina)), []string{oktasim.MailReset})
		o.says(o.lastNote(ticket), "Asked for: password, by the helpdesk")
	})

	story(t, "find the person by employee number alone, or by address alone", scenario.Options{}, func(o *office) {
		for _, form := range []map[string]string{{"email": ""}, {"employee_number": ""}} {
			ticket := o.help(isabel, "unlock", nina, form)
			o.isResolved(ticket)
			o.says(o.lastNote(ticket), "Okta user id: "+seed.PersonOktaID(nina))
		}
	})

	story(t, "remove factors once a second person agrees, and nobody asks whom it concerns", scenario.Options{}, func(o *office) {
		ticket := o.help(chloe, "mfa", nina, proven)
		o.is("state", o.Column(ticket, "state"), stateNew)
		o.is("factors while it waits", len(o.person(nina).Factors), 2)
		o.is("who is asked", o.approvers(ticket), []string{isabel, viktor, kenji})
		o.says(o.lastNote(ticket), "To be removed: all factors", "Speak to the person face to face")
		o.agrees(ticket, isabel, snowsim.Approved)
		o.isResolved(ticket)
		a := o.person(nina)
		o.is("factors", len(a.Factors), 0)
		o.is("status", a.Status, oktasim.Active)
		o.is("sessions", a.Sessions, 0)
		o.says(o.lastNote(ticket), "Agreed to by a second person: sys_user "+seed.PersonSysID(isabel), "factors removed: push, token:software:totp", "none of the removed factors enrolled")
		o.says(o.lastComment(ticket), "push, token:software:totp", "Okta asks for new ones at the next sign-in")
	})

	story(t, "remove factors for the person themself when the helpdesk agrees", scenario.Options{}, func(o *office) {
		ticket := o.help(nina, "mfa", nina, nil)
		o.is("who is asked", o.approvers(ticket), []string{isabel, viktor, chloe, kenji})
		o.agrees(ticket, kenji, snowsim.Approved)
		o.isResolved(ticket)
		o.is("factors", len(o.person(nina).Factors), 0)
	})

	story(t, "remove one named factor and leave the others", slowly, func(o *office) {
		id := seed.PersonOktaID(nina)
		_, err := o.Okta.EnrolFactor(id, oktasim.FactorWebAuthn)
		o.must(err)
		o.days(4)
		ticket := o.help(isabel, "mfa", nina, map[string]string{"factor": "Okta Verify"})
		o.says(o.lastNote(ticket), "the factor push, token:software:totp of the person")
		o.agrees(ticket, chloe, snowsim.Approved)
		o.isResolved(ticket)
		o.is("factors", o.person(nina).Factors, []string{oktasim.FactorWebAuthn})
	})

	story(t, "return what names no such factor, and say which are enrolled to those who work on it", scenario.Options{}, func(o *office) {
		ticket := o.help(isabel, "mfa", nina, map[string]string{"factor": "security key"})
		o.isWith(ticket, "Service Desk", "The factor that it names is not enrolled. Enrolled are: push, token:software:totp.", "Nothing was changed.")
		o.is("comments", len(o.Notes(ticket, "comments")), 0)
	})

	story(t, "are recorded before and after, with who asked and why", scenario.Options{}, func(o *office) {
		ticket := o.help(isabel, "password", nina, nil)
		o.is("changes", changesOf(o.records(ticket)), []string{"user.reset_password user/" + seed.PersonOktaID(nina), "session.clear user/" + seed.PersonOktaID(nina)})
		for _, r := range o.records(ticket) {
			if r.System == "okta" && (r.Reason.Kind != "credential_reset" || r.Reason.Ref != ticket.Number || r.Subject != seed.PersonOktaID(nina)) {
				o.t.Errorf("record %d: %+v", r.Seq, r)
			}
		}
		if !slices.ContainsFunc(o.records(ticket), func(r audit.Record) bool { return r.Verb == "reset.asked" && r.Subject == seed.PersonOktaID(nina) }) {
			o.t.Error("who asked is not recorded")
		}
	})

	for name, bad := range map[string]struct {
		form map[string]string
		says string
	}{
		"no type":                  {map[string]string{"reset_type": ""}, "The type of reset must be one of unlock, password, mfa."},
		"a type that is none":      {map[string]string{"reset_type": "everything"}, "The type of reset must be one of unlock, password, mfa."},
		"nobody":                   {map[string]string{"email": "", "employee_number": ""}, "It does not say whom it is for: neither by email address nor by employee number."},
		"an address that is none":  {map[string]string{"email": "nina"}, "The person's email address is not an address."},
		"an address of nobody's":   {map[string]string{"email": "nobody@example.com"}, "Nobody in ServiceNow has this email address: correct it."},
		"a number of nobody's":     {map[string]string{"employee_number": "E9999"}, "Nobody in ServiceNow has this employee number: correct it."},
		"two different people":     {map[string]string{"employee_number": robert}, "Email address and employee number belong to different people: correct the one that is wrong."},
		"a factor with an unlock":  {map[string]string{"factor": "push"}, "It names a factor, which only a reset of type mfa removes: clear the factor, or change the type."},
		"a number that is a query": {map[string]string{"employee_number": "E1019^ORactive=true"}, "It cannot be told whom it is for"},
	} {
		story(t, "return a ticket with "+name+", and go on when it is mended", scenario.Options{}, func(o *office) {
			ticket := o.help(isabel, "unlock", nina, bad.form)
			o.isWith(ticket, "Service Desk", bad.says)
			o.saves(ticket, scenario.Login(isabel), scenario.Columns(credentialreset.DefaultKind(), scenario.Reset("unlock", nina, map[string]string{"factor": " "})))
			o.helped(ticket)
			o.isResolved(ticket)
		})
	}
}

func TestCredentialResetsByStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, status, after string
		mails               []string
		// says stands in the comment of a resolved ticket; refers in the note of
		// one that is left to people.
		says, refers string
	}{
		{"unlock", oktasim.Active, oktasim.Active, nil, "The account was not locked, and can sign in.", ""},
		{"unlock", oktasim.LockedOut, oktasim.Active, nil, "The account is unlocked.", ""},
		{"unlock", oktasim.PasswordExpired, oktasim.PasswordExpired, nil, "its password has expired", ""},
		{"unlock", oktasim.Recovery, oktasim.Recovery, nil, "Follow the link in the mail that Okta has sent.", ""},
		{"unlock", oktasim.Provisioned, oktasim.Provisioned, nil, "Follow the link in Okta's welcome mail.", ""},
		{"password", oktasim.Active, oktasim.Recovery, []string{oktasim.MailReset}, "Follow the link in it to set a new password", ""},
		{"password", oktasim.LockedOut, oktasim.Recovery, []string{oktasim.MailReset}, "Follow the link in it to set a new password", ""},
		{"password", oktasim.PasswordExpired, oktasim.Recovery, []string{oktasim.MailReset}, "Follow the link in it to set a new password", ""},
		{"password", oktasim.Recovery, oktasim.Recovery, []string{oktasim.MailReset}, "Follow the link in it to set a new password", ""},
		{"password", oktasim.Provisioned, oktasim.Provisioned, []string{oktasim.MailWelcome}, "Okta has sent the welcome mail again", ""},
		{"mfa", oktasim.Active, oktasim.Active, nil, "were removed from this account", ""},
		{"mfa", oktasim.LockedOut, oktasim.LockedOut, nil, "were removed from this account", ""},
		{"mfa", oktasim.PasswordExpired, oktasim.PasswordExpired, nil, "were removed from this account", ""},
		{"mfa", oktasim.Recovery, oktasim.Recovery, nil, "were removed from this account", ""},
		{"unlock", oktasim.Staged, oktasim.Staged, nil, "", "has not been activated yet"},
		{"password", oktasim.Staged, oktasim.Staged, nil, "", "has not been activated yet"},
		{"unlock", oktasim.Suspended, oktasim.Suspended, nil, "", "Somebody decided that, and a reset must not undo it"},
		{"password", oktasim.Suspended, oktasim.Suspended, nil, "", "Somebody decided that, and a reset must not undo it"},
		{"mfa", oktasim.Suspended, oktasim.Suspended, nil, "", "Somebody decided that, and a reset must not undo it"},
		{"password", oktasim.Deprovisioned, oktasim.Deprovisioned, nil, "", "Whoever comes back comes through onboarding"},
		{"mfa", oktasim.Deprovisioned, oktasim.Deprovisioned, nil, "", "Whoever comes back comes through onboarding"},
	} {
		story(t, c.kind+" of an account that is "+c.status, scenario.Options{Mishap: onlyTickets}, func(o *office) {
			id := seed.PersonOktaID(nina)
			o.must(o.Okta.SetStatus(id, c.status))
			ticket := o.help(isabel, c.kind, nina, nil)
			if c.kind == "mfa" && c.refers == "" {
				o.agrees(ticket, chloe, snowsim.Approved)
				o.is("factors", len(o.person(nina).Factors), 0)
			}
			o.is("status", o.person(nina).Status, c.after)
			o.is("mails", o.mailsTo(id), c.mails)
			if c.refers != "" {
				o.isWith(ticket, "Identity Operations", c.refers, "Status: "+c.status)
				return
			}
			o.is("state", o.Column(ticket, "state"), stateResolved)
			o.says(o.lastComment(ticket), c.says)
		})
	}

	story(t, "factors of an account without any are explained", scenario.Options{}, func(o *office) {
		id, err := o.Okta.CreateUser(map[string]any{"login": "new@example.com", "email": "new@example.com", "firstName": "New", "lastName": "Person", "employeeNumber": "E7001"}, oktasim.Active)
		o.must(err)
		o.ServiceNow.Insert("sys_user", map[string]string{
			"user_name": "new@example.com", "email": "new@example.com", "employee_number": "E7001", "manager": seed.PersonSysID(isabel), "active": "true",
		})
		ticket, err := o.Open(credentialreset.DefaultKind(), scenario.Login(isabel), "No phone", map[string]string{"reset_type": "mfa", "employee_number": "E7001"})
		o.must(err)
		o.helped(ticket)
		o.is("state", o.Column(ticket, "state"), stateResolved)
		o.says(o.lastComment(ticket), "No factor is enrolled, so there is none to reset.")
		o.is("changes", changesOf(o.records(ticket)), []string(nil))
		o.is("account", o.account(id).Status, oktasim.Active)
	})
}

// onlyTickets keeps webhooks about people from being delivered: what else follows
// from a status is not the matter here.
func onlyTickets(m snowsim.Message) snowsim.Mishap {
	return snowsim.Mishap{Lose: m.Table == "sys_user"}
}

func TestCredentialResetFailures(t *testing.T) {
	t.Parallel()
	refusing := func(path string, f oktasim.Fault) func(*http.Request, int) *oktasim.Fault {
		return func(r *http.Request, _ int) *oktasim.Fault {
			if strings.HasSuffix(r.URL.Path, path) {
				return &f
			}
			return nil
		}
	}

	story(t, "what Okta refuses goes to second line with diagnostics, and on when that is mended", scenario.Options{}, func(o *office) {
		const ethan = seed.NumberLockedOut
		id := seed.PersonOktaID(ethan)
		for range 3 {
			if o.Okta.SignIn(id) == nil {
				o.t.Fatal("a locked account signs in")
			}
		}
		time.Sleep(time.Minute)
		o.Okta.Fault(refusing("/lifecycle/unlock", oktasim.Fault{Status: http.StatusForbidden}))
		ticket := o.help(isabel, "unlock", ethan, nil)
		o.isWith(ticket, "Identity Operations", "The reset could not be brought to its end.", "does not permit it to the integration",
			"E0000006 means: the integration's scopes or admin role do not allow this", "Status: LOCKED_OUT since", "Last sign-in: never",
			"Factors enrolled: push (since", "Failures in the System Log within 24h: 3", "user.session.start FAILURE INVALID_CREDENTIALS",
			"Tried in Okta:", "user.unlock, failed: ")
		o.is("comments", len(o.Notes(ticket, "comments")), 0)
		o.is("execution", o.Executions(helping, ticket)[0].Status, states.Failed)
		o.Okta.Fault(nil)
		o.saves(ticket, "ingrid.larsen@example.com", map[string]string{"comments": "Seen."}) // of security, who may not ask
		o.helped(ticket)
		o.is("status", o.person(ethan).Status, oktasim.LockedOut)
		o.saves(ticket, scenario.Login("E1033"), map[string]string{"comments": "The integration may now."}) // whom it was handed to
		o.helped(ticket)
		o.isResolved(ticket)
		o.is("status", o.person(ethan).Status, oktasim.Active)
	})

	story(t, "an account whose password is kept elsewhere is explained to second line", scenario.Options{}, func(o *office) {
		o.Okta.Fault(refusing("/lifecycle/reset_password", oktasim.Fault{Status: http.StatusForbidden, Code: "E0000060"}))
		ticket := o.help(isabel, "password", nina, nil)
		o.isWith(ticket, "Identity Operations", "E0000060 means: Okta does not offer this operation for the account, often because a directory")
		o.is("mails", o.mailsTo(seed.PersonOktaID(nina)), []string(nil))
	})

	story(t, "a factor that is still there although Okta said that it was gone is not called removed", scenario.Options{}, func(o *office) {
		ticket := o.help(nina, "mfa", nina, nil)
		o.Okta.Fault(refusing("/lifecycle/reset_factors", oktasim.Fault{Status: http.StatusOK}))
		o.agrees(ticket, isabel, snowsim.Approved)
		o.isWith(ticket, "Identity Operations", "The reset could not be brought to its end.", "the factor push (", "is still enrolled", "factor.reset_all, done")
		o.is("comments", len(o.Notes(ticket, "comments")), 0)
	})

	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		story(t, "half an hour of "+http.StatusText(status)+" is outlasted, and one mail goes out", scenario.Options{}, func(o *office) {
			until := time.Now().Add(30 * time.Minute)
			o.Okta.Fault(func(r *http.Request, _ int) *oktasim.Fault {
				if time.Now().Before(until) && strings.Contains(r.URL.Path, "/api/v1/") {
					return &oktasim.Fault{Status: status}
				}
				return nil
			})
			ticket := o.help(isabel, "password", nina, nil)
			o.isResolved(ticket)
			o.is("mails", o.mailsTo(seed.PersonOktaID(nina)), []string{oktasim.MailReset})
		})
	}

	story(t, "a reset that could not be told is told later, and not made again", slowly, func(o *office) {
		o.ServiceNow.Fault(func(r *http.Request, _ int) *snowsim.Fault {
			if r.Method == http.MethodPatch {
				return &snowsim.Fault{Status: http.StatusForbidden}
			}
			return nil
		})
		ticket := o.help(isabel, "password", nina, nil)
		o.is("execution", o.Executions(helping, ticket)[0].Status, states.Failed)
		o.is("notes", len(o.Notes(ticket, "")), 0)
		o.is("mails", o.mailsTo(seed.PersonOktaID(nina)), []string{oktasim.MailReset})
		o.ServiceNow.Fault(nil)
		time.Sleep(time.Hour)
		o.saves(ticket, scenario.Login(chloe), map[string]string{"comments": "What is with this?"})
		o.helped(ticket)
		o.isResolved(ticket)
		o.is("mails in the end", o.mailsTo(seed.PersonOktaID(nina)), []string{oktasim.MailReset})
		o.is("changes", changesOf(o.records(ticket)), []string{"user.reset_password user/" + seed.PersonOktaID(nina), "session.clear user/" + seed.PersonOktaID(nina)})
	})
}
