package statesync

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// openTermination opens the ticket by which somebody whom ServiceNow calls
// inactive is offboarded: the account is not touched here. One that is open
// already is enough, and there is at most one for each time that the account was
// activated: whoever closes it without carrying it out has decided.
func (s *Steps) openTermination(ctx context.Context, p pair) (number string, err error) {
	if number, err = s.openAlready(ctx, p); err != nil || number != "" {
		return number, err
	}
	values := map[string]string{"email": p.account.Profile.Email, "employee_number": p.account.Profile.EmployeeNumber}
	by, err := s.servicenow.PersonByUserName(ctx, p.user.UpdatedBy)
	switch {
	case err == nil && by.SysID != p.user.SysID:
		values["requested_by"] = by.SysID
	case fault.Retryable(err):
		return "", err
	}
	row, err := s.leavers.Row(values)
	if err != nil {
		return "", err
	}
	row["short_description"] = "Termination: made inactive in ServiceNow"
	row["description"] = fmt.Sprintf("sys_user %s was made inactive while Okta user %s is in use.", p.user.SysID, p.account.ID)
	made, err := s.servicenow.CreateTask(ctx, servicenow.NewTask{
		Table: s.leavers.Table, Key: fmt.Sprintf("statesync-leaver-%s-%d", p.account.ID, p.account.Activated.Unix()), Values: row,
	}, because("sys_user was made inactive"))
	return made.Number, err
}

// openAlready is the number of a termination of the person that is open.
func (s *Steps) openAlready(ctx context.Context, p pair) (string, error) {
	mine, err := s.leavers.For("email", p.account.Profile.Email)
	if err != nil { // the address cannot be searched for; the key of the ticket keeps it single anyway
		return "", nil
	}
	for ticket, err := range s.servicenow.OpenTickets(ctx, mine) {
		return ticket.Number, err
	}
	return "", nil
}

// CloseRequests closes the open access requests of somebody who has left.
// ServiceNow withdraws what is still asked about them.
func (s *Steps) CloseRequests(ctx context.Context, st state) (workflow.Nothing, error) {
	return workflow.Nothing{}, s.closeRequests(about(ctx, st.Person.OktaID), st.Person)
}

func (s *Steps) closeRequests(ctx context.Context, who person) error {
	mine, err := s.tickets.Kind.For("requested_for", who.SysID)
	if err != nil {
		return err
	}
	var open []servicenow.Ticket
	for ticket, err := range s.servicenow.OpenTickets(ctx, mine) {
		if err != nil {
			return err
		}
		open = append(open, ticket)
	}
	for _, ticket := range open {
		asked, err := s.servicenow.ApprovalsOf(ctx, ticket.Ref)
		if err != nil {
			return err
		}
		err = s.servicenow.Post(ctx, ticket.Ref, servicenow.Posting{
			Key:     fmt.Sprintf("statesync/left/%d", who.Since.Unix()),
			Comment: fmt.Sprintf("Closed: the person it is for has left. Their Okta account (%s) was deactivated on %s, and nothing can be given to it. Should they come back, request it again.", who.OktaID, who.Since.UTC().Format("2 January 2006 15:04 UTC")),
			Set:     s.tickets.Kind.Columns(servicenow.Cancelled),
		}, because("the Okta account is deactivated"))
		if err != nil {
			return err
		}
		if err := s.withdraw(ctx, asked); err != nil {
			return err
		}
	}
	return nil
}

// withdraw takes back what ServiceNow has not taken back by itself. Without the
// right to, the question stays, and answering it changes nothing.
func (s *Steps) withdraw(ctx context.Context, asked []servicenow.Approval) error {
	for _, a := range asked {
		err := s.servicenow.WithdrawApproval(ctx, a.SysID, because("the request is closed"))
		if fault.Is[*fault.Denied](err) {
			platform.Logger(ctx).WarnContext(ctx, "an approval could not be withdrawn", "approval", a.SysID, "error", err.Error())
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// MoveApprovals has others asked what somebody who has left was asked.
func (s *Steps) MoveApprovals(ctx context.Context, st state) (workflow.Nothing, error) {
	return workflow.Nothing{}, s.moveApprovals(about(ctx, st.Person.OktaID), st.Person)
}

func (s *Steps) moveApprovals(ctx context.Context, who person) error {
	asked, err := s.servicenow.AskedOf(ctx, who.SysID)
	if err != nil {
		return err
	}
	for _, a := range asked {
		if err := s.move(ctx, who, a); err != nil {
			return err
		}
	}
	return nil
}

func (s *Steps) move(ctx context.Context, who person, a servicenow.Approval) error {
	ours, err := s.desk.Asked(ctx, a.SysID)
	if err != nil {
		return err
	}
	note := fmt.Sprintf("sys_user %s, who was asked to approve this, has left.", who.SysID)
	if ours {
		// The note has the process look at its ticket again; it seats others itself.
		return s.remark(ctx, a, note+" Others are asked in their place.")
	}
	to, err := s.appointed(ctx, who, a)
	if err != nil {
		return err
	}
	if to == "" {
		return s.remark(ctx, a, note+" Neither a manager nor another member of the group is there who may decide instead: ask somebody.")
	}
	// The note goes first: once the question has moved nothing leads back to it.
	if err := s.remark(ctx, a, note+fmt.Sprintf(" sys_user %s is asked instead.", to)); err != nil {
		return err
	}
	why := because("the approver has left")
	err = s.servicenow.Reassign(ctx, a.SysID, to, why)
	if fault.Is[*fault.Denied](err) {
		// Without the role approval_admin another question is asked instead.
		_, err = s.servicenow.CreateApproval(ctx, servicenow.ApprovalRequest{
			Ticket: a.Ticket, Approver: to, Key: "statesync/deputy/" + a.SysID,
			Text: "You are asked in the place of somebody who has left.",
		}, why)
	}
	return err
}

// appointed is who decides in the leaver's place, chosen once: the choice is in
// the ledger before anybody is told of it, and holds for every later attempt.
func (s *Steps) appointed(ctx context.Context, who person, a servicenow.Approval) (string, error) {
	const verb = "approval.deputy"
	trail, _ := audit.TrailOf(ctx)
	records, err := s.ledger.Stream(ctx, trail.Stream)
	if err != nil {
		return "", err
	}
	for _, r := range records {
		if after, ok := r.After.(map[string]any); ok && r.Verb == verb && r.Target == a.Ref().String() {
			to, _ := after["approver"].(string)
			return to, nil
		}
	}
	to, err := s.deputy(ctx, who, a)
	if err != nil {
		return "", err
	}
	_, err = s.ledger.Fact(ctx, audit.Change{
		System: "servicenow", Verb: verb, Target: a.Ref().String(), Subject: who.OktaID, Reason: because("the approver has left"),
		After: map[string]any{"approver": to},
	})
	return to, err
}

func (s *Steps) remark(ctx context.Context, a servicenow.Approval, text string) error {
	return s.servicenow.Post(ctx, a.Ticket, servicenow.Posting{Key: "statesync/approver/" + a.SysID, WorkNote: text}, because("the approver has left"))
}

// deputy is who decides in the place of somebody who has left: the manager, else
// a member of the approval's group or of the ticket's. Nobody decides about their
// own request.
func (s *Steps) deputy(ctx context.Context, who person, a servicenow.Approval) (string, error) {
	parties, err := s.servicenow.PartiesOf(ctx, a)
	if err != nil {
		return "", err
	}
	already, err := s.servicenow.ApprovalsOf(ctx, a.Ticket)
	if err != nil {
		return "", err
	}
	barred := append(slices.Clone(parties.Concerned), who.SysID)
	for _, other := range already {
		if other.Open() { // is asked anyway
			barred = append(barred, other.Approver)
		}
	}
	left, err := s.servicenow.PersonBySysID(ctx, who.SysID)
	if err != nil {
		return "", err
	}
	if left.Manager != "" && !slices.Contains(barred, left.Manager) {
		manager, err := s.servicenow.PersonBySysID(ctx, left.Manager)
		if err != nil && !fault.Is[*fault.NotFound](err) {
			return "", err
		}
		if err == nil && manager.Active && !manager.LockedOut {
			return manager.SysID, nil
		}
	}
	for _, group := range parties.Groups {
		members, err := s.servicenow.GroupMembers(ctx, group)
		if err != nil {
			return "", err
		}
		for _, member := range members {
			if !slices.Contains(barred, member) {
				return member, nil
			}
		}
	}
	return "", nil
}

// TellFailure says in a task what could not be carried over, once a day for each
// person and sort of failure.
func (s *Steps) TellFailure(ctx context.Context, st state) (workflow.Nothing, error) {
	failure := workflow.Failure{Error: "Unexpected"}
	if st.Error != nil {
		failure = *st.Error
	}
	id := st.Person.OktaID
	if id == "" {
		id = st.SysID
	}
	task, _ := workflow.TaskOf(ctx)
	day, _, _ := strings.Cut(task.Entered, "T")
	text := fmt.Sprintf("The records of %s %s could not be brought in step: %s\nThe next change of either record, or the next comparison of all people, tries it again.",
		st.Table, st.SysID, failure.Message())
	key := strings.Join([]string{"statesync-failed", id, failure.Error, day}, "-")
	return workflow.Nothing{}, s.task(ctx, key[:min(len(key), 100)], "State sync: a person's records differ", text, s.settings.ReportGroup, because("failure"))
}
