package accessreview

import (
	"context"
	"math"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/guard"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/report"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// Campaign holds what the steps work with that follow the findings of a review:
// every reviewer is asked in a task of their own, answers are carried out after a
// time of grace, and the security team signs the whole off. The steps stand in
// the order of statemachines/access-review-campaign.asl.json (campaign, close)
// and access-review-task.asl.json (task, answer, revoke).
type Campaign struct {
	store      *Store
	okta       *okta.Client
	servicenow *servicenow.Client
	tasks      *workflow.Tickets
	custodian  *workflow.Custodian
	rules      *entitlement.Source
	ledger     *audit.Ledger
	leases     *lease.Register
	seats      *ratelimit.Seats
	breaker    *guard.Breaker
	desk       *approval.Desk
	settings   CampaignSettings
}

// CampaignSettings are the campaign's own settings, each from the environment
// variable named beside it.
type CampaignSettings struct {
	// DecisionWait is how long a reviewer has, EscalationWait how long the
	// reviewer's manager then has. RemindBefore is how long before either ends a
	// reminder is sent.
	DecisionWait   time.Duration `env:"ACCESS_REVIEW_DECISION_WAIT" envDefault:"336h"`
	EscalationWait time.Duration `env:"ACCESS_REVIEW_ESCALATION_WAIT" envDefault:"168h"`
	RemindBefore   time.Duration `env:"ACCESS_REVIEW_REMIND_BEFORE" envDefault:"72h"`
	// Grace is how long an answer can be taken back before it is carried out.
	Grace time.Duration `env:"ACCESS_REVIEW_GRACE" envDefault:"24h"`
	// Look is how often something that waits is looked at although nobody said
	// that it changed: webhooks get lost.
	Look time.Duration `env:"ACCESS_REVIEW_LOOK" envDefault:"12h"`
	// RevokeUnanswered are the flags of what is revoked when nobody has decided
	// at the deadline; everything else is kept. Separated by commas.
	RevokeUnanswered []report.Flag `env:"ACCESS_REVIEW_REVOKE_UNANSWERED"`
	// RemovalLimit is how many revocations one answer may bring without a second
	// person, BreakerLimit how many all answers within BreakerWindow, and
	// RemovalPercent what share of all that the review has read, in percent.
	RemovalLimit   int           `env:"ACCESS_REVIEW_REMOVAL_LIMIT" envDefault:"20"`
	BreakerLimit   int           `env:"ACCESS_REVIEW_BREAKER_LIMIT" envDefault:"50"`
	RemovalPercent float64       `env:"ACCESS_REVIEW_REMOVAL_PERCENT" envDefault:"5"`
	BreakerWindow  time.Duration `env:"ACCESS_REVIEW_BREAKER_WINDOW" envDefault:"1h"`
	// ApprovalGroup is the ServiceNow group that decides about more; ApprovalWait
	// is how long it has.
	ApprovalGroup string        `env:"ACCESS_REVIEW_APPROVAL_GROUP" envDefault:"IT Managers"`
	ApprovalWait  time.Duration `env:"ACCESS_REVIEW_APPROVAL_WAIT" envDefault:"72h"`
	// FallbackGroup decides where no reviewer is left, SecurityGroup signs off;
	// SignOffWait is how long it has.
	FallbackGroup string        `env:"ACCESS_REVIEW_FALLBACK_GROUP" envDefault:"Identity Operations"`
	SecurityGroup string        `env:"ACCESS_REVIEW_SECURITY_GROUP" envDefault:"Security Operations"`
	SignOffWait   time.Duration `env:"ACCESS_REVIEW_SIGN_OFF_WAIT" envDefault:"168h"`
	// Watchers are the sys_ids of people, or mail addresses, who are told how the
	// review goes. Separated by commas.
	Watchers []string `env:"ACCESS_REVIEW_WATCHERS"`
}

// check says what is wrong with the settings.
func (s CampaignSettings) check() error {
	for _, f := range s.RevokeUnanswered {
		switch f {
		case report.Unapproved, report.Overdue, report.Orphan, report.Leaver, report.Dormant, report.Incompatible,
			report.AdminRole, report.DirectAssignment, report.NotDelivered:
		default:
			return &fault.Invalid{Message: "the environment variable ACCESS_REVIEW_REVOKE_UNANSWERED names the flag " + string(f) + ", which no review finds"}
		}
	}
	return nil
}

// reminder is how long before the due date somebody is reminded: of a short time,
// when half of it has gone.
func (s CampaignSettings) reminder(escalated bool) time.Duration {
	if escalated {
		return min(s.RemindBefore, s.EscalationWait/2)
	}
	return min(s.RemindBefore, s.DecisionWait/2)
}

// longestCampaign bounds how long answers are waited for after the last deadline:
// tasks whose execution has failed do not keep the rest from being closed.
func (s CampaignSettings) longestCampaign() time.Duration {
	return s.DecisionWait + s.EscalationWait + s.Grace + s.ApprovalWait + 7*24*time.Hour
}

// Register adds the campaign's steps to the table, under the names of the states.
func (c *Campaign) Register(table *workflow.Steps) {
	workflow.Add(table, "AwaitChange", c.tasks.AwaitChange)
	workflow.Add(table, "ReleaseTicket", c.tasks.ReleaseTicket)
	workflow.Add(table, "PrepareCampaign", c.PrepareCampaign)
	workflow.Add(table, "OpenSecurityTask", c.OpenSecurityTask)
	workflow.Add(table, "AttachReport", c.AttachReport)
	workflow.Add(table, "OpenTasks", c.OpenTasks)
	workflow.Add(table, "TellStakeholders", c.TellStakeholders)
	workflow.Add(table, "ReadCampaign", c.ReadCampaign)
	workflow.Add(table, "Summarise", c.Summarise)
	workflow.Add(table, "AskSignOff", c.AskSignOff)
	workflow.Add(table, "ReadSignOff", c.ReadSignOff)
	workflow.Add(table, "CloseCampaign", c.CloseCampaign)
	workflow.Add(table, "TellClosed", c.TellClosed)
	workflow.Add(table, "TellCampaignFailure", c.TellCampaignFailure)
	workflow.Add(table, "ReleaseCampaign", c.ReleaseCampaign)
	workflow.Add(table, "ReadTask", c.ReadTask)
	workflow.Add(table, "AskAgain", c.AskAgain)
	workflow.Add(table, "RemindReviewer", c.RemindReviewer)
	workflow.Add(table, "HandOverTask", c.HandOverTask)
	workflow.Add(table, "EscalateTask", c.EscalateTask)
	workflow.Add(table, "RecordAnswer", c.RecordAnswer)
	workflow.Add(table, "TellTakenBack", c.TellTakenBack)
	workflow.Add(table, "TellLate", c.TellLate)
	workflow.Add(table, "WeighAnswer", c.WeighAnswer)
	workflow.Add(table, "AskSecondPerson", c.AskSecondPerson)
	workflow.Add(table, "BookDecisions", c.BookDecisions)
	workflow.Add(table, "CarryOutDecisions", c.CarryOutDecisions)
	workflow.Add(table, "VerifyDecisions", c.VerifyDecisions)
	workflow.Add(table, "CloseTask", c.CloseTask)
	workflow.Add(table, "TellTaskFailure", c.TellTaskFailure)
}

// because is the reason of what a review itself does.
func because(review, text string) audit.Reason {
	return audit.Reason{Kind: "access review", Ref: review, Text: text}
}

// asking is the running state with its execution.
func asking(ctx context.Context) (workflow.Task, error) {
	task, ok := workflow.TaskOf(ctx)
	if !ok {
		return workflow.Task{}, &fault.Invalid{Message: "a step of an access review was run outside an execution"}
	}
	return task, nil
}

// entered is when the running state was entered: the same for all its retries.
func entered(ctx context.Context) time.Time {
	task, _ := workflow.TaskOf(ctx)
	if at, err := time.Parse(time.RFC3339Nano, task.Entered); err == nil {
		return at.UTC().Truncate(time.Second)
	}
	return time.Now().UTC().Truncate(time.Second)
}

// seconds rounds up, because a wait must not end before its time; Step Functions
// takes at least one.
func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

func moment(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }

func day(t time.Time) string { return t.UTC().Format("2 January 2006") }
