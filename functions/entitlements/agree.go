package entitlements

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/workflow"
)

// risk is whether a second person has to agree, and how that stands: $.risk.
type risk struct {
	Verdict string   `json:"verdict,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
	Key     string   `json:"key,omitempty"`
	// Until is when the question expires; WaitSeconds how long to wait until the
	// next look.
	Until       time.Time `json:"until,omitzero"`
	WaitSeconds int       `json:"wait_seconds,omitempty"`
	// By is the sys_id of who agreed.
	By string `json:"by,omitempty"`
}

// Verdicts: $.risk.verdict.
const (
	// harmless needs nobody.
	harmless = "harmless"
	// ask: somebody has to be asked, or has not answered yet.
	ask = "ask"
	// agreed: a second person has agreed.
	agreed = "agreed"
	// refused: it was rejected, taken back, or nobody answered in time.
	refused = "refused"
)

// AssessChange says whether the plan takes away so much that a second person has
// to agree, and reads what that one has decided.
func (s *Steps) AssessChange(ctx context.Context, st changing) (risk, error) {
	r := risk{Verdict: harmless, Key: st.Risk.Key, Until: st.Risk.Until}
	c := st.Change
	if c.Removed > s.settings.RemovalLimit {
		r.Reasons = append(r.Reasons, fmt.Sprintf("%d grants would be taken away, and more than %d need a second person", c.Removed, s.settings.RemovalLimit))
	}
	if share := 100 * float64(c.Losers) / float64(max(1, c.People)); share > s.settings.LoserPercent {
		r.Reasons = append(r.Reasons, fmt.Sprintf("%.1f%% of all people would lose something, and more than %g%% need a second person", share, s.settings.LoserPercent))
	}
	if len(r.Reasons) == 0 {
		return r, nil
	}
	if r.Key == "" {
		running, err := currentTask(ctx)
		if err != nil {
			return risk{}, err
		}
		r.Key, r.Until = running.Name()+"/agree", time.Now().Add(s.settings.ApprovalWait).UTC()
	}
	standing, err := s.desk.Standing(ctx, r.Key)
	if err != nil {
		return risk{}, err
	}
	switch {
	case standing.Decision == approval.Approved:
		r.Verdict = agreed
		if n := len(standing.Votes); n > 0 {
			r.By = standing.Votes[n-1].By
		}
	case standing.Decision == "" && time.Now().Before(r.Until):
		r.Verdict, r.WaitSeconds = ask, seconds(min(s.settings.Look, time.Until(r.Until)))
	default:
		r.Verdict = refused
	}
	return r, nil
}

// AskApproval asks the group on the task, and waits for the first answer.
func (s *Steps) AskApproval(ctx context.Context, st changing) (workflow.Nothing, error) {
	running, err := currentTask(ctx)
	if err != nil {
		return workflow.Nothing{}, err
	}
	_, err = s.desk.Open(ctx, approval.Ask{
		Ticket: st.Task.ref(), Key: st.Risk.Key, Group: s.settings.ApprovalGroup,
		Subject: "A change of the access rules needs a second person",
		Text: fmt.Sprintf("Rules %s: %s. The work notes and the attachment tell what would come and go. Nothing has been changed yet.",
			st.Number, strings.Join(st.Risk.Reasons, "; ")),
		Expires: st.Risk.Until, Token: running.Token, Execution: running.Execution,
	}, reason(st))
	return workflow.Nothing{}, err
}
