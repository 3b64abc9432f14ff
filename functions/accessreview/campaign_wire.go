package accessreview

import (
	"fmt"

	"lifecycle/shared/approval"
	"lifecycle/shared/fault"
	"lifecycle/shared/guard"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// newCampaign builds the steps that follow the findings, over the parts that the
// review itself works with.
func newCampaign(cloud *platform.Cloud, parts workflow.Parts, store *Store) (*Campaign, error) {
	settings, err := platform.Config[CampaignSettings](cloud)
	if err != nil {
		return nil, err
	}
	if err := settings.check(); err != nil {
		return nil, err
	}
	kind, err := servicenow.AccessReviewKind().With([]byte(cloud.Env["ACCESS_REVIEW_TICKETS"]))
	if err != nil {
		return nil, fmt.Errorf("the environment variable ACCESS_REVIEW_TICKETS: %w", err)
	}
	if len(kind.Columns(servicenow.Open)) == 0 || len(kind.Columns(servicenow.Resolved)) == 0 {
		return nil, &fault.Invalid{Message: "the environment variable ACCESS_REVIEW_TICKETS: the states open and resolved need a value, because tasks are opened again and closed"}
	}
	custodian := workflow.NewCustodian(idempotency.New(cloud.DynamoDB, parts.Config.IdempotencyTable), cloud.SFN)
	return &Campaign{
		store: store, okta: parts.Okta, servicenow: parts.ServiceNow, tasks: workflow.NewTickets(kind, parts.ServiceNow, custodian),
		custodian: custodian, rules: parts.Rules, ledger: parts.Ledger, leases: parts.Leases, seats: parts.Seats, settings: settings,
		breaker: guard.NewBreaker(cloud.DynamoDB, parts.Config.ControlTable),
		desk:    approval.NewDesk(cloud.DynamoDB, parts.Config.ApprovalsTable, parts.ServiceNow, cloud.SFN),
	}, nil
}
