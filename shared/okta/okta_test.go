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

func TestFindingPeople(t *testing.T) {
	t.Parallel()
	bubble(t, "search lags, reading by login and by id does not", func(t *testing.T) {
		b := setup(t, oktasim.Options{SearchLag: time.Minute})
		if users, err := b.client.UsersByEmail(b.ctx(t), login); err != nil || len(users) != 1 {
			t.Errorf("%d users, %v", len(users), err)
		}
		time.Sleep(time.Minute)
		must(t, b.sim.SetStatus(b.id, oktasim.Suspended))
		users, err := b.client.UsersByEmployeeNumber(b.ctx(t), number)
		if err != nil || len(users) != 1 || users[0].Status != okta.Suspended {
			t.Errorf("%+v, %v", users, err)
		}
		must(t, b.sim.EditProfile(b.id, map[string]any{"employeeNumber": "other"}))
		if users, err := b.client.UsersByEmployeeNumber(b.ctx(t), number); err != nil || len(users) != 0 {
			t.Errorf("search still shows the old number: %d users, %v", len(users), err)
		}
		must(t, b.sim.DeleteUser(b.id))
		if users, err := b.client.UsersByEmail(b.ctx(t), login); err != nil || len(users) != 0 {
			t.Errorf("search still shows who was deleted: %d users, %v", len(users), err)
		}
	})
	bubble(t, "former employees are found, and several with one number", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		must(t, b.sim.SetStatus(b.id, oktasim.Deprovisioned))
		_, err := b.sim.CreateUser(map[string]any{"login": "z2@example.com", "email": login, "firstName": "Z", "lastName": "Q", "employeeNumber": strings.ToLower(number)}, oktasim.Active)
		must(t, err)
		for name, find := range map[string]func() ([]okta.User, error){
			"number": func() ([]okta.User, error) { return b.client.UsersByEmployeeNumber(b.ctx(t), number) },
			"email":  func() ([]okta.User, error) { return b.client.UsersByEmail(b.ctx(t), strings.ToUpper(login)) },
		} {
			users, err := find()
			if err != nil || len(users) != 2 {
				t.Errorf("by %s: %d users, %v", name, len(users), err)
			}
		}
	})
	t.Run("a value is never part of the search's language", func(t *testing.T) {
		t.Parallel()
		b := setup(t, oktasim.Options{})
		for _, value := range []string{`" or status eq "ACTIVE`, `\`, `x" or profile.login pr or profile.login eq "`, `a\" or status eq \"ACTIVE`} {
			if users, err := b.client.UsersByEmployeeNumber(b.ctx(t), value); err != nil || len(users) != 0 {
				t.Errorf("%q finds %d users, %v", value, len(users), err)
			}
		}
	})
	t.Run("nothing finds nobody", func(t *testing.T) {
		t.Parallel()
		b := setup(t, oktasim.Options{})
		for _, err := range []error{
			second(b.client.User(b.ctx(t), "")), second(b.client.UsersByEmail(b.ctx(t), "")), second(b.client.UsersByEmployeeNumber(b.ctx(t), "")),
		} {
			if !fault.Is[*fault.Invalid](err) {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("the short form of a login is nobody's", func(t *testing.T) {
		t.Parallel()
		b := setup(t, oktasim.Options{}, func(o *okta.Options) { o.Transport = shortForm{o.Transport} })
		if _, err := b.client.User(b.ctx(t), "zebediah.quackenbush"); !fault.Is[*fault.NotFound](err) {
			t.Errorf("got %v", err)
		}
	})
}

// shortForm is an Okta that takes the short form of a login.
type shortForm struct{ next http.RoundTripper }

func (s shortForm) RoundTrip(r *http.Request) (*http.Response, error) {
	r.URL.Path = strings.Replace(r.URL.Path, "/zebediah.quackenbush", "/"+login, 1)
	r.URL.RawPath = ""
	return s.next.RoundTrip(r)
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	t.Run("more apps than a page", func(t *testing.T) {
		t.Parallel()
		many := &oktasim.Seed{People: seed.People(), Groups: seed.Groups(), Apps: seed.Apps()}
		for i := range 450 {
			label := fmt.Sprint("App ", i)
			many.Apps = append(many.Apps, seed.App{ID: seed.AppID(label), Label: label, Name: "bookmark"})
		}
		b := setup(t, oktasim.Options{Seed: many})
		for i := range 450 {
			must(t, b.sim.AssignApp(seed.AppID(fmt.Sprint("App ", i)), b.id))
		}
		assigned, err := b.client.Assignments(b.ctx(t), b.id)
		must(t, err)
		direct := 0
		for _, a := range assigned {
			if a.Scope == okta.ScopeUser && a.Label != "" {
				direct++
			}
		}
		if direct != 451 || len(assigned) != 452 {
			t.Errorf("%d assignments, %d direct", len(assigned), direct)
		}
	})
	t.Run("more administrators than a page", func(t *testing.T) {
		t.Parallel()
		b := setup(t, oktasim.Options{})
		for i := range 130 {
			name := fmt.Sprintf("admin%d@example.com", i)
			id, err := b.sim.CreateUser(map[string]any{"login": name, "email": name, "firstName": "A", "lastName": "B"}, oktasim.Active)
			must(t, err)
			_, err = b.sim.GiveRole(id, okta.SuperAdmin)
			must(t, err)
			if i == 0 {
				must(t, b.sim.SetStatus(id, oktasim.Suspended))
			}
		}
		admins, err := b.client.SuperAdmins(b.ctx(t))
		must(t, err)
		if len(admins) < 129 || len(admins) > 135 {
			t.Errorf("%d super administrators", len(admins))
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

func TestTheLedgerAndErrorsCarryNothingPersonal(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, failure := range []*oktasim.Fault{
		nil, {Status: 403}, {Status: 404, Code: "E0000007"}, {Status: 400, Code: "E0000001"}, {Status: 503}, {Status: 429}, {Reset: true},
	} {
		for _, m := range all() {
			bubble(t, fmt.Sprint(m.name, failure), func(t *testing.T) {
				b := m.start(t)
				if failure != nil {
					b.sim.Fault(func(*http.Request, int) *oktasim.Fault { return failure })
				}
				err := m.run(b.ctx(t), b)
				_, missing := b.client.User(b.ctx(t), "another."+login)
				p := promoted()
				p.Login = seed.People()[0].Email
				taken := b.client.UpdateProfile(b.ctx(t), b.id, p, why)
				texts := append(texts, encoded(t, b.records(t)), fmt.Sprint(err), fmt.Sprint(missing), fmt.Sprint(taken))
				for _, text := range texts {
					for _, personal := range []string{firstName, "zebediah", lastName, "quackenbush", number, "example.com", "%40", newcomer.EmployeeNumber, "Clerk", "Head of"} {
						if strings.Contains(text, personal) {
							t.Errorf("%q stands in %s", personal, text)
						}
					}
				}
			})
		}
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
