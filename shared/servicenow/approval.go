package servicenow

import (
	"context"
	"fmt"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// ApprovalState is the state of an approval record.
type ApprovalState string

// The states of sysapproval_approver. Any other, such as "not requested", is as
// undecided as ApprovalRequested.
const (
	ApprovalRequested ApprovalState = "requested"
	ApprovalApproved  ApprovalState = "approved"
	ApprovalRejected  ApprovalState = "rejected"
	ApprovalCancelled ApprovalState = "cancelled"
	// ApprovalNotRequired and ApprovalSkipped: the question is withdrawn, by us,
	// because somebody else has decided, or because the ticket was cancelled.
	ApprovalNotRequired ApprovalState = "not_required"
	ApprovalSkipped     ApprovalState = "skipped"
)

// Approval is a question to one approver about a ticket.
type Approval struct {
	SysID  string
	Ticket Ref
	// Approver is the sys_id of who is asked.
	Approver string
	State    ApprovalState
	// UpdatedBy is the user name of who changed the record last: whoever
	// decided, which an administrator or a delegate can do in the approver's
	// place.
	UpdatedBy string
	// Updated is when that was, to the second.
	Updated time.Time
}

const approvals = "sysapproval_approver"

var approvalColumns = []string{aboutColumn, sourceColumn, askedColumn, stateColumn, "sys_updated_by", "sys_updated_on"}

func approvalOf(r row) Approval {
	return Approval{
		SysID: r[idColumn], Ticket: Ref{r[sourceColumn], r[aboutColumn]}, Approver: r[askedColumn],
		State: ApprovalState(r[stateColumn]), UpdatedBy: r["sys_updated_by"], Updated: r.moment("sys_updated_on"),
	}
}

// ApprovalRequest asks one person about a ticket.
type ApprovalRequest struct {
	Ticket Ref
	// Approver is the sys_id of who is asked.
	Approver string
	// Key tells this request from earlier ones about the same ticket.
	Key string
	// Text is what the approver reads.
	Text string
	// Due is shown to the approver; zero shows nothing.
	Due time.Time
}

// CreateApproval makes the approval record, once per key and approver, and
// returns its sys_id.
func (c *Client) CreateApproval(ctx context.Context, a ApprovalRequest, why audit.Reason) (sysID string, err error) {
	if err := a.Ticket.check(); err != nil {
		return "", err
	}
	if a.Key == "" || !sysIDShape.MatchString(a.Approver) {
		return "", &fault.Invalid{Message: "an approval of " + a.Ticket.String() + " was asked for without a key or an approver"}
	}
	key := a.Key + "/" + a.Approver
	values := map[string]string{
		aboutColumn: a.Ticket.SysID, sourceColumn: a.Ticket.Table, "document_id": a.Ticket.SysID,
		askedColumn: a.Approver, stateColumn: string(ApprovalRequested), publicNotes: marked(a.Text, key),
	}
	if !a.Due.IsZero() {
		values["due_date"] = a.Due.UTC().Format(time.DateTime)
	}
	effect, err := c.once(ctx, addition{
		change: audit.Change{
			System: system, Verb: "approval.request", Target: a.Ticket.String(), Reason: why, Key: key,
			After: map[string]any{askedColumn: a.Approver},
		},
		look: func(ctx context.Context) (bool, audit.Effect, error) {
			found, err := c.requested(ctx, a, key)
			return found != "", audit.Effect{After: map[string]any{askedColumn: a.Approver, idColumn: found}}, err
		},
		add: func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
			r, out, err := c.write(ctx, "ServiceNow: asking for approval of "+a.Ticket.String(), Ref{Table: approvals}, values, false, approvalColumns...)
			if err != nil {
				return audit.Effect{}, err
			}
			return audit.Effect{After: map[string]any{askedColumn: a.Approver, idColumn: r[idColumn]}, RequestID: out.requestID}, nil
		},
	})
	if err != nil {
		return "", err
	}
	kept, _ := effect.After.(map[string]any)
	if sysID, _ = kept[idColumn].(string); sysID == "" {
		return "", &fault.Conflict{Message: "the ledger does not say which approval of " + a.Ticket.String() + " was made"}
	}
	return sysID, nil
}

// requested looks for the approval that an earlier attempt made. Approval
// records have no correlation id; what tells ours from others about the same
// ticket is the reference in its comment.
func (c *Client) requested(ctx context.Context, a ApprovalRequest, key string) (sysID string, err error) {
	asked, err := c.ApprovalsOf(ctx, a.Ticket)
	if err != nil {
		return "", err
	}
	for _, candidate := range asked {
		if candidate.Approver != a.Approver {
			continue
		}
		ours, err := c.journalHolds(ctx, Ref{approvals, candidate.SysID}, key)
		if err != nil || ours {
			return candidate.SysID, err
		}
	}
	return "", nil
}

// Approval reads one approval; *fault.NotFound when there is none.
func (c *Client) Approval(ctx context.Context, sysID string) (Approval, error) {
	r, err := c.get(ctx, Ref{approvals, sysID}, approvalColumns)
	return approvalOf(r), err
}

// ApprovalsOf lists every approval that was ever asked for about a ticket. It is
// *fault.Denied when access rules hide some of them.
func (c *Client) ApprovalsOf(ctx context.Context, ticket Ref) ([]Approval, error) {
	if err := ticket.check(); err != nil {
		return nil, err
	}
	rows, err := c.all(ctx, listing{
		what: "ServiceNow: listing the approvals of " + ticket.String(), table: approvals, whole: true,
		q: query{{aboutColumn, equals, []string{ticket.SysID}}}, columns: approvalColumns,
	})
	list := make([]Approval, len(rows))
	for i, r := range rows {
		list[i] = approvalOf(r)
	}
	return list, err
}

// WithdrawApproval takes a question back that nobody has answered; one that is
// answered or withdrawn stays as it is. It needs the role approval_admin:
// without it the error is *fault.Denied, and the question stays on its
// approver's list, where answering it changes nothing.
func (c *Client) WithdrawApproval(ctx context.Context, sysID string, why audit.Reason) error {
	now, err := c.Approval(ctx, sysID)
	if fault.Is[*fault.NotFound](err) {
		return nil
	}
	if err != nil || now.State.ended() {
		return err
	}
	ref := Ref{approvals, sysID}
	change := audit.Change{
		System: system, Verb: "approval.withdraw", Target: ref.String(), Reason: why,
		Before: map[string]any{stateColumn: now.State}, After: map[string]any{stateColumn: ApprovalNotRequired},
	}
	return c.ledger.Do(ctx, change, func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
		r, out, err := c.write(ctx, "ServiceNow: withdrawing "+ref.String(), ref,
			map[string]string{stateColumn: string(ApprovalNotRequired)}, true, stateColumn)
		if err == nil && r[stateColumn] != string(ApprovalNotRequired) {
			err = &fault.Denied{Message: fmt.Sprintf("ServiceNow left %s in the state %s", ref, r[stateColumn])}
		}
		return audit.Effect{After: map[string]any{stateColumn: r[stateColumn]}, RequestID: out.requestID}, err
	})
}

// ended reports whether nobody is asked any more.
func (s ApprovalState) ended() bool {
	switch s {
	case ApprovalApproved, ApprovalRejected, ApprovalCancelled, ApprovalNotRequired, ApprovalSkipped:
		return true
	}
	return false
}

// RecordDecision notes in the ledger what an approver decided in ServiceNow.
func (c *Client) RecordDecision(ctx context.Context, decision Approval, why audit.Reason) error {
	target := Ref{approvals, decision.SysID}
	if decision.SysID == "" { // nobody in particular: the question was taken back
		target = decision.Ticket
	}
	_, err := c.ledger.Fact(ctx, audit.Change{
		System: system, Verb: "approval.decision", Target: target.String(), Reason: why,
		After: map[string]any{stateColumn: decision.State, askedColumn: decision.Approver, "ticket": decision.Ticket.String()},
	})
	return err
}
