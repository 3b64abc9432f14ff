package sweep

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/audit"
	"lifecycle/shared/event"
	"lifecycle/shared/guard"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
)

// config is the configuration of the sweep.
type config struct {
	ServiceNowURL    string `env:"SERVICENOW_URL,required"`
	ServiceNowSecret string `env:"SERVICENOW_SECRET_ID,required"`
	IdempotencyTable string `env:"IDEMPOTENCY_TABLE,required"`
	LedgerTable      string `env:"LEDGER_TABLE,required"`
	ControlTable     string `env:"CONTROL_TABLE,required"`
	Onboarding       string `env:"ONBOARDING_STATE_MACHINE_ARN,required"`
	Offboarding      string `env:"OFFBOARDING_STATE_MACHINE_ARN,required"`
	// OnboardingTickets and OffboardingTickets change what the tickets of these
	// kinds look like, as JSON; empty means the built-in kinds.
	OnboardingTickets  string `env:"ONBOARDING_TICKETS"`
	OffboardingTickets string `env:"OFFBOARDING_TICKETS"`
}

// NewSweep wires the scheduled function.
func NewSweep(_ context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	c, err := platform.Config[config](cloud)
	if err != nil {
		return nil, err
	}
	onboarding, err := servicenow.OnboardingKind().With([]byte(c.OnboardingTickets))
	if err != nil {
		return nil, fmt.Errorf("the environment variable ONBOARDING_TICKETS: %w", err)
	}
	offboarding, err := servicenow.OffboardingKind().With([]byte(c.OffboardingTickets))
	if err != nil {
		return nil, fmt.Errorf("the environment variable OFFBOARDING_TICKETS: %w", err)
	}
	store := idempotency.New(cloud.DynamoDB, c.IdempotencyTable)
	s := &Sweep{
		connect: func(ctx context.Context) (tickets, error) { return connect(ctx, cloud, c) },
		custody: store, executions: cloud.SFN, metrics: cloud.Metrics,
		gate: guard.NewSwitch(cloud.DynamoDB, c.ControlTable),
		// Leavers first: their access is what must not stay.
		processes: []process{
			{kind: offboarding, starter: event.NewStarter(store, cloud.SFN, c.Offboarding)},
			{kind: onboarding, starter: event.NewStarter(store, cloud.SFN, c.Onboarding)},
		},
	}
	return lambda.NewHandler(s.Run), nil
}

func connect(ctx context.Context, cloud *platform.Cloud, c config) (tickets, error) {
	credentials, err := cloud.Secrets.Value(ctx, c.ServiceNowSecret)
	if err != nil {
		return nil, err
	}
	return servicenow.New(servicenow.Options{
		URL: c.ServiceNowURL, Credentials: credentials, Transport: cloud.Transport,
		// The sweep writes nothing, and may not write to the ledger's table.
		Ledger: audit.New(cloud.DynamoDB, c.LedgerTable),
	})
}
