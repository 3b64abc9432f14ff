package credentialreset

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/approval"
	"lifecycle/shared/guard"
	"lifecycle/shared/platform"
	"lifecycle/shared/workflow"
)

// policyVariable holds what differs from DefaultPolicy, as JSON.
const policyVariable = "CREDENTIAL_RESET_POLICY"

// NewSteps wires the steps function of the credential reset.
func NewSteps(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	policy, err := DefaultPolicy().With([]byte(cloud.Env[policyVariable]))
	if err != nil {
		return nil, fmt.Errorf("the environment variable %s: %w", policyVariable, err)
	}
	parts, err := workflow.Assemble(ctx, cloud, "CREDENTIAL_RESET_TICKETS", DefaultKind())
	if err != nil {
		return nil, err
	}
	steps := &Steps{
		okta: parts.Okta, servicenow: parts.ServiceNow, tickets: parts.Tickets,
		rules: parts.Rules, ledger: parts.Ledger, seats: parts.Seats, policy: policy,
		breaker: guard.NewBreaker(cloud.DynamoDB, parts.Config.ControlTable),
		desk:    approval.NewDesk(cloud.DynamoDB, parts.Config.ApprovalsTable, parts.ServiceNow, cloud.SFN),
	}
	table := workflow.NewSteps("credentialreset", cloud.Metrics).Recorded(parts.Ledger)
	steps.Register(table)
	return lambda.NewHandler(table.Handle), nil
}
