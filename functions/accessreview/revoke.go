package accessreview

import (
	"context"
	"fmt"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/report"
	"lifecycle/shared/workflow"
)

// carried is how far an answer has been carried out: $.carried.
type carried struct {
	// From is the first line of the part under way, Next the first one that is
	// not: both from 0.
	From int  `json:"from"`
	Next int  `json:"next"`
	Done bool `json:"done"`
	// Gone are the lines of this part that were taken away and have to be read
	// back.
	Gone []int `json:"gone,omitempty"`
}

// linesOfPart is how many lines one step carries out.
const linesOfPart = 20

// part is what the next step is about.
func (s taskState) part(count int) (from, to int) {
	return s.Carried.Next, min(count, s.Carried.Next+linesOfPart)
}

// BookDecisions books the calls of the next part. What somebody has decided does
// not queue behind the reading of other reviews.
func (c *Campaign) BookDecisions(ctx context.Context, st taskState) (workflow.Seats, error) {
	q, list, err := c.opened(ctx, st.Subject)
	if err != nil || q.Answer == nil {
		return workflow.Seats{}, err
	}
	answers, err := c.answers(ctx, q)
	if err != nil {
		return workflow.Seats{}, err
	}
	calls := okta.NewCalls()
	from, to := st.part(len(list))
	for i := from; i < to; i++ {
		if answers[i].Answer == report.Revoke && !q.Answer.refused() {
			book(calls, list[i].Holding)
		}
	}
	if len(calls.Needs()) == 0 {
		return workflow.Seats{}, nil
	}
	return workflow.BookSeats(ctx, c.seats, ratelimit.Normal, calls.Needs(), st.Seats)
}

// book adds the calls of one revocation: look, take away, read back.
func book(calls *okta.Calls, h report.Holding) {
	calls.Add("GET", "/api/v1/users/{id}", 1).Add("GET", "/api/v1/users/{id}/groups", 1)
	switch h.Kind {
	case report.App:
		calls.Add("GET", "/api/v1/apps/{id}/users/{id}", 1).Add("GET", "/api/v1/apps", 1).Add("DELETE", "/api/v1/apps/{id}/users/{id}", 1)
	case report.Role:
		calls.Add("GET", "/api/v1/users/{id}/roles", 2).Add("DELETE", "/api/v1/users/{id}/roles/{id}", 1)
	case report.Account:
		calls.Add("POST", "/api/v1/users/{id}/lifecycle/suspend", 1).Add("DELETE", "/api/v1/users/{id}/sessions", 1).Add("GET", "/api/v1/users/{id}", 1)
	default:
		calls.Add("DELETE", "/api/v1/groups/{id}/users/{id}", 1).Add("GET", "/api/v1/users/{id}/groups", 1)
	}
}

// CarryOutDecisions carries the next part of the answer out. A line that was
// carried out by an earlier attempt is left as it is.
func (c *Campaign) CarryOutDecisions(ctx context.Context, st taskState) (carried, error) {
	q, list, err := c.opened(ctx, st.Subject)
	if err != nil {
		return carried{}, err
	}
	from, to := st.part(len(list))
	out := carried{From: from, Next: to, Done: to >= len(list)}
	if q.Answer == nil {
		return carried{}, &fault.Conflict{Message: "the answer of " + st.Number + " was taken back while it was being carried out"}
	}
	answers, err := c.answers(ctx, q)
	if err != nil {
		return carried{}, err
	}
	if !q.Answer.Begun {
		q.Answer.Begun = true
		if err := c.store.keep(ctx, st.SysID, q); err != nil {
			return carried{}, err
		}
	}
	for i := from; i < to; i++ {
		gone, err := c.carryOut(ctx, st, q, list[i], answers[i])
		if err != nil {
			return carried{}, err
		}
		if gone {
			out.Gone = append(out.Gone, i)
		}
	}
	return out, nil
}

// Outcomes of a decision, as the report tells them. What is being taken away has
// been there and may be gone by now; takenAway has still to be read back.
const (
	beingTaken = "being taken away"
	takenAway  = "taken away"
	removed    = "removed and read back"
	shutOut    = "cannot sign in any more, read back"
	kept       = "kept"
	remains    = "taken away, and it still shows in Okta: somebody has to look"
)

// carryOut records the decision about one line and does it; gone is true when
// something was taken away that has to be read back.
func (c *Campaign) carryOut(ctx context.Context, st taskState, q question, f report.Finding, t taken) (gone bool, err error) {
	earlier, err := c.store.Decision(ctx, q.Review, f.ID)
	if err != nil {
		return false, err
	}
	begun := earlier.Outcome == beingTaken
	if earlier.Outcome != "" && !begun {
		return earlier.Outcome == takenAway, nil
	}
	d := earlier
	if !begun {
		d = report.Decision{Answer: t.Answer, By: orPolicy(q.Answer.By), At: q.Answer.At, Comment: t.Comment}
		if d.Record, err = c.note(ctx, q, f, d); err != nil {
			return false, err
		}
	}
	switch {
	case t.Answer == report.Keep:
		d.Outcome, err = c.confirm(ctx, st, q, f)
	case q.Answer.refused():
		d.Outcome = "not revoked: " + q.Answer.Risk.Ended
	default:
		d.Outcome, err = c.revoke(ctx, q, f, revocation{begun: begun, begin: func() error {
			d.Outcome = beingTaken
			return c.store.Decide(ctx, q.Review, f.ID, d)
		}})
	}
	if fault.Retryable(err) {
		return false, err
	}
	if err != nil {
		d.Outcome = "not revoked: " + err.Error()
		if t.Answer == report.Keep {
			d.Outcome = "kept, but not recorded as an exception: " + err.Error()
		}
	}
	return d.Outcome == takenAway, c.store.Decide(ctx, q.Review, f.ID, d)
}

// note records a decision in the ledger, and names the record.
func (c *Campaign) note(ctx context.Context, q question, f report.Finding, d report.Decision) (string, error) {
	record, err := c.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: "access_review.decided", Target: f.Holding.Kind + "/" + f.Holding.ID, Subject: f.Person.OktaID, Key: f.ID,
		Reason: q.why(), After: map[string]any{"decision": d.Answer, "by": d.By, "flag": f.Flag},
	})
	return fmt.Sprintf("%s/%d", record.Stream, record.Seq), err
}

// lag is how many looks are given to Okta's lists, which lag behind its writes,
// before something that was taken away counts as not gone.
const lag = 6

// VerifyDecisions reads back what was taken away. What still shows is looked for
// again by the state machine's retry.
func (c *Campaign) VerifyDecisions(ctx context.Context, st taskState) (workflow.Nothing, error) {
	q, list, err := c.opened(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	task, err := asking(ctx)
	if err != nil {
		return workflow.Nothing{}, err
	}
	still := 0
	for _, i := range st.Carried.Gone {
		f := list[i]
		d, err := c.store.Decision(ctx, q.Review, f.ID)
		if err != nil {
			return workflow.Nothing{}, err
		}
		if d.Outcome != takenAway {
			continue
		}
		there, err := c.holds(ctx, f)
		switch {
		case err != nil:
			return workflow.Nothing{}, err
		case there && task.Attempt < lag:
			still++
			continue
		case there:
			d.Outcome = remains
		case f.Holding.Kind == report.Account:
			d.Outcome = shutOut
		default:
			d.Outcome = removed
		}
		if err := c.store.Decide(ctx, q.Review, f.ID, d); err != nil {
			return workflow.Nothing{}, err
		}
	}
	if still > 0 {
		return workflow.Nothing{}, &fault.Unavailable{Message: fmt.Sprintf("%d entitlements were taken away for %s and still show", still, st.Number)}
	}
	return workflow.Nothing{}, nil
}
