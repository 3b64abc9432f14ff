package audit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifecycle/shared/audit"
	"lifecycle/shared/audit/audittest"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/dynamo/dynamotest"
)

// killed is a process that dies at a call: nothing it sends from then on comes
// to anything.
type killed struct {
	at   int  // the call at which it dies, counted from 1
	late bool // this call is still carried out
	call int
}

var errDead = errors.New("the process is dead")

// reach counts a call and says whether its work is done and whether an answer
// comes back.
func (k *killed) reach() (work, answer bool) {
	k.call++
	return k.call < k.at || k.call == k.at && k.late, k.call < k.at
}

func (k *killed) fault(*http.Request, int) *dynamo.Fault {
	work, answer := k.reach()
	if answer {
		return nil
	}
	return &dynamo.Fault{Work: work, Reset: true}
}

// noteOnce writes a note the way clients of systems without idempotency do.
func noteOnce(ctx context.Context, l *audit.Ledger, k *killed, notes *int) error {
	c := audit.Change{System: "servicenow", Verb: "ticket.update", Target: "incident/1", Key: "resolved"}
	if _, made, err := l.Done(ctx, c.Verb, c.Target, c.Key); made || err != nil {
		return err
	}
	return l.Do(ctx, c, func(_ context.Context, a audit.Attempt) (audit.Effect, error) {
		if a.Repeated && *notes > 0 {
			return audit.Effect{}, nil
		}
		work, answer := k.reach()
		if work {
			*notes++
		}
		if !answer {
			return audit.Effect{}, &fault.Unavailable{Message: "no answer", Cause: errDead}
		}
		return audit.Effect{}, nil
	})
}

// A process that dies at any of its calls, and after being started again at any
// of those, leaves exactly one note and an intact ledger.
func TestADeathAtAnyCallLeavesExactlyOneNote(t *testing.T) {
	t.Parallel()
	const calls = 8
	for first := range calls {
		for second := range calls {
			for late := range 4 {
				deaths := []killed{{at: first + 1, late: late&1 > 0}, {at: second + 1, late: late&2 > 0}}
				t.Run(fmt.Sprintf("%+v", deaths), func(t *testing.T) {
					t.Parallel()
					notes := 0
					err := dynamotest.Bubble(t, audittest.Table, func(ctx context.Context, db *dynamo.DB) error {
						l := audit.New(db.Client(), audittest.Table.Name)
						ctx = audittest.In(ctx, "s")
						for _, k := range deaths {
							db.Fault(k.fault)
							err := noteOnce(ctx, l, &k, &notes)
							if err != nil && !fault.Retryable(err) {
								return fmt.Errorf("a step that is cut off has to be tried again, but failed with %w", err)
							}
						}
						db.Fault(nil)
						alive := &killed{at: 1000}
						if err := errors.Join(noteOnce(ctx, l, alive, &notes), noteOnce(ctx, l, alive, &notes)); err != nil {
							return err
						}
						return intact(ctx, l, 1)
					})
					if err != nil || notes != 1 {
						t.Errorf("%d notes, %v", notes, err)
					}
				})
			}
		}
	}
}

// intact checks that the ledger verifies and that as many changes were made.
func intact(ctx context.Context, l *audit.Ledger, changes int) error {
	report, err := l.VerifyAll(ctx)
	if err != nil || !report.OK() {
		return fmt.Errorf("the ledger: %s, %w", report, err)
	}
	records, err := l.Stream(ctx, "s")
	made := map[string]bool{}
	for _, r := range records {
		if r.Phase == audit.Done {
			made[r.Target] = true
		}
	}
	if err == nil && len(made) != changes {
		err = fmt.Errorf("%d changes were made, want %d", len(made), changes)
	}
	return err
}

func TestAChangeWhoseOutcomeCouldNotBeNotedIsRepeated(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		act      error
		fault    dynamo.Fault
		repeated bool
	}{
		"made":                                {nil, dynamo.Fault{Reset: true}, true},
		"made, and the ledger answers 500":    {nil, dynamo.Fault{Code: "InternalServerError"}, true},
		"made and noted, but no answer comes": {nil, dynamo.Fault{Reset: true, Work: true}, false},
		"refused":                             {&fault.Denied{Message: "no"}, dynamo.Fault{Reset: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := dynamotest.Bubble(t, audittest.Table, func(ctx context.Context, db *dynamo.DB) error {
				l := audit.New(db.Client(), audittest.Table.Name)
				ctx = audittest.In(ctx, "s")
				err := l.Do(ctx, audittest.Grant("group/g1"), func(context.Context, audit.Attempt) (audit.Effect, error) {
					db.Fault(func(*http.Request, int) *dynamo.Fault { return &test.fault })
					return audit.Effect{}, test.act
				})
				if !fault.Is[*fault.Unavailable](err) || fault.Is[*fault.Denied](err) {
					t.Errorf("Do returned %v, want Unavailable", err)
				}
				db.Fault(nil)
				return l.Do(ctx, audittest.Grant("group/g1"), func(_ context.Context, a audit.Attempt) (audit.Effect, error) {
					if a.Repeated != test.repeated {
						t.Errorf("the next attempt is told repeated=%v", a.Repeated)
					}
					return audit.Effect{}, nil
				})
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnOutcomeIsNotWaitedForLongerThanItsTime(t *testing.T) {
	t.Parallel()
	err := dynamotest.Bubble(t, audittest.Table, func(ctx context.Context, db *dynamo.DB) error {
		l := audit.New(db.Client(), audittest.Table.Name)
		var began time.Time
		err := l.Do(audittest.In(ctx, "s"), audittest.Grant("group/g1"), func(context.Context, audit.Attempt) (audit.Effect, error) {
			db.Fault(func(*http.Request, int) *dynamo.Fault { return &dynamo.Fault{Hang: true} })
			began = time.Now()
			return audit.Effect{}, nil
		})
		if took := time.Since(began); !fault.Is[*fault.Unavailable](err) || took > 10*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

type gate struct{ err error }

func (g gate) Check(context.Context) error { return g.err }

func TestNothingIsDoneOrNotedWhileTheGateIsClosed(t *testing.T) {
	t.Parallel()
	err := dynamotest.Bubble(t, audittest.Table, func(ctx context.Context, db *dynamo.DB) error {
		closed := &fault.Stopped{Message: "stopped by the operator"}
		l := audit.New(db.Client(), audittest.Table.Name, audit.WithGate(gate{closed}))
		ctx = audittest.In(ctx, "s")
		if err := l.Do(ctx, audittest.Grant("group/g1"), func(context.Context, audit.Attempt) (audit.Effect, error) {
			t.Error("the change was made")
			return audit.Effect{}, nil
		}); !errors.Is(err, closed) {
			t.Errorf("Do returned %v", err)
		}
		if _, err := l.Fact(ctx, audittest.Grant("group/g1")); err != nil {
			t.Errorf("a fact changes no other system, but: %v", err)
		}
		records, err := l.Stream(ctx, "s")
		if len(records) != 1 {
			t.Errorf("records %+v", records)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Writers whose calls overtake each other and lose their answers at random never
// fork a stream or lose a record.
func TestWritersThatOvertakeEachOtherNeverForkAStream(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		writers := rapid.IntRange(2, 4).Draw(r, "writers")
		const changes = 2
		delays := rapid.SliceOfN(rapid.IntRange(0, 20), 10, 40).Draw(r, "delays")
		lost := rapid.SliceOfN(rapid.SampledFrom([]bool{false, false, false, true}), 7, 7).Draw(r, "lost answers")
		err := dynamotest.Bubble(t, audittest.Table, func(ctx context.Context, db *dynamo.DB) error {
			db.Fault(func(_ *http.Request, n int) *dynamo.Fault {
				return &dynamo.Fault{Latency: time.Duration(delays[n%len(delays)]) * time.Millisecond, Work: true, Reset: lost[n%len(lost)] && n%3 == 0}
			})
			l := audit.New(db.Client(), audittest.Table.Name)
			var wg sync.WaitGroup
			failures := make([]error, writers)
			for w := range writers {
				wg.Go(func() {
					for i := range changes {
						err := error(&fault.Unavailable{})
						for fault.Is[*fault.Unavailable](err) { // as the state machine does
							err = l.Do(audittest.In(ctx, "s"), audittest.Grant(fmt.Sprintf("group/%d-%d", w, i)), audittest.Makes)
						}
						failures[w] = errors.Join(failures[w], err)
					}
				})
			}
			wg.Wait()
			db.Fault(nil)
			return errors.Join(errors.Join(failures...), intact(ctx, l, writers*changes))
		})
		if err != nil {
			r.Fatal(err)
		}
	})
}

// A first attempt costs one read and two transactions, however long the stream.
func TestAChangeCostsOneReadAndTwoTransactions(t *testing.T) {
	t.Parallel()
	err := dynamotest.Bubble(t, audittest.Table, func(ctx context.Context, db *dynamo.DB) error {
		l := audit.New(db.Client(), audittest.Table.Name)
		ctx = audittest.In(ctx, "s")
		for i := range 20 {
			before := db.Calls()
			if err := l.Do(ctx, audittest.Grant(fmt.Sprintf("group/%d", i)), audittest.Makes); err != nil {
				return err
			}
			after := db.Calls()
			for operation, want := range map[string]int{"GetItem": 1, "TransactWriteItems": 2, "Query": 0} {
				if got := after[operation] - before[operation]; got != want {
					t.Errorf("change %d cost %d %s, want %d", i, got, operation, want)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// BenchmarkDo measures a change in the ledger of the embedded DynamoDB.
func BenchmarkDo(b *testing.B) {
	db := dynamo.New()
	if err := db.CreateTable(b.Context(), audittest.Table); err != nil {
		b.Fatal(err)
	}
	l := audit.New(db.Client(), audittest.Table.Name)
	for i := 0; b.Loop(); i++ {
		if err := l.Do(audittest.In(b.Context(), fmt.Sprint(i/20)), audittest.Grant(fmt.Sprint("group/", i%20)), audittest.Makes); err != nil {
			b.Fatal(err)
		}
	}
}
