package servicenow

import (
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

func TestTicket(t *testing.T) {
	t.Parallel()

	t.Run("has what the form holds", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			opened := time.Now().UTC()
			ticket, err := b.client.Ticket(b.ctx, OnboardingKind(), b.ticket.SysID)
			if err != nil {
				t.Fatal(err)
			}
			if ticket.Ref != b.ticket || ticket.Number != "INC0010001" || ticket.Phase != Open || ticket.OpenedBy != snowsim.AdminSysID || !ticket.Updated.Equal(opened) {
				t.Errorf("%+v", ticket)
			}
			for name, column := range OnboardingKind().Fields {
				if got := ticket.Value(name); got != hire()[column] {
					t.Errorf("%s is %q", name, got)
				}
			}
			if ticket.Value("no such field") != "" {
				t.Error("a field from nowhere")
			}
		})
	})

	t.Run("tells each state's phase", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			k := OffboardingKind()
			for _, p := range []Phase{InProgress, OnHold, Resolved, Closed, Cancelled} {
				values := map[string]string{"u_kind": "offboarding", "u_email": "a@example.com", "state": k.States[p].Values[0], "close_code": "Solution provided", "close_notes": "x"}
				ticket, err := b.client.Ticket(b.ctx, k, b.sim.Insert("incident", values))
				if err != nil || ticket.Phase != p {
					t.Errorf("%s: %q, %v", p, ticket.Phase, err)
				}
			}
		})
	})

	t.Run("tells whether we changed it last, or somebody else", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			knowing, err := New(Options{
				URL: "https://example.service-now.com", Transport: b, Ledger: b.ledger,
				Credentials: `{"user":"` + snowsim.IntegrationUser + `","password":"` + snowsim.IntegrationPassword + `"}`,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, ours := range []bool{false, true, false} {
				if ours {
					if err := b.client.Post(b.ctx, b.ticket, Posting{Key: "k", WorkNote: "Hello."}, because); err != nil {
						t.Fatal(err)
					}
				} else {
					b.sim.Update("incident", b.ticket.SysID, map[string]string{"work_notes": "Somebody else."})
				}
				ticket, err := knowing.Ticket(b.ctx, OnboardingKind(), b.ticket.SysID)
				if err != nil || knowing.Own(ticket) != ours || !b.client.Own(ticket) {
					t.Errorf("changed by %q: %t, %v", ticket.UpdatedBy, knowing.Own(ticket), err)
				}
			}
		})
	})

	t.Run("of another kind is not there", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if _, err := b.client.Ticket(b.ctx, OffboardingKind(), b.ticket.SysID); !fault.Is[*fault.NotFound](err) || !strings.Contains(err.Error(), "INC0010001") {
				t.Errorf("got %v", err)
			}
			for _, id := range []string{seed.SysID("nothing"), "", "a/../../b", "a^b"} {
				if _, err := b.client.Ticket(b.ctx, OnboardingKind(), id); !fault.Is[*fault.NotFound](err) {
					t.Errorf("%q: %v", id, err)
				}
			}
		})
	})

	t.Run("hidden by an access rule is not there", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Restrict(snowsim.Rule{Table: "incident", Operation: "read"})
			if _, err := b.client.Ticket(b.ctx, OnboardingKind(), b.ticket.SysID); !fault.Is[*fault.NotFound](err) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("in a state that nobody configured is refused rather than guessed at", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Update("incident", b.ticket.SysID, map[string]string{"state": "11"})
			if _, err := b.client.Ticket(b.ctx, OnboardingKind(), b.ticket.SysID); !fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), `"11"`) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("lacking a configured column is refused, and the message names it", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{FixedColumns: true}, func(t *testing.T, b *testBundle) {
			k, err := OnboardingKind().With([]byte(`{"fields":{"role":"u_rolle","title":"u_manager.tittle"}}`))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.client.Ticket(b.ctx, k, b.ticket.SysID); !fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), "u_rolle") || !strings.Contains(err.Error(), "u_manager.tittle") {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("takes a value from the record that a column refers to", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			k, err := OnboardingKind().With([]byte(`{"fields":{"department":"u_manager.department.name","manager":"u_manager.employee_number"},"query":"u_kind=onboarding^u_manager.active=true"}`))
			if err != nil {
				t.Fatal(err)
			}
			ticket, err := b.client.Ticket(b.ctx, k, b.ticket.SysID)
			if err != nil || ticket.Value("department") != "Engineering" || ticket.Value("manager") != "E1010" {
				t.Errorf("%q, %q, %v", ticket.Value("department"), ticket.Value("manager"), err)
			}
		})
	})
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	fingerprint := func(t *testing.T, b *testBundle) string {
		t.Helper()
		ticket, err := b.client.Ticket(b.ctx, OnboardingKind(), b.ticket.SysID)
		if err != nil {
			t.Fatal(err)
		}
		return ticket.Fingerprint()
	}

	t.Run("stays the same through everything that we and the desk write", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			before := fingerprint(t, b)
			writes := map[string]Posting{
				"a note":        {WorkNote: "Hello."},
				"a comment":     {Comment: "Hello."},
				"work begun":    {WorkNote: "Begun.", Set: OnboardingKind().Columns(InProgress)},
				"a return":      {WorkNote: "Please mend.", Set: map[string]string{"state": "1", "assignment_group": snowsim.GroupSysID(snowsim.GroupServiceDesk)}},
				"an assignment": {Set: map[string]string{"assigned_to": seed.PersonSysID("E1032")}},
				"a hold":        {Set: map[string]string{"state": "3", "hold_reason": "1"}},
			}
			for name, p := range writes {
				p.Key = name
				if err := b.client.Post(b.ctx, b.ticket, p, because); err != nil {
					t.Fatal(err)
				}
				if fingerprint(t, b) != before {
					t.Errorf("%s changes it", name)
				}
			}
		})
	})

	t.Run("changes with every value that is asked for, and back", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			before := fingerprint(t, b)
			seen := map[string]string{before: "nothing"}
			for name, column := range OnboardingKind().Fields {
				was, other := b.value(column), "other"
				if column == "u_start_date" {
					other = "2000-03-01"
				}
				b.sim.Update("incident", b.ticket.SysID, map[string]string{column: other})
				now := fingerprint(t, b)
				if earlier, taken := seen[now]; taken {
					t.Errorf("a change of %s looks like a change of %s", name, earlier)
				}
				seen[now] = name
				b.sim.Update("incident", b.ticket.SysID, map[string]string{column: was})
				if fingerprint(t, b) != before {
					t.Errorf("taking the change of %s back does not bring it back", name)
				}
			}
		})
	})

	t.Run("changes when the ticket ends and when it is opened again", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			open := fingerprint(t, b)
			for _, p := range []Phase{Resolved, Cancelled} {
				b.sim.Update("incident", b.ticket.SysID, OnboardingKind().Columns(p))
				if fingerprint(t, b) == open {
					t.Errorf("%s does not change it", p)
				}
				b.sim.Update("incident", b.ticket.SysID, OnboardingKind().Columns(Open))
				if fingerprint(t, b) != open {
					t.Errorf("opened again after %s, it is another", p)
				}
			}
		})
	})

	t.Run("does not mix up values and names", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			draw := func(label string) Ticket {
				return Ticket{Phase: Open, values: map[string]string{"a": rapid.StringMatching(`[a="\n]{0,4}`).Draw(t, label+" a"), "b": rapid.StringMatching(`[b="\n]{0,4}`).Draw(t, label+" b")}}
			}
			one, two := draw("one"), draw("two")
			trimmed := func(t Ticket) map[string]string {
				values := maps.Clone(t.values)
				for name := range values {
					values[name] = strings.TrimSpace(values[name])
				}
				return values
			}
			if (one.Fingerprint() == two.Fingerprint()) != maps.Equal(trimmed(one), trimmed(two)) {
				t.Fatalf("%q and %q", one.values, two.values)
			}
		})
	})
}
