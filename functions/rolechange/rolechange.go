// Package rolechange moves exactly the right access when somebody changes
// department, title, location or manager.
//
// From the ticket, the rules and the register of leases it works out what comes,
// what goes, what stays by request and what nobody manages, and shows that on the
// ticket before anything is touched. Much to take away, a protected account or a
// wave of changes waits for a second person. Then the new access is given, the
// profile changed, and the old access taken away, at once or after a time of
// grace. What the person keeps although no rule gives it is put to the new
// manager, who keeps or revokes each (recertification). The steps stand here in
// the order of statemachines/role-change.asl.json and recertification.asl.json.
package rolechange

import (
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/guard"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// Steps holds what the steps of a role change and of its recertification work
// with.
type Steps struct {
	okta       *okta.Client
	servicenow *servicenow.Client
	tickets    *workflow.Tickets
	// tasks are the recertifications.
	tasks     *workflow.Tickets
	custodian *workflow.Custodian
	turns     *workflow.Turns
	rules     *entitlement.Source
	ledger    *audit.Ledger
	leases    *lease.Register
	seats     *ratelimit.Seats
	breaker   *guard.Breaker
	desk      *approval.Desk
	settings  Settings
}

// Settings are the role change's own settings, each from the environment
// variable named beside it.
type Settings struct {
	// TimeZone is where an effective date is read when neither the ticket nor the
	// person's sys_user record names a zone.
	TimeZone string `env:"ROLE_CHANGE_TIME_ZONE" envDefault:"UTC"`
	// Grace is how long access of the former role stays after the change; 0
	// takes it away at once.
	Grace time.Duration `env:"ROLE_CHANGE_GRACE" envDefault:"0s"`
	// RemovalLimit is how many entitlements one change may take away without a
	// second person.
	RemovalLimit int `env:"ROLE_CHANGE_REMOVAL_LIMIT" envDefault:"8"`
	// BreakerLimit is how many changes within BreakerWindow go ahead without a
	// second person.
	BreakerLimit  int           `env:"ROLE_CHANGE_BREAKER_LIMIT" envDefault:"20"`
	BreakerWindow time.Duration `env:"ROLE_CHANGE_BREAKER_WINDOW" envDefault:"1h"`
	// ApprovalGroup is the ServiceNow group that decides about those;
	// ApprovalWait is how long it has.
	ApprovalGroup string        `env:"ROLE_CHANGE_APPROVAL_GROUP" envDefault:"IT Managers"`
	ApprovalWait  time.Duration `env:"ROLE_CHANGE_APPROVAL_WAIT" envDefault:"72h"`
	// Look is how often something that waits is looked at although nobody said
	// that it changed: webhooks get lost.
	Look time.Duration `env:"ROLE_CHANGE_LOOK" envDefault:"12h"`
	// RecertificationWait is how long the new manager has to decide, and
	// EscalationWait how long the manager's manager then has.
	RecertificationWait time.Duration `env:"ROLE_CHANGE_RECERTIFICATION_WAIT" envDefault:"336h"`
	EscalationWait      time.Duration `env:"ROLE_CHANGE_ESCALATION_WAIT" envDefault:"168h"`
	// Unanswered is what becomes of access that nobody has decided about: keep or
	// revoke.
	Unanswered string `env:"ROLE_CHANGE_UNANSWERED" envDefault:"revoke"`
}

// state is the state machine's data as far as the steps read it.
type state struct {
	workflow.Subject

	Ticket          workflow.Reading  `json:"ticket"`
	Look            workflow.Seats    `json:"look"`
	Mover           mover             `json:"mover"`
	Plan            plan              `json:"plan"`
	Risk            risk              `json:"risk"`
	Seats           workflow.Seats    `json:"seats"`
	Granted         granted           `json:"granted"`
	Ended           ended             `json:"ended"`
	Verified        verified          `json:"verified"`
	Recertification opened            `json:"recertification"`
	Outcome         workflow.Outcome  `json:"outcome"`
	Error           *workflow.Failure `json:"error"`
}

// Register adds the steps to the table, under the names of the states.
func (s *Steps) Register(table *workflow.Steps) {
	s.tickets.Register(table)
	workflow.Add(table, "ReadTicket", s.ReadTicket)
	workflow.Add(table, "BookLook", s.BookLook)
	workflow.Add(table, "FindMover", s.FindMover)
	workflow.Add(table, "PlanChange", s.PlanChange)
	workflow.Add(table, "ShowDifference", s.ShowDifference)
	workflow.Add(table, "AssessRisk", s.AssessRisk)
	workflow.Add(table, "AskApproval", s.AskApproval)
	workflow.Add(table, "BookChange", s.BookChange)
	workflow.Add(table, "GrantAccess", s.GrantAccess)
	workflow.Add(table, "UpdateProfile", s.UpdateProfile)
	workflow.Add(table, "EndAccess", s.EndAccess)
	workflow.Add(table, "VerifyAccess", s.VerifyAccess)
	workflow.Add(table, "OpenRecertification", s.OpenRecertification)
	workflow.Add(table, "ResolveTicket", s.ResolveTicket)
	workflow.Add(table, "ReturnTicket", s.ReturnTicket)
	workflow.Add(table, "TellReplaced", s.TellReplaced)
	workflow.Add(table, "TellLeftBehind", s.TellLeftBehind)
	workflow.Add(table, "Escalate", s.Escalate)
	workflow.Add(table, "LeaveTurn", s.LeaveTurn)
	s.registerRecertification(table)
}

// DefaultKind is how a role change looks unless configuration says otherwise: an
// incident with columns of its own.
func DefaultKind() servicenow.Kind { return servicenow.RoleChangeKind() }

// TaskKind is the same for the task that puts the question to the manager.
func TaskKind() servicenow.Kind { return servicenow.RecertificationKind() }

// because is the reason of every change that the ticket itself asks for.
func because(s workflow.Subject) audit.Reason {
	return audit.Reason{Kind: "role change", Ref: s.Number}
}
