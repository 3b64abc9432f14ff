package dynamo

import (
	"context"
	"errors"
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
	// Code answers an exception in place of the real answer, e.g.
	// "ProvisionedThroughputExceededException" or "InternalServerError".
	Code string
	// Status is that answer's HTTP status; 0 means 500 for InternalServerError,
	// 400 for others. Without a Code it stands for InternalServerError.
	Status int
	// Reset cuts the connection without an answer.
	Reset bool
	// Hang never answers: it waits until the caller gives up. The caller needs
	// a deadline.
	Hang bool
}

// Fault asks decide about every call from now on, with the number of the call
// counted from 1; nil means that nothing goes wrong. A nil function switches
// faults off. decide runs under the DB's lock: it must not call it.
func (db *DB) Fault(decide func(r *http.Request, n int) *Fault) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.fault, db.faulted = decide, 0
}

// faulty processes a call with its fault. Latency alone leaves the real answer.
func (db *DB) faulty(r *http.Request, body []byte, f *Fault) (status int, answer []byte) {
	if err := sleep(r.Context(), f.Latency); err != nil {
		panic(http.ErrAbortHandler)
	}
	harmless := f.Code == "" && f.Status == 0 && !f.Reset && !f.Hang
	if f.Work || harmless {
		status, answer = db.process(r, body)
	}
	switch {
	case harmless:
		return status, answer
	case f.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case f.Reset:
		panic(http.ErrAbortHandler)
	}
	return f.exception().answer()
}

func (f *Fault) exception() *apiError {
	e := refuse(f.Code, "injected by a fault")
	if e.code == "" {
		e.code = "InternalServerError"
	}
	switch {
	case f.Status != 0:
		e.status = f.Status
	case e.code == "InternalServerError":
		e.status = http.StatusInternalServerError
	}
	return e
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

var errCut = errors.New("connection cut by a fault")
