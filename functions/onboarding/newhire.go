package onboarding

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/okta"
)

// NewHire is what an onboarding ticket asks for, validated. It holds personal
// data and therefore lives only inside a step: it is never part of the state
// machine's data, the ledger or a log line.
type NewHire struct {
	FirstName, LastName string
	// Email is the requested address and the requested login.
	Email                             string
	Department, Title, Role, Location string
	EmployeeNumber                    string
	// PreviousNumber is the number the person had in an earlier or other
	// employment, such as a contractor's; empty when there was none.
	PreviousNumber string
	// EmployeeType is employee, contractor or intern.
	EmployeeType string
	// Manager is the sys_id of the manager's sys_user record.
	Manager       string
	ManagerNumber string
	// Start is the first working moment: midnight of the start date where the
	// person works. Zero means as soon as possible.
	Start time.Time
	// TimeZone is the IANA name the start date was read in.
	TimeZone string
}

// form is a ticket as far as validation reads it.
type form interface{ Value(name string) string }

var (
	employeeTypes  = []string{"employee", "contractor", "intern"}
	employeeNumber = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
)

const (
	longest     = 100 // characters; Okta's limit for the attributes concerned
	furthest    = 366 * 24 * time.Hour
	longestPast = 90 * 24 * time.Hour
)

// newHire reads the form and lists everything that has to be mended, one
// sentence for each, in words for whoever filled it in. The manager is looked
// up by the caller.
func newHire(f form, settings Settings, now time.Time) (NewHire, []string) {
	r := reader{form: f}
	h := NewHire{
		FirstName:      r.required("first_name", "the first name"),
		LastName:       r.required("last_name", "the last name"),
		Email:          strings.ToLower(r.required("email", "the work email address")),
		Department:     r.required("department", "the department"),
		Title:          r.required("title", "the job title"),
		Role:           r.optional("role", "the role"),
		Location:       r.required("location", "the location"),
		EmployeeNumber: r.required("employee_number", "the employee number"),
		PreviousNumber: r.optional("previous_employee_number", "the previous employee number"),
		EmployeeType:   strings.ToLower(r.optional("employee_type", "the employee type")),
		TimeZone:       r.optional("time_zone", "the time zone"),
	}
	r.required("manager", "the manager")
	if h.EmployeeType == "" {
		h.EmployeeType = employeeTypes[0]
	}
	if !slices.Contains(employeeTypes, h.EmployeeType) {
		r.problem("The employee type must be one of %s.", strings.Join(employeeTypes, ", "))
	}
	r.checkEmail(h.Email, settings.EmailDomains)
	r.checkNumbers(h)
	h.Start, h.TimeZone = r.start(h.TimeZone, settings.TimeZone, now)
	return h, r.problems
}

// reader collects problems while it reads.
type reader struct {
	form     form
	problems []string
}

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *reader) optional(name, what string) string {
	v := strings.TrimSpace(r.form.Value(name))
	switch {
	case len([]rune(v)) > longest:
		r.problem("%s is longer than %d characters.", sentence(what), longest)
	case strings.IndexFunc(v, unicode.IsControl) >= 0:
		r.problem("%s holds line breaks or other control characters.", sentence(what))
	default:
		return v
	}
	return ""
}

func (r *reader) required(name, what string) string {
	before := len(r.problems)
	v := r.optional(name, what)
	if v == "" && len(r.problems) == before {
		r.problem("%s is missing.", sentence(what))
	}
	return v
}

func (r *reader) checkEmail(email string, domains []string) {
	if email == "" {
		return
	}
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email || strings.Count(email, "@") != 1 {
		r.problem("The work email address is not an address.")
		return
	}
	_, domain, _ := strings.Cut(email, "@")
	if len(domains) > 0 && !slices.Contains(domains, domain) {
		r.problem("The work email address is outside the domains we give accounts in (%s).", strings.Join(domains, ", "))
	}
}

func (r *reader) checkNumbers(h NewHire) {
	if h.EmployeeNumber != "" && !employeeNumber.MatchString(h.EmployeeNumber) {
		r.problem("The employee number may hold letters, digits, dots, hyphens and underscores only.")
	}
	if h.PreviousNumber != "" && !employeeNumber.MatchString(h.PreviousNumber) {
		r.problem("The previous employee number may hold letters, digits, dots, hyphens and underscores only.")
	}
}

// start reads the start date in the person's own time zone: a day that begins
// in Tokyo begins eight hours before it does in Berlin.
func (r *reader) start(zone, fallback string, now time.Time) (start time.Time, used string) {
	if zone == "" {
		zone = fallback
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		r.problem("The time zone is not an IANA name such as Europe/Berlin.")
		return time.Time{}, fallback
	}
	text := r.optional("start_date", "the start date")
	if text == "" {
		return time.Time{}, zone
	}
	start, err = time.ParseInLocation(time.DateOnly, text, location)
	switch {
	case err != nil:
		r.problem("The start date is not a date of the form 2026-01-31.")
	case start.After(now.Add(furthest)):
		r.problem("The start date is more than a year ahead.")
	case start.Before(now.Add(-longestPast)):
		r.problem("The start date is more than %d days ago.", int(longestPast.Hours()/24))
	default:
		return start, zone
	}
	return time.Time{}, zone
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// rulesProfile is the profile as the entitlement rules see it.
func (h NewHire) rulesProfile() entitlement.Profile {
	return entitlement.Profile{
		Department: h.Department, Title: h.Title, Role: h.Role,
		Location: h.Location, EmployeeType: h.EmployeeType, Manager: h.ManagerNumber,
	}
}

// oktaProfile is the profile as Okta keeps it, under the given login.
func (h NewHire) oktaProfile(login string) okta.Profile {
	return okta.Profile{
		Login: login, Email: login, FirstName: h.FirstName, LastName: h.LastName,
		EmployeeNumber: h.EmployeeNumber, EmployeeType: h.EmployeeType,
		Department: h.Department, Title: h.Title, Location: h.Location,
		ManagerID: h.ManagerNumber, TimeZone: h.TimeZone,
	}
}
