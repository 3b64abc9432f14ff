package ratelimit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	users  = "/api/v1/users"
	groups = "/api/v1/groups"
	apps   = "/api/v1/apps"
	other  = "/api/v1"
)

// anyNeeds draws what a booking may ask for, up to what one minute gives.
func anyNeeds(t *rapid.T, share float64) []Need {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{users, groups, apps, other}), 1, 4, rapid.ID[string]).Draw(t, "buckets")
	needs := make([]Need, len(names))
	for i, name := range names {
		limit := DefaultLimits()[name]
		needs[i] = Need{name, rapid.OneOf(rapid.IntRange(1, limit/50), rapid.IntRange(1, int(share*float64(limit)))).Draw(t, "calls")}
	}
	return needs
}

func TestNoMinuteHoldsMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.SampledFrom([]float64{0.5, 0.92, 1}).Draw(t, "share")
		o := newOffice(share)
		closures := map[string][2]time.Duration{}
		at := time.Duration(0)
		for i := range rapid.IntRange(1, 60).Draw(t, "bookings") {
			at += time.Duration(rapid.OneOf(rapid.Just(0), rapid.IntRange(0, 3_000), rapid.IntRange(0, 60_000)).Draw(t, "ms later")) * time.Millisecond
			if rapid.IntRange(0, 30).Draw(t, "a 429") == 0 {
				name := rapid.SampledFrom([]string{users, groups, apps, other}).Draw(t, "of")
				if _, once := closures[name]; !once {
					until := at.Truncate(time.Second) + time.Duration(rapid.IntRange(1, 60).Draw(t, "seconds"))*time.Second
					closures[name] = [2]time.Duration{at, until}
					o.at(at, func() { o.board.bucket(name).Closed = second(until) })
				}
			}
			class := rapid.SampledFrom([]Class{Urgent, Normal, Normal, Bulk}).Draw(t, "class")
			o.arrives(t, at, class, fmt.Sprint(i), anyNeeds(t, share)...)
		}
		o.run()
		for bucket := range o.calls {
			if most, limit := o.fullest(bucket), DefaultLimits()[bucket]; most > limit {
				t.Fatalf("a minute of %s holds %d calls; the limit is %d", bucket, most, limit)
			}
			for _, m := range o.calls[bucket] {
				if pause := closures[bucket]; m.at > pause[0] && m.at < pause[1] {
					t.Fatalf("calls of %s at %s, closed from %s until %s", bucket, m.at, pause[0], pause[1])
				}
			}
		}
	})
}

func TestABookingIsNeverPutBackByItsOwnClassOrALowerOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBoard(epoch)
		now := int64(epoch)
		classes := []Class{Urgent, Normal, Bulk}
		made := make([]Booking, 0, 40)
		for range rapid.IntRange(1, 40).Draw(t, "bookings") {
			now += int64(rapid.IntRange(0, 5).Draw(t, "seconds later"))
			class := rapid.IntRange(0, 2).Draw(t, "class")
			k, err := b.book(Booking{Class: classes[class], Needs: tidy(anyNeeds(t, 0.92))}, now, 0, 0.92)
			if err != nil {
				t.Fatal(err)
			}
			for i, earlier := range made {
				moved := b.follow(earlier)
				if moved.At.Before(earlier.At) {
					t.Fatalf("%s of class %s came forward to %s", earlier.At, earlier.Class, moved.At)
				}
				if moved.At != earlier.At && slices.Index(classes, earlier.Class) <= class {
					t.Fatalf("a booking of class %s put one of class %s back", k.Class, earlier.Class)
				}
				made[i] = moved
			}
			made = append(made, k)
		}
	})
}

func TestWhatIsBookedForThePresentSecondStays(t *testing.T) {
	t.Parallel()
	b := newBoard(epoch)
	running, err := b.book(Booking{Class: Normal, Needs: []Need{{apps, 93}}}, epoch, 0, 0.92)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.book(Booking{Class: Urgent, Needs: []Need{{apps, 3}}}, epoch, 0, 0.92); err != nil {
		t.Fatal(err)
	}
	if moved := b.follow(running); moved.At != running.At {
		t.Errorf("its calls may be made already, and it was put back to %s", moved.At)
	}
	if b.bucket(apps).Calls[normalLane][memory] != 93 {
		t.Error("the board no longer counts its calls where they are made")
	}
}

// Urgent work waits for no one. Only calls that were made already can hold it up,
// and then for as long as it takes that a new minute has room for it.
func TestUrgentWorkIsServedAsIfThereWereNoOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		alone, among := newOffice(0.92), newOffice(0.92)
		for i := range rapid.IntRange(0, 300).Draw(t, "others") {
			class := rapid.SampledFrom([]Class{Normal, Bulk}).Draw(t, "class")
			at := time.Duration(rapid.IntRange(0, 30_000).Draw(t, "ms")) * time.Millisecond
			among.arrives(t, at, class, fmt.Sprint("other", i), Need{groups, 5}, Need{apps, 1}, Need{other, 4})
		}
		for i := range rapid.IntRange(1, 60).Draw(t, "urgent") {
			at := time.Duration(rapid.IntRange(0, 120_000).Draw(t, "ms")) * time.Millisecond
			for _, o := range []*office{alone, among} {
				o.arrives(t, at, Urgent, fmt.Sprint("urgent", i), Need{groups, 4}, Need{apps, 1}, Need{other, 11})
			}
		}
		alone.run()
		among.run()
		for id, at := range alone.ran {
			if late := among.ran[id] - at; late < 0 || late > 5*time.Second {
				t.Fatalf("%s ran at %s, and alone it would have at %s", id, among.ran[id], at)
			}
		}
	})
}

func TestWhatNeedsLittleDoesNotQueueBehindWhatNeedsAScarceLimit(t *testing.T) {
	t.Parallel()
	o := newOffice(0.92)
	for i := range 300 {
		o.arrives(t, 0, Normal, fmt.Sprint("with apps ", i), Need{groups, 5}, Need{apps, 2}, Need{other, 3})
	}
	for i := range 100 {
		o.arrives(t, 0, Normal, fmt.Sprint("without ", i), Need{groups, 5}, Need{other, 3})
	}
	o.run()
	o.within(t, 1.15)
	var without []time.Duration
	for id, at := range o.ran {
		if strings.HasPrefix(id, "without") {
			without = append(without, at)
		}
	}
	slices.Sort(without)
	if first, last := without[0], without[len(without)-1]; first > 5*time.Second || last > 5*time.Minute {
		t.Errorf("work that needs no app ran from %s to %s, all of it until %s", first, last, o.end())
	}
}

func TestThousandJoinersAndFiftyLeaversEndNearTheFloor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		joiner func(i int) []Need
	}{
		{"when groups are scarce", func(int) []Need { return []Need{{users, 2}, {groups, 5}, {other, 3}} }},
		{"when apps are scarce", func(int) []Need { return []Need{{users, 2}, {groups, 4}, {apps, 2}, {other, 3}} }},
		{"when some need apps, and both are scarce", func(i int) []Need {
			if i%10 < 5 {
				return []Need{{users, 2}, {groups, 5}, {apps, 2}, {other, 3}}
			}
			return []Need{{users, 2}, {groups, 5}, {other, 3}}
		}},
		{"when the leavers take what nobody else needs", func(int) []Need { return []Need{{groups, 3}, {other, 1}} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(0.92)
			for i := range 1000 {
				o.arrives(t, time.Duration(i)*time.Millisecond, Normal, fmt.Sprint("joiner", i), c.joiner(i)...)
			}
			for i := range 50 {
				at := time.Duration(i) * 10 * time.Millisecond
				o.arrives(t, at, Urgent, fmt.Sprint("kill", i), Need{other, 12}, Need{apps, 1 - min(1, i/10)})
				o.arrives(t, at+40*time.Second, Urgent, fmt.Sprint("retire", i), Need{other, 8}, Need{groups, 5}, Need{apps, 1})
			}
			o.run()
			o.within(t, 1.15)
			for i := range 50 {
				if at := o.ran[fmt.Sprint("kill", i)]; at > 60*time.Second {
					t.Errorf("leaver %d was cut off after %s", i, at)
				}
			}
		})
	}
}

func TestCallsComeSpreadOut(t *testing.T) {
	t.Parallel()
	o := newOffice(0.92)
	for i := range 500 {
		o.arrives(t, 0, Normal, fmt.Sprint(i), Need{groups, 3})
	}
	o.run()
	inSecond := map[time.Duration]int{}
	for _, m := range o.calls[groups] {
		inSecond[m.at] += m.n
	}
	worth := 500 * 0.92 / 60
	for at, n := range inSecond {
		if float64(n) > 2*worth+3 {
			t.Errorf("%d calls in the second %s; %.1f is a second's worth", n, at, worth)
		}
	}
}

func TestMoreCallsThanAMinuteHoldsTakeSeveralMinutes(t *testing.T) {
	t.Parallel()
	b := newBoard(epoch)
	if _, err := b.book(Booking{Class: Normal, Needs: []Need{{apps, 250}}}, epoch, 0, 0.92); err != nil {
		t.Fatal(err)
	}
	next, err := b.book(Booking{Class: Normal, Needs: []Need{{apps, 1}}}, epoch, 0, 0.92)
	if err != nil {
		t.Fatal(err)
	}
	if wait := next.At.Unix() - epoch; wait < 2*span || wait > 3*span {
		t.Errorf("the next call comes after %d seconds; 250 calls of 100 a minute take between two and three minutes", wait)
	}
}

func TestABucketWithoutAKnownLimitIsRefused(t *testing.T) {
	t.Parallel()
	b := newBoard(epoch)
	if _, err := b.book(Booking{Class: Normal, Needs: []Need{{"/api/v1/unheard-of", 1}}}, epoch, 0, 0.92); err == nil {
		t.Error("booked")
	}
}

func TestABoardIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBoard(epoch)
		for range rapid.IntRange(0, 20).Draw(t, "bookings") {
			class := rapid.SampledFrom([]Class{Urgent, Normal, Bulk}).Draw(t, "class")
			if _, err := b.book(Booking{Class: class, Needs: tidy(anyNeeds(t, 0.92))}, epoch, 0, 0.92); err != nil {
				t.Fatal(err)
			}
		}
		stored, err := encode(b)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decode(stored)
		if err != nil {
			t.Fatal(err)
		}
		next := Booking{Class: Normal, Needs: tidy(anyNeeds(t, 0.92))}
		one, _ := b.book(next, epoch+3, 0, 0.92)
		two, _ := back.book(next, epoch+3, 0, 0.92)
		if one.At != two.At || one.Seen != two.Seen {
			t.Fatalf("the board gives %s, and as read back %s", one.At, two.At)
		}
	})
}

func FuzzDecode(f *testing.F) {
	b := newBoard(epoch)
	if _, err := b.book(Booking{Class: Urgent, Needs: []Need{{apps, 2}}}, epoch, 0, 0.92); err != nil {
		f.Fatal(err)
	}
	stored, err := encode(b)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(stored)
	f.Add([]byte("no board"))
	f.Fuzz(func(t *testing.T, stored []byte) {
		if b, err := decode(stored); err == nil && b.Buckets == nil {
			t.Error("a board without buckets")
		}
	})
}

// A big board: ten thousand joiners in bulk are three and a half hours of apps.
func BenchmarkBookOnABigBoard(b *testing.B) {
	board := newBoard(epoch)
	for range 10_000 {
		if _, err := board.book(Booking{Class: Bulk, Needs: []Need{{groups, 5}, {apps, 2}, {other, 3}}}, epoch, 0, 0.92); err != nil {
			b.Fatal(err)
		}
	}
	stored, err := encode(board)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		board, err := decode(stored)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := board.book(Booking{Class: Normal, Needs: []Need{{groups, 5}, {apps, 2}, {other, 3}}}, epoch, 0, 0.92); err != nil {
			b.Fatal(err)
		}
		if _, err := encode(board); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(stored)), "bytes")
}
