package oktasim_test

import (
	"slices"
	"strings"
	"testing"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

func TestAssignment(t *testing.T) {
	t.Parallel()
	anna, salesforce := seed.PersonOktaID(seed.NumberNamesake), seed.AppID(seed.AppSalesforce)
	github := seed.AppID(seed.AppGitHub)

	t.Run("is made directly, may be repeated, and is removed", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		for range 2 {
			got := c.post(apps(salesforce, "users"), map[string]any{"id": anna, "scope": "USER"}).want(200).object()
			if got["id"] != anna || got["scope"] != "USER" {
				t.Errorf("%v", got)
			}
		}
		c.get(apps(salesforce, "users", anna)).want(200)
		c.delete(apps(salesforce, "users", anna)).want(204)
		c.get(apps(salesforce, "users", anna)).want(404, "E0000007")
		c.delete(apps(salesforce, "users", anna)).want(404, "E0000007")
	})

	t.Run("through a group cannot be removed while the group gives it, not even when it is direct too", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		if got := c.get(apps(github, "users", anna)).want(200).object()["scope"]; got != "GROUP" {
			t.Error(got)
		}
		refused := c.delete(apps(github, "users", anna)).want(403, "E0000046")
		if !strings.Contains(string(refused.Body), "group memberships grant them access") {
			t.Errorf("%s", refused.Body)
		}
		c.post(apps(github, "users"), map[string]any{"id": anna}).want(200)
		if got := c.get(apps(github, "users", anna)).want(200).object()["scope"]; got != "USER" {
			t.Error(got)
		}
		c.delete(apps(github, "users", anna)).want(403, "E0000046")
		c.delete(groups(seed.GroupID("GitHub Engineers"), "users", anna)).want(204)
		c.get(apps(github, "users", anna)).want(200)
		c.delete(apps(github, "users", anna)).want(204)
	})

	t.Run("needs an app, a user by id, and nothing that is not simulated", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.post(apps("0oanone", "users"), map[string]any{"id": anna}).want(404, "E0000007")
		c.post(apps(github, "users"), map[string]any{"id": "anna.schmidt@example.com"}).want(404, "E0000007")
		c.post(apps(github, "users"), map[string]any{}).want(400, "E0000001")
		c.post(apps(github, "users"), map[string]any{"id": anna, "scope": "GROUP"}).want(400, "E0000001")
		c.post(apps(github, "users"), map[string]any{"id": anna, "profile": map[string]any{"role": "x"}}).want(400, "E0000001")
	})
}

func TestListsOfApps(t *testing.T) {
	t.Parallel()
	anna := seed.PersonOktaID(seed.NumberNamesake)

	t.Run("show one person's apps with the assignment embedded, in one call", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		mine := query("/api/v1/apps", "filter", `user.id eq "`+anna+`"`, "expand", "user/"+anna, "limit", "200")
		for _, app := range c.get(mine).want(200).list() {
			assigned, _ := app["_embedded"].(map[string]any)["user"].(map[string]any)
			if assigned["id"] != anna || assigned["scope"] != "GROUP" {
				t.Errorf("%v", app)
			}
		}
		assigned := c.account(anna).Apps
		labels := make([]string, 0, len(assigned))
		for _, a := range assigned {
			labels = append(labels, a.Label)
		}
		if got := c.get(mine).column("label"); !sameSet(got, labels) || len(got) < 5 {
			t.Errorf("%v, want %v", got, labels)
		}
		c.lifecycle(anna, "deactivate").want(200)
		if got := c.get(mine).want(200).list(); len(got) != 0 {
			t.Errorf("%v", got)
		}
		if got := c.get(query("/api/v1/apps", "filter", `user.id eq "00unone"`)).want(200).list(); len(got) != 0 {
			t.Errorf("nobody has %v", got)
		}
	})

	t.Run("refuse to embed somebody whom the filter does not name", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.get("/api/v1/apps?expand=user/"+anna).want(400, "E0000001")
		c.get(query("/api/v1/apps", "filter", `user.id eq "`+seed.PersonOktaID("E1001")+`"`, "expand", "user/"+anna)).want(400, "E0000001")
	})

	t.Run("come in pages and by name", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		if all, pages := c.pages("/api/v1/apps?limit=5"); len(all) != 12 || pages != 3 {
			t.Errorf("%d apps on %d pages", len(all), pages)
		}
		for request, want := range map[string][]string{
			"/api/v1/apps?q=sal": {seed.AppSalesforce},
			query("/api/v1/apps", "filter", `name eq "slack"`):                    {seed.AppSlack},
			query("/api/v1/apps", "filter", `status eq "INACTIVE"`):               {},
			query("/api/v1/apps", "filter", `id eq "`+seed.AppID(seed.AppAD)+`"`): {seed.AppAD},
		} {
			if got := c.get(request).want(200).column("label"); !slices.Equal(got, want) {
				t.Errorf("%s: %v", request, got)
			}
		}
		c.get(query("/api/v1/apps", "filter", `label eq "Slack"`)).want(400, "E0000031")
		c.get("/api/v1/apps?limit=201").want(400, "E0000001")
	})

	t.Run("show an app's people in pages, by the beginning of a name, with the user embedded", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		slack := apps(seed.AppID(seed.AppSlack), "users")
		all, pages := c.pages(slack + "?limit=20")
		if len(all) != 47 || pages != 3 {
			t.Errorf("%d people on %d pages", len(all), pages)
		}
		found := c.get(slack + "?q=anna&expand=user").want(200).list()
		if len(found) != 2 {
			t.Fatalf("%v", found)
		}
		if embedded, _ := found[0]["_embedded"].(map[string]any)["user"].(map[string]any); embedded["id"] != found[0]["id"] {
			t.Errorf("%v", found[0])
		}
		c.get(slack+"?limit=501").want(400, "E0000001")
	})

	t.Run("show a person's dashboard", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		links := c.get(users(anna, "appLinks")).want(200)
		if got, want := links.column("label"), c.account(anna).Apps; len(got) != len(want) || links.list()[0]["appInstanceId"] != want[0].AppID {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
