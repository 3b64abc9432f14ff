package states

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func waiting(fields string) string {
	return machineOf(`"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"${Steps}","Payload":{"token.$":"$$.Task.Token"}},` +
		fields + `"Next":"Z"}` + ending)
}

// bench is an engine in a bubble with one machine, m.
type bench struct {
	*Engine
	t       *testing.T
	machine string
	tokens  chan string
}

// newBench makes an engine whose function, unless another is given, hands the
// token of its payload to tokens.
func newBench(t *testing.T, definition string, invoke func(context.Context, string, []byte) ([]byte, error)) *bench {
	t.Helper()
	b := &bench{t: t, tokens: make(chan string, 100)}
	if invoke == nil {
		invoke = func(_ context.Context, _ string, payload []byte) ([]byte, error) {
			v, err := decode(payload)
			if err != nil {
				return nil, err
			}
			object, _ := v.(map[string]any)
			if token, is := object["token"].(string); is {
				b.tokens <- token
			}
			return []byte(`"told"`), nil
		}
	}
	b.Engine = New(Options{Invoke: invoke})
	b.create("m", definition)
	b.machine = b.Machines()[0].ARN
	return b
}

func (b *bench) create(name, definition string) {
	b.t.Helper()
	if err := b.Create(name, definition, map[string]string{"Steps": stepsARN}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) start(name string) string {
	b.t.Helper()
	arn, err := b.Start(b.machine, name, "")
	if err != nil {
		b.t.Fatal(err)
	}
	return arn
}

func (b *bench) wait(arn string) Execution {
	b.t.Helper()
	x, err := b.Wait(b.t.Context(), arn)
	if err != nil {
		b.t.Fatal(err)
	}
	return x
}

func (b *bench) history(arn string) string {
	b.t.Helper()
	x, err := b.execution(arn)
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(kinds(x.events), " ")
}

// refused checks that err is the API's exception.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	var got *APIError
	if !errors.As(err, &got) || got.Code != code {
		t.Errorf("got %v, not %s", err, code)
	}
}

func TestATaskWaitsForItsToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, waiting(``), nil)
		defer b.Close()
		arn := b.start("x")
		token := <-b.tokens
		time.Sleep(14 * 24 * time.Hour)
		if x, err := b.Execution(arn); err != nil || x.Status != Running || len(x.Current) != 1 || x.Current[0] != "A" {
			t.Error(x, err)
		}
		refused(t, b.Succeed(token, `{`), "InvalidOutput")
		if err := b.Succeed(token, `{"decision":"approved"}`); err != nil {
			t.Fatal(err)
		}
		refused(t, b.Succeed(token, `{"decision":"rejected"}`), "TaskTimedOut")
		x := b.wait(arn)
		if x.Output != `{"decision":"approved"}` || x.Stopped.Sub(x.Started) != 14*24*time.Hour {
			t.Error(x)
		}
		want := "ExecutionStarted TaskStateEntered TaskScheduled TaskStarted TaskSubmitted TaskSucceeded TaskStateExited SucceedStateEntered SucceedStateExited ExecutionSucceeded"
		if got := b.history(arn); got != want {
			t.Error(got)
		}
		refused(t, b.Succeed(token, `{}`), "TaskTimedOut")
	})
}

func TestTokensThatAnswerNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, waiting(`"TimeoutSeconds":60,`), nil)
		defer b.Close()
		timedOut := b.start("late")
		late := <-b.tokens
		time.Sleep(61 * time.Second)
		if x := b.wait(timedOut); x.Error != errTimeout {
			t.Error(x)
		}
		refused(t, b.Succeed(late, `{}`), "TaskTimedOut")
		stopped := b.start("stopped")
		token := <-b.tokens
		if err := b.Stop(stopped, "", ""); err != nil {
			t.Error(err)
		}
		refused(t, b.Fail(token, "E", "C"), "TaskTimedOut")
		refused(t, b.Heartbeat(token), "TaskTimedOut")
		foreign := New(Options{})
		foreign.Close()
		refused(t, foreign.Succeed(token, `{}`), "TaskDoesNotExist")
		refused(t, b.Succeed("nonsense", `{}`), "InvalidToken")
		refused(t, b.Succeed("", `{}`), "InvalidToken")
		refused(t, b.Succeed(base64.StdEncoding.EncodeToString([]byte(tokenMark+"\n"+stopped+"\nx\ny")), `{}`), "InvalidToken")
		refused(t, b.Succeed(base64.StdEncoding.EncodeToString([]byte(tokenMark+"\n"+stopped+"\n2\ny")), `{}`), "TaskDoesNotExist")
		refused(t, b.Succeed(token, `"`+strings.Repeat("x", mostPayload)+`"`), "ValidationException")
	})
}

func TestAnsweredWithAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, waiting(`"Retry":[{"ErrorEquals":["Again"],"IntervalSeconds":5,"MaxAttempts":1}],`), nil)
		defer b.Close()
		arn := b.start("x")
		first := <-b.tokens
		if err := b.Fail(first, "Again", "once more"); err != nil {
			t.Fatal(err)
		}
		second := <-b.tokens
		if first == second {
			t.Error("the same token again")
		}
		refused(t, b.Succeed(first, `{}`), "TaskTimedOut")
		if err := b.Fail(second, "Refused", "by hand"); err != nil {
			t.Fatal(err)
		}
		if x := b.wait(arn); x.Error != "Refused" || x.Cause != "by hand" || x.Stopped.Sub(x.Started) != 5*time.Second {
			t.Error(x)
		}
	})
}

func TestTheFunctionThatShouldPassOnTheTokenFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, waiting(``), func(context.Context, string, []byte) ([]byte, error) {
			return nil, &FunctionError{[]byte(`{"errorType":"Denied","errorMessage":"no"}`)}
		})
		defer b.Close()
		if x := b.wait(b.start("x")); x.Error != "Denied" || x.Status != Failed {
			t.Error(x)
		}
	})
}

func TestAnAnswerMayComeBeforeTheFunctionEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b *bench
		b = newBench(t, waiting(``), func(ctx context.Context, _ string, payload []byte) ([]byte, error) {
			v, _ := decode(payload)
			if err := b.Succeed(v.(map[string]any)["token"].(string), `1`); err != nil {
				return nil, err
			}
			return takes(time.Minute, says(`{}`))(ctx, nil)
		})
		defer b.Close()
		if x := b.wait(b.start("x")); x.Output != "1" || x.Stopped != x.Started {
			t.Error(x)
		}
	})
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, waiting(`"HeartbeatSeconds":10,"TimeoutSeconds":100,`), nil)
		defer b.Close()
		missed, alive := b.start("missed"), b.start("alive")
		tokens := map[bool]string{}
		for range 2 {
			token := <-b.tokens
			text, _ := base64.StdEncoding.DecodeString(token)
			tokens[strings.Contains(string(text), alive)] = token
		}
		for range 12 {
			time.Sleep(9 * time.Second)
			_ = b.Heartbeat(tokens[true]) // the last comes too late
		}
		if x := b.wait(missed); x.Error != errHeartbeat || x.Stopped.Sub(x.Started) != 10*time.Second {
			t.Error(x)
		}
		if x := b.wait(alive); x.Error != errTimeout || x.Stopped.Sub(x.Started) != 100*time.Second {
			t.Error(x)
		}
		if got := b.history(missed); !strings.HasSuffix(got, "TaskSubmitted TaskTimedOut ExecutionFailed") {
			t.Error(got)
		}
	})
}

func TestAMissedHeartbeatIsATimeoutForRetryAndCatch(t *testing.T) {
	t.Parallel()
	for _, names := range []string{`"States.HeartbeatTimeout"`, `"States.Timeout"`, `"States.ALL"`} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, waiting(`"HeartbeatSecondsPath":"$$.Execution.Input.beat","Catch":[{"ErrorEquals":[`+names+`],"Next":"Z"}],`), nil)
			defer b.Close()
			arn, err := b.Start(b.machine, "x", `{"beat":3}`)
			if err != nil {
				t.Fatal(err)
			}
			if x := b.wait(arn); x.Status != Succeeded || x.Stopped.Sub(x.Started) != 3*time.Second {
				t.Error(names, x)
			}
		})
	}
}
