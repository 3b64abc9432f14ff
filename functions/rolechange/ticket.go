package rolechange

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// transfer is what a role change ticket asks for. It is personal and lives only
// inside a step.
type transfer struct {
	EmployeeNumber string
	// Old is the position that the person is said to leave, New the one to take.
	// What is empty is not said, or does not change.
	Old, New position
	// Manager is the sys_id of the new manager; empty when that does not change.
	Manager string
	// At is the first moment of the new role; zero means now.
	At time.Time
	// Zone is the IANA name At was read in.
	Zone string
	// Rank orders the tickets about one person by when they were opened.
	Rank string
	// RequestedBy and OpenedBy are the sys_ids of who asks for the change.
	RequestedBy, OpenedBy string
}

// position is what a role change may change about a person.
type position struct {
	Department, Title, Location string
	// Manager is the manager's employee number.
	Manager string
}

// over is base with everything that p says.
func (p position) over(base position) position {
	for _, pair := range []struct{ to, from *string }{
		{&base.Department, &p.Department}, {&base.Title, &p.Title}, {&base.Location, &p.Location}, {&base.Manager, &p.Manager},
	} {
		if *pair.from != "" {
			*pair.to = *pair.from
		}
	}
	return base
}

func positionOf(p okta.Profile) position {
	return position{Department: p.Department, Title: p.Title, Location: p.Location, Manager: p.ManagerID}
}

// rulesProfile is the position as the rules see it, of somebody of that employee
// type.
func (p position) rulesProfile(employeeType string) entitlement.Profile {
	return entitlement.Profile{
		Department: p.Department, Title: p.Title, Location: p.Location, EmployeeType: employeeType, Manager: p.Manager,
	}
}

// form is a ticket as far as validation reads it.
type form interface{ Value(name string) string }

const (
	longest     = 100 // characters; Okta's limit for the attributes concerned
	furthest    = 366 * 24 * time.Hour
	longestPast = 90 * 24 * time.Hour
)

var employeeNumber = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// readForm reads the form and lists everything that has to be mended, one
// sentence for each. Managers and the date are read by the caller.
func readForm(f form) (transfer, []string) {
	r := reader{form: f}
	t := transfer{
		EmployeeNumber: r.text("employee_number", "the employee number"),
		Old:            position{Department: r.text("old_department", "the old department"), Title: r.text("old_title", "the old title"), Location: r.text("old_location", "the old location")},
		New:            position{Department: r.text("department", "the new department"), Title: r.text("title", "the new title"), Location: r.text("location", "the new location")},
		RequestedBy:    strings.TrimSpace(f.Value("requested_by")),
	}
	if t.EmployeeNumber == "" && len(r.problems) == 0 {
		r.problemf("The employee number is missing.")
	}
	if t.EmployeeNumber != "" && !employeeNumber.MatchString(t.EmployeeNumber) {
		r.problemf("The employee number may hold letters, digits, dots, hyphens and underscores only.")
	}
	if t.New == (position{}) && strings.TrimSpace(f.Value("manager")) == "" {
		r.problemf("Nothing is to change: give the new department, title, location or manager.")
	}
	return t, r.problems
}

// reader collects problems while it reads.
type reader struct {
	form     form
	problems []string
}

func (r *reader) problemf(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *reader) text(name, what string) string {
	v := strings.TrimSpace(r.form.Value(name))
	switch {
	case len([]rune(v)) > longest:
		r.problemf("%s is longer than %d characters.", sentence(what), longest)
	case strings.IndexFunc(v, unicode.IsControl) >= 0:
		r.problemf("%s holds line breaks or other control characters.", sentence(what))
	default:
		return v
	}
	return ""
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// day reads a date as the midnight on which it begins.
func (r *reader) day(text string, zone *time.Location, now time.Time) time.Time {
	if text == "" {
		return time.Time{}
	}
	at, err := time.ParseInLocation(time.DateOnly, text, zone)
	switch {
	case err != nil:
		r.problemf("The effective date is not a date of the form 2026-01-31.")
	case at.After(now.Add(furthest)):
		r.problemf("The effective date is more than a year ahead.")
	case at.Before(now.Add(-longestPast)):
		r.problemf("The effective date is more than %d days ago.", int(longestPast.Hours()/24))
	default:
		return at
	}
	return time.Time{}
}

// ReadTicket takes custody of the ticket, reads and checks it.
func (s *Steps) ReadTicket(ctx context.Context, st state) (workflow.Reading, error) {
	return s.tickets.Read(ctx, st.Subject, func(ctx context.Context, t servicenow.Ticket) (workflow.Reading, error) {
		asked, problems, err := s.read(ctx, t)
		return workflow.Reading{Problems: problems, At: asked.At}, err
	})
}

// transfer reads the ticket again. Personal data is read where it is used rather
// than carried through the state machine, whose history keeps what it carried.
func (s *Steps) transfer(ctx context.Context, subject workflow.Subject) (transfer, servicenow.Ticket, error) {
	t, err := s.servicenow.Ticket(ctx, s.tickets.Kind, subject.SysID)
	if err != nil {
		return transfer{}, servicenow.Ticket{}, err
	}
	asked, problems, err := s.read(ctx, t)
	if err == nil && len(problems) > 0 {
		err = &fault.Invalid{Message: "the ticket was changed and can no longer be carried out", Problems: problems}
	}
	return asked, t, err
}

func (s *Steps) read(ctx context.Context, t servicenow.Ticket) (transfer, []string, error) {
	asked, problems := readForm(t)
	asked.OpenedBy = t.OpenedBy
	asked.Rank = t.Value("opened_at") + "/" + t.Number
	more, err := s.readManagers(ctx, t, &asked)
	if err != nil {
		return transfer{}, nil, err
	}
	r := reader{form: t, problems: append(problems, more...)}
	zone, err := s.zone(ctx, &r, asked.EmployeeNumber)
	if err != nil {
		return transfer{}, nil, err
	}
	asked.Zone, asked.At = zone.String(), r.day(r.text("effective_date", "the effective date"), zone, time.Now())
	return asked, r.problems, nil
}

// readManagers looks up the managers, given by sys_id or employee number.
func (s *Steps) readManagers(ctx context.Context, t servicenow.Ticket, asked *transfer) (problems []string, err error) {
	if given := strings.TrimSpace(t.Value("old_manager")); given != "" {
		former, err := s.person(ctx, given)
		if fault.Retryable(err) {
			return nil, err
		}
		asked.Old.Manager = former.EmployeeNumber // unknown: not compared
	}
	given := strings.TrimSpace(t.Value("manager"))
	if given == "" {
		return nil, nil
	}
	person, err := s.person(ctx, given)
	switch {
	case fault.Is[*fault.NotFound](err), fault.Is[*fault.Invalid](err):
		return []string{"The new manager is not a person that ServiceNow knows: give the sys_user record or the employee number."}, nil
	case err != nil:
		return nil, err
	case !person.Active:
		return []string{"The new manager is no longer active: name somebody who is."}, nil
	case asked.EmployeeNumber != "" && person.EmployeeNumber == asked.EmployeeNumber:
		return []string{"The new manager is the person whose role changes."}, nil
	case person.EmployeeNumber == "":
		return []string{"The new manager has no employee number in ServiceNow, by which Okta knows managers."}, nil
	}
	asked.Manager, asked.New.Manager = person.SysID, person.EmployeeNumber
	return nil, nil
}

func (s *Steps) person(ctx context.Context, given string) (servicenow.Person, error) {
	person, err := s.servicenow.PersonBySysID(ctx, given)
	if fault.Is[*fault.NotFound](err) {
		return s.servicenow.PersonByEmployeeNumber(ctx, given)
	}
	return person, err
}

// zone is where the effective date is read: the zone on the ticket, else the
// person's own from sys_user, else the configured one.
func (s *Steps) zone(ctx context.Context, r *reader, number string) (*time.Location, error) {
	name := r.text("time_zone", "the time zone")
	if name == "" && number != "" && strings.TrimSpace(r.form.Value("effective_date")) != "" {
		person, err := s.servicenow.PersonByEmployeeNumber(ctx, number)
		if fault.Retryable(err) {
			return nil, err
		}
		if err == nil {
			name = person.TimeZone
		}
	}
	if name == "" {
		name = s.settings.TimeZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		r.problemf("The time zone is not an IANA name such as Europe/Berlin.")
		return time.UTC, nil
	}
	return zone, nil
}
