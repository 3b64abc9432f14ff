package onboarding

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// ReadTicket takes custody of the ticket, reads and checks it.
func (s *Steps) ReadTicket(ctx context.Context, st state) (workflow.Reading, error) {
	return s.tickets.Read(ctx, st.Subject, func(ctx context.Context, t servicenow.Ticket) (workflow.Reading, error) {
		h, problems := newHire(t, s.settings, time.Now())
		managerProblems, err := s.readManager(ctx, t.Value("manager"), &h)
		if err != nil {
			return workflow.Reading{}, err
		}
		reading := workflow.Reading{Problems: append(problems, managerProblems...)}
		if !h.Start.IsZero() {
			reading.At = h.Start.Add(-s.settings.LeadTime)
		}
		return reading, nil
	})
}

// readManager looks the manager up, given on the ticket by sys_id or employee
// number, and fills in who it is.
func (s *Steps) readManager(ctx context.Context, given string, h *NewHire) (problems []string, err error) {
	given = strings.TrimSpace(given)
	if given == "" {
		return nil, nil // reported as missing already
	}
	person, err := s.servicenow.PersonBySysID(ctx, given)
	if fault.Is[*fault.NotFound](err) {
		person, err = s.servicenow.PersonByEmployeeNumber(ctx, given)
	}
	switch {
	case fault.Is[*fault.NotFound](err), fault.Is[*fault.Invalid](err):
		return []string{"The manager is not a person that ServiceNow knows: give the sys_user record or the employee number."}, nil
	case err != nil:
		return nil, err
	case !person.Active:
		return []string{"The manager is no longer active: name somebody who is."}, nil
	case h.EmployeeNumber != "" && person.EmployeeNumber == h.EmployeeNumber:
		return []string{"The manager and the new hire have the same employee number."}, nil
	}
	h.Manager, h.ManagerNumber = person.SysID, person.EmployeeNumber
	return nil, nil
}

// AnnounceStart tells the ticket when the account will be made.
func (s *Steps) AnnounceStart(ctx context.Context, st state) (workflow.Nothing, error) {
	h, _, problems, err := s.hire(ctx, st.Subject)
	if err != nil || len(problems) > 0 {
		return workflow.Nothing{}, err // changed meanwhile: it is read again at the next look
	}
	at := h.Start.Add(-s.settings.LeadTime)
	zone := at.In(h.Start.Location())
	return workflow.Nothing{}, s.tickets.Announce(ctx, st.Subject, "start/"+at.UTC().Format(time.RFC3339), fmt.Sprintf(
		"The account will be made on %s (%s), %s before the start date. Changing or cancelling this ticket until then changes or cancels that.",
		zone.Format("2 January 2006 at 15:04"), h.TimeZone, days(s.settings.LeadTime)), because(st.Subject))
}

func days(d time.Duration) string {
	if n := int(d.Hours()) / 24; n > 1 && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", n)
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}
