package rolechange

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// outcome is how the ticket ended: $.outcome.
type outcome struct {
	// Changed is true when the ticket was changed while we worked: nothing was
	// written and it is carried out again as it stands now.
	Changed bool `json:"changed"`
	// How is remembered with the ticket.
	How string `json:"how,omitempty"`
}

// ResolveTicket writes the one final note and the final state.
func (s *Steps) ResolveTicket(ctx context.Context, st state) (outcome, error) {
	t, err := s.servicenow.Ticket(ctx, s.tickets.Kind, st.SysID)
	if err != nil {
		return outcome{}, err
	}
	// Resolved by us is no change: an earlier attempt got that far.
	if ours := t.Phase == servicenow.Resolved && s.servicenow.Own(t); !ours && t.Fingerprint() != st.Ticket.Fingerprint {
		return outcome{Changed: true}, nil
	}
	set := map[string]string{}
	if asked, problems, err := s.read(ctx, t); err != nil {
		return outcome{}, err
	} else if len(problems) == 0 && asked.Manager != "" {
		set["watch_list"] = asked.Manager
	}
	return outcome{How: workflow.Resolved}, s.tickets.Resolve(ctx, st.Subject, workflow.Note{
		Comment: comment(st), WorkNote: summary(st), Set: set,
	}, because(st.Subject))
}

// comment is what the requester and the new manager read.
func comment(st state) string {
	var b strings.Builder
	b.WriteString("The change of role is carried out: profile and access are those of the new role.")
	if task := st.Recertification.Number; task != "" {
		fmt.Fprintf(&b, "\nThe person keeps %d entitlements that the rules of the new role do not give. %s asks the manager to keep or revoke each, by %s.",
			st.Recertification.Items, task, moment(st.Recertification.Due))
	}
	if n := len(st.Granted.Refused) + len(st.Plan.Withheld); n > 0 {
		fmt.Fprintf(&b, "\n%d entitlements of the new role could not be given; the work notes name them.", n)
	}
	return b.String()
}

// summary is the work note: what came, went and stayed, and why.
func summary(st state) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Okta user id: %s\n", st.Mover.UserID)
	section(&b, "Given", ordered(st.Granted.Grants), func(g entitlement.Grant) string { return named(g) + ": " + g.Text })
	section(&b, "Taken away", ordered(st.Ended.Taken), named)
	for _, g := range st.Ended.Shared {
		fmt.Fprintf(&b, "Stays: %s, because a group gives it too.\n", named(g))
	}
	tell(&b, "Not given", append(st.Plan.Withheld, st.Granted.Refused...))
	if task := st.Recertification.Number; task != "" {
		section(&b, "Kept by exception, put to the manager in "+task, st.Plan.Kept, func(k kept) string { return fmt.Sprintf("%s %s: %s", k.Kind, k.Name, k.Text) })
	}
	if st.Risk.By != "" {
		fmt.Fprintf(&b, "Agreed to by a second person: sys_user %s\n", st.Risk.By)
	}
	st.Plan.remarks(&b)
	fmt.Fprintf(&b, "Rules: %s", st.Plan.Version)
	return b.String()
}

// ordered is the list in the order of decisions.
func ordered(list []entitlement.Grant) []entitlement.Grant {
	return slices.SortedFunc(slices.Values(list), inOrder)
}

// ReturnTicket leaves the ticket open with what has to be mended or decided.
func (s *Steps) ReturnTicket(ctx context.Context, st state) (outcome, error) {
	undone := "Nothing was changed."
	if st.Granted.Begun {
		undone = fmt.Sprintf("Okta user %s keeps what was changed for the ticket as it stood before.", st.Mover.UserID)
	}
	problems := st.Ticket.Problems
	switch {
	case st.Ticket.Disposition == workflow.Invalid:
	case len(st.Mover.Problems) > 0:
		problems = st.Mover.Problems
	default:
		problems = []string{fmt.Sprintf("A second person of %s was asked, because %s; %s. Clear it up with them and save this ticket, or cancel it.",
			s.settings.ApprovalGroup, strings.Join(st.Risk.Reasons, "; "), st.Risk.Ended)}
	}
	return outcome{How: workflow.Returned}, s.tickets.Return(ctx, st.Subject, st.Ticket.Fingerprint, undone, problems, because(st.Subject))
}

// TellReplaced ends a ticket whose place a later one about the same person has
// taken.
func (s *Steps) TellReplaced(ctx context.Context, st state) (outcome, error) {
	text := fmt.Sprintf("%s was opened later about the same person and takes the place of this ticket, which changes nothing any more.", st.Mover.By)
	if st.Granted.Begun {
		text += " What it had changed by then is taken into account there."
	}
	return outcome{How: workflow.Ended}, s.tickets.Cancel(ctx, st.Subject, "replaced", text, because(st.Subject))
}

// TellLeftBehind tells a ticket that was cancelled or closed under way what had
// been changed by then.
func (s *Steps) TellLeftBehind(ctx context.Context, st state) (workflow.Nothing, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "This ticket was closed or cancelled while it was carried out. By then Okta user %s had been given the access of the new role.\n", st.Mover.UserID)
	section(&b, "Given", st.Granted.Grants, named)
	section(&b, "Taken away", st.Ended.Taken, named)
	if len(st.Ended.Pending) > 0 {
		section(&b, "Goes on "+moment(st.Ended.Until), st.Ended.Pending, named)
	}
	b.WriteString("To reverse it, open a change of role back to the former one.")
	return workflow.Nothing{}, s.tickets.Remark(ctx, st.Subject, "left behind/"+st.Ticket.Fingerprint, b.String(), because(st.Subject))
}

// Escalate leaves the ticket open with operations: something could not be taken
// away.
func (s *Steps) Escalate(ctx context.Context, st state) (outcome, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "Okta user %s has the new role, and not all access of the former one could be taken away:\n", st.Mover.UserID)
	for _, r := range st.Ended.Refused {
		fmt.Fprintf(&b, "- %s: %s\n", named(r.Grant), r.Why)
	}
	for _, g := range st.Verified.Remains {
		fmt.Fprintf(&b, "- %s: it was taken away and has come back; a rule in Okta, or another system, may give it\n", named(g))
	}
	b.WriteString("Mend the cause and save this ticket: it goes on from there.")
	return outcome{How: workflow.Failed}, s.tickets.Escalate(ctx, st.Subject, "remains/"+st.Ticket.Fingerprint, b.String(), because(st.Subject))
}
