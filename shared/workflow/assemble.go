package workflow

import (
	"context"
	"encoding/json"
	"fmt"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/guard"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
)

// TicketConfig is the configuration of every function that talks to ServiceNow.
type TicketConfig struct {
	ServiceNowURL    string `env:"SERVICENOW_URL,required"`
	ServiceNowSecret string `env:"SERVICENOW_SECRET_ID,required"`
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
}
