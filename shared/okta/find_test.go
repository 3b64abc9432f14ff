package okta_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/okta"
)

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
		before, err := b.client.SuperAdmins(b.ctx(t))
		must(t, err)
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
		after, err := b.client.SuperAdmins(b.ctx(t))
		must(t, err)
		if got := len(after) - len(before); got != 129 { // the suspended one cannot act
			t.Errorf("%d more super administrators", got)
		}
	})
}
