package offboarding

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/okta"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// outcome is how the ticket ended: $.outcome.
type outcome struct {
	// Changed is true when the ticket was changed while we worked: it is carried
	// out again as it stands now, or left alone when it was closed.
	Changed bool `json:"changed"`
	// How is remembered with the ticket: resolved or returned.
	How string `json:"how,omitempty"`
	// Fingerprint is the ticket's as it was left, where that is not how it was
	// last read.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Watch asks for the later looks.
	Watch bool `json:"watch"`
}

// ResolveTicket writes the log of every action and the final state.
func (s *Steps) ResolveTicket(ctx context.Context, st state) (outcome, error) {
	ticket, err := s.servicenow.Ticket(ctx, s.tickets.Kind, st.SysID)
	if err != nil {
		return outcome{}, err
	}
	lines, err := s.log(ctx, st)
	if err != nil {
		return outcome{}, err
	}
	// Resolved by us is no change: an earlier attempt got that far.
	ours := ticket.Phase == servicenow.Resolved && s.servicenow.Own(ticket)
	if !ours && ticket.Fingerprint() != st.Ticket.Fingerprint {
		return s.changed(ctx, st, ticket, lines)
	}
	var b strings.Builder
	if st.Leaver.Status == okta.Deprovisioned {
		fmt.Fprintf(&b, "Okta user %s was deactivated before this ticket; what was left has been removed.\n", st.Leaver.UserID)
	} else {
		fmt.Fprintf(&b, "Okta user %s has no access any more.\n", st.Leaver.UserID)
	}
	fmt.Fprintf(&b, "Read back: status %s, no group memberships that can be removed, no app assignments, no admin roles, no API tokens.\n", st.Proof.Status)
	for _, f := range st.Proof.Explained {
		fmt.Fprintf(&b, "Stays: %s\n", f)
	}
	b.WriteString("Sessions inside other applications end when these applications next ask Okta.\n\n")
	if err := s.writeLog(ctx, st, &b, lines); err != nil {
		return outcome{}, err
	}
	b.WriteString("\n\nIt will be read back again in one hour and in one day; this ticket is reopened if anything has returned.")
	return outcome{How: workflow.Resolved, Watch: true}, s.tickets.Resolve(ctx, st.Subject, workflow.Note{WorkNote: b.String()}, because(st.Subject))
}

// changed says on a ticket that is still open, and now asks for something else,
// what was done for it as it stood before. One that was closed is told by
// TellCutShort.
func (s *Steps) changed(ctx context.Context, st state, t servicenow.Ticket, lines []string) (outcome, error) {
	if !t.Unfinished() {
		return outcome{Changed: true}, nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "This ticket was changed while it was carried out, and is carried out again as it stands now. Okta user %s has lost all access before that.\n\n", st.Leaver.UserID)
	if err := s.writeLog(ctx, st, &b, lines); err != nil {
		return outcome{}, err
	}
	return outcome{Changed: true}, s.tickets.Remark(ctx, st.Subject, "changed/"+t.Fingerprint(), b.String(), because(st.Subject))
}

// TellCutShort tells a ticket that was closed or cancelled after its account had
// been touched what was done by then.
func (s *Steps) TellCutShort(ctx context.Context, st state) (workflow.Nothing, error) {
	lines, err := s.log(ctx, st)
	if err != nil {
		return workflow.Nothing{}, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "This ticket was closed or cancelled while it was carried out. By then Okta user %s had lost access, and nothing gives it back by itself: "+
		"if the termination was a mistake, have it undone; if not, open another one, which finishes it.\n\n", st.Leaver.UserID)
	if err := s.writeLog(ctx, st, &b, lines); err != nil {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.tickets.Remark(ctx, st.Subject, "cut short/"+st.Ticket.Fingerprint, b.String(), because(st.Subject))
}

// mostLines keeps a note readable; longer logs go into an attachment.
const mostLines = 60

// log is every action on the leaver's account for this ticket, one line each.
func (s *Steps) log(ctx context.Context, st state) ([]string, error) {
	records, err := s.ledger.Stream(ctx, st.Stream())
	if err != nil {
		return nil, err
	}
	held, err := s.heldBefore(ctx, st)
	if err != nil {
		return nil, err
	}
	return actions(slices.DeleteFunc(records, func(r audit.Record) bool { return r.Subject != st.Leaver.UserID }), held.names()), nil
}

// writeLog puts the log at the end of a note; what is too long for one, into an
// attachment.
func (s *Steps) writeLog(ctx context.Context, st state, b *strings.Builder, lines []string) error {
	b.WriteString("Actions:\n" + strings.Join(lines[:min(len(lines), mostLines)], "\n"))
	if len(lines) <= mostLines {
		return nil
	}
	name := "offboarding-" + st.Number + ".txt"
	fmt.Fprintf(b, "\n… and %d more, all in the attachment %s", len(lines)-mostLines, name)
	return s.servicenow.Attach(ctx, workflow.Ref(st.Subject), name, "text/plain", []byte(strings.Join(lines, "\n")+"\n"), because(st.Subject))
}

// actions tells the ledger's records of Okta as lines of a log. names are those
// of groups, apps and roles, by their targets.
func actions(records []audit.Record, names map[string]string) []string {
	answered, made := map[int64]bool{}, map[string]int64{}
	for _, r := range records {
		answered[r.Intent] = true
		if r.Phase == audit.Done {
			made[r.Verb+" "+r.Target] = r.Seq
		}
	}
	var lines []string
	for _, r := range records {
		action := r.Verb + " " + r.Target
		line := clock(r.At) + "  " + action
		if name := names[r.Target]; name != "" {
			line += " (" + name + ")"
		}
		switch {
		case r.System != "okta":
		case r.Phase == audit.Done:
			lines = append(lines, line)
		case r.Phase == audit.Intent && !answered[r.Seq], r.Phase == audit.Failed && r.Uncertain && made[action] < r.Seq:
			lines = append(lines, line+" (without an answer; the reads above show what came of it)")
		case r.Phase == audit.Failed:
			lines = append(lines, line+" FAILED: "+r.Error)
		case r.Verb == snapshotVerb:
			lines = append(lines, fmt.Sprintf("%s  snapshot of everything held taken (ledger record %d)", clock(r.At), r.Seq))
		}
	}
	return lines
}

// ReturnTicket leaves the ticket open with what has to be mended or decided.
func (s *Steps) ReturnTicket(ctx context.Context, st state) (outcome, error) {
	undone := "Nothing was touched: the account is as it was."
	var problems []string
	switch {
	case st.Ticket.Disposition == workflow.Invalid:
		problems = st.Ticket.Problems
	case st.Leaver.Problem != "":
		problems = []string{st.Leaver.Problem}
	case st.Approval != nil && st.Approval.Decision == "rejected":
		problems = []string{fmt.Sprintf("A second person was asked, because %s, and rejected it (sys_user %s). Cancel this ticket, or clear it up with them.",
			strings.Join(st.Risk.Reasons, "; "), st.Approval.By)}
	default:
		problems = []string{fmt.Sprintf("A second person was asked, because %s, and nobody of %s decided within %s. Ask them to, then save this ticket.",
			strings.Join(st.Risk.Reasons, "; "), s.settings.ApprovalGroup, s.settings.ApprovalWait)}
	}
	return outcome{How: workflow.Returned}, s.tickets.Return(ctx, st.Subject, st.Ticket.Fingerprint, undone, problems, because(st.Subject))
}

// Escalate leaves the ticket open with security: what could not be removed, and why.
func (s *Steps) Escalate(ctx context.Context, st state) (outcome, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "Access of Okta user %s could not be taken away completely. What stands against it:\n", st.Leaver.UserID)
	for _, f := range st.Proof.Findings {
		fmt.Fprintf(&b, "- %s\n", f)
	}
	if st.Deactivation.GivenUp {
		b.WriteString("- Okta has not finished the deactivation after half an hour.\n")
	}
	for _, step := range []struct {
		name string
		k    killed
	}{{"suspension", st.Suspended}, {"end of sessions", st.Kill["EndSessions"]}, {"grants", st.Kill["RevokeGrants"]},
		{"API tokens", st.Kill["RevokeApiTokens"]}, {"admin roles", st.Kill["RemoveAdminRoles"]}} {
		if step.k.failed() {
			fmt.Fprintf(&b, "- %s: %s\n", step.name, step.k.message())
		}
	}
	if st.Error != nil {
		fmt.Fprintf(&b, "- %s\n", st.Error.Message())
	}
	b.WriteString("Everything else was done; the ledger has each action. Remove these by hand, or mend the cause and save this ticket: it goes on from there.")
	return outcome{How: workflow.Failed}, s.tickets.Escalate(ctx, st.Subject, "escalated", b.String(), because(st.Subject))
}

// Reopen reopens the resolved ticket for security, and leaves it with them: it
// is carried out again when one of them saves it, not by our own reopening.
func (s *Steps) Reopen(ctx context.Context, st state) (outcome, error) {
	if _, err := s.tickets.TakeOver(ctx, st.Subject); err != nil {
		return outcome{}, err
	}
	var b strings.Builder
	if st.Watch.Returned {
		fmt.Fprintf(&b, "Access of Okta user %s has returned after this ticket was resolved:\n", st.Leaver.UserID)
		for _, f := range st.Watch.Findings {
			fmt.Fprintf(&b, "- %s\n", f)
		}
		b.WriteString("Find out who or what gave it back, then save this ticket: it is removed again.")
	} else {
		fmt.Fprintf(&b, "Whether access of Okta user %s has returned could not be read", st.Leaver.UserID)
		if st.Error != nil {
			fmt.Fprintf(&b, ": %s", st.Error.Message())
		}
		b.WriteString("\nLook at the account by hand.")
	}
	if err := s.tickets.Escalate(ctx, st.Subject, "reopened", b.String(), because(st.Subject)); err != nil {
		return outcome{}, err
	}
	ticket, err := s.servicenow.Ticket(ctx, s.tickets.Kind, st.SysID)
	return outcome{How: workflow.Returned, Fingerprint: ticket.Fingerprint()}, err
}

// DefaultKind is how a termination ticket looks unless configuration says
// otherwise: an incident with columns of its own.
func DefaultKind() servicenow.Kind { return servicenow.OffboardingKind() }
