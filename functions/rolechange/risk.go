package rolechange

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/workflow"
)

// risk is whether a second person has to agree, and how that stands: $.risk.
type risk struct {
	// Verdict is one of the constants below.
	Verdict string   `json:"verdict,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
	// Key names the question, Content what is asked about; Removals and Mass are
	// what an agreement covers.
	Key      string   `json:"key,omitempty"`
	Content  string   `json:"content,omitempty"`
	Removals []string `json:"removals,omitempty"`
	Mass     bool     `json:"mass,omitempty"`
	// Until is when the question expires; WaitSeconds how long to wait for an
	// answer until the next look.
	Until       time.Time `json:"until,omitzero"`
	WaitSeconds int       `json:"wait_seconds,omitempty"`
	// By is the sys_id of who agreed; Ended says how it ended otherwise.
	By    string `json:"by,omitempty"`
	Ended string `json:"ended,omitempty"`
}

// Verdicts: $.risk.verdict.
const (
	// harmless needs nobody, or has been agreed to.
	harmless = "harmless"
	// ask: somebody has to be asked, or has not answered yet.
	ask = "ask"
	// refused: it was rejected, taken back, or nobody answered in time.
	refused = "refused"
)

// AssessRisk asks what speaks against going ahead: a protected account, much to
// take away, or, when it is about to be carried out, many changes at once. What
// was agreed to covers a plan that takes away no more than the one agreed to, and
// what was asked once stays parked until somebody decides.
func (s *Steps) AssessRisk(ctx context.Context, st state) (risk, error) {
	reasons, mass, err := s.reasons(ctx, st)
	if err != nil {
		return risk{}, err
	}
	before := st.Risk
	r := risk{Verdict: harmless, Reasons: reasons, Content: st.Ticket.Fingerprint, Removals: st.Plan.removals(), Mass: mass}
	if before.covers(r) {
		r.Key, r.Removals, r.Mass, r.Until = before.Key, before.Removals, before.Mass, before.Until
		if len(reasons) == 0 {
			r.Reasons = before.Reasons
		}
	}
	if r.Key == "" && len(reasons) > 0 {
		task, err := currentTask(ctx)
		if err != nil {
			return risk{}, err
		}
		r.Key, r.Until = task.Name()+"/risk/"+task.Entered, time.Now().Add(s.settings.ApprovalWait).UTC()
	}
	if before.Key != "" && before.Key != r.Key {
		if _, err := s.desk.Withdraw(ctx, workflow.Ref(st.Subject), r.Key); err != nil {
			return risk{}, err
		}
	}
	if r.Key == "" {
		return r, nil
	}
	standing, err := s.desk.Standing(ctx, r.Key)
	if err != nil {
		return risk{}, err
	}
	switch {
	case standing.Decision == approval.Approved:
		r.By = lastVote(standing)
	case standing.Decision == "" && time.Now().Before(r.Until):
		r.Verdict = ask
		r.WaitSeconds = seconds(min(s.settings.Look, time.Until(r.Until)))
	default:
		r.Verdict = refused
	}
	if r.Verdict == refused {
		r.Ended = ending(standing)
	}
	return r, nil
}

// covers reports whether the question that was asked is about all of r.
func (before risk) covers(r risk) bool {
	return before.Key != "" && before.Content == r.Content && (before.Mass || !r.Mass) &&
		!slices.ContainsFunc(r.Removals, func(x string) bool { return !slices.Contains(before.Removals, x) })
}

// ending says how a question ended that was not agreed to.
func ending(s approval.Standing) string {
	switch s.Decision {
	case approval.Rejected:
		return fmt.Sprintf("it was rejected (sys_user %s)", lastVote(s))
	case approval.Cancelled:
		return "the question was taken back"
	}
	return "nobody decided in time"
}

func lastVote(s approval.Standing) string {
	if len(s.Votes) == 0 {
		return ""
	}
	return s.Votes[len(s.Votes)-1].By
}

func (s *Steps) reasons(ctx context.Context, st state) (reasons []string, mass bool, err error) {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return nil, false, err
	}
	groups, err := s.okta.Groups(ctx, st.Mover.UserID)
	if err != nil {
		return nil, false, err
	}
	if why, protected := rules.Protected(st.Mover.UserID, groupIDs(groups)); protected {
		reasons = append(reasons, "the account is protected: "+why)
	}
	if n := len(st.Plan.removals()); n > s.settings.RemovalLimit {
		reasons = append(reasons, fmt.Sprintf("%d entitlements would be taken away, and more than %d need a second person", n, s.settings.RemovalLimit))
	}
	if st.Ticket.Disposition == workflow.Early {
		return reasons, false, nil
	}
	recent, err := s.breaker.Register(ctx, "role-change", st.Stream(), s.settings.BreakerWindow)
	if err != nil {
		return nil, false, err
	}
	if mass = recent > s.settings.BreakerLimit; mass {
		reasons = append(reasons, fmt.Sprintf("this is change of role number %d within %s, and more than %d need a second person",
			recent, s.settings.BreakerWindow, s.settings.BreakerLimit))
	}
	return reasons, mass, nil
}

// AskApproval asks the approvers in ServiceNow, once per question, and waits for
// the answer or for a change of the ticket, whichever comes first. Neither the
// requester nor the person concerned is asked.
func (s *Steps) AskApproval(ctx context.Context, st state) (workflow.Nothing, error) {
	asked, _, err := s.transfer(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	exclude := []string{asked.OpenedBy, asked.RequestedBy}
	person, err := s.servicenow.PersonByEmployeeNumber(ctx, asked.EmployeeNumber)
	if fault.Retryable(err) {
		return workflow.Nothing{}, err
	}
	if err == nil {
		exclude = append(exclude, person.SysID)
	}
	task, err := currentTask(ctx)
	if err != nil {
		return workflow.Nothing{}, err
	}
	opened, err := s.desk.Open(ctx, approval.Ask{
		Ticket: workflow.Ref(st.Subject), Key: st.Risk.Key, Group: s.settings.ApprovalGroup, Exclude: exclude,
		Subject: "A change of role needs a second person",
		Text: fmt.Sprintf("Okta user %s: %s. The work notes of %s list what would come and go. Nothing has been touched yet.",
			st.Mover.UserID, strings.Join(st.Risk.Reasons, "; "), st.Number),
		Expires: st.Risk.Until, Token: task.Token, Execution: task.Execution,
	}, because(st.Subject))
	if err != nil || opened.Resumed {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.tickets.Await(ctx, st.Subject)
}

func currentTask(ctx context.Context) (workflow.Task, error) {
	task, ok := workflow.TaskOf(ctx)
	if !ok {
		return workflow.Task{}, &fault.Invalid{Message: "a step of a role change was run outside an execution"}
	}
	return task, nil
}

// seconds rounds up, because a wait must not end before its time; Step Functions
// takes at least one.
func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

func groupIDs(groups []okta.Group) []string {
	list := make([]string, len(groups))
	for i, g := range groups {
		list[i] = g.ID
	}
	return list
}
