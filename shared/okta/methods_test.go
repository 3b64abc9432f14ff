package okta_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/okta"
)

// method is one method of the client, with the account in the state it is for.
type method struct {
	name string
	// verb is what the ledger calls it; empty for a read.
	verb string
	// once says that it is never repeated in place.
	once    bool
	prepare func(b *testBundle) error
	run     func(ctx context.Context, b *testBundle) error
	// check looks, for a write, at what the org holds after it.
	check func(b *testBundle, a oktasim.Account) error
}

var newcomer = okta.Profile{
	Login: "new.comer@example.com", Email: "new.comer@example.com", FirstName: "New", LastName: "Comer",
	EmployeeNumber: "E9999", EmployeeType: "employee", Department: "Sales", Title: "Clerk", Location: "Berlin",
	ManagerID: "E1001", TimeZone: "Europe/Berlin",
}

func status(want string) func(*testBundle, oktasim.Account) error {
	return func(_ *testBundle, a oktasim.Account) error {
		if a.Status != want {
			return fmt.Errorf("the account is %s", a.Status)
		}
		return nil
	}
}

func set(status string) func(*testBundle) error {
	return func(b *testBundle) error { return b.sim.SetStatus(b.id, status) }
}

func holds(what string, is func(a oktasim.Account) bool) func(*testBundle, oktasim.Account) error {
	return func(_ *testBundle, a oktasim.Account) error {
		if !is(a) {
			return fmt.Errorf("not so: %s (%+v)", what, a)
		}
		return nil
	}
}

// equal makes a read's answer an error unless it is as wanted.
func equal(want, got any, err error) error {
	if err != nil {
		return err
	}
	if d := cmp.Diff(want, got); d != "" {
		return fmt.Errorf("not as wanted (-want +got):\n%s", d)
	}
	return nil
}

var subjectProfile = okta.Profile{
	Login: login, Email: login, FirstName: firstName, LastName: lastName, EmployeeNumber: number, EmployeeType: "employee",
	Department: "Sales", Title: "Clerk", Location: "Berlin", ManagerID: "E1001", TimeZone: "Europe/Berlin",
}

func promoted() okta.Profile {
	p := subjectProfile
	p.Title, p.Department, p.TimeZone = "Head of Sales", "Field Sales", ""
	return p
}

// writes are all methods that change something.
func writes() []method {
	return []method{
		{
			name: "CreateUser", verb: "user.create", once: true,
			run: func(ctx context.Context, b *testBundle) error {
				u, err := b.client.CreateUser(ctx, newcomer, why)
				return equal([]any{okta.Staged, newcomer}, []any{u.Status, u.Profile}, err)
			},
			check: func(b *testBundle, _ oktasim.Account) error {
				n := 0
				for _, a := range b.sim.Accounts() {
					if a.Login == newcomer.Login {
						n++
					}
				}
				return equal(1, n, nil)
			},
		},
		{
			name: "UpdateProfile", verb: "user.update_profile",
			run: func(ctx context.Context, b *testBundle) error {
				return b.client.UpdateProfile(ctx, b.id, promoted(), why)
			},
			check: func(_ *testBundle, a oktasim.Account) error {
				_, zone := a.Profile["timezone"]
				return equal([]any{"Head of Sales", "Field Sales", false}, []any{a.Profile["title"], a.Profile["department"], zone}, nil)
			},
		},
		{
			name: "Activate", verb: "user.activate",
			prepare: func(b *testBundle) (err error) {
				b.id, err = b.sim.CreateUser(map[string]any{"login": "s@example.com", "email": "s@example.com", "firstName": "S", "lastName": "T"}, oktasim.Staged)
				return err
			},
			run: func(ctx context.Context, b *testBundle) error { return b.client.Activate(ctx, b.id, true, why) },
			check: func(b *testBundle, a oktasim.Account) error {
				return equal([]any{oktasim.Provisioned, 1}, []any{a.Status, len(b.sim.Mailbox())}, nil)
			},
		},
		{
			name: "Reactivate", verb: "user.reactivate", once: true, prepare: set(oktasim.Provisioned),
			run:   func(ctx context.Context, b *testBundle) error { return b.client.Reactivate(ctx, b.id, true, why) },
			check: status(oktasim.Provisioned),
		},
		{
			name: "Deactivate", verb: "user.deactivate",
			run:   func(ctx context.Context, b *testBundle) error { return b.client.Deactivate(ctx, b.id, why) },
			check: status(oktasim.Deprovisioned),
		},
		{
			name: "Suspend", verb: "user.suspend",
			run:   func(ctx context.Context, b *testBundle) error { return b.client.Suspend(ctx, b.id, why) },
			check: status(oktasim.Suspended),
		},
		{
			name: "Unsuspend", verb: "user.unsuspend", prepare: set(oktasim.Suspended),
			run:   func(ctx context.Context, b *testBundle) error { return b.client.Unsuspend(ctx, b.id, why) },
			check: status(oktasim.Active),
		},
		{
			name: "Unlock", verb: "user.unlock", prepare: func(b *testBundle) error { return b.sim.LockOut(b.id) },
			run:   func(ctx context.Context, b *testBundle) error { return b.client.Unlock(ctx, b.id, why) },
			check: status(oktasim.Active),
		},
		{
			name: "EndSessions", verb: "session.clear",
			run: func(ctx context.Context, b *testBundle) error { return b.client.EndSessions(ctx, b.id, why) },
			check: holds("no sessions, tokens, remembered devices", func(a oktasim.Account) bool {
				return a.Sessions == 0 && a.RefreshTokens == 0 && a.Devices == 0
			}),
		},
		{
			name: "RevokeGrants", verb: "grant.revoke",
			run:   func(ctx context.Context, b *testBundle) error { return b.client.RevokeGrants(ctx, b.id, why) },
			check: holds("no consents", func(a oktasim.Account) bool { return len(a.Grants) == 0 }),
		},
		{
			name: "RevokeAPIToken", verb: "api_token.revoke",
			run: func(ctx context.Context, b *testBundle) error {
				return b.client.RevokeAPIToken(ctx, b.token, b.id, why)
			},
			check: holds("no API tokens", func(a oktasim.Account) bool { return len(a.APITokens) == 0 }),
		},
		{
			name: "RemoveAdminRole", verb: "admin_role.remove",
			run: func(ctx context.Context, b *testBundle) error {
				return b.client.RemoveAdminRole(ctx, b.id, b.roleID, why)
			},
			check: holds("no roles", func(a oktasim.Account) bool { return len(a.Roles) == 0 }),
		},
		{
			name: "AssignAdminRole", verb: "admin_role.assign",
			run: func(ctx context.Context, b *testBundle) error {
				return b.client.AssignAdminRole(ctx, b.id, "APP_ADMIN", why)
			},
			check: holds("one APP_ADMIN", func(a oktasim.Account) bool {
				return len(a.Roles) == 2 && slices.ContainsFunc(a.Roles, func(r oktasim.AdminRole) bool { return r.Type == "APP_ADMIN" })
			}),
		},
		{
			name: "ResetFactors", verb: "factor.reset_all",
			run:   func(ctx context.Context, b *testBundle) error { return b.client.ResetFactors(ctx, b.id, why) },
			check: holds("no factors", func(a oktasim.Account) bool { return len(a.Factors) == 0 }),
		},
		{
			name: "ResetPassword", verb: "user.reset_password", once: true,
			prepare: func(b *testBundle) (err error) {
				b.before, err = b.client.User(context.Background(), b.id)
				return err
			},
			run: func(ctx context.Context, b *testBundle) error { return b.client.ResetPassword(ctx, b.before, why) },
			check: func(b *testBundle, a oktasim.Account) error {
				return equal([]any{oktasim.Recovery, 1}, []any{a.Status, len(b.sim.Mailbox())}, nil)
			},
		},
		{
			name: "Unenroll", verb: "factor.unenroll",
			run: func(ctx context.Context, b *testBundle) error {
				return b.client.Unenroll(ctx, b.id, okta.Factor{ID: b.factor, Type: oktasim.FactorPush}, why)
			},
			check: holds("no factors", func(a oktasim.Account) bool { return len(a.Factors) == 0 }),
		},
		{
			name: "AddToGroup", verb: "group.add",
			run: func(ctx context.Context, b *testBundle) error {
				return b.client.AddToGroup(ctx, otherID, b.id, why)
			},
			check: holds("member", func(a oktasim.Account) bool { return a.In(otherID) }),
		},
		{
			name: "RemoveFromGroup", verb: "group.remove",
			run: func(ctx context.Context, b *testBundle) error {
				return b.client.RemoveFromGroup(ctx, groupID, b.id, why)
			},
			check: holds("no member", func(a oktasim.Account) bool { return !a.In(groupID) }),
		},
		{
			name: "AssignApp", verb: "app.assign",
			run:   func(ctx context.Context, b *testBundle) error { return b.client.AssignApp(ctx, appTwo, b.id, why) },
			check: holds("assigned", func(a oktasim.Account) bool { return a.Has(appTwo) }),
		},
		{
			name: "UnassignApp", verb: "app.unassign",
			run:   func(ctx context.Context, b *testBundle) error { return b.client.UnassignApp(ctx, appID, b.id, why) },
			check: holds("not assigned", func(a oktasim.Account) bool { return !a.Has(appID) }),
		},
	}
}

// reads are all methods that change nothing.
func reads() []method {
	everyone := okta.Group{ID: seed.GroupID("Everyone"), Name: "Everyone", Type: okta.GroupTypeBuiltIn}
	sales := okta.Group{ID: groupID, Name: "Salesforce Users", Type: okta.GroupTypeOkta}
	berlin := okta.Group{ID: seed.GroupID("Location Berlin"), Name: "Location Berlin", Type: okta.GroupTypeOkta}
	profiles := func(users []okta.User) []okta.Profile {
		all := make([]okta.Profile, 0, len(users))
		for _, u := range users {
			all = append(all, u.Profile)
		}
		return all
	}
	byID := func(groups []okta.Group) map[string]okta.Group {
		all := map[string]okta.Group{}
		for _, g := range groups {
			all[g.ID] = g
		}
		return all
	}
	return []method{
		{name: "User by id", run: func(ctx context.Context, b *testBundle) error {
			u, err := b.client.User(ctx, b.id)
			return equal([]any{b.id, okta.Active, okta.Status(""), subjectProfile}, []any{u.ID, u.Status, u.TransitioningTo, u.Profile}, err)
		}},
		{name: "User by login", run: func(ctx context.Context, b *testBundle) error {
			u, err := b.client.User(ctx, login)
			return equal([]any{b.id, false, false}, []any{u.ID, u.Created.IsZero(), u.LastLogin.IsZero()}, err)
		}},
		{name: "UsersByEmail", run: func(ctx context.Context, b *testBundle) error {
			users, err := b.client.UsersByEmail(ctx, login)
			return equal([]okta.Profile{subjectProfile}, profiles(users), err)
		}},
		{name: "UsersByEmployeeNumber", run: func(ctx context.Context, b *testBundle) error {
			users, err := b.client.UsersByEmployeeNumber(ctx, number)
			return equal([]okta.Profile{subjectProfile}, profiles(users), err)
		}},
		{name: "Groups", run: func(ctx context.Context, b *testBundle) error {
			groups, err := b.client.Groups(ctx, b.id)
			return equal(byID([]okta.Group{everyone, sales, berlin}), byID(groups), err)
		}},
		{name: "Assignments", run: func(ctx context.Context, b *testBundle) error {
			assigned, err := b.client.Assignments(ctx, b.id)
			slices.SortFunc(assigned, func(a, b okta.Assignment) int { return len(a.Label) - len(b.Label) })
			return equal([]okta.Assignment{
				{AppID: appID, Label: seed.AppPagerDuty, Scope: okta.ScopeUser},
				{AppID: seed.AppID(seed.AppSalesforce), Label: seed.AppSalesforce, Scope: okta.ScopeGroup},
			}, assigned, err)
		}},
		{name: "AppLinks", run: func(ctx context.Context, b *testBundle) error {
			links, err := b.client.AppLinks(ctx, b.id)
			slices.SortFunc(links, func(a, b okta.AppLink) int { return len(a.Label) - len(b.Label) })
			return equal([]okta.AppLink{{appID, seed.AppPagerDuty}, {seed.AppID(seed.AppSalesforce), seed.AppSalesforce}}, links, err)
		}},
		{name: "HasApp", run: func(ctx context.Context, b *testBundle) error {
			has, err := b.client.HasApp(ctx, appID, b.id)
			return equal(true, has, err)
		}},
		{name: "HasApp, which is not so", run: func(ctx context.Context, b *testBundle) error {
			has, err := b.client.HasApp(ctx, appTwo, b.id)
			return equal(false, has, err)
		}},
		{name: "AdminRoles", run: func(ctx context.Context, b *testBundle) error {
			roles, err := b.client.AdminRoles(ctx, b.id)
			return equal([]okta.Role{{ID: b.roleID, Type: "HELP_DESK_ADMIN", Label: "Help Desk Administrator", AssignmentType: "USER"}}, roles, err)
		}},
		{name: "APITokens", run: func(ctx context.Context, b *testBundle) error {
			tokens, err := b.client.APITokens(ctx, b.id)
			return equal([]okta.APIToken{{ID: b.token, Name: "report script"}}, tokens, err)
		}},
		{name: "Factors", run: func(ctx context.Context, b *testBundle) error {
			factors, err := b.client.Factors(ctx, b.id)
			return equal([]any{1, oktasim.FactorPush}, []any{len(factors), append(factors, okta.Factor{})[0].Type}, err)
		}},
		{name: "Logs", run: func(ctx context.Context, b *testBundle) error {
			events, err := b.client.Logs(ctx, okta.LogQuery{
				Since: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Second), Filter: okta.LogFilter(b.id, "user.mfa.factor.activate", "user.session.start"), Newest: true,
			})
			seen := make([]string, 0, len(events))
			for _, e := range events {
				seen = append(seen, e.Type+" "+e.Outcome.Result+" "+e.Targets[0].ID)
			}
			return equal([]string{"user.mfa.factor.activate SUCCESS " + b.id, "user.session.start SUCCESS " + b.id}, seen, err)
		}},
		{name: "GroupRules", run: func(ctx context.Context, b *testBundle) error {
			rules, err := b.client.GroupRules(ctx)
			at := slices.IndexFunc(rules, func(r okta.GroupRule) bool { return slices.Equal(r.GroupIDs, []string{berlin.ID}) })
			if err == nil && (at < 0 || !rules[at].Active() || rules[at].Name == "") {
				return fmt.Errorf("the rule of %s is not among %+v", berlin.Name, rules)
			}
			return err
		}},
		{name: "OwnedGroups", run: func(ctx context.Context, b *testBundle) error {
			owned, err := b.client.OwnedGroups(ctx, b.id, []okta.Group{everyone, berlin, sales})
			return equal([]okta.Group{sales}, owned, err)
		}},
		{name: "SuperAdmins", run: func(ctx context.Context, b *testBundle) error {
			admins, err := b.client.SuperAdmins(ctx)
			if err == nil && (len(admins) == 0 || slices.Contains(admins, b.id)) {
				return fmt.Errorf("super administrators are %v", admins)
			}
			return err
		}},
	}
}

func all() []method { return slices.Concat(reads(), writes()) }

// start sets up an org in which the method has something to do.
func (m method) start(t testing.TB) *testBundle {
	t.Helper()
	b := setup(t, oktasim.Options{})
	if m.prepare != nil {
		must(t, m.prepare(b))
	}
	return b
}
