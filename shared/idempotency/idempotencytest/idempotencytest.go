// Package idempotencytest is the conformance suite of custody and claims: what
// must hold on every DynamoDB.
package idempotencytest

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/fault"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/dynamo/dynamotest"
)

// Table is the table of custody and claims.
var Table = dynamo.Spec{Name: "idempotency", Hash: "pk", TTL: "expires"}

// resolved is how the suite's executions end.
const resolved = "resolved"

// Run runs the suite.
func Run(t *testing.T, e dynamotest.Engine) {
	t.Helper()
	for name, run := range map[string]func(*bench){
		"one execution holds, and is told of the others":             holds,
		"the holder may take again, and then has seen every change":  retakes,
		"a change before the wait wakes at once":                     waits,
		"giving back keeps how it ended":                             outcomes,
		"a change keeps the holder until it takes again":             keeps,
		"giving back what is not ours is harmless":                   foreign,
		"a dead holder loses custody once":                           seizes,
		"tickets do not disturb each other":                          separate,
		"an event is claimed once and then replayed":                 replays,
		"the same key with another payload is refused":               conflicts,
		"an event in progress is not processed twice":                progresses,
		"a claim whose lease ran out may be taken over":              leases,
		"an answer is forgotten in time, whether deleted or not yet": expires,
		"the first answer stays":                                     first,
		"many events are completed and found again at once":          batches,
	} {
		e.Case(t, name, Table, func(t *testing.T, client *dynamodb.Client, table string) {
			t.Helper()
			run(&bench{t: t, Store: idempotency.New(client, table)})
		})
	}
}

// bench is a store whose calls must succeed.
type bench struct {
	*idempotency.Store

	t *testing.T
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) take(execution string) idempotency.Custody {
	b.t.Helper()
	c, err := b.Take(b.t.Context(), "incident/1", execution)
	b.must(err)
	return c
}

func (b *bench) await(execution, token string) bool {
	b.t.Helper()
	changed, err := b.Await(b.t.Context(), "incident/1", execution, token)
	b.must(err)
	return changed
}

func (b *bench) release(execution, outcome, fingerprint string) bool {
	b.t.Helper()
	changed, err := b.Release(b.t.Context(), "incident/1", execution, outcome, fingerprint)
	b.must(err)
	return changed
}

func (b *bench) want(what string, want, got any) {
	b.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func holds(b *bench) {
	_, known, err := b.Custody(b.t.Context(), "incident/1")
	b.must(err)
	b.want("before anything", false, known)
	b.want("the first", idempotency.Custody{Held: true, Owner: "a"}, b.take("a"))
	b.want("the second", idempotency.Custody{Owner: "a"}, b.take("b"))
	b.want("await", true, b.await("a", "token-1"))
	b.want("the third", idempotency.Custody{Owner: "a", Token: "token-1"}, b.take("c"))
	c, known, err := b.Custody(b.t.Context(), "incident/1")
	b.must(err)
	b.want("reading it", []any{true, idempotency.Custody{Held: true, Owner: "a", Token: "token-1"}}, []any{known, c})
}

func retakes(b *bench) {
	b.take("a")
	b.take("b")
	b.await("a", "token-1")
	b.want("again", idempotency.Custody{Held: true, Owner: "a"}, b.take("a"))
	b.want("await", false, b.await("a", "token-2"))
	b.want("who comes after", idempotency.Custody{Owner: "a", Token: "token-2"}, b.take("b"))
}

func waits(b *bench) {
	b.take("a")
	b.want("nothing came", false, b.await("a", "token-1"))
	b.take("b")
	b.want("something came", true, b.await("a", "token-2"))
	b.want("asked again, after a lost answer", true, b.await("a", "token-2"))
	b.want("somebody who does not hold", true, b.await("b", "token-3"))
	b.want("and leaves no token", idempotency.Custody{Owner: "a", Token: "token-2"}, b.take("b"))
}

func outcomes(b *bench) {
	b.take("a")
	b.want("release", false, b.release("a", "returned", "f1"))
	b.want("the next", idempotency.Custody{Held: true, Owner: "b", LastOutcome: "returned", LastFingerprint: "f1"}, b.take("b"))
	b.want("release", false, b.release("b", "", ""))
	c, known, err := b.Custody(b.t.Context(), "incident/1")
	b.must(err)
	b.want("kept", []any{true, idempotency.Custody{LastOutcome: "returned", LastFingerprint: "f1"}}, []any{known, c})
	b.take("c")
	b.want("release", false, b.release("c", resolved, ""))
	b.want("replaced", idempotency.Custody{Held: true, Owner: "d", LastOutcome: resolved}, b.take("d"))
	b.must(b.Forget(b.t.Context(), "incident/1", "c")) // not its to forget
	b.want("of the holder", idempotency.Custody{Held: true, Owner: "d", LastOutcome: resolved}, b.take("d"))
	b.must(b.Forget(b.t.Context(), "incident/1", "d"))
	b.want("forgotten", idempotency.Custody{Held: true, Owner: "d"}, b.take("d"))
}

func keeps(b *bench) {
	b.take("a")
	b.take("b")
	b.want("release", true, b.release("a", resolved, "f1"))
	b.want("release, after a lost answer", true, b.release("a", resolved, "f1"))
	b.want("somebody else", idempotency.Custody{Owner: "a", LastOutcome: resolved, LastFingerprint: "f1"}, b.take("c"))
	b.want("again, knowing what it has just left", idempotency.Custody{Held: true, Owner: "a", LastOutcome: resolved, LastFingerprint: "f1"}, b.take("a"))
	b.want("release", false, b.release("a", resolved, "f2"))
	b.want("the next", idempotency.Custody{Held: true, Owner: "c", LastOutcome: resolved, LastFingerprint: "f2"}, b.take("c"))
}

func foreign(b *bench) {
	b.want("of nothing", false, b.release("a", resolved, "f1"))
	b.take("b")
	b.take("c")
	b.want("of another's", false, b.release("a", resolved, "f1"))
	b.want("the other's", true, b.release("b", resolved, "f2"))
}

func seizes(b *bench) {
	b.take("dead")
	b.await("dead", "token-1")
	b.take("b")
	b.must(b.Seize(b.t.Context(), "incident/1", "dead", "b"))
	b.must(b.Seize(b.t.Context(), "incident/1", "dead", "c")) // too late, and no error
	b.want("who was late", idempotency.Custody{Owner: "b"}, b.take("c"))
	b.want("who seized", idempotency.Custody{Held: true, Owner: "b"}, b.take("b"))
	b.want("the dead, should it move once more", false, b.release("dead", resolved, "f1"))
	b.want("release", false, b.release("b", resolved, "f2"))
	b.must(b.Seize(b.t.Context(), "incident/1", "b", "c"))
	c, _, err := b.Custody(b.t.Context(), "incident/1")
	b.must(err)
	b.want("seizing what is free", idempotency.Custody{LastOutcome: resolved, LastFingerprint: "f2"}, c)
}

func separate(b *bench) {
	b.take("a")
	c, err := b.Take(b.t.Context(), "incident/2", "b")
	b.must(err)
	b.want("another ticket", idempotency.Custody{Held: true, Owner: "b"}, c)
	b.want("no change", false, b.release("a", "", ""))
}

const lease = 200 * time.Millisecond

func (b *bench) claim(payload string) (idempotency.Claim, error) {
	return b.Claim(b.t.Context(), "webhook/1", payload, lease)
}

func (b *bench) claimed(payload, state, result string) {
	b.t.Helper()
	c, err := b.claim(payload)
	b.must(err)
	b.want("claim", idempotency.Claim{State: state, Result: result}, c)
}

func (b *bench) complete(payload, result string, keep time.Duration) {
	b.t.Helper()
	b.must(b.Complete(b.t.Context(), "webhook/1", payload, result, keep))
}

func replays(b *bench) {
	b.claimed("p", idempotency.StateNew, "")
	b.complete("p", "execution-1", time.Hour)
	b.claimed("p", idempotency.StateReplay, "execution-1")
	b.claimed("p", idempotency.StateReplay, "execution-1")
	c, err := b.Claim(b.t.Context(), "webhook/2", "p", lease)
	b.must(err)
	b.want("another key", idempotency.StateNew, c.State)
	b.must(b.Complete(b.t.Context(), "webhook/3", "p", "", time.Hour)) // never claimed, or deleted since
	c, err = b.Claim(b.t.Context(), "webhook/3", "p", lease)
	b.must(err)
	b.want("an empty answer", idempotency.Claim{State: idempotency.StateReplay}, c)
}

func conflicts(b *bench) {
	b.claimed("p", idempotency.StateNew, "")
	refused := func(when string) {
		b.t.Helper()
		if _, err := b.claim("q"); !fault.Is[*fault.Conflict](err) {
			b.t.Errorf("%s: %v, want a conflict", when, err)
		}
	}
	refused("in progress")
	time.Sleep(2 * lease)
	refused("after its lease")
	if err := b.Complete(b.t.Context(), "webhook/1", "q", "x", time.Hour); !fault.Is[*fault.Conflict](err) {
		b.t.Errorf("completing another payload: %v, want a conflict", err)
	}
	b.complete("p", "execution-1", time.Hour)
	refused("completed")
	b.claimed("p", idempotency.StateReplay, "execution-1")
}

func progresses(b *bench) {
	b.claimed("p", idempotency.StateNew, "")
	if _, err := b.Claim(context.Background(), "webhook/1", "p", time.Hour); !fault.Is[*fault.Unavailable](err) {
		b.t.Errorf("%v, want it to be tried again", err)
	}
}

func leases(b *bench) {
	b.claimed("p", idempotency.StateNew, "")
	time.Sleep(lease + time.Millisecond)
	b.claimed("p", idempotency.StateNew, "")
	if _, err := b.claim("p"); !fault.Is[*fault.Unavailable](err) {
		b.t.Errorf("%v, want it to be tried again: the lease is new", err)
	}
	b.complete("p", "execution-1", time.Hour)
	time.Sleep(lease + time.Millisecond)
	b.claimed("p", idempotency.StateReplay, "execution-1")
}

func expires(b *bench) {
	b.claimed("p", idempotency.StateNew, "")
	b.complete("p", "execution-1", 500*time.Millisecond)
	b.claimed("p", idempotency.StateReplay, "execution-1")
	time.Sleep(2 * time.Second) // expiry is kept in whole seconds
	b.claimed("q", idempotency.StateNew, "")
	b.complete("q", "execution-2", time.Hour)
	b.claimed("q", idempotency.StateReplay, "execution-2")
}

func first(b *bench) {
	b.claimed("p", idempotency.StateNew, "")
	b.complete("p", "execution-1", time.Hour)
	b.complete("p", "execution-2", time.Hour)
	b.claimed("p", idempotency.StateReplay, "execution-1")
}
