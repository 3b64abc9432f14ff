package snowsim

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"lifecycle/shared/local/seed"
)

// window counts the calls of one user under the rate rule. Windows are clock
// hours (docs: api-reference/rest-api-explorer/inbound-REST-API-rate-limiting:
// "per hour", with a "next scheduled reset").
type window struct {
	limit, used int
	reset       time.Time
}

// ruleSysID is the rule's, as X-RateLimit-Rule names it.
var ruleSysID = seed.SysID("rate limit rule")

// count takes the call's place in its user's hour. A real instance counts per
// node and writes the count every 30 seconds, so its limit comes a little late.
func (s *Sim) count(c *call) *Error {
	if s.options.HourlyLimit == 0 {
		return nil
	}
	w := s.windows[c.user.id()]
	if w == nil {
		w = &window{limit: s.options.HourlyLimit}
		s.windows[c.user.id()] = w
	}
	if !c.now.Before(w.reset) {
		w.used, w.reset = 0, c.now.Truncate(time.Hour).Add(time.Hour)
	}
	shown := *w // the answer is written outside the lock
	c.window = &shown
	if w.used >= w.limit {
		return refuse(http.StatusTooManyRequests, "Rate limit exceeded", fmt.Sprintf("Rate limit of %d requests per hour for Table API exceeded", w.limit))
	}
	w.used++
	return nil
}

func (w *window) headers(h http.Header) {
	h.Set("X-Ratelimit-Limit", strconv.Itoa(w.limit))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(w.reset.Unix(), 10))
	h.Set("X-Ratelimit-Rule", ruleSysID)
}

// wait is Retry-After in seconds, rounded up.
func (w *window) wait(now time.Time) string {
	return strconv.FormatInt(int64((w.reset.Sub(now)+time.Second-1)/time.Second), 10)
}
