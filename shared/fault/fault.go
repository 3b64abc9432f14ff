// Package fault holds the few kinds of failure that a step may end in.
//
// aws-lambda-go reports the Go type name of a returned error as errorType, and
// that name is what Retry and Catch in a state machine match. So the set is
// small and closed, every client (Okta, ServiceNow, DynamoDB) maps what it met
// onto one of these, and shared/workflow hands exactly one of them, unwrapped,
// to the Lambda runtime.
//
// Two questions decide the kind: may the same call succeed later without anyone
// doing anything (Throttled, Unavailable, Stopped: the state machine tries
// again), and if not, who has to act (Invalid: whoever wrote the ticket;
// Conflict, NotFound, Denied: an operator, with the message in hand).
//
// A message is written for the person who reads the ticket: what happened, to
// what, what was left undone, and what to do.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Throttled says that a limit has been reached and the call was not made, or
// was answered 429. The state machine tries again with a growing delay.
type Throttled struct {
	// Message says which limit of which system.
	Message string
	// Until is when the limit resets; zero when the system did not say.
	Until time.Time
	// Cause is the error underneath, if any.
	Cause error
}

// Unavailable says that the other side did not answer, or answered 5xx: what
// was asked may or may not have been done. The state machine tries again.
type Unavailable struct {
	Message string
	Cause   error
}

// Stopped says that an operator has switched off all writes. The state machine
// tries again every minute until the switch is back on.
type Stopped struct {
	Message string
}

// Conflict says that the record is not in the state the action needs, or that a
// key is used already with other content. Trying again does not help.
type Conflict struct {
	Message string
	Cause   error
}

// NotFound says that the record does not exist, or not for this account.
type NotFound struct {
	Message string
	Cause   error
}

// Invalid says that a request or ticket cannot be processed as it stands; a
// person must mend it. Problems lists each thing to mend, one sentence each.
type Invalid struct {
	Message  string
	Problems []string
	Cause    error
}

// Denied says that a policy or a missing permission forbids the action.
type Denied struct {
	Message string
	Cause   error
}

func (e *Throttled) Error() string {
	if e.Until.IsZero() {
		return join(e.Message, e.Cause)
	}
	return join(fmt.Sprintf("%s; free again at %s", e.Message, e.Until.UTC().Format(time.RFC3339)), e.Cause)
}
func (e *Unavailable) Error() string { return join(e.Message, e.Cause) }
func (e *Stopped) Error() string     { return e.Message }
func (e *Conflict) Error() string    { return join(e.Message, e.Cause) }
func (e *NotFound) Error() string    { return join(e.Message, e.Cause) }
func (e *Denied) Error() string      { return join(e.Message, e.Cause) }
func (e *Invalid) Error() string {
	if len(e.Problems) == 0 {
		return join(e.Message, e.Cause)
	}
	return join(e.Message+": "+strings.Join(e.Problems, "; "), e.Cause)
}

func (e *Throttled) Unwrap() error   { return e.Cause }
func (e *Unavailable) Unwrap() error { return e.Cause }
func (e *Conflict) Unwrap() error    { return e.Cause }
func (e *NotFound) Unwrap() error    { return e.Cause }
func (e *Invalid) Unwrap() error     { return e.Cause }
func (e *Denied) Unwrap() error      { return e.Cause }

func join(message string, cause error) string {
	if cause == nil {
		return message
	}
	return message + ": " + cause.Error()
}

// Is reports whether err is, or wraps, a fault of type T:
// fault.Is[*fault.NotFound](err).
func Is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// Retryable reports whether the same call may succeed later by itself.
func Retryable(err error) bool {
	return Is[*Throttled](err) || Is[*Unavailable](err) || Is[*Stopped](err)
}
