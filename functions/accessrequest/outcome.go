package accessrequest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// outcome is how the ticket ended: $.outcome.
type outcome struct {
	// Changed is true when the ticket was changed or closed while we worked:
	// nothing was written and it is read again as it stands now.
	Changed bool `json:"changed"`
	// How is remembered with the ticket: resolved or returned.
	How string `json:"how,omitempty"`
}

// closing is the one final write to a request item.
type closing struct {
	// how is the ending, phase the state it is put into.
	how   string
	phase servicenow.Phase
	// approval is what ServiceNow is to show as decided; empty leaves it.
	approval          string
	comment, workNote string
}

// close writes the final note and state.
func (s *Steps) close(ctx context.Context, st state, c closing) (outcome, error) {
	set := s.tickets.Kind.Columns(c.phase)
	if column := s.tickets.Kind.Fields["approval"]; c.approval != "" && column != "" && !strings.ContainsAny(column, ".:") {
		set[column] = c.approval
	}
	if _, present := set["close_notes"]; present {
		set["close_notes"] = c.comment
	}
	err := s.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{
		Key: endKey(st), Comment: c.comment, WorkNote: c.workNote, Set: set,
	}, because(st.Subject))
	if err != nil {
		return outcome{}, err
	}
	return outcome{How: workflow.Resolved}, s.ended(ctx, st, c.how)
}

// note writes a work note, once per key.
func (s *Steps) note(ctx context.Context, subject workflow.Subject, key, text string) error {
	return s.servicenow.Post(ctx, workflow.Ref(subject), servicenow.Posting{Key: key, WorkNote: text}, because(subject))
}

// still reads the ticket once more before something final is written to it; ok
// is false when it asks for something else by now, or is closed. What closed it
// may have been this very step, whose answer was lost: then it goes on.
func (s *Steps) still(ctx context.Context, st state) (r request, ok bool, err error) {
	r, t, _, err := s.request(ctx, st.Subject)
	if err != nil || r.content() != st.Request.Content {
		return r, false, err
	}
	if open(t) {
		return r, true, nil
	}
	records, err := s.ledger.Stream(ctx, st.Stream())
	return r, slices.ContainsFunc(records, func(x audit.Record) bool {
		return x.Verb == "ticket.update" && x.Key == endKey(st) && x.Phase == audit.Intent
	}), err
}

// endKey is the key of the final write: one for each time that the ticket ends,
// whichever execution does it.
func endKey(st state) string { return fmt.Sprintf("ended/%d", st.Request.Round) }

// ResolveTicket writes the one final note, with who approved and when, and
// closes the item.
func (s *Steps) ResolveTicket(ctx context.Context, st state) (outcome, error) {
	r, ok, err := s.still(ctx, st)
	if err != nil || !ok {
		return outcome{Changed: !ok}, err
	}
	item, found, err := s.item(ctx, st.Request)
	if err != nil || !found {
		return outcome{Changed: !found}, err
	}
	given := fmt.Sprintf("%q was given to %s. It has no end.", item.Name, r.For.UserName)
	if !st.Granted.Until.IsZero() {
		given = fmt.Sprintf("%q was given to %s. It ends on %s", item.Name, r.For.UserName, moment(st.Granted.Until))
		if st.Granted.Shortened {
			given += ", the longest that is allowed and less than was asked for"
		}
		given += "; to keep it longer, request it again before then."
	}
	who, err := s.approvedBy(ctx, st, r)
	if err != nil {
		return outcome{}, err
	}
	var work strings.Builder
	fmt.Fprintf(&work, "Okta user id: %s\nGiven: %s %s (%s)\n%s", st.Request.UserID, st.Request.Kind, st.Request.Name, st.Request.ID, who)
	fmt.Fprintf(&work, "Policy: %s (%s)\n", item.Policy.Name, item.Policy.Description)
	for _, w := range st.Request.Warnings {
		fmt.Fprintf(&work, "Mind: %s\n", w)
	}
	fmt.Fprintf(&work, "Read back: Okta shows it.\nRules: %s", st.Request.Version)
	return s.close(ctx, st, closing{how: endGranted, phase: servicenow.Resolved, approval: approvedThere, comment: given, workNote: work.String()})
}

// approvedBy lists the answers that the grant rests on, a line for each.
func (s *Steps) approvedBy(ctx context.Context, st state, r request) (string, error) {
	item, _, err := s.item(ctx, st.Request)
	if err != nil {
		return "", err
	}
	if item.Policy.AsksNobody() {
		return "Approved by policy, without asking anybody\n", nil
	}
	if len(item.Policy.Stages) == 0 {
		votes, err := s.votesThere(ctx, st.Subject, r)
		if err != nil {
			return "", err
		}
		return s.signatures(ctx, "Approved", "in ServiceNow", votes)
	}
	var b strings.Builder
	for _, one := range item.Policy.Stages {
		now, err := s.desk.Standing(ctx, st.Request.question(st.Subject, one.Name))
		if err != nil {
			return "", err
		}
		lines, err := s.signatures(ctx, "Approved", one.Name, now.Votes)
		if err != nil {
			return "", err
		}
		b.WriteString(lines)
	}
	return b.String(), nil
}

// CloseRequest ends a request that gives nothing: the reason is told, open
// questions are taken back, and the item is closed.
func (s *Steps) CloseRequest(ctx context.Context, st state) (outcome, error) {
	r, ok, err := s.still(ctx, st)
	if err != nil || !ok {
		return outcome{Changed: !ok}, err
	}
	c, err := s.refusal(ctx, st, r)
	if err != nil {
		return outcome{}, err
	}
	if _, err := s.desk.Withdraw(ctx, workflow.Ref(st.Subject)); err != nil {
		return outcome{}, err
	}
	if err := s.takeBack(ctx, st.Subject); err != nil {
		return outcome{}, err
	}
	return s.close(ctx, st, c)
}

// refusal is what is told about a request that gives nothing.
func (s *Steps) refusal(ctx context.Context, st state, r request) (c closing, err error) {
	c = closing{how: st.Request.End, phase: servicenow.Cancelled}
	const nothing = " Nothing was granted."
	switch {
	case st.Request.Verdict == end && c.how == endRejected:
		c.approval, c.comment = rejectedThere, st.Request.Text
		said, err := s.rejectedThereBy(ctx, st)
		if err != nil {
			return closing{}, err
		}
		c.comment += said + nothing
	case st.Request.Verdict == end && c.how == endHeld:
		c.phase, c.comment = servicenow.Resolved, st.Request.Text+" Nothing had to be done."
	case st.Request.Verdict == end:
		c.comment = st.Request.Text + nothing
	case st.Stage.Next == nextRejected:
		c.how, c.approval = endRejected, rejectedThere
		now, err := s.desk.Standing(ctx, st.Stage.Key)
		if err != nil {
			return closing{}, err
		}
		lines, err := s.answers(ctx, st.Stage.Name, now.Votes)
		if err != nil {
			return closing{}, err
		}
		c.comment = "The request was rejected.\n" + lines + strings.TrimSpace(nothing)
	default:
		c.how = endExpired
		c.comment = fmt.Sprintf("Nobody decided in time (%s).%s Whoever still needs the access requests it anew.", st.Stage.Name, nothing)
	}
	c.workNote = fmt.Sprintf("Ended: %s\n", strings.ReplaceAll(c.how, "_", " "))
	if st.Request.Item != "" {
		c.workNote += fmt.Sprintf("Asked for: %s (%s %s), policy %s\n", st.Request.Item, st.Request.Kind, st.Request.Name, st.Request.Policy)
	}
	if st.Request.UserID != "" {
		c.workNote += fmt.Sprintf("For: %s (Okta user id: %s)\n", r.For.UserName, st.Request.UserID)
	}
	c.workNote += "Rules: " + st.Request.Version
	return c, nil
}

// answers tell who rejected, when, and with which words.
func (s *Steps) answers(ctx context.Context, as string, votes []approval.Vote) (string, error) {
	var b strings.Builder
	for _, v := range votes {
		line, err := s.signatures(ctx, "Rejected", as, []approval.Vote{v})
		if err != nil {
			return "", err
		}
		b.WriteString(line)
		said, err := s.servicenow.ApprovalComment(ctx, v.Approval)
		if err != nil {
			return "", err
		}
		if said != "" {
			fmt.Fprintf(&b, "Comment: %s\n", said)
		}
	}
	return b.String(), nil
}

// rejectedThereBy tells who rejected in ServiceNow, where that is recorded.
func (s *Steps) rejectedThereBy(ctx context.Context, st state) (string, error) {
	list, err := s.servicenow.ItemApprovals(ctx, workflow.Ref(st.Subject))
	if err != nil {
		return "", err
	}
	var votes []approval.Vote
	for _, a := range list {
		if a.State == servicenow.ApprovalRejected {
			votes = append(votes, approval.Vote{Approval: a.SysID, By: a.Approver, At: a.Updated})
		}
	}
	if len(votes) == 0 {
		return "", nil
	}
	lines, err := s.answers(ctx, "in ServiceNow", votes)
	return "\n" + strings.TrimSpace(lines) + "\n", err
}

// ReturnTicket leaves the ticket open with what has to be mended. Where somebody
// took the questions back although the ticket is open, saving it asks anew.
func (s *Steps) ReturnTicket(ctx context.Context, st state) (outcome, error) {
	t, err := s.servicenow.Ticket(ctx, s.tickets.Kind, st.SysID)
	if err != nil || !open(t) {
		return outcome{Changed: err == nil}, err
	}
	var problems []string
	switch {
	case st.Ticket.Disposition == workflow.Invalid:
		problems = st.Ticket.Problems
	case st.Request.Verdict == mend:
		problems = st.Request.Problems
	default:
		problems = []string{fmt.Sprintf("The approvals (%s) were taken back in ServiceNow, or can no longer be given. Save the ticket to have them asked for again, or cancel it.", st.Stage.Name)}
		if err := s.ended(ctx, st, endWithdrawn); err != nil {
			return outcome{}, err
		}
	}
	err = s.tickets.Return(ctx, st.Subject, st.Ticket.Fingerprint, "Nothing was granted.", problems, because(st.Subject))
	return outcome{How: workflow.Returned}, err
}
