// Package credentialreset helps people who cannot sign in, and nobody who only
// says so.
//
// A ticket asks for an unlock, a new password or a reset of factors. It is
// weighed against the policy: who really asks, whether this account is one for a
// person to decide about, how often it was helped lately, what changed on it
// shortly before, and whether a security incident is open about its owner. A
// reset of factors needs a second person's agreement besides. What Okta allows in
// the account's status is then done, read back, and told to the person and the
// manager, never with a secret on the ticket; for hours after it the System Log
// is looked at for admin access. Everything else goes to people, with what they
// need to know. The steps stand here in the order of
// statemachines/credential-reset.asl.json.
package credentialreset

import (
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/guard"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// Steps holds what the steps of a credential reset work with.
type Steps struct {
	okta       *okta.Client
	servicenow *servicenow.Client
	tickets    *workflow.Tickets
	rules      *entitlement.Source
	ledger     *audit.Ledger
	seats      *ratelimit.Seats
	breaker    *guard.Breaker
	desk       *approval.Desk
	policy     Policy
}

// state is the state machine's data as far as the steps read it.
type state struct {
	workflow.Subject
	Ticket  workflow.Reading  `json:"ticket"`
	Seats   workflow.Seats    `json:"seats"`
	Request assessment        `json:"request"`
	Done    carried           `json:"done"`
	Result  result            `json:"result"`
	Outcome outcome           `json:"outcome"`
	Watch   watch             `json:"watch"`
	Error   *workflow.Failure `json:"error"`
}

// Register adds the steps to the table, under the names of the states.
func (s *Steps) Register(table *workflow.Steps) {
	s.tickets.Register(table)
	workflow.Add(table, "ReadTicket", s.ReadTicket)
	workflow.Add(table, "BookSeats", s.BookSeats)
	workflow.Add(table, "AssessRequest", s.AssessRequest)
	workflow.Add(table, "AskApproval", s.AskApproval)
	workflow.Add(table, "CarryOut", s.CarryOut)
	workflow.Add(table, "CheckResult", s.CheckResult)
	workflow.Add(table, "ResolveTicket", s.ResolveTicket)
	workflow.Add(table, "ReturnTicket", s.ReturnTicket)
	workflow.Add(table, "ReferTicket", s.ReferTicket)
	workflow.Add(table, "Escalate", s.Escalate)
	workflow.Add(table, "TakeBack", s.TakeBack)
	workflow.Add(table, "LookAround", s.LookAround)
	workflow.Add(table, "Reopen", s.Reopen)
}

// DefaultKind is how a credential reset looks unless configuration says
// otherwise: an incident with columns of its own.
func DefaultKind() servicenow.Kind { return servicenow.CredentialResetKind() }

// because is the reason of every change that a reset makes.
func (s *Steps) because(subject workflow.Subject) audit.Reason {
	return audit.Reason{Kind: "credential_reset", Ref: subject.Number, Version: s.policy.version}
}

// moment is a time as people read it.
func moment(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }
