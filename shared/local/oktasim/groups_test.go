package oktasim_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

func TestMembership(t *testing.T) {
	t.Parallel()
	anna, sales := seed.PersonOktaID(seed.NumberNamesake), seed.GroupID("Salesforce Users")

	t.Run("is added and removed with its apps, and both may be repeated", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		for range 2 {
			c.put(groups(sales, "users", anna), nil).want(204)
			if got := c.account(anna); !got.In(sales) || !got.Has(seed.AppID(seed.AppSalesforce)) {
				t.Fatalf("%+v", got)
			}
		}
		for range 2 {
			c.delete(groups(sales, "users", anna)).want(204)
			if got := c.account(anna); got.In(sales) || got.Has(seed.AppID(seed.AppSalesforce)) {
				t.Fatalf("%+v", got)
			}
		}
	})

	t.Run("keeps an app that another group gives as well", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.put(groups(seed.GroupID("AWS Production Operators"), "users", anna), nil).want(204)
		c.delete(groups(seed.GroupID("AWS Developers"), "users", anna)).want(204)
		if !c.account(anna).Has(seed.AppID(seed.AppAWS)) {
			t.Error("the app is gone")
		}
		c.delete(groups(seed.GroupID("AWS Production Operators"), "users", anna)).want(204)
		if c.account(anna).Has(seed.AppID(seed.AppAWS)) {
			t.Error("the app is still there")
		}
	})

	for _, tc := range []struct {
		name, group string
		status      int
		code        string
	}{
		{"an imported group", "Domain Users", 403, "E0000006"},
		{"the built-in group", "Everyone", 501, "E0000060"},
	} {
		t.Run("cannot be changed by hand in "+tc.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, oktasim.Options{})
			id := seed.GroupID(tc.group)
			c.put(groups(id, "users", anna), nil).want(tc.status, tc.code)
			c.delete(groups(id, "users", anna)).want(tc.status, tc.code)
			if !c.account(anna).In(id) {
				t.Error("the membership is gone")
			}
		})
	}

	t.Run("needs a group and a user that exist, the user by id", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.put(groups("00gnone", "users", anna), nil).want(404, "E0000007")
		c.put(groups(sales, "users", "00unone"), nil).want(404, "E0000007")
		c.put(groups(sales, "users", "anna.schmidt@example.com"), nil).want(404, "E0000007")
	})
}

func TestRuleMadeMembership(t *testing.T) {
	t.Parallel()
	anna, berlin := seed.PersonOktaID(seed.NumberNamesake), seed.GroupID("Location Berlin")

	t.Run("comes back after a removal by hand", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{RuleTime: time.Minute})
			c.delete(groups(berlin, "users", anna)).want(204)
			if c.account(anna).In(berlin) {
				t.Fatal("the removal did nothing")
			}
			time.Sleep(time.Minute)
			if !c.account(anna).In(berlin) {
				t.Error("the rule did not take her back")
			}
		})
	})

	t.Run("stays away when its condition does not hold any more, or the account is deactivated", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{RuleTime: time.Minute})
			other := seed.PersonOktaID("E1013")
			c.delete(groups(berlin, "users", anna)).want(204)
			c.delete(groups(berlin, "users", other)).want(204)
			c.lifecycle(anna, "deactivate").want(200)
			c.post(users(other), map[string]any{"profile": map[string]any{"city": "Tokyo"}}).want(200)
			time.Sleep(time.Minute)
			if c.account(anna).In(berlin) || c.account(other).In(berlin) {
				t.Error("taken back")
			}
		})
	})

	t.Run("stays away as an exception where the org works so", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{RuleExceptions: true})
		c.delete(groups(berlin, "users", anna)).want(204)
		c.post(users(anna), map[string]any{"profile": map[string]any{"title": "Engineer"}}).want(200)
		if c.account(anna).In(berlin) {
			t.Error("taken back")
		}
		rule := c.get("/api/v1/groups/rules?search=berlin").want(200).list()[0]
		people, _ := rule["conditions"].(map[string]any)["people"].(map[string]any)
		excluded, _ := people["users"].(map[string]any)["exclude"].([]any)
		if !slices.Contains(excluded, any(anna)) {
			t.Errorf("%v", rule)
		}
	})

	t.Run("survives the rule where it was also given by hand", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.put(groups(berlin, "users", anna), nil).want(204)
		c.post(users(anna), map[string]any{"profile": map[string]any{"city": "Tokyo"}}).want(200)
		if !c.account(anna).In(berlin) {
			t.Error("gone")
		}
	})
}

func TestRuleThatCannotBeEvaluated(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{
		`user.citty=="Berlin"`, `isMemberOfGroup("00g1")`, `String.startsWith(user.city, "B")`, `user.city`, `user.city==`,
		`user.city=="Berlin" and (user.title=="x" and len(user.city) > 1)`,
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("an org with this rule was made")
				}
			}()
			oktasim.New(oktasim.Options{Seed: &oktasim.Seed{Groups: []seed.Group{{ID: "00g1", Name: "Odd", Type: seed.OktaGroup, Rule: expression}}}})
		})
	}
	t.Run("while others can", func(t *testing.T) {
		t.Parallel()
		sim := oktasim.New(oktasim.Options{Seed: &oktasim.Seed{Groups: []seed.Group{{
			ID: "00g1", Name: "Fine", Type: seed.OktaGroup,
			Rule: `(user.city=="Tokyo" OR user.city=="Berlin") AND user.department!="Sales"`,
		}}}})
		for _, tc := range []struct {
			city, department string
			in               bool
		}{{"Tokyo", "IT", true}, {"Tokyo", "Sales", false}, {"London", "IT", false}, {"Berlin", "IT", true}} {
			id, err := sim.CreateUser(map[string]any{
				"login": tc.city + tc.department + "@example.com", "email": "a@example.com", "firstName": "A", "lastName": "B",
				"city": tc.city, "department": tc.department,
			}, oktasim.Active)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := sim.Snapshot(id); got.In("00g1") != tc.in {
				t.Errorf("%s, %s: %v", tc.city, tc.department, got.Groups)
			}
		}
	})
}

func TestListsOfGroups(t *testing.T) {
	t.Parallel()

	t.Run("come in pages, by type, by name and by the beginning of a name", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		if all, pages := c.pages("/api/v1/groups?limit=10"); len(all) != 25 || pages != 3 {
			t.Errorf("%d groups on %d pages", len(all), pages)
		}
		for request, want := range map[string]int{
			query("/api/v1/groups", "filter", `type eq "APP_GROUP"`):                          2,
			query("/api/v1/groups", "filter", `type eq "BUILT_IN" or type eq "APP_GROUP"`):    3,
			query("/api/v1/groups", "search", `profile.name eq "github engineers"`):           1,
			query("/api/v1/groups", "search", `source.id eq "`+seed.AppID(seed.AppAD)+`"`):    2,
			query("/api/v1/groups", "search", `profile.name sw "AWS" and type eq "BUILT_IN"`): 0,
			"/api/v1/groups?q=aws": 2,
		} {
			if got := c.get(request).want(200).list(); len(got) != want {
				t.Errorf("%s: %d, want %d", request, len(got), want)
			}
		}
		c.get(query("/api/v1/groups", "filter", `profile.name eq "Sales"`)).want(400, "E0000031")
		c.get(query("/api/v1/groups", "filter", `id eq "x"`, "search", `id eq "x"`)).want(400, "E0000033")
		c.get("/api/v1/groups?limit=10001").want(400, "E0000001")
	})

	t.Run("tell how many members there are when asked", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		for _, group := range c.get("/api/v1/groups?expand=stats").want(200).list() {
			id, _ := group["id"].(string)
			stats, _ := group["_embedded"].(map[string]any)["stats"].(map[string]any)
			members, pages := c.pages(groups(id, "users") + "?limit=7")
			if stats["usersCount"] != float64(len(members)) || pages != max(1, (len(members)+6)/7) {
				t.Errorf("%s: %v, but %d members on %d pages", id, stats, len(members), pages)
			}
		}
	})

	t.Run("are all of a user's in one answer", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		anna := seed.PersonOktaID(seed.NumberNamesake)
		got := c.get(users(anna, "groups")).want(200).column("id")
		for _, p := range seed.People() {
			if p.OktaID == anna && !sameSet(got, p.Groups) {
				t.Errorf("%v, want %v", got, p.Groups)
			}
		}
	})

	t.Run("show apps and owners of a group", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		all := seed.GroupID("All Employees")
		if got, pages := c.pages(groups(all, "apps") + "?limit=3"); len(got) != 4 || pages != 2 {
			t.Errorf("%d apps on %d pages", len(got), pages)
		}
		if got := c.get(groups(all, "owners")).want(200).list(); len(got) != 0 {
			t.Errorf("%v", got)
		}
		if err := c.sim.MakeOwner(all, seed.PersonOktaID("E1005")); err != nil {
			t.Fatal(err)
		}
		if got := c.get(groups(all, "owners")).want(200).column("id"); !slices.Equal(got, []string{seed.PersonOktaID("E1005")}) {
			t.Errorf("%v", got)
		}
	})
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
