package e2e_test

import (
	"testing"

	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
)

// badTicket is a new hire's ticket that cannot be carried out.
type badTicket struct {
	name string
	form map[string]string
	// says is the sentence on the ticket that tells what to mend.
	says string
	// mend is what the requester then changes.
	mend map[string]string
}

var badTickets = []badTicket{
	{"no first name", map[string]string{"first_name": ""}, "The first name is missing.", map[string]string{"first_name": "Jana"}},
	{"no last name but blanks", map[string]string{"last_name": "  "}, "The last name is missing.", map[string]string{"last_name": "Keller"}},
	{"no address", map[string]string{"email": ""}, "The work email address is missing.", map[string]string{"email": jana}},
	{"an address without an at sign", map[string]string{"email": "jana.keller.example.com"}, "The work email address is not an address.", map[string]string{"email": jana}},
	{"no department", map[string]string{"department": ""}, "The department is missing.", map[string]string{"department": "Engineering"}},
	{"no employee number", map[string]string{"employee_number": ""}, "The employee number is missing.", map[string]string{"employee_number": "E2001"}},
	{
		"an employee number with a blank", map[string]string{"employee_number": "E 2001"},
		"The employee number may hold letters, digits, dots, hyphens and underscores only.", map[string]string{"employee_number": "E2001"},
	},
	{
		"an employee type that does not exist", map[string]string{"employee_type": "freelancer"},
		"The employee type must be one of employee, contractor, intern.", map[string]string{"employee_type": "employee"},
	},
	{
		"a title of two lines", map[string]string{"title": "Engineer\nand poet"},
		"The job title holds line breaks or other control characters.", map[string]string{"title": "Engineer"},
	},
	{
		"an address with a name before it", map[string]string{"email": "Jana <" + jana + ">"},
		"The work email address is not an address.", map[string]string{"email": jana},
	},
	{
		"a start date two years ahead", map[string]string{"start_date": "2002-01-01"},
		"The start date is more than a year ahead.", map[string]string{"start_date": ""},
	},
	{
		"a start date that is long over", map[string]string{"start_date": "1999-01-01"},
		"The start date is more than 90 days ago.", map[string]string{"start_date": ""},
	},
	{
		"a time zone by its abbreviation", map[string]string{"time_zone": "CEST"},
		"The time zone is not an IANA name such as Europe/Berlin.", map[string]string{"time_zone": "Europe/Berlin"},
	},
	{"no manager", map[string]string{"manager": ""}, "The manager is missing.", map[string]string{"manager": seed.PersonSysID("E1010")}},
	{
		"a manager who has left", map[string]string{"manager": seed.PersonSysID(seed.NumberFormer)},
		"The manager is no longer active: name somebody who is.", map[string]string{"manager": seed.PersonSysID("E1010")},
	},
	{
		"a manager whom nobody knows", map[string]string{"manager": "the tall one"},
		"The manager is not a person that ServiceNow knows: give the sys_user record or the employee number.", map[string]string{"manager": "E1010"},
	},
	{
		"a person who manages himself", map[string]string{"manager": "E1010", "employee_number": "E1010", "email": "lena2@example.com"},
		"The manager and the new hire have the same employee number.", map[string]string{"employee_number": "E2001", "email": jana},
	},
}

func TestBadTickets(t *testing.T) {
	t.Parallel()
	for _, bad := range badTickets {
		story(t, bad.name, scenario.Options{}, func(o *office) {
			before := len(o.Okta.Accounts())
			ticket := o.hired(bad.form)
			o.is("work notes", o.plainNotes(ticket), []string{"This ticket cannot be carried out yet. No account was made or changed. To go on:\n- " + bad.says +
				"\nSaving the corrected ticket starts it again; nothing else is needed."})
			o.isWith(ticket, "Service Desk")
			o.is("comments", len(o.Notes(ticket, "comments")), 0)
			o.is("accounts", len(o.Okta.Accounts()), before)
			o.is("running executions", len(o.running(joining, ticket)), 0)

			o.edits(ticket, bad.mend)
			o.rests(joining, ticket)
			o.isResolved(ticket)
			o.is("work notes once it was mended", len(o.Notes(ticket, "work_notes")), 2)
			o.is("accounts once it was mended", len(o.Okta.Accounts()), before+1)
		})
	}

	story(t, "several things to mend are told at once, and a first attempt at mending gets its own answer", scenario.Options{}, func(o *office) {
		ticket := o.hired(map[string]string{"email": "", "manager": "", "department": ""})
		o.says(o.lastNote(ticket), "- The work email address is missing.\n- The department is missing.\n- The manager is missing.\n")
		o.edits(ticket, map[string]string{"email": jana, "department": "Engineering"})
		o.rests(joining, ticket)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 2)
		o.isWith(ticket, "Service Desk", "To go on:\n- The manager is missing.\n")
		o.edits(ticket, map[string]string{"manager": "E1010"})
		o.rests(joining, ticket)
		o.isResolved(ticket)
	})

	story(t, "saving it unchanged says the same once more, and nothing else does", scenario.Options{}, func(o *office) {
		ticket := o.hired(map[string]string{"manager": ""})
		o.days(1)
		o.is("work notes after a day of sweeps", len(o.Notes(ticket, "work_notes")), 1)
		o.saves(ticket, scenario.Requester, map[string]string{"comments": "What is wrong with it?"})
		o.rests(joining, ticket)
		o.is("work notes", len(o.Notes(ticket, "work_notes")), 2)
	})

	story(t, "two accounts with the same employee number are for a person to tell apart", scenario.Options{}, func(o *office) {
		var ids []string
		for _, login := range []string{"jk1@example.com", "jk2@example.com"} {
			id, err := o.Okta.CreateUser(map[string]any{"login": login, "email": login, "firstName": "Jana", "lastName": "Keller", "employeeNumber": "E2001"}, "ACTIVE")
			o.must(err)
			ids = append(ids, id)
		}
		ticket := o.hired(nil)
		o.isWith(ticket, "Service Desk", "2 accounts carry the employee number of this ticket", ids[0], ids[1])
		o.must(o.Okta.EditProfile(ids[1], map[string]any{"employeeNumber": "E2099"}))
		o.saves(ticket, scenario.Requester, map[string]string{"comments": "The second one is another person."})
		o.rests(joining, ticket)
		o.isResolved(ticket)
		o.is("the one that was completed", o.account(ids[0]).Profile["title"], any("Engineer"))
	})

	story(t, "a contractor of the same name may be the same person: a person says so by the previous number", scenario.Options{}, func(o *office) {
		ticket := o.hired(map[string]string{"first_name": "Arjun", "last_name": "Patel", "email": "arjun.patel@example.com"})
		o.isWith(ticket, "Service Desk", "belongs to a contractor of the same name (Okta user "+seed.PersonOktaID("E1043")+")")
		o.edits(ticket, map[string]string{"previous_employee_number": "E1043"})
		o.rests(joining, ticket)
		o.isResolved(ticket)
		o.is("type", o.person("E1043").Profile["userType"], any("employee"))
	})
}
