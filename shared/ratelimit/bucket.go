package ratelimit

import (
	"fmt"
	"math"
)

// DefaultLimits returns the calls per minute of every limit of an Okta Workforce
// org that bought nothing extra (developer.okta.com, reference/rl-global-mgmt).
// Buckets are named by the path as Okta's table prints it; "/api/v1" is all that
// has no limit of its own.
func DefaultLimits() map[string]int {
	return map[string]int{
		"/api/v1/users":             600,  // list, create
		"/api/v1/users/{idOrLogin}": 2000, // GET of one user
		"/api/v1/users/{id}":        600,  // POST, PUT, DELETE of one user
		"/api/v1/groups":            500,  // and below, except one group itself
		"/api/v1/groups/{id}":       1000,
		"/api/v1/apps":              100, // and below, except one app itself
		"/api/v1/apps/{id}":         500,
		"/api/v1/logs":              120,
		"/api/v1":                   1200,
	}
}

// span is how many whole seconds a minute can touch, wherever it begins.
const span = 61

// lane is where a booking stands among the others: a lower one goes first.
type lane int

const (
	urgentLane  lane = iota
	resumedLane      // whose turn came while their bucket was closed
	normalLane
	bulkLane
	lanes
)

// bucket is one limit on the board.
type bucket struct {
	// Limit is the calls per minute that Okta named; 0 when it has named none but
	// the default. Since is the second it was last heard of.
	Limit int   `json:"limit,omitempty"`
	Since int64 `json:"since,omitempty"`
	// Closed is the second, since 1970, before which no seat is given.
	Closed int64 `json:"closed,omitempty"`
	// Calls are the calls booked in each lane for each second from the board's
	// first.
	Calls [lanes][]int `json:"calls"`
}

// limitOf is the calls per minute to go by.
func (b *board) limitOf(name string) (int, error) {
	if known := b.Buckets[name]; known != nil && known.Limit > 0 {
		return known.Limit, nil
	}
	if limit, known := DefaultLimits()[name]; known {
		return limit, nil
	}
	return 0, fmt.Errorf("no limit is known for %q", name)
}

// allowance is what may be booked of one limit.
type allowance struct {
	perSecond float64
	// steady is the most calls in any span of seconds. It exceeds the share of
	// a minute by the one second more that a span has, and never the limit.
	steady int
	// urgent is the same for urgent work, which follows on calls of other lanes
	// that are made already and goes into the limit's reserve rather than wait.
	urgent int
}

func allow(limit int, share float64) allowance {
	a := allowance{perSecond: float64(limit) * share / 60}
	a.steady = min(limit, int(math.Ceil(a.perSecond*span)))
	a.urgent = max(a.steady, limit-int(math.Ceil(a.perSecond)))
	return a
}

func (a allowance) most(l lane) int {
	if l == urgentLane {
		return a.urgent
	}
	return a.steady
}

// room answers where more calls of one bucket fit. Its columns are the board's
// seconds.
type room struct {
	sums  []int // sums[i] is the calls before column i
	own   []int
	level []float64 // what of earlier calls of own is not worked off yet
	rate  float64
	most  int
}

// newRoom takes the calls that count against the minute, and those among them
// that count for an even spread.
func newRoom(all, own []int, a allowance, l lane) room {
	r := room{sums: make([]int, len(all)+1), own: own, level: make([]float64, len(own)+1), rate: a.perSecond, most: a.most(l)}
	for i, n := range all {
		r.sums[i+1] = r.sums[i] + n
	}
	for i, n := range own {
		r.level[i+1] = max(0, r.level[i]+float64(n)-r.rate)
	}
	return r
}

// within is the calls in the span that begins with that column.
func (r room) within(from int) int {
	last := len(r.sums) - 1
	return r.sums[min(max(from+span, 0), last)] - r.sums[min(max(from, 0), last)]
}

// even reports whether a booking in that column comes no more than a second's
// worth of calls too early.
func (r room) even(column int) bool {
	if column < len(r.own) {
		return r.level[column]+float64(r.own[column]) <= r.rate
	}
	return r.level[len(r.own)]-float64(column-len(r.own))*r.rate <= r.rate
}

// next is the first column, from that one on, in which so many calls fit.
func (r room) next(column, calls int) int {
	for {
		full := column + 1 // stays so when no span that contains column is full
		for from := column; from > column-span; from-- {
			if r.within(from)+calls > r.most {
				full = from
				break
			}
		}
		switch {
		case full <= column:
			column = full + span
		case !r.even(column):
			column++
		default:
			return column
		}
	}
}
