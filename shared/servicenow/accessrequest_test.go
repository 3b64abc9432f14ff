package servicenow

import (
	"testing"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

func TestAccessRequest(t *testing.T) {
	t.Parallel()
	jonas, lena, grace := seed.PersonSysID("E1013"), seed.PersonSysID("E1010"), seed.PersonSysID("E1007")
	order := func(t *testing.T, b *testBundle) Ref {
		t.Helper()
		id, err := b.sim.As(jonas).Order(snowsim.Order{Item: "Access request", Variables: map[string]string{
			"access_item": "Jira", "access_reason": "", "access_duration": "30d", "access_until": "",
		}})
		if err != nil {
			t.Fatal(err)
		}
		return Ref{"sc_req_item", id}
	}
	ask := func(t *testing.T, b *testBundle, about Ref, approver string) string {
		t.Helper()
		return b.sim.Insert("sysapproval_approver", map[string]string{
			"sysapproval": about.SysID, "source_table": about.Table, "approver": approver, "state": snowsim.Requested,
		})
	}

	t.Run("reads item, duration and whom it is for", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			ticket, err := b.client.Ticket(b.ctx, AccessRequestKind(), order(t, b).SysID)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{ticket.Value("item"), ticket.Value("duration"), ticket.Value("requested_for"), ticket.Value("approval"), ticket.OpenedBy}
			want := []string{"Jira", "30d", jonas, "not requested", jonas}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	})

	t.Run("finds the approvals of the item and of the request around it", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			item := order(t, b)
			request := Ref{"sc_request", b.sim.Record("sc_req_item", item.SysID)["request"]}
			want := map[string]bool{ask(t, b, item, lena): true, ask(t, b, request, grace): true}
			list, err := b.client.ItemApprovals(b.ctx, item)
			if err != nil || len(list) != 2 || !want[list[0].SysID] || !want[list[1].SysID] {
				t.Errorf("%+v, %v", list, err)
			}
			b.sim.Update("sc_req_item", item.SysID, map[string]string{"request": ""})
			if list, err = b.client.ItemApprovals(b.ctx, item); err != nil || len(list) != 1 {
				t.Errorf("without a request: %+v, %v", list, err)
			}
		})
	})

	t.Run("gives the approver's last words, not our own", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			item := order(t, b)
			id, err := b.client.CreateApproval(b.ctx, ApprovalRequest{Ticket: item, Approver: lena, Key: "k", Text: "May it be given?"}, because)
			if err != nil {
				t.Fatal(err)
			}
			if said, err := b.client.ApprovalComment(b.ctx, id); err != nil || said != "" {
				t.Errorf("before the answer: %q, %v", said, err)
			}
			for _, words := range []string{"What for?", "Not before the audit."} {
				time.Sleep(time.Minute)
				if err := b.sim.ApproveAs(lena, id, snowsim.Requested, words); err != nil {
					t.Fatal(err)
				}
			}
			if said, err := b.client.ApprovalComment(b.ctx, id); err != nil || said != "Not before the audit." {
				t.Errorf("%q, %v", said, err)
			}
		})
	})

	t.Run("finds a ticket of any table by its number", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, ref := range []Ref{order(t, b), b.ticket} {
				found, err := b.client.TaskByNumber(b.ctx, b.sim.Record(ref.Table, ref.SysID)["number"])
				if err != nil || found != ref {
					t.Errorf("%v, %v", found, err)
				}
			}
			if _, err := b.client.TaskByNumber(b.ctx, "RITM9999999"); !fault.Is[*fault.NotFound](err) {
				t.Errorf("got %v", err)
			}
		})
	})
}
