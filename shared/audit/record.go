package audit

import (
	"context"
	"time"
)

// Phases of a record.
const (
	// Intent stands before a change: it is about to be made.
	Intent = "intent"
	// Done stands after a change that was made.
	Done = "done"
	// Failed stands after a change that was not made, or (Uncertain) of which
	// nobody knows.
	Failed = "failed"
	// Fact records what was seen or decided, changing no other system.
	Fact = "fact"
)

// Reason says why something was done.
type Reason struct {
	// Kind is what sort of reason it is, e.g. "birthright", "offboarding".
	Kind string `json:"kind,omitempty"`
	// Ref is the rule, ticket or approval.
	Ref string `json:"ref,omitempty"`
	// Version is the version of the rules that were in force.
	Version string `json:"version,omitempty"`
	// Text says it in words.
	Text string `json:"text,omitempty"`
}

// Trail says on whose behalf and where in the process something is done. It
// travels in the context of every step.
type Trail struct {
	// Stream is the ledger stream, "<table>/<sys_id>" of the ticket.
	Stream string
	// Execution is the ARN of the execution.
	Execution string
	// Ticket is the ticket's number.
	Ticket string
	// Actor is who acts, e.g. "system:onboarding".
	Actor string
	// Step is the step of the state machine, Attempt its retries so far.
	Step    string
	Attempt int
}

type trailKey struct{}

// WithTrail returns a context whose records carry the trail.
func WithTrail(ctx context.Context, t Trail) context.Context {
	return context.WithValue(ctx, trailKey{}, t)
}

// TrailOf returns the trail that ctx carries; ok is false when it carries none.
func TrailOf(ctx context.Context) (t Trail, ok bool) {
	t, ok = ctx.Value(trailKey{}).(Trail)
	return t, ok
}

// Change is what is to be done, or with Fact what was seen.
type Change struct {
	// System is the system that is changed: "okta", "servicenow".
	System string
	// Verb is what is done, e.g. "group.add".
	Verb string
	// Target is what it is done to, e.g. "group/<id>".
	Target string
	// Subject is the person concerned, by the Okta user id.
	Subject string
	// Reason is why.
	Reason Reason
	// Before and After are the state before, and the state that is meant to be
	// after. They are kept as JSON, at most MaxValue bytes each, without
	// personal data; what looks like a secret is dropped.
	Before, After any
	// Key tells two changes with the same verb and target apart; optional.
	Key string
}

// Record is one entry of the ledger.
type Record struct {
	Stream string    `json:"stream"`
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	// ID is random: it tells an entry that was written twice over from two
	// entries that say the same.
	ID string `json:"id"`
	// Phase is Intent, Done, Failed or Fact.
	Phase   string `json:"phase"`
	System  string `json:"system,omitempty"`
	Verb    string `json:"verb,omitempty"`
	Target  string `json:"target,omitempty"`
	Subject string `json:"subject,omitempty"`
	Key     string `json:"key,omitempty"`
	Reason  Reason `json:"reason,omitzero"`
	// Before and After are decoded JSON, numbers as json.Number.
	Before any `json:"before,omitempty"`
	After  any `json:"after,omitempty"`
	// Error is the message of the error that a failed change ended in.
	Error string `json:"error,omitempty"`
	// Uncertain says of a failed change that it may have been made all the same,
	// by this attempt (no answer came) or by an earlier one that was cut off.
	Uncertain bool   `json:"uncertain,omitempty"`
	Actor     string `json:"actor,omitempty"`
	Ticket    string `json:"ticket,omitempty"`
	Execution string `json:"execution,omitempty"`
	Step      string `json:"step,omitempty"`
	Attempt   int    `json:"attempt,omitempty"`
	// RequestID is the other system's name for the call.
	RequestID string `json:"request_id,omitempty"`
	// Intent is the number of the intent that an outcome belongs to.
	Intent int64 `json:"intent,omitempty"`
	// Previous is the hash of the record before; empty in the first.
	Previous string `json:"previous"`
	// Hash is the SHA-256 of everything above as stored, in hexadecimal.
	Hash string `json:"hash"`
}

// Attempt is what a change learns about its own past.
type Attempt struct {
	// Repeated says that an earlier attempt at the same verb, target and key in
	// this stream left no outcome, or failed without an answer: the change may
	// have been made already.
	Repeated bool
	// Record names the intent of this attempt, "<stream>/<number>": what is written
	// elsewhere says by it where its proof is.
	Record string
}

// Effect is what came of a change.
type Effect struct {
	// After is the state after the change; nil when there is nothing to tell.
	After any
	// RequestID is the other system's name for the call, e.g. Okta's
	// X-Okta-Request-Id.
	RequestID string
}
