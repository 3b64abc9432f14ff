package snowsim

import (
	"encoding/json"
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
	// Body replaces the body of that answer; empty: ServiceNow's usual error.
	Body string
	// Headers replaces headers of that answer; an empty value removes one.
	Headers map[string]string
	// Reset cuts the connection without an answer.
	Reset bool
	// Hang never answers: it waits until the caller gives up. The caller needs
	// a deadline.
	Hang bool
	// Cancelled does the work and breaks the answer off half way: 200, part of
	// the result, then the error of a transaction that took too long.
	Cancelled bool
}

// Hibernating is the fault of an instance that is asleep: 200 and a web page,
// whatever is asked.
func Hibernating() *Fault {
	return &Fault{
		Status: http.StatusOK, Headers: map[string]string{"Content-Type": "text/html;charset=UTF-8"},
		Body: "<html><head><title>Instance Hibernating page</title></head><body><h1>Your instance is hibernating</h1></body></html>",
	}
}

// Cancelled is the fault of a transaction that the instance broke off.
func Cancelled() *Fault { return &Fault{Cancelled: true} }

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
	}
	switch {
	case f.Hang:
		<-c.request.Context().Done()
		panic(http.ErrAbortHandler)
	case f.Reset:
		panic(http.ErrAbortHandler)
	case f.Status != 0 && f.Body != "":
		return answer{status: f.Status, raw: []byte(f.Body)}, nil
	case f.Status != 0:
		return answer{}, f.error()
	case f.Cancelled && refusal == nil:
		return cancelled(a), nil
	}
	return a, refusal
}

func (f *Fault) error() *Error {
	message := map[int]string{
		http.StatusTooManyRequests: "Rate limit exceeded", http.StatusUnauthorized: "User Not Authenticated",
		http.StatusForbidden: "Operation Failed", http.StatusNotFound: "No Record found",
		http.StatusServiceUnavailable: "Service Unavailable", http.StatusGatewayTimeout: "Gateway Timeout",
	}[f.Status]
	if message == "" {
		message = "An unexpected error has occurred"
	}
	return refuse(f.Status, message, "made to fail by the simulator")
}

// cancelled is the answer of a transaction that was broken off: what was written
// of the result stays, the error comes behind it (seen: a test of Datadog's
// agent, with the same texts).
func cancelled(a answer) answer {
	const message = "Transaction cancelled: maximum execution time exceeded"
	parts := struct {
		Result any `json:"result"`
		Error  any `json:"error"`
		Status any `json:"status"`
	}{
		Error:  map[string]string{"message": message, "detail": message + ". Check logs for error trace."},
		Status: "failure",
	}
	switch result := a.body.(type) {
	case []map[string]any:
		parts.Result = result[:len(result)/2]
	default:
		parts.Result = result
	}
	encoded, err := json.Marshal(parts)
	if err != nil {
		panic("snowsim: an answer cannot be encoded: " + err.Error())
	}
	a.status, a.raw = http.StatusOK, encoded
	return a
}
