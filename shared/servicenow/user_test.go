package servicenow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	nina := seed.PersonSysID("E1019")
	why := audit.Reason{Kind: "test"}

	t.Run("are read with the names of what they refer to", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			u, err := b.client.User(b.ctx, nina)
			if err != nil || u.Department != "Sales" || u.Location != "Berlin" || u.ManagerNumber != "E1003" || u.Title != "Account Executive" || u.Updated.IsZero() {
				t.Errorf("%+v, %v", u, err)
			}
		})
	})
	t.Run("are all read page by page, each once, by nothing but the last sys_id", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for i := range 2*UsersPerPage - 20 {
				b.sim.Insert("sys_user", map[string]string{"user_name": fmt.Sprint("u", i)})
			}
			want := len(b.sim.Query("sys_user", ""))
			seen, after, pages := map[string]bool{}, "", 0
			for done := false; !done; pages++ {
				page, err := b.client.UserPage(b.ctx, after)
				if err != nil {
					t.Fatal(err)
				}
				for _, u := range page.Users {
					seen[u.SysID] = true
				}
				after, done = page.Next, page.Done
			}
			if len(seen) != want || pages != want/UsersPerPage+1 {
				t.Errorf("%d of %d on %d pages", len(seen), want, pages)
			}
		})
	})
	t.Run("of which an access rule hides some are not all", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Restrict(snowsim.Rule{Table: "sys_user", Operation: "read", Roles: []string{"admin"}, Only: func(r map[string]string) bool { return r["employee_number"] == "E1019" }})
			if _, err := b.client.UserPage(b.ctx, ""); !fault.Is[*fault.Denied](err) {
				t.Errorf("%v", err)
			}
		})
	})
	t.Run("are written by the names of what they refer to, without values in the ledger", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			set := map[string]string{"title": "Astronaut", "department": "Legal", "manager": "E1009", "active": "false"}
			if err := b.client.UpdatePerson(b.ctx, nina, set, "00u1", why); err != nil {
				t.Fatal(err)
			}
			u, err := b.client.User(b.ctx, nina)
			if err != nil || u.Title != "Astronaut" || u.Department != "Legal" || u.ManagerNumber != "E1009" || u.Active {
				t.Errorf("%+v, %v", u, err)
			}
			records, err := b.ledger.Stream(b.ctx, b.ticket.String())
			text, _ := json.Marshal(records)
			if err != nil || len(records) != 2 || records[1].Subject != "00u1" || strings.Contains(string(text), "Astronaut") || !strings.Contains(string(text), `"active":"false"`) {
				t.Errorf("%s, %v", text, err)
			}
		})
	})
	t.Run("refer to nobody who does not exist", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			if err := b.client.UpdatePerson(b.ctx, nina, map[string]string{"department": "Alchemy"}, "", why); !fault.Is[*fault.NotFound](err) {
				t.Errorf("%v", err)
			}
		})
	})
	t.Run("keep a column that an access rule guards, which is said", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			b.sim.Restrict(snowsim.Rule{Table: "sys_user", Operation: "write", Column: "title", Roles: []string{"admin"}})
			err := b.client.UpdatePerson(b.ctx, nina, map[string]string{"title": "Astronaut"}, "", why)
			if !fault.Is[*fault.Denied](err) || !strings.Contains(err.Error(), "title") {
				t.Errorf("%v", err)
			}
		})
	})
}

func TestApprovalsOfALeaver(t *testing.T) {
	t.Parallel()
	why := audit.Reason{Kind: "test"}
	leaver, manager := seed.PersonSysID("E1013"), seed.PersonSysID("E1010")
	for name, right := range map[string]bool{"move with the right to": true, "stay without the right to": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
				if right {
					b.sim.GrantRole(snowsim.IntegrationUser, "approval_admin")
				}
				request := b.sim.Insert("sc_request", map[string]string{"requested_for": seed.PersonSysID("E1012"), "assignment_group": snowsim.GroupSysID(snowsim.GroupIdentity)})
				b.sim.Insert("sysapproval_approver", map[string]string{"sysapproval": request, "approver": leaver, "state": "requested"})
				b.sim.Insert("sysapproval_approver", map[string]string{"sysapproval": request, "approver": leaver, "state": "approved"})
				asked, err := b.client.AskedOf(b.ctx, leaver)
				if err != nil || len(asked) != 1 {
					t.Fatalf("%+v, %v", asked, err)
				}
				parties, err := b.client.PartiesOf(b.ctx, asked[0])
				if err != nil || !slices.Contains(parties.Concerned, seed.PersonSysID("E1012")) || !slices.Equal(parties.Groups, []string{snowsim.GroupSysID(snowsim.GroupIdentity)}) {
					t.Errorf("%+v, %v", parties, err)
				}
				for range 2 { // again changes nothing
					if err := b.client.Reassign(b.ctx, asked[0].SysID, manager, why); (err == nil) != right || !right && !fault.Is[*fault.Denied](err) {
						t.Fatalf("%v", err)
					}
				}
				if moved := b.sim.Record("sysapproval_approver", asked[0].SysID)["approver"] == manager; moved != right {
					t.Errorf("moved: %t", moved)
				}
			})
		})
	}
}

func TestKindsAreNarrowedDownAndMade(t *testing.T) {
	t.Parallel()
	kind, err := OffboardingKind().For("email", "a@example.com")
	if err != nil || kind.Query != "u_kind=offboarding^u_email=a@example.com" {
		t.Errorf("%q, %v", kind.Query, err)
	}
	if _, err := OffboardingKind().For("email", "a^ORactive=true"); !fault.Is[*fault.Invalid](err) {
		t.Errorf("a value that ends the term: %v", err)
	}
	row, err := OffboardingKind().Row(map[string]string{"email": "a@example.com", "employee_number": ""})
	if err != nil || len(row) != 2 || row["u_kind"] != "offboarding" || row["u_email"] != "a@example.com" {
		t.Errorf("%v, %v", row, err)
	}
	if _, err := AccessRequestKind().Row(map[string]string{"item": "x"}); !fault.Is[*fault.Invalid](err) {
		t.Errorf("a catalog variable was taken for a column: %v", err)
	}
	if TaskKind("sc_task").Columns(Resolved)["state"] != "3" {
		t.Error("a task cannot be closed")
	}
}
