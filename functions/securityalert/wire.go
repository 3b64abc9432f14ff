package securityalert

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/guard"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// StepsConfig is what the steps need besides the parts of every use case.
type StepsConfig struct {
	Settings

	Table    string `env:"ALERTS_TABLE,required"`
	Machine  string `env:"ALERT_STATE_MACHINE_ARN,required"`
	RulesKey string `env:"ALERT_RULES_KEY"`
	Tickets  string `env:"ALERT_TICKETS"`
}

// NewSteps wires the steps function.
func NewSteps(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	config, err := platform.Config[StepsConfig](cloud)
	if err != nil {
		return nil, err
	}
	switch config.Containment {
	case enforce, shadow, off:
	default:
		return nil, &fault.Invalid{Message: "the environment variable ALERT_CONTAINMENT has to be enforce, shadow or off, not " + config.Containment}
	}
	kinds, err := newKinds(config.Tickets)
	if err != nil {
		return nil, err
	}
	parts, err := workflow.Assemble(ctx, cloud, "", kinds.plain)
	if err != nil {
		return nil, err
	}
	steps := &Steps{
		okta: parts.Okta, servicenow: parts.ServiceNow, ledger: parts.Ledger, protected: parts.Rules, seats: parts.Seats,
		rules:     detect.NewSource(cloud.S3, parts.Config.RulesBucket, config.RulesKey, cloud.Metrics),
		breaker:   guard.NewBreaker(cloud.DynamoDB, parts.Config.ControlTable),
		questions: approval.NewDesk(cloud.DynamoDB, parts.Config.ApprovalsTable, parts.ServiceNow, cloud.SFN),
		desk:      newDesk(cloud.SFN, store{cloud.DynamoDB, config.Table}, config.Machine),
		pager:     sns.NewFromConfig(cloud.AWS), kinds: kinds, links: newLinks(parts.Config.OktaURL, parts.Config.ServiceNowURL),
		settings: config.Settings,
	}
	table := workflow.NewSteps("securityalert", cloud.Metrics).Recorded(parts.Ledger)
	steps.Register(table)
	return lambda.NewHandler(table.Handle), nil
}

// NewIntake wires the function that takes in what a hook delivered.
func NewIntake(_ context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	intake, err := newIntake(cloud)
	if err != nil {
		return nil, err
	}
	table := workflow.NewSteps("securityalert-intake", cloud.Metrics)
	workflow.Add(table, "TakeDelivery", intake.TakeDelivery)
	return lambda.NewHandler(table.Handle), nil
}

// NewStream wires the function behind EventBridge.
func NewStream(_ context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	intake, err := newIntake(cloud)
	if err != nil {
		return nil, err
	}
	stream := &Stream{intake: intake}
	return lambda.NewHandler(stream.Handle), nil
}

// NewHook wires the function behind the event hook.
func NewHook(_ context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	config, err := platform.Config[HookConfig](cloud)
	if err != nil {
		return nil, err
	}
	hook := &Hook{
		secrets: cloud.Secrets, config: config, metrics: cloud.Metrics, sfn: cloud.SFN,
		rules:  detect.NewSource(cloud.S3, config.RulesBucket, config.RulesKey, cloud.Metrics),
		claims: idempotency.New(cloud.DynamoDB, config.IdempotencyTable),
		store:  store{cloud.DynamoDB, config.Table},
	}
	return lambda.NewHandler(hook.Handle), nil
}

// PollConfig is what the poller needs besides what every intake does.
type PollConfig struct {
	OktaURL      string  `env:"OKTA_ORG_URL,required"`
	OktaSecret   string  `env:"OKTA_SECRET_ID,required"`
	OktaShare    float64 `env:"OKTA_LIMIT_SHARE" envDefault:"0.92"`
	ControlTable string  `env:"CONTROL_TABLE,required"`
	LedgerTable  string  `env:"LEDGER_TABLE,required"`
}

// NewPoller wires the poller.
func NewPoller(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	config, err := platform.Config[PollConfig](cloud)
	if err != nil {
		return nil, err
	}
	intake, err := newIntake(cloud)
	if err != nil {
		return nil, err
	}
	credentials, err := cloud.Secrets.Value(ctx, config.OktaSecret)
	if err != nil {
		return nil, err
	}
	seats := ratelimit.New(cloud.DynamoDB, config.ControlTable, config.OktaShare)
	client, err := okta.New(ctx, okta.Options{
		URL: config.OktaURL, Credentials: credentials, Transport: cloud.Transport, Seats: seats,
		Ledger: audit.New(cloud.DynamoDB, config.LedgerTable), // the client wants one; the poller changes nothing
	})
	if err != nil {
		return nil, err
	}
	poller := &Poller{okta: client, seats: seats, intake: intake, store: intake.desk.store, metrics: cloud.Metrics}
	return lambda.NewHandler(poller.Handle), nil
}
