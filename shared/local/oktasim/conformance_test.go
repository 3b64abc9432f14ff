package oktasim_test

import (
	"slices"
	"testing"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

// TestEveryOperationConforms walks through every operation that the simulator
// serves, with an answer and a refusal of each; the client holds both against
// Okta's API description.
func TestEveryOperationConforms(t *testing.T) {
	t.Parallel()
	c := newClient(t, oktasim.Options{})
	walkUsers(c)
	walkCredentials(c)
	walkGroups(c)
	walkApps(c)
	c.get("/api/v1/logs?limit=1000").want(200)
	c.get("/api/v1/logs?limit=0").want(400)

	seen := c.spec.(*conforming).seen
	for _, operation := range oktasim.Operations() {
		if operation == "POST /oauth2/v1/token" {
			continue // not part of the Management API's description
		}
		statuses := seen[parameter.ReplaceAllString(operation, "{}")]
		if !slices.ContainsFunc(statuses, func(status int) bool { return status < 300 }) {
			t.Errorf("%s was never carried out: %v", operation, statuses)
		}
		if !slices.ContainsFunc(statuses, func(status int) bool { return status >= 400 }) {
			t.Errorf("%s was never refused: %v", operation, statuses)
		}
	}
}

const nobody = "00unobody0000000000"

func walkUsers(c *client) {
	c.get("/api/v1/users?limit=7").want(200)
	c.get("/api/v1/users?limit=0").want(400)
	id, _ := c.post("/api/v1/users?activate=false", person(nil)).want(200).object()["id"].(string)
	c.post("/api/v1/users?activate=false", person(nil)).want(400)
	c.get(users(id)).want(200)
	c.get(users(nobody)).want(404)
	c.post(users(id), map[string]any{"profile": map[string]any{"title": "Analyst"}}).want(200)
	c.post(users(nobody), map[string]any{}).want(404)
	c.put(users(id), person(nil)).want(200)
	c.put(users(id), map[string]any{"profile": map[string]any{}}).want(400)
	for _, step := range []string{
		"activate?sendEmail=false", "reactivate?sendEmail=false", "reset_password?sendEmail=false", "reset_factors",
	} {
		c.lifecycle(id, step).want(200)
		c.lifecycle(nobody, step).want(404)
	}
	for _, change := range []struct{ status, step string }{
		{oktasim.Active, "suspend"}, {oktasim.Suspended, "unsuspend"}, {oktasim.LockedOut, "unlock"},
		{oktasim.Active, "expire_password"}, {oktasim.Active, "deactivate?sendEmail=false"},
	} {
		if err := c.sim.SetStatus(id, change.status); err != nil {
			c.t.Fatal(err)
		}
		c.get(users(id)).want(200) // with the links of that status
		c.lifecycle(id, change.step).want(200)
		c.lifecycle(nobody, change.step).want(404)
	}
	c.get(users(id)).want(200)
	c.delete(users(id)).want(204)
	c.delete(users(id)).want(404)
	anna := seed.PersonOktaID(seed.NumberNamesake)
	for _, list := range []string{"groups", "appLinks"} {
		c.get(users(anna, list)).want(200)
		c.get(users(nobody, list)).want(404)
	}
}

func walkCredentials(c *client) {
	anna, boss := seed.PersonOktaID(seed.NumberNamesake), seed.PersonOktaID(seed.NumberSuperAdmin)
	slack := seed.AppID(seed.AppSlack)
	for _, list := range []string{"grants", "clients", "factors", "roles", "clients/" + slack + "/tokens"} {
		c.get(users(boss, list)).want(200)
		c.get(users(nobody, list)).want(404)
	}
	for _, kind := range []string{"grants", "factors", "roles"} {
		one := c.get(users(boss, kind)).column("id")[0]
		c.get(users(boss, kind, one)).want(200)
		c.get(users(anna, kind, one)).want(404)
		c.delete(users(boss, kind, one)).want(204)
		c.delete(users(boss, kind, one)).want(404)
	}
	for _, all := range []string{"sessions", "grants", "clients/" + slack + "/tokens"} {
		c.delete(users(anna, all)).want(204)
		c.delete(users(nobody, all)).want(404)
	}
	c.post(users(anna, "roles"), map[string]any{"type": "REPORT_ADMIN"}).want(201)
	c.post(users(anna, "roles"), map[string]any{"type": "REPORT_ADMIN"}).want(409)
	c.get("/api/v1/iam/assignees/users?limit=1").want(200)
	c.get("/api/v1/iam/assignees/users?limit=0").want(400)
	tokens := c.get("/api/v1/api-tokens").want(200)
	c.as("SSWS wrong").get("/api/v1/api-tokens").want(401)
	last := tokens.column("id")[2] // the first is the client's own
	c.get("/api/v1/api-tokens/" + last).want(200)
	c.delete("/api/v1/api-tokens/" + last).want(204)
	c.get("/api/v1/api-tokens/" + last).want(404)
	c.delete("/api/v1/api-tokens/" + last).want(404)
}

func walkGroups(c *client) {
	anna, sales := seed.PersonOktaID(seed.NumberNamesake), seed.GroupID("Salesforce Users")
	owned := seed.GroupID("GitHub Engineers")
	c.get("/api/v1/groups?expand=stats").want(200)
	c.get("/api/v1/groups?limit=0").want(400)
	c.get("/api/v1/groups/rules?limit=1").want(200)
	c.get("/api/v1/groups/rules?limit=201").want(400)
	c.get("/api/v1/groups/rules/" + c.get("/api/v1/groups/rules").column("id")[0]).want(200)
	c.get("/api/v1/groups/rules/0prnone").want(404)
	for _, list := range []string{"", "users", "apps", "owners"} {
		c.get(groups(owned) + slash(list)).want(200)
		c.get(groups("00gnone") + slash(list)).want(404)
	}
	c.put(groups(sales, "users", anna), nil).want(204)
	c.put(groups(sales, "users", nobody), nil).want(404)
	c.delete(groups(sales, "users", anna)).want(204)
	c.delete(groups(seed.GroupID("Everyone"), "users", anna)).want(501)
}

func slash(list string) string {
	if list == "" {
		return ""
	}
	return "/" + list
}

func walkApps(c *client) {
	anna, salesforce := seed.PersonOktaID(seed.NumberNamesake), seed.AppID(seed.AppSalesforce)
	c.get(query("/api/v1/apps", "filter", `user.id eq "`+anna+`"`, "expand", "user/"+anna)).want(200)
	c.get("/api/v1/apps?limit=0").want(400)
	for _, list := range []string{"", "users"} {
		c.get(apps(salesforce) + slash(list)).want(200)
		c.get(apps("0oanone") + slash(list)).want(404)
	}
	c.get(apps(salesforce, "users") + "?expand=user").want(200)
	c.post(apps(salesforce, "users"), map[string]any{"id": anna, "scope": "USER"}).want(200)
	c.post(apps(salesforce, "users"), map[string]any{"id": nobody, "scope": "USER"}).want(404)
	c.get(apps(salesforce, "users", anna) + "?expand=user").want(200)
	c.delete(apps(salesforce, "users", anna)).want(204)
	c.get(apps(salesforce, "users", anna)).want(404)
	c.delete(apps(salesforce, "users", anna)).want(404)
}
