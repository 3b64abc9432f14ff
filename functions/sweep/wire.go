package sweep

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

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
	AccessRequest    string `env:"ACCESS_REQUEST_STATE_MACHINE_ARN,required"`
	RoleChange       string `env:"ROLE_CHANGE_STATE_MACHINE_ARN,required"`
	Recertification  string `env:"RECERTIFICATION_STATE_MACHINE_ARN,required"`
	CredentialReset  string `env:"CREDENTIAL_RESET_STATE_MACHINE_ARN,required"`
	AccessReviewTask string `env:"ACCESS_REVIEW_TASK_STATE_MACHINE_ARN,required"`
	// OnboardingTickets and the others change what the tickets of these kinds
	// look like, as JSON; empty means the built-in kinds.
	OnboardingTickets      string `env:"ONBOARDING_TICKETS"`
	OffboardingTickets     string `env:"OFFBOARDING_TICKETS"`
	AccessRequestTickets   string `env:"ACCESS_REQUEST_TICKETS"`
	RoleChangeTickets      string `env:"ROLE_CHANGE_TICKETS"`
	RecertificationTickets string `env:"RECERTIFICATION_TICKETS"`
	CredentialResetTickets string `env:"CREDENTIAL_RESET_TICKETS"`
	AccessReviewTickets    string `env:"ACCESS_REVIEW_TICKETS"`
}

// processes are the kinds of ticket that are looked after, leavers first: their
// access is what must not stay.
func (c config) processes(store *idempotency.Store, client *sfn.Client) ([]process, error) {
	var list []process
	for _, p := range []struct {
		kind                         servicenow.Kind
		variable, overrides, machine string
	}{
		{servicenow.OffboardingKind(), "OFFBOARDING_TICKETS", c.OffboardingTickets, c.Offboarding},
		{servicenow.OnboardingKind(), "ONBOARDING_TICKETS", c.OnboardingTickets, c.Onboarding},
		{servicenow.AccessRequestKind(), "ACCESS_REQUEST_TICKETS", c.AccessRequestTickets, c.AccessRequest},
		{servicenow.RoleChangeKind(), "ROLE_CHANGE_TICKETS", c.RoleChangeTickets, c.RoleChange},
		{servicenow.RecertificationKind(), "RECERTIFICATION_TICKETS", c.RecertificationTickets, c.Recertification},
		{servicenow.CredentialResetKind(), "CREDENTIAL_RESET_TICKETS", c.CredentialResetTickets, c.CredentialReset},
		{servicenow.AccessReviewKind(), "ACCESS_REVIEW_TICKETS", c.AccessReviewTickets, c.AccessReviewTask},
	} {
		kind, err := p.kind.With([]byte(p.overrides))
		if err != nil {
			return nil, fmt.Errorf("the environment variable %s: %w", p.variable, err)
		}
		list = append(list, process{kind: kind, starter: event.NewStarter(store, client, p.machine)})
	}
	return list, nil
}

// NewSweep wires the scheduled function.
func NewSweep(_ context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	c, err := platform.Config[config](cloud)
	if err != nil {
		return nil, err
	}
	store := idempotency.New(cloud.DynamoDB, c.IdempotencyTable)
	processes, err := c.processes(store, cloud.SFN)
	if err != nil {
		return nil, err
	}
	s := &Sweep{
		connect: func(ctx context.Context) (tickets, error) { return connect(ctx, cloud, c) },
		custody: store, executions: cloud.SFN, metrics: cloud.Metrics,
		gate: guard.NewSwitch(cloud.DynamoDB, c.ControlTable), processes: processes,
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
