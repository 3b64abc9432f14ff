package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifecycle/shared/fault"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/idempotency/idempotencytest"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/dynamo/dynamotest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	dynamotest.Run(t, idempotencytest.Run)
}

// office is a ticket with the executions that work on it. Each does as the state
// machines do: it takes the ticket or leaves it to the holder, reads it, may
// wait for a change, and gives it back.
type office struct {
	store *idempotency.Store

	mu      sync.Mutex
	version int             // of the ticket: every event makes a new one
	seen    int             // the latest version that a holder has read
	holder  string          // who believes to hold, to find two at once
	dead    map[string]bool // executions that were killed
	waiting map[string]chan struct{}

	failing sync.Mutex
	err     error
}

func (o *office) failf(format string, args ...any) {
	o.failing.Lock()
	defer o.failing.Unlock()
	o.err = errors.Join(o.err, fmt.Errorf(format, args...))
}

// wake resumes whoever waits on the token; one that nobody waits on is fine.
func (o *office) wake(token string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w, ok := o.waiting[token]; ok {
		delete(o.waiting, token)
		close(w)
	}
}

// take runs until the execution holds, or knows that a living one does.
func (o *office) take(ctx context.Context, me string) bool {
	for {
		c, err := again(func() (idempotency.Custody, error) { return o.store.Take(ctx, "incident/1", me) })
		o.mu.Lock()
		if err != nil {
			o.failf("take by %s: %w", me, err)
		}
		if c.Held && o.holder != "" && o.holder != me && !o.dead[o.holder] {
			o.failf("%s holds while %s does", me, o.holder)
		}
		if c.Held {
			o.holder = me
		}
		dead := o.dead[c.Owner]
		o.mu.Unlock()
		switch {
		case err != nil || c.Held:
			return c.Held
		case !dead:
			o.wake(c.Token)
			return false
		}
		if _, err := again(func() (bool, error) { return false, o.store.Seize(ctx, "incident/1", c.Owner, me) }); err != nil {
			o.failf("seizure by %s: %w", me, err)
		}
	}
}

// script says what an execution does once it holds.
type script struct {
	Arrives time.Duration // when the event that starts it happens
	Works   time.Duration
	Waits   bool // for a change, half a day at most
	Dies    bool // while it works
}

// run is an execution, started by an event.
func (o *office) run(ctx context.Context, me string, s script) {
	time.Sleep(s.Arrives)
	o.mu.Lock()
	o.version++
	o.mu.Unlock()
	for o.take(ctx, me) {
		o.mu.Lock()
		o.seen = o.version
		o.mu.Unlock()
		time.Sleep(s.Works)
		if s.Dies {
			o.mu.Lock()
			o.dead[me] = true
			o.mu.Unlock()
			return
		}
		if s.Waits && o.awaits(ctx, me) {
			continue
		}
		if !o.gaveBack(ctx, me) {
			continue
		}
		return
	}
}

// awaits waits and reports whether a change came.
func (o *office) awaits(ctx context.Context, me string) bool {
	woken := make(chan struct{})
	token := fmt.Sprintf("%s at %s", me, time.Now())
	o.mu.Lock()
	o.waiting[token] = woken
	o.mu.Unlock()
	changed, err := again(func() (bool, error) { return o.store.Await(ctx, "incident/1", me, token) })
	if err != nil {
		o.failf("wait by %s: %w", me, err)
	}
	if changed {
		o.wake(token)
	}
	select {
	case <-woken:
		return true
	case <-time.After(12 * time.Hour):
		return false
	}
}

func (o *office) gaveBack(ctx context.Context, me string) bool {
	o.mu.Lock()
	// From here on another may hold: the call frees at some moment of its own.
	o.holder = ""
	o.mu.Unlock()
	changed, err := again(func() (bool, error) { return o.store.Release(ctx, "incident/1", me, "resolved", "f") })
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.failf("release by %s: %w", me, err)
	}
	if changed {
		o.holder = me
	}
	return !changed
}

// again repeats a call that the state machine would repeat.
func again[T any](call func() (T, error)) (result T, err error) {
	for {
		if result, err = call(); !fault.Retryable(err) {
			return result, err
		}
	}
}

// unruly delays calls, so that they overtake each other, and loses the answers
// of some of the first.
func unruly(delays []int, lost []bool) func(*http.Request, int) *dynamo.Fault {
	return func(_ *http.Request, n int) *dynamo.Fault {
		return &dynamo.Fault{
			Latency: time.Duration(delays[n%len(delays)]) * time.Millisecond,
			Work:    true, Reset: n < len(lost) && lost[n],
		}
	}
}

// Events that come at any time, calls that overtake each other, answers that get
// lost: never do two executions hold a ticket, and the last change is always
// read by somebody.
func TestTwoNeverHoldAndNoChangeIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		mayDie := rapid.Bool().Draw(r, "some die")
		scripts := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) script {
			return script{
				Arrives: time.Duration(rapid.IntRange(0, 60).Draw(r, "arrives")) * time.Millisecond,
				Works:   time.Duration(rapid.IntRange(0, 30).Draw(r, "works")) * time.Millisecond,
				Waits:   rapid.Bool().Draw(r, "waits"),
				Dies:    mayDie && rapid.IntRange(0, 3).Draw(r, "dies") == 0,
			}
		}), 2, 6).Draw(r, "executions")
		delays := rapid.SliceOfN(rapid.IntRange(0, 10), 8, 30).Draw(r, "delays")
		lost := rapid.SliceOfN(rapid.SampledFrom([]bool{false, false, true}), 0, 60).Draw(r, "lost answers")
		err := dynamotest.Bubble(t, idempotencytest.Table, func(ctx context.Context, db *dynamo.DB) error {
			db.Fault(unruly(delays, lost))
			o := &office{store: idempotency.New(db.Client(), idempotencytest.Table.Name), dead: map[string]bool{}, waiting: map[string]chan struct{}{}}
			var wg sync.WaitGroup
			for i, s := range scripts {
				wg.Go(func() { o.run(ctx, fmt.Sprintf("execution-%d", i), s) })
			}
			wg.Wait()
			if len(o.dead) > 0 {
				// The sweep starts one for a ticket whose holder is dead.
				o.run(ctx, "sweep", script{})
			}
			db.Fault(nil)
			c, _, err := o.store.Custody(ctx, "incident/1")
			if c.Held {
				o.failf("%s still holds when all have ended", c.Owner)
			}
			if o.seen != o.version {
				o.failf("version %d of the ticket is the last, %d the last that was read", o.version, o.seen)
			}
			return errors.Join(o.err, err)
		})
		if err != nil {
			r.Fatal(err)
		}
	})
}

// Several that bring the same event at once, with lost answers: one at a time
// processes it, and in the end all have the same answer.
func TestAnEventIsProcessedByOneAtATime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		senders := rapid.IntRange(2, 5).Draw(r, "senders")
		crashes := rapid.SliceOfN(rapid.Bool(), 3, 3).Draw(r, "crashes") // of who processes first, second, third
		delays := rapid.SliceOfN(rapid.IntRange(0, 10), 8, 30).Draw(r, "delays")
		lost := rapid.SliceOfN(rapid.SampledFrom([]bool{false, false, true}), 0, 60).Draw(r, "lost answers")
		const lease = time.Minute
		err := dynamotest.Bubble(t, idempotencytest.Table, func(ctx context.Context, db *dynamo.DB) error {
			db.Fault(unruly(delays, lost))
			s := idempotency.New(db.Client(), idempotencytest.Table.Name)
			var (
				mu              sync.Mutex
				attempts, inUse int
				problem         error
				wg              sync.WaitGroup
			)
			send := func() {
				for {
					c, err := s.Claim(ctx, "webhook/1", "p", lease)
					if fault.Retryable(err) {
						time.Sleep(10 * time.Second)
						continue
					}
					mu.Lock()
					if err != nil || c.State == idempotency.StateReplay && c.Result != "execution" {
						problem = errors.Join(problem, err, fmt.Errorf("got %+v", c))
					}
					if err != nil || c.State == idempotency.StateReplay {
						mu.Unlock()
						return
					}
					attempts++
					inUse++
					if inUse > 1 {
						problem = errors.Join(problem, errors.New("two process the event at once"))
					}
					crash := attempts <= len(crashes) && crashes[attempts-1]
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					inUse--
					mu.Unlock()
					if !crash {
						if _, err := again(func() (bool, error) { return true, s.Complete(ctx, "webhook/1", "p", "execution", time.Hour) }); err != nil {
							mu.Lock()
							problem = errors.Join(problem, err)
							mu.Unlock()
						}
					}
				}
			}
			for range senders {
				wg.Go(send)
			}
			wg.Wait()
			return problem
		})
		if err != nil {
			r.Fatal(err)
		}
	})
}

func TestAFailureOfTheTableIsTold(t *testing.T) {
	t.Parallel()
	err := dynamotest.Bubble(t, idempotencytest.Table, func(ctx context.Context, db *dynamo.DB) error {
		db.Fault(func(*http.Request, int) *dynamo.Fault { return &dynamo.Fault{Code: "AccessDeniedException"} })
		s := idempotency.New(db.Client(), idempotencytest.Table.Name)
		for name, call := range map[string]func() error{
			"take":     func() error { _, err := s.Take(ctx, "incident/1", "a"); return err },
			"seize":    func() error { return s.Seize(ctx, "incident/1", "a", "b") },
			"await":    func() error { _, err := s.Await(ctx, "incident/1", "a", "t"); return err },
			"release":  func() error { _, err := s.Release(ctx, "incident/1", "a", "", ""); return err },
			"custody":  func() error { _, _, err := s.Custody(ctx, "incident/1"); return err },
			"claim":    func() error { _, err := s.Claim(ctx, "webhook/1", "p", time.Minute); return err },
			"complete": func() error { return s.Complete(ctx, "webhook/1", "p", "", time.Minute) },
		} {
			if err := call(); !fault.Is[*fault.Denied](err) {
				t.Errorf("%s: %v, want Denied", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
