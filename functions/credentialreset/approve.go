package credentialreset

import (
	"context"
	"fmt"

	"lifecycle/shared/approval"
	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// seatsFor are who may agree as the second person: the manager, members of the
// helpdesk. Nobody sits whom the request concerns; none is left when the list is
// empty.
func (s *Steps) seatsFor(ctx context.Context, person servicenow.Person, concerned []string) ([]approval.Seat, error) {
	var seats []approval.Seat
	for _, from := range s.policy.Approval.From {
		seat := approval.Seat{Name: from}
		switch from {
		case manager:
			if person.Manager == "" {
				continue
			}
			boss, err := s.servicenow.PersonBySysID(ctx, person.Manager)
			if err != nil && !fault.Is[*fault.NotFound](err) {
				return nil, err
			}
			if err == nil && active(boss) {
				seat.People = eligible([]string{boss.SysID}, concerned)
			}
		case helpdesk:
			agents, err := s.agents(ctx)
			if err != nil {
				return nil, err
			}
			seat.People = eligible(agents, concerned)
		}
		if len(seat.People) > 0 {
			seats = append(seats, seat)
		}
	}
	return seats, nil
}

// AskApproval asks for the second person's agreement and waits. It ends by an
// answer, by a change of the ticket, or by its timeout, and the request is
// weighed again in any case.
func (s *Steps) AskApproval(ctx context.Context, st state) (workflow.Nothing, error) {
	r, ticket, problems, err := s.request(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	if len(problems) > 0 || r.content() != st.Request.Content || !ticket.Unfinished() {
		return workflow.Nothing{}, s.tickets.Wake(ctx) // changed meanwhile
	}
	seats, err := s.seatsFor(ctx, r.Person, st.Request.Concerned)
	if err != nil {
		return workflow.Nothing{}, err
	}
	task, _ := workflow.TaskOf(ctx)
	opened, err := s.desk.Open(ctx, approval.Ask{
		Ticket: workflow.Ref(st.Subject), Key: questionOf(st.Subject, &st.Request), Seats: seats, Exclude: st.Request.Concerned,
		Subject: st.Number + ": reset of factors", Text: question(st.Request),
		Expires: st.Request.Until, Token: task.Token, Execution: task.Execution,
	}, s.because(st.Subject))
	if err != nil || opened.Resumed {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.tickets.Await(ctx, st.Subject)
}

// question is what the second person reads.
func question(a assessment) string {
	what := "all factors of the person named on the ticket"
	if !a.Plan.All {
		what = fmt.Sprintf("the factor %s of the person named on the ticket", a.Plan.kinds())
	}
	return fmt.Sprintf("To be removed: %s (Okta user %s), asked for by %s. Whoever holds the password can enrol factors of their own after it. "+
		"Speak to the person face to face, or at a number that you know, before you agree.", what, a.UserID, words[a.Relation])
}
