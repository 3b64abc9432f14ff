package oktasim

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"lifecycle/shared/local/seed"
)

// Options describes the org to simulate. The zero value is the seeded org with
// Okta's default limits and no delays.
type Options struct {
	// Seed replaces the people, groups and apps of package seed.
	Seed *Seed
	// Bare leaves seeded people without factors, sessions, grants and API
	// tokens; for orgs of 100,000.
	Bare bool
	// URL is the org's own address, e.g. "https://example.okta.com", used in
	// links and as the audience of client assertions. Empty: taken from each
	// request.
	URL string
	// Token is an SSWS token that works from the start; it belongs to the
	// service account of package seed. Empty: DefaultToken.
	Token string
	// Limits replaces the calls per minute of single buckets.
	Limits map[Bucket]int
	// Concurrency replaces the number of requests in flight, 75.
	Concurrency int
	// Latency is how long every call takes.
	Latency time.Duration
	// SearchLag is how long a change needs until ?search= shows it.
	SearchLag time.Duration
	// DeactivationTime is how long a deactivation with Prefer: respond-async
	// leaves the user transitioningToStatus DEPROVISIONED.
	DeactivationTime time.Duration
	// ActivationTime is how long an activation leaves the user
	// transitioningToStatus ACTIVE or PROVISIONED; profile updates are refused
	// meanwhile (E0000112).
	ActivationTime time.Duration
	// RuleTime is how long a group rule needs to take back somebody who was
	// removed although its condition holds.
	RuleTime time.Duration
	// RuleExceptions makes a removal by hand an exception of the rule, so that
	// the person stays out. Okta's admin console does that (support,
	// "How to add and remove users from groups using group rules and
	// exceptions"); the default is the unkinder behaviour.
	RuleExceptions bool
	// EditDeactivated is the org's option "Edit Deactivated User Profile
	// Updates"; off by default, as in Okta.
	EditDeactivated bool
	// Attributes are custom profile attributes besides Okta's base set; any
	// other attribute in a profile is refused.
	Attributes []string
	// KeepCalls is how many calls Calls remembers; 0 means 500.
	KeepCalls int
}

// Seed is the content an org starts with.
type Seed struct {
	People []seed.Person
	Groups []seed.Group
	Apps   []seed.App
}

// DefaultToken is the SSWS token of an org whose Options name none.
const DefaultToken = "00simulated-token-of-the-integration"

// Sim is a simulated org. It is an http.Handler and safe for concurrent use.
type Sim struct {
	options Options

	mu      sync.Mutex
	org     org
	windows map[Bucket]*window
	flight  int
	busy    Gauge // the concurrency limit's own counters
	serial  int   // numbers requests
	fault   func(*http.Request, int) *Fault
	faulted int // requests seen by fault
	calls   []Call
	onCall  func(Call)
}

// New makes an org. It panics when the seed contradicts itself or carries a
// group rule whose expression it cannot evaluate: such an org would prove
// nothing.
func New(options Options) *Sim {
	if options.Token == "" {
		options.Token = DefaultToken
	}
	if options.Concurrency == 0 {
		options.Concurrency = Concurrency
	}
	if options.KeepCalls == 0 {
		options.KeepCalls = 500
	}
	if options.Seed == nil {
		options.Seed = &Seed{People: seed.People(), Groups: seed.Groups(), Apps: seed.Apps()}
	}
	s := &Sim{options: options, windows: newWindows(options.Limits)}
	s.busy = Gauge{Bucket: "concurrency", Limit: options.Concurrency}
	s.org = newOrg()
	s.plant(*options.Seed)
	return s
}

// ServeHTTP answers one API call.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.arrive(r)
	defer s.leave(c)
	var answer answer
	var refusal *Error
	switch {
	case c.crowded:
		refusal = refuse("E0000047")
	case c.fault != nil:
		answer, refusal = s.faulty(c) //nolint:contextcheck // the call carries its request's context
	default:
		answer, refusal = s.process(c) //nolint:contextcheck // likewise
	}
	s.write(w, c, answer, refusal)
}

// arrive counts the request and decides what will go wrong with it.
func (s *Sim) arrive(r *http.Request) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	c := &call{
		request: r, bucket: BucketOf(r.Method, r.URL.EscapedPath()), began: time.Now(),
		id: requestID(s.serial), base: s.base(r),
	}
	s.flight++
	s.busy.Used = s.flight
	s.busy.Calls++
	if c.crowded = s.flight > s.options.Concurrency; c.crowded {
		s.busy.Throttled++
		return c
	}
	if s.fault != nil {
		s.faulted++
		c.fault = s.fault(r, s.faulted)
	}
	return c
}

func (s *Sim) leave(c *call) {
	s.mu.Lock()
	s.flight--
	s.busy.Used = s.flight
	note := Call{
		ID: c.id, Method: c.request.Method, Path: c.request.URL.EscapedPath(), Bucket: c.bucket,
		Status: c.status, Code: c.code, At: c.began, Took: time.Since(c.began),
	}
	s.calls = append(s.calls, note)
	if len(s.calls) > 2*s.options.KeepCalls { // cut rarely, so that a call costs no copy
		s.calls = slices.Clone(s.calls[len(s.calls)-s.options.KeepCalls:])
	}
	hook := s.onCall
	s.mu.Unlock()
	if hook != nil {
		hook(note)
	}
}

// process lets the call take its time, counts it against its limit and does
// the work. A caller who has gone meanwhile gets nothing done.
func (s *Sim) process(c *call) (answer, *Error) {
	if err := sleep(c.request.Context(), s.options.Latency); err != nil {
		panic(http.ErrAbortHandler)
	}
	if err := c.readBody(); err != nil {
		return answer{}, refuse("E0000003")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = time.Now()
	s.settle(c.now)
	if !s.count(c) {
		return answer{}, refuse("E0000047")
	}
	return s.dispatch(c)
}

// count takes the call's place in its bucket's window and notes the headers.
func (s *Sim) count(c *call) bool {
	w := s.windows[c.bucket]
	ok := w.take(time.Now())
	c.gauge = w.gauge
	return ok
}

func (s *Sim) dispatch(c *call) (answer, *Error) {
	handle, refusal := match(c)
	if refusal == nil {
		refusal = s.authorize(c, handle)
	}
	if refusal != nil {
		return answer{}, refusal
	}
	return handle.do(s, c)
}

// answer is a successful reply; a nil body sends none.
type answer struct {
	status int
	body   any
	links  []string
}

func ok(body any) (answer, *Error) { return answer{status: http.StatusOK, body: body}, nil }
func created(body any) (answer, *Error) {
	return answer{status: http.StatusCreated, body: body}, nil
}
func noContent() (answer, *Error) { return answer{status: http.StatusNoContent}, nil }

// empty is what lifecycle operations answer with that return no user.
func empty() (answer, *Error) { return ok(struct{}{}) }

func (s *Sim) write(w http.ResponseWriter, c *call, a answer, refusal *Error) {
	h := w.Header()
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("X-Okta-Request-Id", c.id)
	h.Set("Content-Type", "application/json")
	s.limitHeaders(h, c)
	for _, link := range a.links {
		h.Add("Link", link)
	}
	status, body := a.status, a.body
	if refusal != nil {
		status, body, c.code = refusal.Status, refusal, refusal.Code
		refusal.ID = "oae" + c.id[3:]
		if refusal.authenticate != "" {
			h.Set("WWW-Authenticate", refusal.authenticate)
		}
	}
	c.status = status
	if c.fault != nil {
		for name, value := range c.fault.Headers {
			h.Set(name, value)
			if value == "" {
				h.Del(name)
			}
		}
	}
	if body == nil {
		h.Del("Content-Type")
		w.WriteHeader(status)
		return
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		panic("oktasim: an answer cannot be encoded: " + err.Error())
	}
	w.WriteHeader(status)
	// The caller may have gone; there is nobody left to tell.
	_, _ = w.Write(encoded)
}

// limitHeaders reports the call's bucket or, on an overrun of concurrency, that
// one: then both numbers are 0 and the reset is an estimate
// (developer.okta.com/docs/reference/rl-best-practices; the zeros are
// unconfirmed).
func (s *Sim) limitHeaders(h http.Header, c *call) {
	limit, remaining, reset := c.gauge.Limit, c.gauge.Limit-c.gauge.Used, c.gauge.Reset
	if c.crowded {
		limit, remaining, reset = 0, 0, time.Now().Add(time.Minute)
	}
	if reset.IsZero() {
		return
	}
	// Rounded up: a caller who waits until the second named must not be early.
	seconds := reset.Add(time.Second - 1).Unix()
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(remaining))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(seconds, 10))
}

// base is the org's address as this caller knows it.
func (s *Sim) base(r *http.Request) string {
	if s.options.URL != "" {
		return s.options.URL
	}
	u := url.URL{Scheme: r.URL.Scheme, Host: r.Host}
	if u.Host == "" {
		u.Host = r.URL.Host
	}
	if u.Scheme == "" {
		u.Scheme = "http"
		if r.TLS != nil {
			u.Scheme = "https"
		}
	}
	return u.String()
}

var errGone = errors.New("the caller has gone")
