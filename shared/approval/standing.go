package approval

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
)

// Expired is the decision of a question that nobody answered in time. The
// waiting state has ended by its own timeout.
const Expired = "expired"

// Standing is how a question stands.
type Standing struct {
	// Asked is false when there is no such question yet.
	Asked bool
	// Decision is empty while it is open, and then stays what it is.
	Decision string
	// Votes are the answers that a decision rests on, in the order they came.
	Votes []Vote
	// Pending are the sys_ids of those who are asked and have not answered.
	Pending []string
	// Began is when the question was first asked, Expires when it ends.
	Began, Expires time.Time
	// Reminded and Escalated are when Remind and Escalate were called; zero:
	// never.
	Reminded, Escalated time.Time
}

// Standing reads how a question stands, and settles it first, as Settle does:
// whoever asks does not depend on any webhook.
func (d *Desk) Standing(ctx context.Context, key string) (Standing, error) {
	q, found, err := d.store.question(ctx, questionKey(key))
	if err != nil || !found {
		return Standing{}, err
	}
	if q.Decision == "" {
		if _, err := d.settle(ctx, q); err != nil {
			return Standing{}, err
		}
		if q, _, err = d.store.question(ctx, q.PK); err != nil {
			return Standing{}, err
		}
	}
	s := Standing{
		Asked: true, Decision: q.Decision, Votes: q.Votes,
		Began: moment(q.Began), Expires: q.expires(), Reminded: moment(q.Reminded), Escalated: moment(q.Escalated),
	}
	if q.Decision != "" {
		return s, nil
	}
	pending, err := d.pending(ctx, q)
	for _, r := range pending {
		s.Pending = append(s.Pending, r.Approver)
	}
	return s, err
}

// pending are the records that wait for an answer that would count.
func (d *Desk) pending(ctx context.Context, q question) ([]servicenow.Approval, error) {
	records, err := d.records(ctx, q)
	return slices.DeleteFunc(records, func(r servicenow.Approval) bool {
		return !r.Open() || !slices.Contains(q.Approvers, r.Approver)
	}), err
}

// Remind tells everybody who has not answered, once per question, and the
// ticket. An instance lets only an approver, or who has the role
// approval_admin, write to an approval: without it the approvers are put on the
// ticket's work notes list and read it there.
func (d *Desk) Remind(ctx context.Context, key, note string, why audit.Reason) error {
	q, found, err := d.store.question(ctx, questionKey(key))
	if err != nil || !found || q.Decision != "" {
		return err
	}
	pending, err := d.pending(ctx, q)
	if err != nil {
		return err
	}
	var unreached []string
	for _, r := range pending {
		err := d.servicenow.Post(ctx, r.Ref(), servicenow.Posting{Key: key + "/reminder", Comment: note}, why)
		if fault.Is[*fault.Denied](err) {
			unreached = append(unreached, r.Approver)
		} else if err != nil {
			return err
		}
	}
	posting := servicenow.Posting{Key: key + "/reminder", WorkNote: note}
	if len(unreached) > 0 {
		posting.Set = map[string]string{"work_notes_list": strings.Join(unreached, ",")}
	}
	if err := d.servicenow.Post(ctx, q.ticket(), posting, why); err != nil {
		return err
	}
	return d.store.mark(ctx, q, "reminded", time.Now())
}

// Escalate notes that the question has been escalated; the next Open brings
// those who are asked besides.
func (d *Desk) Escalate(ctx context.Context, key string) error {
	q, found, err := d.store.question(ctx, questionKey(key))
	if err != nil || !found || q.Decision != "" {
		return err
	}
	return d.store.mark(ctx, q, "escalated", time.Now())
}

// Withdraw takes back every open question about a ticket, except those with the
// keys to keep, because what it asks for has changed or ended, and counts them. An
// answer that comes later changes nothing.
func (d *Desk) Withdraw(ctx context.Context, ticket servicenow.Ref, keep ...string) (n int, err error) {
	records, err := d.servicenow.ApprovalsOf(ctx, ticket)
	if err != nil {
		return 0, err
	}
	var failed []error
	seen := map[string]bool{}
	for _, key := range keep {
		seen[questionKey(key)] = true
	}
	for _, r := range records {
		key, found, err := d.store.pointed(ctx, r.SysID)
		if err != nil {
			return n, err
		}
		if !found || seen[key] {
			continue
		}
		seen[key] = true
		taken, err := d.takeBack(ctx, key)
		if taken {
			n++
		}
		failed = append(failed, err)
	}
	return n, errors.Join(failed...)
}

func (d *Desk) takeBack(ctx context.Context, key string) (taken bool, err error) {
	q, found, err := d.store.question(ctx, key)
	if err != nil || !found || q.Waiting == "" {
		return false, err
	}
	if q.Decision == "" {
		if q, err = d.store.decided(ctx, q, verdictOf{decision: Cancelled}); err != nil {
			return false, err
		}
	}
	_, err = d.settle(ctx, q)
	return true, err
}
