package states

import (
	"fmt"
	"time"
)

// attempt of a Task: what it calls, its events and its clocks.
type attempt struct {
	*thread
	task               *task
	timeout, heartbeat time.Duration // 0 is none
}

// task calls what a Task state names. input is the state's filtered input, for
// the paths of timeouts; v what Parameters made of it.
func (t *thread) task(k *task, input, v any) (any, error) {
	a := &attempt{thread: t, task: k}
	timeout, err := t.seconds(k.timeout, input, "TimeoutSecondsPath", 1)
	if err != nil {
		return nil, err
	}
	heartbeat, err := t.seconds(k.heartbeat, input, "HeartbeatSecondsPath", 1)
	if err != nil {
		return nil, err
	}
	a.timeout, a.heartbeat = time.Duration(timeout)*time.Second, time.Duration(heartbeat)*time.Second
	if sizeOf(v) > mostPayload {
		return nil, t.tooLarge(k.resource)
	}
	if err := t.add(a.scheduled(v, timeout, heartbeat)); err != nil {
		return nil, err
	}
	if err := t.add(event{kind: a.kind("Started"), resource: a.name(), resourceType: a.group()}); err != nil {
		return nil, err
	}
	result, err := a.run(v)
	if err == nil && sizeOf(result) > mostPayload {
		err = t.tooLarge(k.resource)
	}
	f, failed := asFailure(err)
	switch {
	case failed:
		what := "Failed"
		if f.name == errTimeout || f.name == errHeartbeat {
			what = "TimedOut"
		}
		e := event{kind: a.kind(what), resource: a.name(), resourceType: a.group(), errorName: f.name, cause: f.cause}
		if err := t.add(e); err != nil {
			return nil, err
		}
		return nil, f
	case err != nil:
		return nil, err
	}
	return result, t.add(event{kind: a.kind("Succeeded"), resource: a.name(), resourceType: a.group(), data: result, hasData: true})
}

func (a *attempt) scheduled(v any, timeout, heartbeat int64) event {
	e := event{kind: a.kind("Scheduled"), resource: a.name(), resourceType: a.group(), data: v, hasData: true, timeout: timeout, heartbeat: heartbeat}
	if a.task.service == lambdaDirect {
		e.resource = a.task.resource
	} else {
		e.name = a.x.engine.options.Region
	}
	return e
}

// kind is the type of the attempt's event.
func (a *attempt) kind(what string) string {
	if a.task.service == lambdaDirect {
		return "LambdaFunction" + what
	}
	return "Task" + what
}

// name and group are how the API names an integration: invoke.waitForTaskToken
// of lambda.
func (a *attempt) name() string {
	name := map[service]string{lambdaInvoke: "invoke", startExecution: "startExecution"}[a.task.service]
	switch {
	case a.task.callback:
		return name + ".waitForTaskToken"
	case a.task.sync == 1:
		return name + ".sync"
	case a.task.sync == 2:
		return name + ".sync:2"
	}
	return name
}

func (a *attempt) group() string {
	return map[service]string{lambdaInvoke: "lambda", startExecution: "states"}[a.task.service]
}

// answer is what a call came to.
type answer struct {
	result any
	err    error
}

// run makes the call and waits for it, or for its token, no longer than allowed.
func (a *attempt) run(v any) (any, error) {
	over, stopOver := clock(a.timeout)
	defer stopOver()
	beat, stopBeat := clock(a.heartbeat)
	defer func() { stopBeat() }()
	var w *waiter
	var token <-chan answer
	if a.task.callback {
		w = a.x.engine.await(a.x, a.context.token)
		defer a.x.engine.forget(w)
		token = w.answered
	}
	call := a.call(v)
	for {
		select {
		case got := <-call:
			if got.err != nil || w == nil {
				return got.result, got.err
			}
			call = nil // the token is waited for
			if err := a.add(event{kind: "TaskSubmitted", resource: a.name(), resourceType: a.group(), data: got.result, hasData: true}); err != nil {
				return nil, err
			}
		case got := <-token:
			return got.result, got.err
		case <-over:
			if got, answered := a.x.engine.expire(w); answered {
				return got.result, got.err
			}
			return nil, &failure{name: errTimeout}
		case <-beat:
			// A heartbeat since then has moved the moment on.
			if left := w.left(a.heartbeat); left > 0 {
				beat, stopBeat = clock(left)
				continue
			}
			if got, answered := a.x.engine.expire(w); answered {
				return got.result, got.err
			}
			return nil, &failure{name: errHeartbeat}
		case <-a.ctx.Done():
			return nil, errStopped
		}
	}
}

// clock fires after d; never for 0, without a timer on which virtual time would
// jump ahead.
func clock(d time.Duration) (fires <-chan time.Time, stop func()) {
	if d == 0 {
		return nil, func() {}
	}
	timer := time.NewTimer(d)
	return timer.C, func() { timer.Stop() }
}

// call makes the call in a goroutine of its own, because nobody can take it
// back: when the task times out or the execution is stopped, it goes on unheard.
func (a *attempt) call(v any) <-chan answer {
	done := make(chan answer, 1)
	e := a.x.engine
	switch a.task.service {
	case startExecution:
		a.nested(v, done)
	case lambdaDirect:
		payload := encode(v)
		e.running.Go(func() { done <- e.invoke(a.task.resource, payload) })
	case lambdaInvoke:
		parameters, _ := v.(map[string]any)
		arn, isText := parameters["FunctionName"].(string)
		if !isText {
			done <- answer{err: &failure{name: "Lambda.ValidationException", cause: "FunctionName has to be a string"}}
			return done
		}
		payload := []byte("{}")
		if given, is := parameters["Payload"]; is {
			payload = encode(given)
		}
		e.running.Go(func() {
			got := e.invoke(e.functionARN(arn), payload)
			if got.err == nil {
				got.result = lambdaResult(got.result)
			}
			done <- got
		})
	}
	return done
}

// functionARN completes the name of a function.
func (e *Engine) functionARN(name string) string {
	if functionARN.MatchString(name) {
		return name
	}
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", e.options.Region, e.options.Account, name)
}

func (e *Engine) invoke(arn string, payload []byte) answer {
	response, err := e.options.Invoke(e.ctx, arn, payload)
	switch {
	case e.ctx.Err() != nil:
		return answer{err: errStopped}
	case err != nil:
		return answer{err: invocationFailure(err)}
	case len(response) == 0:
		return answer{}
	}
	v, err := decode(response)
	if err != nil {
		return answer{err: &failure{name: errTaskFailed, cause: fmt.Sprintf("The function's answer is no JSON: %v", err)}}
	}
	return answer{result: v}
}

// lambdaResult is the Lambda API's answer around what the function answered.
func lambdaResult(payload any) any {
	metadata := map[string]any{"HttpStatusCode": int64(200), "RequestId": uuid()}
	return map[string]any{
		"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": int64(200),
		"SdkHttpMetadata": metadata, "SdkResponseMetadata": map[string]any{"RequestId": metadata["RequestId"]},
	}
}

// nested starts another execution. With .sync the answer is its end, and the
// nested one is stopped when this one is.
func (a *attempt) nested(v any, done chan<- answer) {
	e := a.x.engine
	parameters, _ := v.(map[string]any)
	arn, _ := parameters["StateMachineArn"].(string)
	name, _ := parameters["Name"].(string)
	input, isText := parameters["Input"].(string)
	if given, is := parameters["Input"]; is && !isText {
		input = string(encode(given))
	}
	parent := e.ctx
	if a.task.sync > 0 {
		parent = a.ctx
	}
	x, err := e.start(parent, arn, name, input)
	if err != nil {
		done <- answer{err: nestedFailure(err)}
		return
	}
	if a.task.sync == 0 {
		done <- answer{result: map[string]any{
			"ExecutionArn": x.arn, "StartDate": x.started.UnixMilli(), "SdkHttpMetadata": map[string]any{"HttpStatusCode": int64(200)},
		}}
		return
	}
	e.running.Go(func() {
		select {
		case <-x.ended():
			done <- a.nestedAnswer(x.describe())
		case <-a.ctx.Done(): // nobody hears it
		}
	})
}

func nestedFailure(err error) *failure {
	if refused, is := err.(*APIError); is { //nolint:errorlint // start never wraps
		return &failure{name: "StepFunctions." + refused.Code + "Exception", cause: refused.Message}
	}
	return &failure{name: errTaskFailed, cause: err.Error()}
}

func (a *attempt) nestedAnswer(x Execution) answer {
	described := map[string]any{
		"ExecutionArn": x.ARN, "Name": x.Name, "StateMachineArn": x.Machine, "Status": x.Status, "Input": x.Input,
		"StartDate": x.Started.UnixMilli(), "StopDate": x.Stopped.UnixMilli(),
	}
	if x.Status != Succeeded {
		described["Error"], described["Cause"] = x.Error, x.Cause
		return answer{err: &failure{name: errTaskFailed, cause: string(encode(described))}}
	}
	described["Output"] = x.Output
	if a.task.sync == 2 {
		for name, text := range map[string]string{"Input": x.Input, "Output": x.Output} {
			if v, err := decode([]byte(text)); err == nil {
				described[name] = v
			}
		}
	}
	return answer{result: described}
}
