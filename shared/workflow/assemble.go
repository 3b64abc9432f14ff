package workflow

import (
	"context"
	"fmt"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/guard"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
)

// TicketConfig is the configuration of every function that talks to ServiceNow.
type TicketConfig struct {
	ServiceNowURL    string `env:"SERVICENOW_URL,required"`
	ServiceNowSecret string `env:"SERVICENOW_SECRET_ID,required"`
	ServiceNowUser   string `env:"SERVICENOW_USER"`
	LedgerTable      string `env:"LEDGER_TABLE,required"`
	IdempotencyTable string `env:"IDEMPOTENCY_TABLE,required"`
	ControlTable     string `env:"CONTROL_TABLE,required"`
	ApprovalsTable   string `env:"APPROVALS_TABLE,required"`
}

// StepsConfig is the configuration of every steps function that talks to Okta
// too.
type StepsConfig struct {
	TicketConfig
	OktaURL     string  `env:"OKTA_ORG_URL,required"`
	OktaSecret  string  `env:"OKTA_SECRET_ID,required"`
	OktaShare   float64 `env:"OKTA_LIMIT_SHARE" envDefault:"0.92"`
	RulesBucket string  `env:"RULES_BUCKET,required"`
	RulesKey    string  `env:"RULES_KEY,required"`
	LeasesTable string  `env:"LEASES_TABLE,required"`
}

// TicketParts are what a function works with that talks to ServiceNow only.
type TicketParts struct {
	Config     TicketConfig
	Ledger     *audit.Ledger
	ServiceNow *servicenow.Client
}

// Parts are what a function works with that talks to both systems.
type Parts struct {
	Config     StepsConfig
	Ledger     *audit.Ledger
	ServiceNow *servicenow.Client
	Tickets    *Tickets
	Okta       *okta.Client
	Seats      *ratelimit.Seats
	Rules      *entitlement.Source
	Leases     *lease.Register
}

// AssembleTickets builds the parts of a function that talks to ServiceNow only.
// Its error names everything that is missing in the environment.
func AssembleTickets(ctx context.Context, cloud *platform.Cloud) (TicketParts, error) {
	config, err := platform.Config[TicketConfig](cloud)
	if err != nil {
		return TicketParts{}, err
	}
	return ticketParts(ctx, cloud, config)
}

// Assemble builds the parts of a function that talks to both systems. The
// tickets it works on are of the kind fallback, changed by the JSON in the
// environment variable kindVariable where that is set.
func Assemble(ctx context.Context, cloud *platform.Cloud, kindVariable string, fallback servicenow.Kind) (Parts, error) {
	config, err := platform.Config[StepsConfig](cloud)
	if err != nil {
		return Parts{}, err
	}
	kind, err := fallback.With([]byte(cloud.Env[kindVariable]))
	if err != nil {
		return Parts{}, fmt.Errorf("the environment variable %s: %w", kindVariable, err)
	}
	tickets, err := ticketParts(ctx, cloud, config.TicketConfig)
	if err != nil {
		return Parts{}, err
	}
	seats := ratelimit.New(cloud.DynamoDB, config.ControlTable, config.OktaShare)
	credentials, err := cloud.Secrets.Value(ctx, config.OktaSecret)
	if err != nil {
		return Parts{}, err
	}
	client, err := okta.New(ctx, okta.Options{
		URL: config.OktaURL, Credentials: credentials, Transport: cloud.Transport, Ledger: tickets.Ledger, Seats: seats,
	})
	if err != nil {
		return Parts{}, err
	}
	custodian := NewCustodian(idempotency.New(cloud.DynamoDB, config.IdempotencyTable), cloud.SFN)
	return Parts{
		Config: config, Ledger: tickets.Ledger, ServiceNow: tickets.ServiceNow,
		Tickets: NewTickets(kind, tickets.ServiceNow, custodian), Okta: client, Seats: seats,
		Rules: entitlement.NewSource(cloud.S3, config.RulesBucket, config.RulesKey, entitlement.OnProblem(func(context.Context, error) {
			cloud.Metrics.Count("RulesNotRenewed", 1, "Rules", config.RulesKey)
		})),
		Leases: lease.New(cloud.DynamoDB, config.LeasesTable, tickets.Ledger),
	}, nil
}

func ticketParts(ctx context.Context, cloud *platform.Cloud, config TicketConfig) (TicketParts, error) {
	ledger := audit.New(cloud.DynamoDB, config.LedgerTable, audit.WithGate(guard.NewSwitch(cloud.DynamoDB, config.ControlTable)))
	credentials, err := cloud.Secrets.Value(ctx, config.ServiceNowSecret)
	if err != nil {
		return TicketParts{}, err
	}
	client, err := servicenow.New(servicenow.Options{
		URL: config.ServiceNowURL, Credentials: credentials, User: config.ServiceNowUser, Transport: cloud.Transport, Ledger: ledger,
	})
	return TicketParts{Config: config, Ledger: ledger, ServiceNow: client}, err
}
