package credentialreset

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// watch is what the looks after a reset found: $.watch.
type watch struct {
	// Of is when the reset was that they belong to. Looks counts them; Seconds is how long it is until the next, 0: it was the
	// last.
	Of      time.Time `json:"of,omitzero"`
	Looks   int       `json:"looks"`
	Seconds int       `json:"seconds"`
	// Found is true when there was admin access; Findings say what.
	Found    bool     `json:"found"`
	Findings []string `json:"findings,omitempty"`
}

// untilLook is how many seconds it is until the look number n, from 0; 0 when
// there is none.
func (s *Steps) untilLook(done time.Time, n int) int {
	if n >= len(s.policy.Watch.After) {
		return 0
	}
	return max(1, int(time.Until(done.Add(time.Duration(s.policy.Watch.After[n]))).Seconds())+1)
}

// mostSeen bounds what is told of a look.
const mostSeen = 20

// LookAround looks for admin access since the reset. An account that was reset
// without a person had no admin role: whatever it does as an administrator was
// begun by somebody in these hours, perhaps by who asked for the reset.
func (s *Steps) LookAround(ctx context.Context, st state) (watch, error) {
	out := watch{Of: st.Done.At, Looks: 1}
	if st.Watch.Of.Equal(st.Done.At) {
		out.Looks = st.Watch.Looks + 1
	}
	events, err := s.okta.Logs(ctx, okta.LogQuery{
		Since: st.Done.At, Filter: okta.LogFilter(st.Request.UserID, s.policy.Watch.Events...), Most: mostSeen,
	})
	if err != nil {
		return watch{}, err
	}
	for _, e := range events {
		out.Findings = append(out.Findings, fmt.Sprintf("%s %s %s%s", moment(e.Published), e.Type, e.Outcome.Result, origin(e)))
	}
	roles, err := s.okta.AdminRoles(ctx, st.Request.UserID)
	if err != nil && !fault.Is[*fault.NotFound](err) { // an account that was deleted since holds none
		return watch{}, err
	}
	for _, r := range roles {
		out.Findings = append(out.Findings, "the account holds the admin role "+r.Label+", which it did not hold at the reset")
	}
	out.Found = len(out.Findings) > 0
	if !out.Found {
		out.Seconds = s.untilLook(st.Done.At, out.Looks)
	}
	return out, nil
}

// Reopen gives the resolved ticket to security.
func (s *Steps) Reopen(ctx context.Context, st state) (outcome, error) {
	if _, err := s.tickets.TakeOver(ctx, st.Subject); err != nil {
		return outcome{}, err
	}
	var b strings.Builder
	if st.Watch.Found {
		fmt.Fprintf(&b, "After this reset there was admin access of Okta user %s:\n%s", st.Request.UserID, said(st.Watch.Findings))
		b.WriteString("If nobody can explain it, suspend the account and end its sessions: whoever asked for the reset may not be the person. ")
	} else {
		fmt.Fprintf(&b, "Whether there was admin access of Okta user %s after this reset could not be read", st.Request.UserID)
		if st.Error != nil {
			fmt.Fprintf(&b, ": %s", st.Error.Message())
		}
		b.WriteString("\nLook into the System Log by hand. ")
	}
	b.WriteString("Close the ticket when it is cleared up.")
	id, err := s.servicenow.GroupSysID(ctx, s.policy.Watch.Group)
	if err != nil {
		return outcome{}, err
	}
	set := s.tickets.Kind.Columns(servicenow.Open)
	set["assignment_group"] = id
	task, _ := workflow.TaskOf(ctx)
	err = s.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{
		Key: fmt.Sprintf("watched/%s/%d", task.Name(), st.Done.At.Unix()), WorkNote: b.String(), Set: set,
	}, s.because(st.Subject))
	if err != nil {
		return outcome{}, err
	}
	ticket, err := s.servicenow.Ticket(ctx, s.tickets.Kind, st.SysID)
	return outcome{How: workflow.Returned, Fingerprint: ticket.Fingerprint()}, err
}
