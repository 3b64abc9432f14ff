package snowsim

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	_ "time/tzdata" // display values need zones also where the machine has none

	"lifecycle/shared/local/seed"
)

// Options describes the instance to simulate. The zero value is the seeded
// instance without a rate rule, without plugins and without delays.
type Options struct {
	// Seed replaces the people of package seed and the groups of Groups.
	Seed *Seed
	// URL is the instance's own address, e.g. "https://example.service-now.com",
	// used in links. Empty: taken from each request.
	URL string
	// Columns are added to tables, by table. One of the same name replaces the
	// instance's.
	Columns map[string][]Column
	// Tables are added.
	Tables []Table
	// FixedColumns drops values of unknown columns u_* like those of any other
	// unknown column. Otherwise such a column of a task table or of sys_user
	// comes into being when it is first written.
	FixedColumns bool
	// SecurityIncidents switches the plugin on that brings sn_si_incident.
	SecurityIncidents bool
	// InvalidQueryNoRows is the property glide.invalid_query.returns_no_rows:
	// a query that cannot be read whole returns nothing rather than too much.
	InvalidQueryNoRows bool
	// IntegrationRoles replaces the roles of the integration's user, itil and
	// user_admin. It has no approval_admin, which is a licence.
	IntegrationRoles []string
	// NoClientCredentials switches the grant client_credentials off, as the
	// property glide.oauth.inbound.client.credential.grant_type.enabled does.
	NoClientCredentials bool
	// TokenLife is how long an access token lives; 0 means 30 minutes.
	TokenLife time.Duration
	// HourlyLimit is a rate rule for all users: calls per user and clock hour;
	// 0 means no rule.
	HourlyLimit int
	// TimeZone is the instance's own, an IANA name, for display values of users
	// without one; empty: America/Los_Angeles, as instances are delivered.
	TimeZone string
	// Extensions replaces the list of file extensions that may be attached
	// (glide.attachment.extensions).
	Extensions []string
	// Latency is how long every call takes.
	Latency time.Duration
	// KeepCalls is how many calls Calls remembers; 0 means 500.
	KeepCalls int
}

// Seed is the content an instance starts with.
type Seed struct {
	People []seed.Person
	Groups []Group
}

// Sim is a simulated instance. It is an http.Handler and safe for concurrent
// use.
type Sim struct {
	options Options
	zone    *time.Location

	mu        sync.Mutex
	tables    map[string]*table
	passwords map[string]string // by user's sys_id
	clients   map[string]oauthClient
	tokens    map[string]token
	contents  map[string][]byte // of attachments, by sys_id
	rules     []Rule
	windows   map[string]*window
	records   int // numbers new records
	serial    int // numbers requests
	fault     func(*http.Request, int) *Fault
	faulted   int // requests seen by fault
	calls     []Call
	onCall    func(Call)
	pending   []Change // committed, hooks not yet told
	planting  bool     // what is made now was there from the start
	onChange  []func(Change)
}

// New makes an instance. It panics when the options contradict themselves: such
// an instance would prove nothing.
func New(options Options) *Sim {
	if options.KeepCalls == 0 {
		options.KeepCalls = 500
	}
	if options.TokenLife == 0 {
		options.TokenLife = 30 * time.Minute
	}
	if options.TimeZone == "" {
		options.TimeZone = "America/Los_Angeles"
	}
	if options.IntegrationRoles == nil {
		options.IntegrationRoles = []string{"itil", "user_admin"}
	}
	if options.Extensions == nil {
		options.Extensions = defaultExtensions
	}
	if options.Seed == nil {
		options.Seed = &Seed{People: seed.People(), Groups: Groups()}
	}
	zone, err := time.LoadLocation(options.TimeZone)
	if err != nil {
		panic("snowsim: " + err.Error())
	}
	s := &Sim{
		options: options, zone: zone, tables: map[string]*table{}, passwords: map[string]string{}, clients: map[string]oauthClient{},
		tokens: map[string]token{}, contents: map[string][]byte{}, windows: map[string]*window{},
	}
	s.defineAll()
	s.plant(*options.Seed)
	return s
}

func (s *Sim) defineAll() {
	all := slices.Clone(tables)
	if s.options.SecurityIncidents {
		all = append(all, securityIncident)
	}
	for _, d := range append(all, s.options.Tables...) {
		s.define(d)
	}
	for name, columns := range s.options.Columns {
		t := s.tables[name]
		if t == nil {
			panic("snowsim: columns for the table " + name + ", which does not exist")
		}
		for _, c := range columns {
			t.add(c)
		}
	}
}

// ServeHTTP answers one API call.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := s.arrive(r)
	defer s.leave(c)
	var a answer
	var refusal *Error
	if c.fault != nil {
		a, refusal = s.faulty(c) //nolint:contextcheck // a call carries its request, whose context it is
	} else {
		a, refusal = s.process(c) //nolint:contextcheck // likewise
	}
	s.write(w, c, a, refusal)
}

// arrive counts the request and decides what will go wrong with it.
func (s *Sim) arrive(r *http.Request) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	c := &call{request: r, began: time.Now(), id: transactionID(s.serial), base: s.base(r)}
	if s.fault != nil {
		s.faulted++
		c.fault = s.fault(r, s.faulted)
	}
	return c
}

func (s *Sim) leave(c *call) {
	note := Call{
		ID: c.id, Method: c.request.Method, Path: c.request.URL.EscapedPath(), Query: c.request.URL.RawQuery,
		Status: c.status, Error: c.message, At: c.began, Took: time.Since(c.began),
	}
	if c.user != nil {
		note.User = c.user.name
	}
	s.mu.Lock()
	s.calls = append(s.calls, note)
	if over := len(s.calls) - s.options.KeepCalls; over > 0 {
		s.calls = append(s.calls[:0:0], s.calls[over:]...)
	}
	hook := s.onCall
	s.mu.Unlock()
	if hook != nil {
		hook(note)
	}
}

// Calls returns the latest requests, oldest first.
func (s *Sim) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// OnCall lets hook see every request after it was answered. It runs in the
// goroutine of the request, outside the simulator's lock.
func (s *Sim) OnCall(hook func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onCall = hook
}

// process lets the call take its time and does the work. A caller who has gone
// meanwhile gets nothing done.
func (s *Sim) process(c *call) (a answer, refusal *Error) {
	if err := sleep(c.request.Context(), s.options.Latency); err != nil {
		panic(http.ErrAbortHandler)
	}
	if refusal := c.readBody(); refusal != nil {
		return answer{}, refusal
	}
	s.transact(func() {
		c.now = time.Now()
		a, refusal = s.dispatch(c)
	})
	return a, refusal
}

// transact runs work under the lock and then tells the hooks what it changed.
func (s *Sim) transact(work func()) {
	changes, hooks := func() ([]Change, []func(Change)) {
		s.mu.Lock()
		defer s.mu.Unlock()
		work()
		changes := s.pending
		s.pending = nil
		return changes, s.onChange
	}()
	for _, change := range changes {
		for _, hook := range hooks {
			hook(change)
		}
	}
}

// answer is a successful reply; a nil body and raw send none.
type answer struct {
	status int
	body   any // sent as the result
	whole  any // sent as it is
	raw    []byte
	header http.Header
}

func ok(body any) (answer, *Error) {
	return answer{status: http.StatusOK, body: body}, nil
}

func (s *Sim) write(w http.ResponseWriter, c *call, a answer, refusal *Error) {
	h := w.Header()
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("Server", "ServiceNow")
	h.Set("X-Transaction-Id", c.id)
	h.Set("Content-Type", "application/json;charset=UTF-8")
	if c.window != nil {
		c.window.headers(h)
	}
	maps.Copy(h, a.header)
	if refusal != nil {
		a = answer{status: refusal.Status, whole: refusal.body()}
		c.message = refusal.Error()
		if refusal.challenge {
			h.Set("WWW-Authenticate", `BASIC realm="Service-now"`)
		}
		if refusal.Status == http.StatusTooManyRequests && c.window != nil {
			h.Set("Retry-After", c.window.wait(time.Now()))
		}
	}
	c.status = a.status
	if c.fault != nil {
		for name, value := range c.fault.Headers {
			h.Set(name, value)
			if value == "" {
				h.Del(name)
			}
		}
	}
	body := a.encoded()
	if body == nil {
		h.Del("Content-Type")
	}
	w.WriteHeader(a.status)
	// The caller may have gone; there is nobody left to tell.
	_, _ = w.Write(body)
}

func (a answer) encoded() []byte {
	whole := a.whole
	switch {
	case a.raw != nil:
		return a.raw
	case a.body != nil:
		whole = map[string]any{"result": a.body}
	case whole == nil:
		return nil
	}
	encoded, err := json.Marshal(whole)
	if err != nil {
		panic("snowsim: an answer cannot be encoded: " + err.Error())
	}
	return encoded
}

// base is the instance's address as this caller knows it.
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
