package e2e_test

import (
	"slices"
	"strings"
	"testing"

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
		o.says(o.Notes(ticket, "comments")[0], "The account is ready.", "Login: "+jana, "welcome mail")
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
