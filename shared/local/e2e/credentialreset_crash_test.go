package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"lifecycle/functions/credentialreset"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// helpProcesses are the credential resets whose every call goes wrong once.
func helpProcesses() []process {
	open := func(o *office, by, kind, number string, changes map[string]string) scenario.Ticket {
		ticket, err := o.Open(credentialreset.DefaultKind(), scenario.Login(by), "I cannot sign in", scenario.Reset(kind, number, changes))
		o.must(err)
		return ticket
	}
	return []process{
		{
			name: "new password for somebody who is locked out", machine: helping, login: scenario.Login(seed.NumberLockedOut),
			play: func(o *office) scenario.Ticket {
				return open(o, isabel, "password", seed.NumberLockedOut, nil)
			},
		},
		{
			name: "reset of factors with a second person", machine: helping, login: scenario.Login(nina), every: 3,
			play: func(o *office) scenario.Ticket {
				ticket := open(o, chloe, "mfa", nina, proven)
				o.insists(ticket, isabel, snowsim.Approved)
				return ticket
			},
		},
		{
			name: "one factor", machine: helping, login: scenario.Login(nina), every: 5,
			play: func(o *office) scenario.Ticket {
				ticket := open(o, nina, "mfa", nina, map[string]string{"factor": "push"})
				o.insists(ticket, kenji, snowsim.Approved)
				return ticket
			},
		},
		{
			name: "unlock for which a stranger asks", machine: helping, login: scenario.Login(nina), every: 3,
			play: func(o *office) scenario.Ticket { return open(o, robert, "unlock", nina, nil) },
		},
		{
			name: "unlock after which there is admin access", machine: helping, login: scenario.Login(nina), every: 5,
			play: func(o *office) scenario.Ticket {
				ticket := open(o, nina, "unlock", nina, nil)
				time.Sleep(20 * time.Minute) // whatever delays the unlock
				o.happens("user.session.access_admin_app", nina, nina, "SUCCESS")
				return ticket
			},
		},
	}
}

// TestCredentialResetCrashes is TestCrashes for credential resets.
func TestCredentialResetCrashes(t *testing.T) {
	t.Parallel()
	for _, p := range helpProcesses() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			calls, want := p.undisturbed(t)
			t.Logf("%d calls, and in the end\n%s", len(calls), want)
			for i := range calls {
				for j, d := range disturbances {
					if p.leavesOut(i, j, calls[i]) {
						continue
					}
					t.Run(fmt.Sprintf("%s call %d, %s", d.how, i+1, calls[i]), func(t *testing.T) {
						t.Parallel()
						p.disturbed(t, i+1, d.verdict, want)
					})
				}
			}
		})
	}
}

func TestCredentialResetDelivery(t *testing.T) {
	t.Parallel()
	for name, mishap := range map[string]snowsim.Mishap{
		"delivered four times":        {Copies: 3},
		"lost":                        {Lose: true},
		"of which no answer is heard": {Deaf: 3},
		"held back for ten minutes":   {Late: 10 * time.Minute},
	} {
		story(t, "webhooks "+name+" make one mail and one final note", scenario.Options{Mishap: func(snowsim.Message) snowsim.Mishap { return mishap }}, func(o *office) {
			ticket, err := o.Open(credentialreset.DefaultKind(), scenario.Login(isabel), "Forgot it", scenario.Reset("password", nina, nil))
			o.must(err)
			time.Sleep(30 * time.Minute) // the sweep finds what was lost
			o.helped(ticket)
			o.isResolved(ticket)
			o.is("mails", o.mailsTo(seed.PersonOktaID(nina)), []string{oktasim.MailReset})
			o.is("comments", len(o.Notes(ticket, "comments")), 1)
			o.is("work notes", len(o.Notes(ticket, "work_notes")), 1)
		})
	}

	story(t, "an answer whose webhook is lost is found all the same", scenario.Options{
		Mishap: func(m snowsim.Message) snowsim.Mishap { return snowsim.Mishap{Lose: m.Table == "sysapproval_approver"} },
	}, func(o *office) {
		ticket := o.help(nina, "mfa", nina, nil)
		o.must(o.Answer(ticket, isabel, snowsim.Approved, ""))
		time.Sleep(15 * time.Minute)
		o.helped(ticket)
		o.isResolved(ticket)
		o.is("factors", len(o.person(nina).Factors), 0)
	})

	story(t, "everybody at once is helped, and Okta answers no 429", scenario.Options{}, func(o *office) {
		var tickets []scenario.Ticket
		for _, p := range seed.People()[10:47] {
			if p.OktaStatus != oktasim.Active || len(p.AdminRoles) > 0 {
				continue
			}
			ticket, err := o.Open(credentialreset.DefaultKind(), p.Email, "The badge reader locked us all out", scenario.Reset("unlock", p.Number, nil))
			o.must(err)
			tickets = append(tickets, ticket)
			o.must(o.Okta.LockOut(p.OktaID))
		}
		for _, ticket := range tickets {
			o.helped(ticket)
			o.isResolved(ticket)
		}
		for _, g := range o.Okta.Gauges() {
			o.is("429 of "+string(g.Bucket), g.Throttled, 0)
		}
	})
}
