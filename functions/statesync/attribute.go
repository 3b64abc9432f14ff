package statesync

import (
	"strings"

	"lifecycle/shared/okta"
	"lifecycle/shared/servicenow"
)

// The flags of sys_user that follow the Okta status.
const (
	activeFlag = "active"
	lockedFlag = "locked_out"
)

// attribute is one that both systems know.
type attribute struct {
	// name is the column of sys_user.
	name string
	// okta is the name in Okta's profile.
	okta         string
	inOkta       func(*okta.Profile) *string
	inServiceNow func(servicenow.User) string
	// length is how many characters sys_user keeps.
	length int
	// folded values compare without regard to case.
	folded bool
}

var attributes = []attribute{
	{"email", "email", func(p *okta.Profile) *string { return &p.Email }, func(u servicenow.User) string { return u.Email }, 100, true},
	{"employee_number", "employeeNumber", func(p *okta.Profile) *string { return &p.EmployeeNumber }, func(u servicenow.User) string { return u.EmployeeNumber }, 40, true},
	{"first_name", "firstName", func(p *okta.Profile) *string { return &p.FirstName }, func(u servicenow.User) string { return u.FirstName }, 50, false},
	{"last_name", "lastName", func(p *okta.Profile) *string { return &p.LastName }, func(u servicenow.User) string { return u.LastName }, 50, false},
	{"title", "title", func(p *okta.Profile) *string { return &p.Title }, func(u servicenow.User) string { return u.Title }, 60, false},
	{"department", "department", func(p *okta.Profile) *string { return &p.Department }, func(u servicenow.User) string { return u.Department }, 100, false},
	{"location", "city", func(p *okta.Profile) *string { return &p.Location }, func(u servicenow.User) string { return u.Location }, 100, false},
	{"manager", "managerId", func(p *okta.Profile) *string { return &p.ManagerID }, func(u servicenow.User) string { return u.ManagerNumber }, 40, true},
	{"time_zone", "timezone", func(p *okta.Profile) *string { return &p.TimeZone }, func(u servicenow.User) string { return u.TimeZone }, 40, false},
}

func attributeNamed(name string) *attribute {
	for i := range attributes {
		if attributes[i].name == name {
			return &attributes[i]
		}
	}
	return nil
}

func attributeNames() []string {
	names := make([]string, len(attributes))
	for i, a := range attributes {
		names[i] = a.name
	}
	return names
}

// plain is a value as the two systems can be compared by: a column of sys_user
// cuts what is too long for it without a word, and neither means anything by
// blanks around a value.
func (a attribute) plain(value string) string {
	value = strings.TrimSpace(value)
	if a.folded {
		value = strings.ToLower(value)
	}
	if long := []rune(value); len(long) > a.length {
		value = strings.TrimSpace(string(long[:a.length]))
	}
	return value
}

// differs reports whether the two systems say something else.
func (a attribute) differs(p okta.Profile, u servicenow.User) bool {
	return a.plain(*a.inOkta(&p)) != a.plain(a.inServiceNow(u))
}

// standing is what an Okta status means for sys_user.
type standing struct {
	Active, Locked bool
	// Settled is false for an account that nobody has used yet: it says nothing
	// about the person.
	Settled bool
}

func standingOf(status, transition okta.Status) standing {
	switch {
	case status == okta.Deprovisioned && transition == "", transition == okta.Deprovisioned:
		return standing{Locked: true, Settled: true}
	case status == okta.Staged, status == okta.Deprovisioned: // not used yet, or on its way back
		return standing{}
	case status == okta.Suspended:
		return standing{Active: true, Locked: true, Settled: true}
	}
	// LOCKED_OUT, too: too many wrong passwords say nothing about ServiceNow.
	return standing{Active: true, Settled: true}
}

// live reports whether the account belongs to somebody who has not left.
func live(u okta.User) bool {
	return u.Status != okta.Deprovisioned && u.TransitioningTo != okta.Deprovisioned
}
