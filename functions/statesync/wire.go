package statesync

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/event"
	"lifecycle/shared/fault"
	"lifecycle/shared/guard"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// shelfConfig names the synchronisation's own table.
type shelfConfig struct {
	Table string `env:"STATE_SYNC_TABLE,required"`
}

// NewSteps wires the steps function of the state sync and of the comparison.
func NewSteps(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	settings, err := platform.Config[Settings](cloud)
	if err != nil {
		return nil, err
	}
	own, err := platform.Config[shelfConfig](cloud)
	if err != nil {
		return nil, err
	}
	policy, err := ParsePolicy([]byte(settings.Policy))
	if err != nil {
		return nil, fmt.Errorf("the environment variable STATE_SYNC_POLICY: %w", err)
	}
	leavers, err := servicenow.OffboardingKind().With([]byte(cloud.Env["OFFBOARDING_TICKETS"]))
	if err != nil {
		return nil, fmt.Errorf("the environment variable OFFBOARDING_TICKETS: %w", err)
	}
	parts, err := workflow.Assemble(ctx, cloud, "ACCESS_REQUEST_TICKETS", servicenow.AccessRequestKind())
	if err != nil {
		return nil, err
	}
	if len(parts.Tickets.Kind.Columns(servicenow.Cancelled)) == 0 {
		return nil, fmt.Errorf("the environment variable ACCESS_REQUEST_TICKETS: %w", &fault.Invalid{
			Message: "the state cancelled needs a value, because the requests of people who have left are closed with it"})
	}
	steps := &Steps{
		okta: parts.Okta, servicenow: parts.ServiceNow, tickets: parts.Tickets, rules: parts.Rules, ledger: parts.Ledger, seats: parts.Seats,
		desk:    approval.NewDesk(cloud.DynamoDB, parts.Config.ApprovalsTable, parts.ServiceNow, cloud.SFN),
		breaker: guard.NewBreaker(cloud.DynamoDB, parts.Config.ControlTable),
		shelf:   &shelf{cloud.DynamoDB, own.Table}, policy: policy, leavers: leavers, settings: settings,
	}
	table := workflow.NewSteps("statesync", cloud.Metrics).Recorded(parts.Ledger)
	steps.Register(table)
	return lambda.NewHandler(table.Handle), nil
}

// pollerConfig is the configuration of the poller.
type pollerConfig struct {
	Table            string  `env:"STATE_SYNC_TABLE,required"`
	OktaURL          string  `env:"OKTA_ORG_URL,required"`
	OktaSecret       string  `env:"OKTA_SECRET_ID,required"`
	OktaShare        float64 `env:"OKTA_LIMIT_SHARE" envDefault:"0.92"`
	LedgerTable      string  `env:"LEDGER_TABLE,required"`
	ControlTable     string  `env:"CONTROL_TABLE,required"`
	IdempotencyTable string  `env:"IDEMPOTENCY_TABLE,required"`
	StateMachine     string  `env:"STATE_MACHINE_ARN,required"`
}

// NewPoller wires the scheduled function that reads the System Log. It changes
// nothing in Okta.
func NewPoller(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	c, err := platform.Config[pollerConfig](cloud)
	if err != nil {
		return nil, err
	}
	credentials, err := cloud.Secrets.Value(ctx, c.OktaSecret)
	if err != nil {
		return nil, err
	}
	ledger := audit.New(cloud.DynamoDB, c.LedgerTable)
	seats := ratelimit.New(cloud.DynamoDB, c.ControlTable, c.OktaShare)
	client, err := okta.New(ctx, okta.Options{URL: c.OktaURL, Credentials: credentials, Transport: cloud.Transport, Ledger: ledger, Seats: seats})
	if err != nil {
		return nil, err
	}
	p := &Poller{
		okta: client, ledger: ledger, seats: seats, shelf: &shelf{cloud.DynamoDB, c.Table}, metrics: cloud.Metrics,
		starter: event.NewStarter(idempotency.New(cloud.DynamoDB, c.IdempotencyTable), cloud.SFN, c.StateMachine),
	}
	return lambda.NewHandler(p.Handle), nil
}
