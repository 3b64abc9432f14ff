package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lifecycle/functions/onboarding"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

const onboardingMachine = "OnboardingMachine"

// Joiners are the acts about onboarding.
func Joiners() []Act {
	return []Act{
		{"A new hire", newHire},
		{"A login that somebody else has, and every webhook delivered three times", takenLogin},
		{"A ticket that has to be mended", mended},
		{"A former employee comes back", rehire},
		{"A contractor becomes an employee", conversion},
		{"A start date three weeks ahead", future},
	}
}

// join opens an onboarding ticket and waits until it has come to rest.
func join(ctx context.Context, w *World, told *Told, title string, form map[string]string) (Ticket, error) {
	ticket, err := w.Open(onboarding.DefaultKind(), Requester, title, form)
	if err != nil {
		return Ticket{}, err
	}
	told.happened("%s opened %s: %s, %s in %s", Requester, ticket.Number, title, form["title"], form["location"])
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return ticket, w.Settled(ctx, ticket, onboardingMachine, "WaitForStart")
}

// welcome follows the welcome mail, as the new hire does.
func welcome(w *World, told *Told, login string) (oktasim.Account, error) {
	a, found := w.Okta.Snapshot(login)
	if !found {
		return a, fmt.Errorf("there is no account %s", login)
	}
	if err := w.Okta.FollowWelcomeLink(a.ID); err != nil {
		return a, err
	}
	told.happened("%s followed the welcome mail and set a password", login)
	a, _ = w.Okta.Snapshot(login)
	return a, nil
}

func newHire(ctx context.Context, w *World) (told Told, err error) {
	ticket, err := join(ctx, w, &told, "New hire", NewHire(nil))
	if err != nil {
		return told, err
	}
	a, err := welcome(w, &told, "jana.keller@"+seed.Domain)
	told.account(a)
	told.ticket(w, ticket)
	return told, errors.Join(err,
		expect(a.Status == oktasim.Active, "the new hire's account is %s", a.Status),
		expect(holdsGroup(a, "All Employees") && holdsGroup(a, "Engineering") && holdsGroup(a, "GitHub Engineers"), "groups are missing: %v", a.Groups),
		resolvedOnce(w, ticket))
}

func takenLogin(ctx context.Context, w *World) (told Told, err error) {
	w.Repeat(2)
	defer w.Repeat(0)
	ticket, err := join(ctx, w, &told, "New hire with a common name", NewHire(map[string]string{
		"first_name": "Robert", "last_name": "Miller", "email": "robert.miller@" + seed.Domain, "department": "Sales",
		"title": "Account Executive", "location": "New York", "employee_number": "E2002", "manager": seed.PersonSysID("E1003"),
	}))
	if err != nil {
		return told, err
	}
	a, err := welcome(w, &told, "robert.miller2@"+seed.Domain)
	told.account(a)
	told.ticket(w, ticket)
	return told, errors.Join(err, expect(a.Status == oktasim.Active, "the account is %s", a.Status), resolvedOnce(w, ticket))
}

func mended(ctx context.Context, w *World) (told Told, err error) {
	kind := onboarding.DefaultKind()
	ticket, err := join(ctx, w, &told, "New hire, in a hurry", NewHire(map[string]string{
		"first_name": "Amir", "last_name": "Nasser", "email": "amir.nasser(at)example.com", "department": "Support",
		"title": "Support Specialist", "location": "London", "employee_number": "E2003", "manager": "",
	}))
	if err != nil {
		return told, err
	}
	if w.Column(ticket, "state") != "1" {
		return told, fmt.Errorf("%s should have stayed open", ticket.Number)
	}
	for _, l := range strings.Split(w.Notes(ticket, "work_notes")[0], "\n") {
		told.happened("  | %s", l)
	}
	err = w.Save(ticket, Requester, Columns(kind, map[string]string{"email": "amir.nasser@" + seed.Domain, "manager": seed.PersonSysID("E1008")}))
	if err != nil {
		return told, err
	}
	told.happened("%s mended the address and named the manager", Requester)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := w.Settled(ctx, ticket, onboardingMachine); err != nil {
		return told, err
	}
	a, err := welcome(w, &told, "amir.nasser@"+seed.Domain)
	told.account(a)
	told.ticket(w, ticket)
	return told, errors.Join(err, expect(a.Status == oktasim.Active, "the account is %s", a.Status), resolvedOnce(w, ticket))
}

func rehire(ctx context.Context, w *World) (told Told, err error) {
	ticket, err := join(ctx, w, &told, "Rehire", NewHire(map[string]string{
		"first_name": "Maria", "last_name": "Santos", "email": Login(seed.NumberFormer), "title": "Senior Engineer",
		"employee_number": seed.NumberFormer,
	}))
	if err != nil {
		return told, err
	}
	a, err := welcome(w, &told, Login(seed.NumberFormer))
	told.account(a)
	told.ticket(w, ticket)
	return told, errors.Join(err,
		expect(a.ID == seed.PersonOktaID(seed.NumberFormer), "it is another account: %s", a.ID),
		expect(a.Status == oktasim.Active, "the account is %s", a.Status), resolvedOnce(w, ticket))
}

func conversion(ctx context.Context, w *World) (told Told, err error) {
	const contractor = "E1044"
	ticket, err := join(ctx, w, &told, "From contractor to employee", NewHire(map[string]string{
		"first_name": "Olga", "last_name": "Ivanova", "email": Login(contractor), "previous_employee_number": contractor,
		"employee_number": "E2004",
	}))
	if err != nil {
		return told, err
	}
	a, found := w.Okta.Snapshot(Login(contractor))
	told.account(a)
	told.ticket(w, ticket)
	return told, errors.Join(expect(found && a.ID == seed.PersonOktaID(contractor), "it is another account"),
		expect(a.Status == oktasim.Active, "the account is %s", a.Status),
		expect(holdsGroup(a, "All Employees") && !holdsGroup(a, "Contractors"), "the groups are those of a contractor: %v", a.Groups),
		resolvedOnce(w, ticket))
}

func future(ctx context.Context, w *World) (told Told, err error) {
	start := time.Now().AddDate(0, 0, 21).Format(time.DateOnly)
	ticket, err := join(ctx, w, &told, "Starts in three weeks", NewHire(map[string]string{
		"first_name": "Emil", "last_name": "Brandt", "email": "emil.brandt@" + seed.Domain, "employee_number": "E2005", "start_date": start,
	}))
	if err != nil {
		return told, err
	}
	_, early := w.Okta.Snapshot("emil.brandt@" + seed.Domain)
	told.Okta = append(told.Okta, "no account yet; the execution sleeps in WaitForStart, which costs nothing")
	told.ticket(w, ticket)
	if err := w.Save(ticket, Requester, map[string]string{"state": "8"}); err != nil {
		return told, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = w.Settled(ctx, ticket, onboardingMachine)
	told.happened("the candidate withdrew: %s cancelled the ticket", Requester)
	running := 0
	for _, x := range w.Executions(onboardingMachine, ticket) {
		if x.Status == "RUNNING" {
			running++
		}
	}
	told.ServiceNow = append(told.ServiceNow, "then cancelled: the execution woke, saw it and ended")
	return told, errors.Join(err, expect(!early, "the account was made three weeks early"),
		expect(running == 0, "an execution still waits for a cancelled ticket"))
}

func holdsGroup(a oktasim.Account, name string) bool {
	for _, g := range a.Groups {
		if g.Name == name {
			return true
		}
	}
	return false
}

func resolvedOnce(w *World, t Ticket) error {
	return errors.Join(
		expect(w.Column(t, "state") == "6", "%s is in state %s, not resolved", t.Number, w.Column(t, "state")),
		expect(w.finalNotes(t, "Okta user ") == 1, "%s has %d final notes", t.Number, w.finalNotes(t, "Okta user ")))
}
