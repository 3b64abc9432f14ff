package oktasim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifecycle/shared/local/seed"
)

// TestWhatHoldsAfterAnything changes an org at random, through the API and in
// the console, and then looks whether it contradicts itself.
func TestWhatHoldsAfterAnything(t *testing.T) {
	t.Parallel()
	// Few people and groups, so that changes meet.
	var people []seed.Person
	for _, p := range seed.People() {
		if slices.Contains([]string{"E1002", "E1012", "E1013", "E1044", seed.NumberSuperAdmin, seed.NumberFormer, seed.NumberService}, p.Number) {
			people = append(people, p)
		}
	}
	groupIDs := []string{
		seed.GroupID("GitHub Engineers"), seed.GroupID("AWS Developers"), seed.GroupID("AWS Production Operators"),
		seed.GroupID("Location Berlin"), seed.GroupID("Domain Users"), seed.GroupID("Everyone"), seed.GroupID("Contractors"),
	}
	appIDs := []string{seed.AppID(seed.AppGitHub), seed.AppID(seed.AppAWS), seed.AppID(seed.AppJira), seed.AppID(seed.AppGoogle)}

	rapid.Check(t, func(t *rapid.T) {
		s := New(Options{
			Seed:           &Seed{People: people, Groups: seed.Groups(), Apps: seed.Apps()},
			RuleExceptions: rapid.Bool().Draw(t, "exceptions"),
		})
		send := func(method, path string, body any) {
			encoded, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequest(method, "https://example.okta.com"+path, bytes.NewReader(encoded))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "SSWS "+DefaultToken)
			answer, err := s.Transport().RoundTrip(r)
			if err != nil || answer.StatusCode >= 500 && answer.StatusCode != http.StatusNotImplemented || answer.StatusCode == http.StatusUnauthorized {
				t.Fatalf("%s %s: %v, %v", method, path, answer, err)
			}
		}
		user := func() string { return rapid.SampledFrom(people[:len(people)-1]).Draw(t, "user").OktaID } // never the caller itself
		group := func() string { return rapid.SampledFrom(groupIDs).Draw(t, "group") }
		app := func() string { return rapid.SampledFrom(appIDs).Draw(t, "app") }
		t.Repeat(map[string]func(*rapid.T){
			"lifecycle": func(t *rapid.T) {
				op := rapid.SampledFrom([]string{"activate?sendEmail=true", "deactivate", "suspend", "unsuspend", "reset_password?sendEmail=true"}).Draw(t, "operation")
				send("POST", "/api/v1/users/"+user()+"/lifecycle/"+op, nil)
			},
			"join":     func(*rapid.T) { send("PUT", "/api/v1/groups/"+group()+"/users/"+user(), nil) },
			"leave":    func(*rapid.T) { send("DELETE", "/api/v1/groups/"+group()+"/users/"+user(), nil) },
			"import":   func(*rapid.T) { _ = s.AddMember(group(), user()) },
			"assign":   func(*rapid.T) { send("POST", "/api/v1/apps/"+app()+"/users", map[string]any{"id": user()}) },
			"unassign": func(*rapid.T) { send("DELETE", "/api/v1/apps/"+app()+"/users/"+user(), nil) },
			"move": func(t *rapid.T) {
				city := rapid.SampledFrom([]string{"Berlin", "London", "Tokyo"}).Draw(t, "city")
				send("POST", "/api/v1/users/"+user(), map[string]any{"profile": map[string]any{"city": city}})
			},
			"rename": func(t *rapid.T) {
				login := rapid.SampledFrom([]string{"a@example.com", "b@example.com"}).Draw(t, "login")
				send("POST", "/api/v1/users/"+user(), map[string]any{"profile": map[string]any{"login": login, "employeeNumber": login}})
			},
			"token": func(*rapid.T) { _, _, _ = s.CreateAPIToken(user(), "script") },
			"delete": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") == 0 {
					send("DELETE", "/api/v1/users/"+user(), nil)
				}
			},
			"": func(t *rapid.T) { contradictions(t, s) },
		})
	})
}

func contradictions(t *rapid.T, s *Sim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	memberships, assignments := 0, 0
	for u := range s.org.users.all() {
		memberships, assignments = memberships+len(u.members), assignments+len(u.appUsers)
		if s.org.userByID[u.id] != u || s.org.byLogin[strings.ToLower(text(u.profile, "login"))] != u {
			t.Fatalf("%s cannot be found", u.id)
		}
		if !slices.Contains(s.org.byNumber[strings.ToLower(text(u.profile, "employeeNumber"))], u) {
			t.Fatalf("%s is not filed under their number", u.id)
		}
		for a := range s.org.apps.all() {
			appsHold(t, s, u, a)
		}
		for r := range s.org.rules.all() {
			m := u.memberOf(r.group)
			if u.status != Deprovisioned && r.holds(u) != (m != nil && m.rule == r) {
				t.Fatalf("rule %s holds for %s: %v, member: %+v", r.name, u.id, r.holds(u), m)
			}
			if m != nil && !m.hand && m.rule == nil {
				t.Fatalf("%s is in %s for no reason", u.id, r.name)
			}
		}
		if u.status == Deprovisioned && (len(s.tokensOf(u, time.Now())) > 0 || len(u.sessions) > 0 || u.password) {
			t.Fatalf("%s is deactivated and can still act", u.id)
		}
	}
	rosters := 0
	for g := range s.org.groups.all() {
		rosters += g.roster.len()
	}
	for a := range s.org.apps.all() {
		rosters += a.roster.len()
	}
	if rosters != memberships+assignments {
		t.Fatalf("%d on the lists of groups and apps, %d on those of people", rosters, memberships+assignments)
	}
	if s.org.users.len() != len(s.org.userByID) || len(s.org.byLogin) != len(s.org.userByID) {
		t.Fatalf("%d people, %d ids, %d logins", s.org.users.len(), len(s.org.userByID), len(s.org.byLogin))
	}
}

func appsHold(t *rapid.T, s *Sim, u *user, a *app) {
	through := 0
	for _, g := range s.groupsOf(u) {
		if slices.Contains(g.apps, a) {
			through++
		}
	}
	au := u.assignment(a)
	switch {
	case u.status == Deprovisioned && au != nil:
		t.Fatalf("%s is deactivated and has %s", u.id, a.label)
	case u.status == Deprovisioned:
	case (through > 0 || au != nil && au.direct) != (au != nil):
		t.Fatalf("%s has %s: %v, through %d groups", u.id, a.label, au != nil, through)
	case au != nil && au.groups != through:
		t.Fatalf("%s has %s through %d groups, the count says %d", u.id, a.label, through, au.groups)
	}
}
