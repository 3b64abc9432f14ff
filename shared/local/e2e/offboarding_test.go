package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
)

func TestOffboarding(t *testing.T) {
	t.Parallel()

	story(t, "takes everything away that a person can hold, the account first, and tells it all on the ticket", scenario.Options{}, func(o *office) {
		const number = "E1011"
		o.burden(number)
		before := o.person(number)
		ticket := o.gone(number, nil)
		a := o.person(number)
		o.hasNothing(a)
		o.isResolved(ticket)
		changes := changesOf(o.records(ticket))
		o.is("the first change", changes[0], "user.suspend user/"+a.ID)
		o.is("the second change", changes[1], "session.clear user/"+a.ID)
		note := o.finalNotes(ticket)[0]
		o.says(note, "Okta user "+a.ID+" has no access any more.", "Read back: status DEPROVISIONED",
			"Sessions inside other applications end when these applications next ask Okta.", "snapshot of everything held taken")
		var lines []string
		for _, action := range []string{"user.suspend", "session.clear", "grant.revoke", "api_token.revoke", "admin_role.remove", "factor.reset_all", "user.deactivate"} {
			lines = append(lines, " UTC  "+action+" ")
		}
		for _, g := range before.Groups {
			if g.Type == "OKTA_GROUP" {
				lines = append(lines, "group.remove group/"+g.ID+" ("+g.Name+")")
			}
		}
		o.says(note, lines...)
		o.says(o.Notes(ticket, "work_notes")[0], "What depended on this account:", "API tokens revoked: nightly export.",
			"Owner of the group GitHub Engineers: name another owner.", "Held the admin role Help Desk Administrator")
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 2)
	})

	story(t, "finds the account by email alone", scenario.Options{}, func(o *office) {
		ticket := o.gone("E1019", map[string]string{"employee_number": ""})
		o.isResolved(ticket)
		o.hasNothing(o.person("E1019"))
	})

	story(t, "leaves two accounts alone when address and number lead to different ones, until it is mended", scenario.Options{}, func(o *office) {
		ticket := o.leaver("E1012", map[string]string{"employee_number": "E1024"})
		o.rests(leaving, ticket)
		o.isWith(ticket, "Service Desk", "Nothing was touched", "lead to 2 accounts", seed.PersonOktaID("E1012"), seed.PersonOktaID("E1024"))
		o.is("statuses", []string{o.person("E1012").Status, o.person("E1024").Status}, []string{oktasim.Active, oktasim.Active})
		o.edits(ticket, map[string]string{"employee_number": "E1012"})
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
		o.hasNothing(o.person("E1012"))
		o.is("the namesake is", o.person("E1024").Status, oktasim.Active)
	})

	story(t, "says so when the account carries another number than the ticket", scenario.Options{}, func(o *office) {
		ticket := o.leaver("E1012", map[string]string{"employee_number": "E9999"})
		o.rests(leaving, ticket)
		o.isWith(ticket, "Service Desk", "Nothing was touched", "carries another employee number than the ticket")
	})

	story(t, "says so when nobody has such an account", scenario.Options{}, func(o *office) {
		ticket := o.leaver("E1012", map[string]string{"email": "nobody@example.com", "employee_number": ""})
		o.rests(leaving, ticket)
		o.isWith(ticket, "Service Desk", "No Okta account has this email address or employee number. Check the spelling: if there is an account, it is still active.")
	})

	for name, bad := range map[string]struct {
		form map[string]string
		says string
	}{
		"no address":               {map[string]string{"email": ""}, "The leaver's email address is missing."},
		"an address that is none":  {map[string]string{"email": "leaver"}, "The leaver's email address is not an address."},
		"a moment in words":        {map[string]string{"termination_at": "soon"}, "The termination moment is neither of the form 2026-01-31 17:30:00 nor a date."},
		"a moment two years ahead": {map[string]string{"termination_at": "2002-01-01"}, "The termination moment is more than a year ahead."},
		"a time zone that is none": {map[string]string{"time_zone": "Mars/Olympus"}, "The leaver's time zone is not an IANA name such as Europe/Berlin."},
	} {
		story(t, "returns a ticket with "+name, scenario.Options{}, func(o *office) {
			ticket := o.leaver("E1012", bad.form)
			o.rests(leaving, ticket)
			o.is("work notes", o.plainNotes(ticket), []string{"This ticket cannot be carried out yet. Nothing was touched: the account is as it was. To go on:\n- " + bad.says +
				"\nSaving the corrected ticket starts it again; nothing else is needed."})
			o.isWith(ticket, "Service Desk")
			o.is("status", o.person("E1012").Status, oktasim.Active)
			o.edits(ticket, scenario.Leaver("E1012", map[string]string{"termination_at": " ", "time_zone": " "}))
			o.rests(leaving, ticket, "WaitOneHour")
			o.isResolved(ticket)
		})
	}

	story(t, "cleans up after an account that was deactivated before, and says that it was", scenario.Options{}, func(o *office) {
		former := seed.PersonOktaID(seed.NumberFormer)
		o.must(o.Okta.AddMember(seed.GroupID("GitHub Engineers"), former))
		_, err := o.Okta.GiveRole(former, "HELP_DESK_ADMIN")
		o.must(err)
		ticket := o.gone(seed.NumberFormer, nil)
		o.isResolved(ticket)
		o.hasNothing(o.person(seed.NumberFormer))
		o.says(o.finalNotes(ticket)[0], "was deactivated before this ticket; what was left has been removed.")
	})

	for _, status := range []string{oktasim.LockedOut, oktasim.Suspended, oktasim.Provisioned, oktasim.Staged, oktasim.Recovery, oktasim.PasswordExpired} {
		story(t, "works for an account that is "+status, scenario.Options{}, func(o *office) {
			o.must(o.Okta.SetStatus(seed.PersonOktaID("E1013"), status))
			ticket := o.gone("E1013", nil)
			o.isResolved(ticket)
			o.hasNothing(o.person("E1013"))
		})
	}

	story(t, "warns when no super administrator is left", scenario.Options{}, func(o *office) {
		o.must(o.Okta.SetStatus(seed.PersonOktaID(seed.NumberBreakGlass), oktasim.Suspended))
		ticket := o.gone(seed.NumberSuperAdmin, nil)
		o.isResolved(ticket)
		o.says(o.Notes(ticket, "work_notes")[0], "No super administrator is left in the org: make somebody one now.")
	})

	story(t, "explains memberships that a rule or an application makes rather than fight them", scenario.Options{}, func(o *office) {
		ticket := o.gone("E1024", nil) // in the imported group Finance Share, and in Berlin
		o.isResolved(ticket)
		o.is("groups", groupsOf(o.person("E1024")), []string{"Domain Users", "Finance Share"})
		o.says(o.finalNotes(ticket)[0], "Stays: group Finance Share: belongs to the application it is imported from, which removes it")
	})

	story(t, "hands what cannot be removed to security, says what and why, and goes on when that is mended", slowly, func(o *office) {
		o.Okta.Fault(func(r *http.Request, _ int) *oktasim.Fault {
			if r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/groups/"+seed.GroupID("GitHub Engineers")+"/") {
				return &oktasim.Fault{Status: http.StatusForbidden}
			}
			return nil
		})
		ticket := o.leaver("E1013", nil)
		o.rests(leaving, ticket)
		o.isWith(ticket, "Security Operations", "could not be taken away completely", "- group GitHub Engineers: ", "does not permit it to the integration")
		a := o.person("E1013")
		o.is("status", a.Status, oktasim.Deprovisioned)
		o.is("groups", groupsOf(a), []string{"Domain Users", "GitHub Engineers"})
		o.is("final notes", len(o.finalNotes(ticket)), 0)
		o.days(2)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 1)
		o.Okta.Fault(nil)
		o.saves(ticket, "grace.mbeki@example.com", map[string]string{"comments": "The integration may now."})
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
		o.hasNothing(o.person("E1013"))
	})

	story(t, "attaches the log when it is too long for a note", scenario.Options{}, func(o *office) {
		id := seed.PersonOktaID("E1013")
		for i := range 80 {
			_, _, err := o.burdened(id, i)
			o.must(err)
		}
		ticket := o.gone("E1013", nil)
		o.isResolved(ticket)
		o.hasNothing(o.person("E1013"))
		name := "offboarding-" + ticket.Number + ".txt"
		o.says(o.finalNotes(ticket)[0], "more, all in the attachment "+name)
		o.is("attachments", o.ticket(ticket).Files, []string{name})
	})

	story(t, "never writes over a ticket that was changed under way, and carries it out as it stands then", scenario.Options{}, func(o *office) {
		ticket := o.leaverWith("E1013", "/lifecycle/deactivate", func(t scenario.Ticket) {
			o.edits(t, map[string]string{"email": scenario.Login("E1015"), "employee_number": "E1015"})
		})
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
		o.hasNothing(o.person("E1015"))
		o.says(strings.Join(o.Notes(ticket, "work_notes"), "\n"), "changed while it was carried out", "Okta user "+seed.PersonOktaID("E1013"), "user.deactivate user/"+seed.PersonOktaID("E1013"))
		o.says(o.finalNotes(ticket)[0], "Okta user "+seed.PersonOktaID("E1015")+" has no access any more.")
	})

	story(t, "says what has been done by then when the ticket is cancelled under way", scenario.Options{}, func(o *office) {
		ticket := o.leaverWith("E1013", "/lifecycle/deactivate", func(t scenario.Ticket) {
			o.saves(t, scenario.Requester, map[string]string{"state": stateCancelled})
		})
		o.rests(leaving, ticket, "WaitOneHour")
		o.is("state", o.Column(ticket, "state"), stateCancelled)
		o.says(o.lastNote(ticket), "Okta user "+seed.PersonOktaID("E1013"), "user.deactivate", "undo")
	})
}

// burden gives an account everything that could outlive a deactivation.
func (o *office) burden(number string) {
	o.t.Helper()
	id := seed.PersonOktaID(number)
	_, err := o.Okta.GiveRole(id, "HELP_DESK_ADMIN")
	o.must(err)
	_, _, err = o.Okta.CreateAPIToken(id, "nightly export")
	o.must(err)
	_, err = o.Okta.EnrolFactor(id, oktasim.FactorPush)
	o.must(err)
	o.must(o.Okta.SignIn(id))
	o.must(o.Okta.Consent(id, seed.AppID(seed.AppSlack), "openid", "offline_access"))
	o.must(o.Okta.AssignApp(seed.AppID(seed.AppZendesk), id))
	o.must(o.Okta.MakeOwner(seed.GroupID("GitHub Engineers"), id))
}

// burdened gives an administrator one more API token.
func (o *office) burdened(id string, i int) (token, secret string, err error) {
	if i == 0 {
		if _, err := o.Okta.GiveRole(id, "HELP_DESK_ADMIN"); err != nil {
			return "", "", err
		}
	}
	return o.Okta.CreateAPIToken(id, fmt.Sprintf("script %d", i))
}

func TestTerminationMoments(t *testing.T) {
	t.Parallel()
	const tokyo = "E1016"
	early := func(o *office, number string, changes map[string]string) scenario.Ticket {
		o.t.Helper()
		ticket := o.leaver(number, changes)
		o.rests(leaving, ticket, "WaitForMoment")
		return ticket
	}

	story(t, "are read where the leaver works", slowly, func(o *office) {
		ticket := early(o, tokyo, map[string]string{"termination_at": "2000-01-14 18:00:00"})
		o.says(o.lastNote(ticket), "Access of Okta user "+seed.PersonOktaID(tokyo)+" ends on 14 January 2000 at 18:00 (Asia/Tokyo).")
		time.Sleep(time.Until(utc("2000-01-14 08:59:00")))
		o.is("status a minute before", o.person(tokyo).Status, oktasim.Active)
		time.Sleep(2 * time.Minute)
		o.is("status a minute after", o.person(tokyo).Status, oktasim.Deprovisioned)
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
		o.goneAt(ticket, utc("2000-01-14 09:00:00"))
	})

	story(t, "without a time are the end of that day there", slowly, func(o *office) {
		ticket := early(o, tokyo, map[string]string{"termination_at": "2000-01-14"})
		o.days(20)
		o.rests(leaving, ticket)
		o.isResolved(ticket)
		o.goneAt(ticket, utc("2000-01-14 15:00:00"))
	})

	story(t, "are read in the zone that the ticket names, if it names one", slowly, func(o *office) {
		ticket := early(o, tokyo, map[string]string{"termination_at": "2000-01-14 18:00:00", "time_zone": "America/New_York"})
		o.days(20)
		o.rests(leaving, ticket)
		o.goneAt(ticket, utc("2000-01-14 23:00:00"))
	})

	story(t, "can be moved, to later and to now", slowly, func(o *office) {
		ticket := early(o, tokyo, map[string]string{"termination_at": "2000-01-14 18:00:00"})
		o.edits(ticket, map[string]string{"termination_at": "2000-01-20 18:00:00"})
		o.rests(leaving, ticket, "WaitForMoment")
		time.Sleep(time.Until(utc("2000-01-16 00:00:00")))
		o.is("status after the first moment", o.person(tokyo).Status, oktasim.Active)
		o.edits(ticket, map[string]string{"termination_at": ""})
		o.rests(leaving, ticket, "WaitOneHour")
		o.isResolved(ticket)
		o.goneAt(ticket, utc("2000-01-16 00:00:00"))
	})

	story(t, "are cancelled with the ticket", slowly, func(o *office) {
		ticket := early(o, tokyo, map[string]string{"termination_at": "2000-01-14 18:00:00"})
		o.saves(ticket, scenario.Requester, map[string]string{"state": stateCancelled})
		o.rests(leaving, ticket)
		o.days(25)
		o.is("status", o.person(tokyo).Status, oktasim.Active)
		o.is("state", o.Column(ticket, "state"), stateCancelled)
		o.is("running executions", len(o.running(leaving, ticket)), 0)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 1)
	})

	story(t, "tell an unknown leaver at once rather than on the last day", slowly, func(o *office) {
		ticket := o.leaver(tokyo, map[string]string{"termination_at": "2000-01-14 18:00:00", "email": "nobody@example.com", "employee_number": ""})
		o.rests(leaving, ticket)
		o.isWith(ticket, "Service Desk", "No Okta account has this email address or employee number.")
	})
}

// goneAt checks when a ticket's account was suspended, to the minute.
func (o *office) goneAt(t scenario.Ticket, at time.Time) {
	o.t.Helper()
	for _, r := range o.records(t) {
		if r.Verb == "user.suspend" && r.Phase == audit.Done {
			if r.At.Before(at) || r.At.After(at.Add(time.Minute)) {
				o.t.Errorf("the account was suspended at %s, not at %s", r.At, at)
			}
			return
		}
	}
	o.t.Error("no account was suspended")
}
