package credentialreset

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// outcome is how the ticket ended: $.outcome.
type outcome struct {
	// Changed is true when the ticket was changed or closed while we worked:
	// nothing was written and it is read again as it stands now.
	Changed bool `json:"changed"`
	// How is remembered with the ticket: resolved, returned or failed.
	How string `json:"how,omitempty"`
	// Fingerprint is the ticket's as it was left, where that is not how it was
	// last read.
	Fingerprint string `json:"fingerprint,omitempty"`
	// WatchSeconds is how long it is until the account is looked at again; 0: it
	// is not.
	WatchSeconds int `json:"watch_seconds,omitempty"`
}

// ending is the one final write of a round.
type ending struct {
	// how is remembered with the ticket and in the ledger.
	how string
	// group is the name of the group that gets the ticket; empty: it is resolved.
	group             string
	comment, workNote string
	tell              []string
}

// end takes open questions back, writes the final note, and closes the round:
// whatever is asked on this ticket later is asked anew.
func (s *Steps) end(ctx context.Context, st state, e ending) error {
	why := s.because(st.Subject)
	if _, err := s.desk.Withdraw(ctx, workflow.Ref(st.Subject)); err != nil {
		return err
	}
	set := s.tickets.Kind.Columns(servicenow.Resolved)
	if e.group != "" {
		id, err := s.servicenow.GroupSysID(ctx, e.group)
		if err != nil {
			return err
		}
		set = s.tickets.Kind.Columns(servicenow.Open)
		set["assignment_group"] = id
	}
	if len(e.tell) > 0 {
		set["watch_list"] = strings.Join(e.tell, ",")
	}
	round := fmt.Sprintf("ended/%d", st.Request.Round)
	err := s.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{Key: round, Comment: e.comment, WorkNote: e.workNote, Set: set}, why)
	if err != nil {
		return err
	}
	_, err = s.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: verbEnded, Target: st.Stream(), Subject: st.Request.UserID, Key: round, Reason: why, After: map[string]any{"how": e.how},
	})
	return err
}

// still reads the ticket once more before something final is written to it; ok
// is false when it asks for something else by now, or is closed by others. A
// final write of ours that could not be answered for is no such change: the
// retry of the step repeats it, and it is made once.
func (s *Steps) still(ctx context.Context, st state) (ok bool, err error) {
	r, t, _, err := s.request(ctx, st.Subject)
	if err != nil || st.Request.Content != "" && r.content() != st.Request.Content {
		return false, err
	}
	return t.Unfinished() || s.servicenow.Own(t), nil
}

// ResolveTicket tells what was done, without a secret, and resolves the ticket:
// person and manager read it, whoever asked.
func (s *Steps) ResolveTicket(ctx context.Context, st state) (outcome, error) {
	if ok, err := s.still(ctx, st); err != nil || !ok {
		return outcome{Changed: !ok}, err
	}
	out := outcome{How: workflow.Resolved}
	if st.Request.Verdict == explain {
		return out, s.end(ctx, st, ending{
			how: "explained", comment: st.Request.Explanation,
			workNote: s.heading(st) + "Nothing had to be done, and nothing was changed.\nRead back: status " + string(st.Request.Plan.Status),
		})
	}
	p := st.Done.Plan
	work := s.heading(st) + "Done: " + p.done() + "\n"
	if st.Done.ApprovedBy != "" {
		work += fmt.Sprintf("Agreed to by a second person: sys_user %s\n", st.Done.ApprovedBy)
	}
	work += fmt.Sprintf("Read back: status %s%s", st.Result.Status, p.gone())
	if len(s.policy.Watch.After) > 0 {
		last := st.Done.At.Add(time.Duration(s.policy.Watch.After[len(s.policy.Watch.After)-1]))
		work += fmt.Sprintf("\nThe System Log is looked at for admin access of this account until %s.", moment(last))
		out.WatchSeconds = s.untilLook(st.Done.At, 0)
	}
	return out, s.end(ctx, st, ending{how: workflow.Resolved, comment: p.told(), workNote: work, tell: st.Request.Tell})
}

// heading says for whom and by whom it was asked.
func (s *Steps) heading(st state) string {
	return fmt.Sprintf("Okta user id: %s\nAsked for: %s, by %s\nPolicy: %s\n", st.Request.UserID, st.Request.Type, words[st.Request.Relation], s.policy.version)
}

// done says for those who work on the ticket what was done.
func (p plan) done() string {
	var parts []string
	if p.Unlock {
		parts = append(parts, map[bool]string{true: "the lock was lifted", false: "it was not locked; a block on unknown devices, if there was one, was lifted"}[p.Status == "LOCKED_OUT"])
	}
	switch p.Mail {
	case mailReset:
		parts = append(parts, "Okta mailed a link for a new password to the address on record")
	case mailActivation:
		parts = append(parts, "Okta mailed a new activation link to the address on record")
	}
	if len(p.Factors) > 0 {
		parts = append(parts, "factors removed: "+p.kinds())
	}
	if p.EndSessions {
		parts = append(parts, "sessions, tokens and remembered devices ended")
	}
	return strings.Join(parts, "; ")
}

func (p plan) gone() string {
	if len(p.Factors) == 0 {
		return ""
	}
	return ", none of the removed factors enrolled"
}

// told says to the person what was done and what to do. It holds no secret.
func (p plan) told() string {
	var text string
	switch {
	case p.Mail == mailReset:
		text = "Okta has sent a mail to the address that it has on record for this account. Follow the link in it to set a new password; until then the account cannot sign in."
	case p.Mail == mailActivation:
		text = "Okta has sent the welcome mail again, to the address that it has on record for this account. Follow the link in it to set the account up."
	case len(p.Factors) > 0:
		text = fmt.Sprintf("These ways of confirming a sign-in were removed from this account: %s. Okta asks for new ones at the next sign-in; set them up right away.", p.kinds())
	case p.Status == "LOCKED_OUT":
		text = "The account is unlocked. Sign in with the password as before; if it is forgotten, ask for a password reset."
	default:
		text = "The account was not locked, and can sign in. If the password is forgotten, ask for a password reset."
	}
	if p.EndSessions {
		text += " All sessions have ended."
	}
	return text + " Whoever did not ask for this tells the service desk at once."
}

// ReturnTicket leaves the ticket open with what has to be mended.
func (s *Steps) ReturnTicket(ctx context.Context, st state) (outcome, error) {
	problems := st.Ticket.Problems
	if st.Ticket.Disposition != workflow.Invalid {
		problems = st.Request.Problems
		if ok, err := s.still(ctx, st); err != nil || !ok {
			return outcome{Changed: !ok}, err
		}
	}
	if _, err := s.desk.Withdraw(ctx, workflow.Ref(st.Subject)); err != nil {
		return outcome{}, err
	}
	return outcome{How: workflow.Returned}, s.tickets.Return(ctx, st.Subject, st.Ticket.Fingerprint, "Nothing was changed.", problems, s.because(st.Subject))
}

// neutral is what requester, person and manager read when a person has to
// decide: nobody learns from it what stood in the way.
var neutral = map[string]string{
	unlock:   "Somebody asked for this account to be unlocked.",
	password: "Somebody asked for a new password for this account.",
	mfa:      "Somebody asked for factors of this account to be reset.",
}

// ReferTicket leaves the ticket with those who decide by hand: why, and what
// they need to know about the account.
func (s *Steps) ReferTicket(ctx context.Context, st state) (outcome, error) {
	if ok, err := s.still(ctx, st); err != nil || !ok {
		return outcome{Changed: !ok}, err
	}
	about, err := s.diagnose(ctx, st)
	if err != nil {
		return outcome{}, err
	}
	return outcome{How: workflow.Returned}, s.end(ctx, st, ending{
		how: "referred", group: s.tickets.Kind.EscalationGroup, tell: st.Request.Tell,
		comment: neutral[st.Request.Type] + " It was not carried out: a member of staff looks at it, and gets in touch with the person concerned. Nothing has to be sent here, least of all a password or a code.",
		workNote: "Nothing was changed. This has to be decided by a person, because:\n" + said(st.Request.Reasons) + "\n" + about +
			"\nHelp the person by hand and close the ticket; or, when what stands above has passed, save it: it is weighed again.",
	})
}

// Escalate leaves the ticket with those who find out what Okta did not do. One
// that was changed meanwhile is read again when it is given back; one that was
// closed stays so.
func (s *Steps) Escalate(ctx context.Context, st state) (outcome, error) {
	if ok, err := s.still(ctx, st); err != nil || !ok {
		return outcome{How: workflow.Failed}, err
	}
	if st.Request.Content == "" { // it could not even be weighed
		h, err := s.history(ctx, st.Subject)
		if err != nil {
			return outcome{}, err
		}
		st.Request.Round = h.round
	}
	var b strings.Builder
	b.WriteString("The reset could not be brought to its end.\n")
	b.WriteString(said(st.Result.Findings))
	if st.Error != nil {
		fmt.Fprintf(&b, "- %s\n", strings.TrimSuffix(st.Error.Message(), "."))
		for _, meaning := range meanings(st.Error.Message()) {
			fmt.Fprintf(&b, "- %s\n", meaning)
		}
	}
	about, err := s.diagnose(ctx, st)
	if err != nil {
		return outcome{}, err
	}
	b.WriteString("\n" + about + "\nFinish it by hand and close the ticket; or mend the cause and save it: it is weighed again.")
	return outcome{How: workflow.Failed}, s.end(ctx, st, ending{
		how: workflow.Failed, group: s.tickets.Kind.EscalationGroup, tell: st.Request.Tell, workNote: b.String(),
	})
}

// TakeBack takes back what was asked about a ticket that is closed by now.
func (s *Steps) TakeBack(ctx context.Context, st state) (workflow.Nothing, error) {
	_, err := s.desk.Withdraw(ctx, workflow.Ref(st.Subject))
	return workflow.Nothing{}, err
}
