package scenario

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/report"
)

// Violation is something that an access review has to find.
type Violation struct {
	Flag report.Flag
	// Login is the person's, Holding the name of what is held.
	Login, Holding string
}

// String is the violation as a finding is told in short.
func (v Violation) String() string { return string(v.Flag) + " " + v.Login + " " + v.Holding }

// people of the company who hold administrator roles: every review lists them.
var administrators = []Violation{
	{report.AdminRole, "break-glass@example.com", "Super Administrator"},
	{report.AdminRole, "tomasz.nowak@example.com", "Super Administrator"},
	{report.AdminRole, "viktor.petrov@example.com", "Help Desk Administrator"},
	{report.AdminRole, "svc-servicenow@example.com", "Application Administrator"},
	{report.AdminRole, "svc-servicenow@example.com", "Group Administrator"},
}

// KnownFindings are what a review finds in the seeded company once what is there
// has been entered into the register (EnterAccess): its administrators, and two
// apps that people were given by hand although groups carry them.
func KnownFindings() []Violation {
	return append([]Violation{
		{report.DirectAssignment, "george.papadopoulos@example.com", seed.AppWorkday},
		{report.DirectAssignment, "michael.nguyen@example.com", seed.AppGitHub},
	}, administrators...)
}

// register is the register of access of the world.
func (w *World) register() *lease.Register {
	return lease.New(w.DynamoDB(), w.Table("LeasesTable"), audit.New(w.DynamoDB(), w.Table("LedgerTable")))
}

// EnterAccess does what a company does once, before its first access review: what
// people of the seeded company hold beyond the rules, and were given by tickets of
// an earlier system, is entered into the register with these tickets.
func (w *World) EnterAccess(ctx context.Context) error {
	rules, err := entitlement.Load(seed.Rules())
	if err != nil {
		return err
	}
	ctx = audit.WithTrail(ctx, audit.Trail{Stream: "import/access", Actor: "system:import", Ticket: "CHG0000001"})
	for _, p := range seed.People() {
		if p.OktaStatus == oktasim.Deprovisioned {
			continue
		}
		for _, e := range beyondTheRules(rules, p) {
			err := w.register().Grant(ctx, lease.Lease{
				Subject: p.OktaID, Entitlement: lease.Entitlement{Kind: e.Kind, ID: e.ID}, Name: e.Name, Key: lease.RequestKey("CHG0000001"), Ticket: "CHG0000001",
				Reason: audit.Reason{Kind: "request", Ref: "CHG0000001", Text: "entered before the first access review"},
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// beyondTheRules are the managed groups and apps that somebody holds without a
// rule that gives them.
func beyondTheRules(rules *entitlement.Rules, p seed.Person) []entitlement.Entitlement {
	var held []entitlement.Entitlement
	for _, g := range seed.Groups() {
		if slices.Contains(p.Groups, g.ID) {
			held = append(held, entitlement.Entitlement{Kind: entitlement.Group, ID: g.ID, Name: g.Name})
		}
	}
	for _, a := range seed.Apps() {
		if slices.Contains(p.DirectApps, a.ID) {
			held = append(held, entitlement.Entitlement{Kind: entitlement.App, ID: a.ID, Name: a.Label})
		}
	}
	given := rules.Birthright(profileOf(p)).Grants
	return slices.DeleteFunc(held, func(e entitlement.Entitlement) bool {
		return !rules.Managed(e.Kind, e.ID) || slices.ContainsFunc(given, func(g entitlement.Grant) bool { return g.ID == e.ID })
	})
}

func profileOf(p seed.Person) entitlement.Profile {
	return entitlement.Profile{Department: p.Department, Title: p.Title, Location: p.Location, EmployeeType: p.EmployeeType, Manager: p.ManagerNumber}
}

// PlantViolations brings about one violation of every kind, and says what a review
// has to find besides KnownFindings. People are told of nothing.
func (w *World) PlantViolations(ctx context.Context) ([]Violation, error) {
	year, now := 365*24*time.Hour, time.Now()
	long := now.Add(-year)
	group, app, person := seed.GroupID, seed.AppID, seed.PersonOktaID
	trail := audit.WithTrail(ctx, audit.Trail{Stream: "import/access", Actor: "system:import", Ticket: "RITM0000002"})
	lent := func(number, name string, since time.Time) error {
		return w.register().Grant(trail, lease.Lease{
			Subject: person(number), Entitlement: lease.Entitlement{Kind: "group", ID: group(name)}, Name: name, Since: since,
			Key: lease.RequestKey("RITM0000002"), Ticket: "RITM0000002", Reason: audit.Reason{Kind: "request", Ref: "RITM0000002"},
		})
	}
	ghost := func() error {
		id, err := w.Okta.CreateUser(map[string]any{
			"login": "temp.agency@example.com", "email": "temp.agency@example.com", "firstName": "Temp", "lastName": "Agency", "department": "Support",
		}, oktasim.Active)
		if err != nil {
			return err
		}
		return w.Okta.Backdate(id, long, now)
	}
	twin := func() error {
		record := w.ServiceNow.Record("sys_user", seed.PersonSysID("E1041"))
		w.ServiceNow.Insert("sys_user", map[string]string{
			"user_name": "laura.jansen.2", "first_name": "Laura", "last_name": "Jansen", "email": "laura.jansen.2@example.com",
			"employee_number": record["employee_number"], "active": "true", "manager": record["manager"],
		})
		return nil
	}
	steps := []struct {
		what  Violation
		plant func() error
	}{
		{Violation{report.Unapproved, Login("E1013"), "AWS Production Operators"}, func() error { return w.Okta.AddMember(group("AWS Production Operators"), person("E1013")) }},
		{Violation{report.Overdue, Login("E1028"), "Workday Partners"}, func() error { return w.overdue("E1028", "Workday Partners", "Workday partner access", long) }},
		{Violation{report.Orphan, "temp.agency@example.com", "Okta account"}, ghost},
		{Violation{report.Orphan, Login("E1041"), "Okta account"}, twin},
		{Violation{report.Leaver, Login(seed.NumberFormer), "GitHub Engineers"}, func() error { return w.Okta.AddMember(group("GitHub Engineers"), person(seed.NumberFormer)) }},
		{Violation{report.Dormant, Login("E1042"), "Okta account"}, func() error { return w.Okta.Backdate(person("E1042"), long, now.Add(-120*24*time.Hour)) }},
		{Violation{report.Incompatible, Login("E1026"), "NetSuite Payment Approvers"}, func() error {
			if err := w.Okta.AddMember(group("NetSuite Payment Approvers"), person("E1026")); err != nil {
				return err
			}
			return lent("E1026", "NetSuite Payment Approvers", long)
		}},
		{Violation{report.AdminRole, Login("E1032"), "Organization Administrator"}, func() error { _, err := w.Okta.GiveRole(person("E1032"), "ORG_ADMIN"); return err }},
		{Violation{report.DirectAssignment, Login("E1035"), seed.AppPagerDuty}, func() error { return w.Okta.AssignApp(app(seed.AppPagerDuty), person("E1035")) }},
		{Violation{report.NotDelivered, Login("E1043"), "AWS Developers"}, func() error { return lent("E1043", "AWS Developers", long) }},
	}
	var planted []Violation
	for _, s := range steps {
		if err := s.plant(); err != nil {
			return nil, fmt.Errorf("planting %s: %w", s.what, err)
		}
		planted = append(planted, s.what)
	}
	return planted, nil
}

// overdue gives somebody a group on a request whose time is over, as somebody did
// by hand.
func (w *World) overdue(number, group, item string, closed time.Time) error {
	ticket, err := w.ServiceNow.As(snowsim.IntegrationUser).Order(snowsim.Order{
		Item: "Access request", For: seed.PersonSysID(number), Values: map[string]string{"state": "3"},
		Variables: map[string]string{"access_item": item, "access_reason": "stand-in", "access_duration": "30d", "access_until": ""},
	})
	if err != nil {
		return err
	}
	w.ServiceNow.Update("sc_req_item", ticket, map[string]string{"closed_at": closed.UTC().Format(time.DateTime)})
	return w.Okta.AddMember(seed.GroupID(group), seed.PersonOktaID(number))
}
