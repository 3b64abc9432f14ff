package rolechange

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/decision"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// taskState is the data of the recertification's state machine, whose ticket is
// the task.
type taskState struct {
	workflow.Subject

	Ticket  standing          `json:"ticket"`
	Seats   workflow.Seats    `json:"seats"`
	Carried carried           `json:"carried"`
	Error   *workflow.Failure `json:"error"`
}

// standing is how a recertification stands: $.ticket.
type standing struct {
	// Disposition is workflow.HandedOver, workflow.NothingToDo, or one of the
	// constants below.
	Disposition string `json:"disposition"`
	Fingerprint string `json:"fingerprint"`
	// WaitSeconds is how long to wait until the next look.
	WaitSeconds int `json:"wait_seconds,omitempty"`
	// Problems say what is unclear about the answer.
	Problems []string `json:"problems,omitempty"`
	// Decisions are keep or revoke by the item's number; By is the sys_id of who
	// decided, empty when nobody did.
	Decisions map[int]string `json:"decisions,omitempty"`
	By        string         `json:"by,omitempty"`
	// Closed is true when somebody has closed the task.
	Closed bool `json:"closed,omitempty"`
}

// Dispositions of a recertification.
const (
	// waits for the answer.
	waits = "waits"
	// unclear: it was closed without a clear answer.
	unclear = "unclear"
	// overdue: nobody has answered in time, or whoever should has left.
	overdue = "overdue"
	// answered: there is a decision about each item, by somebody or by default.
	answered = "answered"
	// idle: nothing of what was asked about is held any more.
	idle = "idle"
)

// escalatedVerb is the verb of the record that the question has gone up.
const escalatedVerb = "recertification.escalated"

func (s *Steps) registerRecertification(table *workflow.Steps) {
	workflow.Add(table, "ReadTask", s.ReadTask)
	workflow.Add(table, "AskAgain", s.AskAgain)
	workflow.Add(table, "EscalateTask", s.EscalateTask)
	workflow.Add(table, "BookDecisions", s.BookDecisions)
	workflow.Add(table, "CarryOutDecisions", s.CarryOutDecisions)
	workflow.Add(table, "CloseTask", s.CloseTask)
	workflow.Add(table, "TellTaskFailure", s.TellTaskFailure)
}

// ReadTask takes custody of the task and reads how it stands.
func (s *Steps) ReadTask(ctx context.Context, st taskState) (standing, error) {
	holding, err := s.custodian.Take(ctx, st.Subject)
	if err != nil || !holding.Held {
		return standing{Disposition: workflow.HandedOver}, err
	}
	t, err := s.servicenow.Ticket(ctx, s.tasks.Kind, st.SysID)
	if err != nil {
		return standing{}, err
	}
	now := standing{Fingerprint: t.Fingerprint(), Closed: !open(t)}
	ours := s.servicenow.Own(t)
	failed := holding.LastOutcome == workflow.Failed && holding.LastFingerprint == now.Fingerprint && ours
	if failed || now.Closed && (holding.LastOutcome == workflow.Resolved || t.Phase == servicenow.Cancelled && ours) {
		now.Disposition = workflow.NothingToDo
		return now, nil
	}
	q, escalated, err := s.asked(ctx, st.Subject)
	if err != nil {
		return standing{}, err
	}
	remaining, err := s.remaining(ctx, q)
	switch {
	case err != nil:
		return standing{}, err
	case len(remaining) == 0:
		now.Disposition = idle
		return now, nil
	case now.Closed:
		return answer(now, t, q, remaining), nil
	}
	return s.patience(ctx, now, t, remaining, escalated)
}

func open(t servicenow.Ticket) bool {
	return t.Phase == servicenow.Open || t.Phase == servicenow.InProgress || t.Phase == servicenow.OnHold
}

// asked reads what the task asks, and whether it has gone up already.
func (s *Steps) asked(ctx context.Context, task workflow.Subject) (q question, escalated bool, err error) {
	records, err := s.ledger.Stream(ctx, task.Stream())
	if err != nil {
		return question{}, false, err
	}
	known := false
	for _, r := range records {
		escalated = escalated || r.Verb == escalatedVerb
		if r.Verb != asksVerb {
			continue
		}
		raw, err := json.Marshal(r.After)
		if err == nil {
			err = json.Unmarshal(raw, &q)
		}
		if err != nil {
			return question{}, false, &fault.Conflict{Message: fmt.Sprintf("what %s asks cannot be read from the ledger", task.Number), Cause: err}
		}
		known = true
	}
	if !known {
		// Made a moment ago: its record is written right after it.
		return question{}, false, &fault.Unavailable{Message: fmt.Sprintf("the ledger does not say yet what %s asks", task.Number)}
	}
	return q, escalated, nil
}

// remaining are the items of which anything is still held.
func (s *Steps) remaining(ctx context.Context, q question) ([]item, error) {
	holdings, err := s.leases.Of(ctx, q.UserID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(q.Items), func(i item) bool {
		at := slices.IndexFunc(holdings, func(h lease.Holding) bool { return h.Entitlement.String() == key(i.Kind, i.ID) })
		return at < 0 || !slices.ContainsFunc(exceptional(holdings[at], time.Now()), func(l lease.Lease) bool { return slices.Contains(i.Keys, l.Key) })
	}), nil
}

// answer reads the decisions of a task that somebody has closed.
func answer(now standing, t servicenow.Ticket, q question, remaining []item) standing {
	lines := make([]decision.Item, len(q.Items))
	for i, asked := range q.Items {
		lines[i] = decision.Item{N: asked.N, Name: asked.Name}
	}
	decisions, problems := decision.Read(t.Value("decisions"), lines)
	if by := t.Value("closed_by"); by != "" && by == q.Person {
		problems = append(problems, "It was closed by the person whom it is about: somebody else has to decide.")
	}
	if len(problems) > 0 {
		now.Disposition, now.Problems = unclear, problems
		return now
	}
	now.Disposition, now.Decisions, now.By = answered, map[int]string{}, t.Value("closed_by")
	for _, i := range remaining {
		now.Decisions[i.N] = decisions[i.N].Word
	}
	return now
}

// patience says how long an open task is waited for.
func (s *Steps) patience(ctx context.Context, now standing, t servicenow.Ticket, remaining []item, escalated bool) (standing, error) {
	due, err := time.ParseInLocation(time.DateTime, t.Value("due_date"), time.UTC)
	if err != nil { // cleared by somebody: no patience for ever
		due = t.Updated.Add(s.settings.RecertificationWait)
	}
	ahead := time.Until(due)
	if who := t.Value("assigned_to"); who != "" && !escalated && ahead > 0 {
		person, err := s.servicenow.PersonBySysID(ctx, who)
		if err != nil && !fault.Is[*fault.NotFound](err) {
			return standing{}, err
		}
		if err != nil || !person.Active {
			ahead = 0 // whoever should answer has left
		}
	}
	switch {
	case ahead > 0:
		now.Disposition, now.WaitSeconds = waits, seconds(min(ahead, s.settings.Look))
	case !escalated:
		now.Disposition = overdue
	default:
		now.Disposition, now.Decisions = answered, map[int]string{}
		for _, i := range remaining {
			now.Decisions[i.N] = s.settings.Unanswered
		}
	}
	return now, nil
}

// AskAgain opens a task again whose answer is not clear, and says what is.
func (s *Steps) AskAgain(ctx context.Context, st taskState) (workflow.Nothing, error) {
	var b strings.Builder
	b.WriteString("The answer is not clear, and nothing has been changed:\n")
	for _, p := range st.Ticket.Problems {
		fmt.Fprintf(&b, "- %s\n", p)
	}
	b.WriteString("Write one line for each into the closing notes, such as \"1 keep\" or \"2 revoke\", and close this task again.")
	return workflow.Nothing{}, s.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{
		Key: "unclear/" + st.Ticket.Fingerprint, Comment: b.String(), Set: s.tasks.Kind.Columns(servicenow.Open),
	}, audit.Reason{Kind: "recertification", Ref: st.Number})
}

// EscalateTask passes the question to the manager's manager, or where there is
// none to the group that handles what could not be done.
func (s *Steps) EscalateTask(ctx context.Context, st taskState) (workflow.Nothing, error) {
	q, escalated, err := s.asked(ctx, st.Subject)
	if err != nil || escalated {
		return workflow.Nothing{}, err
	}
	// From who was asked first: whom the task is assigned to now may be the result
	// of an earlier attempt.
	var up string
	if q.Manager != "" {
		person, err := s.servicenow.PersonBySysID(ctx, q.Manager)
		if err != nil && !fault.Is[*fault.NotFound](err) {
			return workflow.Nothing{}, err
		}
		up = person.Manager
	}
	if up, err = s.inCharge(ctx, up, q.Person); err != nil {
		return workflow.Nothing{}, err
	}
	due := entered(ctx).Add(s.settings.EscalationWait)
	set := map[string]string{"due_date": due.Format(time.DateTime)}
	if err := s.hand(ctx, set, up); err != nil {
		return workflow.Nothing{}, err
	}
	note := fmt.Sprintf("Nobody has answered in time, so this goes one level up, until %s. What nobody has decided about by then is %s.", moment(due), s.consequence())
	err = s.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{Key: "escalated", Comment: note, Set: set}, about(st.Subject, q))
	if err != nil {
		return workflow.Nothing{}, err
	}
	_, err = s.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: escalatedVerb, Target: st.Stream(), Subject: q.UserID, Reason: about(st.Subject, q), After: map[string]any{"due": due},
	})
	return workflow.Nothing{}, err
}
