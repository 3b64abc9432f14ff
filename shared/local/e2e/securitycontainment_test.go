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
	"lifecycle/shared/local/syslog"
)

func with(parameters map[string]string) scenario.Options {
	return scenario.Options{Options: local.Options{Pace: rare, Parameters: parameters}}
}

// suspect has something happen that looks as if somebody else used a person's
// account, of the severity at which the person is asked.
func (w *watch) suspect(number string) {
	w.happens(syslog.SignIn(syslog.Person(number), syslog.Proxy, syslog.Windows, syslog.Elsewhere()))
}

// compromised is the same where nobody is asked.
func (w *watch) compromised(number string) {
	for range 4 {
		w.happens(syslog.Push(syslog.Person(number), syslog.Hosting, syslog.Linux, "FAILURE"))
	}
	w.happens(syslog.Push(syslog.Person(number), syslog.Hosting, syslog.Linux, "SUCCESS"))
}

func (w *watch) workNotes(t scenario.Ticket) string {
	return strings.Join(w.Notes(t, "work_notes"), "\n---\n")
}

func TestContainment(t *testing.T) {
	t.Parallel()
	robert := seed.PersonSysID(attacker)

	watching(t, "of middling severity the person is asked, and a yes leaves the account alone", unpolled(), func(w *watch) {
		w.suspect(attacker)
		w.polls()
		w.calm()
		t := w.incident()
		asked := w.ServiceNow.Approvals(t.SysID)
		w.is("asked", len(asked) == 1 && asked[0].Approver == robert, true)
		time.Sleep(2 * time.Minute)
		w.answers(t, snowsim.Approved, robert)
		w.calm()
		time.Sleep(time.Hour)
		w.calm()
		w.is("the account", w.person(attacker).Status, oktasim.Active)
		w.is("changes", len(alertChanges(w)), 0)
		w.says(w.workNotes(t), "the person is asked whether it was them", "the person says that it was them")
	})

	for name, answer := range map[string]string{"a no": snowsim.Rejected, "no answer within five minutes": ""} {
		watching(t, name+" contains the account", unpolled(), func(w *watch) {
			w.suspect(attacker)
			w.polls()
			w.calm()
			t := w.incident()
			time.Sleep(4 * time.Minute)
			w.is("before the answer", w.person(attacker).Status, oktasim.Active)
			if answer != "" {
				w.answers(t, answer, robert)
			} else {
				time.Sleep(2 * time.Minute)
			}
			w.calm()
			a := w.person(attacker)
			w.is("the account", a.Status, oktasim.Suspended)
			w.is("sessions", a.Sessions, 0)
			w.says(w.workNotes(t), "Asked, the person ", "Contained: the account is suspended.", "To undo it, approve the question that Security Operations are asked")
		})
	}

	watching(t, "somebody who cannot be asked has not said yes", unpolled(), func(w *watch) {
		const login = "nobody.in.servicenow@" + seed.Domain
		id, err := w.Okta.CreateUser(map[string]any{"login": login, "email": login, "firstName": "No", "lastName": "Body", "userType": "contractor"}, oktasim.Active)
		w.must(err)
		w.happens(syslog.SignIn(seed.Person{OktaID: id, Email: login, First: "No", Last: "Body"}, syslog.Proxy, syslog.Windows, syslog.Elsewhere()))
		w.polls()
		w.calm()
		w.is("the account", w.account(id).Status, oktasim.Suspended)
		w.says(w.workNotes(w.incident()), "The person could not be asked")
	})

	watching(t, "one answer on the incident undoes it", unpolled(), func(w *watch) {
		w.compromised(attacker)
		w.polls()
		w.calm()
		t := w.incident()
		w.is("contained", w.person(attacker).Status, oktasim.Suspended)
		time.Sleep(3 * time.Hour)
		w.answers(t, snowsim.Approved)
		w.calm()
		w.is("undone", w.person(attacker).Status, oktasim.Active)
		w.says(w.workNotes(t), "decided that the containment be undone", "The account can sign in again.")
		w.happens(syslog.Push(syslog.Person(attacker), syslog.Hosting, syslog.Linux, "SUCCESS")) // the same again
		w.polls()
		w.calm()
		w.is("what was undone is not done again by the same rule", w.person(attacker).Status, oktasim.Active)
		w.is("changes", len(alertChanges(w)), 3)
	})

	watching(t, "and a no, or the end of the incident, leaves it as it is", unpolled(), func(w *watch) {
		w.compromised(attacker)
		w.polls()
		w.calm()
		t := w.incident()
		w.answers(t, snowsim.Rejected)
		w.calm()
		w.saves(t, analyst, map[string]string{"state": "6", "close_code": "Solution provided", "close_notes": "Reset in person"})
		time.Sleep(13 * time.Hour)
		w.calm()
		w.is("the account", w.person(attacker).Status, oktasim.Suspended)
		w.is("running", len(w.alertsRunning()), 0)
	})

	watching(t, "an account that is entered again after its incident was closed is contained again, on the next incident", unpolled(), func(w *watch) {
		w.polls()
		w.spray()
		w.polls()
		w.calm()
		first := w.incident()
		w.is("contained", w.person(attacker).Status, oktasim.Suspended)
		time.Sleep(5 * time.Minute)
		w.must(w.Okta.SetStatus(seed.PersonOktaID(attacker), oktasim.Active)) // by hand, in the console
		w.saves(first, analyst, map[string]string{"state": "6", "close_code": "Solution provided", "close_notes": "Password changed"})
		time.Sleep(time.Minute) // nobody has told the alert
		w.happens(entered())
		w.polls()
		w.calm()
		w.is("incidents", len(w.incidents()), 2)
		w.is("contained again", w.person(attacker).Status, oktasim.Suspended)
		w.is("changes", len(alertChanges(w)), 4)
	})

	watching(t, "what the closed incident told already contains nobody again", unpolled(), func(w *watch) {
		w.polls()
		w.spray()
		w.polls()
		w.calm()
		first := w.incident()
		time.Sleep(5 * time.Minute)
		w.answers(first, snowsim.Approved)
		w.calm()
		time.Sleep(5 * time.Minute)
		w.happens(entered()) // the incident is open, and says so
		w.polls()
		w.calm()
		time.Sleep(10 * time.Minute)
		w.calm()
		w.saves(first, analyst, map[string]string{"state": "6", "close_code": "Solution provided", "close_notes": "It was Robert"})
		time.Sleep(time.Minute)
		w.happens(syslog.WrongPassword(syslog.Person("E1042"), syslog.Hosting, syslog.Script))
		for i := range 12 {
			w.happens(syslog.WrongPassword(seed.People()[i], syslog.Hosting, syslog.Script))
		}
		w.polls()
		w.calm()
		w.is("incidents", len(w.incidents()), 2)
		w.is("the account", w.person(attacker).Status, oktasim.Active)
	})

	watching(t, "protected accounts are left alone, and whoever is on call is told", unpolled(), func(w *watch) {
		w.compromised(seed.NumberBreakGlass)
		w.polls()
		w.calm()
		t := w.incident()
		w.is("the account", w.person(seed.NumberBreakGlass).Status, oktasim.Active)
		w.is("changes", len(alertChanges(w)), 0)
		w.says(w.workNotes(t), "The account is protected", "decide by hand, now", "IS PRIVILEGED")
		w.is("pages", len(w.pages()), 2)
	})

	watching(t, "in shadow it only says what it would have done", with(map[string]string{"AlertContainment": "shadow"}), func(w *watch) {
		w.compromised(attacker)
		w.suspect("E1011")
		w.polls()
		w.calm()
		time.Sleep(time.Hour)
		w.calm()
		w.is("changes", len(alertChanges(w)), 0)
		w.is("questions", len(w.ServiceNow.Approvals("")), 0)
		var notes []string
		for _, t := range w.incidents() {
			notes = append(notes, w.workNotes(t))
		}
		w.says(strings.Join(notes, "\n"), "Would have been contained: the account is suspended, its sessions are ended.", "Would have been asked, and contained without a yes within 5m0s")
	})

	watching(t, "unusually many at once wait for a second person, the first ones do not", with(map[string]string{"AlertContainmentLimit": "2"}), func(w *watch) {
		for _, number := range []string{"E1011", "E1012", "E1013", "E1014"} {
			w.compromised(number)
		}
		w.polls()
		w.calm()
		suspended := func() (n int) {
			for _, number := range []string{"E1011", "E1012", "E1013", "E1014"} {
				if w.person(number).Status == oktasim.Suspended {
					n++
				}
			}
			return n
		}
		w.is("contained", suspended(), 2)
		var waiting []scenario.Ticket
		for _, t := range w.incidents() {
			if strings.Contains(w.workNotes(t), "Contain another account?") {
				waiting = append(waiting, t)
			}
		}
		w.is("waiting", len(waiting), 2)
		w.answers(waiting[0], snowsim.Approved)
		w.answers(waiting[1], snowsim.Rejected)
		w.calm()
		w.is("after the answers", suspended(), 3)
		w.says(w.workNotes(waiting[0]), "agreed to the containment")
		w.says(w.workNotes(waiting[1]), "A second person decided against the containment.")
	})

	watching(t, "an account that cannot be suspended loses its sessions, and the note says so", unpolled(), func(w *watch) {
		w.must(w.Okta.SetStatus(seed.PersonOktaID(attacker), "PASSWORD_EXPIRED"))
		w.compromised(attacker)
		w.polls()
		w.calm()
		a := w.person(attacker)
		w.is("the account", a.Status, "PASSWORD_EXPIRED")
		w.is("sessions", a.Sessions, 0)
		w.says(w.workNotes(w.incident()), "an account of the status PASSWORD_EXPIRED cannot be suspended")
	})

	watching(t, "whoever has an administrator's role raises the priority", unpolled(), func(w *watch) {
		w.happens(syslog.New("user.risk.detect", syslog.On(syslog.Person(seed.NumberHelpDesk)), syslog.Risk("HIGH", "Suspicious App Access")))
		w.happens(syslog.New("user.risk.detect", syslog.On(syslog.Person("E1042")), syslog.Risk("HIGH", "Suspicious App Access")))
		w.polls()
		w.calm()
		priorities := map[string]string{}
		for _, t := range w.incidents() {
			priorities[w.Column(t, "u_employee_number")] = w.Column(t, "priority")
		}
		w.is("priorities", priorities, map[string]string{seed.NumberHelpDesk: "1", "E1042": "2"})
	})
}

// TestAnAttackerWhoAsksTheServiceDesk has factors asked for whose account somebody
// got into: as long as the incident is open, that is for a person.
func TestAnAttackerWhoAsksTheServiceDesk(t *testing.T) {
	t.Parallel()
	for name, plugin := range map[string]bool{"among the incidents": false, "in the plugin's table": true} {
		t.Run("gets nothing while the incident is open "+name, func(t *testing.T) {
			t.Parallel()
			inOfficeOf(t, func() scenario.Options {
				o := unpolled()
				o.ServiceNow = snowsim.New(snowsim.Options{SecurityIncidents: plugin})
				return o
			}, func(o *office) {
				w := &watch{office: o}
				w.polls()
				w.spray()
				w.polls()
				w.settles()
				table, query := "incident", "u_kind=security_alert"
				if plugin {
					table, query = "sn_si_incident", ""
				}
				rows := w.ServiceNow.Query(table, query)
				w.is("incidents", len(rows), 1)
				incident := scenario.Ticket{Table: table, SysID: rows[0]["sys_id"], Number: rows[0]["number"]}
				w.answers(incident, snowsim.Approved) // the account can sign in again
				w.settles()
				before := w.person(attacker)
				ticket := w.help(chloe, "mfa", attacker, map[string]string{"identity_proof": "call back: 7731"})
				w.isReferred(ticket, before, "A security incident is open about this person: "+incident.Number+".")

				closing := map[string]string{"state": "6", "close_code": "Solution provided", "close_notes": "Reset in person"}
				if plugin {
					closing["state"] = "3"
				}
				w.must(w.ServiceNow.As("admin").Update(table, incident.SysID, closing))
				w.settles()
				w.saves(ticket, scenario.Login(chloe), map[string]string{"description": "The incident is closed"})
				w.helped(ticket)
				w.is("who is asked now", len(w.approvers(ticket)) > 0, true)
			})
		})
	}
}
