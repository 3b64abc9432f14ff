// Package statesync keeps Okta accounts and sys_user records in step.
//
// A change on either side starts an execution for one person. It reads both
// records and brings them to agree: the Okta status decides whether sys_user is
// active and locked, every attribute follows the system that owns it, and whoever
// ServiceNow calls inactive gets a termination ticket, which takes its own
// guarded way. It goes by how things stand and not by what the event said, so it
// does not matter how often, how late or in which order events come; what we
// have written ourselves is found to agree and settles there. The requests of
// somebody deactivated are closed, and the approvals asked of them are moved.
//
// Once a day all people are compared, slice by slice (compare), to find what no
// event told. The steps stand here in the order of statemachines/state-sync.asl.json
// and state-comparison.asl.json.
package statesync

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

// Steps holds what the steps of the synchronisation work with.
type Steps struct {
	okta       *okta.Client
	servicenow *servicenow.Client
	tickets    *workflow.Tickets
	rules      *entitlement.Source
	ledger     *audit.Ledger
	seats      *ratelimit.Seats
	desk       *approval.Desk
	breaker    *guard.Breaker
	shelf      *shelf
	policy     Policy
	leavers    servicenow.Kind
	settings   Settings
}

// Settings are the synchronisation's own settings, each from the environment
// variable named beside it.
type Settings struct {
	// Policy is a JSON document laid over the default policy.
	Policy string `env:"STATE_SYNC_POLICY"`
	// BreakerLimit is how many people's records are made inactive, and in how many
	// the attributes change, within an hour before the rest is left to the next
	// comparison, where a person decides.
	BreakerLimit int `env:"STATE_SYNC_BREAKER_LIMIT" envDefault:"50"`
	// Threshold is how many repairs a comparison makes without asking.
	Threshold int `env:"STATE_SYNC_THRESHOLD" envDefault:"50"`
	// ApprovalGroup decides about more, and gets what is parked.
	ApprovalGroup string `env:"STATE_SYNC_APPROVAL_GROUP" envDefault:"IT Managers"`
	// ReportGroup gets what the comparison found.
	ReportGroup string `env:"STATE_SYNC_REPORT_GROUP" envDefault:"Identity Operations"`
	// ReportTable is where tasks for people are made.
	ReportTable string `env:"STATE_SYNC_REPORT_TABLE" envDefault:"sc_task"`
	// ApprovalWait is how long a decision about repairs is waited for. The next
	// comparison finds anew whatever was not decided.
	ApprovalWait time.Duration `env:"STATE_SYNC_APPROVAL_WAIT" envDefault:"20h"`
}

// breakerWindow is the rolling window in which mass changes are counted.
const breakerWindow = time.Hour

// oktaUser is the table in a Subject that stands for Okta's users.
const oktaUser = "okta_user"

// state is the data of the state machine for one person, as far as the steps
// read it.
type state struct {
	workflow.Subject

	Seats  workflow.Seats    `json:"seats"`
	Person person            `json:"person"`
	Error  *workflow.Failure `json:"error"`
}

// Register adds the steps to the table, under the names of the states.
func (s *Steps) Register(table *workflow.Steps) {
	workflow.Add(table, "BookLook", s.BookLook)
	workflow.Add(table, "SyncPerson", s.SyncPerson)
	workflow.Add(table, "CloseRequests", s.CloseRequests)
	workflow.Add(table, "MoveApprovals", s.MoveApprovals)
	workflow.Add(table, "TellFailure", s.TellFailure)
	s.registerComparison(table)
}

// because is the reason of every change that follows from the other system.
func because(text string) audit.Reason { return audit.Reason{Kind: "state_sync", Text: text} }
