package servicenow

import (
	"errors"
	"maps"
	"net/http"
	"slices"
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
	print := func(t *testing.T, b *testBundle) string {
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
			before := print(t, b)
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
				if print(t, b) != before {
					t.Errorf("%s changes it", name)
				}
			}
		})
	})

	t.Run("changes with every value that is asked for, and back", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			before := print(t, b)
			seen := map[string]string{before: "nothing"}
			for name, column := range OnboardingKind().Fields {
				was, other := b.value(column), "other"
				if column == "u_start_date" {
					other = "2000-03-01"
				}
				b.sim.Update("incident", b.ticket.SysID, map[string]string{column: other})
				now := print(t, b)
				if earlier, taken := seen[now]; taken {
					t.Errorf("a change of %s looks like a change of %s", name, earlier)
				}
				seen[now] = name
				b.sim.Update("incident", b.ticket.SysID, map[string]string{column: was})
				if print(t, b) != before {
					t.Errorf("taking the change of %s back does not bring it back", name)
				}
			}
		})
	})

	t.Run("changes when the ticket ends and when it is opened again", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			open := print(t, b)
			for _, p := range []Phase{Resolved, Cancelled} {
				b.sim.Update("incident", b.ticket.SysID, OnboardingKind().Columns(p))
				if print(t, b) == open {
					t.Errorf("%s does not change it", p)
				}
				b.sim.Update("incident", b.ticket.SysID, OnboardingKind().Columns(Open))
				if print(t, b) != open {
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

func TestOpenTickets(t *testing.T) {
	t.Parallel()
	list := func(b *testBundle, k Kind) (ids []string, err error) {
		for ticket, err := range b.client.OpenTickets(b.ctx, k) {
			if err != nil {
				return ids, err
			}
			ids = append(ids, ticket.SysID)
		}
		return ids, nil
	}
	// fill adds tickets and returns the sys_ids of all that are open, sorted.
	fill := func(b *testBundle, n int) []string {
		ids := []string{b.ticket.SysID}
		for range n {
			ids = append(ids, b.sim.Insert("incident", hire()))
		}
		slices.Sort(ids)
		return ids
	}

	t.Run("are all those of the kind that are not finished, over many pages", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			want := fill(b, 10)
			b.sim.Update("incident", want[0], map[string]string{"state": "2"})
			b.sim.Update("incident", want[1], map[string]string{"state": "3"})
			for i, p := range []Phase{Resolved, Closed, Cancelled} {
				columns := OnboardingKind().Columns(Resolved)
				columns["state"] = OnboardingKind().States[p].Values[0]
				b.sim.Update("incident", want[2+i], columns)
			}
			want = slices.Delete(want, 2, 5)
			b.sim.Insert("incident", map[string]string{"u_kind": "offboarding"})
			b.sim.Insert("incident", nil)
			if got, err := list(b, OnboardingKind()); err != nil || !slices.Equal(got, want) {
				t.Errorf("%d of %d, %v", len(got), len(want), err)
			}
			if got, err := list(b, OffboardingKind()); err != nil || len(got) != 1 {
				t.Errorf("%d leavers, %v", len(got), err)
			}
		})
	})

	t.Run("are found behind pages that access rules empty or shorten", func(t *testing.T) {
		t.Parallel()
		for hidden := range 12 {
			inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
				want := fill(b, 11) // four pages of three
				secret := want[:hidden]
				b.sim.Restrict(snowsim.Rule{Table: "incident", Operation: "read", Only: func(r map[string]string) bool { return slices.Contains(secret, r["sys_id"]) }})
				if got, err := list(b, OnboardingKind()); err != nil || !slices.Equal(got, want[hidden:]) {
					t.Errorf("%d hidden: %d of %d, %v", hidden, len(got), len(want)-hidden, err)
				}
			})
		}
	})

	t.Run("are listed whatever rows are hidden and however large the pages are", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			hides := rapid.SliceOfN(rapid.Bool(), 1, 25).Draw(rt, "hidden")
			size := rapid.IntRange(1, 8).Draw(rt, "page size")
			var got, want []string
			var err error
			inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
				all := fill(b, len(hides)-1)
				secret := map[string]bool{}
				for i, hide := range hides {
					if secret[all[i]] = hide; !hide {
						want = append(want, all[i])
					}
				}
				b.sim.Restrict(snowsim.Rule{Table: "incident", Operation: "read", Only: func(r map[string]string) bool { return secret[r["sys_id"]] }})
				b.client = b.open(t, size)
				got, err = list(b, OnboardingKind())
			})
			if err != nil || !slices.Equal(got, want) {
				rt.Fatalf("%v, want %v, %v", got, want, err)
			}
		})
	})

	t.Run("a query that the instance cannot read finds nothing that is not ours", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{FixedColumns: true}, func(t *testing.T, b *testBundle) {
			k, err := OnboardingKind().With([]byte(`{"query":"u_knid=onboarding"}`))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := list(b, k); !fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), "u_knid") || len(got) > 0 {
				t.Errorf("%v, %v", got, err)
			}
		})
	})

	t.Run("rows that do not satisfy the query are left out although they came", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Insert("incident", map[string]string{"u_kind": "offboarding"})
			b.wire = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
				q := r.URL.Query()
				q.Set("sysparm_query", strings.ReplaceAll(q.Get("sysparm_query"), "u_kind=onboarding^", "")) // as if it had been ignored
				r.URL.RawQuery = q.Encode()
				return next.RoundTrip(r)
			}
			if got, err := list(b, OnboardingKind()); err != nil || len(got) != 1 || got[0] != b.ticket.SysID {
				t.Errorf("%v, %v", got, err)
			}
		})
	})

	t.Run("half a page with an error behind it is no page", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			fill(b, 5)
			b.sim.Fault(func(r *http.Request, _ int) *snowsim.Fault {
				if r.Method == http.MethodGet {
					return snowsim.Cancelled()
				}
				return nil
			})
			if got, err := list(b, OnboardingKind()); !fault.Is[*fault.Unavailable](err) || len(got) > 0 {
				t.Errorf("%v, %v", got, err)
			}
		})
	})

	t.Run("an error in the middle of the rows is an error", func(t *testing.T) {
		t.Parallel()
		c, _ := scripted(t, basic, says(200, `{"result":[{"error":{"message":"Transaction cancelled"},"status":"failure"}]}`))
		for _, err := range c.OpenTickets(t.Context(), OnboardingKind()) {
			if !fault.Is[*fault.Unavailable](err) {
				t.Errorf("got %v", err)
			}
		}
	})

	t.Run("an instance that repeats its pages is left", func(t *testing.T) {
		t.Parallel()
		c, s := scripted(t, basic, says(200, `{"result":[{"sys_id":"g1","name":"a"},{"sys_id":"g2","name":"a"}]}`, "X-Total-Count", "50"))
		if _, err := c.GroupSysID(t.Context(), "a"); !fault.Is[*fault.Unavailable](err) || len(s.calls) != 2 {
			t.Errorf("%v after %d calls", err, len(s.calls))
		}
	})

	t.Run("an instance that does not count is read until a page is empty", func(t *testing.T) {
		t.Parallel()
		c, s := scripted(t, basic, says(200, `{"result":[{"sys_id":"g1","name":"a"}]}`), says(200, `{"result":[]}`))
		if id, err := c.GroupSysID(t.Context(), "a"); err != nil || id != "g1" || len(s.calls) != 2 {
			t.Errorf("%q, %v after %d calls", id, err, len(s.calls))
		}
	})

	t.Run("a rate rule is passed on with its time", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{HourlyLimit: 2}, func(t *testing.T, b *testBundle) {
			fill(b, 20)
			_, err := list(b, OnboardingKind())
			var throttled *fault.Throttled
			if !errors.As(err, &throttled) || !throttled.Until.Equal(time.Now().Add(time.Hour)) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("a caller may stop at any time", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			fill(b, 10)
			for range b.client.OpenTickets(b.ctx, OnboardingKind()) {
				break
			}
			if n := len(b.sim.Calls()); n != 2 {
				t.Errorf("%d calls", n)
			}
		})
	})
}

func TestSysIDsThatAreNotHexadecimal(t *testing.T) {
	t.Parallel()
	inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
		id, err := b.client.GroupSysID(b.ctx, snowsim.GroupHR)
		if err != nil || id != "hr-services-group" {
			t.Fatalf("%q, %v", id, err)
		}
		// Paged past, in the database's order.
		var names []string
		for r, err := range b.open(t, 1).list(b.ctx, listing{what: "listing", table: "sys_user_group", columns: []string{"name"}}) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, r["name"])
		}
		if len(names) != len(snowsim.Groups()) {
			t.Errorf("%d of %d groups", len(names), len(snowsim.Groups()))
		}
	})
}
