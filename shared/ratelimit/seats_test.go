package ratelimit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/ratelimit"
)

const (
	groups = "/api/v1/groups"
	apps   = "/api/v1/apps"
	other  = "/api/v1"
)

type testBundle struct {
	db    *dynamo.DB
	seats *ratelimit.Seats
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	db := dynamo.New()
	if err := db.CreateTable(context.Background(), dynamo.Spec{Name: "control", Hash: "pk", Range: "sk", TTL: "expires"}); err != nil {
		t.Fatal(err)
	}
	return &testBundle{db: db, seats: ratelimit.New(db.Client(), "control", 0.92)}
}

func (b *testBundle) book(t *testing.T, class ratelimit.Class, id string, needs ...ratelimit.Need) ratelimit.Booking {
	t.Helper()
	k, err := b.seats.Book(t.Context(), class, id, needs)
	if err != nil {
		t.Fatalf("Book %s: %v", id, err)
	}
	return k
}

// waitFor goes to a booking's time and checks in, again and again until the
// calls may be made, as workflow.BookSeats and the state machine do.
func (b *testBundle) waitFor(t *testing.T, k ratelimit.Booking) ratelimit.Booking {
	t.Helper()
	for {
		time.Sleep(time.Until(k.At))
		var err error
		if k, err = b.seats.CheckIn(t.Context(), throughJSON(t, k)); err != nil {
			t.Fatalf("CheckIn: %v", err)
		}
		if !k.At.After(time.Now()) {
			return k
		}
	}
}

// throughJSON is the way of a booking through the state machine.
func throughJSON(t *testing.T, k ratelimit.Booking) ratelimit.Booking {
	t.Helper()
	encoded, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	var back ratelimit.Booking
	if err := json.Unmarshal(encoded, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func (b *testBundle) writes() int { return b.db.Calls()["TransactWriteItems"] }

func need(bucket string, calls int) ratelimit.Need {
	return ratelimit.Need{Bucket: bucket, Calls: calls}
}

// bubble runs a test on virtual time.
func bubble(t *testing.T, name string, test func(t *testing.T, b *testBundle)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { test(t, setup(t)) })
	})
}

func TestBook(t *testing.T) {
	t.Parallel()
	bubble(t, "an idle limit gives a seat at once", func(t *testing.T, b *testBundle) {
		k := b.book(t, ratelimit.Normal, "one", need(groups, 5), need(other, 3))
		if k.At.After(time.Now()) {
			t.Errorf("at %s, now is %s", k.At, time.Now())
		}
	})
	bubble(t, "a retry gets the same booking and takes no second seat", func(t *testing.T, b *testBundle) {
		for i := range 20 {
			b.book(t, ratelimit.Normal, fmt.Sprint("before ", i), need(apps, 2))
		}
		first := b.book(t, ratelimit.Normal, "one", need(apps, 2))
		wrote := b.writes()
		time.Sleep(3 * time.Second)
		if again := b.book(t, ratelimit.Normal, "one", need(apps, 2)); again.At != first.At || again.Seen != first.Seen {
			t.Errorf("first at %s, again at %s", first.At, again.At)
		}
		if b.writes() != wrote {
			t.Error("the retry wrote to the board")
		}
		if next := b.book(t, ratelimit.Normal, "two", need(apps, 2)); next.At.After(first.At.Add(3 * time.Second)) {
			t.Errorf("the next came at %s, after %s", next.At, first.At)
		}
	})
	bubble(t, "a booking whose answer was lost is found by the retry", func(t *testing.T, b *testBundle) {
		b.db.Fault(func(r *http.Request, _ int) *dynamo.Fault {
			if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "TransactWriteItems") {
				return &dynamo.Fault{Work: true, Reset: true}
			}
			return nil
		})
		_, err := b.seats.Book(t.Context(), ratelimit.Normal, "one", []ratelimit.Need{need(apps, 90)})
		if !fault.Is[*fault.Unavailable](err) {
			t.Fatalf("a cut connection gave %v", err)
		}
		b.db.Fault(nil)
		k := b.book(t, ratelimit.Normal, "one", need(apps, 90))
		if wait := time.Until(k.At); wait > 0 {
			t.Errorf("the retry has to wait %s: the first try took another seat", wait)
		}
	})
	bubble(t, "several buckets are booked where all have room", func(t *testing.T, b *testBundle) {
		b.book(t, ratelimit.Normal, "apps", need(apps, 92))
		b.book(t, ratelimit.Normal, "groups", need(groups, 230))
		one := b.book(t, ratelimit.Normal, "one", need(apps, 1), need(groups, 1))
		appsAlone := b.book(t, ratelimit.Normal, "other", need(apps, 1))
		if one.At.Before(time.Now().Add(30*time.Second)) || appsAlone.At.Before(one.At.Add(-time.Second)) {
			t.Errorf("both at %s, apps alone at %s", one.At, appsAlone.At)
		}
	})
	bubble(t, "nothing needed takes no seat", func(t *testing.T, b *testBundle) {
		k := b.book(t, ratelimit.Normal, "one", need(apps, 0))
		if k, err := b.seats.CheckIn(t.Context(), k); err != nil || k.At.After(time.Now()) || b.writes() > 0 {
			t.Errorf("at %s, %v, %d writes", k.At, err, b.writes())
		}
	})
	bubble(t, "what cannot be is refused", func(t *testing.T, b *testBundle) {
		for name, book := range map[string]func() (ratelimit.Booking, error){
			"class": func() (ratelimit.Booking, error) { return b.seats.Book(t.Context(), "leisurely", "one", nil) },
			"id":    func() (ratelimit.Booking, error) { return b.seats.Book(t.Context(), ratelimit.Bulk, "", nil) },
			"bucket": func() (ratelimit.Booking, error) {
				return b.seats.Book(t.Context(), ratelimit.Bulk, "one", []ratelimit.Need{need("/api/v2", 1)})
			},
		} {
			if _, err := book(); !fault.Is[*fault.Invalid](err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	bubble(t, "DynamoDB's failures keep their kind", func(t *testing.T, b *testBundle) {
		for code, is := range map[string]func(error) bool{
			"ProvisionedThroughputExceededException": fault.Is[*fault.Throttled], "AccessDeniedException": fault.Is[*fault.Denied],
			"InternalServerError": fault.Is[*fault.Unavailable],
		} {
			b.db.Fault(func(*http.Request, int) *dynamo.Fault { return &dynamo.Fault{Code: code} })
			if _, err := b.seats.Book(t.Context(), ratelimit.Normal, "one", []ratelimit.Need{need(apps, 1)}); !is(err) {
				t.Errorf("Book, %s: %v", code, err)
			}
			if _, err := b.seats.CheckIn(t.Context(), ratelimit.Booking{ID: "one", Needs: []ratelimit.Need{need(apps, 1)}}); !is(err) {
				t.Errorf("CheckIn, %s: %v", code, err)
			}
			if err := b.seats.Overrun(t.Context(), apps, time.Now().Add(time.Minute)); !is(err) {
				t.Errorf("Overrun, %s: %v", code, err)
			}
		}
	})
	bubble(t, "a board that cannot be read is told, not overwritten", func(t *testing.T, b *testBundle) {
		damage(t, b)
		if _, err := b.seats.Book(t.Context(), ratelimit.Normal, "one", []ratelimit.Need{need(apps, 1)}); !fault.Is[*fault.Invalid](err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCheckIn(t *testing.T) {
	t.Parallel()
	bubble(t, "a booking that nobody moved may go, any number of times", func(t *testing.T, b *testBundle) {
		k := b.book(t, ratelimit.Normal, "one", need(apps, 2))
		wrote := b.writes()
		for range 3 {
			again, err := b.seats.CheckIn(t.Context(), k)
			if err != nil || again.At != k.At {
				t.Fatalf("at %s, before %s, %v", again.At, k.At, err)
			}
		}
		if b.writes() != wrote {
			t.Error("checking in wrote to the board")
		}
	})
	bubble(t, "urgent work puts normal bookings back by as much as it takes", func(t *testing.T, b *testBundle) {
		booked := make([]ratelimit.Booking, 0, 120)
		for i := range 120 {
			booked = append(booked, b.book(t, ratelimit.Normal, fmt.Sprint(i), need(apps, 1)))
		}
		time.Sleep(30 * time.Second)
		for i := range 15 {
			if k := b.book(t, ratelimit.Urgent, fmt.Sprint("urgent ", i), need(apps, 1)); time.Until(k.At) > 12*time.Second {
				t.Errorf("urgent booking %d has to wait %s", i, time.Until(k.At))
			}
		}
		last := booked[119]
		moved, err := b.seats.CheckIn(t.Context(), last)
		if err != nil {
			t.Fatal(err)
		}
		if by := moved.At.Sub(last.At); by < 8*time.Second || by > 13*time.Second {
			t.Errorf("15 calls of 92 a minute put the last booking back by %s", by)
		}
		if again, _ := b.seats.CheckIn(t.Context(), moved); again.At != moved.At {
			t.Errorf("put back again without a reason, to %s", again.At)
		}
		early := booked[10] // its time had come before the urgent work
		if kept, _ := b.seats.CheckIn(t.Context(), early); kept.At != early.At {
			t.Errorf("a booking for %s, which was due, was moved to %s", early.At, kept.At)
		}
	})
	bubble(t, "after a 429 nothing runs before the window ends, and what was due comes first then", func(t *testing.T, b *testBundle) {
		booked := make([]ratelimit.Booking, 0, 100)
		for i := range 100 {
			booked = append(booked, b.book(t, ratelimit.Normal, fmt.Sprint(i), need(apps, 2)))
		}
		time.Sleep(20 * time.Second)
		reset := time.Now().Add(25 * time.Second)
		if err := b.seats.Overrun(t.Context(), apps, reset); err != nil {
			t.Fatal(err)
		}
		order := run(t, b, booked[16:])
		for i := 1; i < len(order); i++ {
			if order[i].at.Before(order[i-1].at) {
				t.Errorf("booking %s ran at %s, the one before it at %s", order[i].id, order[i].at, order[i-1].at)
			}
		}
		if first := order[0].at; first.Before(reset) || first.After(reset.Add(2*time.Second)) {
			t.Errorf("the first ran at %s; the window ended at %s", first, reset)
		}
		if late := order[len(order)-1].at.Sub(booked[99].At); late > 30*time.Second {
			t.Errorf("a pause of 25 seconds put the last one back by %s", late)
		}
		if k := b.book(t, ratelimit.Urgent, "groups only", need(groups, 1)); k.At.After(time.Now()) {
			t.Error("a bucket that was not closed has to wait")
		}
	})
	bubble(t, "checking in again while closed takes no second seat", func(t *testing.T, b *testBundle) {
		k := b.book(t, ratelimit.Normal, "one", need(apps, 2))
		if err := b.seats.Overrun(t.Context(), apps, time.Now().Add(10*time.Second)); err != nil {
			t.Fatal(err)
		}
		one, err := b.seats.CheckIn(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		wrote := b.writes()
		two, err := b.seats.CheckIn(t.Context(), k)
		if err != nil || one.At != two.At || one.ID != two.ID || b.writes() != wrote {
			t.Errorf("first %s, then %s, %v", one.At, two.At, err)
		}
		if done := b.waitFor(t, one); done.At.Before(k.At.Add(10 * time.Second)) {
			t.Errorf("ran at %s", done.At)
		}
	})
}

type ran struct {
	id string
	at time.Time
}

// run lets all bookings go through at once and returns them in their order.
func run(t *testing.T, b *testBundle, booked []ratelimit.Booking) []ran {
	t.Helper()
	order := make([]ran, len(booked))
	var all sync.WaitGroup
	for i, k := range booked {
		all.Go(func() { order[i] = ran{k.ID, b.waitFor(t, k).At} })
	}
	all.Wait()
	return order
}

func TestLearn(t *testing.T) {
	t.Parallel()
	bubble(t, "a limit other than known changes what is booked, and is written once", func(t *testing.T, b *testBundle) {
		for range 5 {
			if err := b.seats.Learn(t.Context(), apps, 1000, 900, time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		if b.writes() != 1 {
			t.Errorf("%d writes", b.writes())
		}
		b.book(t, ratelimit.Normal, "one", need(apps, 900))
		if k := b.book(t, ratelimit.Normal, "two", need(apps, 10)); time.Until(k.At) < 50*time.Second {
			t.Errorf("900 of 1000 are booked, and 10 more wait %s", time.Until(k.At))
		}
	})
	bubble(t, "a limit that is known is read once and never written", func(t *testing.T, b *testBundle) {
		for i := range 500 {
			if err := b.seats.Learn(t.Context(), apps, 100, 99-i%90, time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		if calls := b.db.Calls(); calls["GetItem"] > 1 || b.writes() > 0 {
			t.Errorf("calls: %v", calls)
		}
	})
	bubble(t, "what another process learned is found out", func(t *testing.T, b *testBundle) {
		if err := b.seats.Learn(t.Context(), apps, 1000, 900, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		second := ratelimit.New(b.db.Client(), "control", 0.92)
		if err := second.Learn(t.Context(), apps, 100, 99, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		b.book(t, ratelimit.Normal, "one", need(apps, 92))
		if k := b.book(t, ratelimit.Normal, "two", need(apps, 10)); time.Until(k.At) < 50*time.Second {
			t.Errorf("the limit is back at 100, and 10 more wait %s", time.Until(k.At))
		}
	})
	bubble(t, "of several limits the lowest counts, as long as it is heard of", func(t *testing.T, b *testBundle) {
		wait := func() time.Duration {
			other := ratelimit.New(b.db.Client(), "control", 0.92)
			now := time.Now().Format(time.TimeOnly)
			b.book(t, ratelimit.Normal, "first "+now, need(apps, 90))
			k, err := other.Book(t.Context(), ratelimit.Normal, "second "+now, []ratelimit.Need{need(apps, 90)})
			if err != nil {
				t.Fatal(err)
			}
			return time.Until(k.At)
		}
		hear := func(limits ...int) {
			for _, limit := range limits {
				if err := b.seats.Learn(t.Context(), apps, limit, limit-1, time.Now().Add(time.Minute)); err != nil {
					t.Fatal(err)
				}
			}
		}
		hear(1000, 100, 1000, 100, 1000)
		if wrote := b.writes(); wrote != 2 {
			t.Errorf("%d writes", wrote)
		}
		for range 10 { // 40 minutes
			time.Sleep(4 * time.Minute)
			hear(100, 1000)
		}
		if wait() < 30*time.Second {
			t.Error("the higher limit counts")
		}
		for range 6 { // 24 minutes
			time.Sleep(4 * time.Minute)
			hear(1000)
		}
		if wait() > 15*time.Second {
			t.Error("the lower limit still counts, though nobody hears of it")
		}
	})
	bubble(t, "nothing left closes the bucket until the reset", func(t *testing.T, b *testBundle) {
		reset := time.Now().Add(33 * time.Second)
		if err := b.seats.Learn(t.Context(), apps, 100, 0, reset); err != nil {
			t.Fatal(err)
		}
		if k := b.book(t, ratelimit.Urgent, "one", need(apps, 1)); k.At.Before(reset) {
			t.Errorf("at %s, reset at %s", k.At, reset)
		}
	})
	bubble(t, "a limit of nothing is an overrun of concurrency and teaches nothing", func(t *testing.T, b *testBundle) {
		if err := b.seats.Learn(t.Context(), apps, 0, 0, time.Now().Add(time.Minute)); err != nil || len(b.db.Calls()) > 0 {
			t.Errorf("%v, %v", err, b.db.Calls())
		}
	})
	bubble(t, "a limit nobody listed can be booked once it is learned", func(t *testing.T, b *testBundle) {
		if err := b.seats.Learn(t.Context(), "/oauth2/v1", 2000, 1999, time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		b.book(t, ratelimit.Normal, "one", need("/oauth2/v1", 1))
	})
	bubble(t, "a 429 whose window is over closes nothing", func(t *testing.T, b *testBundle) {
		if err := b.seats.Overrun(t.Context(), apps, time.Now().Add(-time.Second)); err != nil || len(b.db.Calls()) > 0 {
			t.Errorf("%v, %v", err, b.db.Calls())
		}
	})
}

func TestAHundredBookersAtOnceEachGetASeatOfTheirOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.db.Fault(func(*http.Request, int) *dynamo.Fault { return &dynamo.Fault{Latency: 7 * time.Millisecond} })
		booked := make([]ratelimit.Booking, 100)
		began := time.Now()
		var all sync.WaitGroup
		for i := range booked {
			all.Go(func() { booked[i] = b.book(t, ratelimit.Normal, fmt.Sprint(i), need(apps, 1)) })
		}
		all.Wait()
		t.Logf("booked in %s with %d tries", time.Since(began), b.writes())
		seconds := map[int64]int{}
		for _, k := range booked {
			seconds[k.At.Unix()]++
		}
		for at, n := range seconds {
			if n > 3 {
				t.Errorf("%d calls at second %d; 1.5 are a second's worth", n, at)
			}
		}
		if time.Since(began) > 10*time.Second {
			t.Errorf("took %s", time.Since(began))
		}
	})
}
