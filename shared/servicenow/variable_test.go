package servicenow

import (
	"strings"
	"testing"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/snowsim"
)

// catalogItem makes a request item with its variables, and returns its sys_id.
func catalogItem(b *testBundle, values map[string]string) string {
	item := b.sim.Insert("sc_cat_item", map[string]string{"name": "New hire"})
	ritm := b.sim.Insert("sc_req_item", map[string]string{"cat_item": item})
	for name, value := range values {
		addVariable(b, ritm, item, name, value)
	}
	return ritm
}

func addVariable(b *testBundle, ritm, item, name, value string) {
	variable := b.sim.Insert("item_option_new", map[string]string{"name": name, "cat_item": item})
	option := b.sim.Insert("sc_item_option", map[string]string{"item_option_new": variable, "value": value})
	b.sim.Insert("sc_item_option_mtom", map[string]string{"request_item": ritm, "sc_item_option": option})
}

func TestCatalogVariables(t *testing.T) {
	t.Parallel()
	const fields = `"fields":{"first_name":"variable:first_name","last_name":"variable:last name","email":"variable:email","department":"",
		"title":"","role":"","location":"","employee_number":"","previous_employee_number":"","employee_type":"","time_zone":"","manager":"","start_date":""}`
	kind := func(t *testing.T, table, query string) Kind {
		t.Helper()
		k, err := OnboardingKind().With([]byte(`{"table":"` + table + `","query":"` + query + `",` + fields + `}`))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	asked := map[string]string{"first_name": "Ada", "last name": "Lovelace", "email": "ada@example.com", "comment": "not ours"}
	check := func(t *testing.T, ticket Ticket, err error) {
		t.Helper()
		if err != nil || ticket.Value("first_name") != "Ada" || ticket.Value("last_name") != "Lovelace" || ticket.Value("email") != "ada@example.com" {
			t.Errorf("%q %q %q, %v", ticket.Value("first_name"), ticket.Value("last_name"), ticket.Value("email"), err)
		}
	}

	t.Run("of a request item", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			k := kind(t, "sc_req_item", "cat_item.name=New hire")
			id := catalogItem(b, asked)
			ticket, err := b.client.Ticket(b.ctx, k, id)
			check(t, ticket, err)
			if !strings.HasPrefix(ticket.Number, "RITM") || ticket.Phase != Open {
				t.Errorf("%+v", ticket)
			}
			if err := b.client.Post(b.ctx, ticket.Ref, Posting{Key: "k", Comment: "Done.", Set: k.Columns(Resolved)}, because); err != nil {
				t.Fatal(err)
			}
			if got := b.sim.Record("sc_req_item", id); got["state"] != "3" || got["active"] != "false" {
				t.Errorf("%v", got)
			}
		})
	})

	t.Run("of a catalog task are those of its request item", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			id := b.sim.Insert("sc_task", map[string]string{"request_item": catalogItem(b, asked), "short_description": "Make an account"})
			ticket, err := b.client.Ticket(b.ctx, kind(t, "sc_task", "short_description=Make an account"), id)
			check(t, ticket, err)
		})
	})

	t.Run("of a record producer are answers of the record", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for name, value := range asked {
				question := b.sim.Insert("question", map[string]string{"name": name})
				b.sim.Insert("question_answer", map[string]string{"question": question, "table_name": "incident", "table_sys_id": b.ticket.SysID, "value": value})
			}
			ticket, err := b.client.Ticket(b.ctx, kind(t, "incident", "u_kind=onboarding"), b.ticket.SysID)
			check(t, ticket, err)
		})
	})

	t.Run("that are not committed yet are waited for", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			// A request item is committed before its request and its variables.
			if _, err := b.client.Ticket(b.ctx, kind(t, "sc_req_item", "cat_item.name=New hire"), catalogItem(b, nil)); !fault.Is[*fault.Unavailable](err) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("that the item does not have are named", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			_, err := b.client.Ticket(b.ctx, kind(t, "sc_req_item", "cat_item.name=New hire"), catalogItem(b, map[string]string{"firstname": "Ada", "email": "x"}))
			if !fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), "first_name") || !strings.Contains(err.Error(), "last name") || strings.Contains(err.Error(), "email") {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("that have two answers are refused", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			id := catalogItem(b, asked)
			item := b.sim.Record("sc_req_item", id)["cat_item"]
			addVariable(b, id, item, "comment", "another, but nobody asks")
			k := kind(t, "sc_req_item", "cat_item.name=New hire")
			if _, err := b.client.Ticket(b.ctx, k, id); err != nil {
				t.Error(err)
			}
			addVariable(b, id, item, "email", "eve@example.com")
			if _, err := b.client.Ticket(b.ctx, k, id); !fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), "email") {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("are read in batches for a list, where one bad ticket does not stop the others", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			item := b.sim.Insert("sc_cat_item", map[string]string{"name": "New hire"})
			bad := b.sim.Insert("sc_req_item", map[string]string{"cat_item": item})
			for range 120 {
				catalogItem(b, map[string]string{"first_name": "Ada"})
			}
			b.client = b.open(t, 500)
			n := 0
			for ticket, err := range b.client.OpenTickets(b.ctx, kind(t, "sc_req_item", "cat_item.name=New hire")) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; (ticket.Value("first_name") == "Ada") != (ticket.SysID != bad) {
					t.Errorf("%s says %q", ticket.Number, ticket.Value("first_name"))
				}
			}
			if n != 121 || len(b.sim.Calls()) != 4 { // sign-in, tickets, two batches of variables
				t.Errorf("%d tickets with %d calls", n, len(b.sim.Calls()))
			}
		})
	})
}
