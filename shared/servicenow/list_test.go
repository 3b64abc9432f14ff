package servicenow

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/snowsim"
)

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
		ids := append(make([]string, 0, n+1), b.ticket.SysID)
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
