// Package offboarding takes every trace of a leaver's access away, and proves it.
//
// A termination ticket names the leaver and the moment. When it has come, the
// account is disabled first and everything that could outlive that is revoked
// (kill); where a legal hold asks for it, the account is kept empty-handed
// (hold); then it is deactivated and stripped (retire). The ticket is resolved
// only after reads show that nothing is left, and the reads are repeated an hour
// and a day later. The steps stand here in the order of
// statemachines/offboarding.asl.json.
package offboarding

import (
	"context"
	"encoding/json"
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

// Steps holds what the steps of an offboarding work with.
type Steps struct {
	okta       *okta.Client
	servicenow *servicenow.Client
	tickets    *workflow.Tickets
	rules      *entitlement.Source
	ledger     *audit.Ledger
	leases     *lease.Register
	seats      *ratelimit.Seats
	breaker    *guard.Breaker
	desk       *approval.Desk
	executions executions
	settings   Settings
}

// Settings are the offboarding's own settings, each from the environment
// variable named beside it.
type Settings struct {
	// TimeZone is where a termination moment is read when neither the ticket
	// nor the leaver's sys_user record names a zone.
	TimeZone string `env:"OFFBOARDING_TIME_ZONE" envDefault:"UTC"`
	// BreakerLimit is how many terminations within BreakerWindow go ahead
	// without a second person.
	BreakerLimit  int           `env:"OFFBOARDING_BREAKER_LIMIT" envDefault:"20"`
	BreakerWindow time.Duration `env:"OFFBOARDING_BREAKER_WINDOW" envDefault:"1h"`
	// ApprovalGroup is the ServiceNow group that decides about protected
	// accounts and mass terminations; ApprovalWait is how long it has.
	ApprovalGroup string        `env:"OFFBOARDING_APPROVAL_GROUP" envDefault:"IT Managers"`
	ApprovalWait  time.Duration `env:"OFFBOARDING_APPROVAL_WAIT" envDefault:"72h"`
}

// state is the state machine's data as far as the steps read it.
type state struct {
	workflow.Subject
	Ticket       workflow.Reading  `json:"ticket"`
	Leaver       leaver            `json:"leaver"`
	Risk         risk              `json:"risk"`
	Approval     *decision         `json:"approval"`
	Seats        workflow.Seats    `json:"seats"`
	Suspended    killed            `json:"suspended"`
	Snapshot     snapshot          `json:"snapshot"`
	Kill         map[string]killed `json:"kill"`
	Groups       removed           `json:"groups"`
	Apps         removed           `json:"apps"`
	Deactivation deactivation      `json:"deactivation"`
	Proof        proof             `json:"proof"`
	Watch        watch             `json:"watch"`
	Error        *workflow.Failure `json:"error"`
}

// Register adds the steps to the table, under the names of the states.
func (s *Steps) Register(table *workflow.Steps) {
	s.tickets.Register(table)
	workflow.Add(table, "ReadTicket", s.ReadTicket)
	workflow.Add(table, "FindLeaver", s.FindLeaver)
	workflow.Add(table, "AnnounceMoment", s.AnnounceMoment)
	workflow.Add(table, "AssessRisk", s.AssessRisk)
	workflow.Add(table, "AskApproval", s.AskApproval)
	workflow.Add(table, "BookKillSeats", s.BookKillSeats)
	workflow.Add(table, "Suspend", s.Suspend)
	workflow.Add(table, "EndSessions", s.EndSessions)
	workflow.Add(table, "TakeSnapshot", s.TakeSnapshot)
	workflow.Add(table, "RevokeGrants", s.RevokeGrants)
	workflow.Add(table, "RevokeApiTokens", s.RevokeAPITokens)
	workflow.Add(table, "RemoveAdminRoles", s.RemoveAdminRoles)
	workflow.Add(table, "ResetFactors", s.ResetFactors)
	workflow.Add(table, "BookDependencySeats", s.BookDependencySeats)
	workflow.Add(table, "ListDependencies", s.ListDependencies)
	workflow.Add(table, "AnnounceHold", s.AnnounceHold)
	workflow.Add(table, "ReadHold", s.ReadHold)
	workflow.Add(table, "Deactivate", s.Deactivate)
	workflow.Add(table, "CheckDeactivation", s.CheckDeactivation)
	workflow.Add(table, "BookRetireSeats", s.BookRetireSeats)
	workflow.Add(table, "RevokeAgain", s.RevokeAgain)
	workflow.Add(table, "EndLeases", s.EndLeases)
	workflow.Add(table, "RemoveGroups", s.RemoveGroups)
	workflow.Add(table, "RemoveApps", s.RemoveApps)
	workflow.Add(table, "ReadBack", s.ReadBack)
	workflow.Add(table, "WatchReadBack", s.WatchReadBack)
	workflow.Add(table, "ResolveTicket", s.ResolveTicket)
	workflow.Add(table, "TellCutShort", s.TellCutShort)
	workflow.Add(table, "ReturnTicket", s.ReturnTicket)
	workflow.Add(table, "Escalate", s.Escalate)
	workflow.Add(table, "Reopen", s.Reopen)
	s.registerUndo(table)
}

// because is the reason of every change that a termination makes.
func because(s workflow.Subject) audit.Reason {
	return audit.Reason{Kind: "offboarding", Ref: s.Number}
}

// killed is the result of one kill step, or the error it ended in: a kill step
// that fails for good never keeps the next from running.
type killed struct {
	// Done says in a few words what was done.
	Done  string `json:"done,omitempty"`
	Error string `json:"Error,omitempty"`
	Cause string `json:"Cause,omitempty"`
}

func (k killed) failed() bool { return k.Error != "" }

func (k killed) message() string {
	return workflow.Failure{Error: k.Error, Cause: k.Cause}.Message()
}

// termination reads the ticket again; personal data stays out of the state
// machine's data.
func (s *Steps) termination(ctx context.Context, subject workflow.Subject) (termination, servicenow.Ticket, error) {
	t, err := s.servicenow.Ticket(ctx, s.tickets.Kind, subject.SysID)
	if err != nil {
		return termination{}, servicenow.Ticket{}, err
	}
	read, _, err := s.readTermination(ctx, t)
	return read, t, err
}

// into decodes what the ledger kept as JSON.
func into(from any, to any) error {
	raw, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}
