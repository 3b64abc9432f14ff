package audittest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// repeats walks a change through outcomes and asks each time what the next
// attempt is told.
func repeats(t *testing.T, l *audit.Ledger) {
	t.Helper()
	for i, test := range []struct {
		outcomes []error // nil: made
		repeated bool
	}{
		{nil, false},
		{[]error{nil}, false},
		{[]error{&fault.Throttled{}}, false},
		{[]error{&fault.Conflict{}}, false},
		{[]error{&fault.Unavailable{}}, true},
		{[]error{errors.New("nobody knows")}, true},
		{[]error{context.DeadlineExceeded}, true},
		{[]error{&fault.Unavailable{Cause: &fault.Denied{}}}, true},
		{[]error{&fault.Unavailable{}, nil}, false},
		{[]error{&fault.Unavailable{}, &fault.Throttled{}}, true}, // the first may have been made
		{[]error{nil, &fault.Unavailable{}}, true},
	} {
		name := fmt.Sprintf("s%d", i)
		for _, outcome := range test.outcomes {
			if err := l.Do(In(t.Context(), name), Grant("group/g1"), Fails(outcome)); !errors.Is(err, outcome) {
				t.Fatal(err)
			}
		}
		for _, c := range []audit.Change{Grant("group/g1"), Grant("group/g2")} {
			var told audit.Attempt
			if err := l.Do(In(t.Context(), name), c, func(_ context.Context, a audit.Attempt) (audit.Effect, error) {
				told = a
				return audit.Effect{}, nil
			}); err != nil {
				t.Fatal(err)
			}
			if want := test.repeated && c.Target == "group/g1"; told.Repeated != want {
				t.Errorf("after %v, %s is told repeated=%v", test.outcomes, c.Target, told.Repeated)
			}
		}
	}
}

func done(t *testing.T, l *audit.Ledger) {
	t.Helper()
	c := Grant("incident/1")
	c.Key = "resolved"
	look := func(key string) (audit.Record, bool) {
		t.Helper()
		r, ok, err := l.Done(In(t.Context(), "s"), c.Verb, c.Target, key)
		if err != nil {
			t.Fatal(err)
		}
		return r, ok
	}
	if _, ok := look("resolved"); ok {
		t.Error("found what nobody has done")
	}
	for i, outcome := range []error{&fault.Unavailable{}, nil, nil, &fault.Denied{}} {
		if err := l.Do(In(t.Context(), "s"), c, Fails(outcome)); !errors.Is(err, outcome) {
			t.Fatal(err)
		}
		// The outcomes are records 2, 4, 6, 8; the second and third were made.
		r, ok := look("resolved")
		if want := []int64{0, 4, 6, 6}[i]; r.Seq != want || ok != (want > 0) {
			t.Errorf("after outcome %d record %d is found, want %d", i+1, r.Seq, want)
		}
	}
	if r, ok := look("another"); ok {
		t.Errorf("another key finds record %d", r.Seq)
	}
	if _, _, err := l.Done(t.Context(), c.Verb, c.Target, c.Key); !fault.Is[*fault.Invalid](err) {
		t.Errorf("without a trail: %v", err)
	}
}

func writers(t *testing.T, l *audit.Ledger) {
	t.Helper()
	const writers, changes = 4, 5
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range changes {
				if err := l.Do(In(context.Background(), "s"), Grant(fmt.Sprintf("group/%d-%d", w, i)), Makes); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	if records := stream(t, l, "s"); len(records) != 2*writers*changes {
		t.Errorf("%d records, want %d", len(records), 2*writers*changes)
	}
}

func empty(t *testing.T, l *audit.Ledger) {
	t.Helper()
	v, err := l.Verify(t.Context(), "nothing")
	if err != nil || !v.OK() || v.Records != 0 {
		t.Errorf("%s, %v", v, err)
	}
	if records := stream(t, l, "nothing"); len(records) != 0 {
		t.Errorf("records %v", records)
	}
}

func lateOutcomes(t *testing.T, l *audit.Ledger) {
	t.Helper()
	ctx, cancel := context.WithCancel(In(t.Context(), "s"))
	err := l.Do(ctx, Grant("group/g1"), func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
		cancel()
		return audit.Effect{}, ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Do returned %v", err)
	}
	if records := stream(t, l, "s"); len(records) != 2 || records[1].Phase != audit.Failed || !records[1].Uncertain {
		t.Errorf("records %+v", records)
	}
}
