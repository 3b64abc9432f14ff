package approval

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/snowsim"
)

func TestTokens(t *testing.T) {
	t.Parallel()

	t.Run("a decision before the records are complete is found when they are", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			made := 0
			b.wire = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				response, err := next.RoundTrip(r)
				if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "sysapproval_approver") {
					if made++; made == 1 {
						// The first approver answers, and the webhook comes, while the others are still to be asked.
						first := b.sim.Approvals(b.ticket.SysID)[0]
						if err := b.sim.ApproveAs(first.Approver, first.SysID, snowsim.Approved, ""); err != nil {
							t.Error(err)
						}
						if b.settle(t, first.SysID) {
							t.Error("resumed before the token was stored")
						}
					}
				}
				return response, err
			}
			if opened := b.open(t, b.ask("t1")); !opened.Resumed || !strings.Contains(b.tokens.resumed("t1"), Approved) {
				t.Errorf("%+v, resumed with %s", opened, b.tokens.resumed("t1"))
			}
		})
	})

	t.Run("a decision between two attempts of the state resumes the second at once", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			b.tokens.timeOut("t1") // the first attempt failed after all
			if b.settle(t, b.decide(t, grace, snowsim.Approved)) {
				t.Error("a dead token was resumed")
			}
			if opened := b.open(t, b.ask("t2")); !opened.Resumed || b.tokens.resumed("t2") != output(Approved, grace) {
				t.Errorf("%+v, resumed with %s", opened, b.tokens.resumed("t2"))
			}
		})
	})

	t.Run("the latest attempt's token is the one that is used", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			b.open(t, b.ask("t2"))
			if !b.settle(t, b.decide(t, grace, snowsim.Approved)) || b.tokens.resumed("t1") != "" || b.tokens.resumed("t2") == "" {
				t.Errorf("resumed with %q and %q", b.tokens.resumed("t1"), b.tokens.resumed("t2"))
			}
		})
	})

	t.Run("a token that came while a decision was being read is not lost", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			id := b.of(t, grace).SysID
			b.wire = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/sysapproval_approver") {
					b.wire = nil
					// The second attempt opens while Settle reads, and nobody has decided when it looks.
					if opened := b.open(t, b.ask("t2")); opened.Resumed {
						t.Error("resumed without a decision")
					}
					b.decide(t, grace, snowsim.Approved)
				}
				return next.RoundTrip(r)
			}
			if !b.settle(t, id) || b.tokens.resumed("t2") != output(Approved, grace) {
				t.Errorf("resumed with %q and %q", b.tokens.resumed("t1"), b.tokens.resumed("t2"))
			}
		})
	})

	t.Run("a decision after the end is harmless, and the others are withdrawn", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			time.Sleep(72*time.Hour + time.Second)
			b.tokens.timeOut("t1")
			if id := b.decide(t, grace, snowsim.Approved); b.settle(t, id) || b.reconcile(t) != 0 || b.tokens.resumed("t1") != "" {
				t.Errorf("resumed with %s", b.tokens.resumed("t1"))
			}
		})
	})

	t.Run("what nobody answers is withdrawn at the end", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			time.Sleep(72*time.Hour - time.Second)
			if b.reconcile(t); b.of(t, grace).State != snowsim.Requested {
				t.Error("withdrawn too early")
			}
			time.Sleep(time.Second)
			b.tokens.timeOut("t1")
			if n := b.reconcile(t); n != 0 || b.of(t, grace).State != snowsim.NotRequired || b.of(t, daniel).State != snowsim.NotRequired {
				t.Errorf("%d resumed, %s", n, b.of(t, grace).State)
			}
			before := len(b.sim.Calls())
			if b.reconcile(t); len(b.sim.Calls()) != before {
				t.Error("it is still looked at")
			}
		})
	})

	t.Run("a state that cannot be resumed now is resumed by the reconciler", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			id := b.decide(t, grace, snowsim.Approved)
			b.tokens.fault = func() error { return cut }
			if _, err := b.desk.Settle(b.ctx, id); !fault.Is[*fault.Unavailable](err) {
				t.Fatalf("got %v", err)
			}
			b.tokens.fault = nil
			if b.reconcile(t) != 1 || b.tokens.resumed("t1") != output(Approved, grace) {
				t.Errorf("resumed with %s", b.tokens.resumed("t1"))
			}
		})
	})
}
