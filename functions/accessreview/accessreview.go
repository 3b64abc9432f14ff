// Package accessreview compares what everybody really has with what was approved.
//
// A review reads all users, memberships and assignments of Okta by the cheapest
// calls, the limits side by side and each in slices that may be killed anywhere
// (snapshot); reads what was approved: the register of access, closed request
// items, the rules, and the people of ServiceNow; compares them one part of the
// people at a time, so that memory does not grow with the org (compare, flag);
// and writes what it found, riskiest first, with the evidence, the origin and who
// is to decide. What follows, the questions to reviewers and their answers, is the
// campaign's (campaign).
//
// The steps stand here in the order of statemachines/access-review.asl.json.
package accessreview

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// Steps holds what the steps of a review work with.
type Steps struct {
	okta       *okta.Client
	servicenow *servicenow.Client
	tickets    *workflow.Tickets
	rules      *rulebook
	leases     *lease.Register
	ledger     *audit.Ledger
	seats      *ratelimit.Seats
	sfn        *sfn.Client
	store      *Store
	requests   servicenow.Kind
	settings   Settings
}

// Settings are the review's own settings, each from the environment variable
// named beside it.
type Settings struct {
	// DormantDays is after how many days without a sign-in an account counts as
	// dormant.
	DormantDays int `env:"ACCESS_REVIEW_DORMANT_DAYS" envDefault:"90"`
	// DueDays is how many days reviewers have.
	DueDays int `env:"ACCESS_REVIEW_DUE_DAYS" envDefault:"14"`
	// SecurityGroup decides about administrators, orphans, leavers and what is
	// incompatible; FallbackGroup about whatever has nobody else.
	SecurityGroup string `env:"ACCESS_REVIEW_SECURITY_GROUP" envDefault:"Security Operations"`
	FallbackGroup string `env:"ACCESS_REVIEW_FALLBACK_GROUP" envDefault:"Identity Operations"`
	// FailureTable is where a task is made when a review breaks off, for the
	// fallback group.
	FailureTable string `env:"ACCESS_REVIEW_TABLE" envDefault:"sc_task"`
	// Campaign is the state machine that puts the findings before reviewers; empty:
	// the review ends with the findings.
	Campaign string `env:"ACCESS_REVIEW_CAMPAIGN_ARN"`
}

const wholeDay = 24 * time.Hour

// state is the data of the state machine, as far as its steps read it. It holds
// positions and numbers; the people are in the evidence bucket.
type state struct {
	workflow.Subject

	Scope  Scope             `json:"scope"`
	Review begun             `json:"review"`
	Slice  slice             `json:"slice"`
	Seats  workflow.Seats    `json:"seats"`
	Share  share             `json:"share"`
	Error  *workflow.Failure `json:"error"`
}

// register adds the steps up to the findings to the table.
func (s *Steps) register(table *workflow.Steps) {
	workflow.Add(table, "TakeTurn", s.TakeTurn)
	workflow.Add(table, "StartReview", s.StartReview)
	workflow.Add(table, "BookPages", s.BookPages)
	workflow.Add(table, "ReadPages", s.ReadPages)
	workflow.Add(table, "MatchPeople", s.MatchPeople)
	workflow.Add(table, "ComparePeople", s.ComparePeople)
	workflow.Add(table, "WriteFindings", s.WriteFindings)
	workflow.Add(table, "StartCampaign", s.StartCampaign)
	workflow.Add(table, "ReleaseTurn", s.tickets.ReleaseTicket)
	workflow.Add(table, "TellFailure", s.TellFailure)
}
