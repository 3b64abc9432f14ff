package ratelimit

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"testing"
	"time"
)

// office runs bookings against a board the way executions do: each checks in
// at its time, waits on when it is told to, and makes all its calls at once.
type office struct {
	board  *board
	share  float64
	queue  agenda
	calls  map[string][]moment      // by bucket
	ran    map[string]time.Duration // when each booking ran, by id
	booked map[string]Booking
}

type moment struct {
	at time.Duration
	n  int
}

// event is something that happens at a time since the start.
type event struct {
	at  time.Duration
	seq int
	do  func()
}

type agenda []event

func (a *agenda) Len() int { return len(*a) }
func (a *agenda) Less(i, j int) bool {
	return cmp.Or(cmp.Compare((*a)[i].at, (*a)[j].at), cmp.Compare((*a)[i].seq, (*a)[j].seq)) < 0
}
func (a *agenda) Swap(i, j int) { (*a)[i], (*a)[j] = (*a)[j], (*a)[i] }
func (a *agenda) Push(e any)    { *a = append(*a, e.(event)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// fataler is a test or a property's trial.
type fataler interface{ Fatal(problem ...any) }

const epoch = 1_000_000 // the second the office opens

func newOffice(share float64) *office {
	return &office{
		board: newBoard(epoch), share: share, calls: map[string][]moment{},
		ran: map[string]time.Duration{}, booked: map[string]Booking{},
	}
}

func (o *office) at(when time.Duration, do func()) {
	heap.Push(&o.queue, event{when, len(o.queue) + 1_000_000*int(when/time.Second), do})
}

func (o *office) run() {
	for o.queue.Len() > 0 {
		heap.Pop(&o.queue).(event).do()
	}
}

func second(at time.Duration) int64 { return epoch + int64(at/time.Second) }

// arrives has somebody book at a time and go through with it.
func (o *office) arrives(t fataler, at time.Duration, class Class, id string, needs ...Need) {
	o.at(at, func() {
		k, err := o.board.book(Booking{ID: id, Class: class, Needs: tidy(needs)}, second(at), 0, o.share)
		if err != nil {
			t.Fatal(err)
		}
		o.booked[id] = k
		o.goes(t, at, id, k)
	})
}

func (o *office) goes(t fataler, now time.Duration, id string, k Booking) {
	due := max(now, time.Duration(k.At.Unix()-epoch)*time.Second)
	o.at(due, func() {
		k, until := o.board.checkIn(k, second(due))
		if until > 0 {
			var err error
			if k, err = o.board.book(k, second(due), until, o.share); err != nil {
				t.Fatal(err)
			}
		}
		if k.At.Unix() > second(due) {
			o.goes(t, due, id, k)
			return
		}
		o.ran[id] = due
		for _, n := range k.Needs {
			o.calls[n.Bucket] = append(o.calls[n.Bucket], moment{due, n.Calls})
		}
	})
}

// fullest is the most calls that any minute holds, wherever it begins.
func (o *office) fullest(bucket string) int {
	calls := o.calls[bucket]
	slices.SortStableFunc(calls, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	most, sum, first := 0, 0, 0
	for _, m := range calls {
		sum += m.n
		for calls[first].at <= m.at-time.Minute {
			sum -= calls[first].n
			first++
		}
		most = max(most, sum)
	}
	return most
}

func (o *office) end() time.Duration { return slices.Max(slices.Collect(maps.Values(o.ran))) }

// floor is how long all the calls take at the limits themselves.
func (o *office) floor() time.Duration {
	var longest float64
	for bucket, calls := range o.calls {
		total := 0
		for _, m := range calls {
			total += m.n
		}
		longest = max(longest, float64(total)/float64(DefaultLimits()[bucket]))
	}
	return time.Duration(longest * float64(time.Minute))
}

func (o *office) within(t *testing.T, factor float64) {
	t.Helper()
	took, floor := o.end(), o.floor()
	t.Logf("%d bookings in %s, %.3f times the floor of %s", len(o.ran), took, float64(took)/float64(floor), floor.Round(time.Second))
	if float64(took) > factor*float64(floor) {
		t.Errorf("took more than %.2f times the floor", factor)
	}
	for bucket := range o.calls {
		if most, limit := o.fullest(bucket), DefaultLimits()[bucket]; most > limit {
			t.Errorf("a minute of %s holds %d calls; the limit is %d", bucket, most, limit)
		}
	}
}
