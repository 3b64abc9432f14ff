package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
)

const jana = "jana.keller@" + seed.Domain

// seller is the form of somebody who is given groups and an app.
var seller = map[string]string{"department": "Sales", "title": "Account Executive", "location": "New York", "manager": seed.PersonSysID("E1003")}

func TestOnboarding(t *testing.T) {
	t.Parallel()

	story(t, "gives a new hire an account, groups and apps, each with its reason, and tells the manager", scenario.Options{}, func(o *office) {
		ticket := o.hired(seller)
		o.isResolved(ticket)
		a := o.account(jana)
		o.is("status", a.Status, oktasim.Provisioned)
		o.is("groups", groupsOf(a), []string{"All Employees", "Sales", "Salesforce Users"})
		o.is("direct apps", directApps(a), []string{"Jira"})
		o.says(o.lastNote(ticket), "Okta user id: "+a.ID, "Login: "+jana,
			`- All Employees: role employee, for employee type "employee"`,
			`- Sales: role sales-member, for department "Sales"`,
			`- Salesforce Users: role seller, for title "Account Executive" in department "Sales"`,
			`- Jira: role seller, for title "Account Executive" in department "Sales"`, "Rules: 2026-01+")
		o.says(o.lastComment(ticket), "The account is ready.", "Login: "+jana, "welcome mail")
		o.is("comments", len(o.Notes(ticket, "comments")), 1)
		o.is("watch list", o.Column(ticket, "watch_list"), seed.PersonSysID("E1003"))
		o.is("mails", o.mailsTo(a.ID), []string{oktasim.MailWelcome})
		o.must(o.Okta.FollowWelcomeLink(a.ID))
		o.is("status once the welcome link was followed", o.account(jana).Status, oktasim.Active)
		o.is("profile", a.Profile, map[string]any{
			"login": jana, "email": jana, "firstName": "Jana", "lastName": "Keller", "employeeNumber": "E2001", "userType": "employee",
			"department": "Sales", "title": "Account Executive", "city": "New York", "managerId": "E1003", "timezone": "UTC",
		})
	})

	story(t, "writes the reason into the ledger before each grant, and a lease for each", scenario.Options{}, func(o *office) {
		ticket := o.hired(seller)
		a, records := o.account(jana), o.records(ticket)
		granted := map[string]int{}
		for i, r := range records {
			switch {
			case r.Verb == "lease.grant":
				granted[r.Target] = i
				o.is("kind of the reason", r.Reason.Kind, "birthright")
			case (r.Verb == "group.add" || r.Verb == "app.assign") && r.Phase == audit.Intent:
				i := slices.IndexFunc(records, func(l audit.Record) bool { return l.Verb == "lease.grant" && strings.HasPrefix(r.Target, l.Target) })
				if i < 0 || records[i].Seq > r.Seq {
					o.t.Errorf("%s was given before its reason was recorded", r.Target)
				} else {
					o.is("reason of "+r.Target, r.Reason, records[i].Reason)
				}
			}
		}
		o.is("grants", len(granted), 4)
		for _, r := range records {
			if r.Phase == audit.Intent && !slices.ContainsFunc(records, func(d audit.Record) bool { return d.Intent == r.Seq && d.Phase == audit.Done }) {
				o.t.Errorf("record %d: %s of %s has no outcome", r.Seq, r.Verb, r.Target)
			}
		}
		leases := o.leases(a.ID)
		o.is("leases", len(leases), 4)
		for _, l := range leases {
			o.is("key", l.Key, lease.Birthright)
			o.is("ticket", l.Ticket, ticket.Number)
		}
	})

	story(t, "gives the next free login when the requested one belongs to somebody else, and says so", scenario.Options{}, func(o *office) {
		_, err := o.Okta.CreateUser(map[string]any{"login": "robert.miller2@example.com", "email": "robert.miller2@example.com", "firstName": "Robert", "lastName": "Miller"}, oktasim.Active)
		o.must(err)
		ticket := o.hired(map[string]string{"first_name": "Robert", "last_name": "Miller", "email": "Robert.Miller@example.com"})
		o.isResolved(ticket)
		a := o.account("robert.miller3@example.com")
		o.is("status", a.Status, oktasim.Provisioned)
		o.is("employee number", a.Profile["employeeNumber"], any("E2001"))
		o.says(o.lastComment(ticket), "Login: robert.miller3@example.com", "The requested login belongs to somebody else, so this is the next free one.")
		o.is("the other's status", o.person("E1020").Status, oktasim.Active)
	})

	story(t, "completes the account that has the employee number already, and makes no second one", scenario.Options{}, func(o *office) {
		id, err := o.Okta.CreateUser(map[string]any{"login": "jk@example.com", "email": "jk@example.com", "firstName": "Jana", "lastName": "K", "employeeNumber": "E2001"}, oktasim.Active)
		o.must(err)
		before := len(o.Okta.Accounts())
		ticket := o.hired(nil)
		o.isResolved(ticket)
		a := o.account(id)
		o.is("accounts", len(o.Okta.Accounts()), before)
		o.is("status", a.Status, oktasim.Active)
		o.is("login", a.Login, "jk@example.com")
		o.is("last name and title", []any{a.Profile["lastName"], a.Profile["title"]}, []any{"Keller", "Engineer"})
		o.is("groups", groupsOf(a), []string{"AWS Developers", "All Employees", "Engineering", "GitHub Engineers", "Location Berlin"})
		o.is("mails", len(o.mailsTo(id)), 0)
		o.says(o.lastComment(ticket), "The person has an account already")
	})

	story(t, "brings a former employee's account back, without what the earlier employment left", scenario.Options{}, func(o *office) {
		former := o.person(seed.NumberFormer)
		o.must(o.Okta.AddMember(seed.GroupID("AWS Production Operators"), former.ID))
		before := len(o.Okta.Accounts())
		ticket := o.hired(map[string]string{
			"first_name": "Maria", "last_name": "Santos", "email": former.Login, "employee_number": seed.NumberFormer, "title": "Senior Engineer",
		})
		o.isResolved(ticket)
		a := o.person(seed.NumberFormer)
		o.is("accounts", len(o.Okta.Accounts()), before)
		o.is("status", a.Status, oktasim.Provisioned)
		o.is("groups", groupsOf(a), []string{"AWS Developers", "All Employees", "Engineering", "GitHub Engineers", "Location Berlin"})
		o.is("title", a.Profile["title"], any("Senior Engineer"))
		o.is("mails", o.mailsTo(a.ID), []string{oktasim.MailWelcome})
		o.says(o.lastComment(ticket), "Welcome back", "welcome mail")
		changes := changesOf(o.records(ticket))
		o.inOrder(changes, "group.remove group/"+seed.GroupID("AWS Production Operators"), "user.activate user/"+a.ID,
			"group.add group/"+seed.GroupID("Engineering"), "user.reactivate user/"+a.ID)
		o.must(o.Okta.FollowWelcomeLink(a.ID))
	})

	story(t, "converts a contractor without an interruption: the new access first, then the old goes", scenario.Options{}, func(o *office) {
		const contractor = "E1044"
		before := o.person(contractor)
		ticket := o.hired(map[string]string{
			"first_name": "Olga", "last_name": "Ivanova", "email": before.Login, "previous_employee_number": contractor, "employee_number": "E2004",
		})
		o.isResolved(ticket)
		a := o.person(contractor)
		o.is("status", a.Status, oktasim.Active)
		o.is("sessions", a.Sessions, before.Sessions)
		o.is("login", a.Login, before.Login)
		o.is("type and number", []any{a.Profile["userType"], a.Profile["employeeNumber"]}, []any{"employee", "E2004"})
		o.is("groups", groupsOf(a), []string{"AWS Developers", "All Employees", "Engineering", "GitHub Engineers", "Location Berlin"})
		o.is("mails", len(o.mailsTo(a.ID)), 0)
		for _, e := range o.Okta.Events() {
			if strings.HasPrefix(e.Type, "user.lifecycle.") {
				o.t.Errorf("the account was touched by %s", e.Type)
			}
		}
		o.inOrder(changesOf(o.records(ticket)), "group.add group/"+seed.GroupID("All Employees"), "group.remove group/"+seed.GroupID("Contractors"))
		o.says(o.lastComment(ticket), "converted from contractor to employee without an interruption")
		o.says(o.lastNote(ticket), "Taken away: group Contractors", "Stays: app Jira, because a group gives it too.")
	})

	story(t, "takes the direct apps of a contractor's role away when the employee's role has none of them", scenario.Options{}, func(o *office) {
		const contractor = "E1046"
		before := o.person(contractor)
		o.must(o.Okta.AssignApp(seed.AppID(seed.AppJira), before.ID))
		ticket := o.hired(map[string]string{
			"first_name": "Rachel", "last_name": "Green", "email": before.Login, "employee_number": contractor,
			"department": "Legal", "title": "Paralegal", "location": "New York", "manager": seed.PersonSysID("E1009"),
		})
		o.isResolved(ticket)
		a := o.person(contractor)
		o.is("direct apps: what no rule gave is nobody's to take", directApps(a), []string{"Salesforce"})
		o.is("groups", groupsOf(a), []string{"All Employees", "Legal"})
		o.says(o.lastNote(ticket), "Taken away: group Contractors", "Taken away: app Jira")
	})

	story(t, "leaves a suspended account to whoever suspended it, and goes on when it is unsuspended", scenario.Options{}, func(o *office) {
		suspended := o.person(seed.NumberSuspended)
		form := map[string]string{
			"first_name": "George", "last_name": "Papadopoulos", "email": suspended.Login, "employee_number": seed.NumberSuspended,
			"department": "Finance", "title": "Accountant", "location": "London", "manager": seed.PersonSysID("E1004"),
		}
		ticket := o.hired(form)
		o.isWith(ticket, "Service Desk", "No account was made or changed.", "(Okta user "+suspended.ID+") is suspended. Whoever suspended it decides")
		o.is("status", o.person(seed.NumberSuspended).Status, oktasim.Suspended)
		o.is("groups", groupsOf(o.person(seed.NumberSuspended)), groupsOf(suspended))
		o.must(o.Okta.SetStatus(suspended.ID, oktasim.Active))
		o.saves(ticket, scenario.Requester, map[string]string{"comments": "It is unsuspended."})
		o.rests(joining, ticket)
		o.isResolved(ticket)
	})

	story(t, "gives the baseline when no rule covers the title, and names the gap", scenario.Options{}, func(o *office) {
		ticket := o.hired(map[string]string{"title": "Chief Dreamer"})
		o.isResolved(ticket)
		o.is("groups", groupsOf(o.account(jana)), []string{"All Employees", "Engineering", "Location Berlin"})
		o.says(o.lastNote(ticket), `"Chief Dreamer"`, "The person has the baseline; whoever keeps the access rules should add a mapping.")
	})

	story(t, "gives the rest when Okta refuses a group, and names what is missing", scenario.Options{}, func(o *office) {
		o.Okta.Fault(func(r *http.Request, _ int) *oktasim.Fault {
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, seed.GroupID("AWS Developers")) {
				return &oktasim.Fault{Status: http.StatusForbidden}
			}
			return nil
		})
		ticket := o.hired(nil)
		o.isResolved(ticket)
		a := o.account(jana)
		o.is("groups", groupsOf(a), []string{"All Employees", "Engineering", "GitHub Engineers", "Location Berlin"})
		o.is("leases", len(o.leases(a.ID)), 3)
		o.says(o.lastNote(ticket), "Not given: group AWS Developers. ", "does not permit it to the integration")
		o.says(o.lastComment(ticket), "1 of the planned entitlements could not be given; the work notes name them.")
	})

	story(t, "carries a ticket out as it stands in the end when it is changed under way", scenario.Options{}, func(o *office) {
		ticket := o.hireWith(nil, "/lifecycle/activate", func(ticket scenario.Ticket) { o.edits(ticket, seller) })
		o.rests(joining, ticket)
		o.isResolved(ticket)
		a := o.account(jana)
		o.is("groups", groupsOf(a), []string{"All Employees", "Sales", "Salesforce Users"})
		o.is("direct apps", directApps(a), []string{"Jira"})
		o.is("leases", len(o.leases(a.ID)), 4)
		o.is("mails", o.mailsTo(a.ID), []string{oktasim.MailWelcome})
	})

	story(t, "tells what it has made when the ticket is cancelled under way", scenario.Options{}, func(o *office) {
		ticket := o.hireWith(nil, "/lifecycle/activate", func(ticket scenario.Ticket) {
			o.saves(ticket, scenario.Requester, map[string]string{"state": stateCancelled})
		})
		o.rests(joining, ticket)
		o.is("state", o.Column(ticket, "state"), stateCancelled)
		o.is("final notes", len(o.finalNotes(ticket)), 0)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 1)
		o.says(o.lastNote(ticket), "cancelled", "Okta user "+o.account(jana).ID, "termination")
	})
}

// inOrder checks that the entries stand in a list, in that order.
func (o *office) inOrder(list []string, entries ...string) {
	o.t.Helper()
	rest := list
	for _, e := range entries {
		i := slices.Index(rest, e)
		if i < 0 {
			o.t.Errorf("%q is missing, or comes too early, in %q", e, list)
			return
		}
		rest = rest[i+1:]
	}
}

// mailsTo are the kinds of mail that a person was sent.
func (o *office) mailsTo(userID string) []string {
	var kinds []string
	for _, m := range o.Okta.Mailbox() {
		if m.UserID == userID {
			kinds = append(kinds, m.Kind)
		}
	}
	return kinds
}

func TestRulesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	story(t, "leave those in force that were, and raise an alarm", scenario.Options{}, func(o *office) {
		o.isResolved(o.hired(nil))
		o.PutRules([]byte(`{"version": "2026-02"}`))
		time.Sleep(2 * time.Minute)
		o.isResolved(o.hired(map[string]string{"first_name": "Ada", "email": "ada@" + seed.Domain, "employee_number": "E2002"}))
		o.says(o.log.String(), `"RulesNotRenewed":1`)
	})
}
