package approval

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
)

// settle carries a question as far as it can be: finds the decision, stores it,
// resumes the execution, withdraws the other records, and takes the question
// off the list of waiting ones, last, so that whatever fails before is done
// again by Reconcile.
func (d *Desk) settle(ctx context.Context, q question) (resumed bool, err error) {
	if q.Waiting == "" || len(q.Approvals) == 0 {
		return false, nil // settled before, or still being opened: Open looks itself when it is done
	}
	ctx = withTrail(ctx, q)
	records, err := d.records(ctx, q)
	if err != nil {
		return false, err
	}
	if q.Decision == "" {
		verdict, decided, err := d.verdict(ctx, q, records)
		switch {
		case err != nil:
			return false, err
		case !decided && time.Now().Before(q.expires()):
			return false, nil
		case !decided:
			verdict = verdictOf{decision: Expired}
		}
		if q, err = d.store.decided(ctx, q, verdict); err != nil {
			return false, err
		}
	}
	if q.Decision != Expired {
		if err := d.record(ctx, q, records); err != nil {
			return false, err
		}
		if resumed, err = d.resume(ctx, q); err != nil {
			return false, err
		}
	}
	if err := d.withdraw(ctx, q, records); err != nil {
		return resumed, err
	}
	return resumed, d.store.closed(ctx, q)
}

// records reads the approval records of the question. One that was deleted is
// missing.
func (d *Desk) records(ctx context.Context, q question) ([]servicenow.Approval, error) {
	all, err := d.servicenow.ApprovalsOf(ctx, q.ticket())
	return slices.DeleteFunc(all, func(a servicenow.Approval) bool { return !slices.Contains(q.Approvals, a.SysID) }), err
}

// verdictOf is a decision, who took it, and the answers it rests on.
type verdictOf struct {
	decision, by string
	votes        []Vote
}

// verdict finds the decision: a no decides, and a yes, unless every seat has to
// be filled. Where two answered in the same second, no outweighs yes.
func (d *Desk) verdict(ctx context.Context, q question, records []servicenow.Approval) (verdict verdictOf, decided bool, err error) {
	records = slices.SortedFunc(slices.Values(records), func(a, b servicenow.Approval) int {
		return cmp.Or(a.Updated.Compare(b.Updated), cmp.Compare(b.State, a.State), cmp.Compare(a.SysID, b.SysID))
	})
	var yes []Vote
	var open []string
	for _, r := range records {
		switch r.State {
		case servicenow.ApprovalApproved, servicenow.ApprovalRejected:
			void, err := d.void(ctx, q, r)
			if err != nil {
				return verdictOf{}, false, err
			}
			if void {
				continue
			}
			vote := Vote{Approval: r.SysID, By: r.Approver, At: r.Updated}
			if r.State == servicenow.ApprovalRejected {
				return verdictOf{Rejected, r.Approver, []Vote{vote}}, true, nil
			}
			if yes = append(yes, vote); !q.All || len(q.vacant(yes)) == 0 {
				return verdictOf{Approved, r.Approver, yes}, true, nil
			}
		case servicenow.ApprovalCancelled:
			verdict = verdictOf{decision: Cancelled, by: r.Approver}
		case servicenow.ApprovalNotRequired, servicenow.ApprovalSkipped:
		default:
			open = append(open, r.Approver)
		}
	}
	if verdict.decision != "" || q.hopeless(yes, open) {
		return verdictOf{decision: Cancelled, by: verdict.by}, true, nil
	}
	return verdictOf{}, false, nil
}

// void reports whether a decision does not count: it came when the time was over,
// the record was handed to somebody who is not asked, or whoever decided in the
// approver's place is one of those whom the request concerns.
func (d *Desk) void(ctx context.Context, q question, r servicenow.Approval) (bool, error) {
	if r.Updated.After(q.expires()) || !slices.Contains(q.Approvers, r.Approver) || slices.Contains(q.Excluded, r.Approver) {
		return true, nil
	}
	if len(q.Excluded) == 0 || r.UpdatedBy == "" {
		return false, nil
	}
	person, err := d.servicenow.PersonByUserName(ctx, r.UpdatedBy)
	if fault.Is[*fault.NotFound](err) { // "system", a job
		return false, nil
	}
	return slices.Contains(q.Excluded, person.SysID), err
}

// record notes the decision in the ledger before anything is done because of
// it. A crash may repeat the record; it never leaves it out.
func (d *Desk) record(ctx context.Context, q question, records []servicenow.Approval) error {
	for _, v := range q.Votes {
		vote := servicenow.Approval{SysID: v.Approval, Ticket: q.ticket(), Approver: v.By, State: servicenow.ApprovalState(q.Decision)}
		if err := d.servicenow.RecordDecision(ctx, vote, q.Reason); err != nil {
			return err
		}
	}
	if len(q.Votes) > 0 {
		return nil
	}
	decision := servicenow.Approval{Ticket: q.ticket(), Approver: q.By, State: servicenow.ApprovalState(q.Decision)}
	for _, r := range records {
		if r.Approver == q.By {
			decision.SysID = r.SysID
		}
	}
	return d.servicenow.RecordDecision(ctx, decision, q.Reason)
}

// resume hands the decision to the waiting execution. A token that is used,
// timed out or unknown is harmless: its state has ended, or a later attempt of
// it brings a new one to Open.
func (d *Desk) resume(ctx context.Context, q question) (resumed bool, err error) {
	output, err := json.Marshal(map[string]string{"decision": q.Decision, "by": q.By})
	if err != nil {
		return false, err
	}
	_, err = d.executions.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: aws.String(q.Token), Output: aws.String(string(output))})
	if err == nil || spent(err) {
		return err == nil, nil
	}
	return false, platform.AWSError("the execution that waits for the approval of "+q.ticket().String()+" could not be resumed", err)
}

func spent(err error) bool {
	var (
		timedOut *sfntypes.TaskTimedOut
		invalid  *sfntypes.InvalidToken
		unknown  *sfntypes.TaskDoesNotExist
	)
	return errors.As(err, &timedOut) || errors.As(err, &invalid) || errors.As(err, &unknown)
}

// withdraw takes back what nobody has answered. Without the right to, the
// questions stay, and answering them changes nothing.
func (d *Desk) withdraw(ctx context.Context, q question, records []servicenow.Approval) error {
	for _, r := range records {
		err := d.servicenow.WithdrawApproval(ctx, r.SysID, q.Reason)
		if fault.Is[*fault.Denied](err) {
			platform.Logger(ctx).WarnContext(ctx, "an approval could not be withdrawn", "approval", r.SysID, "error", err.Error())
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// withTrail records under the ticket, whoever settles its approval.
func withTrail(ctx context.Context, q question) context.Context {
	trail, _ := audit.TrailOf(ctx)
	trail.Stream = q.ticket().String()
	if trail.Actor == "" {
		trail.Actor = "system:approvals"
	}
	return audit.WithTrail(ctx, trail)
}
