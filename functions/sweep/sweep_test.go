package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// inBubble runs a test on virtual time with a bundle of its own.
func inBubble(t *testing.T, test func(t *testing.T, b *bundle)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, setup(t)) })
}

func (b *bundle) expect(t *testing.T, when string, want Report) {
	t.Helper()
	if got := b.run(t); got != want {
		t.Errorf("%s: %+v, want %+v", when, got, want)
	}
}

func TestATicketWithoutAnExecutionIsStarted(t *testing.T) {
	t.Parallel()
	t.Run("once, by the machine of its kind, with its name and nothing else", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			b.instance.open("offboarding", "b1", time.Hour)
			b.expect(t, "first run", Report{Open: 2, Started: 2})
			starts := b.machines.started()
			if len(starts) != 2 || !strings.Contains(starts[0], ":dev-offboarding:INCb1-") || !strings.Contains(starts[1], ":dev-onboarding:INCa1-") {
				t.Fatalf("started %v, leavers first", starts)
			}
			if input := b.machines.runs[starts[1]].input; input != `{"table":"incident","sys_id":"a1","number":"INCa1"}` {
				t.Errorf("input %s", input)
			}
			time.Sleep(5 * time.Minute)
			b.expect(t, "before it has taken the ticket", Report{Open: 2, Working: 2})
			b.hold(t, starts[1])
			b.expect(t, "when it has", Report{Open: 2, Working: 2})
		})
	})
	t.Run("but not while its webhook may still come", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", 0)
			b.expect(t, "at once", Report{Open: 1, Recent: 1})
			time.Sleep(grace + time.Second)
			b.expect(t, "after the grace", Report{Open: 1, Started: 1})
		})
	})
	t.Run("also when the instance's clock is far ahead", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", -2*time.Hour)
			b.expect(t, "run", Report{Open: 1, Started: 1})
		})
	})
	t.Run("when a webhook's execution was aborted before it took the ticket", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.machines.end(b.machines.begin(), types.ExecutionStatusAborted)
			b.instance.open("onboarding", "a1", time.Hour)
			b.expect(t, "run", Report{Open: 1, Started: 1})
		})
	})
}

func TestATicketThatSomebodyWorksOnIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, status := range []types.ExecutionStatus{types.ExecutionStatusRunning, types.ExecutionStatusPendingRedrive} {
		t.Run(string(status), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bundle) {
				b.instance.open("onboarding", "a1", time.Hour)
				owner := b.machines.begin()
				b.machines.end(owner, status)
				b.hold(t, owner)
				b.expect(t, "run", Report{Open: 1, Working: 1})
				b.instance.change("u_email", "other@corp.example", time.Hour)
				b.expect(t, "changed: its owner looks at it every half day at least", Report{Open: 1, Working: 1})
			})
		})
	}
}

func TestATicketWithAnOutcomeIsLeftAloneUntilItChanges(t *testing.T) {
	t.Parallel()
	for _, outcome := range []string{"returned", "ended", "resolved"} {
		t.Run(outcome, func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bundle) {
				b.instance.open("onboarding", "a1", time.Hour)
				owner := b.machines.begin()
				b.hold(t, owner)
				b.release(t, owner, outcome)
				b.machines.end(owner, types.ExecutionStatusFailed)
				for range 3 {
					b.expect(t, "unchanged", Report{Open: 1, Settled: 1})
					b.instance.change("assignment_group", "g1", time.Hour) // our own note does that
					time.Sleep(24 * time.Hour)
				}
				b.instance.change("u_email", "mended@corp.example", grace+time.Second)
				b.expect(t, "mended, and the webhook was lost", Report{Open: 1, Started: 1})
			})
		})
	}
	t.Run("mended back and forth, every change starts it again", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			for i, email := range []string{"one@corp.example", "two@corp.example", "one@corp.example"} {
				b.instance.change("u_email", email, time.Hour)
				b.expect(t, email, Report{Open: 1, Started: 1})
				execution := b.machines.started()[i]
				b.hold(t, execution)
				b.release(t, execution, "returned")
				b.machines.end(execution, types.ExecutionStatusSucceeded)
			}
		})
	})
	t.Run("closed when it was read, and reopened", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			owner := b.machines.begin()
			b.hold(t, owner)
			b.release(t, owner, "")
			b.expect(t, "run", Report{Open: 1, Started: 1})
		})
	})
	t.Run("failed before it could be read: tried once more, not each time", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			fail := func(execution string) {
				b.hold(t, execution)
				if _, err := b.store.Release(t.Context(), "incident/a1", execution, "ended", ""); err != nil {
					t.Fatal(err)
				}
				b.machines.end(execution, types.ExecutionStatusFailed)
				b.instance.change("state", "1", 0) // the note
				time.Sleep(time.Hour)
			}
			fail(b.machines.begin())
			b.expect(t, "after the webhook's", Report{Open: 1, Started: 1})
			fail(b.machines.started()[0])
			b.expect(t, "after our own", Report{Open: 1, Settled: 1})
		})
	})
}

func TestATicketWhoseExecutionDiedWithoutAWordIsStartedAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []types.ExecutionStatus{types.ExecutionStatusAborted, types.ExecutionStatusTimedOut, types.ExecutionStatusSucceeded} {
		t.Run(string(status), func(t *testing.T) {
			inBubble(t, func(t *testing.T, b *bundle) {
				b.instance.open("onboarding", "a1", time.Hour)
				owner := b.machines.begin()
				b.hold(t, owner)
				b.machines.end(owner, status)
				b.expect(t, "run", Report{Open: 1, Started: 1})
				b.expect(t, "next run", Report{Open: 1, Working: 1})
			})
		})
	}
	t.Run("older than Step Functions remembers", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			b.hold(t, "arn:aws:states:eu-central-1:123456789012:execution:dev-onboarding:forgotten")
			b.expect(t, "run", Report{Open: 1, Started: 1})
		})
	})
	t.Run("failed, and could not even tell the ticket: after an hour", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			owner := b.machines.begin()
			b.hold(t, owner)
			b.machines.end(owner, types.ExecutionStatusFailed)
			b.expect(t, "at once", Report{Open: 1, Settled: 1})
			time.Sleep(patience + time.Second)
			b.expect(t, "an hour later", Report{Open: 1, Started: 1})
		})
	})
	t.Run("each time it is aborted with the ticket in its hands", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			owner := b.machines.begin()
			b.hold(t, owner)
			for i := range 2 * revivals {
				b.machines.end(owner, types.ExecutionStatusAborted)
				b.expect(t, fmt.Sprintf("revival %d", i), Report{Open: 1, Started: 1})
				next := b.machines.started()[i]
				if err := b.store.Seize(t.Context(), "incident/a1", owner, next); err != nil {
					t.Fatal(err)
				}
				owner = next
			}
		})
	})
	t.Run("a few times when it is aborted before it takes the ticket", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			owner := b.machines.begin()
			b.hold(t, owner)
			b.machines.end(owner, types.ExecutionStatusAborted)
			for i := range revivals {
				b.expect(t, fmt.Sprintf("revival %d", i), Report{Open: 1, Started: 1})
				b.expect(t, fmt.Sprintf("after revival %d", i), Report{Open: 1, Working: 1})
				b.machines.end(b.machines.started()[i], types.ExecutionStatusAborted)
			}
			b.expect(t, "somebody does not want it to run", Report{Open: 1, Settled: 1})
		})
	})
}

func TestARunIsBounded(t *testing.T) {
	t.Parallel()
	t.Run("by the number of starts, and the next one goes on", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			for i := range most + 50 {
				b.instance.open("onboarding", fmt.Sprintf("a%04d", i), time.Hour)
			}
			b.expect(t, "first run", Report{Open: most, Started: most, Left: true})
			second := b.run(t)
			if second.Started != 50 || second.Left {
				t.Errorf("second run: %+v", second)
			}
			b.expect(t, "third run", Report{Open: most + 50, Working: most + 50})
		})
	})
	t.Run("by the function's time", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			ctx, cancel := context.WithTimeout(quiet(t.Context()), margin-time.Second)
			defer cancel()
			report, err := b.sweep.Run(ctx)
			if want := (Report{Left: true}); err != nil || report != want {
				t.Errorf("%+v, %v", report, err)
			}
		})
	})
}

func TestOneTroubleDoesNotKeepTheRestFromBeingLookedAfter(t *testing.T) {
	t.Parallel()
	t.Run("a kind of ticket that cannot be read", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("offboarding", "b1", time.Hour)
			b.instance.open("onboarding", "a1", time.Hour)
			b.instance.down = "offboarding"
			report, err := b.sweep.Run(quiet(t.Context()))
			if !fault.Is[*fault.Denied](err) || !strings.Contains(err.Error(), "offboarding") {
				t.Errorf("error %v", err)
			}
			if want := (Report{Open: 1, Started: 1}); report != want {
				t.Errorf("%+v, want %+v", report, want)
			}
		})
	})
	t.Run("a start that is throttled", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			b.instance.open("onboarding", "a2", 0)
			b.machines.failWith(errThrottled)
			b.expect(t, "throttled", Report{Open: 2, Failed: 1, Recent: 1})
			b.machines.failWith(nil)
			b.expect(t, "later", Report{Open: 2, Started: 1, Recent: 1})
		})
	})
	t.Run("an execution that cannot be seen", func(t *testing.T) {
		inBubble(t, func(t *testing.T, b *bundle) {
			b.instance.open("onboarding", "a1", time.Hour)
			b.hold(t, b.machines.begin())
			b.machines.failWith(errThrottled)
			b.expect(t, "run", Report{Open: 1, Failed: 1})
		})
	})
}

func TestTheSwitchStopsTheSweepToo(t *testing.T) {
	t.Parallel()
	inBubbleOnly := func(t *testing.T, test func(*testing.T, *bundle)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) { test(t, setup(t)) })
	}
	inBubbleOnly(t, func(t *testing.T, b *bundle) {
		b.instance.open("onboarding", "a1", time.Hour)
		b.gate.stopped = errStopped
		b.expect(t, "stopped", Report{Left: true})
		b.gate.stopped = errSwitch
		if _, err := b.sweep.Run(quiet(t.Context())); !errors.Is(err, errSwitch) {
			t.Errorf("a switch that cannot be read: %v", err)
		}
		b.gate.stopped = nil
		b.expect(t, "on again", Report{Open: 1, Started: 1})
	})
}

// TestTheWiredSweepRuns runs the function as its main wires it, over the wire.
func TestTheWiredSweepRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, out := setup(t), &strings.Builder{}
		b.instance.open("onboarding", "a1", 0)
		b.instance.open("offboarding", "b1", time.Hour)
		b.hold(t, "arn:aws:states:eu-central-1:123456789012:execution:dev-onboarding:x")
		cloud, err := platform.NewCloud(t.Context(), platform.Options{
			Env: complete, Transport: handled{b.instance}, Out: out,
			AWS: &aws.Config{
				Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
				HTTPClient: &http.Client{Transport: wire{b}}, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		handler, err := NewSweep(t.Context(), cloud)
		if err != nil {
			t.Fatal(err)
		}
		got, err := cloud.Handler(handler).Invoke(t.Context(), []byte(`{"source":"aws.events"}`))
		if want := `{"open":2,"started":1,"working":0,"settled":0,"recent":1,"failed":0,"left":false}`; err != nil || string(got) != want {
			t.Errorf("answered %s, %v, want %s\n%s", got, err, want, out)
		}
		if starts := b.machines.started(); len(starts) != 1 || !strings.Contains(starts[0], "offboarding:INCb1-") {
			t.Errorf("started %v", starts)
		}
		if !strings.Contains(out.String(), `"SweepStarted":1`) || strings.Contains(out.String(), "corp.example") {
			t.Errorf("log and metrics: %s", out)
		}
	})
}

func TestNewSweepNamesWhatIsMissingOrWrong(t *testing.T) {
	t.Parallel()
	if _, err := NewSweep(t.Context(), &platform.Cloud{Env: complete}); err != nil {
		t.Errorf("complete: %v", err)
	}
	_, err := NewSweep(t.Context(), &platform.Cloud{})
	for name := range complete {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not name %s", err, name)
		}
	}
	for _, name := range []string{"ONBOARDING_TICKETS", "OFFBOARDING_TICKETS"} {
		env := map[string]string{name: `{"nonsense":1}`}
		maps.Copy(env, complete)
		if _, err := NewSweep(t.Context(), &platform.Cloud{Env: env}); !fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
