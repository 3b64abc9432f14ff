package offboarding

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/approval"
	"lifecycle/shared/guard"
	"lifecycle/shared/platform"
	"lifecycle/shared/workflow"
)

// NewSteps wires the steps function of the offboarding.
func NewSteps(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	settings, err := platform.Config[Settings](cloud)
	if err != nil {
		return nil, err
	}
	parts, err := workflow.Assemble(ctx, cloud, "OFFBOARDING_TICKETS", DefaultKind())
	if err != nil {
		return nil, err
	}
	steps := &Steps{
		okta: parts.Okta, servicenow: parts.ServiceNow, tickets: parts.Tickets,
		rules: parts.Rules, ledger: parts.Ledger, leases: parts.Leases, seats: parts.Seats, settings: settings,
		breaker:    guard.NewBreaker(cloud.DynamoDB, parts.Config.ControlTable),
		desk:       approval.NewDesk(cloud.DynamoDB, parts.Config.ApprovalsTable, parts.ServiceNow, cloud.SFN),
		executions: cloud.SFN,
	}
	table := workflow.NewSteps("offboarding", cloud.Metrics).Recorded(parts.Ledger)
	steps.Register(table)
	return lambda.NewHandler(table.Handle), nil
}
