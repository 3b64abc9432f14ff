package snowsim

import (
	"testing"
)

func TestApprovals(t *testing.T) {
	t.Parallel()
	ask := func(b *testBundle, ticket, approver string) string {
		b.t.Helper()
		r := b.call("POST", "/api/now/v2/table/sysapproval_approver", none, map[string]string{
			"sysapproval": ticket, "approver": approver, "state": Requested, "comments": "please [ref 1]",
		})
		b.want(r, 201)
		return result[map[string]any](b.t, r)["sys_id"].(string)
	}
	state := func(b *testBundle, id string) string { return b.Record("sysapproval_approver", id)["state"] }

	t.Run("the integration asks, the approver answers", func(t *testing.T) {
		t.Parallel()
		b := setup(t, Options{})
		ticket := b.incident(nil)
		id := ask(b, ticket, person("E1007"))
		got := b.Record("sysapproval_approver", id)
		if got["source_table"] != "incident" || got["document_id"] != ticket {
			t.Errorf("got %v", got)
		}
		if notes := b.Journal("sysapproval_approver", id, "comments"); len(notes) != 1 {
			t.Errorf("comments: %v", notes)
		}
		if err := b.ApproveAs(emailOf("E1007"), id, Approved, "fine"); err != nil {
			t.Fatal(err)
		}
		if got := b.Record("sysapproval_approver", id); got["state"] != Approved || got["sys_updated_by"] != emailOf("E1007") {
			t.Errorf("got %v", got)
		}
		if err := b.ApproveAs(emailOf("E1007"), id, Rejected, ""); err == nil {
			t.Error("an answer was changed")
		}
		if got := b.Approvals(ticket); len(got) != 1 || got[0].Number != "INC0010001" || got[0].Name != "Grace Mbeki" || got[0].State != Approved {
			t.Errorf("got %+v", got)
		}
	})

	t.Run("somebody else's answer needs approval_admin", func(t *testing.T) {
		t.Parallel()
		b := setup(t, Options{})
		id := ask(b, b.incident(nil), person("E1007"))
		path := "/api/now/v2/table/sysapproval_approver/" + id
		for name, caller := range map[string]*testBundle{"the integration": b, "a colleague": b.as(emailOf(itHead))} {
			r := caller.call("PATCH", path, none, map[string]string{"state": Approved})
			if r.status != 403 || state(b, id) != Requested {
				t.Errorf("%s was answered %d: %s", name, r.status, r.body)
			}
		}
		outsider := b.as(emailOf("E1042"))
		outsider.want(outsider.get(path, none), 404)
		b.GrantRole(IntegrationUser, "approval_admin")
		b.want(b.call("PATCH", path, none, map[string]string{"state": NotRequired}), 200)
		if got := state(b, id); got != NotRequired {
			t.Errorf("state is %s", got)
		}
	})

	t.Run("cancelling the task ends what is still asked", func(t *testing.T) {
		t.Parallel()
		for table, cancelled := range map[string]string{"incident": "8", "sc_task": "4", "sc_req_item": "7"} {
			b := setup(t, Options{})
			ticket := b.Insert(table, nil)
			open, decided := ask(b, ticket, person("E1007")), ask(b, ticket, person("E1002"))
			other := ask(b, b.Insert(table, nil), person("E1007"))
			if err := b.ApproveAs(emailOf("E1002"), decided, Rejected, ""); err != nil {
				t.Fatal(err)
			}
			b.Update(table, ticket, map[string]string{"state": "2"})
			if got := state(b, open); got != Requested {
				t.Errorf("%s: work in progress ended the question: %s", table, got)
			}
			b.Update(table, ticket, map[string]string{"state": cancelled})
			if state(b, open) != NotRequired || state(b, decided) != Rejected || state(b, other) != Requested {
				t.Errorf("%s: %s %s %s", table, state(b, open), state(b, decided), state(b, other))
			}
		}
	})

	t.Run("a group approval goes by its members", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			waitFor string
			answers []string
			want    string
		}{
			"one of any approves": {"any", []string{Approved}, Approved},
			"one of any rejects":  {"any", []string{Rejected}, Rejected},
			"one of all approves": {"all", []string{Approved}, Requested},
			"all of all approve":  {"all", []string{Approved, Approved, Approved, Approved}, Approved},
			"one of all rejects":  {"all", []string{Approved, Rejected}, Rejected},
			"nobody has answered": {"any", nil, Requested},
		} {
			b := setup(t, Options{})
			ticket := b.incident(nil)
			group := b.Insert("sysapproval_group", map[string]string{
				"parent": ticket, "assignment_group": GroupSysID(GroupITManagers), "wait_for": c.waitFor,
			})
			if got := len(b.Approvals(ticket)); got != 4 {
				t.Fatalf("%s: %d members are asked", name, got)
			}
			for _, answer := range c.answers {
				if _, err := b.Decide(ticket, answer); err != nil {
					t.Fatal(err)
				}
			}
			if got := b.Record("sysapproval_group", group)["approval"]; got != c.want {
				t.Errorf("%s: the group's approval is %s, want %s", name, got, c.want)
			}
			for _, a := range b.Approvals(ticket) {
				if c.want != Requested && a.State == Requested {
					t.Errorf("%s: a member is still asked", name)
				}
			}
		}
	})

	t.Run("former members are not asked", func(t *testing.T) {
		t.Parallel()
		b := setup(t, Options{})
		ticket := b.incident(nil)
		b.Insert("sysapproval_group", map[string]string{"parent": ticket, "assignment_group": GroupSysID(GroupHR)})
		for _, a := range b.Approvals(ticket) {
			if a.Approver == person("E1048") {
				t.Error("the former employee is asked")
			}
		}
		if _, err := b.Decide("nothing", Approved); err == nil {
			t.Error("a question that does not exist was answered")
		}
	})
}
