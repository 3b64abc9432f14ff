package seed

import (
	"slices"
	"strings"
)

// row is what cannot be derived about a person.
type row struct {
	number, first, last, department, title, location, kind, manager string
	groups                                                          []string // beyond those that follow from the other columns
	apps                                                            []string
}

// The managers' numbers, so that the table below reads as an organisation.
const (
	ceo         = "E1001"
	engineering = "E1002"
	sales       = "E1003"
	finance     = "E1004"
	peopleTeam  = "E1005"
	it          = "E1006"
	security    = "E1007"
	support     = "E1008"
	legal       = "E1009"
	platform    = "E1010"
)

// People of note, by employee number.
const (
	// NumberSuperAdmin leads IT and is one of two super administrators; the
	// other is the break-glass account.
	NumberSuperAdmin = it
	// NumberHelpDesk may reset passwords and unlock, nothing else.
	NumberHelpDesk = "E1031"
	// NumberNamesake and NumberOtherNamesake share first and last name.
	NumberNamesake      = "E1012"
	NumberOtherNamesake = "E1024"
	// NumberSuspended, NumberLockedOut and NumberFormer have the Okta statuses
	// SUSPENDED, LOCKED_OUT and DEPROVISIONED; the former employee holds
	// nothing any more and may be hired again.
	NumberSuspended = "E1027"
	NumberLockedOut = "E1022"
	NumberFormer    = "E1048"
	// NumberBreakGlass and NumberService are accounts, not people.
	NumberBreakGlass = "A0001"
	NumberService    = "A0002"
)

var (
	dev    = []string{"GitHub Engineers", "AWS Developers"}
	devOps = []string{"GitHub Engineers", "AWS Developers", "AWS Production Operators", "PagerDuty Responders"}
	crm    = []string{"Salesforce Users"}
	desk   = []string{"Zendesk Agents"}
)

var rows = []row{
	{ceo, "Charlotte", "Adler", "Finance", "Chief Executive Officer", "Berlin", "employee", "", nil, nil},
	{engineering, "Daniel", "Okafor", "Engineering", "VP Engineering", "San Francisco", "employee", ceo, dev, nil},
	{sales, "Isabel", "Moreno", "Sales", "VP Sales", "New York", "employee", ceo, crm, nil},
	{finance, "Henrik", "Lindqvist", "Finance", "Chief Financial Officer", "London", "employee", ceo, []string{"NetSuite Payment Approvers", "Finance Share"}, nil},
	{peopleTeam, "Priya", "Raman", "People", "Head of People", "London", "employee", ceo, []string{"Workday Partners"}, nil},
	{it, "Tomasz", "Nowak", "IT", "Head of IT", "Berlin", "employee", ceo, []string{"PagerDuty Responders"}, nil},
	{security, "Grace", "Mbeki", "Security", "Head of Security", "London", "employee", ceo, devOps, nil},
	{support, "Yuki", "Tanaka", "Support", "Head of Support", "Tokyo", "employee", ceo, desk, nil},
	{legal, "Oliver", "Hughes", "Legal", "General Counsel", "London", "employee", ceo, nil, nil},
	{platform, "Lena", "Vogel", "Engineering", "Engineering Manager", "Berlin", "employee", engineering, devOps, nil},
	{"E1011", "Marco", "Bianchi", "Engineering", "Staff Engineer", "Berlin", "employee", platform, devOps, nil},
	{NumberNamesake, "Anna", "Schmidt", "Engineering", "Senior Engineer", "Berlin", "employee", platform, dev, nil},
	{"E1013", "Jonas", "Weber", "Engineering", "Engineer", "Berlin", "employee", platform, dev, nil},
	{"E1014", "Mei", "Chen", "Engineering", "Senior Engineer", "San Francisco", "employee", engineering, devOps, nil},
	{"E1015", "Samuel", "Carter", "Engineering", "Engineer", "San Francisco", "employee", engineering, dev, nil},
	{"E1016", "Haruto", "Sato", "Engineering", "Engineer", "Tokyo", "employee", engineering, dev, nil},
	{"E1017", "Fatima", "Haddad", "Engineering", "Engineer", "London", "employee", platform, dev, nil},
	{"E1018", "Liam", "O'Connor", "Engineering", "Engineering Intern", "London", "intern", platform, []string{"GitHub Engineers"}, nil},
	{"E1019", "Nina", "Kovács", "Sales", "Account Executive", "Berlin", "employee", sales, crm, nil},
	{"E1020", "Robert", "Miller", "Sales", "Account Executive", "New York", "employee", sales, crm, nil},
	{"E1021", "Sofia", "Rossi", "Sales", "Sales Development Representative", "London", "employee", sales, crm, nil},
	{NumberLockedOut, "Ethan", "Brooks", "Sales", "Account Executive", "New York", "employee", sales, crm, []string{AppZendesk}},
	{"E1023", "Aiko", "Yamamoto", "Sales", "Sales Engineer", "Tokyo", "employee", sales, []string{"Salesforce Users", "GitHub Engineers"}, nil},
	{NumberOtherNamesake, "Anna", "Schmidt", "Finance", "Accountant", "Berlin", "employee", finance, []string{"NetSuite Accountants", "Finance Share"}, nil},
	{"E1025", "David", "Cohen", "Finance", "Financial Controller", "New York", "employee", finance, []string{"NetSuite Payment Approvers", "Finance Share"}, []string{AppSalesforce}},
	{"E1026", "Elif", "Yılmaz", "Finance", "Accountant", "London", "employee", finance, []string{"NetSuite Accountants", "Finance Share"}, nil},
	{NumberSuspended, "George", "Papadopoulos", "Finance", "Payroll Specialist", "London", "employee", finance, []string{"Finance Share"}, []string{AppWorkday}},
	{"E1028", "Hannah", "Fischer", "People", "Recruiter", "Berlin", "employee", peopleTeam, nil, nil},
	{"E1029", "Carlos", "Mendes", "People", "People Partner", "New York", "employee", peopleTeam, []string{"Workday Partners"}, nil},
	{"E1030", "Amelia", "Clarke", "People", "People Operations Specialist", "San Francisco", "employee", peopleTeam, []string{"Workday Partners"}, nil},
	{NumberHelpDesk, "Viktor", "Petrov", "IT", "Support Engineer", "Berlin", "employee", it, nil, []string{AppZendesk}},
	{"E1032", "Chloe", "Dubois", "IT", "Systems Administrator", "London", "employee", it, []string{"PagerDuty Responders"}, nil},
	{"E1033", "Michael", "Nguyen", "IT", "Systems Administrator", "San Francisco", "employee", it, []string{"PagerDuty Responders"}, []string{AppGitHub}},
	{"E1034", "Ingrid", "Larsen", "Security", "Security Engineer", "London", "employee", security, devOps, nil},
	{"E1035", "Kofi", "Asante", "Security", "Security Analyst", "New York", "employee", security, []string{"PagerDuty Responders"}, nil},
	{"E1036", "Ren", "Kobayashi", "Security", "Security Engineer", "Tokyo", "employee", security, dev, nil},
	{"E1037", "Emily", "Watson", "Support", "Support Specialist", "London", "employee", support, desk, nil},
	{"E1038", "Diego", "Fernández", "Support", "Support Specialist", "New York", "employee", support, desk, nil},
	{"E1039", "Sakura", "Ito", "Support", "Support Specialist", "Tokyo", "employee", support, desk, nil},
	{"E1040", "Zoe", "Bennett", "Support", "Support Engineer", "San Francisco", "employee", support, []string{"Zendesk Agents", "GitHub Engineers"}, nil},
	{"E1041", "Laura", "Jansen", "Legal", "Legal Counsel", "Berlin", "employee", legal, nil, nil},
	{"E1042", "James", "Whitfield", "Legal", "Paralegal", "New York", "employee", legal, nil, nil},
	{"E1043", "Arjun", "Patel", "Engineering", "Contract Engineer", "London", "contractor", platform, []string{"GitHub Engineers"}, nil},
	{"E1044", "Olga", "Ivanova", "Engineering", "Contract Engineer", "Berlin", "contractor", platform, []string{"GitHub Engineers"}, []string{AppJira}},
	{"E1045", "Peter", "Novák", "Support", "Contract Support Specialist", "Berlin", "contractor", support, desk, nil},
	{"E1046", "Rachel", "Green", "Sales", "Contract Marketer", "New York", "contractor", sales, nil, []string{AppSalesforce}},
	{"E1047", "Kenji", "Mori", "IT", "Contract Network Engineer", "Tokyo", "contractor", it, nil, nil},
	{NumberFormer, "Maria", "Santos", "Engineering", "Engineer", "Berlin", "employee", platform, nil, nil},
	{NumberBreakGlass, "Break", "Glass", "IT", "Break-glass account", "Berlin", "service", "", nil, nil},
	{NumberService, "ServiceNow", "Integration", "IT", "Service account", "Berlin", "service", "", nil, nil},
}

// logins that do not follow from the name.
var logins = map[string]string{
	NumberOtherNamesake: "anna.schmidt2",
	NumberBreakGlass:    "break-glass",
	NumberService:       "svc-servicenow",
	"E1018":             "liam.oconnor",
	"E1019":             "nina.kovacs",
	"E1026":             "elif.yilmaz",
	"E1038":             "diego.fernandez",
	"E1045":             "peter.novak",
}

var statuses = map[string]string{
	NumberSuspended: "SUSPENDED",
	NumberLockedOut: "LOCKED_OUT",
	NumberFormer:    "DEPROVISIONED",
}

var adminRoles = map[string][]string{
	NumberSuperAdmin: {"SUPER_ADMIN"},
	NumberHelpDesk:   {"HELP_DESK_ADMIN"},
	NumberBreakGlass: {"SUPER_ADMIN"},
	NumberService:    {"USER_ADMIN", "APP_ADMIN"},
}

var timeZones = map[string]string{
	"Berlin":        "Europe/Berlin",
	"London":        "Europe/London",
	"New York":      "America/New_York",
	"San Francisco": "America/Los_Angeles",
	"Tokyo":         "Asia/Tokyo",
}

// People lists the org's 50 accounts, managers before their reports. Each call
// returns its own copy.
func People() []Person {
	managers := map[string]bool{}
	for _, r := range rows {
		managers[r.manager] = true
	}
	people := make([]Person, 0, len(rows))
	for _, r := range rows {
		people = append(people, r.person(managers[r.number]))
	}
	return people
}

func (r row) person(manages bool) Person {
	p := Person{
		Number: r.number, First: r.first, Last: r.last, Email: email(r), Department: r.department,
		Title: r.title, Location: r.location, EmployeeType: r.kind, ManagerNumber: r.manager,
		TimeZone: timeZones[r.location], OktaID: PersonOktaID(r.number), SysID: PersonSysID(r.number),
		OktaStatus: "ACTIVE", AdminRoles: slices.Clone(adminRoles[r.number]),
	}
	if s, ok := statuses[r.number]; ok {
		p.OktaStatus = s
	}
	for _, name := range r.groupNames(manages) {
		p.Groups = append(p.Groups, GroupID(name))
	}
	for _, label := range r.apps {
		p.DirectApps = append(p.DirectApps, AppID(label))
	}
	return p
}

// groupNames are the groups a person is in: by birth, by rule, by hand. A
// former employee keeps only Everyone, which nobody can be taken out of: rules
// are not evaluated for a deactivated account.
func (r row) groupNames(manages bool) []string {
	names := []string{"Everyone"}
	if r.number == NumberFormer {
		return names
	}
	if r.location == "Berlin" || r.location == "London" {
		names = append(names, "Location "+r.location)
	}
	if r.kind == "service" {
		return names
	}
	if r.kind == "contractor" {
		names = append(names, "Contractors")
	} else {
		names = append(names, "All Employees", "Domain Users")
	}
	names = append(names, r.department)
	if manages {
		names = append(names, "Managers")
	}
	return append(names, r.groups...)
}

func email(r row) string {
	name, ok := logins[r.number]
	if !ok {
		name = strings.ToLower(r.first + "." + r.last)
	}
	return name + "@" + Domain
}
