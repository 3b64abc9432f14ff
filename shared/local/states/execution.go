package states

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The statuses of an execution.
const (
	Running   = "RUNNING"
	Succeeded = "SUCCEEDED"
	Failed    = "FAILED"
	TimedOut  = "TIMED_OUT"
	Aborted   = "ABORTED"
)

// Execution describes an execution at one moment.
type Execution struct {
	ARN, Name string
	// Machine is the ARN of the state machine.
	Machine string
	Status  string
	Started time.Time
	// Stopped is zero while it runs.
	Stopped time.Time
	// Input and Output are JSON; Output is empty unless it succeeded.
	Input, Output string
	Error, Cause  string
	// Current are the states it is in; several with Parallel and Map.
	Current []string
	// Events counts its history.
	Events int
}

// execution is one execution with its history.
type execution struct {
	engine  *Engine
	machine *machine
	arn     string
	name    string
	started time.Time

	inputText string
	input     any

	mu        sync.Mutex
	status    string
	stopped   time.Time
	output    any
	errorName string
	cause     string
	events    []event
	current   []string
	tokens    int // task tokens handed out
	redrives  int
	redriven  time.Time
	// at and with are the state of the top program that runs, or ran last, and
	// its input: where a redrive starts.
	at     string
	with   any
	cancel context.CancelFunc
	done   chan struct{}
}

// mostTime is how long an execution may take (docs: quotas).
const mostTime = 365 * 24 * time.Hour

var errTimedOut = errors.New("the execution's time is over")

func newExecution(e *Engine, m *machine, arn, name, text string, input any) *execution {
	return &execution{
		engine: e, machine: m, arn: arn, name: name, started: time.Now(), inputText: text, input: input,
		status: Running, done: make(chan struct{}), at: m.program.startAt, with: input,
	}
}

// launch starts the goroutine of the execution, which ends when parent does.
func (x *execution) launch(parent context.Context) {
	limit := mostTime
	if own := x.machine.program.timeout; own > 0 {
		limit = min(limit, time.Duration(own)*time.Second)
	}
	ctx, cancel := context.WithTimeoutCause(parent, limit, errTimedOut)
	x.cancel = cancel
	run := x.done
	x.engine.running.Go(func() {
		defer cancel()
		x.run(ctx, run)
	})
}

// run is the goroutine of the execution, up to the end that closes done.
func (x *execution) run(ctx context.Context, done chan struct{}) {
	t := &thread{x: x, ctx: ctx, top: true, context: contextObject{execution: x.contextExecution(), machine: map[string]any{
		"Id": x.machine.arn, "Name": x.machine.name,
	}}}
	x.mu.Lock()
	redrives, start, with := x.redrives, x.at, x.with
	x.mu.Unlock()
	begin := event{kind: "ExecutionStarted", name: x.role(), data: x.input, hasData: true}
	if redrives > 0 {
		begin = event{kind: "ExecutionRedriven", number: redrives}
	}
	var out any
	err := t.add(begin)
	if err == nil {
		t.previous = 0 // the first state's event comes after none (published histories)
		out, err = t.program(x.machine.program, start, with)
	}
	f, failed := asFailure(err)
	switch {
	case err == nil:
		x.finishRun(done, Succeeded, out, "", "")
	case failed:
		x.finishRun(done, Failed, nil, f.name, f.cause)
	case errors.Is(context.Cause(ctx), errTimedOut):
		x.finishRun(done, TimedOut, nil, errTimeout, "")
	case x.engine.ctx.Err() == nil:
		x.finishRun(done, Aborted, nil, "", "") // whoever it ran for has ended
	}
}

func (x *execution) role() string {
	if x.machine.role != "" {
		return x.machine.role
	}
	return "arn:aws:iam::" + x.engine.options.Account + ":role/" + x.machine.name
}

func (x *execution) contextExecution() map[string]any {
	return map[string]any{
		"Id": x.arn, "Name": x.name, "Input": x.input, "StartTime": stamp(x.started), "RoleArn": x.role(), "RedriveCount": int64(x.redrives),
	}
}

// append adds an event to the history, unless the execution has ended: then the
// thread has to end too. The event that would break the limit is the failure of
// the execution (published histories).
func (x *execution) append(e event) (int, error) {
	x.mu.Lock()
	if x.status != Running {
		x.mu.Unlock()
		return 0, errStopped
	}
	if len(x.events) >= mostEvents-1 {
		x.mu.Unlock()
		x.finish(Failed, nil, errRuntime, "The execution reached the maximum number of history events ("+strconv.Itoa(mostEvents)+").")
		return 0, errStopped
	}
	e = x.write(e)
	switch {
	case enters(e.kind):
		x.current = append(x.current, e.name)
	case exits(e.kind):
		x.leave(e.name)
	}
	x.mu.Unlock()
	x.tell(e)
	return e.id, nil
}

// leave drops one state from the current ones.
func (x *execution) leave(name string) {
	if i := slices.Index(x.current, name); i >= 0 {
		x.current = slices.Delete(x.current, i, i+1)
	}
}

func (x *execution) write(e event) event {
	e.id, e.at = len(x.events)+1, time.Now()
	x.events = append(x.events, e)
	return e
}

func (x *execution) tell(e event) {
	if x.engine.options.OnEvent == nil {
		return
	}
	out := Event{Execution: x.arn, Machine: x.machine.arn, ID: e.id, Type: e.kind, At: e.at, Error: e.errorName, Cause: e.cause}
	if enters(e.kind) || exits(e.kind) {
		out.State = e.name
	}
	x.engine.options.OnEvent(out)
}

var endEvents = map[string]string{
	Succeeded: "ExecutionSucceeded", Failed: "ExecutionFailed", TimedOut: "ExecutionTimedOut", Aborted: "ExecutionAborted",
}

// finish ends the execution, once.
func (x *execution) finish(status string, output any, errorName, cause string) {
	x.finishRun(nil, status, output, errorName, cause)
}

// finishRun ends the execution unless another run of it, by a redrive, is under
// way; a nil run is whichever is.
func (x *execution) finishRun(run chan struct{}, status string, output any, errorName, cause string) {
	x.mu.Lock()
	if x.status != Running || run != nil && run != x.done {
		x.mu.Unlock()
		return
	}
	x.status, x.output, x.errorName, x.cause = status, output, errorName, cause
	e := event{kind: endEvents[status], errorName: errorName, cause: cause, previous: len(x.events)}
	if status == Succeeded {
		e.data, e.hasData = output, true
	}
	if status == Aborted {
		e.previous = 0 // published histories
	}
	e = x.write(e)
	x.stopped, x.current = e.at, nil
	done, cancel := x.done, x.cancel
	x.mu.Unlock()
	cancel()
	x.tell(e)
	close(done)
}

func (x *execution) end() (status string, stopped time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.status, x.stopped
}

func (x *execution) ended() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.done
}

func (x *execution) describe() Execution {
	out := x.summary()
	if out.Status == Succeeded { // for good: what x.output holds stays
		x.mu.Lock()
		defer x.mu.Unlock()
		out.Output = string(encode(x.output))
	}
	return out
}

// summary is describe without the output, which would have to be written.
func (x *execution) summary() Execution {
	x.mu.Lock()
	defer x.mu.Unlock()
	return Execution{
		ARN: x.arn, Name: x.name, Machine: x.machine.arn, Status: x.status, Started: x.started, Stopped: x.stopped,
		Input: x.inputText, Error: x.errorName, Cause: x.cause, Current: slices.Clone(x.current), Events: len(x.events),
	}
}
