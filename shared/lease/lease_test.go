package lease_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/dynamo"
)

const person = "00uperson"

var (
	github = lease.Entitlement{Kind: "group", ID: "00ggithub"}
	jira   = lease.Entitlement{Kind: "app", ID: "0oajira"}
)

// okta is who has what; each change takes a moment, so that others come between.
type okta struct {
	mu   sync.Mutex
	held map[string]bool
}

func (o *okta) set(ctx context.Context, what string, held bool) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Millisecond):
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if held {
		o.held[what] = true
	} else {
		delete(o.held, what)
	}
	return nil
}

func (o *okta) AddToGroup(ctx context.Context, id, user string, _ audit.Reason) error {
	return o.set(ctx, user+" group/"+id, true)
}

func (o *okta) RemoveFromGroup(ctx context.Context, id, user string, _ audit.Reason) error {
	return o.set(ctx, user+" group/"+id, false)
}

func (o *okta) AssignApp(ctx context.Context, id, user string, _ audit.Reason) error {
	return o.set(ctx, user+" app/"+id, true)
}

func (o *okta) UnassignApp(ctx context.Context, id, user string, _ audit.Reason) error {
	return o.set(ctx, user+" app/"+id, false)
}

type testBundle struct {
	ctx      context.Context //nolint:containedctx // as long as the test
	db       *dynamo.DB
	ledger   *audit.Ledger
	register *lease.Register
	okta     *okta
}

func setup(t interface{ Fatal(...any) }) *testBundle {
	ctx := audit.WithTrail(context.Background(), audit.Trail{Stream: "incident/1", Ticket: "INC1", Actor: "system:test"})
	db := dynamo.New()
	for _, s := range []dynamo.Spec{
		{Name: "ledger", Hash: "pk", Range: "sk", Indexes: []dynamo.Index{{Name: "subject", Hash: "subject", Range: "at_seq"}}},
		{Name: "leases", Hash: "pk", Range: "sk", Indexes: []dynamo.Index{{Name: "due", Hash: "due_list", Range: "due"}, {Name: "entitlement", Hash: "sk", Range: "pk"}}},
	} {
		if err := db.CreateTable(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	ledger := audit.New(db.Client(), "ledger")
	return &testBundle{ctx, db, ledger, lease.New(db.Client(), "leases", ledger), &okta{held: map[string]bool{}}}
}

func because(ref string) audit.Reason { return audit.Reason{Kind: "test", Ref: ref} }

func (b *testBundle) grant(t *testing.T, e lease.Entitlement, key string, until time.Time) {
	t.Helper()
	if err := b.register.Grant(b.ctx, lease.Lease{Subject: person, Entitlement: e, Key: key, Reason: because(key), Until: until}); err != nil {
		t.Fatal(err)
	}
}

func (b *testBundle) settle(t *testing.T, e lease.Entitlement) bool {
	t.Helper()
	held, err := b.register.Settle(b.ctx, b.okta, person, e, because("settle"))
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// persist tries again what may pass, as the state machine does.
func (b *testBundle) persist(do func() error) error {
	for {
		if err := do(); !fault.Retryable(err) {
			return err
		}
		time.Sleep(time.Second)
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()

	t.Run("keeps the membership until the last reason has gone", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			b.grant(t, github, lease.Birthright, time.Time{})
			b.grant(t, github, lease.RequestKey("RITM1"), time.Now().Add(time.Hour))
			b.settle(t, github)
			if err := b.register.End(b.ctx, person, github, lease.Birthright, because("mover")); err != nil {
				t.Fatal(err)
			}
			if !b.settle(t, github) {
				t.Fatal("the request still gives it")
			}
			time.Sleep(time.Hour)
			if b.settle(t, github) || len(b.okta.held) > 0 {
				t.Fatalf("still held: %v", b.okta.held)
			}
		})
	})

	t.Run("records nothing when nothing changes", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.grant(t, jira, lease.Birthright, time.Time{})
		b.grant(t, jira, lease.Birthright, time.Time{})
		if err := b.register.End(b.ctx, person, jira, "request/none", because("x")); err != nil {
			t.Fatal(err)
		}
		records, err := b.ledger.Stream(b.ctx, "incident/1")
		if err != nil || len(records) != 1 || records[0].Verb != "lease.grant" {
			t.Fatalf("%v, %v", records, err)
		}
	})

	t.Run("refuses a lease without a reason", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		err := b.register.Grant(b.ctx, lease.Lease{Subject: person, Entitlement: jira, Key: lease.Birthright})
		if !fault.Is[*fault.Invalid](err) {
			t.Fatalf("got %v", err)
		}
	})

	t.Run("finds what is due, earliest first, and who holds an entitlement", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			now := time.Now()
			b.grant(t, jira, "request/RITM2", now.Add(2*time.Hour))
			b.grant(t, github, "request/RITM1", now.Add(time.Hour))
			b.grant(t, github, lease.Birthright, time.Time{})
			var due []string
			for h, err := range b.register.Due(b.ctx, now.Add(2*time.Hour)) {
				if err != nil {
					t.Fatal(err)
				}
				due = append(due, h.Entitlement.String())
			}
			if diff := cmp.Diff([]string{github.String(), jira.String()}, due); diff != "" {
				t.Error(diff)
			}
			for h, err := range b.register.HoldersOf(b.ctx, github) {
				if err != nil || h.Subject != person || len(h.Leases) != 2 {
					t.Errorf("%+v, %v", h, err)
				}
			}
		})
	})

	t.Run("expires a lease whose time is over, and none that was renewed meanwhile", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			const key = "request/RITM1"
			expire := func() int {
				if err := b.register.Expire(b.ctx, person, github, key, because("sweep")); err != nil {
					t.Fatal(err)
				}
				h, err := b.register.Holding(b.ctx, person, github)
				if err != nil {
					t.Fatal(err)
				}
				return len(h.Leases)
			}
			b.grant(t, github, key, time.Now().Add(time.Hour))
			if expire() != 1 {
				t.Error("it went before its time")
			}
			time.Sleep(time.Hour)
			b.grant(t, github, key, time.Now().Add(time.Hour))
			if expire() != 1 {
				t.Error("it went although it had been renewed")
			}
			time.Sleep(time.Hour)
			for range 2 {
				if expire() != 0 {
					t.Error("it stayed")
				}
			}
			if records, err := b.ledger.Stream(b.ctx, "incident/1"); err != nil || len(records) != 3 || records[2].Verb != "lease.end" {
				t.Errorf("%+v, %v", records, err)
			}
		})
	})

	t.Run("keeps for a later attempt what is over, and gives nothing by it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			const key = "request/RITM1"
			postpone := func() time.Time {
				if err := b.register.Postpone(b.ctx, person, jira, key, time.Now().Add(time.Hour), because("sweep")); err != nil {
					t.Fatal(err)
				}
				h, err := b.register.Holding(b.ctx, person, jira)
				if err != nil {
					t.Fatal(err)
				}
				l, _ := h.Find(key)
				return l.Retry
			}
			b.grant(t, jira, key, time.Now().Add(time.Hour))
			if !postpone().IsZero() {
				t.Error("postponed before its time was over")
			}
			time.Sleep(time.Hour)
			if at := postpone(); !at.Equal(time.Now().Add(time.Hour)) {
				t.Errorf("to be tried again at %s", at)
			}
			if b.settle(t, jira) {
				t.Error("it still gives the app")
			}
			b.grant(t, jira, key, time.Now().Add(time.Hour))
			if !b.settle(t, jira) {
				t.Error("renewed, it gives nothing")
			}
		})
	})

	t.Run("notes once that a holder was told of the end, and forgets it when the lease is renewed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			const key = "request/RITM1"
			end := time.Now().Add(time.Hour)
			warned := func(until time.Time) bool {
				if err := b.register.Warned(b.ctx, person, github, key, until, because("sweep")); err != nil {
					t.Fatal(err)
				}
				h, err := b.register.Holding(b.ctx, person, github)
				if err != nil {
					t.Fatal(err)
				}
				l, _ := h.Find(key)
				return !l.Warned.IsZero()
			}
			b.grant(t, github, key, end)
			if warned(end.Add(time.Minute)) {
				t.Error("told of an end that it does not have")
			}
			for range 2 {
				if !warned(end) {
					t.Error("not noted")
				}
			}
			b.grant(t, github, key, end) // nothing new
			if records, err := b.ledger.Stream(b.ctx, "incident/1"); err != nil || len(records) != 2 {
				t.Errorf("%+v, %v", records, err)
			}
			b.grant(t, github, key, end.Add(time.Hour))
			if warned(end) {
				t.Error("the renewed lease counts as told")
			}
		})
	})

	t.Run("ends everything of a leaver in one go and says what it was", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.grant(t, jira, lease.Birthright, time.Time{})
		b.grant(t, github, lease.Birthright, time.Time{})
		ended, err := b.register.EndAll(b.ctx, person, because("offboarding"))
		if err != nil || len(ended) != 2 {
			t.Fatalf("%v, %v", ended, err)
		}
		if left, err := b.register.Of(b.ctx, person); err != nil || len(left) > 0 {
			t.Fatalf("left %v, %v", left, err)
		}
	})
}

// TestConvergence lets several actors grant, end and settle at the same time, in
// random order: in the end Okta has exactly what the register gives.
func TestConvergence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		type move struct {
			Key   string
			Grant bool
			Pause time.Duration
		}
		plans := make([][]move, rapid.IntRange(2, 4).Draw(rt, "actors"))
		for i := range plans {
			for range rapid.IntRange(1, 4).Draw(rt, "moves") {
				plans[i] = append(plans[i], move{
					Key:   rapid.SampledFrom([]string{lease.Birthright, "request/1", "request/2"}).Draw(rt, "key"),
					Grant: rapid.Bool().Draw(rt, "grant"),
					Pause: time.Duration(rapid.IntRange(0, 3000).Draw(rt, "pause")) * time.Microsecond,
				})
			}
		}
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			var actors sync.WaitGroup
			for i, plan := range plans {
				actors.Go(func() {
					for _, m := range plan {
						time.Sleep(m.Pause)
						err := b.persist(func() error {
							if m.Grant {
								return b.register.Grant(b.ctx, lease.Lease{Subject: person, Entitlement: github, Key: m.Key, Reason: because(fmt.Sprint(i))})
							}
							return b.register.End(b.ctx, person, github, m.Key, because(fmt.Sprint(i)))
						})
						if err == nil {
							err = b.persist(func() error {
								_, err := b.register.Settle(b.ctx, b.okta, person, github, because("settle"))
								return err
							})
						}
						if err != nil {
							t.Errorf("actor %d: %v", i, err)
						}
					}
				})
			}
			actors.Wait()
			h, err := b.register.Holding(b.ctx, person, github)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{}
			if len(h.Leases) > 0 {
				want = append(want, person+" "+github.String())
			}
			if diff := cmp.Diff(want, append([]string{}, slices.Collect(maps.Keys(b.okta.held))...)); diff != "" {
				t.Errorf("leases %v: %s", h.Leases, diff)
			}
		})
	})
}
