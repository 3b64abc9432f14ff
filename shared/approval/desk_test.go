package approval

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/snowsim"
)

func TestOpen(t *testing.T) {
	t.Parallel()

	t.Run("asks every member of the group but those whom the request concerns, and tells the ticket", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			opened := b.open(t, b.ask("t1"))
			asked := make([]string, 0, 3)
			for _, a := range b.sim.Approvals(b.ticket.SysID) {
				asked = append(asked, a.Approver)
				if a.State != snowsim.Requested || !slices.Contains(opened.Approvals, a.SysID) {
					t.Errorf("%+v", a)
				}
			}
			want := []string{tomasz, grace, daniel}
			slices.Sort(asked)
			slices.Sort(want)
			if !slices.Equal(asked, want) || opened.Resumed {
				t.Errorf("asked %v, %+v", asked, opened)
			}
			notes := b.sim.Journal("incident", b.ticket.SysID, "work_notes")
			if len(notes) != 1 || !strings.Contains(notes[0].Text, "4 January 2000 00:00 UTC") || !strings.Contains(notes[0].Text, "3 members of IT Managers") {
				t.Errorf("%+v", notes)
			}
		})
	})

	t.Run("asks once, however often it is called", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			first, second := b.open(t, b.ask("t1")), b.open(t, b.ask("t2"))
			if !slices.Equal(first.Approvals, second.Approvals) || len(b.sim.Approvals(b.ticket.SysID)) != 3 || len(b.sim.Journal("incident", b.ticket.SysID, "")) != 1 {
				t.Errorf("%+v, then %+v", first, second)
			}
		})
	})

	t.Run("a question of another visit is another one", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			b.settle(t, b.decide(t, grace, snowsim.Rejected))
			again := b.ask("t2")
			again.Key += "/again"
			if opened := b.open(t, again); opened.Resumed || len(opened.Approvals) != 3 || b.tokens.resumed("t2") != "" {
				t.Errorf("%+v, resumed with %q", opened, b.tokens.resumed("t2"))
			}
		})
	})

	t.Run("of a group in which nobody may decide is refused, and nobody is asked", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			a := b.ask("t1")
			for name, exclude := range map[string][]string{"all concern it": {tomasz, grace, daniel, lena}, "the rest has left": {lena}} {
				a.Exclude = exclude
				if name == "the rest has left" {
					for _, id := range []string{tomasz, grace, daniel} {
						b.sim.Update("sys_user", id, map[string]string{"active": "false"})
					}
				}
				if _, err := b.desk.Open(b.ctx, a, because); !fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), "IT Managers") {
					t.Errorf("%s: %v", name, err)
				}
			}
			a.Group = "No such group"
			if _, err := b.desk.Open(b.ctx, a, because); !fault.Is[*fault.NotFound](err) {
				t.Errorf("got %v", err)
			}
			if len(b.sim.Approvals("")) != 0 {
				t.Error("somebody is asked")
			}
		})
	})

	t.Run("needs a key, a token and an end", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, spoil := range []func(*Ask){func(a *Ask) { a.Key = "" }, func(a *Ask) { a.Token = "" }, func(a *Ask) { a.Expires = time.Time{} }} {
				a := b.ask("t1")
				spoil(&a)
				if _, err := b.desk.Open(b.ctx, a, because); !fault.Is[*fault.Invalid](err) {
					t.Errorf("got %v", err)
				}
			}
		})
	})
}

func TestReconcile(t *testing.T) {
	t.Parallel()

	t.Run("finds every decision whose webhook was lost", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			open := make([]Ask, 0, 3)
			for _, token := range []string{"t1", "t2", "t3"} {
				a := b.ask(token)
				a.Key += token
				a.Ticket.SysID = b.sim.Insert("incident", map[string]string{"u_kind": "offboarding"})
				b.open(t, a)
				open = append(open, a)
			}
			for _, a := range open[:2] {
				if _, err := b.sim.Decide(a.Ticket.SysID, snowsim.Approved); err != nil {
					t.Fatal(err)
				}
			}
			if n := b.reconcile(t); n != 2 || b.tokens.resumed("t3") != "" {
				t.Errorf("%d resumed", n)
			}
		})
	})

	t.Run("one question that fails does not keep it from the others", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			first, second := b.ask("t1"), b.ask("t2")
			second.Key += "/2"
			second.Expires = second.Expires.Add(time.Hour)
			second.Ticket.SysID = b.sim.Insert("incident", map[string]string{"u_kind": "offboarding"})
			b.open(t, first)
			b.open(t, second)
			if _, err := b.sim.Decide(second.Ticket.SysID, snowsim.Approved); err != nil {
				t.Fatal(err)
			}
			b.sim.Restrict(snowsim.Rule{Table: "sysapproval_approver", Operation: "read", Only: func(r map[string]string) bool { return r["sysapproval"] == first.Ticket.SysID }})
			n, err := b.desk.Reconcile(b.ctx)
			if n != 1 || !fault.Is[*fault.Denied](err) || b.tokens.resumed("t2") == "" {
				t.Errorf("%d resumed, %v", n, err)
			}
		})
	})
}
