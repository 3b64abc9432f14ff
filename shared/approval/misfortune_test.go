package approval

import (
	"errors"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/snowsim"
)

var errKilled = errors.New("the function was killed")

// attempt runs do as one invocation of a function, which may be killed.
func attempt(do func() error) error {
	ended := make(chan error, 1)
	go func() {
		err := errKilled
		defer func() { ended <- err }()
		err = do()
	}()
	return <-ended
}

// TestWhateverHappens lets calls of every kind go wrong while a question is
// opened, answered and settled, and functions die in the middle.
func TestWhateverHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		snow := rapid.SliceOfN(rapid.IntRange(0, 8), 0, 30).Draw(rt, "calls of ServiceNow")
		table := rapid.SliceOfN(rapid.IntRange(0, 6), 0, 20).Draw(rt, "calls of DynamoDB")
		decider := rapid.SampledFrom([]string{grace, daniel, tomasz}).Draw(rt, "who decides")
		state := rapid.SampledFrom([]string{snowsim.Approved, snowsim.Rejected}).Draw(rt, "what")
		early := rapid.Bool().Draw(rt, "decided before the state's last attempt")
		var failed error
		synctest.Test(t, func(t *testing.T) {
			b := setup(t, snowsim.Options{IntegrationRoles: licensed.IntegrationRoles})
			calls := 0
			b.wire = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				calls++
				if calls > len(snow) {
					return next.RoundTrip(r)
				}
				switch snow[calls-1] {
				case 1:
					return nil, cut
				case 2:
					_, _ = next.RoundTrip(r)
					return nil, cut
				case 3:
					runtime.Goexit()
				case 4:
					_, _ = next.RoundTrip(r)
					runtime.Goexit()
				}
				return next.RoundTrip(r)
			}
			b.db.Fault(func(_ *http.Request, n int) *dynamo.Fault {
				if n > 4*len(table) {
					return nil
				}
				switch table[(n-1)/4] {
				case 1:
					return &dynamo.Fault{Reset: true}
				case 2:
					return &dynamo.Fault{Work: true, Reset: true}
				}
				return nil
			})
			failed = scenario(b, decider, state, early)
		})
		if failed != nil {
			rt.Fatal(failed)
		}
	})
}

func scenario(b *testBundle, decider, state string, early bool) error {
	decide := func() error {
		for _, a := range b.sim.Approvals(b.ticket.SysID) {
			if a.Approver == decider && a.State == snowsim.Requested {
				return b.sim.ApproveAs(decider, a.SysID, state, "")
			}
		}
		return nil
	}
	token := ""
	for try := range 40 {
		// Each attempt of the state has a token of its own, and the one before is dead.
		b.tokens.timeOut(token)
		token = "t" + string(rune('a'+try))
		b.tokens.enter(token)
		err := attempt(func() error { _, err := b.desk.Open(b.ctx, b.ask(token), because); return err })
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) && !fault.Retryable(err) {
			return err
		}
		if early {
			if err := decide(); err != nil {
				return err
			}
		}
		time.Sleep(30 * time.Second)
	}
	if err := decide(); err != nil {
		return err
	}
	for range 40 {
		err := attempt(func() error { _, err := b.desk.Reconcile(b.ctx); return err })
		if err != nil && !errors.Is(err, errKilled) && !fault.Retryable(err) {
			return err
		}
		time.Sleep(30 * time.Second)
	}
	return ended(b, token, decider, state)
}

// ended holds what is left against one question that was answered once.
func ended(b *testBundle, token, decider, state string) error {
	if got := b.tokens.resumed(token); got != output(state, decider) {
		return errors.New("the waiting state was resumed with " + got)
	}
	approvals := b.sim.Approvals(b.ticket.SysID)
	if len(approvals) != 3 {
		return errors.New("not three are asked")
	}
	for _, a := range approvals {
		if a.State == snowsim.Requested {
			return errors.New("somebody is still asked")
		}
		if n := len(b.sim.Journal("sysapproval_approver", a.SysID, "comments")); n != 1 {
			return errors.New("an approval does not have one comment")
		}
	}
	if n := len(b.sim.Journal("incident", b.ticket.SysID, "")); n != 1 {
		return errors.New("the ticket does not have one note")
	}
	return nil
}
