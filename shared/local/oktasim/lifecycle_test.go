package oktasim_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

var statuses = []string{
	oktasim.Staged, oktasim.Provisioned, oktasim.Active, oktasim.Recovery,
	oktasim.PasswordExpired, oktasim.LockedOut, oktasim.Suspended, oktasim.Deprovisioned,
}

func TestEveryOperationInEveryStatus(t *testing.T) {
	t.Parallel()
	const stay = "" // the status does not change
	for _, tc := range []struct {
		operation string
		leads     map[string]string // status before to status after, where it is legal
		status    int               // of the refusal
		code      string
	}{
		{"activate?sendEmail=true", map[string]string{oktasim.Staged: oktasim.Provisioned, oktasim.Deprovisioned: oktasim.Provisioned}, 403, "E0000016"},
		{"reactivate?sendEmail=true", map[string]string{oktasim.Provisioned: stay, oktasim.Recovery: stay}, 403, "E0000038"},
		{"suspend", map[string]string{oktasim.Active: oktasim.Suspended}, 400, "E0000001"},
		{"unsuspend", map[string]string{oktasim.Suspended: oktasim.Active}, 400, "E0000001"},
		{"unlock", map[string]string{oktasim.LockedOut: oktasim.Active}, 403, "E0000032"},
		{"expire_password", map[string]string{oktasim.Active: oktasim.PasswordExpired}, 403, "E0000038"},
		{"reset_password?sendEmail=true", map[string]string{
			oktasim.Active: oktasim.Recovery, oktasim.Recovery: stay, oktasim.PasswordExpired: oktasim.Recovery, oktasim.Provisioned: oktasim.Recovery,
		}, 403, "E0000038"},
		{"reset_factors", map[string]string{
			oktasim.Staged: stay, oktasim.Provisioned: stay, oktasim.Active: stay, oktasim.Recovery: stay,
			oktasim.PasswordExpired: stay, oktasim.LockedOut: stay, oktasim.Suspended: stay,
		}, 403, "E0000038"},
		{"deactivate", map[string]string{
			oktasim.Staged: oktasim.Deprovisioned, oktasim.Provisioned: oktasim.Deprovisioned, oktasim.Active: oktasim.Deprovisioned,
			oktasim.Recovery: oktasim.Deprovisioned, oktasim.PasswordExpired: oktasim.Deprovisioned,
			oktasim.LockedOut: oktasim.Deprovisioned, oktasim.Suspended: oktasim.Deprovisioned,
		}, 404, "E0000007"},
	} {
		t.Run(tc.operation, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, oktasim.Options{})
			for _, before := range statuses {
				id := c.hire(before)
				after, legal := tc.leads[before]
				answer := c.lifecycle(id, tc.operation)
				if legal {
					answer.want(200)
				} else {
					answer.want(tc.status, tc.code)
				}
				if after == stay {
					after = before
				}
				if got := c.account(id).Status; got != after {
					t.Errorf("%s from %s leads to %s, want %s", tc.operation, before, got, after)
				}
			}
		})
	}
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	for _, before := range statuses {
		t.Run("of a user who is "+before, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, oktasim.Options{})
			id := c.hire(before)
			c.delete(users(id)).want(204)
			if before != oktasim.Deprovisioned {
				if got := c.account(id).Status; got != oktasim.Deprovisioned {
					t.Fatalf("the first deletion leads to %s", got)
				}
				c.delete(users(id)).want(204)
			}
			c.get(users(id)).want(404, "E0000007")
			c.delete(users(id)).want(404, "E0000007")
		})
	}
}

func TestDeactivation(t *testing.T) {
	t.Parallel()
	anna := seed.PersonOktaID(seed.NumberNamesake)
	admin := seed.PersonOktaID(seed.NumberSuperAdmin)

	t.Run("takes apps, sessions and API tokens, and leaves groups, roles, factors, grants and refresh tokens", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		before := c.account(admin)
		c.lifecycle(admin, "deactivate?sendEmail=false").want(200)
		after := c.account(admin)
		if len(before.Apps) == 0 || before.Sessions == 0 || len(before.APITokens) == 0 {
			t.Fatalf("nothing to lose: %+v", before)
		}
		if len(after.Apps) != 0 || after.Sessions != 0 || len(after.APITokens) != 0 {
			t.Errorf("still there: apps %v, %d sessions, tokens %v", after.Apps, after.Sessions, after.APITokens)
		}
		if len(after.Groups) != len(before.Groups) || len(after.Groups) < 2 {
			t.Errorf("groups %v, before %v", after.Groups, before.Groups)
		}
		if len(after.Roles) != 1 || len(after.Factors) == 0 || len(after.Grants) == 0 || after.RefreshTokens == 0 {
			t.Errorf("lost: %+v", after)
		}
	})

	t.Run("gives no app to a member added afterwards", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.lifecycle(anna, "deactivate").want(200)
		c.put(groups(seed.GroupID("Salesforce Users"), "users", anna), nil).want(204)
		if got := c.account(anna); len(got.Apps) != 0 || !got.In(seed.GroupID("Salesforce Users")) {
			t.Errorf("apps %v, groups %v", got.Apps, got.Groups)
		}
		c.post(apps(seed.AppID(seed.AppSalesforce), "users"), map[string]any{"id": anna, "scope": "USER"}).want(403, "E0000117")
	})

	t.Run("brings back group apps and rules on activation, not direct apps", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		c.post(apps(seed.AppID(seed.AppSalesforce), "users"), map[string]any{"id": anna}).want(200)
		c.lifecycle(anna, "deactivate").want(200)
		c.delete(groups(seed.GroupID("Location Berlin"), "users", anna)).want(204)
		if c.account(anna).In(seed.GroupID("Location Berlin")) {
			t.Fatal("a rule runs for a deactivated account")
		}
		c.lifecycle(anna, "activate?sendEmail=true").want(200)
		got := c.account(anna)
		if got.Status != oktasim.Provisioned || !got.Has(seed.AppID(seed.AppGitHub)) || !got.In(seed.GroupID("Location Berlin")) {
			t.Errorf("not back: %+v", got)
		}
		if got.Has(seed.AppID(seed.AppSalesforce)) {
			t.Error("a direct assignment came back")
		}
	})

	t.Run("is asynchronous when the caller prefers it", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{DeactivationTime: time.Minute})
			c.with("Prefer", "respond-async").lifecycle(anna, "deactivate?sendEmail=false").want(200)
			user := c.get(users(anna)).want(200).object()
			if user["status"] != oktasim.Active || user["transitioningToStatus"] != oktasim.Deprovisioned {
				t.Errorf("at once: %v, %v", user["status"], user["transitioningToStatus"])
			}
			if err := c.sim.SignIn(anna); err == nil {
				t.Error("somebody who is being deactivated signs in")
			}
			time.Sleep(59 * time.Second)
			c.with("Prefer", "respond-async").lifecycle(anna, "deactivate").want(200) // again, harmless
			if got := c.account(anna); got.Status != oktasim.Active || len(got.Apps) == 0 {
				t.Errorf("too early: %+v", got)
			}
			time.Sleep(time.Second)
			user = c.get(users(anna)).want(200).object()
			if user["status"] != oktasim.Deprovisioned || user["transitioningToStatus"] != nil {
				t.Errorf("at last: %v, %v", user["status"], user["transitioningToStatus"])
			}
		})
	})

	t.Run("that is under way brings nobody back who was deleted meanwhile", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{DeactivationTime: time.Minute, SearchLag: time.Second})
			c.with("Prefer", "respond-async").lifecycle(anna, "deactivate").want(200)
			if err := c.sim.DeleteUser(anna); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			if got := c.get(query("/api/v1/users", "search", `profile.employeeNumber eq "E1012"`)).want(200).list(); len(got) != 0 {
				t.Errorf("%v", got)
			}
			for _, e := range c.sim.Events() {
				if e.Type == "user.lifecycle.deactivate" {
					t.Errorf("%+v", e)
				}
			}
		})
	})

	t.Run("waits for the end when the caller does not ask otherwise", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{DeactivationTime: time.Minute})
		c.lifecycle(anna, "deactivate").want(200)
		if got := c.account(anna).Status; got != oktasim.Deprovisioned {
			t.Error(got)
		}
	})
}

func TestActivation(t *testing.T) {
	t.Parallel()

	t.Run("mails a link that makes the person ACTIVE once", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		id := c.hire(oktasim.Staged)
		if body := c.lifecycle(id, "activate?sendEmail=true").want(200).object(); len(body) != 0 {
			t.Errorf("the answer holds what only the mail may: %v", body)
		}
		mails := c.sim.Mailbox()
		if len(mails) != 1 || mails[0].UserID != id || mails[0].Kind != oktasim.MailWelcome || mails[0].Link == "" {
			t.Fatalf("mails %+v", mails)
		}
		if err := c.sim.FollowWelcomeLink(id); err != nil {
			t.Fatal(err)
		}
		if got := c.account(id).Status; got != oktasim.Active {
			t.Error(got)
		}
		if err := c.sim.FollowWelcomeLink(id); err == nil {
			t.Error("the link works twice")
		}
	})

	t.Run("hands out the link when no mail is wanted", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		id := c.hire(oktasim.Staged)
		body := c.lifecycle(id, "activate?sendEmail=false").want(200).object()
		if body["activationUrl"] == nil || body["activationToken"] == nil || len(c.sim.Mailbox()) != 0 {
			t.Errorf("answer %v, mails %v", body, c.sim.Mailbox())
		}
	})

	t.Run("kills the earlier link by another mail, and any link after a week", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{})
			id := c.hire(oktasim.Staged)
			c.lifecycle(id, "activate?sendEmail=true").want(200)
			time.Sleep(6 * 24 * time.Hour)
			c.lifecycle(id, "reactivate?sendEmail=true").want(200)
			if mails := c.sim.Mailbox(); len(mails) != 2 || mails[0].Link == mails[1].Link {
				t.Fatalf("mails %+v", mails)
			}
			time.Sleep(8 * 24 * time.Hour)
			if err := c.sim.FollowWelcomeLink(id); err == nil {
				t.Error("an expired link works")
			}
		})
	})

	t.Run("takes time in which the profile cannot be changed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			c := newClient(t, oktasim.Options{ActivationTime: time.Minute})
			id := c.hire(oktasim.Staged)
			c.lifecycle(id, "activate?sendEmail=true").want(200)
			if user := c.get(users(id)).object(); user["status"] != oktasim.Staged || user["transitioningToStatus"] != oktasim.Provisioned {
				t.Errorf("at once: %v", user)
			}
			change := map[string]any{"profile": map[string]any{"title": "Analyst"}}
			c.post(users(id), change).want(409, "E0000112")
			c.lifecycle(id, "activate?sendEmail=true").want(403, "E0000016")
			time.Sleep(time.Minute)
			c.post(users(id), change).want(200)
			if got := c.account(id); got.Status != oktasim.Provisioned || got.Profile["title"] != "Analyst" {
				t.Errorf("%+v", got)
			}
		})
	})
}

func TestPasswordReset(t *testing.T) {
	t.Parallel()
	anna := seed.PersonOktaID(seed.NumberNamesake)

	t.Run("needs to be told about the mail", func(t *testing.T) {
		t.Parallel()
		newClient(t, oktasim.Options{}).lifecycle(anna, "reset_password").want(400, "E0000028")
	})
	t.Run("by mail ends when the link is followed", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		if body := c.lifecycle(anna, "reset_password?sendEmail=true").want(200).object(); len(body) != 0 {
			t.Errorf("the answer holds what only the mail may: %v", body)
		}
		if err := c.sim.FollowResetLink(anna); err != nil {
			t.Fatal(err)
		}
		if got := c.account(anna).Status; got != oktasim.Active {
			t.Error(got)
		}
	})
	t.Run("by link ends the sessions when asked to", func(t *testing.T) {
		t.Parallel()
		c := newClient(t, oktasim.Options{})
		body := c.lifecycle(anna, "reset_password?sendEmail=false&revokeSessions=true").want(200).object()
		if body["resetPasswordUrl"] == nil || c.account(anna).Sessions != 0 {
			t.Errorf("answer %v, sessions %d", body, c.account(anna).Sessions)
		}
	})
}

func TestSuspension(t *testing.T) {
	t.Parallel()
	c := newClient(t, oktasim.Options{})
	admin := seed.PersonOktaID(seed.NumberSuperAdmin)
	_, secret, err := c.sim.CreateAPIToken(admin, "script")
	if err != nil {
		t.Fatal(err)
	}
	c.lifecycle(admin, "suspend").want(200)
	after := c.account(admin)
	if after.Sessions == 0 || len(after.Apps) == 0 || len(after.APITokens) == 0 {
		t.Errorf("a suspension takes away: %+v", after)
	}
	c.as("SSWS " + secret).get(users(admin)).want(http.StatusOK) // the token lives on
	if err := c.sim.SignIn(admin); err == nil {
		t.Error("a suspended person signs in")
	}
	c.lifecycle(admin, "unsuspend").want(200)
	if err := c.sim.SignIn(admin); err != nil {
		t.Error(err)
	}
}
