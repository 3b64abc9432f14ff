package event

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/idempotency"
	"lifecycle/shared/platform"
)

// TriggerConfig is the configuration of a trigger.
type TriggerConfig struct {
	// WebhookSecret names the secret that holds the signing key.
	WebhookSecret    string `env:"WEBHOOK_SECRET_ID,required"`
	IdempotencyTable string `env:"IDEMPOTENCY_TABLE,required"`
	StateMachine     string `env:"STATE_MACHINE_ARN,required"`
	// Tables are the ServiceNow tables whose records may be named, separated by
	// commas.
	Tables []string `env:"ALLOWED_TABLES,required"`
}

// NewTrigger wires a trigger: the body of the main of every webhook's function.
func NewTrigger(_ context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	config, err := platform.Config[TriggerConfig](cloud)
	if err != nil {
		return nil, err
	}
	trigger := &Trigger{
		verifier: verifier{secrets: cloud.Secrets, secret: config.WebhookSecret},
		starter:  NewStarter(idempotency.New(cloud.DynamoDB, config.IdempotencyTable), cloud.SFN, config.StateMachine),
		tables:   config.Tables,
		metrics:  cloud.Metrics,
	}
	return lambda.NewHandler(trigger.Handle), nil
}
