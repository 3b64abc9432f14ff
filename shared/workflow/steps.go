package workflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Invocation is what a Task state passes to the steps function.
type Invocation struct {
	// Step is the registered name, by convention the state's own name.
	Step string `json:"step"`
	// Execution is the ARN of the execution, from $$.Execution.Id.
	Execution string `json:"execution"`
	// Attempt counts retries of this state, 0 at first, from $$.State.RetryCount.
	Attempt int `json:"attempt"`
	// Entered is when the state was entered, the same for all its retries, from $$.State.EnteredTime.
	Entered string `json:"entered"`
	// Token is the task token of a .waitForTaskToken state, else empty.
	Token string `json:"token,omitempty"`
	// Input is the state's data: an object that holds at least the fields of Subject.
	Input json.RawMessage `json:"input"`
}

// Subject is what every execution is about: the ticket. Its fields stand at the
// root of the state machine's data from start to end.
type Subject struct {
	Table  string `json:"table"`
	SysID  string `json:"sys_id"`
	Number string `json:"number"`
}

// Stream is the name of the ticket's ledger stream, "incident/<sys_id>".
func (s Subject) Stream() string { return s.Table + "/" + s.SysID }

// Task says which execution of which machine a step runs for. It travels in the
// context of every step.
type Task struct {
	// Execution is the execution's ARN.
	Execution string
	// Token resumes the waiting state; empty outside .waitForTaskToken states.
	Token   string
	Attempt int
	// Entered tells one visit to a state from the next: retries share it.
	Entered string
}

// Name is the execution's name: the last part of its ARN.
func (t Task) Name() string { return t.Execution[strings.LastIndexByte(t.Execution, ':')+1:] }

type taskKey struct{}

// TaskOf returns the task that ctx belongs to; ok is false outside a step.
func TaskOf(ctx context.Context) (Task, bool) {
	t, ok := ctx.Value(taskKey{}).(Task)
	return t, ok
}

// Steps is the table of one use case's steps.
type Steps struct {
	actor   string
	metrics *platform.Metrics
	ledger  *audit.Ledger
	table   map[string]func(context.Context, json.RawMessage) (any, error)
}

// NewSteps returns an empty table. useCase names the actor in the ledger
// ("system:<use case>") and the dimension of the metrics.
func NewSteps(useCase string, metrics *platform.Metrics) *Steps {
	return &Steps{actor: useCase, metrics: metrics, table: map[string]func(context.Context, json.RawMessage) (any, error){}}
}

// Add registers a step. It panics on a name used twice: that is a mistake in
// the wiring, found by the first test.
func Add[In, Out any](s *Steps, name string, step func(context.Context, In) (Out, error)) {
	if _, taken := s.table[name]; taken {
		panic("workflow: step " + name + " registered twice")
	}
	s.table[name] = func(ctx context.Context, raw json.RawMessage) (any, error) {
		var in In
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&in); err != nil {
			return nil, &fault.Invalid{Message: "the state's data does not fit the step " + name, Cause: err}
		}
		return step(ctx, in)
	}
}

// Names lists the registered steps in order; tests hold it against the state
// machine's definition.
func (s *Steps) Names() []string {
	names := make([]string, 0, len(s.table))
	for name := range s.table {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Handle runs one step. It is the Lambda's handler.
func (s *Steps) Handle(ctx context.Context, inv Invocation) (any, error) {
	step, ok := s.table[inv.Step]
	if !ok {
		return nil, &fault.Invalid{Message: fmt.Sprintf("the state machine asks for step %q, which this version of the function does not have: deploy both together", inv.Step)}
	}
	var subject Subject
	if err := json.Unmarshal(inv.Input, &subject); err != nil {
		return nil, &fault.Invalid{Message: "the state's data is not an object", Cause: err}
	}
	task := Task{Execution: inv.Execution, Token: inv.Token, Attempt: inv.Attempt, Entered: inv.Entered}
	ctx = context.WithValue(ctx, taskKey{}, task)
	ctx = audit.WithTrail(ctx, audit.Trail{
		Stream: subject.Stream(), Execution: task.Execution, Ticket: subject.Number,
		Actor: "system:" + s.actor, Step: inv.Step, Attempt: inv.Attempt,
	})
	ctx = platform.LogWith(ctx, "execution", task.Name(), "ticket", subject.Number, "step", inv.Step, "attempt", inv.Attempt)

	began := time.Now()
	out, err := step(ctx, inv.Input)
	s.metrics.Duration("StepDuration", time.Since(began), "UseCase", s.actor, "Step", inv.Step)
	if err == nil {
		err = s.record(ctx, inv, out, nil)
	} else {
		err = Boundary(err)
		_ = s.record(ctx, inv, nil, err) // says so itself
	}
	if err != nil {
		err = Boundary(err)
		s.metrics.Count("StepFailed", 1, "UseCase", s.actor, "Step", inv.Step)
		platform.Logger(ctx).WarnContext(ctx, "step failed", "error_type", fmt.Sprintf("%T", err), "error", err.Error())
		return nil, err
	}
	platform.Logger(ctx).InfoContext(ctx, "step done", "duration_ms", time.Since(began).Milliseconds())
	return out, nil
}

// Unexpected is an error that none of the clients classified: a fault of ours.
// It is not retried; the ticket says so and the execution ends as failed.
type Unexpected struct{ Message string }

func (e *Unexpected) Error() string { return e.Message }

// Boundary turns any error into one whose outermost type is the name that Retry
// and Catch match, keeping the whole message.
func Boundary(err error) error {
	message := err.Error()
	var (
		throttled   *fault.Throttled
		unavailable *fault.Unavailable
		stopped     *fault.Stopped
		conflict    *fault.Conflict
		notFound    *fault.NotFound
		invalid     *fault.Invalid
		denied      *fault.Denied
	)
	switch {
	case errors.As(err, &stopped):
		return &fault.Stopped{Message: message}
	case errors.As(err, &throttled):
		return &fault.Throttled{Message: message}
	case errors.As(err, &unavailable):
		return &fault.Unavailable{Message: message}
	case errors.As(err, &invalid):
		return &fault.Invalid{Message: message}
	case errors.As(err, &denied):
		return &fault.Denied{Message: message}
	case errors.As(err, &notFound):
		return &fault.NotFound{Message: message}
	case errors.As(err, &conflict):
		return &fault.Conflict{Message: message}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &fault.Unavailable{Message: "the step ran out of time: " + message}
	default:
		return &Unexpected{Message: message}
	}
}

// Failure is how a Catch hands an error on: $.error of the state's data.
type Failure struct {
	// Error is the name of the error, a type of shared/fault or States.*.
	Error string `json:"Error"`
	// Cause is a JSON document for errors of a Lambda, free text otherwise.
	Cause string `json:"Cause"`
}

// Message is the human part of the failure: the errorMessage of a Lambda's
// error, or the cause as it stands.
func (f Failure) Message() string {
	var body struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(f.Cause), &body) == nil && body.Message != "" {
		return body.Message
	}
	if f.Cause != "" {
		return f.Cause
	}
	return f.Error
}
