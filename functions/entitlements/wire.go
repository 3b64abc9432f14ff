package entitlements

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/ratelimit"
)

// config is the configuration of a function that asks the rules.
type config struct {
	OktaURL      string  `env:"OKTA_ORG_URL,required"`
	OktaSecret   string  `env:"OKTA_SECRET_ID,required"`
	OktaShare    float64 `env:"OKTA_LIMIT_SHARE" envDefault:"0.92"`
	RulesBucket  string  `env:"RULES_BUCKET,required"`
	RulesKey     string  `env:"RULES_KEY,required"`
	LeasesTable  string  `env:"LEASES_TABLE,required"`
	ControlTable string  `env:"CONTROL_TABLE,required"`
	LedgerTable  string  `env:"LEDGER_TABLE,required"`
}

// New builds the service from a function's environment.
func New(ctx context.Context, cloud *platform.Cloud) (*Service, error) {
	c, err := platform.Config[config](cloud)
	if err != nil {
		return nil, err
	}
	credentials, err := cloud.Secrets.Value(ctx, c.OktaSecret)
	if err != nil {
		return nil, err
	}
	// Nothing is written, and the function may not write to the ledger's table.
	ledger := audit.New(cloud.DynamoDB, c.LedgerTable)
	seats := ratelimit.New(cloud.DynamoDB, c.ControlTable, c.OktaShare)
	client, err := okta.New(ctx, okta.Options{
		URL: c.OktaURL, Credentials: credentials, Transport: cloud.Transport, Ledger: ledger, Seats: seats,
	})
	if err != nil {
		return nil, err
	}
	return &Service{
		okta: client, leases: lease.New(cloud.DynamoDB, c.LeasesTable, ledger), seats: seats,
		rules: entitlement.NewSource(cloud.S3, c.RulesBucket, c.RulesKey),
	}, nil
}

// NewAPI wires the function behind the HTTP API.
func NewAPI(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	s, err := New(ctx, cloud)
	if err != nil {
		return nil, err
	}
	return lambda.NewHandler(s.Handle), nil
}
