package e2e_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/functions/rolechange"
	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

const (
	moving      = "RoleChangeMachine"
	recertifies = "RecertificationMachine"
)

// mover is the account executive in Berlin whom most stories are about.
const mover = "E1019"

// toEngineering is the form of the mover's transfer from Sales to Engineering,
// with changes; a value that is changed to "" is left out.
func toEngineering(changes map[string]string) map[string]string {
	form := map[string]string{
		"employee_number": mover, "old_department": "Sales", "department": "Engineering",
		"old_title": "Account Executive", "title": "Engineer",
		"old_manager": seed.PersonSysID("E1003"), "manager": seed.PersonSysID("E1010"),
	}
	maps.Copy(form, changes)
	maps.DeleteFunc(form, func(_, value string) bool { return value == "" })
	return form
}

// Memberships of the mover before and after.
var (
	inSales       = []string{"All Employees", "Domain Users", "Location Berlin", "Sales", "Salesforce Users"}
	inEngineering = []string{"AWS Developers", "All Employees", "Domain Users", "Engineering", "GitHub Engineers", "Location Berlin"}
)

// configured is a world with other parameters of the template.
func configured(parameters map[string]string) scenario.Options {
	return scenario.Options{Options: local.Options{Parameters: parameters}}
}

// move opens the ticket of a change of role. What is effective at once stands in
// the person's own record already, as HR would have it.
func (o *office) move(form map[string]string) scenario.Ticket {
	o.t.Helper()
	if form["effective_date"] == "" {
		o.recordsPosition(form)
	}
	ticket, err := o.Open(rolechange.DefaultKind(), scenario.Requester, "Change of role", form)
	o.must(err)
	return ticket
}

// moved opens such a ticket and waits until it has come to rest.
func (o *office) moved(form map[string]string, waiting ...string) scenario.Ticket {
	o.t.Helper()
	ticket := o.move(form)
	o.rests(moving, ticket, waiting...)
	return ticket
}

// recordsPosition changes a person's own record.
func (o *office) recordsPosition(form map[string]string) {
	o.t.Helper()
	columns := map[string]string{}
	for name, value := range form {
		switch name {
		case "title":
			columns["title"] = value
		case "department", "location":
			columns[name] = seed.SysID("cmn_" + name + "/" + value)
		case "manager":
			if columns["manager"] = value; strings.HasPrefix(value, "E") {
				columns["manager"] = seed.PersonSysID(value)
			}
		}
	}
	if o.ServiceNow.Record("sys_user", seed.PersonSysID(form["employee_number"])) != nil {
		o.ServiceNow.Update("sys_user", seed.PersonSysID(form["employee_number"]), columns)
	}
}

// amends changes values of such a ticket as the requester.
func (o *office) amends(t scenario.Ticket, values map[string]string) {
	o.t.Helper()
	o.saves(t, scenario.Requester, scenario.Columns(rolechange.DefaultKind(), values))
}

// holds gives somebody a group, and with a key the lease for it.
func (o *office) holds(number, group, key string, until time.Time) {
	o.t.Helper()
	id := seed.PersonOktaID(number)
	o.must(o.Okta.AddMember(seed.GroupID(group), id))
	if key == "" {
		return
	}
	ctx := audit.WithTrail(o.ctx, audit.Trail{Stream: "test/" + number, Actor: "test"})
	o.must(lease.New(o.DynamoDB(), o.Table("LeasesTable"), o.ledger()).Grant(ctx, lease.Lease{
		Subject: id, Entitlement: lease.Entitlement{Kind: "group", ID: seed.GroupID(group)}, Name: group, Key: key, Until: until,
		Reason: audit.Reason{Kind: "request", Ref: key, Text: "asked for"}, Ticket: strings.TrimPrefix(key, "request/"),
	}))
}

// reasons are the mover's leases, as "name key".
func (o *office) reasons() []string {
	o.t.Helper()
	var list []string
	for _, l := range o.leases(seed.PersonOktaID(mover)) {
		list = append(list, l.Name+" "+l.Key)
	}
	slices.Sort(list)
	return list
}

// isWhole checks that a change has been carried out and told once.
func (o *office) isWhole(t scenario.Ticket, groups []string) {
	o.t.Helper()
	o.isResolved(t)
	o.is("groups", groupsOf(o.person(mover)), groups)
	o.is("running executions", len(o.running(moving, t)), 0)
}

func TestRoleChange(t *testing.T) {
	t.Parallel()

	story(t, "moves exactly the right access, shows it first, and adds before it removes", scenario.Options{}, func(o *office) {
		ticket := o.moved(toEngineering(nil))
		o.isWhole(ticket, inEngineering)
		a := o.person(mover)
		o.is("profile", []any{a.Profile["department"], a.Profile["title"], a.Profile["managerId"], a.Profile["city"]}, []any{"Engineering", "Engineer", "E1010", "Berlin"})
		o.is("leases", o.reasons(), []string{"AWS Developers birthright", "All Employees birthright", "Engineering birthright", "GitHub Engineers birthright"})
		notes := o.Notes(ticket, "work_notes")
		o.is("work notes", len(notes), 2)
		o.says(notes[0], "Change of role of Okta user "+a.ID+". What it changes:",
			"Comes:\n- group AWS Developers: role engineer, for title \"Engineer\" in department \"Engineering\"\n- group Engineering: ",
			"Goes:\n- group Sales: role sales-member, for department \"Sales\"\n- group Salesforce Users: role seller",
			"Stays, by rule:\n- group All Employees\n", "Kept by exception, until the manager decides: nothing", "Not managed, and untouched: Domain Users, Location Berlin")
		o.says(o.lastNote(ticket), "Given:\n- group AWS Developers", "Taken away:\n- group Sales\n- group Salesforce Users\nRules: 2026-01+")
		o.is("comments", len(o.Notes(ticket, "comments")), 1)
		o.is("watch list", o.Column(ticket, "watch_list"), seed.PersonSysID("E1010"))
		o.is("recertifications", len(o.ServiceNow.Query("sc_task", "")), 0)

		records := o.records(ticket)
		changes := changesOf(records)
		o.inOrder(changes, "group.add group/"+seed.GroupID("GitHub Engineers"), "user.update_profile user/"+a.ID, "group.remove group/"+seed.GroupID("Sales"))
		shown := slices.IndexFunc(records, func(r audit.Record) bool { return r.Verb == "ticket.update" && r.Phase == audit.Done })
		touched := slices.IndexFunc(records, func(r audit.Record) bool { return r.System == "okta" })
		if shown < 0 || shown > touched {
			o.t.Errorf("the difference was shown by record %d, Okta touched by %d", shown, touched)
		}
	})

	story(t, "leaves an app that a group of the new role gives too, and takes it when no group does", scenario.Options{}, func(o *office) {
		o.isResolved(o.hired(seller)) // with Jira of her own
		a := o.account(jana)
		ticket := o.moved(map[string]string{"employee_number": "E2001", "department": "Engineering", "title": "Engineer", "manager": "E1010"})
		o.isResolved(ticket)
		o.is("direct apps", directApps(o.account(jana)), []string{"Jira"})
		o.says(o.lastNote(ticket), "Stays: app Jira, because a group gives it too.")
		ticket = o.moved(map[string]string{"employee_number": "E2001", "department": "Legal", "title": "Paralegal", "manager": "E1009"})
		o.isResolved(ticket)
		o.says(o.lastNote(ticket), "- app Jira\n")
		o.is("apps", slices.Contains(appsOf(o.account(a.ID)), "Jira (USER)"), false)
	})

	story(t, "changes the manager alone, and no access", scenario.Options{}, func(o *office) {
		ticket := o.moved(map[string]string{"employee_number": mover, "manager": "E1010"})
		o.isWhole(ticket, inSales)
		o.is("manager", o.person(mover).Profile["managerId"], any("E1010"))
		o.says(o.lastNote(ticket), "Given:\n- app Jira: ", "Taken away: nothing\n") // the seeded seller never had it
	})

	story(t, "tells what no rule covers", scenario.Options{}, func(o *office) {
		ticket := o.moved(toEngineering(map[string]string{"title": "Poet"}))
		o.isResolved(ticket)
		o.says(o.lastNote(ticket), "No rule: ", "Poet")
	})

	story(t, "finds a ticket whose webhooks are all lost", deafTo("incident"), func(o *office) {
		ticket := o.move(toEngineering(nil))
		time.Sleep(15 * time.Minute)
		o.rests(moving, ticket)
		o.isWhole(ticket, inEngineering)
	})

	story(t, "carries a ticket out once, however often its webhook comes", scenario.Options{Mishap: func(snowsim.Message) snowsim.Mishap {
		return snowsim.Mishap{Copies: 3}
	}}, func(o *office) {
		ticket := o.moved(toEngineering(nil))
		o.isWhole(ticket, inEngineering)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 2)
	})

	story(t, "gives up what Okta does not let go, says so, and goes on when that is mended", scenario.Options{}, func(o *office) {
		o.Okta.Fault(func(r *http.Request, _ int) *oktasim.Fault {
			if r.Method == http.MethodDelete && strings.Contains(r.URL.Path, seed.GroupID("Salesforce Users")) {
				return &oktasim.Fault{Status: http.StatusForbidden}
			}
			return nil
		})
		ticket := o.moved(toEngineering(nil))
		o.isWith(ticket, "IT Operations", "not all access of the former one could be taken away", "- group Salesforce Users: ")
		o.is("leases of it", slices.Contains(o.reasons(), "Salesforce Users birthright"), true)
		o.Okta.Fault(nil)
		o.saves(ticket, scenario.Login("E1032"), map[string]string{"comments": "The group can be changed again."})
		o.rests(moving, ticket)
		o.isWhole(ticket, inEngineering)
	})
}
