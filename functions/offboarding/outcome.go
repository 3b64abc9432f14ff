package offboarding

import (
	"context"
	"fmt"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// outcome is how the ticket ended: $.outcome.
type outcome struct {
	// How is remembered with the ticket: resolved or returned.
	How string `json:"how,omitempty"`
	// Watch asks for the later looks.
	Watch bool `json:"watch"`
}

// ResolveTicket writes the log of every action and the final state.
func (s *Steps) ResolveTicket(ctx context.Context, st state) (outcome, error) {
	records, err := s.ledger.Stream(ctx, st.Stream())
	if err != nil {
		return outcome{}, err
	}
	lines := actions(records)
	var b strings.Builder
	if st.Leaver.Status == "DEPROVISIONED" {
		fmt.Fprintf(&b, "Okta user %s was deactivated before this ticket; what was left has been removed.\n", st.Leaver.UserID)
	} else {
		fmt.Fprintf(&b, "Okta user %s has no access any more.\n", st.Leaver.UserID)
	}
	fmt.Fprintf(&b, "Read back: status %s, no group memberships that can be removed, no app assignments, no admin roles, no API tokens.\n", st.Proof.Status)
	for _, f := range st.Proof.Explained {
		fmt.Fprintf(&b, "Stays: %s\n", f)
	}
	b.WriteString("Sessions inside other applications end when these applications next ask Okta.\n\nActions:\n")
	shown := lines
	if len(lines) > mostLines {
		shown = lines[:mostLines]
	}
	b.WriteString(strings.Join(shown, "\n"))
	if len(lines) > mostLines {
		name := "offboarding-" + st.Number + ".txt"
		if err := s.servicenow.Attach(ctx, workflow.Ref(st.Subject), name, "text/plain", []byte(strings.Join(lines, "\n")+"\n"), because(st.Subject)); err != nil {
			return outcome{}, err
		}
		fmt.Fprintf(&b, "\n… and %d more, all in the attachment %s", len(lines)-mostLines, name)
	}
	b.WriteString("\n\nIt will be read back again in one hour and in one day; this ticket is reopened if anything has returned.")
	return outcome{How: workflow.Resolved, Watch: true}, s.tickets.Resolve(ctx, st.Subject, workflow.Note{WorkNote: b.String()}, because(st.Subject))
}

// mostLines keeps a note readable; longer logs go into an attachment.
const mostLines = 60

// actions tells the ledger's records of Okta as lines of a log.
func actions(records []audit.Record) []string {
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
		{"API tokens", st.Kill["RevokeApiTokens"]}, {"admin roles", st.Kill["RemoveAdminRoles"]}, {"factors", st.Kill["ResetFactors"]}} {
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
	return outcome{How: workflow.Returned}, s.tickets.Escalate(ctx, st.Subject, "reopened", b.String(), because(st.Subject))
}

// DefaultKind is how a termination ticket looks unless configuration says
// otherwise: an incident with columns of its own.
func DefaultKind() servicenow.Kind { return servicenow.OffboardingKind() }
