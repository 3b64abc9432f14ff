package entitlements

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/lease"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// Steps are those of statemachines/rules-change.asl.json: a changed document is
// weighed, agreed to, published and carried out, as the plan that was looked at.
type Steps struct {
	*Service

	servicenow *servicenow.Client
	ledger     *audit.Ledger
	desk       *approval.Desk
	custodian  *workflow.Custodian
	shelf      shelf
	rulesKey   string
	settings   Settings
}

// Settings are those of a change of the rules, each from the environment variable
// named beside it.
type Settings struct {
	// RemovalLimit is how many grants, and LoserPercent what share of all people,
	// a change takes away from without a second person.
	RemovalLimit int     `env:"RULES_CHANGE_REMOVAL_LIMIT" envDefault:"20"`
	LoserPercent float64 `env:"RULES_CHANGE_LOSER_PERCENT" envDefault:"5"`
	// ApprovalGroup is the ServiceNow group that decides about more; ApprovalWait
	// is how long it has, Look how often it is looked at.
	ApprovalGroup string        `env:"RULES_CHANGE_APPROVAL_GROUP" envDefault:"IT Managers"`
	ApprovalWait  time.Duration `env:"RULES_CHANGE_APPROVAL_WAIT" envDefault:"72h"`
	Look          time.Duration `env:"RULES_CHANGE_LOOK" envDefault:"12h"`
	// Group is the ServiceNow group that the task of a change is with.
	Group string `env:"RULES_CHANGE_GROUP" envDefault:"Identity Operations"`
}

// changing is the data of the state machine.
type changing struct {
	workflow.Subject

	Task      task              `json:"task"`
	Change    weighed           `json:"change"`
	Risk      risk              `json:"risk"`
	Published published         `json:"published"`
	Seats     workflow.Seats    `json:"seats"`
	Progress  progress          `json:"progress"`
	Error     *workflow.Failure `json:"error"`
}

// Register adds the steps to the table, under the names of the states.
func (s *Steps) Register(table *workflow.Steps) {
	workflow.Add(table, "TakeTurn", s.TakeTurn)
	workflow.Add(table, "OpenTask", s.OpenTask)
	workflow.Add(table, "WeighChange", s.WeighChange)
	workflow.Add(table, "AssessChange", s.AssessChange)
	workflow.Add(table, "AskApproval", s.AskApproval)
	workflow.Add(table, "PublishRules", s.PublishRules)
	workflow.Add(table, "BookPart", s.BookPart)
	workflow.Add(table, "CarryOutPart", s.CarryOutPart)
	workflow.Add(table, "CloseTask", s.CloseTask)
	workflow.Add(table, "TellFailure", s.TellFailure)
	workflow.Add(table, "GiveTurnBack", s.GiveTurnBack)
}

// publication is what changes of the rules take turns at.
func publication() workflow.Subject {
	return workflow.Subject{Table: changesTable, SysID: "publication", Number: "rules"}
}

// held says whether it is this change's turn: $.turn.
type held struct {
	Held bool `json:"held"`
}

// TakeTurn lets one change of the rules be carried out at a time.
func (s *Steps) TakeTurn(ctx context.Context, _ changing) (held, error) {
	holding, err := s.custodian.Take(ctx, publication())
	return held{holding.Held}, err
}

// GiveTurnBack lets the next change have its turn.
func (s *Steps) GiveTurnBack(ctx context.Context, _ changing) (workflow.Nothing, error) {
	for {
		again, err := s.custodian.Release(ctx, publication(), workflow.Ended, "")
		if err != nil || !again {
			return workflow.Nothing{}, err
		}
		// Another change asked meanwhile, and was told that it is not its turn.
		if _, err := s.custodian.Take(ctx, publication()); err != nil {
			return workflow.Nothing{}, err
		}
	}
}

// NewSteps wires the steps function of rules changes.
func NewSteps(ctx context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	settings, err := platform.Config[Settings](cloud)
	if err != nil {
		return nil, err
	}
	parts, err := workflow.Assemble(ctx, cloud, "RULES_CHANGE_TICKETS", servicenow.RulesChangeKind())
	if err != nil {
		return nil, err
	}
	steps := &Steps{
		Service:    &Service{okta: parts.Okta, leases: parts.Leases, rules: parts.Rules, seats: parts.Seats},
		servicenow: parts.ServiceNow, ledger: parts.Ledger, settings: settings, rulesKey: parts.Config.RulesKey,
		desk:      approval.NewDesk(cloud.DynamoDB, parts.Config.ApprovalsTable, parts.ServiceNow, cloud.SFN),
		custodian: workflow.NewCustodian(idempotency.New(cloud.DynamoDB, parts.Config.IdempotencyTable), cloud.SFN),
		shelf:     shelf{client: cloud.S3, bucket: parts.Config.RulesBucket},
	}
	table := workflow.NewSteps("ruleschange", cloud.Metrics).Recorded(parts.Ledger)
	steps.Register(table)
	return lambda.NewHandler(table.Handle), nil
}

// birthright is the lease of what a rule gives.
func birthright(subject string, g entitlement.Grant, version, ticket string) lease.Lease {
	return lease.Lease{
		Subject: subject, Entitlement: lease.Entitlement{Kind: g.Kind, ID: g.ID}, Name: g.Name, Key: lease.Birthright,
		Reason: audit.Reason{Kind: "birthright", Ref: g.Rule, Version: version, Text: g.Text}, Ticket: ticket,
	}
}
