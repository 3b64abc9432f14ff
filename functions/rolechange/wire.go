package rolechange

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/approval"
	"lifecycle/shared/decision"
	"lifecycle/shared/fault"
	"lifecycle/shared/guard"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// NewSteps wires the steps function of role changes and recertifications.
func NewSteps(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	settings, err := platform.Config[Settings](cloud)
	if err != nil {
		return nil, err
	}
	if settings.Unanswered != decision.Keep && settings.Unanswered != decision.Revoke {
		return nil, &fault.Invalid{Message: fmt.Sprintf("the environment variable ROLE_CHANGE_UNANSWERED is %q; it has to be %s or %s", settings.Unanswered, decision.Keep, decision.Revoke)}
	}
	parts, err := workflow.Assemble(ctx, cloud, "ROLE_CHANGE_TICKETS", DefaultKind())
	if err != nil {
		return nil, err
	}
	tasks, err := TaskKind().With([]byte(cloud.Env["RECERTIFICATION_TICKETS"]))
	if err != nil {
		return nil, fmt.Errorf("the environment variable RECERTIFICATION_TICKETS: %w", err)
	}
	for variable, kind := range map[string]servicenow.Kind{"ROLE_CHANGE_TICKETS": parts.Tickets.Kind, "RECERTIFICATION_TICKETS": tasks} {
		if len(kind.Columns(servicenow.Cancelled)) == 0 {
			return nil, &fault.Invalid{Message: fmt.Sprintf("the environment variable %s: the state cancelled needs a value, because what a later ticket replaces is cancelled", variable)}
		}
	}
	store := idempotency.New(cloud.DynamoDB, parts.Config.IdempotencyTable)
	custodian := workflow.NewCustodian(store, cloud.SFN)
	steps := &Steps{
		okta: parts.Okta, servicenow: parts.ServiceNow, tickets: parts.Tickets, tasks: workflow.NewTickets(tasks, parts.ServiceNow, custodian),
		custodian: custodian, turns: workflow.NewTurns(store, custodian), rules: parts.Rules, ledger: parts.Ledger, leases: parts.Leases,
		seats: parts.Seats, breaker: guard.NewBreaker(cloud.DynamoDB, parts.Config.ControlTable), settings: settings,
		desk: approval.NewDesk(cloud.DynamoDB, parts.Config.ApprovalsTable, parts.ServiceNow, cloud.SFN),
	}
	table := workflow.NewSteps("rolechange", cloud.Metrics).Recorded(parts.Ledger)
	steps.Register(table)
	return lambda.NewHandler(table.Handle), nil
}
