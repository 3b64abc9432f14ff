package snowsim

import (
	"net/url"
	"testing"
)

func TestAccessRules(t *testing.T) {
	t.Parallel()
	t.Run("without itil people see and change their own tickets only", func(t *testing.T) {
		t.Parallel()
		b := setup(t, Options{})
		someone := b.as(emailOf("E1042"))
		other := b.incident(map[string]string{"caller_id": person("E1041")})
		r := someone.call("POST", "/api/now/table/incident", none, map[string]string{"short_description": "help", "work_notes": "secret"})
		b.want(r, 201)
		own := result[map[string]any](t, r)["sys_id"].(string)
		if got := b.Record("incident", own)["opened_by"]; got != person("E1042") {
			t.Errorf("opened by %s", got)
		}
		if notes := b.Journal("incident", own, ""); len(notes) != 0 {
			t.Errorf("a work note was taken: %v", notes)
		}
		if got := someone.list("incident", ""); len(got) != 1 || got[0] != own {
			t.Errorf("sees %v", got)
		}
		someone.want(someone.get("/api/now/table/incident/"+other, none), 404)
		someone.want(someone.call("PATCH", "/api/now/table/incident/"+other, none, map[string]string{"state": "2"}), 404)
		someone.want(someone.call("PATCH", "/api/now/table/incident/"+own, none, map[string]string{"comments": "thanks"}), 200)
		someone.want(someone.call("POST", "/api/now/table/sc_task", none, map[string]string{}), 403, "ACL Exception Insert Failed due to security constraints")
		someone.want(someone.call("PATCH", "/api/now/table/sys_user/"+person("E1042"), none, map[string]string{"title": "Chief"}), 403, "ACL Exception Update Failed")
		someone.want(someone.get("/api/now/table/incident", url.Values{"sysparm_query": {"work_notesISEMPTY"}}), 200)
	})

	t.Run("a rule on a table refuses", func(t *testing.T) {
		t.Parallel()
		b := setup(t, Options{})
		id := b.incident(nil)
		for _, operation := range []string{"create", "write"} {
			b.Restrict(Rule{Table: "task", Operation: operation, Roles: []string{"nobody_has_it"}})
		}
		b.want(b.call("POST", "/api/now/table/incident", none, map[string]string{}), 403, `"message":"Operation Failed"`)
		b.want(b.call("PATCH", "/api/now/table/incident/"+id, none, map[string]string{"state": "2"}), 403)
		b.GrantRole(IntegrationUser, "nobody_has_it")
		b.want(b.call("PATCH", "/api/now/table/incident/"+id, none, map[string]string{"state": "2"}), 200)
	})

	t.Run("a rule on a column hides, drops, and refuses queries", func(t *testing.T) {
		t.Parallel()
		b := setup(t, Options{})
		id := b.incident(map[string]string{"u_email": "x@example.com", "u_manager": person(itHead)})
		path := "/api/now/table/incident/" + id
		b.Restrict(Rule{Table: "incident", Operation: "read", Column: "u_email"})
		b.Restrict(Rule{Table: "sys_user", Operation: "read", Column: "email", Roles: []string{"admin"}})
		b.Restrict(Rule{Table: "incident", Operation: "write", Column: "state", Only: func(r map[string]string) bool { return r["sys_id"] == id }})
		row := result[map[string]string](t, b.get(path, url.Values{"sysparm_fields": {"u_email,u_manager.email,u_manager.name"}}))
		if row["u_email"] != "" || row["u_manager.email"] != "" || row["u_manager.name"] != "Tomasz Nowak" {
			t.Errorf("reads %v", row)
		}
		for _, query := range []string{"u_email=x@example.com", "u_manager.email=x", "active=true^ORu_emailISEMPTY"} {
			b.want(b.get("/api/now/table/incident", url.Values{"sysparm_query": {query}}), 403, "Insufficient rights to query records")
		}
		r := b.call("PATCH", path, url.Values{"sysparm_fields": {"state,category"}}, map[string]string{"state": "2", "category": "software"})
		b.want(r, 200)
		if got := result[map[string]string](t, r); got["state"] != "1" || got["category"] != "software" {
			t.Errorf("after writing a column that is kept: %v", got)
		}
		free := b.incident(nil)
		b.want(b.call("PATCH", "/api/now/table/incident/"+free, none, map[string]string{"state": "2"}), 200, `"state":"2"`)
	})

	t.Run("security incidents need a role of their own", func(t *testing.T) {
		t.Parallel()
		b := setup(t, Options{SecurityIncidents: true})
		id := b.Insert("sn_si_incident", nil)
		b.want(b.get("/api/now/table/sn_si_incident/"+id, none), 200, `"state":"10"`)
		analyst := b.as(emailOf("E1034"))
		analyst.want(analyst.get("/api/now/table/sn_si_incident/"+id, none), 404)
		b.GrantRole(emailOf("E1034"), "sn_si.analyst")
		analyst.want(analyst.get("/api/now/table/sn_si_incident/"+id, none), 200)
	})
}
