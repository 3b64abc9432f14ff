package scenario

import (
	"maps"

	"lifecycle/shared/local/seed"
)

// Requester opens the tickets: People Operations.
const Requester = "amelia.clarke@" + seed.Domain

// NewHire is the form of an engineer who starts in Berlin, with changes; a value
// that is changed to "" is left out.
func NewHire(changes map[string]string) map[string]string {
	form := map[string]string{
		"first_name": "Jana", "last_name": "Keller", "email": "jana.keller@" + seed.Domain,
		"department": "Engineering", "title": "Engineer", "location": "Berlin",
		"employee_number": "E2001", "employee_type": "employee", "manager": seed.PersonSysID("E1010"),
	}
	maps.Copy(form, changes)
	maps.DeleteFunc(form, func(_, value string) bool { return value == "" })
	return form
}

// Leaver is the form of a termination of the person with that employee number,
// with changes.
func Leaver(number string, changes map[string]string) map[string]string {
	form := map[string]string{"email": Login(number), "employee_number": number}
	maps.Copy(form, changes)
	maps.DeleteFunc(form, func(_, value string) bool { return value == "" })
	return form
}
