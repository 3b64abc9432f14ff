package seed_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local/seed"
)

func TestOrg(t *testing.T) {
	t.Parallel()

	type testBundle struct {
		people map[string]seed.Person
		groups map[string]seed.Group
		apps   map[string]seed.App
	}
	setup := func(t *testing.T) *testBundle {
		t.Helper()
		b := &testBundle{map[string]seed.Person{}, map[string]seed.Group{}, map[string]seed.App{}}
		for _, p := range seed.People() {
			b.people[p.Number] = p
		}
		for _, g := range seed.Groups() {
			b.groups[g.ID] = g
		}
		for _, a := range seed.Apps() {
			b.apps[a.ID] = a
		}
		return b
	}

	t.Run("has 50 people, 25 groups and 12 apps with ids of their own", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if len(b.people) != 50 || len(b.groups) != 25 || len(b.apps) != 12 {
			t.Fatalf("people %d, groups %d, apps %d", len(b.people), len(b.groups), len(b.apps))
		}
		seen := map[string]string{}
		unique := func(id, owner string) {
			if other, ok := seen[id]; ok {
				t.Errorf("%s and %s share %s", other, owner, id)
			}
			seen[id] = owner
		}
		for number, p := range b.people {
			unique(p.OktaID, number)
			unique(p.SysID, number)
			unique(p.Email, number)
		}
	})

	t.Run("gives ids the shape that Okta and ServiceNow give them", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		user, sys := regexp.MustCompile(`^00u[0-9A-Za-z]{17}$`), regexp.MustCompile(`^[0-9a-f]{32}$`)
		mail := regexp.MustCompile(`^[a-z0-9.-]+@example\.com$`)
		for _, p := range b.people {
			if !user.MatchString(p.OktaID) || !sys.MatchString(p.SysID) || !mail.MatchString(p.Email) {
				t.Errorf("%s: %q %q %q", p.Number, p.OktaID, p.SysID, p.Email)
			}
			if _, err := time.LoadLocation(p.TimeZone); err != nil || p.TimeZone == "" {
				t.Errorf("%s: time zone %q: %v", p.Number, p.TimeZone, err)
			}
		}
		for id := range b.groups {
			if !regexp.MustCompile(`^00g[0-9A-Za-z]{17}$`).MatchString(id) {
				t.Errorf("group id %q", id)
			}
		}
	})

	t.Run("refers only to people, groups and apps that exist", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		for _, p := range b.people {
			if _, ok := b.people[p.ManagerNumber]; !ok && p.ManagerNumber != "" {
				t.Errorf("%s: manager %s is nobody", p.Number, p.ManagerNumber)
			}
			held := map[string]bool{}
			for _, id := range p.Groups {
				if _, ok := b.groups[id]; !ok || held[id] {
					t.Errorf("%s: group %s unknown or twice", p.Number, id)
				}
				held[id] = true
			}
			for _, id := range p.DirectApps {
				if _, ok := b.apps[id]; !ok {
					t.Errorf("%s: app %s unknown", p.Number, id)
				}
			}
		}
		for _, g := range b.groups {
			for _, id := range g.Apps {
				if _, ok := b.apps[id]; !ok {
					t.Errorf("%s: app %s unknown", g.Name, id)
				}
			}
		}
	})

	t.Run("is the same on every call and cannot be changed by a caller", func(t *testing.T) {
		t.Parallel()
		before := seed.People()
		changed := seed.People()
		for i := range changed {
			clear(changed[i].Groups)
			clear(changed[i].AdminRoles)
		}
		if diff := cmp.Diff(before, seed.People()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(seed.Groups(), seed.Groups()); diff != "" {
			t.Error(diff)
		}
	})
}
