package oktasim_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	anna := seed.PersonOktaID(seed.NumberNamesake)
	for _, tc := range []struct {
		query            string
		refresh, devices int
	}{
		{"", 2, 0}, {"?oauthTokens=true", 0, 0}, {"?oauthTokens=true&forgetDevices=false", 0, 1}, {"?forgetDevices=true", 2, 0},
	} {
		t.Run("end, with what was asked for besides: "+tc.query, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, oktasim.Options{})
			if before := c.account(anna); before.Sessions != 1 || before.RefreshTokens != 2 || before.Devices != 1 {
				t.Fatalf("%+v", before)
			}
			c.delete(users(anna, "sessions") + tc.query).want(204)
			got := c.account(anna)
			if got.Sessions != 0 || got.RefreshTokens != tc.refresh || got.Devices != tc.devices || len(got.Grants) == 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestConsents(t *testing.T) {
	t.Parallel()
	anna, slack := seed.PersonOktaID(seed.NumberNamesake), seed.AppID(seed.AppSlack)

	t.Run("are listed in pages and revoked one by one or all at once; tokens stay", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		all, pages := c.pages(users(anna, "grants") + "?limit=4")
		if len(all) != 6 || pages != 2 {
			t.Errorf("%d grants on %d pages", len(all), pages)
		}
		if got := c.get(users(anna, "grants") + "?scopeId=openid").want(200).list(); len(got) != 2 {
			t.Errorf("%v", got)
		}
		one, _ := all[0]["id"].(string)
		c.get(users(anna, "grants", one)).want(200)
		c.delete(users(anna, "grants", one)).want(204)
		c.get(users(anna, "grants", one)).want(404, "E0000007")
		c.delete(users(anna, "grants", one)).want(404, "E0000007")
		c.delete(users(anna, "grants")).want(204)
		c.delete(users(anna, "grants")).want(204)
		if got := c.account(anna); len(got.Grants) != 0 || got.RefreshTokens != 2 {
			t.Errorf("%+v", got)
		}
	})

	t.Run("make clients, whose refresh tokens are revoked client by client", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		if got := c.get(users(anna, "clients")).want(200).column("client_name"); !sameSet(got, []string{seed.AppSlack, seed.AppZoom}) {
			t.Errorf("%v", got)
		}
		if err := c.sim.Consent(anna, slack, "openid"); err != nil {
			t.Fatal(err)
		}
		if got, pages := c.pages(users(anna, "clients", slack, "tokens") + "?limit=1"); len(got) != 2 || pages != 2 {
			t.Errorf("%d tokens on %d pages", len(got), pages)
		}
		c.delete(users(anna, "clients", slack, "tokens")).want(204)
		if got := c.get(users(anna, "clients", slack, "tokens")).want(200).list(); len(got) != 0 || c.account(anna).RefreshTokens != 1 {
			t.Errorf("%v", got)
		}
	})
}

func TestFactors(t *testing.T) {
	t.Parallel()
	grace := seed.PersonOktaID("E1007") // Security: Okta Verify and a security key

	t.Run("go with the Okta Verify app that carries them", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		list := c.get(users(grace, "factors")).want(200)
		if got := list.column("factorType"); !slices.Equal(got, []string{oktasim.FactorPush, oktasim.FactorTOTP, oktasim.FactorWebAuthn}) {
			t.Fatalf("%v", got)
		}
		push := list.column("id")[0]
		c.get(users(grace, "factors", push)).want(200)
		c.delete(users(grace, "factors", push)).want(204)
		c.delete(users(grace, "factors", push)).want(404, "E0000007")
		if got := c.account(grace).Factors; !slices.Equal(got, []string{oktasim.FactorWebAuthn}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("are reset all at once, with remembered devices", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.lifecycle(grace, "reset_factors").want(200)
		if got := c.account(grace); len(got.Factors) != 0 || got.Devices != 0 || got.Status != oktasim.Active {
			t.Errorf("%+v", got)
		}
	})

	t.Run("of a deactivated account stay where they are", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		id, err := c.sim.EnrolFactor(grace, oktasim.FactorSMS)
		if err != nil {
			t.Fatal(err)
		}
		c.lifecycle(grace, "deactivate").want(200)
		c.delete(users(grace, "factors", id)).want(403, "E0000038")
		if got := c.get(users(grace, "factors")).want(200).list(); len(got) != 4 {
			t.Errorf("%v", got)
		}
	})
}

func TestAdminRoles(t *testing.T) {
	t.Parallel()
	anna, boss := seed.PersonOktaID(seed.NumberNamesake), seed.PersonOktaID(seed.NumberSuperAdmin)

	t.Run("are assigned once and removed by the assignment's id", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		id, _ := c.post(users(anna, "roles"), map[string]any{"type": "HELP_DESK_ADMIN"}).want(201).object()["id"].(string)
		c.post(users(anna, "roles"), map[string]any{"type": "HELP_DESK_ADMIN"}).want(409, "E0000090")
		c.post(users(anna, "roles"), map[string]any{"type": "CUSTOM"}).want(400, "E0000001")
		c.get(users(anna, "roles", id)).want(200)
		c.delete(users(anna, "roles", id)).want(204)
		c.delete(users(anna, "roles", id)).want(404, "E0000007")
		c.get(users(anna, "roles", id)).want(404, "E0000007")
	})

	t.Run("that come through a group show so and go with the membership", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		security := seed.GroupID("Security")
		id, err := c.sim.GiveGroupRole(security, "REPORT_ADMIN")
		if err != nil {
			t.Fatal(err)
		}
		c.put(groups(security, "users", anna), nil).want(204)
		roles := c.get(users(anna, "roles")).want(200).list()
		if len(roles) != 1 || roles[0]["assignmentType"] != "GROUP" || roles[0]["id"] != id {
			t.Errorf("%v", roles)
		}
		c.delete(users(anna, "roles", id)).want(404, "E0000007")
		c.delete(groups(security, "users", anna)).want(204)
		if got := c.account(anna).Roles; len(got) != 0 {
			t.Errorf("%v", got)
		}
	})

	t.Run("are found by who holds any, page by page in the body's link", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		var holders []string
		path := "/api/v1/iam/assignees/users?limit=3"
		for path != "" {
			var next string
			page := c.get(path).want(200).object()
			value, _ := page["value"].([]any)
			for _, holder := range value {
				id, _ := holder.(map[string]any)["id"].(string)
				holders = append(holders, id)
			}
			if links, has := page["_links"].(map[string]any); has {
				next, _ = links["next"].(map[string]any)["href"].(string)
			}
			path = next
		}
		want := []string{boss, seed.PersonOktaID(seed.NumberHelpDesk), seed.PersonOktaID(seed.NumberBreakGlass), seed.PersonOktaID(seed.NumberService)}
		if !sameSet(holders, want) {
			t.Errorf("%v, want %v", holders, want)
		}
	})
}

func TestAPITokens(t *testing.T) {
	t.Parallel()
	boss := seed.PersonOktaID(seed.NumberSuperAdmin)

	t.Run("are listed with their owners and revoked by id", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		id, secret, err := c.sim.CreateAPIToken(boss, "script")
		if err != nil {
			t.Fatal(err)
		}
		theirs := c.as("SSWS " + secret)
		if got := theirs.get("/api/v1/api-tokens").want(200).column("id"); !slices.Contains(got, id) || len(got) != 4 {
			t.Errorf("%v", got)
		}
		if got := c.get("/api/v1/api-tokens/" + id).want(200).object()["userId"]; got != boss {
			t.Error(got)
		}
		c.delete("/api/v1/api-tokens/" + id).want(204)
		c.delete("/api/v1/api-tokens/"+id).want(404, "E0000007")
		theirs.get(users(boss)).want(401, "E0000011")
	})

	t.Run("die unused after 30 days, and live on while used", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{})
			_, secret, err := c.sim.CreateAPIToken(boss, "script")
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				time.Sleep(29 * 24 * time.Hour)
				c.get("/api/v1/api-tokens").want(200)
			}
			c.as("SSWS "+secret).get(users(boss)).want(401, "E0000011")
			if got := c.get("/api/v1/api-tokens").want(200).list(); len(got) != 1 {
				t.Errorf("%v", got)
			}
		})
	})

	t.Run("can do no more than their owner, whose deactivation kills them", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		_, secret, err := c.sim.CreateAPIToken(boss, "script")
		if err != nil {
			t.Fatal(err)
		}
		theirs, role := c.as("SSWS "+secret), c.account(boss).Roles[0].ID
		c.delete(users(boss, "roles", role)).want(204)
		theirs.get(users(boss)).want(403, "E0000006")
		c.lifecycle(boss, "deactivate").want(200)
		theirs.get(users(boss)).want(401, "E0000011")
	})

	t.Run("are needed for every operation", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		for _, auth := range []string{"", "SSWS wrong", "SSWS", "Basic YTpi", "Bearer wrong"} {
			c.as(auth).get("/api/v1/users").want(401, "E0000011")
		}
	})
}
