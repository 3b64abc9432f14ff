// Package accessrequest lets people decide who gets what, and gives it for as
// long as was decided.
//
// A request item names something of the rules' catalog and whom it is for. It is
// weighed: what is unknown, not for this person, held already or incompatible
// with what the person holds ends there, with the reason on the ticket. The
// item's policy says who decides: nobody, ServiceNow's own approval, or stages of
// people who are asked one after the other. Once they have agreed it is weighed
// again, granted as a lease and read back. A sweep of its own ends what is past
// its time (expiry). The steps stand here in the order of
// statemachines/access-request.asl.json and lease-expiry.asl.json.
package accessrequest

import (
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// Steps holds what the steps of an access request work with.
type Steps struct {
	okta       *okta.Client
	servicenow *servicenow.Client
	tickets    *workflow.Tickets
	rules      *entitlement.Source
	ledger     *audit.Ledger
	leases     *lease.Register
	seats      *ratelimit.Seats
	desk       *approval.Desk
	settings   Settings
}

// Settings are the access request's own settings, each from the environment
// variable named beside it.
type Settings struct {
	// TimeZone is where an end date is read when sys_user names no zone for whom
	// the request is for.
	TimeZone string `env:"ACCESS_REQUEST_TIME_ZONE" envDefault:"UTC"`
	// FallbackGroup is the ServiceNow group that decides where neither an
	// approver nor anybody above them is left.
	FallbackGroup string `env:"ACCESS_REQUEST_FALLBACK_GROUP" envDefault:"Identity Operations"`
	// ServiceNowWait is how long ServiceNow's own decision is waited for.
	ServiceNowWait time.Duration `env:"ACCESS_REQUEST_SERVICENOW_WAIT" envDefault:"2160h"`
	// Look is how often a waiting request is looked at although nobody said that
	// anything changed: approvers leave, and webhooks get lost.
	Look time.Duration `env:"ACCESS_REQUEST_LOOK" envDefault:"12h"`
	// Warning is how long before the end of access its holder is told, though
	// never in the first half of its time.
	Warning time.Duration `env:"ACCESS_REQUEST_WARNING" envDefault:"168h"`
}

// state is the state machine's data as far as the steps read it.
type state struct {
	workflow.Subject
	Ticket  workflow.Reading  `json:"ticket"`
	Request assessment        `json:"request"`
	Stage   stage             `json:"stage"`
	Seats   workflow.Seats    `json:"seats"`
	Granted granted           `json:"granted"`
	Error   *workflow.Failure `json:"error"`
}

// Register adds the steps to the table, under the names of the states.
func (s *Steps) Register(table *workflow.Steps) {
	s.tickets.Register(table)
	workflow.Add(table, "ReadTicket", s.ReadTicket)
	workflow.Add(table, "BookLook", s.BookLook)
	workflow.Add(table, "AssessRequest", s.AssessRequest)
	workflow.Add(table, "PlanStage", s.PlanStage)
	workflow.Add(table, "AskApprovers", s.AskApprovers)
	workflow.Add(table, "RemindApprovers", s.RemindApprovers)
	workflow.Add(table, "EscalateStage", s.EscalateStage)
	workflow.Add(table, "BookGrant", s.BookGrant)
	workflow.Add(table, "GrantAccess", s.GrantAccess)
	workflow.Add(table, "VerifyAccess", s.VerifyAccess)
	workflow.Add(table, "ResolveTicket", s.ResolveTicket)
	workflow.Add(table, "CloseRequest", s.CloseRequest)
	workflow.Add(table, "ReturnTicket", s.ReturnTicket)
	workflow.Add(table, "TakeBack", s.TakeBack)
	workflow.Add(table, "WithdrawRequest", s.WithdrawRequest)
	s.registerExpiry(table)
}

// DefaultKind is how an access request looks unless configuration says
// otherwise: a request item of a catalog item of its own.
func DefaultKind() servicenow.Kind { return servicenow.AccessRequestKind() }

// because is the reason of every change that the ticket itself asks for.
func because(s workflow.Subject) audit.Reason {
	return audit.Reason{Kind: "request", Ref: s.Number}
}
