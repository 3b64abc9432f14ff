package states

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestStoppingEndsAnExecutionWhereverItIs(t *testing.T) {
	t.Parallel()
	for name, definition := range map[string]string{
		"in a wait":     machineOf(`"A":{"Type":"Wait","Seconds":1000,"End":true}`),
		"at a token":    waiting(``),
		"in a retry":    trying(`"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1000}],`),
		"in a branch":   machineOf(`"A":{"Type":"Parallel","Branches":[` + branchOf(`"P":{"Type":"Wait","Seconds":1000,"End":true}`) + `],"End":true}`),
		"in a function": machineOf(`"A":{"Type":"Task","Resource":"arn:aws:lambda:us-east-1:123456789012:function:Slow","End":true}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var finished atomic.Bool
				b := newBench(t, definition, func(ctx context.Context, arn string, _ []byte) ([]byte, error) {
					if !strings.HasSuffix(arn, ":Slow") {
						return nil, &ServiceError{"Lambda.Unknown", "down"}
					}
					defer finished.Store(true)
					return takes(time.Minute, says(`{}`))(ctx, nil)
				})
				defer b.Close()
				if name == "at a token" {
					b.options.Invoke = func(context.Context, string, []byte) ([]byte, error) { return []byte(`{}`), nil }
				}
				arn := b.start("x")
				time.Sleep(10 * time.Second)
				if err := b.Stop(arn, "Halted", "by hand"); err != nil {
					t.Fatal(err)
				}
				x := b.wait(arn)
				if x.Status != Aborted || x.Error != "Halted" || x.Cause != "by hand" || x.Stopped.Sub(x.Started) != 10*time.Second || len(x.Current) != 0 {
					t.Error(x)
				}
				if err := b.Stop(arn, "again", ""); err != nil || b.wait(arn).Error != "Halted" {
					t.Error("stopped twice")
				}
				time.Sleep(time.Hour)
				events := b.executions[arn].events
				if last := events[len(events)-1]; last.kind != "ExecutionAborted" || last.previous != 0 {
					t.Error(last)
				}
				if name == "in a function" && !finished.Load() {
					t.Error("the function did not go on")
				}
			})
		})
	}
	b := newBench(t, waiting(``), nil)
	refused(t, b.Stop("arn:aws:states:us-east-1:123456789012:execution:m:none", "", ""), "ExecutionDoesNotExist")
}

func TestClosingLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	// The bubble fails when a goroutine is left.
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 2)
		b := newBench(t, machineOf(`"A":{"Type":"Parallel","Branches":[`+branchOf(`"P":{"Type":"Wait","Seconds":1000,"End":true}`)+`,{"StartAt":"Q","States":{"Q":{"Type":"Task","Resource":"${Steps}","End":true}}}],"End":true}`),
			func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
				<-ctx.Done()
				ended <- ctx.Err()
				return nil, ctx.Err()
			})
		arn := b.start("x")
		go func() {
			_, err := b.Wait(context.Background(), arn)
			ended <- err
		}()
		synctest.Wait()
		b.Close()
		if err := <-ended; err == nil {
			t.Error("the function's context did not end")
		}
		if err := <-ended; err == nil {
			t.Error("who waits was not told")
		}
		if x, err := b.Execution(arn); err != nil || x.Status != Running {
			t.Error("a power cut ends nothing", x, err)
		}
		_, err := b.Start(b.machine, "y", "")
		refused(t, err, "ServiceUnavailable")
		b.Close() // once more is harmless
	})
}

func TestWaitGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, waiting(``), nil)
		defer b.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if x, err := b.Wait(ctx, b.start("x")); err == nil || x.Status != Running {
			t.Error(x, err)
		}
		_, err := b.Wait(ctx, "arn:nowhere")
		refused(t, err, "ExecutionDoesNotExist")
	})
}

func TestWatchersLearnEveryEventAndMayStopAtAny(t *testing.T) {
	t.Parallel()
	definition := machineOf(`"A":{"Type":"Pass","Next":"W"},"W":{"Type":"Wait","Seconds":5,"Next":"T"},"T":{"Type":"Task","Resource":"${Steps}","Next":"Z"}` + ending)
	for stopAt := range 20 {
		synctest.Test(t, func(t *testing.T) {
			var e *Engine
			var seen []Event
			e = New(Options{Invoke: func(context.Context, string, []byte) ([]byte, error) { return []byte(`{}`), nil }, OnEvent: func(v Event) {
				seen = append(seen, v)
				if v.ID == stopAt {
					if err := e.Stop(v.Execution, "Stopped", fmt.Sprint(v.ID)); err != nil {
						t.Error(err)
					}
				}
			}})
			defer e.Close()
			if err := e.Create("m", definition, map[string]string{"Steps": stepsARN}); err != nil {
				t.Fatal(err)
			}
			arn, err := e.Start(e.Machines()[0].ARN, "x", "")
			if err != nil {
				t.Fatal(err)
			}
			x, err := e.Wait(t.Context(), arn)
			if err != nil {
				t.Fatal(err)
			}
			want, count := Succeeded, 13
			if stopAt > 0 && stopAt < 13 {
				want, count = Aborted, stopAt+1
			}
			if x.Status != want || len(seen) != count || x.Events != count {
				t.Errorf("stopped at %d: %s after %d events", stopAt, x.Status, len(seen))
			}
			var entered strings.Builder
			for i, v := range seen {
				if v.ID != i+1 || v.Execution != arn || v.Machine != x.Machine {
					t.Error(v)
				}
				if v.Entered() {
					entered.WriteString(v.State)
				}
			}
			if want == Succeeded && entered.String() != "AWTZ" {
				t.Error(entered.String())
			}
		})
	}
}

func TestTenThousandExecutionsMayWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, waiting(`"TimeoutSeconds":1000000,`), func(context.Context, string, []byte) ([]byte, error) { return nil, nil })
		defer b.Close()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		const n = 10000
		input, err := json.Marshal(map[string]string{"table": "incident", "sys_id": strings.Repeat("0", 32), "number": "INC0010001"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if _, err := b.Start(b.machine, fmt.Sprint(i), string(input)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		runtime.GC()
		runtime.ReadMemStats(&after)
		each := (after.HeapAlloc + after.StackInuse - before.HeapAlloc - before.StackInuse) / n
		t.Logf("%d bytes for each waiting execution", each)
		if each > 32<<10 {
			t.Errorf("%d bytes for each waiting execution", each)
		}
		for _, x := range b.Executions(b.machine) {
			if x.Status != Running || len(x.Current) != 1 {
				t.Fatal(x)
			}
		}
		time.Sleep(1000001 * time.Second)
		for _, x := range b.Executions("") {
			if x.Status != Failed {
				t.Fatal(x)
			}
		}
	})
}

func TestTheHistoryEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	x, events, _ := run(t, machineOf(`"A":{"Type":"Choice","Choices":[{"Variable":"$.spin","IsPresent":true,"Next":"A"}],"Default":"Z"}`+ending), `{"spin":true}`)
	last := events[len(events)-1]
	if len(events) != 25000 || last.id != 25000 || last.previous != 24999 || last.kind != "ExecutionFailed" || events[24998].kind != "ChoiceStateExited" {
		t.Error(len(events), last)
	}
	if x.Status != Failed || x.Error != "States.Runtime" || x.Cause != "The execution reached the maximum number of history events (25000)." {
		t.Error(x)
	}
}

func TestPayloadLimit(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	for name, c := range map[string]struct {
		definition, input, answer, failed string
	}{
		"a result at the limit":       {trying(``), `{}`, text(mostPayload), ""},
		"a result beyond it":          {trying(``), `{}`, text(mostPayload + 1), errDataLimit},
		"a large result made small":   {trying(`"ResultPath":null,`), `{}`, text(mostPayload + 1), errDataLimit},
		"an output beyond it":         {trying(`"ResultPath":"$.r",`), `{"k":` + text(mostPayload/2) + `}`, text(mostPayload / 2), errDataLimit},
		"a payload beyond it":         {trying(`"Parameters":{"a.$":"$","b.$":"$"},`), text(mostPayload/2 + 1), `{}`, errDataLimit},
		"a pass's output beyond it":   {machineOf(`"A":{"Type":"Pass","Parameters":{"a.$":"$","b.$":"$"},"End":true}`), text(mostPayload/2 + 1), ``, errDataLimit},
		"bytes count, not characters": {trying(``), `{}`, `"` + strings.Repeat("ä", mostPayload/2) + `"`, errDataLimit},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, _, _ := run(t, c.definition, c.input, says(c.answer))
			if x.Error != c.failed {
				t.Error(x.Status, x.Error, x.Cause)
			}
		})
	}
}

func TestNestedExecutions(t *testing.T) {
	t.Parallel()
	outer := func(pattern, fields string) string {
		return machineOf(`"A":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution` + pattern + `","Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:inner",` +
			`"Name.$":"$.name","Input":{"k.$":"$.k"}},` + fields + `"Next":"Z"}` + ending)
	}
	inner := machineOf(`"I":{"Type":"Wait","Seconds":60,"Next":"C"},"C":{"Type":"Choice","Choices":[{"Variable":"$.k","NumericEquals":1,"Next":"Z"}],"Default":"F"},"F":{"Type":"Fail","Error":"Inner"}` + ending)
	inner = strings.Replace(inner, `"StartAt":"A"`, `"StartAt":"I"`, 1)
	for name, c := range map[string]struct {
		definition, input, output, failed string
		takes                             time.Duration
	}{
		"starts and goes on":   {outer("", `"ResultSelector":{"arn.$":"$.ExecutionArn"},`), `{"name":"n","k":1}`, `{"arn":"arn:aws:states:us-east-1:123456789012:execution:inner:n"}`, "", 0},
		"waits for its end":    {outer(".sync:2", `"OutputPath":"$.Output",`), `{"name":"n","k":1}`, `{"k":1}`, "", time.Minute},
		"with its end as text": {outer(".sync", `"OutputPath":"$.Output",`), `{"name":"n","k":1}`, `"{\"k\":1}"`, "", time.Minute},
		"fails as it does":     {outer(".sync:2", ``), `{"name":"n","k":2}`, ``, `States.TaskFailed {"Cause":"","Error":"Inner",`, time.Minute},
		"a name that is taken": {outer("", ``), `{"name":"taken","k":2}`, ``, "StepFunctions.ExecutionAlreadyExistsException Execution Already Exists", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.definition, nil)
				defer b.Close()
				b.create("inner", inner)
				if _, err := b.Start("arn:aws:states:us-east-1:123456789012:stateMachine:inner", "taken", `{"k":1}`); err != nil {
					t.Fatal(err)
				}
				arn, err := b.Start(b.machine, "x", c.input)
				if err != nil {
					t.Fatal(err)
				}
				x := b.wait(arn)
				got := strings.TrimSpace(x.Error + " " + x.Cause)
				if x.Output != c.output || !strings.HasPrefix(got, c.failed) || (c.failed == "") != (got == "") || x.Stopped.Sub(x.Started) != c.takes {
					t.Error(x)
				}
			})
		})
	}
	t.Run("stopping the outer one stops the inner one that it waits for", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, outer(".sync", ``), nil)
			defer b.Close()
			b.create("inner", inner)
			arn, err := b.Start(b.machine, "x", `{"name":"n","k":1}`)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if err := b.Stop(arn, "", ""); err != nil {
				t.Fatal(err)
			}
			if x := b.wait("arn:aws:states:us-east-1:123456789012:execution:inner:n"); x.Status != Aborted || x.Stopped.Sub(x.Started) != time.Second {
				t.Error(x)
			}
		})
	})
}
