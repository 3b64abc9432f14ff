package accessreview

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/report"
	"lifecycle/shared/workflow"
)

// risk is whether a second person has to agree to what an answer revokes, and how
// that stands: $.risk.
type risk struct {
	// Verdict is one of the constants below.
	Verdict string   `json:"verdict,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
	// Key names the question; Until is when it expires, WaitSeconds how long to
	// wait until the next look.
	Key         string    `json:"key,omitempty"`
	Until       time.Time `json:"until,omitzero"`
	WaitSeconds int       `json:"wait_seconds,omitempty"`
	// Ended says how it ended when it was not agreed to.
	Ended string `json:"ended,omitempty"`
}

// Verdicts: $.risk.verdict.
const (
	// harmless needs nobody, or has been agreed to.
	harmless = "harmless"
	// ask: somebody has to be asked, or has not answered yet.
	ask = "ask"
	// refused: it was rejected, or nobody answered in time.
	refused = "refused"
)

// WeighAnswer says whether so much would be revoked that a second person has to
// agree, and reads what that one has decided. What was asked once stays parked
// until somebody decides.
func (c *Campaign) WeighAnswer(ctx context.Context, st taskState) (risk, error) {
	q, err := c.question(ctx, st.Subject)
	if err != nil {
		return risk{}, err
	}
	if q.Answer == nil {
		return risk{Verdict: harmless}, nil
	}
	if q.Answer.Risk == nil {
		first := risk{Verdict: harmless}
		if first.Reasons, err = c.reasons(ctx, q); err != nil {
			return risk{}, err
		}
		if len(first.Reasons) > 0 {
			first.Verdict, first.Key = ask, fmt.Sprintf("access-review/%s/%d", st.SysID, q.Round)
			first.Until = entered(ctx).Add(c.settings.ApprovalWait)
		}
		q.Answer.Risk = &first
		if err := c.store.keep(ctx, st.SysID, q); err != nil {
			return risk{}, err
		}
	}
	r := *q.Answer.Risk
	if r.Verdict != ask {
		return r, nil
	}
	standing, err := c.desk.Standing(ctx, r.Key)
	if err != nil {
		return risk{}, err
	}
	switch {
	case standing.Decision == approval.Approved:
		r.Verdict = harmless
	case standing.Decision == approval.Rejected:
		r.Verdict, r.Ended = refused, "a second person has rejected it"
	case standing.Decision == "" && time.Now().Before(r.Until):
		r.WaitSeconds = seconds(min(c.settings.Look, time.Until(r.Until)))
		return r, nil
	default:
		r.Verdict, r.Ended = refused, "no second person has agreed to it in time"
	}
	q.Answer.Risk = &r
	return r, c.store.keep(ctx, st.SysID, q)
}

// few revocations are no mass change, whatever their share: a review of one small
// group has read little.
const few = 2

// reasons counts what would be revoked, of this answer and of all within the
// window.
func (c *Campaign) reasons(ctx context.Context, q question) (reasons []string, err error) {
	if q.Answer.Revoked == 0 {
		return nil, nil
	}
	if q.Answer.Revoked > c.settings.RemovalLimit {
		reasons = append(reasons, fmt.Sprintf("%d revocations in one answer, and more than %d need a second person", q.Answer.Revoked, c.settings.RemovalLimit))
	}
	list, err := c.lines(ctx, q)
	if err != nil {
		return nil, err
	}
	answers, err := c.answers(ctx, q)
	if err != nil {
		return nil, err
	}
	recent := 0
	for i, counted := 0, 0; i < len(list) && counted <= c.settings.BreakerLimit; i++ {
		if answers[i].Answer != report.Revoke {
			continue
		}
		counted++
		if recent, err = c.breaker.Register(ctx, "access-review", q.Review+"/"+list[i].ID, c.settings.BreakerWindow); err != nil {
			return nil, err
		}
	}
	if recent > c.settings.BreakerLimit {
		reasons = append(reasons, fmt.Sprintf("more than %d revocations within %s", c.settings.BreakerLimit, c.settings.BreakerWindow))
	}
	if share := 100 * float64(recent) / float64(max(1, q.Holdings)); recent > few && q.Holdings > 0 && share > c.settings.RemovalPercent {
		reasons = append(reasons, fmt.Sprintf("%.1f%% of all access that was read within %s, and more than %g%% need a second person",
			share, c.settings.BreakerWindow, c.settings.RemovalPercent))
	}
	return reasons, nil
}

// AskSecondPerson asks the approvers in ServiceNow, and waits for the answer or
// for a change of the task, whichever comes first. Neither who has answered nor
// whose access would go is asked.
func (c *Campaign) AskSecondPerson(ctx context.Context, st taskState) (workflow.Nothing, error) {
	q, list, err := c.opened(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	if q.Answer == nil {
		return workflow.Nothing{}, c.tasks.Wake(ctx)
	}
	answers, err := c.answers(ctx, q)
	if err != nil {
		return workflow.Nothing{}, err
	}
	exclude := []string{q.Answer.By}
	for i, f := range list {
		if answers[i].Answer == report.Revoke {
			exclude = append(exclude, f.Person.ServiceNowID)
		}
	}
	task, err := asking(ctx)
	if err != nil {
		return workflow.Nothing{}, err
	}
	opened, err := c.desk.Open(ctx, approval.Ask{
		Ticket: workflow.Ref(st.Subject), Key: st.Risk.Key, Group: c.settings.ApprovalGroup, Exclude: exclude,
		Subject: "Revocations of an access review need a second person",
		Text: fmt.Sprintf("%s revokes %d: %s. The closing notes and the attached lines tell what would be taken away. Nothing has been touched yet.",
			st.Number, q.Answer.Revoked, strings.Join(st.Risk.Reasons, "; ")),
		Expires: st.Risk.Until, Token: task.Token, Execution: task.Execution,
	}, q.why())
	if err != nil || opened.Resumed {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, c.tasks.Await(ctx, st.Subject)
}
