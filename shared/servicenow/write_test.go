package servicenow

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

func TestAttach(t *testing.T) {
	t.Parallel()

	t.Run("puts the file on the record, once for the same content", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			attach := func(content string) {
				if err := b.open(t, 3).Attach(b.ctx, b.ticket, "log-INC0010001.txt", "text/plain", []byte(content), because); err != nil {
					t.Fatal(err)
				}
			}
			attach("one\n")
			attach("one\n")
			attach("one\ntwo\n")
			files := b.sim.Attachments("incident", b.ticket.SysID)
			if len(files) != 2 || files[0].Name != "log-INC0010001.txt" || files[0].ContentType != "text/plain" || string(files[0].Content) != "one\n" || string(files[1].Content) != "one\ntwo\n" {
				t.Errorf("%+v", files)
			}
		})
	})

	t.Run("refuses a name that the instance would change, an empty file, and passes the instance's refusals on", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for name, content := range map[string]string{"a b.txt": "x", "../a.txt": "x", "a^b.txt": "x", "": "x", "a.txt": ""} {
				if err := b.client.Attach(b.ctx, b.ticket, name, "text/plain", []byte(content), because); !fault.Is[*fault.Invalid](err) {
					t.Errorf("%q: %v", name, err)
				}
			}
			if err := b.client.Attach(b.ctx, b.ticket, "a.exe", "application/octet-stream", []byte("x"), because); !fault.Is[*fault.Denied](err) {
				t.Errorf("got %v", err)
			}
			if err := b.client.Attach(b.ctx, Ref{"incident", seed.SysID("nothing")}, "a.txt", "text/plain", []byte("x"), because); !fault.Is[*fault.NotFound](err) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("knows its file by the hash where another has the same name and size", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if err := b.client.Attach(b.ctx, b.ticket, "a.txt", "text/plain", []byte("one"), because); err != nil {
				t.Fatal(err)
			}
			for content, want := range map[string]bool{"one": true, "two": false} {
				f := file{ref: b.ticket, name: "a.txt", size: 3, hash: hashOf(content)}
				if found, err := b.client.attached(b.ctx, f); err != nil || found != want {
					t.Errorf("%s: %t, %v", content, found, err)
				}
			}
		})
	})
}

func TestApprovals(t *testing.T) {
	t.Parallel()
	approver := seed.PersonSysID("E1007")
	ask := func(b *testBundle, key string) ApprovalRequest {
		return ApprovalRequest{Ticket: b.ticket, Approver: approver, Key: key, Text: "May it be done?", Due: time.Now().Add(72 * time.Hour)}
	}
	create := func(t *testing.T, b *testBundle, key string) string {
		t.Helper()
		id, err := b.open(t, 3).CreateApproval(b.ctx, ask(b, key), because)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}

	t.Run("are asked for once per key and read back", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			one, again, other := create(t, b, "a"), create(t, b, "a"), create(t, b, "b")
			if one != again || one == other || len(b.sim.Approvals(b.ticket.SysID)) != 2 {
				t.Errorf("%s %s %s", one, again, other)
			}
			got, err := b.client.Approval(b.ctx, one)
			want := Approval{SysID: one, Ticket: b.ticket, Approver: approver, State: ApprovalRequested, UpdatedBy: snowsim.IntegrationUser, Updated: time.Now().UTC()}
			if err != nil || got != want {
				t.Errorf("%+v, %v", got, err)
			}
			if r := b.sim.Record("sysapproval_approver", one); r["due_date"] != time.Now().Add(72*time.Hour).UTC().Format(time.DateTime) || r["document_id"] != b.ticket.SysID {
				t.Errorf("%v", r)
			}
			if notes := b.sim.Journal("sysapproval_approver", one, "comments"); len(notes) != 1 || !strings.HasPrefix(notes[0].Text, "May it be done?") {
				t.Errorf("%+v", notes)
			}
			all, err := b.client.ApprovalsOf(b.ctx, b.ticket)
			if err != nil || len(all) != 2 {
				t.Errorf("%+v, %v", all, err)
			}
		})
	})

	t.Run("need a key and an approver, and one that nobody made is not found", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, bad := range []ApprovalRequest{{Ticket: b.ticket, Approver: approver}, {Ticket: b.ticket, Key: "a"}, {Ticket: b.ticket, Key: "a", Approver: "x^y"}} {
				if _, err := b.client.CreateApproval(b.ctx, bad, because); !fault.Is[*fault.Invalid](err) {
					t.Errorf("%+v: %v", bad, err)
				}
			}
			if _, err := b.client.Approval(b.ctx, seed.SysID("nothing")); !fault.Is[*fault.NotFound](err) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("are withdrawn while nobody has answered, where the licence is there", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{IntegrationRoles: []string{"itil", "approval_admin"}}, func(t *testing.T, b *testBundle) {
			open, answered := create(t, b, "a"), create(t, b, "b")
			if err := b.sim.ApproveAs(approver, answered, snowsim.Approved, ""); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{open, open, answered, seed.SysID("deleted")} {
				if err := b.client.WithdrawApproval(b.ctx, id, because); err != nil {
					t.Error(err)
				}
			}
			for id, want := range map[string]ApprovalState{open: ApprovalNotRequired, answered: ApprovalApproved} {
				if got, err := b.client.Approval(b.ctx, id); err != nil || got.State != want {
					t.Errorf("%+v, %v", got, err)
				}
			}
		})
	})

	t.Run("cannot be withdrawn without the licence, and the error says so", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if err := b.client.WithdrawApproval(b.ctx, create(t, b, "a"), because); !fault.Is[*fault.Denied](err) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("of a cancelled ticket are not required any more", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			id := create(t, b, "a")
			b.sim.Update("incident", b.ticket.SysID, map[string]string{"state": "8"})
			if got, err := b.client.Approval(b.ctx, id); err != nil || got.State != ApprovalNotRequired {
				t.Errorf("%+v, %v", got, err)
			}
		})
	})

	t.Run("that access rules hide are not taken for absent", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			create(t, b, "a")
			b.sim.Restrict(snowsim.Rule{Table: "sysapproval_approver", Operation: "read"})
			if _, err := b.client.ApprovalsOf(b.ctx, b.ticket); !fault.Is[*fault.Denied](err) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("leave a decision in the ledger", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, a := range []Approval{{SysID: "a1", Ticket: b.ticket, Approver: approver, State: ApprovalApproved}, {Ticket: b.ticket, State: ApprovalCancelled}} {
				if err := b.client.RecordDecision(b.ctx, a, because); err != nil {
					t.Fatal(err)
				}
			}
			records, err := b.ledger.Stream(b.ctx, b.ticket.String())
			if err != nil || len(records) != 2 || records[0].Phase != audit.Fact || records[0].Target != "sysapproval_approver/a1" || records[1].Target != b.ticket.String() {
				t.Errorf("%+v, %v", records, err)
			}
		})
	})
}

// TestEveryMethodUnderMisfortune lets everything happen to every call of every
// method: it either ends in an error that the state machine retries, or the same
// as if nothing had happened, once.
func TestEveryMethodUnderMisfortune(t *testing.T) {
	t.Parallel()
	approver := seed.PersonSysID("E1007")
	methods := map[string]struct {
		do func(b *testBundle) error
		// effect counts what it left behind; nil for reads.
		effect func(b *testBundle) int
	}{
		"Ticket": {do: func(b *testBundle) error { return second(b.client.Ticket(b.ctx, OnboardingKind(), b.ticket.SysID)) }},
		"OpenTickets": {do: func(b *testBundle) error {
			n := 0
			for _, err := range b.client.OpenTickets(b.ctx, OnboardingKind()) {
				if err != nil {
					return err
				}
				n++
			}
			if n != 5 {
				return errors.New("tickets are missing")
			}
			return nil
		}},
		"PersonBySysID":          {do: func(b *testBundle) error { return second(b.client.PersonBySysID(b.ctx, approver)) }},
		"PersonByEmail":          {do: func(b *testBundle) error { return second(b.client.PersonByEmail(b.ctx, "nina.kovacs@example.com")) }},
		"PersonByEmployeeNumber": {do: func(b *testBundle) error { return second(b.client.PersonByEmployeeNumber(b.ctx, "E1007")) }},
		"GroupSysID":             {do: func(b *testBundle) error { return second(b.client.GroupSysID(b.ctx, snowsim.GroupSecurity)) }},
		"GroupMembers": {do: func(b *testBundle) error {
			members, err := b.client.GroupMembers(b.ctx, snowsim.GroupSysID(snowsim.GroupSecurity))
			if err == nil && len(members) != 4 {
				err = errors.New("members are missing")
			}
			return err
		}},
		"CheckStates": {do: func(b *testBundle) error { return b.client.CheckStates(b.ctx, OnboardingKind()) }},
		"Post of columns alone": {
			do: func(b *testBundle) error {
				return b.client.Post(b.ctx, b.ticket, Posting{Key: "k", Set: map[string]string{"state": "2"}}, because)
			},
			effect: func(b *testBundle) int { return map[string]int{"2": 1}[b.value("state")] },
		},
		"Attach": {
			do: func(b *testBundle) error {
				return b.client.Attach(b.ctx, b.ticket, "a.txt", "text/plain", []byte("one"), because)
			},
			effect: func(b *testBundle) int { return len(b.sim.Attachments("incident", b.ticket.SysID)) },
		},
		"CreateApproval": {
			do: func(b *testBundle) error {
				id, err := b.client.CreateApproval(b.ctx, ApprovalRequest{Ticket: b.ticket, Approver: approver, Key: "k", Text: "May it?"}, because)
				if err == nil && b.sim.Record("sysapproval_approver", id) == nil {
					err = errors.New("another record")
				}
				return err
			},
			effect: func(b *testBundle) int { return len(b.sim.Approvals(b.ticket.SysID)) },
		},
		"CreateTask": {
			do: func(b *testBundle) error {
				made, err := b.client.CreateTask(b.ctx, NewTask{Table: "sc_task", Key: "k", Values: map[string]string{"short_description": "May it?"}}, because)
				if err == nil && b.sim.Record("sc_task", made.SysID) == nil {
					err = errors.New("another record")
				}
				return err
			},
			effect: func(b *testBundle) int { return len(b.sim.Query("sc_task", "correlation_id=k")) },
		},
		"WithdrawApproval": {
			do: func(b *testBundle) error {
				for _, a := range b.sim.Approvals("") {
					if err := b.client.WithdrawApproval(b.ctx, a.SysID, because); err != nil {
						return err
					}
				}
				return nil
			},
			effect: func(b *testBundle) int { return len(b.sim.Query("sysapproval_approver", "state=not_required")) },
		},
	}
	for name, method := range methods {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, m := range misfortunes {
				synctest.Test(t, func(t *testing.T) {
					for position, calls := 1, 1; position <= calls; position++ {
						b := setup(t, snowsim.Options{IntegrationRoles: []string{"itil", "approval_admin"}})
						for range 4 {
							b.sim.Insert("incident", hire())
						}
						if name == "WithdrawApproval" {
							b.sim.Insert("sysapproval_approver", map[string]string{"sysapproval": b.ticket.SysID, "approver": approver, "state": "requested"})
						}
						n := 0
						b.wire = func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
							if n++; n == position {
								return b.meet(m, r, next)
							}
							return next.RoundTrip(r)
						}
						failed := persist(func() error { return method.do(b) })
						time.Sleep(time.Minute)
						if failed != nil {
							t.Errorf("%s at call %d: %v", m, position, failed)
						}
						if method.effect != nil && method.effect(b) != 1 {
							t.Errorf("%s at call %d: %d effects", m, position, method.effect(b))
						}
						calls = n
					}
				})
			}
		})
	}
}
