package approval

import (
	"slices"
	"testing"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/local/snowsim"
)

func TestSettle(t *testing.T) {
	t.Parallel()

	for name, state := range map[string]string{"an approval": snowsim.Approved, "a rejection": snowsim.Rejected} {
		t.Run(name+" resumes the state, and the others are not asked any more", func(t *testing.T) {
			t.Parallel()
			inBubble(t, licensed, func(t *testing.T, b *testBundle) {
				b.open(t, b.ask("t1"))
				if id := b.decide(t, grace, state); !b.settle(t, id) || b.settle(t, id) {
					t.Error("it has to resume once")
				}
				if got := b.tokens.resumed("t1"); got != output(state, grace) {
					t.Errorf("resumed with %s", got)
				}
				for _, id := range []string{tomasz, daniel} {
					if a := b.of(t, id); a.State != snowsim.NotRequired {
						t.Errorf("%s is %s", a.Name, a.State)
					}
				}
				if n := b.reconcile(t); n != 0 {
					t.Errorf("%d are still waited for", n)
				}
			})
		})
	}

	t.Run("the decision stands in the ledger before anything follows from it", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			b.settle(t, b.decide(t, grace, snowsim.Approved))
			records, err := b.ledger.Stream(b.ctx, b.ticket.String())
			at := slices.IndexFunc(records, func(r audit.Record) bool { return r.Verb == "approval.decision" && r.Phase == audit.Fact })
			withdrawn := slices.IndexFunc(records, func(r audit.Record) bool { return r.Verb == "approval.withdraw" })
			if err != nil || at < 0 || withdrawn < at || records[at].Target != "sysapproval_approver/"+b.of(t, grace).SysID {
				t.Errorf("decision is record %d, withdrawal %d, %v", at, withdrawn, err)
			}
		})
	})

	t.Run("the first of two decisions counts, whoever's webhook comes first", func(t *testing.T) {
		t.Parallel()
		for _, told := range []string{grace, daniel} {
			inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
				b.open(t, b.ask("t1"))
				b.decide(t, grace, snowsim.Rejected)
				time.Sleep(time.Second)
				b.decide(t, daniel, snowsim.Approved)
				if !b.settle(t, b.of(t, told).SysID) || b.tokens.resumed("t1") != output(Rejected, grace) {
					t.Errorf("resumed with %s", b.tokens.resumed("t1"))
				}
				if b.settle(t, b.of(t, daniel).SysID) {
					t.Error("resumed twice")
				}
			})
		}
	})

	t.Run("of two in the same second the rejection counts", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			b.decide(t, tomasz, snowsim.Approved)
			b.decide(t, daniel, snowsim.Rejected)
			b.decide(t, grace, snowsim.Approved)
			if b.reconcile(t) != 1 || b.tokens.resumed("t1") != output(Rejected, daniel) {
				t.Errorf("resumed with %s", b.tokens.resumed("t1"))
			}
		})
	})

	t.Run("nobody decides about their own request", func(t *testing.T) {
		t.Parallel()
		for name, cheat := range map[string]func(t *testing.T, b *testBundle) string{
			"as an administrator in somebody else's record": func(t *testing.T, b *testBundle) string {
				t.Helper()
				b.sim.GrantRole("lena.vogel@example.com", "approval_admin")
				id := b.of(t, grace).SysID
				if err := b.sim.ApproveAs(lena, id, snowsim.Approved, ""); err != nil {
					t.Fatal(err)
				}
				return id
			},
			"after the record was handed to them": func(t *testing.T, b *testBundle) string {
				t.Helper()
				id := b.of(t, grace).SysID
				b.sim.Update("sysapproval_approver", id, map[string]string{"approver": lena})
				if err := b.sim.ApproveAs(lena, id, snowsim.Approved, ""); err != nil {
					t.Fatal(err)
				}
				return id
			},
			"nor does somebody who was not asked": func(t *testing.T, b *testBundle) string {
				t.Helper()
				id := b.of(t, grace).SysID
				b.sim.Update("sysapproval_approver", id, map[string]string{"approver": leaver, "state": snowsim.Approved})
				return id
			},
		} {
			inBubble(t, licensed, func(t *testing.T, b *testBundle) {
				b.open(t, b.ask("t1"))
				if b.settle(t, cheat(t, b)) || b.tokens.resumed("t1") != "" {
					t.Errorf("%s: resumed with %s", name, b.tokens.resumed("t1"))
				}
				time.Sleep(time.Minute)
				if id := b.decide(t, daniel, snowsim.Rejected); !b.settle(t, id) || b.tokens.resumed("t1") != output(Rejected, daniel) {
					t.Errorf("%s: then resumed with %s", name, b.tokens.resumed("t1"))
				}
			})
		}
	})

	t.Run("an administrator whom the request does not concern may decide in somebody's place", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			id := b.of(t, grace).SysID
			b.sim.Update("sysapproval_approver", id, map[string]string{"state": snowsim.Approved})
			if !b.settle(t, id) || b.tokens.resumed("t1") != output(Approved, grace) {
				t.Errorf("resumed with %s", b.tokens.resumed("t1"))
			}
		})
	})

	t.Run("a cancelled ticket cancels the question", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			opened := b.open(t, b.ask("t1"))
			b.sim.Update("incident", b.ticket.SysID, map[string]string{"state": "8"})
			if !b.settle(t, opened.Approvals[0]) || b.tokens.resumed("t1") != output(Cancelled, "") {
				t.Errorf("resumed with %s", b.tokens.resumed("t1"))
			}
		})
	})

	t.Run("one record that is taken back cancels it, one that is not required or gone leaves it to the others", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			opened := b.open(t, b.ask("t1"))
			b.sim.Update("sysapproval_approver", b.of(t, grace).SysID, map[string]string{"state": snowsim.NotRequired})
			b.sim.Delete("sysapproval_approver", b.of(t, tomasz).SysID)
			if b.settle(t, opened.Approvals[0]) {
				t.Error("somebody is still asked")
			}
			b.sim.Update("sysapproval_approver", b.of(t, daniel).SysID, map[string]string{"state": snowsim.Withdrawn})
			if b.reconcile(t) != 1 || b.tokens.resumed("t1") != output(Cancelled, daniel) {
				t.Errorf("resumed with %s", b.tokens.resumed("t1"))
			}
		})
	})

	t.Run("a question of which every record was deleted is cancelled", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, id := range b.open(t, b.ask("t1")).Approvals {
				b.sim.Delete("sysapproval_approver", id)
			}
			if b.reconcile(t) != 1 || b.tokens.resumed("t1") != output(Cancelled, "") {
				t.Errorf("resumed with %s", b.tokens.resumed("t1"))
			}
		})
	})

	t.Run("an approval that is none of ours changes nothing", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			other := b.sim.Insert("sysapproval_approver", map[string]string{"sysapproval": b.ticket.SysID, "approver": grace, "state": snowsim.Approved})
			if b.settle(t, other) || b.settle(t, "unknown") || b.reconcile(t) != 0 || b.tokens.resumed("t1") != "" {
				t.Errorf("resumed with %s", b.tokens.resumed("t1"))
			}
		})
	})

	t.Run("without the right to withdraw, the others stay asked and their answers change nothing", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.open(t, b.ask("t1"))
			if !b.settle(t, b.decide(t, grace, snowsim.Approved)) {
				t.Fatal("not resumed")
			}
			if b.settle(t, b.decide(t, daniel, snowsim.Rejected)) || b.reconcile(t) != 0 || b.tokens.resumed("t1") != output(Approved, grace) {
				t.Errorf("resumed with %s", b.tokens.resumed("t1"))
			}
		})
	})
}
