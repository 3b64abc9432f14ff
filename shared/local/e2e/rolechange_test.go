package e2e_test

import (
	"testing"

	"lifecycle/functions/rolechange"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
)

const (
	moving      = "RoleChangeMachine"
	recertifies = "RecertificationMachine"
)

// toEngineering is the form of a transfer of E1019 from Sales in Berlin to
// Engineering.
func toEngineering(changes map[string]string) map[string]string {
	form := map[string]string{
		"employee_number": "E1019", "old_department": "Sales", "department": "Engineering",
		"old_title": "Account Executive", "title": "Engineer",
		"old_manager": seed.PersonSysID("E1003"), "manager": seed.PersonSysID("E1010"),
	}
	for name, value := range changes {
		if form[name] = value; value == "" {
			delete(form, name)
		}
	}
	return form
}

// move opens the ticket of a change of role.
func (o *office) move(form map[string]string) scenario.Ticket {
	o.t.Helper()
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

func TestRoleChange(t *testing.T) {
	t.Parallel()

	story(t, "moves exactly the right access from Sales to Engineering", scenario.Options{}, func(o *office) {
		ticket := o.moved(toEngineering(nil))
		for _, n := range o.Notes(ticket, "") {
			o.t.Log(n)
		}
		a := o.person("E1019")
		o.t.Log(groupsOf(a), appsOf(a))
		for _, r := range o.records(ticket) {
			o.t.Log(r.Phase, r.Verb, r.Target, r.Key, r.Error)
		}
		o.isResolved(ticket)
	})
}
