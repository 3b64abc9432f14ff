package ratelimit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lifecycle/shared/fault"
)

// Class says how much of a hurry work is in.
type Class string

// The classes. Urgent work never waits for the others, normal work never for
// bulk.
const (
	// Urgent is what protects: offboarding, containment.
	Urgent Class = "urgent"
	// Normal is what somebody waits for: onboarding, access requests.
	Normal Class = "normal"
	// Bulk is what nobody waits for: reviews, nightly comparisons.
	Bulk Class = "bulk"
)

// Need is a number of calls that fall into one limit.
type Need struct {
	// Bucket is the limit's name, as in DefaultLimits.
	Bucket string `json:"bucket"`
	// Calls is how many.
	Calls int `json:"calls"`
}

// Booking is a right to make calls from a moment on. It travels through the
// state machine as JSON.
type Booking struct {
	// At is when the calls may be made, a whole second.
	At time.Time `json:"at"`
	// ID is the name it was booked under.
	ID    string `json:"id"`
	Class Class  `json:"class"`
	Needs []Need `json:"needs"`
	// Seen is how far, in seconds, its lane had been put back in all when At was
	// worked out.
	Seen int64 `json:"seen"`
	// Resumed says that it was booked anew because its time fell into a pause.
	Resumed bool `json:"resumed,omitempty"`
}

func (k Booking) lane() lane {
	switch {
	case k.Class == Urgent:
		return urgentLane
	case k.Resumed:
		return resumedLane
	case k.Class == Bulk:
		return bulkLane
	}
	return normalLane
}

// DefaultShare is the part of every limit that is used when none is configured.
// The rest is for other programs, and for calls that come a few seconds later
// than they were booked for.
const DefaultShare = 0.92

// Seats books calls on the board in DynamoDB. It is safe for concurrent use.
type Seats struct {
	client *dynamodb.Client
	table  string
	share  float64

	mu   sync.Mutex
	seen map[string]glimpse // by bucket
}

// glimpse is what the board said of one bucket when it was last looked at.
type glimpse struct {
	at     time.Time
	limit  int
	closed int64
}

// New returns the seats on the board in the control table (pk, sk and the TTL
// attribute "expires"). share is the part of every limit that may be used, over
// 0 and at most 1; anything else means DefaultShare.
func New(client *dynamodb.Client, table string, share float64) *Seats {
	if !(share > 0 && share <= 1) {
		share = DefaultShare
	}
	return &Seats{client: client, table: table, share: share, seen: map[string]glimpse{}}
}

// Book finds the earliest moment at which all the calls have room, and reserves
// it. Booking again under the same id returns the same booking, whatever else is
// asked for, so a retry takes no second seat.
//
// It returns *fault.Invalid for a class, limit or id that cannot be;
// *fault.Unavailable when too many others booked at the same moment; otherwise
// what DynamoDB's failure means.
func (s *Seats) Book(ctx context.Context, class Class, id string, needs []Need) (Booking, error) {
	if id == "" || !slices.Contains([]Class{Urgent, Normal, Bulk}, class) {
		return Booking{}, &fault.Invalid{Message: fmt.Sprintf("seats were asked for with id %q and class %q; an id, and one of %s, %s and %s are needed", id, class, Urgent, Normal, Bulk)}
	}
	k := Booking{ID: id, Class: class, Needs: tidy(needs), At: time.Unix(time.Now().Unix(), 0).UTC()}
	if len(k.Needs) == 0 {
		return k, nil
	}
	return s.reserve(ctx, k, 0)
}

// tidy adds up what is asked of each bucket, in the order of their names.
func tidy(needs []Need) []Need {
	var sum []Need
	for _, n := range needs {
		if n.Calls <= 0 {
			continue
		}
		i, found := slices.BinarySearchFunc(sum, n.Bucket, func(m Need, name string) int { return strings.Compare(m.Bucket, name) })
		if !found {
			sum = slices.Insert(sum, i, Need{Bucket: n.Bucket})
		}
		sum[i].Calls += n.Calls
	}
	return sum
}

// CheckIn is asked at the booking's time, before the first call. It returns the
// booking as it is when the calls may be made, or with a later At: urgent work
// took the place, or a 429 has closed a bucket. Then it is asked again at that
// time, with the booking it returned. Asking again does no harm.
func (s *Seats) CheckIn(ctx context.Context, k Booking) (Booking, error) {
	if len(k.Needs) == 0 {
		return k, nil
	}
	state, err := s.read(ctx, checkingIn+k.ID)
	if err != nil {
		return Booking{}, err
	}
	k, until := state.board.checkIn(k, time.Now().Unix())
	if until == 0 {
		return k, nil
	}
	return s.reserve(ctx, k, until)
}

const (
	// believed is how long Learn goes by what it last saw on the board.
	believed = 5 * time.Minute
	// outdated is when a limit that nobody hears of any more gives way to a
	// higher one.
	outdated = 3 * believed
)

// Steady is the most calls of a bucket that may be booked within a minute by work
// that is not urgent, for whoever divides long work into bookings: what does not
// divide it evenly leaves a part of every minute unused.
func (s *Seats) Steady(ctx context.Context, bucket string) (int, error) {
	state, err := s.read(ctx, "the limit for "+bucket+" is not known")
	if err != nil {
		return 0, err
	}
	limit, err := state.board.limitOf(bucket)
	if err != nil {
		return 0, &fault.Invalid{Message: "the calls to Okta cannot be booked", Cause: err}
	}
	return allow(limit, s.share).steady, nil
}

// Learn takes in what Okta said of a limit in an answer: X-Rate-Limit-Limit,
// -Remaining, -Reset. It writes only what differs from what is known: a lower
// limit, a higher one for good, or that nothing is left before the reset because others used it up.
// Every call may be reported; nearly none costs anything.
func (s *Seats) Learn(ctx context.Context, bucket string, limit, remaining int, reset time.Time) error {
	if bucket == "" || limit <= 0 { // no limit was named: an overrun of concurrency
		return nil
	}
	var closed int64
	if remaining <= 0 && reset.After(time.Now()) {
		closed = ceilUnix(reset)
	}
	s.mu.Lock()
	seen, known := s.seen[bucket]
	s.mu.Unlock()
	if known && time.Since(seen.at) < believed && limit >= seen.limit && seen.limit > 0 && seen.closed >= closed {
		return nil
	}
	return s.change(ctx, "what Okta said of its limit for "+bucket, func(b *board) bool {
		learned := b.learn(bucket, limit, time.Now().Unix())
		k := b.bucket(bucket)
		if closed <= k.Closed {
			return learned
		}
		k.Closed = closed
		return true
	}, bucket)
}

// Overrun notes that Okta answered 429 for a bucket: no seat is given before
// until, and bookings that fall before it are put off when they check in.
func (s *Seats) Overrun(ctx context.Context, bucket string, until time.Time) error {
	closed := ceilUnix(until)
	if bucket == "" || closed <= time.Now().Unix() {
		return nil
	}
	return s.change(ctx, "that Okta's limit for "+bucket+" is used up", func(b *board) bool {
		if b.bucket(bucket).Closed >= closed {
			return false
		}
		b.bucket(bucket).Closed = closed
		return true
	}, bucket)
}

// remember notes what the board says of a bucket.
func (s *Seats) remember(b *board, bucket string) {
	limit, err := b.limitOf(bucket)
	if err != nil {
		limit = 0
	}
	g := glimpse{at: time.Now(), limit: limit}
	if k := b.Buckets[bucket]; k != nil {
		g.closed = k.Closed
	}
	s.mu.Lock()
	s.seen[bucket] = g
	s.mu.Unlock()
}

// ceilUnix is the first whole second that is not before t.
func ceilUnix(t time.Time) int64 {
	return t.Add(time.Second - time.Nanosecond).Unix()
}
