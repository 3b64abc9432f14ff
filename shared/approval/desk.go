package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
)

// executions is the part of the Step Functions client that the desk needs.
type executions interface {
	SendTaskSuccess(ctx context.Context, in *sfn.SendTaskSuccessInput, o ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error)
}

// Desk opens and settles approvals. It is safe for concurrent use.
type Desk struct {
	store      store
	servicenow *servicenow.Client
	executions executions
}

// NewDesk returns the desk whose waiting approvals are kept in the table.
func NewDesk(client *dynamodb.Client, table string, sn *servicenow.Client, executions *sfn.Client) *Desk {
	return &Desk{store: store{client, table}, servicenow: sn, executions: executions}
}

// Ask is a question to a group, or to a panel.
type Ask struct {
	// Ticket is what the question is about.
	Ticket servicenow.Ref
	// Key names the question. It has to be another one each time a state is
	// entered anew, and the same for the retries of one visit: an answer, once
	// given, holds for its key for good.
	Key string
	// Group is the name of the ServiceNow group whose members are asked; the first
	// of them to answer decides.
	Group string
	// Seats, in the place of Group, are who is asked as things stand now: a later
	// call with the same key may bring other people. With All each seat has to be
	// filled by a yes; otherwise the first answer decides.
	Seats []Seat
	All   bool
	// Exclude are the sys_ids of people who must not decide: requester,
	// beneficiary. Empty ones are ignored.
	Exclude []string
	// Subject and Text are what the approver and the ticket's readers are told,
	// without personal data.
	Subject, Text string
	// Expires is when the waiting state gives up.
	Expires time.Time
	// Token resumes the waiting state; Execution is its execution's ARN.
	Token, Execution string
}

// Opened is what came of Open.
type Opened struct {
	// Approvals are the sys_ids of the approval records.
	Approvals []string
	// Resumed is true when the question was answered already and the waiting
	// state has been resumed.
	Resumed bool
}

// Decisions, as the waiting state gets them.
const (
	Approved = "approved"
	Rejected = "rejected"
	// Cancelled: the question was taken back, as when the ticket is cancelled,
	// or nobody who could decide is asked any more.
	Cancelled = "cancelled"
)

// Open asks the group, once per key, however often it is called; a later call
// brings the token of the state's later attempt. An answer that came meanwhile
// resumes the state at once.
//
// It is *fault.Invalid when no member of the group may decide, *fault.NotFound
// when there is no such group; otherwise what ServiceNow's or AWS's failure
// means.
func (d *Desk) Open(ctx context.Context, a Ask, why audit.Reason) (Opened, error) {
	if a.Key == "" || a.Token == "" || a.Expires.IsZero() {
		return Opened{}, &fault.Invalid{Message: "an approval of " + a.Ticket.String() + " was asked for without a key, a task token or an end"}
	}
	q, err := d.begin(ctx, a, why)
	if err != nil {
		return Opened{}, err
	}
	if q.Decision == "" {
		before := q.Approvers
		if q, err = d.seat(ctx, q, a); err != nil {
			return Opened{}, err
		}
		if q, err = d.ask(ctx, q, a, why); err != nil {
			return Opened{}, err
		}
		if err := d.release(ctx, q, before); err != nil {
			return Opened{}, err
		}
	}
	if q.Decision != "" {
		// Answered before this attempt's token was known.
		q.Token = a.Token
		resumed, err := d.resume(ctx, q)
		return Opened{Approvals: q.Approvals, Resumed: resumed}, err
	}
	resumed, err := d.settle(ctx, q)
	return Opened{Approvals: q.Approvals, Resumed: resumed}, err
}

// begin finds the question under its key or makes it: which members of a group
// are asked is fixed then, whoever joins or leaves it later.
func (d *Desk) begin(ctx context.Context, a Ask, why audit.Reason) (question, error) {
	q, found, err := d.store.question(ctx, questionKey(a.Key))
	if err != nil || found {
		return q, err
	}
	approvers, excluded, err := d.eligible(ctx, a)
	if err != nil {
		return question{}, err
	}
	return d.store.add(ctx, question{
		PK: questionKey(a.Key), Waiting: waiting, Began: stamp(time.Now()), Expires: stamp(a.Expires),
		Table: a.Ticket.Table, SysID: a.Ticket.SysID, Execution: a.Execution, Token: a.Token,
		Approvers: approvers, Excluded: excluded, Seats: a.Seats, All: a.All, Reason: why,
	})
}

// eligible are those who may be asked, and those who must not decide.
func (d *Desk) eligible(ctx context.Context, a Ask) (approvers, excluded []string, err error) {
	excluded = slices.DeleteFunc(slices.Clone(a.Exclude), func(id string) bool { return id == "" })
	if len(a.Seats) > 0 {
		return peopleOf(a.Seats), excluded, complete(a, excluded)
	}
	group, err := d.servicenow.GroupSysID(ctx, a.Group)
	if err != nil {
		return nil, nil, err
	}
	members, err := d.servicenow.GroupMembers(ctx, group)
	if err != nil {
		return nil, nil, err
	}
	approvers = slices.DeleteFunc(members, func(id string) bool { return slices.Contains(excluded, id) })
	if len(approvers) == 0 {
		return nil, nil, &fault.Invalid{Message: fmt.Sprintf(
			"nobody can decide about %s: the group %q has no active member besides those whom the request concerns. Add a member", a.Ticket, a.Group)}
	}
	return approvers, excluded, nil
}

// ask makes the approval records and stores the token under each.
func (d *Desk) ask(ctx context.Context, q question, a Ask, why audit.Reason) (question, error) {
	text := strings.TrimSpace(a.Subject + "\n" + a.Text)
	approvals := q.Approvals
	for _, approver := range q.Approvers {
		id, err := d.servicenow.CreateApproval(ctx, servicenow.ApprovalRequest{
			Ticket: a.Ticket, Approver: approver, Key: a.Key + q.again[approver], Text: text, Due: a.Expires,
		}, why)
		if err != nil {
			return question{}, err
		}
		if err := d.store.point(ctx, id, q.PK); err != nil {
			return question{}, err
		}
		if !slices.Contains(approvals, id) {
			approvals = append(approvals, id)
		}
	}
	note := fmt.Sprintf("%s\nWaiting until %s for %s.", text, a.Expires.UTC().Format("2 January 2006 15:04 UTC"), a.awaited(len(approvals)))
	if err := d.servicenow.Post(ctx, a.Ticket, servicenow.Posting{Key: a.Key + "/asked", WorkNote: note}, why); err != nil {
		return question{}, err
	}
	q.Approvals, q.Token, q.Execution, q.Expires = approvals, a.Token, a.Execution, stamp(a.Expires)
	return d.store.opened(ctx, q)
}

// Settled is what came of Settle.
type Settled struct {
	// Resumed is true when a waiting execution was resumed by this call.
	Resumed bool
}

// Settle reads what became of the question that the approval record belongs to,
// and resumes whoever waits when it is decided. A record that nobody waits for,
// or not yet, changes nothing.
func (d *Desk) Settle(ctx context.Context, approvalSysID string) (Settled, error) {
	key, found, err := d.store.pointed(ctx, approvalSysID)
	if err != nil || !found {
		return Settled{}, err
	}
	q, found, err := d.store.question(ctx, key)
	if err != nil || !found {
		return Settled{}, err
	}
	resumed, err := d.settle(ctx, q)
	return Settled{Resumed: resumed}, err
}

// Reconcile settles every question that is waited for, and counts the executions
// it resumed. What fails for one question does not keep it from the others,
// unless ServiceNow's limit is reached; the errors come joined.
func (d *Desk) Reconcile(ctx context.Context) (int, error) {
	keys, err := d.store.waiting(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	var failed []error
	for _, key := range keys {
		q, found, err := d.store.question(ctx, key)
		if err == nil && found {
			var resumed bool
			if resumed, err = d.settle(ctx, q); resumed {
				n++
			}
		}
		if err != nil {
			failed = append(failed, err)
		}
		if fault.Is[*fault.Throttled](err) || ctx.Err() != nil {
			break
		}
	}
	return n, errors.Join(failed...)
}
