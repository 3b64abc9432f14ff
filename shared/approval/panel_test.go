package approval

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

var (
	marco = seed.PersonSysID("E1011")
	anna  = seed.PersonSysID("E1012")
)

// panel is a question to the owner Grace and to Marco or Anna of a team.
func (b *testBundle) panel(token string, all bool) Ask {
	a := b.ask(token)
	a.Group, a.All = "", all
	a.Seats = []Seat{{Name: "owner", People: []string{grace}}, {Name: "team", People: []string{marco, anna}}}
	return a
}

func (b *testBundle) standing(t *testing.T) Standing {
	t.Helper()
	s, err := b.desk.Standing(b.ctx, b.ask("").Key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asked are the approvers whose records are open.
func (b *testBundle) asked() []string {
	var list []string
	for _, a := range b.sim.Approvals(b.ticket.SysID) {
		if a.State == snowsim.Requested {
			list = append(list, a.Approver)
		}
	}
	slices.Sort(list)
	return list
}

func sorted(list ...string) []string { slices.Sort(list); return list }

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func votersOf(s Standing) []string {
	list := make([]string, 0, len(s.Votes))
	for _, v := range s.Votes {
		list = append(list, v.By)
	}
	return list
}

func TestPanel(t *testing.T) {
	t.Parallel()

	t.Run("of all seats is decided when each has agreed, and says who did and when", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.panel("t1", true))
			same(t, "asked", b.asked(), sorted(grace, marco, anna))
			time.Sleep(time.Hour)
			if b.settle(t, b.decide(t, anna, snowsim.Approved)) || b.tokens.resumed("t1") != "" {
				t.Fatal("one of two seats decided")
			}
			time.Sleep(time.Hour)
			if !b.settle(t, b.decide(t, grace, snowsim.Approved)) {
				t.Fatal("both seats did not decide")
			}
			s := b.standing(t)
			same(t, "votes", votersOf(s), []string{anna, grace})
			if s.Decision != Approved || !s.Votes[0].At.Equal(s.Began.Add(time.Hour)) || s.Votes[1].Approval != b.of(t, grace).SysID {
				t.Errorf("%+v", s)
			}
			same(t, "still asked", b.asked(), nil)
			if notes := b.sim.Journal("incident", b.ticket.SysID, "work_notes"); len(notes) != 1 || !strings.Contains(notes[0].Text, "each of these to agree: owner, team (one of 2 people)") {
				t.Errorf("%+v", notes)
			}
		})
	})

	t.Run("of any seat is decided by the first answer, and one no is enough for all", func(t *testing.T) {
		t.Parallel()
		for _, all := range []bool{true, false} {
			for state, want := range map[string]string{snowsim.Approved: Approved, snowsim.Rejected: Rejected} {
				if all && want == Approved {
					continue
				}
				inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
					b.open(t, b.panel("t1", all))
					if !b.settle(t, b.decide(t, marco, state)) || b.standing(t).Decision != want {
						t.Errorf("all %t, %s: %+v", all, state, b.standing(t))
					}
				})
			}
		}
	})

	t.Run("asks who joins and releases who leaves, and keeps a seat that somebody has filled", func(t *testing.T) {
		t.Parallel()
		inBubble(t, licensed, func(t *testing.T, b *testBundle) {
			b.open(t, b.panel("t1", true))
			b.settle(t, b.decide(t, anna, snowsim.Approved))
			later := b.panel("t2", true)
			later.Seats = []Seat{{Name: "owner", People: []string{daniel}}, {Name: "team", People: []string{tomasz}}}
			b.open(t, later)
			// Grace is replaced by Daniel; Anna has agreed for the team, whoever is in it now.
			same(t, "asked", b.asked(), sorted(daniel))
			if a := b.of(t, grace); a.State != snowsim.NotRequired {
				t.Errorf("Grace's question is %s", a.State)
			}
			if !b.settle(t, b.decide(t, daniel, snowsim.Approved)) || b.tokens.resumed("t2") == "" {
				t.Error("not decided")
			}
			same(t, "votes", votersOf(b.standing(t)), []string{anna, daniel})
		})
	})

	t.Run("asks anew who left and came back, and counts no answer of who is replaced", func(t *testing.T) {
		t.Parallel()
		for _, options := range []snowsim.Options{licensed, {}} {
			inBubble(t, options, func(t *testing.T, b *testBundle) {
				first, other := b.panel("t1", true), b.panel("t2", true)
				other.Seats[0].People = []string{daniel}
				b.open(t, first)
				b.open(t, other)
				if len(options.IntegrationRoles) == 0 { // her question could not be withdrawn
					b.decide(t, grace, snowsim.Approved)
				}
				b.decide(t, marco, snowsim.Approved)
				b.reconcile(t)
				if s := b.standing(t); s.Decision != "" {
					t.Fatalf("decided without the owner: %+v", s)
				}
				if len(options.IntegrationRoles) == 0 {
					return
				}
				first.Token = "t3"
				b.open(t, first)
				b.open(t, first)
				same(t, "asked", b.asked(), sorted(grace))
				for _, a := range b.sim.Approvals(b.ticket.SysID) {
					if a.Approver == grace && a.State == snowsim.Requested {
						if err := b.sim.ApproveAs(grace, a.SysID, snowsim.Approved, ""); err != nil {
							t.Fatal(err)
						}
					}
				}
				if b.reconcile(t) != 1 || b.standing(t).Decision != Approved {
					t.Errorf("%+v", b.standing(t))
				}
			})
		}
	})

	t.Run("is cancelled when a seat can no longer be filled", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.open(t, b.panel("t1", true))
			b.decide(t, anna, snowsim.Approved)
			b.sim.Update("sysapproval_approver", b.of(t, grace).SysID, map[string]string{"state": snowsim.NotRequired})
			if b.reconcile(t) != 1 || b.standing(t).Decision != Cancelled {
				t.Errorf("%+v", b.standing(t))
			}
		})
	})

	t.Run("needs somebody in each seat whom the request does not concern", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, people := range [][]string{nil, {""}, {lena}, {tomasz, leaver}} {
				a := b.panel("t1", false)
				a.Seats[1].People = people
				if _, err := b.desk.Open(b.ctx, a, because); !fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), "team") {
					t.Errorf("%v: %v", people, err)
				}
			}
			if len(b.sim.Approvals("")) != 0 {
				t.Error("somebody is asked")
			}
		})
	})
}

func TestStanding(t *testing.T) {
	t.Parallel()

	t.Run("of a question that nobody asked is empty", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if s := b.standing(t); s.Asked || s.Decision != "" {
				t.Errorf("%+v", s)
			}
		})
	})

	t.Run("finds by itself what no webhook told, and what comes after the end does not count", func(t *testing.T) {
		t.Parallel()
		for late, want := range map[time.Duration]string{-time.Second: Approved, time.Second: Expired} {
			inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
				b.open(t, b.panel("t1", false))
				same(t, "pending", sorted(b.standing(t).Pending...), sorted(grace, marco, anna))
				time.Sleep(72*time.Hour + late)
				b.decide(t, grace, snowsim.Approved)
				time.Sleep(time.Minute)
				if s := b.standing(t); s.Decision != want || len(s.Pending) != 0 {
					t.Errorf("%s after the end: %+v", late, s)
				}
			})
		}
	})

	t.Run("reminds each who has not answered, once, on the approval or else on the ticket", func(t *testing.T) {
		t.Parallel()
		for _, options := range []snowsim.Options{licensed, {}} {
			inBubble(t, options, func(t *testing.T, b *testBundle) {
				b.open(t, b.panel("t1", true))
				b.settle(t, b.decide(t, anna, snowsim.Approved))
				for range 2 {
					if err := b.desk.Remind(b.ctx, b.ask("").Key, "Please decide.", because); err != nil {
						t.Fatal(err)
					}
				}
				written := 0
				for _, a := range b.sim.Approvals(b.ticket.SysID) {
					for _, e := range b.sim.Journal("sysapproval_approver", a.SysID, "comments") {
						if strings.HasPrefix(e.Text, "Please decide.") {
							written++
						}
					}
				}
				list := b.sim.Record("incident", b.ticket.SysID)["work_notes_list"]
				if licensed := len(options.IntegrationRoles) > 0; licensed && (written != 2 || list != "") || !licensed && (written != 0 || !strings.Contains(list, grace) || strings.Contains(list, anna)) {
					t.Errorf("%d reminders on approvals, work notes list %q", written, list)
				}
				if notes := b.sim.Journal("incident", b.ticket.SysID, "work_notes"); len(notes) != 2 || b.standing(t).Reminded.IsZero() {
					t.Errorf("%+v, %+v", notes, b.standing(t))
				}
			})
		}
	})

	t.Run("notes an escalation", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.open(t, b.panel("t1", true))
			time.Sleep(time.Hour)
			if err := b.desk.Escalate(b.ctx, b.ask("").Key); err != nil {
				t.Fatal(err)
			}
			if s := b.standing(t); !s.Escalated.Equal(s.Began.Add(time.Hour)) {
				t.Errorf("%+v", s)
			}
		})
	})

	t.Run("of everything about a ticket is cancelled by Withdraw, and answers change nothing any more", func(t *testing.T) {
		t.Parallel()
		for _, options := range []snowsim.Options{licensed, {}} {
			inBubble(t, options, func(t *testing.T, b *testBundle) {
				b.open(t, b.panel("t1", false))
				if n, err := b.desk.Withdraw(b.ctx, b.ticket, b.ask("").Key); n != 0 || err != nil || b.standing(t).Decision != "" {
					t.Fatalf("took %d back that was to be kept, %v", n, err)
				}
				if n, err := b.desk.Withdraw(b.ctx, b.ticket); n != 1 || err != nil {
					t.Fatalf("%d, %v", n, err)
				}
				if len(options.IntegrationRoles) == 0 {
					b.settle(t, b.decide(t, grace, snowsim.Approved))
				} else {
					same(t, "asked", b.asked(), nil)
				}
				if s := b.standing(t); s.Decision != Cancelled || b.reconcile(t) != 0 {
					t.Errorf("%+v", s)
				}
				if n, err := b.desk.Withdraw(b.ctx, b.ticket); n != 0 || err != nil {
					t.Errorf("%d, %v", n, err)
				}
			})
		}
	})
}
