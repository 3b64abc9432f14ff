package accessreview

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/decision"
	"lifecycle/shared/fault"
	"lifecycle/shared/report"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// readAnswer reads what a reviewer has written about the lines of a task, in
// their order, and what is unclear about it.
func readAnswer(text string, list []report.Finding, by string) ([]taken, []string) {
	items := make([]decision.Item, len(list))
	var own []string
	for i, f := range list {
		items[i] = decision.Item{N: i + 1}
		if by != "" && f.Person.ServiceNowID == by {
			own = append(own, fmt.Sprint(i+1))
		}
	}
	decided, problems := decision.Read(text, items)
	if len(own) > 0 {
		problems = append(problems, "It was closed by the person whom number "+strings.Join(own, ", ")+" is about: somebody else has to decide.")
	}
	if len(problems) > 0 {
		return nil, problems
	}
	out := make([]taken, len(list))
	for i := range list {
		d := decided[i+1]
		out[i] = taken{Answer: report.Answer(d.Word), Comment: cut(d.Line)}
	}
	return out, nil
}

// longestComment is as much of a reviewer's line as is kept, in characters.
const longestComment = 300

func cut(line string) string {
	if long := []rune(line); len(long) > longestComment {
		return string(long[:longestComment]) + "…"
	}
	return line
}

// byDefault is what the deadline decides.
func (c *Campaign) byDefault(list []report.Finding) []taken {
	out := make([]taken, len(list))
	for i, f := range list {
		out[i] = taken{Answer: report.Keep, Comment: "nobody decided in time"}
		if slices.Contains(c.settings.RevokeUnanswered, f.Flag) {
			out[i].Answer = report.Revoke
		}
	}
	return out
}

// takenKey is where an answer is kept, line by line.
func takenKey(q question) string {
	return fmt.Sprintf("%s.answer-%03d.json", strings.TrimSuffix(linesKey(q.Review, q.Reviewer), ".ndjson"), q.Round)
}

// RecordAnswer records who has answered what and when. It is carried out when the
// time of grace is over.
func (c *Campaign) RecordAnswer(ctx context.Context, st taskState) (workflow.Nothing, error) {
	q, err := c.question(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	list, err := c.lines(ctx, q)
	if err != nil {
		return workflow.Nothing{}, err
	}
	answers := c.byDefault(list)
	if st.Ticket.By != "" {
		t, err := c.servicenow.Ticket(ctx, c.tasks.Kind, st.SysID)
		if err != nil {
			return workflow.Nothing{}, err
		}
		var problems []string
		if answers, problems = readAnswer(t.Value("decisions"), list, st.Ticket.By); len(problems) > 0 || t.Fingerprint() != st.Ticket.Fingerprint {
			return workflow.Nothing{}, nil // changed meanwhile: it is read again
		}
	}
	content, err := json.Marshal(answers)
	if err != nil {
		return workflow.Nothing{}, &fault.Invalid{Message: "an answer cannot be written", Cause: err}
	}
	if err := c.store.write(ctx, takenKey(q), "application/json", content); err != nil {
		return workflow.Nothing{}, err
	}
	at := entered(ctx)
	a := answer{Fingerprint: st.Ticket.Fingerprint, By: st.Ticket.By, At: at, Until: at.Add(c.settings.Grace), SHA256: hashOf(content)}
	for _, t := range answers {
		if t.Answer == report.Revoke {
			a.Revoked++
		} else {
			a.Kept++
		}
	}
	_, err = c.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: "access_review.answered", Target: st.Stream(), Reason: q.why(),
		After: map[string]any{"by": orPolicy(a.By), "keep": a.Kept, "revoke": a.Revoked, "carried_out": a.Until, "lines": q.SHA256, "answers": a.SHA256},
	})
	if err != nil {
		return workflow.Nothing{}, err
	}
	if err := c.tellRecorded(ctx, st, q, a); err != nil {
		return workflow.Nothing{}, err
	}
	q.Answer = &a
	return workflow.Nothing{}, c.store.keep(ctx, st.SysID, q)
}

// policy is who decides at the deadline.
const policy = "policy"

func orPolicy(by string) string {
	if by == "" {
		return policy
	}
	return by
}

func (c *Campaign) tellRecorded(ctx context.Context, st taskState, q question, a answer) error {
	note := fmt.Sprintf("The answer is recorded: %d to keep, %d to revoke. It is carried out after %s; opening this task again before then takes it back.", a.Kept, a.Revoked, moment(a.Until))
	if a.By == "" {
		note = fmt.Sprintf("Nobody has answered in time: %s. That is %d to keep and %d to revoke, carried out after %s; closing this task with an answer before then counts instead.",
			c.consequence(), a.Kept, a.Revoked, moment(a.Until))
	}
	return c.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{Key: fmt.Sprintf("recorded/%d", q.Round), Comment: note}, q.why())
}

// answers reads the answer that was taken, line by line.
func (c *Campaign) answers(ctx context.Context, q question) ([]taken, error) {
	content, err := c.unaltered(ctx, takenKey(q), q.Answer.SHA256)
	if err != nil {
		return nil, err
	}
	var list []taken
	if err := json.Unmarshal(content, &list); err != nil || len(list) != q.Count {
		return nil, &fault.Conflict{Message: c.store.place(takenKey(q)) + " cannot be read; it was altered", Cause: err}
	}
	return list, nil
}

// TellTakenBack forgets an answer that was taken back in time.
func (c *Campaign) TellTakenBack(ctx context.Context, st taskState) (workflow.Nothing, error) {
	q, err := c.question(ctx, st.Subject)
	if err != nil || q.Answer == nil {
		return workflow.Nothing{}, err
	}
	if _, err := c.desk.Withdraw(ctx, workflow.Ref(st.Subject)); err != nil {
		return workflow.Nothing{}, err
	}
	_, err = c.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: "access_review.taken_back", Target: st.Stream(), Reason: q.why(), Before: map[string]any{"by": q.Answer.By},
	})
	if err != nil {
		return workflow.Nothing{}, err
	}
	err = c.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{
		Key: fmt.Sprintf("taken back/%d", q.Round), Comment: "The answer is taken back, and nothing has been changed. Close this task again when you have decided, by " + moment(q.Due) + ".",
	}, q.why())
	if err != nil {
		return workflow.Nothing{}, err
	}
	q.Answer, q.Round = nil, q.Round+1
	return workflow.Nothing{}, c.store.keep(ctx, st.SysID, q)
}

// TellLate says that an answer came after the earlier one was carried out.
func (c *Campaign) TellLate(ctx context.Context, st taskState) (workflow.Outcome, error) {
	q, err := c.question(ctx, st.Subject)
	if err != nil {
		return workflow.Outcome{}, err
	}
	p := servicenow.Posting{
		Key: "late/" + st.Ticket.Fingerprint,
		Comment: "This came after the earlier answer was carried out, and changes nothing. Access that is needed again has to be requested; " +
			"access that is to go can be taken away by the next review or by whoever looks after it.",
	}
	t, err := c.servicenow.Ticket(ctx, c.tasks.Kind, st.SysID)
	if err != nil {
		return workflow.Outcome{}, err
	}
	if t.Unfinished() {
		p.Set = c.closing()
	}
	out := workflow.Outcome{How: workflow.Resolved, Fingerprint: st.Ticket.Fingerprint}
	return out, c.servicenow.Post(ctx, workflow.Ref(st.Subject), p, q.why())
}
