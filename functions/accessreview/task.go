package accessreview

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/report"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// taskState is the data of the state machine of one reviewer's task.
type taskState struct {
	workflow.Subject

	Ticket  standing          `json:"ticket"`
	Risk    risk              `json:"risk"`
	Seats   workflow.Seats    `json:"seats"`
	Carried carried           `json:"carried"`
	Error   *workflow.Failure `json:"error"`
}

// standing is how a task stands: $.ticket.
type standing struct {
	// Disposition is workflow.HandedOver, workflow.NothingToDo, or one of the
	// constants below.
	Disposition string `json:"disposition"`
	Fingerprint string `json:"fingerprint"`
	// WaitSeconds is how long to wait until the next look.
	WaitSeconds int `json:"wait_seconds,omitempty"`
	// Problems say what is unclear about the answer.
	Problems []string `json:"problems,omitempty"`
	// By is the sys_id of who has answered, empty when the deadline did.
	By string `json:"by,omitempty"`
}

// Dispositions of a task.
const (
	// waits for the answer, or for the end of the time of grace.
	waits = "waits"
	// unclear: it was closed without a clear answer.
	unclear = "unclear"
	// remind: its time runs out.
	remind = "remind"
	// leaves: whoever is to answer has left.
	leaves = "leaves"
	// overdue: nobody has answered in time.
	overdue = "overdue"
	// answered: there is an answer, or the deadline is one, that is not recorded
	// yet.
	answered = "answered"
	// takenBack: the task was opened again within the time of grace.
	takenBack = "taken_back"
	// due: the time of grace is over, or carrying out has begun.
	due = "due"
	// late: somebody changed the answer after it was carried out.
	late = "late"
)

// ReadTask takes custody of the task and reads how it stands.
func (c *Campaign) ReadTask(ctx context.Context, st taskState) (standing, error) {
	holding, err := c.custodian.Take(ctx, st.Subject)
	if err != nil || !holding.Held {
		return standing{Disposition: workflow.HandedOver}, err
	}
	t, err := c.servicenow.Ticket(ctx, c.tasks.Kind, st.SysID)
	if err != nil {
		return standing{}, err
	}
	now := standing{Fingerprint: t.Fingerprint(), Disposition: workflow.NothingToDo}
	q, err := c.question(ctx, st.Subject)
	if err != nil {
		return standing{}, err
	}
	failed := holding.LastOutcome == workflow.Failed && holding.LastFingerprint == now.Fingerprint && c.servicenow.Own(t)
	switch {
	case q.SignOff:
		// The campaign itself waits for it.
		return now, c.custodian.Nudge(ctx, reviewSubject(q.Review))
	case failed:
		return now, nil
	case q.Final != "":
		if now.Fingerprint != q.Final && !c.servicenow.Own(t) && holding.LastFingerprint != now.Fingerprint {
			now.Disposition = late
		}
		return now, nil
	case q.Answer != nil && q.Answer.Begun:
		now.Disposition, now.By = due, q.Answer.By
		return now, nil
	case !t.Unfinished():
		return c.closed(ctx, now, t, q)
	case q.Answer != nil && q.Answer.By != "":
		now.Disposition = takenBack
		return now, nil
	}
	return c.open(ctx, now, t, q)
}

func reviewSubject(review string) workflow.Subject {
	return workflow.Subject{Table: Table, SysID: review, Number: review}
}

// question reads what the task asks.
func (c *Campaign) question(ctx context.Context, task workflow.Subject) (question, error) {
	q, err := c.store.asked(ctx, task.SysID)
	if err == nil && q.Review == "" {
		// Made a moment ago: what it asks is written right after it.
		err = &fault.Unavailable{Message: fmt.Sprintf("the table of reviews does not say yet what %s asks", task.Number)}
	}
	return q, err
}

// closed says what becomes of a task that somebody has closed.
func (c *Campaign) closed(ctx context.Context, now standing, t servicenow.Ticket, q question) (standing, error) {
	now.By = t.Value("closed_by")
	if q.Answer != nil && q.Answer.Fingerprint == now.Fingerprint {
		return c.graced(now, *q.Answer), nil
	}
	list, err := c.lines(ctx, q)
	if err != nil {
		return standing{}, err
	}
	_, problems := readAnswer(t.Value("decisions"), list, now.By)
	if now.Disposition = answered; len(problems) > 0 {
		now.Disposition, now.Problems = unclear, shortened(problems)
	}
	return now, nil
}

// graced waits until an answer can no longer be taken back.
func (c *Campaign) graced(now standing, a answer) standing {
	ahead := time.Until(a.Until)
	if now.Disposition = due; ahead > 0 {
		now.Disposition, now.WaitSeconds = waits, seconds(min(ahead, c.settings.Look))
	}
	return now
}

// open says how long an open task is waited for.
func (c *Campaign) open(ctx context.Context, now standing, t servicenow.Ticket, q question) (standing, error) {
	if q.Answer != nil { // the deadline has answered
		return c.graced(now, *q.Answer), nil
	}
	ahead := time.Until(q.Due)
	if ahead <= 0 {
		if now.Disposition = overdue; q.Escalated {
			now.Disposition = answered
		}
		return now, nil
	}
	if who := t.Value("assigned_to"); who != "" {
		person, err := c.servicenow.PersonBySysID(ctx, who)
		if err != nil && !fault.Is[*fault.NotFound](err) {
			return standing{}, err
		}
		if err != nil || !person.Active {
			now.Disposition = leaves
			return now, nil
		}
	}
	if !q.Reminded {
		if ahead -= c.settings.reminder(q.Escalated); ahead <= 0 {
			now.Disposition = remind
			return now, nil
		}
	}
	now.Disposition, now.WaitSeconds = waits, seconds(min(ahead, c.settings.Look))
	return now, nil
}

// RemindReviewer says on the task that its time runs out.
func (c *Campaign) RemindReviewer(ctx context.Context, st taskState) (workflow.Nothing, error) {
	q, err := c.question(ctx, st.Subject)
	if err != nil || q.Reminded {
		return workflow.Nothing{}, err
	}
	note := fmt.Sprintf("Reminder: %d lines of access wait for your decision until %s.", q.Count, moment(q.Due))
	if q.Escalated {
		note += " After that, " + c.consequence() + "."
	} else {
		note += " After that it goes to your own manager."
	}
	err = c.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{Key: fmt.Sprintf("reminder/%t/%s", q.Escalated, q.Responsible), Comment: note}, q.why())
	if err != nil {
		return workflow.Nothing{}, err
	}
	q.Reminded = true
	return workflow.Nothing{}, c.store.keep(ctx, st.SysID, q)
}

// why is the reason of what a task asks for.
func (q question) why() audit.Reason {
	return audit.Reason{Kind: "access review", Ref: q.Review, Text: "reviewed as " + q.As}
}

// HandOverTask passes the question on from somebody who has left. Its date stays.
func (c *Campaign) HandOverTask(ctx context.Context, st taskState) (workflow.Nothing, error) {
	q, list, err := c.opened(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	to := q.Responsible // a group stays: somebody of it had been named, and has left
	if !isGroup(to) {
		next, err := c.inCharge(ctx, to, subjects(list))
		if err != nil {
			return workflow.Nothing{}, err
		}
		to = c.orGroup(next)
	}
	q.Reminded = false
	note := fmt.Sprintf("Whoever was to decide is not there any more, so this goes to the next in line. It is due %s.", moment(q.Due))
	return workflow.Nothing{}, c.passOn(ctx, st, q, to, note)
}

// EscalateTask passes the question to the reviewer's manager, or where there is
// none to the group that handles what could not be done.
func (c *Campaign) EscalateTask(ctx context.Context, st taskState) (workflow.Nothing, error) {
	q, list, err := c.opened(ctx, st.Subject)
	if err != nil || q.Escalated {
		return workflow.Nothing{}, err
	}
	to := c.tasks.Kind.EscalationGroup
	if !isGroup(q.Responsible) {
		about := subjects(list)
		about[q.Responsible] = true
		next, err := c.inCharge(ctx, q.Responsible, about)
		if err != nil {
			return workflow.Nothing{}, err
		}
		to = c.orGroup(next)
	}
	q.Escalated, q.Reminded, q.Due = true, false, entered(ctx).Add(c.settings.EscalationWait)
	note := fmt.Sprintf("Nobody has answered in time, so this goes one level up, until %s. After that, %s.", moment(q.Due), c.consequence())
	return workflow.Nothing{}, c.passOn(ctx, st, q, to, note)
}

// opened reads what a task asks, and its lines.
func (c *Campaign) opened(ctx context.Context, task workflow.Subject) (question, []report.Finding, error) {
	q, err := c.question(ctx, task)
	if err != nil {
		return question{}, nil, err
	}
	list, err := c.lines(ctx, q)
	return q, list, err
}

// subjects are the sys_ids of whom lines are about: none of them gets the task.
func subjects(list []report.Finding) map[string]bool {
	about := map[string]bool{}
	for _, f := range list {
		about[f.Person.ServiceNowID] = true
	}
	return about
}

// passOn hands the task to somebody else, and keeps what that changes.
func (c *Campaign) passOn(ctx context.Context, st taskState, q question, to, note string) error {
	set := map[string]string{"due_date": q.Due.Format(time.DateTime)}
	if err := c.hand(ctx, set, to); err != nil {
		return err
	}
	err := c.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{
		Key: fmt.Sprintf("passed on/%t/%s", q.Escalated, st.Ticket.Fingerprint), Comment: note, Set: set,
	}, q.why())
	if err != nil {
		return err
	}
	_, err = c.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: "access_review.passed_on", Target: st.Stream(), Reason: q.why(),
		Before: map[string]any{"responsible": q.Responsible}, After: map[string]any{"responsible": to, "due": q.Due, "escalated": q.Escalated},
	})
	if err != nil {
		return err
	}
	q.Responsible = to
	return c.store.keep(ctx, st.SysID, q)
}

// AskAgain opens a task again whose answer is not clear, and says what is.
func (c *Campaign) AskAgain(ctx context.Context, st taskState) (workflow.Nothing, error) {
	q, err := c.question(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	var b strings.Builder
	b.WriteString("The answer is not clear, and nothing has been changed:\n")
	for _, p := range st.Ticket.Problems {
		fmt.Fprintf(&b, "- %s\n", p)
	}
	b.WriteString("Write one line for each into the closing notes, such as \"1 keep\" or \"2 revoke\", and close this task again.")
	err = c.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{
		Key: fmt.Sprintf("unclear/%d/%s", q.Round, st.Ticket.Fingerprint), Comment: b.String(), Set: c.tasks.Kind.Columns(servicenow.Open),
	}, q.why())
	if err != nil {
		return workflow.Nothing{}, err
	}
	q.Answer, q.Round = nil, q.Round+1
	return workflow.Nothing{}, c.store.keep(ctx, st.SysID, q)
}

// mostProblems keeps a note readable.
const mostProblems = 15

func shortened(problems []string) []string {
	if len(problems) <= mostProblems {
		return problems
	}
	return append(problems[:mostProblems:mostProblems], fmt.Sprintf("And %d more of the kind.", len(problems)-mostProblems))
}
