package ratelimit

import (
	"fmt"
	"strings"
	"time"
)

// memory is how many past seconds the board remembers: those a minute from now
// can touch, and some for clocks that differ.
const memory = span + 5

// board is everything that is booked. Seconds count from 1970.
type board struct {
	// Base is the second of the first column.
	Base    int64              `json:"base"`
	Buckets map[string]*bucket `json:"buckets"`
	// Pushed is by how much each lane was put back, and when.
	Pushed [lanes]pushes `json:"pushed"`
}

// pushes are the times a lane was put back.
type pushes struct {
	// Total is by how many seconds in all.
	Total int64  `json:"total,omitempty"`
	Log   []push `json:"log,omitempty"`
}

// push says that what was booked for From or later moved; Total is how far
// everything has moved with it.
type push struct {
	From  int64 `json:"from"`
	Total int64 `json:"total"`
}

// mostPushes is how many pushes are told apart. An older one counts as part of
// the next, which differs only for work that was due between the two.
const mostPushes = 64

func newBoard(now int64) *board {
	return &board{Base: now - memory, Buckets: map[string]*bucket{}}
}

// advance forgets the seconds that no minute from now can touch.
func (b *board) advance(now int64) {
	passed := now - memory - b.Base
	if passed <= 0 {
		return
	}
	b.Base += passed
	for _, k := range b.Buckets {
		for l, calls := range k.Calls {
			k.Calls[l] = calls[min(passed, int64(len(calls))):]
		}
	}
}

func (b *board) bucket(name string) *bucket {
	if b.Buckets[name] == nil {
		b.Buckets[name] = &bucket{}
	}
	return b.Buckets[name]
}

// claim is a number of calls some seconds after a booking's time.
type claim struct {
	bucket string
	after  int
	calls  int
}

// claims splits what is more than a whole minute holds over several minutes:
// whoever makes so many calls one after the other takes that long anyway.
func (b *board) claims(needs []Need, share float64) ([]claim, error) {
	var claims []claim
	for _, n := range needs {
		limit, err := b.limitOf(n.Bucket)
		if err != nil {
			return nil, err
		}
		most := allow(limit, share).steady
		for after := 0; n.Calls > 0; after += span {
			c := claim{bucket: n.Bucket, after: after, calls: min(n.Calls, most)}
			claims, n.Calls = append(claims, c), n.Calls-c.calls
		}
	}
	return claims, nil
}

// book places a booking at the first second, from notBefore on, at which all
// its calls have room, and puts lower lanes back where it takes theirs.
func (b *board) book(k Booking, now, notBefore int64, share float64) (Booking, error) {
	b.advance(now)
	claims, err := b.claims(k.Needs, share)
	if err != nil {
		return k, err
	}
	l, at := k.lane(), max(now, notBefore, b.Base)
	rooms := map[string]room{}
	for _, c := range claims {
		limit, err := b.limitOf(c.bucket)
		if err != nil {
			return k, err
		}
		at = max(at, b.bucket(c.bucket).Closed)
		rooms[c.bucket] = newRoom(b.booked(c.bucket, l, now), b.booked(c.bucket, l, b.Base-1), allow(limit, share), l)
	}
	column := int(at - b.Base)
	for moved := true; moved; {
		moved = false
		for _, c := range claims {
			if free := rooms[c.bucket].next(column+c.after, c.calls) - c.after; free > column {
				column, moved = free, true
			}
		}
	}
	for _, c := range claims {
		b.bucket(c.bucket).add(l, column+c.after, c.calls)
	}
	if err := b.settle(l, now, share); err != nil {
		return k, err
	}
	k.At, k.Seen = time.Unix(b.Base+int64(column), 0).UTC(), b.Pushed[l].Total
	return k, nil
}

// learn takes in that Okta named a limit, and reports whether that changes
// anything. What falls into one bucket here can have several limits there: then
// the lowest counts, and a higher one only when the lower was not heard of for a
// while.
func (b *board) learn(name string, limit int, now int64) bool {
	current, err := b.limitOf(name)
	k := b.bucket(name)
	heard := now-k.Since < int64(outdated/time.Second)
	switch {
	case err == nil && limit > current && k.Limit > 0 && heard:
		return false
	case err == nil && limit == current && (k.Limit == 0 || now-k.Since < int64(believed/time.Second)):
		return false
	}
	k.Limit, k.Since = limit, now
	return true
}

func (k *bucket) add(l lane, column, calls int) {
	for len(k.Calls[l]) <= column {
		k.Calls[l] = append(k.Calls[l], 0)
	}
	k.Calls[l][column] += calls
}

// booked is the calls in each column of the lanes up to l, and of the lower
// lanes up to the second until, which can no longer be moved.
func (b *board) booked(name string, l lane, until int64) []int {
	var sum []int
	for other, calls := range b.bucket(name).Calls {
		if lane(other) > l {
			calls = calls[:min(max(until+1-b.Base, 0), int64(len(calls)))]
		}
		for i, n := range calls {
			if i == len(sum) {
				sum = append(sum, 0)
			}
			sum[i] += n
		}
	}
	return sum
}

// settle puts the lanes below l back, each as a whole and as little as will do,
// until no minute holds more than its limit. What was booked for the present
// second may be running and stays.
func (b *board) settle(l lane, now int64, share float64) error {
	from := now + 1
	for lower := l + 1; lower < lanes; lower++ {
		var by int
		for {
			crowded, err := b.crowded(lower, from, by, share)
			if err != nil {
				return err
			}
			if !crowded {
				break
			}
			by++
		}
		b.putBack(lower, from, by)
	}
	return nil
}

// crowded reports whether some minute would hold more than its limit, and not
// by lane l alone, if l were put back by so many seconds.
func (b *board) crowded(l lane, from int64, by int, share float64) (bool, error) {
	start := int(from - b.Base)
	for name, k := range b.Buckets {
		if len(k.Calls[l]) <= start {
			continue
		}
		limit, err := b.limitOf(name)
		if err != nil {
			return false, err
		}
		others := b.booked(name, l-1, from-1)
		for i, n := range k.Calls[l][:start] {
			others[i] -= n // they count as l's own
		}
		before, after := k.Calls[l][:start], k.Calls[l][start:]
		if overfull(others, before, after, start+by, allow(limit, share).steady) {
			return true, nil
		}
	}
	return false, nil
}

// overfull slides a minute over the calls of others, of the lane before a
// column, and of the lane from column start on, and reports whether one that
// has both of others and of the last holds more than most.
func overfull(others, before, after []int, start, most int) bool {
	at := func(calls []int, column int) int {
		if column < 0 || column >= len(calls) {
			return 0
		}
		return calls[column]
	}
	var theirs, past, ours int
	for end := range len(others) + span {
		theirs += at(others, end) - at(others, end-span)
		past += at(before, end) - at(before, end-span)
		ours += at(after, end-start) - at(after, end-start-span)
		if theirs > 0 && ours > 0 && theirs+past+ours > most {
			return true
		}
	}
	return false
}

// putBack moves everything that lane l has booked for from or later.
func (b *board) putBack(l lane, from int64, by int) {
	if by == 0 {
		return
	}
	start := int(from - b.Base)
	for _, k := range b.Buckets {
		if calls := k.Calls[l]; len(calls) > start {
			moved := append(append(append([]int{}, calls[:start]...), make([]int, by)...), calls[start:]...)
			k.Calls[l] = moved
		}
	}
	p := &b.Pushed[l]
	p.Total += int64(by)
	if n := len(p.Log); n > 0 && p.Log[n-1].From == from {
		p.Log[n-1].Total = p.Total
		return
	}
	p.Log = append(p.Log, push{From: from, Total: p.Total})
	if over := len(p.Log) - mostPushes; over > 0 {
		p.Log = append([]push{}, p.Log[over:]...)
	}
}

// follow moves a booking as its lane was put back since it last looked.
func (b *board) follow(k Booking) Booking {
	at := k.At.Unix()
	for _, p := range b.Pushed[k.lane()].Log {
		if p.Total <= k.Seen {
			continue
		}
		if at >= p.From {
			at += p.Total - k.Seen
		}
		k.Seen = p.Total
	}
	k.At = time.Unix(at, 0).UTC()
	return k
}

// checkIn brings a booking up to date. until is 0 when that is all; otherwise a
// bucket was closed at the booking's time, and what is returned has to be booked
// anew, not before until.
func (b *board) checkIn(k Booking, now int64) (_ Booking, until int64) {
	k = b.follow(k)
	for _, n := range k.Needs {
		if known := b.Buckets[n.Bucket]; known != nil && known.Closed > k.At.Unix() && known.Closed > now {
			until = max(until, known.Closed)
		}
	}
	if until > 0 {
		// Its turn had come, so it does not go to the end of the queue. The name
		// says which pause it waits out: a retry finds the same new booking.
		name, _, _ := strings.Cut(k.ID, resumption)
		k.ID, k.Resumed = fmt.Sprintf("%s%s%d", name, resumption, until), true
	}
	return k, until
}

const resumption = "/after/"
