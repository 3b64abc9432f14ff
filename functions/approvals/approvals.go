// Package approvals hands decisions that were taken in ServiceNow to the
// executions that wait for them.
//
// The approval webhook names one approval record; it is read from ServiceNow,
// and when it is decided the waiting execution is resumed with its task token.
// Webhooks get lost, so a schedule does the same every few minutes for every
// approval that somebody waits for. A token that is stale, unknown or used is
// harmless.
package approvals

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/approval"
	"lifecycle/shared/platform"
	"lifecycle/shared/workflow"
)

// Steps settles approvals.
type Steps struct{ desk *approval.Desk }

// settled is the result of both steps.
type settled struct {
	// Settled counts the waits that were resumed.
	Settled int `json:"settled"`
}

// SettleApproval reads one approval and resumes who waits for it.
func (s *Steps) SettleApproval(ctx context.Context, subject workflow.Subject) (settled, error) {
	done, err := s.desk.Settle(ctx, subject.SysID)
	if err != nil || !done.Resumed {
		return settled{}, err
	}
	return settled{Settled: 1}, nil
}

// ReconcileApprovals does it for all.
func (s *Steps) ReconcileApprovals(ctx context.Context, _ workflow.Subject) (settled, error) {
	n, err := s.desk.Reconcile(ctx)
	return settled{Settled: n}, err
}

// NewSteps wires the steps function of the approvals.
func NewSteps(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	parts, err := workflow.AssembleTickets(ctx, cloud)
	if err != nil {
		return nil, err
	}
	steps := &Steps{desk: approval.NewDesk(cloud.DynamoDB, parts.Config.ApprovalsTable, parts.ServiceNow, cloud.SFN)}
	table := workflow.NewSteps("approvals", cloud.Metrics).Recorded(parts.Ledger)
	workflow.Add(table, "SettleApproval", steps.SettleApproval)
	workflow.Add(table, "ReconcileApprovals", steps.ReconcileApprovals)
	return lambda.NewHandler(table.Handle), nil
}
