package audit

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	ledger "lifecycle/shared/audit"
	"lifecycle/shared/platform"
)

// config is the configuration of both functions.
type config struct {
	LedgerTable   string `env:"LEDGER_TABLE,required"`
	LedgerArchive string `env:"LEDGER_ARCHIVE,required"`
}

// NewArchiver wires the function that the ledger's stream feeds.
func NewArchiver(_ context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	c, err := platform.Config[config](cloud)
	if err != nil {
		return nil, err
	}
	a := &Archiver{ledger: ledger.New(cloud.DynamoDB, c.LedgerTable), vault: NewVault(cloud.S3, c.LedgerArchive), metrics: cloud.Metrics}
	return lambda.NewHandler(a.Handle), nil
}

// NewAPI wires the function behind the HTTP API.
func NewAPI(_ context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	c, err := platform.Config[config](cloud)
	if err != nil {
		return nil, err
	}
	return lambda.NewHandler(New(ledger.New(cloud.DynamoDB, c.LedgerTable), NewVault(cloud.S3, c.LedgerArchive)).Handle), nil
}
