package audit

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
)

// Gate is asked before every change; *guard.Switch is one.
type Gate interface {
	// Check returns *fault.Stopped when no changes may be made now.
	Check(ctx context.Context) error
}

// Ledger writes and reads the ledger. It is safe for concurrent use.
type Ledger struct {
	client *dynamodb.Client
	table  string
	gate   Gate
}

// Option changes a Ledger at its making.
type Option func(*Ledger)

// WithGate makes Do ask the gate before anything else.
func WithGate(g Gate) Option { return func(l *Ledger) { l.gate = g } }

// New returns the ledger in the table.
func New(client *dynamodb.Client, table string, options ...Option) *Ledger {
	l := &Ledger{client: client, table: table}
	for _, o := range options {
		o(l)
	}
	return l
}

// Fact appends one record of what was seen or decided. It is not stopped by the
// gate, because it changes no other system.
//
// It returns *fault.Invalid when the context has no trail or a value cannot be
// kept, otherwise what DynamoDB's failure means.
func (l *Ledger) Fact(ctx context.Context, c Change) (Record, error) { return l.FactWith(ctx, c) }

// FactWith appends a fact together with writes of the caller's own, all or none
// of them: what a table of ours says and what the ledger says of it cannot
// differ. A condition of with that does not hold is *fault.Conflict, with
// nothing written.
func (l *Ledger) FactWith(ctx context.Context, c Change, with ...types.TransactWriteItem) (Record, error) {
	draft, err := drafted(ctx, c, Fact)
	if err != nil {
		return Record{}, err
	}
	entry, err := l.append(ctx, draft, nil, with...)
	return entry.Record, err
}

// Do makes a change so that it leaves a trace whatever happens: it asks the
// gate, appends the intent, runs act, and appends how it ended. act must be
// idempotent, because it runs again when the process dies or the outcome cannot
// be noted.
//
// It returns act's own error unchanged; *fault.Stopped, with nothing done, when
// the gate is closed; *fault.Invalid when the context has no trail or a value
// cannot be kept; *fault.Unavailable when the outcome could not be noted.
func (l *Ledger) Do(ctx context.Context, c Change, act func(context.Context, Attempt) (Effect, error)) error {
	if l.gate != nil {
		if err := l.gate.Check(ctx); err != nil {
			return err
		}
	}
	draft, err := drafted(ctx, c, Intent)
	if err != nil {
		return err
	}
	intent, err := l.append(ctx, draft, nil)
	if err != nil {
		return err
	}
	effect, failure := act(ctx, Attempt{Repeated: intent.repeated, Record: intent.Ref()})

	// The caller may have run out of time; what happened is noted all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outcomeTime)
	defer cancel()
	if _, err := l.append(ctx, outcome(draft, intent, effect, failure), &intent.head); err != nil {
		how := "was made"
		if failure != nil {
			how = "failed"
		}
		return &fault.Unavailable{Message: fmt.Sprintf("%s of %s %s, which the ledger could not note; it is tried again", c.Verb, c.Target, how), Cause: err}
	}
	return failure
}

// outcomeTime is how long noting an outcome may take once the caller's own time
// is up.
const outcomeTime = 5 * time.Second

// mostError is the longest error message that is kept, in bytes.
const mostError = 2000

// drafted is the record of a change before it has its place in the stream.
func drafted(ctx context.Context, c Change, phase string) (Record, error) {
	trail, ok := TrailOf(ctx)
	if !ok || trail.Stream == "" {
		return Record{}, &fault.Invalid{Message: fmt.Sprintf("%s of %s was asked for without a ticket to record it under; nothing was done", c.Verb, c.Target)}
	}
	before, err := kept(c.Before)
	if err != nil {
		return Record{}, &fault.Invalid{Message: fmt.Sprintf("the state before %s of %s cannot be kept in the ledger; nothing was done", c.Verb, c.Target), Cause: err}
	}
	after, err := kept(c.After)
	if err != nil {
		return Record{}, &fault.Invalid{Message: fmt.Sprintf("the state after %s of %s cannot be kept in the ledger; nothing was done", c.Verb, c.Target), Cause: err}
	}
	return Record{
		Stream: trail.Stream, ID: rand.Text(), Phase: phase,
		System: c.System, Verb: c.Verb, Target: c.Target, Subject: c.Subject, Key: c.Key, Reason: c.Reason,
		Before: before, After: after,
		Actor: trail.Actor, Ticket: trail.Ticket, Execution: trail.Execution, Step: trail.Step, Attempt: trail.Attempt,
	}, nil
}

// outcome is the record that answers an intent.
func outcome(draft Record, intent entry, effect Effect, failure error) Record {
	r := draft
	r.ID, r.Phase, r.Intent = rand.Text(), Done, intent.Seq
	r.Before, r.RequestID = nil, effect.RequestID
	after, err := kept(effect.After)
	if err != nil {
		// The change is made; a state too large to keep must not hide that.
		after = map[string]any{"not_kept": err.Error()}
	}
	r.After = after
	if failure != nil {
		r.Phase, r.Error = Failed, cut(failure.Error(), mostError)
		r.Uncertain = intent.repeated || !refused(failure)
	}
	return r
}

// refused reports whether the error says that the change was certainly not
// made. No answer, a 5xx, or an error that nobody classified does not say that.
func refused(err error) bool {
	if fault.Is[*fault.Unavailable](err) {
		return false
	}
	return fault.Is[*fault.Throttled](err) || fault.Is[*fault.Stopped](err) || fault.Is[*fault.Conflict](err) ||
		fault.Is[*fault.NotFound](err) || fault.Is[*fault.Invalid](err) || fault.Is[*fault.Denied](err)
}
