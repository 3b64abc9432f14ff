// Package report turns what an access review found into what people and machines read:
// a self-contained HTML page, CSV, JSON, and a manifest that holds the hashes of all (Write,
// Verify); a page of each reviewer's own (WriteReviewer); and from records of the ledger the
// timeline of a person or a ticket (PersonTimeline, TicketTimeline).
//
// A page needs nothing but itself: its policy forbids the network, its style and script are
// allowed by their hashes, and without the script it is whole. What is shown is escaped by
// html/template. Memory does not grow with the number of findings: all of them are in the CSV and
// the JSON, the riskiest on the page, which says how many more there are.
//
// In the CSV an apostrophe stands before what a spreadsheet would take for a formula; readers
// that are no spreadsheets take one apostrophe away where a formula follows.
package report

import (
	"iter"
	"time"
)

// Flag is the kind of thing that a review found.
type Flag string

// The flags, each a rule of the review.
const (
	Unapproved       Flag = "unapproved"        // a managed group or app that neither rule nor approval gives
	Overdue          Flag = "overdue"           // access whose last reason has ended
	Orphan           Flag = "orphan"            // active in Okta; inactive, missing or doubled in ServiceNow
	Leaver           Flag = "leaver"            // deactivated or terminated, with something left
	Dormant          Flag = "dormant"           // no sign-in for longer than the policy allows
	Incompatible     Flag = "incompatible"      // both sides of a pair that one person may not hold
	AdminRole        Flag = "admin-role"        // an Okta administrator
	DirectAssignment Flag = "direct-assignment" // an app given to the person that a group should carry
	NotDelivered     Flag = "not-delivered"     // approved, and not there
)

// Risk orders findings: the riskiest are decided first.
type Risk string

// The risks, highest first.
const (
	Critical Risk = "critical"
	High     Risk = "high"
	Medium   Risk = "medium"
	Low      Risk = "low"
)

// Standing is how a finding relates to the review before.
type Standing string

// New was not there at the last review, Open was, Fixed was and is no more.
const (
	New   Standing = "new"
	Open  Standing = "open"
	Fixed Standing = "fixed"
)

// Kinds of what somebody holds.
const (
	Group   = "group"
	App     = "app"
	Role    = "role"
	Account = "account" // the finding is about the account itself
)

// Answer is what a reviewer decided, or what the policy did at the deadline.
type Answer string

// The answers. None is a finding that nobody has decided about yet.
const (
	None   Answer = ""
	Keep   Answer = "keep"
	Revoke Answer = "revoke"
)

// Finding is one thing that a review found about one person and one entitlement.
type Finding struct {
	ID       string    `json:"id"` // the same in every review: from flag, person and entitlement
	Flag     Flag      `json:"flag"`
	Risk     Risk      `json:"risk"`
	Standing Standing  `json:"standing"`
	Since    time.Time `json:"since"` // start of the first review that saw it

	Person  Person  `json:"person"`
	Holding Holding `json:"holding"`
	Origin  Origin  `json:"origin"`
	// Evidence are sentences that say what was compared with what.
	Evidence []string `json:"evidence"`
	// Suggested is the answer that the review proposes, Why the sentence for it. None where
	// a person has to look first.
	Suggested Answer `json:"suggested"`
	Why       string `json:"why"`

	Reviewer string   `json:"reviewer"` // Reviewer.ID of whom it is put before
	Decision Decision `json:"decision"`
}

// Person is whom a finding is about.
type Person struct {
	OktaID       string    `json:"okta_id"`
	Login        string    `json:"login"`
	Name         string    `json:"name"`
	Department   string    `json:"department"`
	Title        string    `json:"title"`
	Manager      string    `json:"manager"` // login
	Status       string    `json:"status"`  // Okta's
	LastSignIn   time.Time `json:"last_sign_in"`
	ServiceNowID string    `json:"servicenow_id,omitempty"`
}

// Holding is what the person holds.
type Holding struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
	Via  string `json:"via,omitempty"` // name of the group that carries the app
	Risk string `json:"risk,omitempty"`
}

// Origin is where a holding comes from, as far as anybody knows.
type Origin struct {
	Kind       string    `json:"kind"` // birthright, request, exception, unknown
	Ref        string    `json:"ref"`  // rule or ticket number
	ApprovedBy string    `json:"approved_by,omitempty"`
	At         time.Time `json:"at,omitzero"`
	Until      time.Time `json:"until,omitzero"`
	Record     string    `json:"record,omitempty"` // ledger record, "stream/seq"
}

// Decision is what became of a finding.
type Decision struct {
	Answer  Answer    `json:"answer"`
	By      string    `json:"by,omitempty"` // login, or "policy" at the deadline
	At      time.Time `json:"at,omitzero"`
	Comment string    `json:"comment,omitempty"`
	// Outcome says what was done about it: "removed and read back", "parked", "kept".
	Outcome string `json:"outcome,omitempty"`
	Record  string `json:"record,omitempty"`
}

// Reviewer is somebody who decides, with the task that asks for it.
type Reviewer struct {
	ID    string `json:"id"` // sys_user sys_id, or the group's name
	Name  string `json:"name"`
	As    string `json:"as"`   // manager, owner, security, fallback
	Task  string `json:"task"` // number; "" until it exists
	Count int    `json:"count"`
}

// Figures are what a review read and found.
type Figures struct {
	People      int              `json:"people"`
	Groups      int              `json:"groups"`
	Apps        int              `json:"apps"`
	Memberships int              `json:"memberships"`
	Assignments int              `json:"assignments"`
	Calls       map[string]int   `json:"calls"` // by rate limit bucket
	Flags       map[Flag]int     `json:"flags"` // open findings
	Risks       map[Risk]int     `json:"risks"` // open findings
	Standings   map[Standing]int `json:"standings"`
	Answers     map[Answer]int   `json:"answers"` // None: undecided
}

// Point is an earlier review in the trend.
type Point struct {
	Review  string    `json:"review"`
	At      time.Time `json:"at"`
	Figures Figures   `json:"figures"`
}

// Review is one campaign: what was looked at, what was found, what was decided.
type Review struct {
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	Scope     string     `json:"scope"` // in words
	Began     time.Time  `json:"began"`
	Read      time.Time  `json:"read"` // when the last page was read
	Due       time.Time  `json:"due"`
	Closed    time.Time  `json:"closed,omitzero"` // zero while decisions are open
	Rules     string     `json:"rules"`           // version of the rules document
	Figures   Figures    `json:"figures"`
	Trend     []Point    `json:"trend"` // oldest first
	Reviewers []Reviewer `json:"reviewers"`
	Stream    string     `json:"stream"` // the ledger's, where its proof begins
	SignedOff string     `json:"signed_off,omitempty"`
}

// Findings are read as often as a format needs, riskiest first: they need not fit into memory.
type Findings func() iter.Seq2[Finding, error]
