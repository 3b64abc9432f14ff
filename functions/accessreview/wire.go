package accessreview

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// storeConfig says where reviews are kept.
type storeConfig struct {
	Bucket string `env:"EVIDENCE_BUCKET,required"`
	Table  string `env:"REVIEWS_TABLE,required"`
}

// NewSteps wires the steps function of the access review and of its campaign.
func NewSteps(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	settings, err := platform.Config[Settings](cloud)
	if err != nil {
		return nil, err
	}
	places, err := platform.Config[storeConfig](cloud)
	if err != nil {
		return nil, err
	}
	parts, err := workflow.Assemble(ctx, cloud, "ACCESS_REQUEST_TICKETS", servicenow.AccessRequestKind())
	if err != nil {
		return nil, err
	}
	store := NewStore(cloud.S3, places.Bucket, cloud.DynamoDB, places.Table)
	steps := &Steps{
		okta: parts.Okta, servicenow: parts.ServiceNow, tickets: parts.Tickets, rules: &rulebook{source: objects{cloud.S3, parts.Config.RulesBucket}, key: parts.Config.RulesKey}, leases: parts.Leases, ledger: parts.Ledger,
		seats: parts.Seats, sfn: cloud.SFN, store: store, requests: parts.Tickets.Kind, settings: settings,
	}
	campaign, err := newCampaign(cloud, parts, store)
	if err != nil {
		return nil, err
	}
	table := workflow.NewSteps("accessreview", cloud.Metrics).Recorded(parts.Ledger)
	steps.register(table)
	campaign.Register(table)
	return lambda.NewHandler(table.Handle), nil
}
