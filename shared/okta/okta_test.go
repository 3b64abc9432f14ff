package okta_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/okta"
)

func TestEveryMethodDoesWhatItSays(t *testing.T) {
	t.Parallel()
	for _, m := range all() {
		bubble(t, m.name, func(t *testing.T) {
			b := m.start(t)
			if err := m.run(b.ctx(t), b); err != nil {
				t.Fatal(err)
			}
			if m.verb == "" {
				if records := b.records(t); len(records) > 0 {
					t.Errorf("a read left %+v in the ledger", records)
				}
				return
			}
			if err := m.check(b, b.account(t)); err != nil {
				t.Error(err)
			}
			records := b.records(t)
			if len(records) != 2 || records[0].Phase != audit.Intent || records[1].Phase != audit.Done {
				t.Fatalf("the ledger has %+v", records)
			}
			for _, r := range records {
				if r.System != "okta" || r.Verb != m.verb || r.Target == "" || r.Reason != why {
					t.Errorf("record %+v", r)
				}
			}
			if records[1].RequestID == "" {
				t.Error("the outcome does not name Okta's request")
			}
		})
	}
}

func TestEveryWriteEndsTheSameWhenItIsRepeated(t *testing.T) {
	t.Parallel()
	for _, m := range writes() {
		bubble(t, m.name, func(t *testing.T) {
			b := m.start(t)
			for range 3 {
				err := m.run(b.ctx(t), b)
				if m.name == "CreateUser" && fault.Is[*fault.Conflict](err) {
					err = nil // the login is taken; the caller looks whose it is
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := m.check(b, b.account(t)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestEveryMethodTellsWhyItWasRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer oktasim.Fault
		is     func(error) bool
	}{
		{"permission", oktasim.Fault{Status: 403}, fault.Is[*fault.Denied]},
		{"token", oktasim.Fault{Status: 401}, fault.Is[*fault.Denied]},
		{"validation", oktasim.Fault{Status: 400, Code: "E0000001"}, fault.Is[*fault.Invalid]},
		{"state", oktasim.Fault{Status: 403, Code: "E0000038"}, fault.Is[*fault.Conflict]},
		{"still activating", oktasim.Fault{Status: 409, Code: "E0000112"}, fault.Is[*fault.Unavailable]},
	} {
		for _, m := range all() {
			bubble(t, m.name+", "+c.name, func(t *testing.T) {
				b := m.start(t)
				b.sim.Fault(func(*http.Request, int) *oktasim.Fault { return &c.answer })
				err := m.run(b.ctx(t), b)
				if !c.is(err) {
					t.Fatalf("got %T: %v", err, err)
				}
				if text := err.Error(); !strings.Contains(text, fmt.Sprint("Okta answered ", c.answer.Status)) || !strings.Contains(text, "request req") {
					t.Errorf("the message does not name Okta's answer: %s", text)
				}
				if m.verb != "" && m.name != "UpdateProfile" { // which reads first
					if records := b.records(t); len(records) != 2 || records[1].Phase != audit.Failed || records[1].Error == "" {
						t.Errorf("the ledger has %+v", records)
					}
				}
			})
		}
	}
}

func TestWhatDoesNotExistIsNotFound(t *testing.T) {
	t.Parallel()
	const nobody = "00u00000000000000000"
	b := setup(t, oktasim.Options{})
	ctx, c := b.ctx(t), b.client
	must(t, b.sim.AddMember(groupID, b.id))
	for name, err := range map[string]error{
		"User":                     second(c.User(ctx, nobody)),
		"User by login":            second(c.User(ctx, "nobody@example.com")),
		"Groups":                   second(c.Groups(ctx, nobody)),
		"Suspend":                  c.Suspend(ctx, nobody, why),
		"Deactivate":               c.Deactivate(ctx, nobody, why),
		"Activate":                 c.Activate(ctx, nobody, true, why),
		"UpdateProfile":            c.UpdateProfile(ctx, nobody, promoted(), why),
		"EndSessions":              c.EndSessions(ctx, nobody, why),
		"ResetFactors":             c.ResetFactors(ctx, nobody, why),
		"AddToGroup, group":        c.AddToGroup(ctx, "00g00000000000000000", b.id, why),
		"AddToGroup, user":         c.AddToGroup(ctx, groupID, nobody, why),
		"RemoveFromGroup, group":   c.RemoveFromGroup(ctx, "00g00000000000000000", b.id, why),
		"AssignApp, app":           c.AssignApp(ctx, "0oa00000000000000000", b.id, why),
		"UnassignApp, app":         c.UnassignApp(ctx, "0oa00000000000000000", b.id, why),
		"AssignAdminRole":          c.AssignAdminRole(ctx, nobody, "APP_ADMIN", why),
		"an id with other letters": c.Suspend(ctx, "../groups/"+groupID, why),
	} {
		if !fault.Is[*fault.NotFound](err) {
			t.Errorf("%s: %T %v", name, err, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestWhatTheStateDoesNotAllowIsAConflict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, status string
		run          func(ctx context.Context, b *testBundle) error
		tells        string
	}{
		{"suspend who is staged", oktasim.Staged, func(ctx context.Context, b *testBundle) error { return b.client.Suspend(ctx, b.id, why) }, "STAGED"},
		{"unsuspend who is deactivated", oktasim.Deprovisioned, func(ctx context.Context, b *testBundle) error { return b.client.Unsuspend(ctx, b.id, why) }, "DEPROVISIONED"},
		{"unlock who is suspended", oktasim.Suspended, func(ctx context.Context, b *testBundle) error { return b.client.Unlock(ctx, b.id, why) }, "SUSPENDED"},
		{"activate who is suspended", oktasim.Suspended, func(ctx context.Context, b *testBundle) error { return b.client.Activate(ctx, b.id, true, why) }, "SUSPENDED"},
		{"a new link for who is suspended", oktasim.Suspended, func(ctx context.Context, b *testBundle) error { return b.client.Reactivate(ctx, b.id, true, why) }, "SUSPENDED"},
		{"factors of who is deactivated", oktasim.Deprovisioned, func(ctx context.Context, b *testBundle) error { return b.client.ResetFactors(ctx, b.id, why) }, "E0000038"},
		{"profile of who is deactivated", oktasim.Deprovisioned, func(ctx context.Context, b *testBundle) error {
			return b.client.UpdateProfile(ctx, b.id, promoted(), why)
		}, "E0000038"},
		{"app for who is deactivated", oktasim.Deprovisioned, func(ctx context.Context, b *testBundle) error {
			return b.client.AssignApp(ctx, appTwo, b.id, why)
		}, "E0000117"},
		{"app that a group gives", oktasim.Active, func(ctx context.Context, b *testBundle) error {
			return b.client.UnassignApp(ctx, seed.AppID(seed.AppSalesforce), b.id, why)
		}, "E0000046"},
		{"Everyone", oktasim.Active, func(ctx context.Context, b *testBundle) error {
			return b.client.RemoveFromGroup(ctx, seed.GroupID("Everyone"), b.id, why)
		}, "E0000060"},
		{"a login that is taken", oktasim.Active, func(ctx context.Context, b *testBundle) error {
			p := newcomer
			p.Login = strings.ToUpper(login)
			return second(b.client.CreateUser(ctx, p, why))
		}, "already"},
		{"renaming to a login that is taken", oktasim.Active, func(ctx context.Context, b *testBundle) error {
			p := subjectProfile
			p.Login = seed.People()[0].Email
			return b.client.UpdateProfile(ctx, b.id, p, why)
		}, "already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, oktasim.Options{})
			must(t, b.sim.SetStatus(b.id, c.status))
			err := c.run(b.ctx(t), b)
			if !fault.Is[*fault.Conflict](err) || !strings.Contains(err.Error(), c.tells) {
				t.Fatalf("got %T: %v", err, err)
			}
		})
	}
}

func TestMembershipsThatBelongToAnAppAreDenied(t *testing.T) {
	t.Parallel()
	b := setup(t, oktasim.Options{})
	if err := b.client.AddToGroup(b.ctx(t), seed.GroupID("Domain Users"), b.id, why); !fault.Is[*fault.Denied](err) {
		t.Errorf("got %T: %v", err, err)
	}
}

func TestABadProfileNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t, oktasim.Options{})
	p := newcomer
	p.Login, p.LastName = "no address", ""
	_, err := b.client.CreateUser(b.ctx(t), p, why)
	var invalid *fault.Invalid
	if !errors.As(err, &invalid) || len(invalid.Problems) != 2 {
		t.Fatalf("got %T: %v", err, err)
	}
}

func TestActivationsAndDeactivationsUnderWay(t *testing.T) {
	t.Parallel()
	bubble(t, "a deactivation is asked for without waiting, and again", func(t *testing.T) {
		b := setup(t, oktasim.Options{DeactivationTime: time.Minute})
		for range 2 {
			must(t, b.client.Deactivate(b.ctx(t), b.id, why))
			u, err := b.client.User(b.ctx(t), b.id)
			if err != nil || u.Status != okta.Active || u.TransitioningTo != okta.Deprovisioned {
				t.Fatalf("%+v, %v", u, err)
			}
		}
		if err := b.client.Activate(b.ctx(t), b.id, true, why); !fault.Is[*fault.Unavailable](err) {
			t.Errorf("activating meanwhile: %T %v", err, err)
		}
		time.Sleep(time.Minute)
		must(t, b.client.Deactivate(b.ctx(t), b.id, why))
		if a := b.account(t); a.Status != oktasim.Deprovisioned {
			t.Errorf("the account is %s", a.Status)
		}
	})
	bubble(t, "an activation under way counts as done, and keeps the profile from being written", func(t *testing.T) {
		b := setup(t, oktasim.Options{ActivationTime: time.Minute})
		u, err := b.client.CreateUser(b.ctx(t), newcomer, why)
		must(t, err)
		for range 2 {
			must(t, b.client.Activate(b.ctx(t), u.ID, true, why))
		}
		later := newcomer
		later.Title = "Manager"
		if err := b.client.UpdateProfile(b.ctx(t), u.ID, later, why); !fault.Is[*fault.Unavailable](err) {
			t.Errorf("got %T: %v", err, err)
		}
		time.Sleep(time.Minute)
		must(t, b.client.UpdateProfile(b.ctx(t), u.ID, later, why))
	})
	bubble(t, "an activation without mail leaves its link nowhere", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		must(t, b.sim.SetStatus(b.id, oktasim.Deprovisioned))
		must(t, b.client.Activate(b.ctx(t), b.id, false, why))
		must(t, b.client.Reactivate(b.ctx(t), b.id, false, why))
		if ledger := encoded(t, b.records(t)); strings.Contains(ledger, "welcome") || strings.Contains(ledger, "activationUrl") {
			t.Errorf("the ledger has %s", ledger)
		}
	})
}

func TestAChangeOfProfileThatChangesNothingIsNotMade(t *testing.T) {
	t.Parallel()
	b := setup(t, oktasim.Options{})
	must(t, b.client.UpdateProfile(b.ctx(t), b.id, subjectProfile, why))
	if requests := b.requests(); len(requests) != 1 || len(b.records(t)) != 0 {
		t.Errorf("requests %v, records %v", requests, b.records(t))
	}
}

func TestEveryOperationIsHeldAgainstOktasDescription(t *testing.T) {
	for _, m := range all() {
		b := m.start(t)
		must(t, m.run(b.ctx(t), b))
	}
	var operations []string
	seen.Range(func(key, _ any) bool {
		operations = append(operations, key.(string))
		return true
	})
	slices.Sort(operations)
	t.Logf("held against the description:\n%s", strings.Join(operations, "\n"))
	if len(operations) < 28 {
		t.Errorf("only %d operations were called", len(operations))
	}
}

func TestCallsAreCountedByTheLimitTheyFallInto(t *testing.T) {
	t.Parallel()
	needs := okta.NewCalls().
		Add("GET", "/api/v1/users/{id}", 4).Add("GET", "/api/v1/users", 1).Add("POST", "/api/v1/users", 1).
		Add("PUT", "/api/v1/groups/{id}/users/{id}", 3).Add("POST", "/api/v1/apps/{id}/users", 0).
		Add("POST", "/api/v1/users/{id}/lifecycle/activate", 1).Add("GET", "/api/v1/users/{id}/groups", 1).Needs()
	if got := fmt.Sprint(needs); got != "[{/api/v1 2} {/api/v1/groups 3} {/api/v1/users 2} {/api/v1/users/{idOrLogin} 4}]" {
		t.Errorf("needs are %s", got)
	}
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		for _, path := range []string{
			"/api/v1/users", "/api/v1/users/x", "/api/v1/users/x/groups", "/api/v1/users/x/lifecycle/suspend", "/api/v1/groups",
			"/api/v1/groups/x", "/api/v1/groups/rules", "/api/v1/groups/rules/x", "/api/v1/groups/x/users/y", "/api/v1/apps", "/api/v1/apps/x",
			"/api/v1/apps/x/users", "/api/v1/logs", "/api/v1/api-tokens", "/api/v1/iam/assignees/users", "/oauth2/v1/token",
		} {
			if got, want := okta.BucketOf(method, path), string(oktasim.BucketOf(method, path)); got != want {
				t.Errorf("%s %s falls into %s; the simulator says %s", method, path, got, want)
			}
		}
	}
}

func TestWhoCanSignIn(t *testing.T) {
	t.Parallel()
	for status, can := range map[okta.Status]bool{
		okta.Staged: false, okta.Provisioned: true, okta.Active: true, okta.Recovery: true, okta.PasswordExpired: true,
		okta.LockedOut: false, okta.Suspended: false, okta.Deprovisioned: false, "": false,
	} {
		if status.CanSignIn() != can {
			t.Errorf("%s: %t", status, !can)
		}
	}
}
