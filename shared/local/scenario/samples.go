package scenario

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lifecycle/functions/credentialreset"
	"lifecycle/functions/offboarding"
	"lifecycle/functions/onboarding"
	"lifecycle/functions/rolechange"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

// Sample is a ticket that the console opens at a click.
type Sample struct {
	// ID names it in forms; Group is the use case, Title and Hint are for people.
	ID, Group, Title, Hint string
	// Machine is the logical id of the state machine that works on it.
	Machine string
	// Personal samples can be about a person that somebody picks.
	Personal bool
	// Open opens it. n numbers what the console opens, from 1, so that no two are
	// alike; number is the employee number of whom it is about, empty: whoever
	// comes next.
	Open func(w *World, n int, number string) (Ticket, error)
}

// Samples are the tickets that can be opened in this world.
func (w *World) Samples() []Sample {
	all := slices.Concat(joining(), requesting(), moving(), leaving(), resetting())
	return slices.DeleteFunc(all, func(s Sample) bool { return w.Machine(s.Machine) == "" })
}

// hires are names of people who do not work here yet.
var hires = [][2]string{
	{"Nora", "Lindgren"}, {"Tariq", "Aziz"}, {"Beatriz", "Nunes"}, {"Jakub", "Zielinski"}, {"Wei", "Zhang"}, {"Ines", "Laurent"},
	{"Kwame", "Mensah"}, {"Greta", "Hoffmann"}, {"Ravi", "Iyer"}, {"Elena", "Popescu"}, {"Mateo", "Vargas"}, {"Freya", "Madsen"},
	{"Hiro", "Ishikawa"}, {"Leila", "Farahani"}, {"Noah", "Abrams"}, {"Zuzana", "Horak"},
}

// hire is the form of the n-th new hire.
func hire(n int, changes map[string]string) map[string]string {
	name := hires[(n-1)%len(hires)]
	form := map[string]string{
		"first_name": name[0], "last_name": name[1], "email": strings.ToLower(name[0]+"."+name[1]) + "@" + seed.Domain,
		"employee_number": fmt.Sprintf("E%d", 5000+n),
	}
	if round := (n - 1) / len(hires); round > 0 {
		form["email"] = fmt.Sprintf("%s.%s%d@%s", strings.ToLower(name[0]), strings.ToLower(name[1]), round+1, seed.Domain)
	}
	maps.Copy(form, changes)
	return NewHire(form)
}

func joining() []Sample {
	join := func(title string, changes func() map[string]string) func(*World, int, string) (Ticket, error) {
		return func(w *World, n int, _ string) (Ticket, error) {
			return w.Open(onboarding.DefaultKind(), Requester, title, hire(n, changes()))
		}
	}
	const group = "Onboarding"
	return []Sample{
		{ID: "hire", Group: group, Machine: onboardingMachine, Title: "New hire", Hint: "An engineer starts in Berlin today",
			Open: join("New hire", func() map[string]string { return nil })},
		{ID: "hire-later", Group: group, Machine: onboardingMachine, Title: "New hire in three weeks", Hint: "Sleeps until the start date",
			Open: join("New hire, starts in three weeks", func() map[string]string {
				return map[string]string{"start_date": time.Now().AddDate(0, 0, 21).Format(time.DateOnly)}
			})},
		{ID: "hire-broken", Group: group, Machine: onboardingMachine, Title: "New hire with mistakes", Hint: "Comes back with what to mend; mend it in the ticket",
			Open: join("New hire, in a hurry", func() map[string]string {
				return map[string]string{"email": "somebody(at)example.com", "manager": ""}
			})},
		{ID: "rehire", Group: group, Machine: onboardingMachine, Title: "Former employee returns", Hint: "The old account is revived",
			Open: func(w *World, n int, _ string) (Ticket, error) {
				number, err := w.next(n, oktasim.Deprovisioned)
				if err != nil {
					return Ticket{}, err
				}
				p := person(number)
				return w.Open(onboarding.DefaultKind(), Requester, "Rehire", NewHire(map[string]string{
					"first_name": p.First, "last_name": p.Last, "email": p.Email, "employee_number": number,
				}))
			}},
	}
}

func requesting() []Sample {
	ask := func(a Ask) func(*World, int, string) (Ticket, error) {
		return func(w *World, n int, number string) (Ticket, error) {
			number, err := w.about(number, n, oktasim.Active)
			if err != nil {
				return Ticket{}, err
			}
			a := a
			a.By = Login(number)
			return w.Request(a)
		}
	}
	const group = "Access request"
	return []Sample{
		{ID: "request", Group: group, Machine: accessRequestMachine, Personal: true, Title: "AWS development access", Hint: "Manager, then owner; 90 days",
			Open: ask(Ask{Item: "AWS development access", Duration: "90d", Reason: "Build the pricing demo"})},
		{ID: "request-free", Group: group, Machine: accessRequestMachine, Personal: true, Title: "Jira for twenty minutes", Hint: "Nobody has to approve; ends by itself",
			Open: ask(Ask{Item: "Jira", Duration: "20m"})},
		{ID: "request-sod", Group: group, Machine: accessRequestMachine, Title: "NetSuite payment approval", Hint: "An accountant asks: against the separation of duties",
			Open: func(w *World, _ int, _ string) (Ticket, error) {
				return w.Request(Ask{By: Login(seed.NumberOtherNamesake), Item: "NetSuite payment approval", Reason: "Month's end"})
			}},
	}
}

func moving() []Sample {
	return []Sample{{
		ID: "move", Group: "Role change", Machine: "RoleChangeMachine", Personal: true, Title: "Transfer to Sales", Hint: "Old access out, new access in, the manager confirms",
		Open: func(w *World, n int, number string) (Ticket, error) {
			number, err := w.about(number, n, oktasim.Active)
			if err != nil {
				return Ticket{}, err
			}
			return w.Open(rolechange.DefaultKind(), Requester, "Change of role", map[string]string{
				"employee_number": number, "department": "Sales", "title": "Sales Engineer", "manager": seed.PersonSysID("E1003"),
			})
		},
	}}
}

func leaving() []Sample {
	leave := func(title string, changes func() map[string]string) func(*World, int, string) (Ticket, error) {
		return func(w *World, n int, number string) (Ticket, error) {
			if number == "" {
				var err error
				if number, err = w.next(n, oktasim.Active); err != nil {
					return Ticket{}, err
				}
			}
			return w.Open(offboarding.DefaultKind(), Requester, title, w.leaverForm(number, changes()))
		}
	}
	const group = "Offboarding"
	return []Sample{
		{ID: "leave", Group: group, Machine: offboardingMachine, Personal: true, Title: "Termination, now", Hint: "Every trace of access is taken away",
			Open: leave("Termination, effective now", func() map[string]string { return nil })},
		{ID: "leave-later", Group: group, Machine: offboardingMachine, Personal: true, Title: "Termination in a month", Hint: "Waits in the leaver's own time zone",
			Open: leave("Termination at the end of next month", func() map[string]string {
				return map[string]string{"termination_at": time.Now().AddDate(0, 1, 0).Format(time.DateOnly)}
			})},
		{ID: "leave-protected", Group: group, Machine: offboardingMachine, Title: "Protected account", Hint: "Stops for a second person",
			Open: func(w *World, _ int, _ string) (Ticket, error) {
				return w.Open(offboarding.DefaultKind(), Requester, "Retire the service account", Leaver(seed.NumberService, nil))
			}},
	}
}

func resetting() []Sample {
	return []Sample{{
		ID: "unlock", Group: "Credentials", Machine: credentialResetMachine, Personal: true, Title: "Somebody is locked out", Hint: "Weighed, unlocked, watched",
		Open: func(w *World, n int, number string) (Ticket, error) {
			number, err := w.about(number, n, oktasim.LockedOut, oktasim.Active)
			if err != nil {
				return Ticket{}, err
			}
			if a, _ := w.Okta.Snapshot(Login(number)); a.Status == oktasim.Active {
				if err := w.Okta.LockOut(a.ID); err != nil {
					return Ticket{}, err
				}
			}
			return w.Open(credentialreset.DefaultKind(), Login(number), "I am locked out", Reset("unlock", number, nil))
		},
	}}
}

// leaverForm is the form of a termination of a seeded person, or of one who was
// hired since.
func (w *World) leaverForm(number string, changes map[string]string) map[string]string {
	for _, p := range seed.People() {
		if p.Number == number {
			return Leaver(number, changes)
		}
	}
	form := map[string]string{"employee_number": number}
	for _, a := range w.Okta.Accounts() {
		if a.Profile["employeeNumber"] == number {
			form["email"] = a.Login
		}
	}
	maps.Copy(form, changes)
	return form
}

// about is whom a ticket is about that a person opens: the one who was picked,
// or whoever is next.
func (w *World) about(number string, n int, statuses ...string) (string, error) {
	if number == "" {
		return w.next(n, statuses...)
	}
	if !slices.ContainsFunc(seed.People(), func(p seed.Person) bool { return p.Number == number }) {
		return "", errors.New("ServiceNow has no user for this person yet, so they cannot open a ticket")
	}
	return number, nil
}

// next finds somebody for the n-th ticket: a seeded person without reports, of
// one of the statuses, of the first if there is one, about whom no ticket is
// open.
func (w *World) next(n int, statuses ...string) (number string, err error) {
	busy := map[string]bool{}
	for _, t := range w.ServiceNow.Snapshot(1000).Tickets {
		if done := slices.Contains([]string{"6", "7", "8"}, t.Value) && t.Table == "incident"; t.Active && !done {
			busy[t.Fields["u_employee_number"]] = true
		}
	}
	people := seed.People()
	manages := map[string]bool{}
	for _, p := range people {
		manages[p.ManagerNumber] = true
	}
	for _, status := range statuses {
		for i := range people {
			p := people[(i+n*7)%len(people)]
			a, found := w.Okta.Snapshot(p.Email)
			if found && a.Status == status && !manages[p.Number] && !busy[p.Number] && p.EmployeeType != "service" {
				return p.Number, nil
			}
		}
	}
	return "", errors.New("there is nobody left for this ticket: everybody who could be meant has left or is the subject of another one")
}

func person(number string) seed.Person {
	for _, p := range seed.People() {
		if p.Number == number {
			return p
		}
	}
	panic("scenario: nobody has the number " + number)
}
