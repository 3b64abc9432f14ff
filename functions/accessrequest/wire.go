package accessrequest

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/approval"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// NewSteps wires the steps function of access requests and of the sweep that
// ends what is past its time.
func NewSteps(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	settings, err := platform.Config[Settings](cloud)
	if err != nil {
		return nil, err
	}
	parts, err := workflow.Assemble(ctx, cloud, "ACCESS_REQUEST_TICKETS", DefaultKind())
	if err != nil {
		return nil, err
	}
	if len(parts.Tickets.Kind.Columns(servicenow.Cancelled)) == 0 {
		return nil, fmt.Errorf("the environment variable ACCESS_REQUEST_TICKETS: %w", &fault.Invalid{
			Message: "the state cancelled needs a value, because requests that nobody approves are closed with it"})
	}
	steps := &Steps{
		okta: parts.Okta, servicenow: parts.ServiceNow, tickets: parts.Tickets, rules: parts.Rules,
		ledger: parts.Ledger, leases: parts.Leases, seats: parts.Seats, settings: settings,
		desk: approval.NewDesk(cloud.DynamoDB, parts.Config.ApprovalsTable, parts.ServiceNow, cloud.SFN),
	}
	table := workflow.NewSteps("accessrequest", cloud.Metrics).Recorded(parts.Ledger)
	steps.Register(table)
	return lambda.NewHandler(table.Handle), nil
}
