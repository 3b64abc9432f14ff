package accessrequest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// request is what a ticket asks for. It holds personal data and lives only
// inside a step.
type request struct {
	// Item is the name of what is asked for, as the ticket says it.
	Item string
	// Reason is why, in the requester's words.
	Reason string
	// Requester opened the ticket, For is whom it is for.
	Requester, For servicenow.Person
	// Duration is for how long, from the grant; zero: as long as the catalog
	// allows.
	Duration time.Duration
	// Until is the last moment where the ticket gives a date instead.
	Until time.Time
	// Approval is what ServiceNow itself has decided.
	Approval string
}

// Values of a task's approval that decide something.
const (
	approvedThere = "approved"
	rejectedThere = "rejected"
)

// content is a hash of what is asked for and for whom: the approvals that were
// given hold for it and for nothing else.
func (r request) content() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %s %s", strings.ToLower(strings.Join(strings.Fields(r.Item), " ")), r.Requester.SysID, r.For.SysID, r.Duration, r.Until.UTC())
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// concerned are those who must not decide.
func (r request) concerned() []string { return []string{r.Requester.SysID, r.For.SysID} }

// until is when access ends that is given now; zero: never. shortened is true
// when the catalog allows less than was asked for.
func (r request) until(now time.Time, longest time.Duration) (end time.Time, shortened bool) {
	switch {
	case r.Duration > 0:
		end = now.Add(r.Duration)
	case !r.Until.IsZero():
		end = r.Until
	}
	if longest == 0 || !end.IsZero() && !end.After(now.Add(longest)) {
		return end, false
	}
	return now.Add(longest), !end.IsZero()
}

// ReadTicket takes custody of the ticket, reads and checks it.
func (s *Steps) ReadTicket(ctx context.Context, st state) (workflow.Reading, error) {
	return s.tickets.Read(ctx, st.Subject, func(ctx context.Context, t servicenow.Ticket) (workflow.Reading, error) {
		_, problems, err := s.asked(ctx, t)
		return workflow.Reading{Problems: problems}, err
	})
}

// request reads the ticket again. Personal data is read where it is used rather
// than carried through the state machine, whose history keeps what it carried.
func (s *Steps) request(ctx context.Context, subject workflow.Subject) (request, servicenow.Ticket, []string, error) {
	t, err := s.servicenow.Ticket(ctx, s.tickets.Kind, subject.SysID)
	if err != nil {
		return request{}, servicenow.Ticket{}, nil, err
	}
	r, problems, err := s.asked(ctx, t)
	return r, t, problems, err
}

// open reports whether the ticket is still to be carried out.
func open(t servicenow.Ticket) bool {
	return t.Phase == servicenow.Open || t.Phase == servicenow.InProgress || t.Phase == servicenow.OnHold
}

func (s *Steps) asked(ctx context.Context, t servicenow.Ticket) (r request, problems []string, err error) {
	r = request{Item: strings.TrimSpace(t.Value("item")), Reason: strings.TrimSpace(t.Value("reason")), Approval: t.Value("approval")}
	if r.Item == "" {
		problems = append(problems, "It does not say which access is requested.")
	}
	var problem string
	if r.Requester, problem, err = s.person(ctx, t.OpenedBy, "The requester"); err != nil {
		return r, nil, err
	} else if problem != "" {
		problems = append(problems, problem)
	}
	if r.For, problem, err = s.person(ctx, t.Value("requested_for"), "The person the request is for"); err != nil {
		return r, nil, err
	} else if problem != "" {
		problems = append(problems, problem)
	}
	return r, append(problems, s.readEnd(t, &r)...), nil
}

// person reads a person that the ticket refers to.
func (s *Steps) person(ctx context.Context, sysID, who string) (p servicenow.Person, problem string, err error) {
	if sysID == "" {
		return p, who + " is missing.", nil
	}
	p, err = s.servicenow.PersonBySysID(ctx, sysID)
	if fault.Is[*fault.NotFound](err) {
		return p, who + " is nobody that ServiceNow knows.", nil
	}
	return p, "", err
}

var duration = regexp.MustCompile(`(?i)^([1-9][0-9]{0,4}) ?(m|min|minutes?|h|hours?|d|days?|w|weeks?|)$`)

// readEnd reads for how long access is asked for.
func (s *Steps) readEnd(t servicenow.Ticket, r *request) (problems []string) {
	span, date := strings.TrimSpace(t.Value("duration")), strings.TrimSpace(t.Value("until"))
	if span != "" && date != "" {
		return []string{"It gives both a duration and an end date: clear one of them."}
	}
	if span != "" {
		parts := duration.FindStringSubmatch(span)
		if parts == nil {
			return []string{"The duration is not of the form 30d, 12h or 90m."}
		}
		n, err := strconv.Atoi(parts[1])
		if err != nil {
			return []string{"The duration is not of the form 30d, 12h or 90m."}
		}
		unit := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day, "": day}
		r.Duration = time.Duration(n) * unit[strings.ToLower(parts[2])[:min(1, len(parts[2]))]]
	}
	if date == "" {
		return nil
	}
	zone, err := time.LoadLocation(r.For.TimeZone)
	if r.For.TimeZone == "" || err != nil {
		if zone, err = time.LoadLocation(s.settings.TimeZone); err != nil {
			zone = time.UTC
		}
	}
	last, err := time.ParseInLocation(time.DateOnly, date, zone)
	if err != nil {
		return []string{"The end date is not a date of the form 2026-01-31."}
	}
	r.Until = last.AddDate(0, 0, 1) // access lasts through that day
	if !r.Until.After(time.Now()) {
		return []string{"The end date is over."}
	}
	return nil
}

const day = 24 * time.Hour
