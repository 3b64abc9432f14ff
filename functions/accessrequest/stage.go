package accessrequest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/workflow"
)

// stage is what to do next about the approvals: $.stage.
type stage struct {
	// Next is one of the constants below.
	Next string `json:"next"`
	// Name is the stage's, Key its question's.
	Name string `json:"name,omitempty"`
	Key  string `json:"key,omitempty"`
	// WaitSeconds is how long to wait for an answer until something else is due.
	WaitSeconds int `json:"wait_seconds,omitempty"`
}

// What is next: $.stage.next. The first four are decisions, of the last stage or
// of one that ends it all.
const (
	nextGrant     = "grant"
	nextRejected  = "rejected"
	nextExpired   = "expired"
	nextWithdrawn = "withdrawn"
	// nextAgain: the rules or the request have changed; it is weighed again.
	nextAgain    = "again"
	nextAsk      = "ask"
	nextRemind   = "remind"
	nextEscalate = "escalate"
)

// PlanStage looks how the stages stand, one after the other, and says what is
// next. It reads the decisions itself, so that it depends on no webhook.
func (s *Steps) PlanStage(ctx context.Context, st state) (stage, error) {
	item, found, err := s.item(ctx, st.Request)
	if err != nil || !found {
		return stage{Next: nextAgain}, err
	}
	var keys []string
	for _, one := range item.Policy.Stages {
		keys = append(keys, st.Request.question(st.Subject, one.Name))
	}
	for i, one := range item.Policy.Stages {
		now, err := s.desk.Standing(ctx, keys[i])
		if err != nil {
			return stage{}, err
		}
		if !now.Asked && i == 0 {
			// What was asked about an earlier content is taken back for good, and
			// what is asked now is another question, whatever it resembles.
			n, err := s.desk.Withdraw(ctx, workflow.Ref(st.Subject), keys...)
			if err == nil && n > 0 {
				return stage{Next: nextAgain}, s.ended(ctx, st, endChanged)
			}
			if err != nil {
				return stage{}, err
			}
		}
		if next := due(one, now, time.Now()); next != nextGrant {
			return stage{Next: next, Name: one.Name, Key: keys[i], WaitSeconds: seconds(min(s.settings.Look, untilDue(one, now, time.Now())))}, nil
		}
	}
	return stage{Next: nextGrant}, nil
}

// due says what a stage needs next.
func due(one entitlement.Stage, now approval.Standing, at time.Time) string {
	past := func(after time.Duration) bool { return after > 0 && !at.Before(now.Began.Add(after)) }
	switch {
	case now.Decision == approval.Approved:
		return nextGrant
	case now.Decision == approval.Rejected:
		return nextRejected
	case now.Decision == approval.Expired:
		return nextExpired
	case now.Decision != "":
		return nextWithdrawn
	case !now.Asked:
		return nextAsk
	case past(one.Escalate) && now.Escalated.IsZero():
		return nextEscalate
	case past(one.Remind) && now.Reminded.IsZero() && now.Escalated.IsZero():
		return nextRemind
	}
	return nextAsk
}

// untilDue is how long it is until something else than an answer is due.
func untilDue(one entitlement.Stage, now approval.Standing, at time.Time) time.Duration {
	began := now.Began
	if !now.Asked {
		began = at
	}
	next := one.Expire
	if one.Escalate > 0 && now.Escalated.IsZero() {
		next = min(next, one.Escalate)
	}
	if one.Remind > 0 && now.Reminded.IsZero() && now.Escalated.IsZero() {
		next = min(next, one.Remind)
	}
	return began.Add(next).Sub(at)
}

// item is the catalog's item that the request was assessed to mean; found is
// false when the rules mean something else by now.
func (s *Steps) item(ctx context.Context, a assessment) (item entitlement.Item, found bool, err error) {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return entitlement.Item{}, false, err
	}
	item, found = rules.Item(a.Item)
	return item, found && item.Policy.Name == a.Policy && item.Entitlement.ID == a.ID, nil
}

// AskApprovers asks who has to decide in this stage as things stand now, and
// waits. Whoever left is replaced, whoever was escalated to joins. It ends by an
// answer, by a change of the ticket, or by its timeout, and the ticket is read
// again in any case.
func (s *Steps) AskApprovers(ctx context.Context, st state) (workflow.Nothing, error) {
	item, found, err := s.item(ctx, st.Request)
	if err != nil {
		return workflow.Nothing{}, err
	}
	r, _, problems, err := s.request(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	i := slices.IndexFunc(item.Policy.Stages, func(one entitlement.Stage) bool { return one.Name == st.Stage.Name })
	if !found || i < 0 || len(problems) > 0 || r.content() != st.Request.Content {
		return workflow.Nothing{}, s.tickets.Wake(ctx) // changed meanwhile
	}
	one := item.Policy.Stages[i]
	now, err := s.desk.Standing(ctx, st.Stage.Key)
	if err != nil {
		return workflow.Nothing{}, err
	}
	began := time.Now()
	if now.Asked {
		began = now.Began
	}
	panel, err := s.panel(ctx, one, item, r, !now.Escalated.IsZero())
	if err != nil {
		return workflow.Nothing{}, err
	}
	task, _ := workflow.TaskOf(ctx)
	opened, err := s.desk.Open(ctx, approval.Ask{
		Ticket: workflow.Ref(st.Subject), Key: st.Stage.Key, Seats: panel, All: one.Need == entitlement.All, Exclude: r.concerned(),
		Subject: fmt.Sprintf("%s: %s", st.Number, item.Name), Text: s.question(item, r, st.Request.Warnings),
		Expires: began.Add(one.Expire), Token: task.Token, Execution: task.Execution,
	}, because(st.Subject))
	if err != nil || opened.Resumed {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.tickets.Await(ctx, st.Subject)
}

// question is what an approver reads.
func (s *Steps) question(item entitlement.Item, r request, warnings []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. Risk: %s.\nFor: %s", item.Description, item.Risk, r.For.UserName)
	if r.Requester.SysID != r.For.SysID {
		fmt.Fprintf(&b, ", requested by %s", r.Requester.UserName)
	}
	end, shortened := r.until(time.Now(), item.Longest)
	switch {
	case end.IsZero():
		b.WriteString("\nWithout an end.")
	case shortened:
		fmt.Fprintf(&b, "\nFor %s, the longest that is allowed, which is less than was asked for.", days(item.Longest))
	case r.Duration > 0:
		fmt.Fprintf(&b, "\nFor %s from the approval.", days(r.Duration))
	case r.Until.IsZero():
		fmt.Fprintf(&b, "\nFor %s from the approval.", days(item.Longest))
	default:
		fmt.Fprintf(&b, "\nUntil %s.", moment(end))
	}
	if r.Reason != "" {
		fmt.Fprintf(&b, "\nReason given: %s", r.Reason)
	}
	for _, w := range warnings {
		fmt.Fprintf(&b, "\nMind: %s.", w)
	}
	return b.String()
}

// RemindApprovers reminds those who have not answered.
func (s *Steps) RemindApprovers(ctx context.Context, st state) (workflow.Nothing, error) {
	now, err := s.desk.Standing(ctx, st.Stage.Key)
	if err != nil || now.Decision != "" {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.desk.Remind(ctx, st.Stage.Key, fmt.Sprintf(
		"Reminder: %s (%s) waits since %s for a decision (%s). Without one it ends on %s.",
		st.Number, st.Request.Item, moment(now.Began), st.Stage.Name, moment(now.Expires)), because(st.Subject))
}

// EscalateStage brings in the managers of those who have not answered: the next
// AskApprovers asks them besides.
func (s *Steps) EscalateStage(ctx context.Context, st state) (workflow.Nothing, error) {
	now, err := s.desk.Standing(ctx, st.Stage.Key)
	if err != nil || now.Decision != "" {
		return workflow.Nothing{}, err
	}
	note := fmt.Sprintf("Nobody has decided (%s) since %s: the approvers' managers are asked besides. Without a decision the request ends on %s.",
		st.Stage.Name, moment(now.Began), moment(now.Expires))
	if err := s.note(ctx, st.Subject, st.Stage.Key+"/escalated", note); err != nil {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.desk.Escalate(ctx, st.Stage.Key)
}
