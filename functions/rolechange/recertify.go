package rolechange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/decision"
	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// opened is the task that puts the question to the manager: $.recertification.
type opened struct {
	Number string    `json:"number,omitempty"`
	Items  int       `json:"items,omitempty"`
	Due    time.Time `json:"due,omitzero"`
	// Changed is true when the ticket was changed while we worked.
	Changed bool `json:"changed,omitempty"`
}

// question is what a recertification is about. The ledger keeps it in the task's
// stream: whoever works on the task reads it there.
type question struct {
	UserID string `json:"user_id"`
	// Ticket is the number of the role change.
	Ticket string `json:"ticket"`
	// Person is the sys_id of whom it is about, who must not answer it; Manager of
	// who was asked first, empty where it was a group.
	Person  string `json:"person,omitempty"`
	Manager string `json:"manager,omitempty"`
	Items   []item `json:"items"`
}

// item is one line of it.
type item struct {
	kept

	// N is the line's number, from 1.
	N int `json:"n"`
}

// asksVerb is the verb of the record that holds the question.
const asksVerb = "recertification.opened"

// OpenRecertification puts what the person keeps by exception to the new manager,
// as a task that lists each. A task that an earlier change of role left open is
// closed: the question is asked anew, or has become idle.
func (s *Steps) OpenRecertification(ctx context.Context, st state) (opened, error) {
	asked, t, err := s.transfer(ctx, st.Subject)
	if err != nil {
		return opened{}, err
	}
	if t.Fingerprint() != st.Ticket.Fingerprint {
		return opened{Changed: true}, nil
	}
	q := question{UserID: st.Mover.UserID, Ticket: st.Number}
	for i, k := range st.Plan.Kept {
		if len(k.Keys) == 0 { // found without a reason, and written down as an exception since
			k.Keys = []string{exception(st, k).Key}
		}
		q.Items = append(q.Items, item{kept: k, N: i + 1})
	}
	key := "recertification/" + st.Mover.UserID + "/" + q.hash(asked.Manager)
	if err := s.closeEarlier(ctx, st, key); err != nil || len(q.Items) == 0 {
		return opened{}, err
	}
	return s.put(ctx, st, asked, q, key)
}

// hash tells one question from the next about the same person.
func (q question) hash(manager string) string {
	parts := []string{q.Ticket, manager}
	for _, i := range q.Items {
		parts = append(parts, key(i.Kind, i.ID)+" "+strings.Join(i.Keys, " "))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:8])
}

// closeEarlier cancels the recertifications of the person that are still open,
// except the one with the key.
func (s *Steps) closeEarlier(ctx context.Context, st state, except string) error {
	kind := s.tasks.Kind
	kind.Query += "^correlation_idSTARTSWITHrecertification/" + st.Mover.UserID + "/"
	for t, err := range s.servicenow.OpenTickets(ctx, kind) {
		if err != nil {
			return err
		}
		if t.Value("correlation_id") == except {
			continue
		}
		note := fmt.Sprintf("Nothing is to be decided here any more: %s has changed the person's role again.", st.Number)
		if err := s.servicenow.Post(ctx, t.Ref, servicenow.Posting{
			Key: "replaced by " + st.Number, WorkNote: note, Set: s.tasks.Kind.Columns(servicenow.Cancelled),
		}, because(st.Subject)); err != nil {
			return err
		}
	}
	return nil
}

// put makes the task, once per key, and records what it asks.
func (s *Steps) put(ctx context.Context, st state, asked transfer, q question, key string) (opened, error) {
	u, err := s.okta.User(ctx, st.Mover.UserID)
	if err != nil {
		return opened{}, err
	}
	person, err := s.servicenow.PersonByEmployeeNumber(ctx, asked.EmployeeNumber)
	if fault.Retryable(err) {
		return opened{}, err
	}
	q.Person = person.SysID // unknown: nobody to keep from answering
	manager := asked.Manager
	if manager == "" && u.Profile.ManagerID != "" {
		now, err := s.servicenow.PersonByEmployeeNumber(ctx, u.Profile.ManagerID)
		if fault.Retryable(err) {
			return opened{}, err
		}
		manager = now.SysID
	}
	if q.Manager, err = s.inCharge(ctx, manager, q.Person); err != nil {
		return opened{}, err
	}
	due := entered(ctx).Add(s.settings.RecertificationWait)
	values := map[string]string{
		"correlation_display": servicenow.RecertificationMark, "parent": st.SysID, "due_date": due.Format(time.DateTime),
		"short_description": "Keep or revoke: access by exception after a change of role (" + st.Number + ")",
		"description":       s.text(q, u.Profile.Login, due),
	}
	if err := s.hand(ctx, values, q.Manager); err != nil {
		return opened{}, err
	}
	made, err := s.servicenow.CreateTask(ctx, servicenow.NewTask{Table: s.tasks.Kind.Table, Key: key, Values: values}, because(st.Subject))
	if err != nil {
		return opened{}, err
	}
	// Under the task's own stream, where whoever works on it looks.
	trail, _ := audit.TrailOf(ctx)
	trail.Stream, trail.Ticket = made.Ref.String(), made.Number
	_, err = s.ledger.Fact(audit.WithTrail(ctx, trail), audit.Change{
		System: "lifecycle", Verb: asksVerb, Target: made.Ref.String(), Subject: q.UserID, Reason: because(st.Subject), After: q,
	})
	return opened{Number: made.Number, Items: len(q.Items), Due: due}, err
}

// longestLine bounds the way up from a manager who has left.
const longestLine = 10

// inCharge is the first one who may answer, from the manager upwards: active, and
// not the person whom it is about. Empty when there is none.
func (s *Steps) inCharge(ctx context.Context, manager, about string) (string, error) {
	var seen []string
	for range longestLine {
		if manager == "" || slices.Contains(seen, manager) {
			return "", nil
		}
		person, err := s.servicenow.PersonBySysID(ctx, manager)
		if fault.Is[*fault.NotFound](err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if person.Active && !person.LockedOut && person.SysID != about {
			return person.SysID, nil
		}
		seen, manager = append(seen, manager), person.Manager
	}
	return "", nil
}

// hand names who is to answer: the person, or where there is none the group that
// handles what could not be done.
func (s *Steps) hand(ctx context.Context, values map[string]string, who string) error {
	if who != "" {
		values["assigned_to"] = who
		return nil
	}
	group, err := s.servicenow.GroupSysID(ctx, s.tasks.Kind.EscalationGroup)
	values["assigned_to"], values["assignment_group"] = "", group
	return err
}

// text is what the manager reads.
func (s *Steps) text(q question, login string, due time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (Okta user %s) has changed role (%s). The rules of the new role do not give the access below; it is kept by exception until you decide.\n\n", login, q.UserID, q.Ticket)
	for _, i := range q.Items {
		fmt.Fprintf(&b, "%d. %s %s: %s\n", i.N, i.Kind, i.Name, i.Text)
	}
	fmt.Fprintf(&b, "\nWrite one line for each into the closing notes, such as\n1 keep\n%d revoke\nor \"all keep\" or \"all revoke\", and close this task by %s. Without an answer it then goes to your own manager, who has %s; after that, what nobody has decided about is %s.",
		len(q.Items), moment(due), span(s.settings.EscalationWait), s.consequence())
	return b.String()
}

// consequence says what becomes of access that nobody decides about.
func (s *Steps) consequence() string {
	if s.settings.Unanswered == decision.Keep {
		return "kept"
	}
	return "revoked"
}

// about is the reason of what a recertification changes.
func about(task workflow.Subject, q question) audit.Reason {
	return audit.Reason{Kind: "recertification", Ref: task.Number, Text: "after the change of role " + q.Ticket}
}
