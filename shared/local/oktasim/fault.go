package oktasim

import (
	"net/http"
	"time"
)

// Fault is something that goes wrong with one call.
type Fault struct {
	// Work does what the call asks before it goes wrong: the caller sees a
	// failure although the change was made.
	Work bool
	// Latency is added to the call.
	Latency time.Duration
	// Status answers 429, 500, 503, 504 or any other status in place of the
	// real answer.
	Status int
	// Code is Okta's error code of that answer; empty: the usual one.
	Code string
	// Headers replaces headers of that answer; an empty value removes one.
	Headers map[string]string
	// Reset cuts the connection without an answer.
	Reset bool
	// Hang never answers: it waits until the caller gives up. The caller needs
	// a deadline.
	Hang bool
}

// Fault asks decide about every call from now on, with the number of the call
// counted from 1; nil means that nothing goes wrong. A nil function switches
// faults off. decide runs under the simulator's lock: it must not call it.
func (s *Sim) Fault(decide func(r *http.Request, n int) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.faulted = decide, 0
}

// faulty processes a call with its fault. Latency alone leaves the real answer.
func (s *Sim) faulty(c *call) (answer, *Error) {
	f := c.fault
	if err := sleep(c.request.Context(), f.Latency); err != nil {
		panic(http.ErrAbortHandler)
	}
	harmless := f.Status == 0 && !f.Reset && !f.Hang
	var a answer
	var refusal *Error
	if f.Work || harmless {
		a, refusal = s.process(c)
	} else {
		s.mu.Lock()
		s.count(c)
		s.mu.Unlock()
	}
	switch {
	case f.Hang:
		<-c.request.Context().Done()
		panic(http.ErrAbortHandler)
	case f.Reset:
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		if f.Status == http.StatusTooManyRequests { // nothing remains, say the headers
			c.gauge.Used = c.gauge.Limit
		}
		return answer{}, f.error()
	}
	return a, refusal
}

func (f *Fault) error() *Error {
	code := f.Code
	if code == "" {
		code = map[int]string{
			http.StatusTooManyRequests: "E0000047", http.StatusServiceUnavailable: "E0000010",
			http.StatusGatewayTimeout: "E0000067", http.StatusUnauthorized: "E0000011",
			http.StatusForbidden: "E0000006", http.StatusNotFound: "E0000008",
		}[f.Status]
	}
	e := &Error{Status: f.Status, Code: "E0000009", Summary: "Internal Server Error", Link: "E0000009", Causes: []Cause{}}
	if known, found := codes[code]; found {
		e.Code, e.Link, e.Summary = code, code, known.summary
	}
	return e
}
