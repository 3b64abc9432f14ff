package snowsim

import (
	"net/url"
	"slices"
	"testing"
	"time"
)

func TestCatalogOrder(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	var seen []string
	b.OnChange(func(c Change) {
		if c.Table == "sc_req_item" {
			variables := b.Query("sc_item_option_mtom", "request_item="+c.SysID)
			seen = append(seen, string(c.Operation)+" "+map[bool]string{true: "with", false: "without"}[len(variables) == 2]+" variables, "+
				map[bool]string{true: "with", false: "without"}[c.Value("request") != ""]+" parent")
		}
	})
	item, err := b.As(emailOf("E1013")).Order(Order{
		Item: "Group access", Variables: map[string]string{"group": "GitHub Engineers", "until": "2026-12-31"},
		Sets: map[string][]map[string]string{"rows": {{"a": "1", "b": "2"}, {"a": "3"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"insert without variables, without parent", "update with variables, with parent"}; !slices.Equal(seen, want) {
		t.Errorf("hooks saw %q, want %q", seen, want)
	}
	got := b.Record("sc_req_item", item)
	if got["requested_for"] != person("E1013") || got["opened_by"] != person("E1013") || b.Record("sc_request", got["request"])["number"] != "REQ0010001" {
		t.Errorf("got %v", got)
	}
	r := b.get("/api/now/v2/table/sc_item_option_mtom", url.Values{
		"sysparm_query":  {"request_item=" + item},
		"sysparm_fields": {"sc_item_option.item_option_new.name,sc_item_option.value,request_item.cat_item.name"},
	})
	values := map[string]string{}
	for _, row := range result[[]map[string]string](t, r) {
		values[row["sc_item_option.item_option_new.name"]] = row["sc_item_option.value"]
		if row["request_item.cat_item.name"] != "Group access" {
			t.Errorf("row %v", row)
		}
	}
	if len(values) != 2 || values["group"] != "GitHub Engineers" || values["until"] != "2026-12-31" {
		t.Errorf("variables: %v", values)
	}
	if rows := b.Query("sc_multi_row_question_answer", "parent_id="+item+"^row_index=0^item_option_new.name=b"); len(rows) != 1 || rows[0]["value"] != "2" {
		t.Errorf("multi-row set: %v", rows)
	}
	again, err := b.As(emailOf("E1014")).Order(Order{Item: "Group access", For: person("E1015")})
	if err != nil || b.Record("sc_req_item", again)["cat_item"] != got["cat_item"] || b.Record("sc_req_item", again)["requested_for"] != person("E1015") {
		t.Errorf("the second order: %v %v", b.Record("sc_req_item", again), err)
	}
}

func TestRecordProducer(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	id, err := b.As(emailOf("E1028")).Produce("incident", map[string]string{"short_description": "Leaver"}, map[string]string{"email": "x@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	r := b.get("/api/now/v2/table/question_answer", url.Values{"sysparm_query": {"table_sys_id=" + id}, "sysparm_fields": {"question.name,value,table_name"}})
	rows := result[[]map[string]string](t, r)
	if len(rows) != 1 || rows[0]["question.name"] != "email" || rows[0]["value"] != "x@example.com" || rows[0]["table_name"] != "incident" {
		t.Errorf("answers: %v", rows)
	}
	if _, err := b.As("admin").Produce("nonsense", nil, nil); err == nil {
		t.Error("a record of an unknown table was produced")
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	id := b.incident(map[string]string{"short_description": "Leaver", "u_kind": "offboarding", "assignment_group": GroupSysID(GroupSecurity), "comments": "hello"})
	b.incident(nil)
	b.Insert("sysapproval_approver", map[string]string{"sysapproval": id, "approver": person("E1007"), "state": Requested})
	shot := b.Snapshot(10)
	if len(shot.Tickets) != 2 || len(shot.People) != 10 || len(shot.Approvals) != 1 || shot.Records["incident"] != 2 || shot.Records["sys_user"] != 52 {
		t.Errorf("got %d tickets, %d people, %d approvals, %v", len(shot.Tickets), len(shot.People), len(shot.Approvals), shot.Records)
	}
	ticket, ok := b.Ticket("task", id)
	if !ok || ticket.Number != "INC0010001" || ticket.State != "New" || ticket.Group != GroupSecurity || ticket.Fields["u_kind"] != "offboarding" ||
		len(ticket.Notes) != 1 || len(ticket.Approvals) != 1 || ticket.OpenedBy != "System Administrator" || time.Since(ticket.Opened) > time.Minute {
		t.Errorf("got %+v", ticket)
	}
	if _, ok := b.Ticket("incident", "none"); ok {
		t.Error("a ticket that does not exist is shown")
	}
	if got := b.Snapshot(1); len(got.Tickets) != 1 || len(got.People) != 1 {
		t.Errorf("the limit is not kept: %d %d", len(got.Tickets), len(got.People))
	}
}
