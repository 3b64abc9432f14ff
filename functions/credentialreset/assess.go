package credentialreset

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// assessment is what a request comes to as things stand: $.request. It holds
// nothing personal.
type assessment struct {
	// Verdict says how it goes on.
	Verdict string `json:"verdict"`
	// Reasons are why it is for a person to decide, Problems what has to be
	// mended, a sentence each; Explanation is why there is nothing to do.
	Reasons     []string `json:"reasons,omitempty"`
	Problems    []string `json:"problems,omitempty"`
	Explanation string   `json:"explanation,omitempty"`

	// Type is unlock, password or mfa; Relation what who asks is to the person:
	// self, manager or helpdesk. UserID is the account.
	Type     string `json:"type,omitempty"`
	Relation string `json:"relation,omitempty"`
	UserID   string `json:"user_id,omitempty"`
	Plan     plan   `json:"plan"`
	// Tell are the sys_ids of the person and the manager.
	Tell []string `json:"tell,omitempty"`
	// ApprovedBy is the sys_id of who has agreed besides, where policy asks for it.
	ApprovedBy string `json:"approved_by,omitempty"`
	// Carried is true when all was done before and has only to be looked at.
	Carried bool `json:"carried,omitempty"`

	// Content is a hash of what is asked for; Round counts how often the ticket
	// has ended before.
	Content string `json:"content,omitempty"`
	Round   int    `json:"round"`
	// Concerned are the sys_ids of those who must not decide. Until is when the
	// second person's time is up, WaitSeconds how long that is.
	Concerned   []string  `json:"concerned,omitempty"`
	Until       time.Time `json:"until,omitzero"`
	WaitSeconds int       `json:"wait_seconds,omitempty"`
}

// Verdicts of an assessment: $.request.verdict.
const (
	// goOn: it is carried out.
	goOn = "go_on"
	// ask: a second person has to agree first.
	ask = "ask"
	// explain: there is nothing to do, and why is told.
	explain = "explain"
	// refer: a person has to decide.
	refer = "refer"
	// mend: a person has to mend something first.
	mend = "mend"
)

// key names what holds for this content in this round.
func (a *assessment) key() string { return fmt.Sprintf("%d/%s", a.Round, a.Content) }

// refer adds a reason why a person has to decide.
func (a *assessment) refer(format string, args ...any) {
	a.Reasons = append(a.Reasons, fmt.Sprintf(format, args...))
}

func (a *assessment) mends(format string, args ...any) {
	a.Problems = append(a.Problems, fmt.Sprintf(format, args...))
}

// settled is the verdict as far as it is clear: what has to be mended comes
// first, then what a person has to decide, then what needs nothing done.
func (a *assessment) settled() bool {
	switch {
	case len(a.Problems) > 0:
		a.Verdict = mend
	case len(a.Reasons) > 0:
		a.Verdict = refer
	case a.Explanation != "":
		a.Verdict = explain
	default:
		return false
	}
	return true
}

// weighing is one look at a request.
type weighing struct {
	subject workflow.Subject
	request request
	history history
	asker   asker
	user    okta.User
	factors []okta.Factor
	roles   []okta.Role
	now     time.Time
}

// BookSeats books the calls of the whole request: the look at the account, what
// is done to it, and the look at what came of it.
func (s *Steps) BookSeats(ctx context.Context, st state) (workflow.Seats, error) {
	calls := okta.NewCalls().
		Add("GET", "/api/v1/users", 2).
		Add("GET", "/api/v1/users/{id}", 8).
		Add("GET", "/api/v1/users/{id}/factors", 7). // and groups, roles, unlock, reset, sessions
		Add("GET", "/api/v1/logs", 2)
	return workflow.BookSeats(ctx, s.seats, ratelimit.Normal, calls.Needs(), st.Seats)
}

// AssessRequest weighs the request as things stand, and records it when that
// differs from the last time.
func (s *Steps) AssessRequest(ctx context.Context, st state) (assessment, error) {
	a, err := s.assess(ctx, st.Subject)
	if err != nil {
		return assessment{}, err
	}
	before := st.Request
	if a.Verdict == before.Verdict && a.key() == before.key() && slices.Equal(a.Reasons, before.Reasons) {
		return a, nil
	}
	_, err = s.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: verbAssessed, Target: st.Stream(), Subject: a.UserID, Key: a.key(), Reason: s.because(st.Subject),
		After: map[string]any{
			"verdict": a.Verdict, "type": a.Type, "relation": a.Relation, "reasons": a.Reasons, "problems": a.Problems, "status": a.Plan.Status,
		},
	})
	return a, err
}

// assess weighs the request. What stands against it is gathered as long as the
// next look makes sense, so that a person sees all of it at once.
func (s *Steps) assess(ctx context.Context, subject workflow.Subject) (assessment, error) {
	r, _, problems, err := s.request(ctx, subject)
	if err != nil {
		return assessment{}, err
	}
	h, err := s.history(ctx, subject)
	if err != nil {
		return assessment{}, err
	}
	a := assessment{Type: r.Type, Content: r.content(), Round: h.round, Problems: problems}
	if len(problems) > 0 {
		a.settled()
		return a, nil
	}
	w := &weighing{subject: subject, request: r, history: h, now: time.Now()}
	for _, id := range []string{r.Person.SysID, r.Person.Manager} {
		if id != "" && !slices.Contains(a.Tell, id) {
			a.Tell = append(a.Tell, id)
		}
	}
	stages := [][]func(context.Context, *assessment, *weighing) error{
		{s.weighAccount, s.weighAsker},
		{s.weighEarlier},
		{s.weighRank, s.weighStatus, s.weighLimits, s.weighCoolDown, s.weighIncidents},
		{s.weighProof},
		{s.weighApproval},
		{s.weighTogether},
	}
	for _, stage := range stages {
		for _, weigh := range stage {
			if err := weigh(ctx, &a, w); err != nil {
				return assessment{}, err
			}
		}
		if a.settled() || a.Verdict != "" {
			return a, nil
		}
	}
	a.Verdict = goOn
	return a, nil
}

// weighEarlier takes up what an earlier execution has done for the same request
// and could not bring to its end.
func (s *Steps) weighEarlier(ctx context.Context, a *assessment, w *weighing) error {
	a.Relation = w.asker.Relation
	if len(a.Reasons) > 0 {
		return nil
	}
	if err := s.accept(ctx, w.subject, a, w); err != nil {
		return err
	}
	done, found := w.history.carried(a.key())
	if found {
		a.Verdict, a.Carried, a.Plan, a.ApprovedBy = goOn, true, done.Plan, done.ApprovedBy
	}
	return nil
}

// weighApproval looks how the second person's decision stands.
func (s *Steps) weighApproval(ctx context.Context, a *assessment, w *weighing) error {
	if !slices.Contains(s.policy.Approval.Types, a.Type) {
		return nil
	}
	now, err := s.desk.Standing(ctx, questionOf(w.subject, a))
	if err != nil {
		return err
	}
	a.Until = w.now.Add(time.Duration(s.policy.Approval.Wait)).UTC()
	switch {
	case now.Decision == approval.Approved:
		a.ApprovedBy = now.Votes[len(now.Votes)-1].By
		return nil
	case now.Decision == approval.Rejected:
		a.refer("A second person was asked and refused (sys_user %s).", now.Votes[len(now.Votes)-1].By)
		return nil
	case now.Decision == approval.Expired:
		a.refer("A second person has to agree, and nobody who was asked decided within %s.", s.policy.Approval.Wait)
		return nil
	case now.Decision != "":
		a.refer("A second person has to agree, and the questions were taken back in ServiceNow, or can no longer be answered.")
		return nil
	case now.Asked:
		a.Until = now.Expires
	}
	seats, err := s.seatsFor(ctx, w.request.Person, w.asker.Concerned)
	if err != nil {
		return err
	}
	if len(seats) == 0 {
		a.refer("A second person has to agree, and nobody is left who may: neither a manager nor a member of the helpdesk whom the request does not concern.")
		return nil
	}
	// A second more, so that the question has ended when it is looked at.
	a.Verdict, a.Concerned, a.WaitSeconds = ask, w.asker.Concerned, max(1, int(a.Until.Sub(w.now).Seconds())+1)
	return nil
}

// questionOf names the question to the second person, for good.
func questionOf(subject workflow.Subject, a *assessment) string {
	return subject.Stream() + "/" + a.key() + "/second"
}

// weighTogether is the last look before anything is done: a new password and new
// factors together are a whole account, so that who asks for one soon after the
// other is looked at by a person. Of two that come at the same moment each sees
// itself, and the last sees both.
func (s *Steps) weighTogether(ctx context.Context, a *assessment, w *weighing) error {
	window := time.Duration(s.policy.CoolDown[mfa].For)
	if a.Type == unlock || window == 0 {
		return nil
	}
	n, err := s.breaker.Register(ctx, "credential-reset/kinds/"+w.user.ID, a.Type, window)
	if err == nil && n > 1 {
		a.refer("Password and factors of one account are not both reset within %s: together they are the whole account.", s.policy.CoolDown[mfa].For)
	}
	return err
}
