package okta_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/okta"
)

func TestPasswordResetsMailOnce(t *testing.T) {
	t.Parallel()
	mails := func(t *testing.T, b *testBundle, want int) {
		t.Helper()
		sent := b.sim.Mailbox()
		if len(sent) != want {
			t.Errorf("%d mails were sent, not %d", len(sent), want)
		}
		for _, m := range sent {
			if m.Kind != oktasim.MailReset || m.UserID != b.id {
				t.Errorf("a mail of kind %q went to %s", m.Kind, m.UserID)
			}
		}
	}
	// cut loses the answers of all calls from now on that end so.
	cut := func(b *testBundle) {
		b.sim.Fault(func(r *http.Request, _ int) *oktasim.Fault {
			if strings.HasSuffix(r.URL.Path, "/reset_password") {
				return &oktasim.Fault{Reset: true, Work: true}
			}
			return nil
		})
	}

	bubble(t, "although its answer was lost and the step runs again", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		before, err := b.client.User(b.ctx(t), b.id)
		must(t, err)
		cut(b)
		if err := b.client.ResetPassword(b.ctx(t), before, why); !fault.Is[*fault.Unavailable](err) {
			t.Fatalf("got %v", err)
		}
		b.sim.Fault(nil)
		must(t, b.client.ResetPassword(b.ctx(t), before, why))
		mails(t, b, 1)
	})

	bubble(t, "although the person has been faster than the repeated step", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		before, err := b.client.User(b.ctx(t), b.id)
		must(t, err)
		cut(b)
		_ = b.client.ResetPassword(b.ctx(t), before, why)
		b.sim.Fault(nil)
		time.Sleep(time.Minute)
		must(t, b.sim.FollowResetLink(b.id))
		must(t, b.client.ResetPassword(b.ctx(t), before, why))
		mails(t, b, 1)
		if status := b.account(t).Status; status != oktasim.Active {
			t.Errorf("the account is %s", status)
		}
	})

	bubble(t, "except for an account in recovery, where nobody can tell: rather a second mail than none", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		must(t, b.sim.SetStatus(b.id, oktasim.Recovery))
		before, err := b.client.User(b.ctx(t), b.id)
		must(t, err)
		cut(b)
		_ = b.client.ResetPassword(b.ctx(t), before, why)
		b.sim.Fault(nil)
		must(t, b.client.ResetPassword(b.ctx(t), before, why))
		mails(t, b, 2)
	})

	for _, status := range []string{oktasim.LockedOut, oktasim.Suspended, oktasim.Staged, oktasim.Deprovisioned} {
		bubble(t, "and never for an account that is "+status, func(t *testing.T) {
			b := setup(t, oktasim.Options{})
			must(t, b.sim.SetStatus(b.id, status))
			before, err := b.client.User(b.ctx(t), b.id)
			must(t, err)
			err = b.client.ResetPassword(b.ctx(t), before, why)
			if !fault.Is[*fault.Conflict](err) || !strings.Contains(err.Error(), "the account is "+status) {
				t.Errorf("got %v", err)
			}
			mails(t, b, 0)
		})
	}

	bubble(t, "and the ledger holds no link", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		before, err := b.client.User(b.ctx(t), b.id)
		must(t, err)
		must(t, b.client.ResetPassword(b.ctx(t), before, why))
		text := encoded(t, b.records(t))
		if strings.Contains(text, "reset_password/") || strings.Contains(text, "token") {
			t.Errorf("in the ledger: %s", text)
		}
	})
}

func TestOneFactorIsRemovedAlone(t *testing.T) {
	t.Parallel()
	bubble(t, "but those of one Okta Verify go together, each recorded as removed", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		for _, kind := range []string{oktasim.FactorTOTP, oktasim.FactorSMS} {
			_, err := b.sim.EnrolFactor(b.id, kind)
			must(t, err)
		}
		factors, err := b.client.Factors(b.ctx(t), b.id)
		must(t, err)
		for _, f := range factors {
			if f.Created.IsZero() || f.Provider != "OKTA" {
				t.Errorf("read as %+v", f)
			}
			if f.Type != oktasim.FactorSMS {
				must(t, b.client.Unenroll(b.ctx(t), b.id, f, why))
			}
		}
		if d := cmp.Diff([]string{oktasim.FactorSMS}, b.account(t).Factors); d != "" {
			t.Error(d)
		}
		done := 0
		for _, r := range b.records(t) {
			if r.Verb == "factor.unenroll" && r.Phase == audit.Done {
				done++
			}
		}
		if done != 2 {
			t.Errorf("%d removals are recorded", done)
		}
	})
}

func TestLogsAreReadAsFarAsAskedFor(t *testing.T) {
	t.Parallel()
	emit := func(b *testBundle, n int) {
		for i := range n {
			b.sim.Emit(time.Now().Add(time.Duration(i)*time.Millisecond), map[string]any{
				"eventType": "test.event", "displayMessage": fmt.Sprint(i), "actor": map[string]any{"id": b.id, "type": "User", "alternateId": login},
				"outcome": map[string]any{"result": "FAILURE", "reason": "INVALID_CREDENTIALS"},
				"client": map[string]any{
					"ipAddress": "192.0.2.77", "geographicalContext": map[string]any{"city": "Berlin", "country": "Germany"},
				},
			})
		}
	}
	read := func(ctx context.Context, b *testBundle, q okta.LogQuery) (messages []string, err error) {
		q.Since, q.Until = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		q.Filter = okta.LogFilter(b.id, "test.event")
		events, err := b.client.Logs(ctx, q)
		for _, e := range events {
			messages = append(messages, e.Message)
		}
		return messages, err
	}

	bubble(t, "over all pages, oldest first", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		emit(b, 2500)
		got, err := read(b.ctx(t), b, okta.LogQuery{})
		must(t, err)
		if len(got) != 2500 || got[0] != "0" || got[2499] != "2499" {
			t.Errorf("%d events, from %v", len(got), got[:min(len(got), 3)])
		}
	})

	bubble(t, "newest first and no more than wanted, over pages where need be", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		emit(b, 2500)
		for most, want := range map[int]int{1: 1, 3: 1, 1000: 1, 1001: 2, 2000: 2} {
			before := len(b.requests())
			got, err := read(b.ctx(t), b, okta.LogQuery{Newest: true, Most: most})
			must(t, err)
			if len(got) != most || got[0] != "2499" {
				t.Errorf("most %d: %d events", most, len(got))
			}
			if calls := len(b.requests()) - before; calls != want {
				t.Errorf("most %d took %d calls", most, calls)
			}
		}
	})

	bubble(t, "with outcome, address and place", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		emit(b, 1)
		events, err := b.client.Logs(b.ctx(t), okta.LogQuery{Since: time.Now().Add(-time.Minute), Until: time.Now().Add(time.Minute), Filter: `eventType eq "test.event"`})
		must(t, err)
		e := events[0]
		got := []string{e.Outcome.Result, e.Outcome.Reason, e.Client.Address, e.Client.Place.City, e.Client.Place.Country, e.Actor.ID}
		if d := cmp.Diff([]string{"FAILURE", "INVALID_CREDENTIALS", "192.0.2.77", "Berlin", "Germany", b.id}, got); d != "" || e.UUID == "" || e.Published.IsZero() {
			t.Errorf("%s %+v", d, e)
		}
	})
}
