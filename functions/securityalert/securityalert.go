// Package securityalert turns suspicious events in Okta into single, enriched and
// routed incidents, and contains accounts that somebody else is using.
//
// Events come in three ways: the System Log, polled every minute, which misses
// nothing (Poller); event hooks, which are there in seconds (Hook); and log
// streaming through EventBridge (Stream). Behind them is one pipeline (Intake): what
// has been processed is left out by the event's uuid, the rest is held against rules
// that are data (package detect), and what they find is filed under what it
// correlates with. One execution at a time works on such an alert: it opens the
// incident, tells whoever is on call, contains accounts where the rules say so,
// says who the people are, and keeps the incident up to date until it is closed.
// The steps stand here in the order of statemachines/security-alert.asl.json.
package securityalert

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sns"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/guard"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// Steps holds what the steps work with.
type Steps struct {
	okta       *okta.Client
	servicenow *servicenow.Client
	ledger     *audit.Ledger
	protected  *entitlement.Source
	rules      *detect.Source
	seats      *ratelimit.Seats
	breaker    *guard.Breaker
	questions  *approval.Desk
	desk       desk
	pager      pager
	kinds      kinds
	links      links
	settings   Settings
}

// pager is the part of the SNS client that is needed here.
type pager interface {
	Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// Settings are the use case's own settings, each from the environment variable
// named beside it.
type Settings struct {
	// Containment is enforce, shadow (say what would have been done) or off.
	Containment string `env:"ALERT_CONTAINMENT" envDefault:"shadow"`
	// AskWait is how long a person has to say that it was them.
	AskWait time.Duration `env:"ALERT_ASK_WAIT" envDefault:"5m"`
	// UndoWait is how long undoing a containment is offered, HoldWait how long a
	// second person has to decide whether there is to be one.
	UndoWait time.Duration `env:"ALERT_UNDO_WAIT" envDefault:"168h"`
	HoldWait time.Duration `env:"ALERT_HOLD_WAIT" envDefault:"24h"`
	// ContainmentLimit is how many accounts are contained within ContainmentWindow
	// without a second person, of ApprovalGroup.
	ContainmentLimit  int           `env:"ALERT_CONTAINMENT_LIMIT" envDefault:"5"`
	ContainmentWindow time.Duration `env:"ALERT_CONTAINMENT_WINDOW" envDefault:"1h"`
	ApprovalGroup     string        `env:"ALERT_APPROVAL_GROUP" envDefault:"IT Managers"`
	// Topic is the SNS topic of whoever is on call; empty: nobody is.
	Topic string `env:"ON_CALL_TOPIC_ARN"`
}

// The modes of containment.
const (
	enforce = "enforce"
	shadow  = "shadow"
	off     = "off"
)

// Register adds the steps to the table, under the names of the states.
func (s *Steps) Register(table *workflow.Steps) {
	workflow.Add(table, "TakeAlert", s.TakeAlert)
	workflow.Add(table, "OpenIncident", s.OpenIncident)
	workflow.Add(table, "PageOnCall", s.PageOnCall)
	workflow.Add(table, "WeighContainment", s.WeighContainment)
	workflow.Add(table, "BookContainment", s.BookContainment)
	workflow.Add(table, "SuspendAccount", s.SuspendAccount)
	workflow.Add(table, "EndSessions", s.EndSessions)
	workflow.Add(table, "CheckContainment", s.CheckContainment)
	workflow.Add(table, "ReleaseAccount", s.ReleaseAccount)
	workflow.Add(table, "TellContainment", s.TellContainment)
	workflow.Add(table, "BookDescription", s.BookDescription)
	workflow.Add(table, "DescribePeople", s.DescribePeople)
	workflow.Add(table, "UpdateIncident", s.UpdateIncident)
	workflow.Add(table, "AwaitNews", s.AwaitNews)
	workflow.Add(table, "EndAlert", s.EndAlert)
	workflow.Add(table, "BeginNextEpisode", s.BeginNextEpisode)
	workflow.Add(table, "TellFailure", s.TellFailure)
}

// state is the state machine's data as far as the steps read it. Nothing personal
// is in it: the alert itself is read in each step.
type state struct {
	workflow.Subject
	Alert view           `json:"alert"`
	Seats workflow.Seats `json:"seats"`
	// UserID and Actions are those of an account that is worked on by itself.
	UserID    string            `json:"user_id"`
	Suspended attempt           `json:"suspended"`
	Sessions  attempt           `json:"sessions"`
	Error     *workflow.Failure `json:"error"`
}

// because is the reason of every change that is made for an alert.
func because(a alert, rules *detect.Rules) audit.Reason {
	why := audit.Reason{Kind: "security-alert", Ref: a.subject().Number, Version: rules.Version()}
	if a.Incident != nil {
		why.Ref = a.Incident.Number
	}
	if len(a.Rules) > 0 {
		why.Text = a.Rules[len(a.Rules)-1]
	}
	return why
}

// own reads the alert that the running execution works on.
func (s *Steps) own(ctx context.Context, subject workflow.Subject) (alert, *detect.Rules, error) {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return alert{}, nil, err
	}
	a, mine, err := s.mine(ctx, subject)
	if err == nil && !mine {
		err = &fault.Conflict{Message: "another execution works on this alert by now"}
	}
	return a, rules, err
}

// alertOf is the id of the alert that an episode belongs to.
func alertOf(s workflow.Subject) string {
	const length = 16
	return s.SysID[:min(length, len(s.SysID))]
}

// keep changes the alert that the running execution works on.
func (s *Steps) keep(ctx context.Context, a alert, do func(*alert)) (alert, error) {
	return s.desk.store.update(ctx, a.ID, func(now *alert) bool {
		if now.Run != a.Run || now.Episode != a.Episode {
			return false
		}
		do(now)
		return true
	})
}
