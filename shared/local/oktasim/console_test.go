package oktasim_test

import (
	"testing"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

func TestConsole(t *testing.T) {
	t.Parallel()
	anna := seed.PersonOktaID(seed.NumberNamesake)

	t.Run("gives a former employee groups and roles back, and takes imported memberships", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		former := seed.PersonOktaID(seed.NumberFormer)
		if err := c.sim.AddMember(seed.GroupID("Sales"), former); err != nil {
			t.Fatal(err)
		}
		if _, err := c.sim.GiveRole(former, "SUPER_ADMIN"); err != nil {
			t.Fatal(err)
		}
		if err := c.sim.RemoveMember(seed.GroupID("Domain Users"), anna); err != nil {
			t.Fatal(err)
		}
		got := c.account(former)
		if got.Status != oktasim.Deprovisioned || !got.In(seed.GroupID("Sales")) || len(got.Roles) != 1 || len(got.Apps) != 0 {
			t.Errorf("%+v", got)
		}
		if c.account(anna).In(seed.GroupID("Domain Users")) {
			t.Error("still a member")
		}
	})

	t.Run("sets any status with what follows from it", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		for _, status := range []string{oktasim.Deprovisioned, oktasim.Suspended, oktasim.Active} {
			if err := c.sim.SetStatus("anna.schmidt@example.com", status); err != nil {
				t.Fatal(err)
			}
			got := c.account(anna)
			if got.Status != status || (len(got.Apps) == 0) != (status == oktasim.Deprovisioned) {
				t.Errorf("%s: %+v", status, got)
			}
		}
		if err := c.sim.SignIn(anna); err != nil {
			t.Error(err)
		}
	})

	t.Run("edits profiles under Okta's rules", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		if err := c.sim.EditProfile(anna, map[string]any{"city": "London", "title": nil}); err != nil {
			t.Fatal(err)
		}
		if got := c.account(anna); got.Profile["title"] != nil || !got.In(seed.GroupID("Location London")) {
			t.Errorf("%+v", got)
		}
		if err := c.sim.EditProfile(anna, map[string]any{"login": "jonas.weber@example.com"}); err == nil {
			t.Error("a login is taken twice")
		}
	})

	t.Run("locks out, enrols and consents for people as they would themselves", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		if err := c.sim.LockOut(anna); err != nil {
			t.Fatal(err)
		}
		c.lifecycle(anna, "unlock").want(200)
		if err := c.sim.Consent(anna, seed.AppID(seed.AppJira), "openid"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.sim.EnrolFactor(anna, oktasim.FactorWebAuthn); err != nil {
			t.Fatal(err)
		}
		if got := c.account(anna); len(got.Grants) != 7 || len(got.Factors) != 3 || got.RefreshTokens != 3 {
			t.Errorf("%+v", got)
		}
	})

	sim := oktasim.New(oktasim.Options{})
	everyone, former := seed.GroupID("Everyone"), seed.PersonOktaID(seed.NumberFormer)
	second := func(_ any, err error) error { return err }
	for name, refuse := range map[string]func() error{
		"an account that exists": func() error {
			return second(sim.CreateUser(map[string]any{"login": "anna.schmidt@example.com", "email": "a@example.com", "firstName": "A", "lastName": "B"}, oktasim.Active))
		},
		"a status that does not exist":          func() error { return sim.SetStatus(anna, "RETIRED") },
		"an account in no status":               func() error { return second(sim.CreateUser(nil, "")) },
		"nobody":                                func() error { return sim.DeleteUser("00unone") },
		"a member of Everyone":                  func() error { return sim.AddMember(everyone, anna) },
		"a member of nothing":                   func() error { return sim.AddMember("00gnone", anna) },
		"an app of a former employee":           func() error { return sim.AssignApp(seed.AppID(seed.AppJira), former) },
		"an app that does not exist":            func() error { return sim.AssignApp("0oanone", anna) },
		"a role twice":                          func() error { return second(sim.GiveRole(seed.PersonOktaID(seed.NumberSuperAdmin), "SUPER_ADMIN")) },
		"a role that does not exist":            func() error { return second(sim.GiveGroupRole(everyone, "KING")) },
		"an owner of nothing":                   func() error { return sim.MakeOwner("00gnone", anna) },
		"a sign-in of a former employee":        func() error { return sim.SignIn(former) },
		"a lockout of a suspended one":          func() error { return sim.LockOut(seed.PersonOktaID(seed.NumberSuspended)) },
		"a factor of a former employee":         func() error { return second(sim.EnrolFactor(former, oktasim.FactorPush)) },
		"a factor that is not simulated":        func() error { return second(sim.EnrolFactor(anna, "retina")) },
		"consent of a former employee":          func() error { return sim.Consent(former, seed.AppID(seed.AppJira)) },
		"a welcome link that was never sent":    func() error { return sim.FollowWelcomeLink(anna) },
		"a reset link that was never sent":      func() error { return sim.FollowResetLink(anna) },
		"an API token of somebody without role": func() error { _, _, err := sim.CreateAPIToken(anna, "x"); return err },
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			if err := refuse(); err == nil {
				t.Error("no error")
			}
		})
	}

	t.Run("knows nobody of that name", func(t *testing.T) {
		t.Parallel()
		if _, found := sim.Snapshot("nobody@example.com"); found {
			t.Error("found")
		}
	})
}

func TestSeededOrg(t *testing.T) {
	t.Parallel()

	t.Run("holds exactly what the seed says of everybody", func(t *testing.T) {
		t.Parallel()
		sim := oktasim.New(oktasim.Options{})
		accounts := sim.Accounts()
		if len(accounts) != len(seed.People()) {
			t.Fatalf("%d accounts", len(accounts))
		}
		for i, p := range seed.People() {
			got := accounts[i]
			groups, roles := make([]string, 0, len(got.Groups)), make([]string, 0, len(got.Roles))
			for _, m := range got.Groups {
				groups = append(groups, m.ID)
			}
			for _, r := range got.Roles {
				roles = append(roles, r.Type)
			}
			if got.ID != p.OktaID || got.Status != p.OktaStatus || got.Login != p.Email || !sameSet(groups, p.Groups) || !sameSet(roles, p.AdminRoles) {
				t.Errorf("%s: %+v", p.Number, got)
			}
			for _, id := range p.DirectApps {
				if !got.Has(id) {
					t.Errorf("%s lacks the app %s", p.Number, id)
				}
			}
		}
		if len(sim.Events()) != 0 {
			t.Error("the System Log has a past")
		}
	})

	t.Run("is bare where nothing else is needed", func(t *testing.T) {
		t.Parallel()
		for _, a := range oktasim.New(oktasim.Options{Bare: true}).Accounts() {
			if len(a.Factors)+len(a.Grants)+a.Sessions+a.RefreshTokens > 0 {
				t.Errorf("%+v", a)
			}
		}
	})

	t.Run("has the integration's service account, also where the seed lacks it", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{Seed: &oktasim.Seed{}})
		if got := c.get("/api/v1/users").want(200).column("id"); len(got) != 1 || got[0] != seed.PersonOktaID(seed.NumberService) {
			t.Errorf("%v", got)
		}
	})

	t.Run("takes another token", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{Token: "00another"})
		c.get("/api/v1/users").want(401, "E0000011")
		c.as("SSWS 00another").get("/api/v1/users").want(200)
	})

	t.Run("uses its own address in links", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{URL: "https://acme.okta.example"})
		if next := c.get("/api/v1/users?limit=1").want(200).next(); next[:len("https://acme.okta.example/")] != "https://acme.okta.example/" {
			t.Error(next)
		}
	})

	t.Run("refuses a seed that contradicts its own rule", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if recover() == nil {
				t.Error("the org was made")
			}
		}()
		people := seed.People()
		people[0].Location = "Tokyo"
		oktasim.New(oktasim.Options{Seed: &oktasim.Seed{People: people, Groups: seed.Groups(), Apps: seed.Apps()}})
	})
}
