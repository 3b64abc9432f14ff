package guard_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifecycle/shared/fault"
	"lifecycle/shared/guard"
	"lifecycle/shared/guard/guardtest"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/dynamo/dynamotest"
)

func TestGuards(t *testing.T) {
	t.Parallel()
	dynamotest.Run(t, guardtest.Run)
}

// The count is held against a list that is kept by hand.
func TestTheBreakerCountsWhoCameWithinTheWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		type arrival struct {
			who   int
			pause time.Duration
		}
		arrivals := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) arrival {
			return arrival{rapid.IntRange(1, 5).Draw(r, "who"), time.Duration(rapid.IntRange(0, 40).Draw(r, "pause")) * time.Minute}
		}), 1, 15).Draw(r, "arrivals")
		err := dynamotest.Bubble(t, guardtest.Table, func(ctx context.Context, db *dynamo.DB) error {
			b := guard.NewBreaker(db.Client(), guardtest.Table.Name)
			counted := map[int]time.Time{}
			for i, a := range arrivals {
				time.Sleep(a.pause)
				maps.DeleteFunc(counted, func(_ int, at time.Time) bool { return time.Since(at) >= time.Hour })
				if _, again := counted[a.who]; !again {
					counted[a.who] = time.Now()
				}
				got, err := b.Register(ctx, "offboarding", fmt.Sprintf("incident/%d", a.who), time.Hour)
				if err != nil || got != len(counted) {
					return fmt.Errorf("arrival %d: counted %d, %w; want %d", i, got, err, len(counted))
				}
			}
			return nil
		})
		if err != nil {
			r.Fatal(err)
		}
	})
}

func TestTheSwitchIsReadAtMostEveryFiveSeconds(t *testing.T) {
	t.Parallel()
	err := dynamotest.Bubble(t, guardtest.Table, func(ctx context.Context, db *dynamo.DB) error {
		s := guard.NewSwitch(db.Client(), guardtest.Table.Name)
		for range 100 { // ten seconds
			if err := s.Check(ctx); err != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got := db.Calls()["GetItem"]; got != 2 {
			t.Errorf("read %d times in ten seconds, want 2", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeReadStops(t *testing.T) {
	t.Parallel()
	err := dynamotest.Bubble(t, guardtest.Table, func(ctx context.Context, db *dynamo.DB) error {
		db.Fault(func(*http.Request, int) *dynamo.Fault { return &dynamo.Fault{Reset: true} })
		s := guard.NewSwitch(db.Client(), guardtest.Table.Name)
		if err := s.Check(ctx); !fault.Is[*fault.Unavailable](err) {
			t.Errorf("Check: %v", err)
		}
		if _, err := guard.NewBreaker(db.Client(), guardtest.Table.Name).Register(ctx, "offboarding", "incident/1", time.Hour); !fault.Is[*fault.Unavailable](err) {
			t.Errorf("Register: %v", err)
		}
		if err := s.Stop(ctx, "jdoe", "drill"); !fault.Is[*fault.Unavailable](err) {
			t.Errorf("Stop: %v", err)
		}
		db.Fault(nil)
		return s.Check(ctx) // nobody managed to stop it
	})
	if err != nil {
		t.Error(err)
	}
}
