package offboarding

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// termination is what a termination ticket asks for. It holds personal data and
// lives only inside a step.
type termination struct {
	Email, EmployeeNumber string
	// At is the moment access ends; zero means now.
	At time.Time
	// Zone is the IANA name At was read in: the leaver's own.
	Zone string
	Hold bool
}

const furthest = 366 * 24 * time.Hour

// ReadTicket takes custody of the ticket, reads and checks it.
func (s *Steps) ReadTicket(ctx context.Context, st state) (workflow.Reading, error) {
	return s.tickets.Read(ctx, st.Subject, func(ctx context.Context, t servicenow.Ticket) (workflow.Reading, error) {
		asked, problems, err := s.readTermination(ctx, t)
		return workflow.Reading{Problems: problems, At: asked.At, Hold: asked.Hold}, err
	})
}

func (s *Steps) readTermination(ctx context.Context, t servicenow.Ticket) (asked termination, problems []string, err error) {
	asked = termination{
		Email:          strings.ToLower(strings.TrimSpace(t.Value("email"))),
		EmployeeNumber: strings.TrimSpace(t.Value("employee_number")),
	}
	if asked.Email == "" {
		problems = append(problems, "The leaver's email address is missing.")
	} else if a, bad := mail.ParseAddress(asked.Email); bad != nil || a.Address != asked.Email {
		problems = append(problems, "The leaver's email address is not an address.")
	}
	switch hold := strings.ToLower(strings.TrimSpace(t.Value("legal_hold"))); hold {
	case "", "false", "no", "0":
	case "true", "yes", "1":
		asked.Hold = true
	default:
		problems = append(problems, "Legal hold must be true or false.")
	}
	zone, zoneProblem, err := s.zone(ctx, t, asked.Email)
	if err != nil {
		return asked, nil, err
	}
	if zoneProblem != "" {
		return asked, append(problems, zoneProblem), nil
	}
	asked.Zone = zone.String()
	at, problem := moment(strings.TrimSpace(t.Value("termination_at")), zone)
	if problem == "" && at.After(time.Now().Add(furthest)) {
		problem = "The termination moment is more than a year ahead."
	}
	if problem != "" {
		problems = append(problems, problem)
	}
	asked.At = at
	return asked, problems, nil
}

// zone is where the termination moment is read: the zone on the ticket, else
// the leaver's own from sys_user, else the configured one.
func (s *Steps) zone(ctx context.Context, t servicenow.Ticket, email string) (zone *time.Location, problem string, err error) {
	name := strings.TrimSpace(t.Value("time_zone"))
	if name == "" && email != "" {
		person, err := s.servicenow.PersonByEmail(ctx, email)
		if fault.Retryable(err) {
			return nil, "", err
		}
		if err == nil {
			name = person.TimeZone
		}
	}
	if name == "" {
		name = s.settings.TimeZone
	}
	zone, err = time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, "The leaver's time zone is not an IANA name such as Europe/Berlin.", nil
	}
	return zone, "", nil
}

// moment reads a local time; a date alone means the end of that day.
func moment(text string, zone *time.Location) (at time.Time, problem string) {
	if text == "" {
		return time.Time{}, ""
	}
	if at, err := time.ParseInLocation(time.DateTime, text, zone); err == nil {
		return at, ""
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, zone); err == nil {
		return day.AddDate(0, 0, 1), ""
	}
	return time.Time{}, "The termination moment is neither of the form 2026-01-31 17:30:00 nor a date."
}

// AnnounceMoment tells the ticket when access will end.
func (s *Steps) AnnounceMoment(ctx context.Context, st state) (workflow.Nothing, error) {
	asked, _, err := s.termination(ctx, st.Subject)
	if err != nil || asked.At.IsZero() {
		return workflow.Nothing{}, err // changed meanwhile: it is read again at the next look
	}
	return workflow.Nothing{}, s.tickets.Announce(ctx, st.Subject, "moment/"+asked.At.UTC().Format(time.RFC3339), fmt.Sprintf(
		"Access of Okta user %s ends on %s (%s). Until then, changing this ticket changes that and cancelling it cancels it.",
		st.Leaver.UserID, asked.At.Format("2 January 2006 at 15:04"), asked.Zone), because(st.Subject))
}
