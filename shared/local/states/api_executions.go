package states

import (
	"slices"
	"time"
)

func (e *Engine) startExecution(asked *request) (any, error) {
	x, err := e.start(e.ctx, asked.StateMachineArn, asked.Name, asked.Input)
	if err != nil {
		return nil, err
	}
	return map[string]any{"executionArn": x.arn, "startDate": epoch(x.started)}, nil
}

func (e *Engine) stopExecution(asked *request) (any, error) {
	x, err := e.execution(asked.ExecutionArn)
	if err != nil {
		return nil, err
	}
	x.finish(Aborted, nil, asked.Error, asked.Cause)
	_, stopped := x.end()
	return map[string]any{"stopDate": epoch(stopped)}, nil
}

func (e *Engine) describeExecution(asked *request) (any, error) {
	x, err := e.execution(asked.ExecutionArn)
	if err != nil {
		return nil, err
	}
	d := x.describe()
	out := listed1(d)
	out["input"], out["inputDetails"] = d.Input, map[string]any{"included": true}
	if d.Status == Succeeded {
		out["output"], out["outputDetails"] = d.Output, map[string]any{"included": true}
	}
	if d.Error != "" {
		out["error"] = d.Error
	}
	if d.Cause != "" {
		out["cause"] = d.Cause
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	out["redriveCount"] = x.redrives
	out["redriveStatus"] = "NOT_REDRIVABLE"
	if why := x.notRedrivable(); why != "" {
		out["redriveStatusReason"] = why
	} else {
		out["redriveStatus"] = "REDRIVABLE"
	}
	if x.redrives > 0 {
		out["redriveDate"] = epoch(x.redriven)
	}
	return out, nil
}

// listed1 is an execution as ListExecutions shows it.
func listed1(d Execution) map[string]any {
	out := map[string]any{
		"executionArn": d.ARN, "stateMachineArn": d.Machine, "name": d.Name, "status": d.Status, "startDate": epoch(d.Started),
	}
	if !d.Stopped.IsZero() {
		out["stopDate"] = epoch(d.Stopped)
	}
	return out
}

// listExecutions tells the latest first.
func (e *Engine) listExecutions(asked *request) (any, error) {
	e.mu.Lock()
	_, exists := e.machines[asked.StateMachineArn]
	e.mu.Unlock()
	if !exists {
		return nil, refuse("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", asked.StateMachineArn)
	}
	all := e.Executions(asked.StateMachineArn)
	if asked.StatusFilter != "" {
		all = slices.DeleteFunc(all, func(x Execution) bool { return x.Status != asked.StatusFilter })
	}
	slices.Reverse(all)
	from, to, next, err := page(asked, len(all))
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, x := range all[from:to] {
		list = append(list, listed1(x))
	}
	return paged(map[string]any{"executions": list}, next), nil
}

func (e *Engine) getExecutionHistory(asked *request) (any, error) {
	x, err := e.execution(asked.ExecutionArn)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	all := x.events[:len(x.events):len(x.events)] // events are never changed
	x.mu.Unlock()
	from, to, next, err := page(asked, len(all))
	if err != nil {
		return nil, err
	}
	withData := asked.IncludeExecutionData == nil || *asked.IncludeExecutionData
	list := []any{}
	for i := from; i < to; i++ {
		e := &all[i]
		if asked.ReverseOrder {
			e = &all[len(all)-1-i]
		}
		out := map[string]any{"id": e.id, "previousEventId": e.previous, "timestamp": epoch(e.at), "type": e.kind}
		if name, details := e.details(withData); name != "" {
			out[name] = details
		}
		list = append(list, out)
	}
	return paged(map[string]any{"events": list}, next), nil
}

// redrivePeriod is how long after its end an execution can be redriven (docs).
const redrivePeriod = 14 * 24 * time.Hour

// notRedrivable tells why an execution cannot be redriven, or nothing. The
// caller holds x.mu.
func (x *execution) notRedrivable() string {
	switch {
	case x.status == Running:
		return "Execution is RUNNING and cannot be redriven"
	case x.status == Succeeded:
		return "Execution is SUCCEEDED and cannot be redriven"
	case time.Since(x.stopped) > redrivePeriod:
		return "Execution has exceeded the redrivable period"
	case len(x.events) >= mostEvents-1:
		return "Execution history event limit exceeded"
	}
	return ""
}

// redriveExecution runs an execution that failed once more, from the state of
// the top program it failed in. A Parallel or Map is run again as a whole, where
// the service runs only what failed in it.
func (e *Engine) redriveExecution(asked *request) (any, error) {
	x, err := e.execution(asked.ExecutionArn)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	x.mu.Lock()
	defer x.mu.Unlock()
	switch why := x.notRedrivable(); {
	case e.closed:
		return nil, refuse("ServiceUnavailable", "the engine is closed")
	case why != "":
		return nil, refuse("ExecutionNotRedrivable", "%s", why)
	}
	x.status, x.stopped, x.errorName, x.cause = Running, time.Time{}, "", ""
	x.redrives++
	x.redriven, x.done = time.Now(), make(chan struct{})
	x.launch(e.ctx)
	return map[string]any{"redriveDate": epoch(x.redriven)}, nil
}
