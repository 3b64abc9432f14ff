package onboarding

import (
	"context"
	"fmt"
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
	// How is remembered with the ticket: resolved or returned.
	How string `json:"how,omitempty"`
}

// ResolveTicket writes the one final note and the final state.
func (s *Steps) ResolveTicket(ctx context.Context, st state) (outcome, error) {
	h, t, _, err := s.hire(ctx, st.Subject)
	if err != nil {
		return outcome{}, err
	}
	// Resolved by us is no change: an earlier attempt got that far.
	if ours := t.Phase == servicenow.Resolved && s.servicenow.Own(t); !ours && t.Fingerprint() != st.Ticket.Fingerprint {
		return outcome{Changed: true}, nil
	}
	u, err := s.okta.User(ctx, st.Account.UserID)
	if err != nil {
		return outcome{}, err
	}
	set := map[string]string{}
	if h.Manager != "" {
		set["watch_list"] = h.Manager
	}
	return outcome{How: workflow.Resolved}, s.tickets.Resolve(ctx, st.Subject, workflow.Note{
		Comment:  s.toManager(st, u.Profile.Login),
		WorkNote: summary(st, u.ID, u.Profile.Login),
		Set:      set,
	}, because(st.Subject))
}

// toManager is what requester and manager read: the manager is put on the watch
// list in the same write and so receives it.
func (s *Steps) toManager(st state, login string) string {
	var b strings.Builder
	switch st.Account.Action {
	case "rehire":
		b.WriteString("Welcome back: the former account is active again.")
	case "convert":
		b.WriteString("The account was converted from contractor to employee without an interruption.")
	case "complete":
		b.WriteString("The person has an account already; profile and access were brought up to date.")
	default:
		b.WriteString("The account is ready.")
	}
	fmt.Fprintf(&b, "\nLogin: %s", login)
	if st.Account.OtherLogin {
		b.WriteString("\nThe requested login belongs to somebody else, so this is the next free one.")
	}
	if st.Account.Action != "convert" && st.Account.Action != "complete" {
		b.WriteString("\nOkta has sent the welcome mail. It is for the new hire alone: please see that it was received.")
	}
	if n := len(st.Granted.Refused); n > 0 {
		fmt.Fprintf(&b, "\n%d of the planned entitlements could not be given; the work notes name them.", n)
	}
	return b.String()
}

// summary is the work note: id, login, access and its reasons.
func summary(st state, userID, login string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Okta user id: %s\nLogin: %s\n", userID, login)
	list(&b, "Groups", st.Granted.Grants, "group")
	list(&b, "Apps", st.Granted.Grants, "app")
	for _, r := range st.Granted.Refused {
		fmt.Fprintf(&b, "Not given: %s %s. %s\n", r.Grant.Kind, r.Grant.Name, r.Why)
	}
	for _, g := range st.Taken.Grants {
		fmt.Fprintf(&b, "Taken away: %s %s, which only the former role gave.\n", g.Kind, g.Name)
	}
	for _, g := range st.Taken.Kept {
		fmt.Fprintf(&b, "Stays: %s %s, because a group gives it too.\n", g.Kind, g.Name)
	}
	for _, gap := range st.Access.Gaps {
		fmt.Fprintf(&b, "No rule: %s. The person has the baseline; whoever keeps the access rules should add a mapping.\n", gap)
	}
	fmt.Fprintf(&b, "Rules: %s", st.Access.Version)
	return b.String()
}

func list(b *strings.Builder, title string, grants []entitlement.Grant, kind string) {
	none := true
	for _, g := range grants {
		if g.Kind != kind {
			continue
		}
		if none {
			fmt.Fprintf(b, "%s:\n", title)
			none = false
		}
		fmt.Fprintf(b, "- %s: %s\n", g.Name, g.Text)
	}
	if none {
		fmt.Fprintf(b, "%s: none\n", title)
	}
}

// ReturnTicket leaves the ticket open with what has to be mended or decided.
func (s *Steps) ReturnTicket(ctx context.Context, st state) (outcome, error) {
	problems := st.Ticket.Problems
	if len(problems) == 0 && st.Account.Problem != "" {
		problems = []string{st.Account.Problem}
	}
	undone := "No account was made or changed."
	if id := st.Granted.UserID; id != "" {
		undone = fmt.Sprintf("Okta user %s was made or changed for the ticket as it stood before, and has kept its access.", id)
	}
	return outcome{How: workflow.Returned}, s.tickets.Return(ctx, st.Subject, st.Ticket.Fingerprint, undone, problems, because(st.Subject))
}

// TellLeftBehind tells a ticket that was cancelled under way what had been made
// by then.
func (s *Steps) TellLeftBehind(ctx context.Context, st state) (workflow.Nothing, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "This ticket was closed or cancelled while it was carried out. By then Okta user %s had been made or changed, and given access:\n",
		st.Granted.UserID)
	for _, g := range st.Granted.Grants {
		fmt.Fprintf(&b, "- %s %s\n", g.Kind, g.Name)
	}
	b.WriteString("If the person does not come, open a termination for the account: it takes all of it away.")
	return workflow.Nothing{}, s.tickets.Remark(ctx, st.Subject, "left behind/"+st.Ticket.Fingerprint, b.String(), because(st.Subject))
}

// DefaultKind is how an onboarding ticket looks unless configuration says
// otherwise: an incident with columns of its own.
func DefaultKind() servicenow.Kind { return servicenow.OnboardingKind() }
