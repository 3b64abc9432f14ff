package snowsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestTableAPI(t *testing.T) { //nolint:tparallel // its subtests share one instance and follow each other
	t.Parallel()
	b := setup(t, Options{URL: "https://instance.example"})
	id := b.incident(map[string]string{
		"short_description": "New hire", "caller_id": person(itHead), "u_kind": "onboarding", "u_manager": person("E1010"),
	})
	path := "/api/now/v2/table/incident/" + id

	t.Run("every value is text and a reference carries a link", func(t *testing.T) {
		r := b.get(path, none)
		b.want(r, 200)
		row := result[map[string]any](t, r)
		if row["active"] != "true" || row["state"] != "1" || row["close_code"] != "" || row["work_notes"] != "" {
			t.Errorf("values: %v", row)
		}
		want := map[string]any{"link": "https://instance.example/api/now/v2/table/sys_user/" + person(itHead), "value": person(itHead)}
		if got := fmt.Sprint(row["caller_id"]); got != fmt.Sprint(want) {
			t.Errorf("caller_id is %v, want %v", got, want)
		}
		if row["assigned_to"] != "" {
			t.Errorf("an empty reference is %v", row["assigned_to"])
		}
	})

	t.Run("fields that do not exist are left out, dot-walked ones are read", func(t *testing.T) {
		r := b.get(path, url.Values{
			"sysparm_fields":                 {"number,u_manager,u_manager.email,u_manager.manager.employee_number,assigned_to.email,nonsense,caller_id.nonsense"},
			"sysparm_exclude_reference_link": {"true"},
		})
		row := result[map[string]string](t, r)
		want := map[string]string{
			"number": "INC0010001", "u_manager": person("E1010"), "u_manager.email": emailOf("E1010"),
			"u_manager.manager.employee_number": "E1002", "assigned_to.email": "",
		}
		if fmt.Sprint(row) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", row, want)
		}
	})

	t.Run("display values are labels, names, and times in the reader's zone", func(t *testing.T) {
		local := b.as(emailOf(itHead)) // Berlin
		b.Update("incident", id, map[string]string{"due_date": "2026-01-31 23:30:00"})
		query := url.Values{"sysparm_display_value": {"true"}, "sysparm_fields": {"state,caller_id,due_date,sys_class_name,u_legal_hold"}}
		row := result[map[string]any](t, local.get(path, query))
		if row["state"] != "New" || row["due_date"] != "2026-02-01 00:30:00" || row["sys_class_name"] != "Incident" || row["u_legal_hold"] != "false" {
			t.Errorf("got %v", row)
		}
		if caller, _ := row["caller_id"].(map[string]any); caller["display_value"] != "Tomasz Nowak" || caller["link"] == nil {
			t.Errorf("caller_id is %v", row["caller_id"])
		}
		query.Set("sysparm_display_value", "all")
		query.Set("sysparm_exclude_reference_link", "true")
		all := result[map[string]map[string]string](t, local.get(path, query))
		if got := all["caller_id"]; got["display_value"] != "Tomasz Nowak" || got["value"] != person(itHead) || got["link"] != "" {
			t.Errorf("caller_id is %v", got)
		}
		if got := all["due_date"]; got["display_value"] != "2026-02-01 00:30:00" || got["value"] != "2026-01-31 23:30:00" {
			t.Errorf("due_date is %v", got)
		}
	})

	t.Run("a record is made with its number, times and author, and where it is", func(t *testing.T) {
		r := b.call("POST", "/api/now/v2/table/incident", none, map[string]any{"short_description": "x", "impact": 1, "sys_id": "mine", "sys_created_by": "me", "nonsense": "y"})
		b.want(r, http.StatusCreated)
		row := result[map[string]any](t, r)
		made, _ := row["sys_id"].(string)
		if !strings.HasPrefix(fmt.Sprint(row["number"]), "INC001") || row["sys_created_by"] != IntegrationUser || row["impact"] != "1" || made == "mine" {
			t.Errorf("got %v", row)
		}
		if got, want := r.header.Get("Location"), "https://instance.example/api/now/v2/table/incident/"+made; got != want {
			t.Errorf("Location is %s, want %s", got, want)
		}
		b.want(b.call("DELETE", "/api/now/v2/table/incident/"+made, none, nil), http.StatusForbidden, "ACL Exception Delete Failed")
		b.Delete("incident", made)
		b.want(b.get("/api/now/v2/table/incident/"+made, none), http.StatusNotFound, "No Record found")
	})

	t.Run("PATCH and PUT change what they name, and nothing counts as a change that is none", func(t *testing.T) {
		for _, method := range []string{"PATCH", "PUT"} {
			before := b.Record("incident", id)
			r := b.call(method, path, url.Values{"sysparm_fields": {"short_description,sys_mod_count,u_kind"}}, map[string]string{"short_description": "by " + method})
			row := result[map[string]string](t, r)
			count, _ := strconv.Atoi(before["sys_mod_count"])
			if row["short_description"] != "by "+method || row["u_kind"] != "onboarding" || row["sys_mod_count"] != strconv.Itoa(count+1) {
				t.Errorf("%s: %v", method, row)
			}
			again := result[map[string]string](t, b.call(method, path, url.Values{"sysparm_fields": {"sys_mod_count"}}, map[string]string{"short_description": "by " + method}))
			if again["sys_mod_count"] != row["sys_mod_count"] {
				t.Errorf("%s counted a change that was none", method)
			}
		}
	})

	t.Run("a record is also found through the table that its own is made from", func(t *testing.T) {
		row := result[map[string]any](t, b.get("/api/now/table/task/"+id, none))
		if row["sys_class_name"] != "incident" {
			t.Errorf("class is %v", row["sys_class_name"])
		}
		if _, shown := row["u_kind"]; shown {
			t.Error("task shows a column that only incident has")
		}
		b.call("PATCH", "/api/now/table/task/"+id, none, map[string]string{"close_code": "User error", "description": "through task"})
		if got := b.Record("incident", id); got["close_code"] != "" || got["description"] != "through task" {
			t.Errorf("after a change through task: %v", got)
		}
	})
}

func TestTableAPIErrors(t *testing.T) { //nolint:tparallel // its subtests share one instance and follow each other
	t.Parallel()
	b := setup(t, Options{})
	id := b.incident(nil)
	for _, c := range []struct {
		name, method, path string
		query              url.Values
		body               any
		status             int
		text               string
	}{
		{"an unknown table", "GET", "/api/now/v2/table/nonsense", none, nil, 400, `"message":"Invalid table nonsense"`},
		{"the table of a plugin that is off", "GET", "/api/now/v2/table/sn_si_incident", none, nil, 400, "Invalid table"},
		{"an unknown record", "GET", "/api/now/v2/table/incident/0123", none, nil, 404, `"detail":"Record doesn't exist or ACL restricts the record retrieval"`},
		{"a record of another table", "GET", "/api/now/v2/table/sc_task/" + id, none, nil, 404, `"status":"failure"`},
		{"an unknown path", "GET", "/api/now/v2/nonsense", none, nil, 400, "Requested URI does not represent any resource"},
		{"a path outside the API", "GET", "/nav_to.do", none, nil, 400, "Requested URI"},
		{"a method that is not supported", "POST", "/api/now/v2/table/incident/" + id, none, map[string]string{}, 405, "Method not supported"},
		{"a list where values are expected", "POST", "/api/now/v2/table/incident", none, []string{"x"}, 400, "Exception while reading request"},
		{"an object as value", "POST", "/api/now/v2/table/incident", none, map[string]any{"caller_id": map[string]string{"value": "x"}}, 400, "single value"},
		{"a parameter that is not simulated", "GET", "/api/now/v2/table/incident", url.Values{"sysparm_view": {"mobile"}}, nil, 400, "Not simulated"},
		{"an operator that is not simulated", "GET", "/api/now/v2/table/incident", url.Values{"sysparm_query": {"sys_created_onONToday@x@y"}}, nil, 400, "Not simulated"},
		{"a script in a query", "GET", "/api/now/v2/table/incident", url.Values{"sysparm_query": {"caller_id=javascript:gs.getUserID()"}}, nil, 400, "javascript:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.want(b.call(c.method, c.path, c.query, c.body), c.status, c.text)
		})
	}

	t.Run("a body that is not JSON by its type", func(t *testing.T) {
		r := b.request("POST", "/api/now/v2/table/incident", none, map[string]string{})
		r.Header.Set("Content-Type", "text/plain")
		b.want(b.send(r), http.StatusUnsupportedMediaType)
	})
	t.Run("an answer in XML", func(t *testing.T) {
		r := b.request("GET", "/api/now/v2/table/incident", none, nil)
		r.Header.Set("Accept", "application/xml")
		b.want(b.send(r), http.StatusNotAcceptable)
	})
	t.Run("a body above the limit", func(t *testing.T) {
		r := b.call("PATCH", "/api/now/v2/table/incident/"+id, none, map[string]string{"description": strings.Repeat("x", maxBody)})
		b.want(r, 400, "Rejected large REST payload")
	})
	t.Run("nothing found is an error in version 1 only", func(t *testing.T) {
		nothing := url.Values{"sysparm_query": {"number=nothing"}}
		b.want(b.get("/api/now/v1/table/incident", nothing), 404, "No Record found")
		b.want(b.get("/api/now/v2/table/incident", nothing), 200, `{"result":[]}`)
		b.want(b.get("/api/now/table/incident", nothing), 200, `{"result":[]}`)
	})
}

func TestPaging(t *testing.T) { //nolint:tparallel // its subtests share one instance and follow each other
	t.Parallel()
	b := setup(t, Options{URL: "https://instance.example"})
	all := make([]string, 0, 7)
	for range 7 {
		all = append(all, b.incident(map[string]string{"u_kind": "onboarding"}))
	}
	slices.Sort(all)

	t.Run("without an order rows come by sys_id", func(t *testing.T) {
		if got := b.list("incident", "u_kind=onboarding"); !slices.Equal(got, all) {
			t.Errorf("got %v, want %v", got, all)
		}
	})

	t.Run("links lead through the pages", func(t *testing.T) {
		r := b.get("/api/now/v2/table/incident", url.Values{"sysparm_limit": {"3"}, "sysparm_offset": {"3"}, "sysparm_fields": {"sys_id"}})
		if got := r.header.Get("X-Total-Count"); got != "7" {
			t.Errorf("X-Total-Count is %s", got)
		}
		link := r.header.Get("Link")
		for rel, offset := range map[string]string{"first": "0", "prev": "0", "next": "6", "last": "6"} {
			if !strings.Contains(link, "sysparm_offset="+offset+`>;rel="`+rel+`"`) {
				t.Errorf("no %s link to %s in %s", rel, offset, link)
			}
		}
		r = b.get("/api/now/v2/table/incident", url.Values{"sysparm_limit": {"3"}, "sysparm_offset": {"6"}})
		if got := len(result[[]any](t, r)); got != 1 || strings.Contains(r.header.Get("Link"), `"next"`) {
			t.Errorf("the last page has %d rows and the links %s", got, r.header.Get("Link"))
		}
	})

	t.Run("count and links can be left out", func(t *testing.T) {
		r := b.get("/api/now/v2/table/incident", url.Values{"sysparm_no_count": {"true"}})
		if r.header.Get("X-Total-Count") != "" || r.header.Get("Link") != "" {
			t.Errorf("headers: %v", r.header)
		}
		r = b.get("/api/now/v2/table/incident", url.Values{"sysparm_suppress_pagination_header": {"true"}})
		if r.header.Get("X-Total-Count") != "7" || r.header.Get("Link") != "" {
			t.Errorf("headers: %v", r.header)
		}
	})

	t.Run("the limit is cut before rows are hidden, and the count includes them", func(t *testing.T) {
		hidden := map[string]bool{all[0]: true, all[1]: true, all[2]: true, all[4]: true}
		b.Restrict(Rule{Table: "task", Operation: "read", Only: func(r map[string]string) bool { return hidden[r["sys_id"]] }})
		var got []int
		var seen []string
		for offset := 0; offset < 7; offset += 3 {
			r := b.get("/api/now/v2/table/incident", url.Values{
				"sysparm_limit": {"3"}, "sysparm_offset": {strconv.Itoa(offset)}, "sysparm_query": {"ORDERBYsys_id"},
			})
			rows := result[[]map[string]any](t, r)
			got = append(got, len(rows))
			for _, row := range rows {
				seen = append(seen, fmt.Sprint(row["sys_id"]))
			}
			if r.header.Get("X-Total-Count") != "7" {
				t.Errorf("X-Total-Count is %s", r.header.Get("X-Total-Count"))
			}
		}
		if !slices.Equal(got, []int{0, 2, 1}) || !slices.Equal(seen, []string{all[3], all[5], all[6]}) {
			t.Errorf("pages of %v rows with %v", got, seen)
		}
		b.want(b.get("/api/now/v2/table/incident/"+all[0], none), 404)
	})
}

func TestNameValuePairs(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	b.incident(map[string]string{"caller_id": person(itHead)})
	on := b.incident(map[string]string{"state": "3"})
	for query, want := range map[string]int{"state=3": 1, "state=On+Hold": 1, "caller_id=Tomasz+Nowak": 1, "nonsense=1": 2, "state=3&active=true": 1} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := result[[]any](t, b.get("/api/now/table/incident", values)); len(got) != want {
			t.Errorf("%s finds %d rows, want %d", query, len(got), want)
		}
	}
	both := url.Values{"state": {"1"}, "sysparm_query": {"state=3"}, "sysparm_fields": {"sys_id"}}
	if got := result[[]map[string]string](t, b.get("/api/now/table/incident", both)); len(got) != 1 || got[0]["sys_id"] != on {
		t.Errorf("a pair beside sysparm_query: %v", got)
	}
}
