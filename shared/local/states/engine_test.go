package states

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const stepsARN = "arn:aws:lambda:us-east-1:123456789012:function:Steps"

// script answers invocations: by turn, the last answer again and again.
type script struct {
	mu      sync.Mutex
	answers []func(ctx context.Context, payload map[string]any) ([]byte, error)
	calls   []map[string]any
	at      []time.Duration // since the first
	first   time.Time
}

func (s *script) invoke(ctx context.Context, _ string, payload []byte) ([]byte, error) {
	s.mu.Lock()
	if len(s.calls) == 0 {
		s.first = time.Now()
	}
	var given map[string]any
	_ = json.Unmarshal(payload, &given) // scalars come as nil
	s.calls = append(s.calls, given)
	s.at = append(s.at, time.Since(s.first))
	answer := s.answers[min(len(s.calls), len(s.answers))-1]
	s.mu.Unlock()
	return answer(ctx, given)
}

type reply = func(context.Context, map[string]any) ([]byte, error)

func says(text string) reply {
	return func(context.Context, map[string]any) ([]byte, error) { return []byte(text), nil }
}

func fails(name, message string) reply {
	return func(context.Context, map[string]any) ([]byte, error) {
		return nil, &FunctionError{[]byte(`{"errorMessage":"` + message + `","errorType":"` + name + `"}`)}
	}
}

func refuses(name string) reply {
	return func(context.Context, map[string]any) ([]byte, error) {
		return nil, &ServiceError{name, "refused"}
	}
}

func takes(d time.Duration, then reply) reply {
	return func(ctx context.Context, p map[string]any) ([]byte, error) {
		select {
		case <-time.After(d):
			return then(ctx, p)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// run plays one execution to its end in a bubble.
func run(t *testing.T, definition, input string, answers ...reply) (Execution, []event, *script) {
	t.Helper()
	var x Execution
	var events []event
	s := &script{answers: answers}
	synctest.Test(t, func(t *testing.T) {
		e := New(Options{Invoke: s.invoke})
		defer e.Close()
		if err := e.Create("m", definition, map[string]string{"Steps": stepsARN}); err != nil {
			t.Fatal(err)
		}
		arn, err := e.Start(e.Machines()[0].ARN, "x", input)
		if err != nil {
			t.Fatal(err)
		}
		if x, err = e.Wait(t.Context(), arn); err != nil {
			t.Fatal(err)
		}
		events = e.executions[arn].events
	})
	return x, events, s
}

func kinds(events []event) []string {
	all := make([]string, 0, len(events))
	for _, e := range events {
		all = append(all, e.kind)
	}
	return all
}

func TestProjectMachinesLoad(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../statemachines/*.asl.json")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := Validate(string(text), map[string]string{"StepsFunctionArn": stepsARN}); err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestTaskRetriesThenSucceeds(t *testing.T) {
	t.Parallel()
	x, events, s := run(t, `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"${Steps}","Parameters":{"n.$":"$$.State.RetryCount","in.$":"$"},
		"Retry":[{"ErrorEquals":["Throttled"],"IntervalSeconds":2,"BackoffRate":3,"MaxAttempts":5,"MaxDelaySeconds":10}],"ResultPath":"$.a","End":true}}}`,
		`{"k":1}`, fails("Throttled", "no"), fails("Throttled", "no"), fails("Throttled", "no"), says(`{"ok":true}`))
	if x.Status != Succeeded || x.Output != `{"a":{"ok":true},"k":1}` {
		t.Error(x)
	}
	if d := cmp.Diff([]time.Duration{0, 2 * time.Second, 8 * time.Second, 18 * time.Second}, s.at); d != "" {
		t.Error(d)
	}
	if s.calls[3]["n"] != 3.0 {
		t.Error(s.calls)
	}
	want := []string{"ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed",
		"LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed", "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed",
		"LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded", "TaskStateExited", "ExecutionSucceeded"}
	if d := cmp.Diff(want, kinds(events)); d != "" {
		t.Error(d)
	}
}
