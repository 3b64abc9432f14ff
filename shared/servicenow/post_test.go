package servicenow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

var because = audit.Reason{Kind: "ticket", Ref: "INC0010001", Text: "onboarding"}

// resolving is the posting that ends an onboarding.
func resolving() Posting {
	set := OnboardingKind().Columns(Resolved)
	set["watch_list"] = seed.PersonSysID("E1010")
	return Posting{Key: "run-1/resolved", Comment: "The account is ready.", WorkNote: "Okta user id: 00u1", Set: set}
}

func TestPost(t *testing.T) {
	t.Parallel()

	t.Run("writes notes and columns in one go, each note with its reference in the last line", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Update("incident", b.ticket.SysID, map[string]string{"watch_list": seed.PersonSysID("E1001")})
			if err := b.client.Post(b.ctx, b.ticket, resolving(), because); err != nil {
				t.Fatal(err)
			}
			want := marker("run-1/resolved")
			notes := b.notes()
			want = "[record incident/" + b.ticket.SysID + "/1] " + want
			if len(notes) != 2 || notes[0] != "comments: The account is ready.\n"+want || notes[1] != "work_notes: Okta user id: 00u1\n"+want {
				t.Errorf("notes %q", notes)
			}
			if b.value("state") != "6" || b.value("close_code") == "" {
				t.Errorf("state %s, close code %q", b.value("state"), b.value("close_code"))
			}
			if got := b.value("watch_list"); got != seed.PersonSysID("E1001")+","+seed.PersonSysID("E1010") {
				t.Errorf("who watched before is gone: %s", got)
			}
		})
	})

	t.Run("writes once per key, and again for another one", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, key := range []string{"a", "a", "b", "a"} {
				if err := b.open(t, 3).Post(b.ctx, b.ticket, Posting{Key: key, WorkNote: "Hello."}, because); err != nil {
					t.Fatal(err)
				}
			}
			if notes := b.notes(); len(notes) != 2 || notes[0] == notes[1] {
				t.Errorf("notes %q", notes)
			}
		})
	})

	t.Run("leaves an intent and an outcome in the ledger, without the text", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			p := resolving()
			p.Comment = "Login: ada.lovelace@example.com"
			if err := b.client.Post(b.ctx, b.ticket, p, because); err != nil {
				t.Fatal(err)
			}
			records, err := b.ledger.Stream(b.ctx, b.ticket.String())
			if err != nil || len(records) != 2 || records[0].Phase != audit.Intent || records[1].Phase != audit.Done || records[1].RequestID == "" {
				t.Fatalf("%+v, %v", records, err)
			}
			if told := fmt.Sprint(records); strings.Contains(told, "ada.lovelace") || !strings.Contains(told, "state:6") || !strings.Contains(told, "INC0010001") {
				t.Errorf("the ledger says %s", told)
			}
		})
	})

	t.Run("writes nothing for nothing and refuses a note without a key", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if err := b.client.Post(b.ctx, b.ticket, Posting{Key: "a", WorkNote: " \n"}, because); err != nil {
				t.Error(err)
			}
			if err := b.client.Post(b.ctx, b.ticket, Posting{WorkNote: "Hello."}, because); !fault.Is[*fault.Invalid](err) {
				t.Errorf("got %v", err)
			}
			if len(b.sim.Calls()) != 0 {
				t.Errorf("calls %v", b.sim.Calls())
			}
		})
	})

	t.Run("shortens a note that is too long rather than lose its reference", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if err := b.client.Post(b.ctx, b.ticket, Posting{Key: "a", WorkNote: strings.Repeat("ä", 50_000)}, because); err != nil {
				t.Fatal(err)
			}
			if note := b.notes()[0]; len([]rune(note)) > 31_000 || !strings.HasSuffix(note, marker("a")) || !strings.Contains(note, "shortened") {
				t.Errorf("%d characters", len([]rune(note)))
			}
		})
	})

	t.Run("a column that an access rule keeps is reported, also when it is asked again", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Restrict(snowsim.Rule{Table: "incident", Operation: "write", Column: "assignment_group"})
			p := Posting{Key: "a", WorkNote: "Please mend.", Set: map[string]string{"state": "2", "assignment_group": snowsim.GroupSysID(snowsim.GroupServiceDesk)}}
			for range 2 {
				err := b.client.Post(b.ctx, b.ticket, p, because)
				if !fault.Is[*fault.Denied](err) || !strings.Contains(err.Error(), "assignment_group") || strings.Contains(err.Error(), "state") {
					t.Errorf("got %v", err)
				}
			}
			if len(b.notes()) != 1 {
				t.Errorf("notes %q", b.notes())
			}
		})
	})

	t.Run("a column that does not exist is reported", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{FixedColumns: true}, func(t *testing.T, b *testBundle) {
			err := b.client.Post(b.ctx, b.ticket, Posting{Key: "a", Set: map[string]string{"u_misspelt": "x"}}, because)
			if !fault.Is[*fault.Denied](err) || !strings.Contains(err.Error(), "u_misspelt") {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("a closing code that the instance does not have is told by its data policy", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			p := resolving()
			p.Set["close_code"] = "Solved (Permanently)"
			err := b.client.Post(b.ctx, b.ticket, p, because)
			if !fault.Is[*fault.Denied](err) || !strings.Contains(err.Error(), "mandatory") || len(b.notes()) != 0 {
				t.Errorf("%v, notes %q", err, b.notes())
			}
		})
	})

	t.Run("a ticket that is gone is not found, and what is not a sys_id reaches no instance", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, ref := range []Ref{{"incident", seed.SysID("nothing")}, {"incident", "../sys_user/x"}, {"../x", b.ticket.SysID}, {"incident", ""}} {
				if err := b.client.Post(b.ctx, ref, Posting{Key: "a", WorkNote: "Hello."}, because); !fault.Is[*fault.NotFound](err) {
					t.Errorf("%s: %v", ref, err)
				}
			}
		})
	})

	t.Run("a switch that is off stops it before anything is written", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.ledger = audit.New(b.db.Client(), "ledger", audit.WithGate(closed{}))
			err := b.open(t, 3).Post(b.ctx, b.ticket, resolving(), because)
			if !fault.Is[*fault.Stopped](err) || len(b.notes()) != 0 {
				t.Errorf("%v, notes %q", err, b.notes())
			}
		})
	})
}

func TestExactlyOneNote(t *testing.T) {
	t.Parallel()

	// settledRight holds the ticket against what one posting makes of it.
	settledRight := func(b *testBundle) error {
		notes := b.notes()
		if len(notes) != 2 || !strings.HasPrefix(notes[0], "comments: The account") || !strings.HasPrefix(notes[1], "work_notes: Okta user") {
			return fmt.Errorf("the journals hold %q", notes)
		}
		if b.value("state") != "6" || !strings.Contains(b.value("watch_list"), seed.PersonSysID("E1010")) {
			return fmt.Errorf("state %s, watched by %q", b.value("state"), b.value("watch_list"))
		}
		return nil
	}

	t.Run("whatever happens to any one call", func(t *testing.T) {
		t.Parallel()
		for _, m := range misfortunes {
			synctest.Test(t, func(t *testing.T) {
				for position := 1; ; position++ {
					b := setup(t, snowsim.Options{})
					n := 0
					b.wire = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
						if n++; n == position {
							return b.meet(m, r, next)
						}
						return next.RoundTrip(r)
					}
					failed := persist(func() error { return b.client.Post(b.ctx, b.ticket, resolving(), because) })
					time.Sleep(time.Minute) // late work would be done by now
					if err := errors.Join(failed, settledRight(b)); err != nil {
						t.Errorf("%s at call %d: %v", m, position, err)
					}
					if n < position {
						return
					}
				}
			})
		}
	})

	t.Run("whatever happens to the ledger", func(t *testing.T) {
		t.Parallel()
		for name, f := range map[string]dynamo.Fault{
			"an error": {Code: "InternalServerError"}, "throttling": {Code: "ProvisionedThroughputExceededException"},
			"a reset": {Reset: true}, "an answer that is lost": {Work: true, Reset: true}, "no answer": {Hang: true},
		} {
			synctest.Test(t, func(t *testing.T) {
				for position := 1; position <= 12; position++ {
					b := setup(t, snowsim.Options{})
					b.db.Fault(func(_ *http.Request, n int) *dynamo.Fault {
						if n >= position && n < position+4 { // beyond what the SDK retries
							return &f
						}
						return nil
					})
					failed := persist(func() error {
						ctx, cancel := contextFor(b.ctx)
						defer cancel()
						return b.client.Post(ctx, b.ticket, resolving(), because)
					})
					if err := errors.Join(failed, settledRight(b)); err != nil {
						t.Errorf("%s from call %d: %v", name, position, err)
					}
				}
			})
		}
	})

	t.Run("whatever happens in whatever order", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			lot := rapid.SliceOfN(rapid.SampledFrom(append(slices.Clone(misfortunes), nothing, nothing)), 1, 10).Draw(rt, "calls")
			ledger := rapid.SliceOfN(rapid.Bool(), 0, 8).Draw(rt, "ledger fails")
			var failed error
			synctest.Test(t, func(t *testing.T) {
				b := setup(t, snowsim.Options{})
				n := 0
				b.wire = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
					if n++; n <= len(lot) {
						return b.meet(lot[n-1], r, next)
					}
					return next.RoundTrip(r)
				}
				b.db.Fault(func(_ *http.Request, n int) *dynamo.Fault {
					if n <= 4*len(ledger) && ledger[(n-1)/4] {
						return &dynamo.Fault{Work: n%2 == 0, Reset: true}
					}
					return nil
				})
				failed = persist(func() error {
					ctx, cancel := contextFor(b.ctx)
					defer cancel()
					return b.client.Post(ctx, b.ticket, resolving(), because)
				})
				time.Sleep(time.Minute)
				b.db.Fault(nil)
				verification, err := b.ledger.Verify(b.ctx, b.ticket.String())
				if err == nil && !verification.OK() {
					err = errors.New(verification.Problem)
				}
				failed = errors.Join(failed, settledRight(b), err)
			})
			if failed != nil {
				rt.Fatal(failed)
			}
		})
	})

	t.Run("not even where the journal cannot be read: then nothing is written a second time", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Restrict(snowsim.Rule{Table: "sys_journal_field", Operation: "read"})
			b.wire = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				if r.Method == http.MethodPatch {
					return b.meet(workReset, r, next)
				}
				return next.RoundTrip(r)
			}
			post := func() error { return b.client.Post(b.ctx, b.ticket, Posting{Key: "a", WorkNote: "Hello."}, because) }
			if err := post(); !fault.Is[*fault.Unavailable](err) {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			b.wire = nil
			if err := post(); !fault.Is[*fault.Denied](err) || !strings.Contains(err.Error(), "sys_journal_field") || len(b.notes()) != 1 {
				t.Errorf("%v, notes %q", err, b.notes())
			}
		})
	})

	t.Run("a call without an answer is waited out before the note is written again", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			patches := 0
			b.wire = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				if r.Method == http.MethodPatch {
					if patches++; patches == 1 {
						return b.meet(reset, r, next)
					}
				}
				return next.RoundTrip(r)
			}
			began := time.Now()
			post := func() error { return b.client.Post(b.ctx, b.ticket, Posting{Key: "a", WorkNote: "Hello."}, because) }
			for {
				err := post()
				if err == nil {
					break
				}
				var unavailable *fault.Unavailable
				if !errors.As(err, &unavailable) {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second)
			}
			if waited := elapsed(began); waited != settleTime || patches != 2 || len(b.notes()) != 1 {
				t.Errorf("waited %s, %d writes, notes %q", waited, patches, b.notes())
			}
		})
	})
}

type closed struct{}

func (closed) Check(context.Context) error { return &fault.Stopped{Message: "stopped by an operator"} }

// contextFor is the context of an invocation of a function with a minute to run.
func contextFor(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Minute)
}
