package oktasim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"lifecycle/shared/local/seed"
)

// age is how long the seeded org has existed when it is made.
const age = 400 * 24 * time.Hour

// outside is a call that does not come through the API: it counts nowhere.
func (s *Sim) outside(now time.Time, by actor) *call {
	base := s.options.URL
	if base == "" {
		base = "https://example.okta.com"
	}
	r := &http.Request{Method: http.MethodPost, Header: http.Header{}, URL: &url.URL{Path: "/"}}
	return &call{request: r, base: base, id: s.org.newID("req"), began: now, now: now, actor: by}
}

// plant fills the org. Nothing of it shows in the System Log.
func (s *Sim) plant(from Seed) {
	now := time.Now()
	c := s.outside(now.Add(-age), system)
	c.quiet = true
	s.plantApps(c, from.Apps)
	rules := s.plantGroups(c, from.Groups)
	for _, r := range rules {
		s.org.rules.add(r.seq, r)
	}
	for _, p := range from.People {
		s.plantPerson(c, p)
	}
	if s.org.userByID[seed.PersonOktaID(seed.NumberService)] == nil {
		s.plantServiceAccount(c)
	}
	c.now = now
	s.issue(c, s.org.userByID[seed.PersonOktaID(seed.NumberService)], "ServiceNow integration", s.options.Token)
	if !s.options.Bare {
		s.furnish(c)
	}
}

func (s *Sim) plantApps(c *call, apps []seed.App) {
	for _, from := range apps {
		a := &app{seq: s.org.next(), id: from.ID, label: from.Label, name: from.Name, created: c.now, updated: c.now}
		s.org.apps.add(a.seq, a)
		s.org.appID[a.id] = a
	}
}

func (s *Sim) plantGroups(c *call, groups []seed.Group) []*rule {
	var rules []*rule
	for _, from := range groups {
		g := &group{
			seq: s.org.next(), id: from.ID, name: from.Name, description: from.Description, kind: from.Type,
			source: s.org.appID[from.Source], created: c.now, updated: c.now, membersUpdated: c.now,
		}
		for _, id := range from.Apps {
			a := s.org.appID[id]
			if a == nil {
				panic(fmt.Sprintf("oktasim: group %q carries app %s, which does not exist", from.Name, id))
			}
			g.apps, a.groups = append(g.apps, a), append(a.groups, g)
		}
		s.org.groups.add(g.seq, g)
		s.org.groupID[g.id] = g
		if g.kind == builtIn {
			s.org.everyone = g
		}
		if from.Rule != "" {
			r, err := s.newRule(g, from.Rule, c.now)
			if err != nil {
				panic("oktasim: " + err.Error())
			}
			rules = append(rules, r)
		}
	}
	return rules
}

// plantPerson files somebody who has been there all along.
func (s *Sim) plantPerson(c *call, p seed.Person) {
	u := s.addUser(c, p.OktaID, personProfile(p))
	u.status, u.activated, u.statusChanged = p.OktaStatus, c.now, c.now
	if u.status == "" {
		u.status = Active
	}
	if u.status != Deprovisioned {
		u.password, u.passwordChanged = true, c.now
	}
	for _, id := range p.Groups {
		g := s.org.groupID[id]
		switch {
		case g == nil:
			panic(fmt.Sprintf("oktasim: %s is in group %s, which does not exist", p.Number, id))
		case g != s.org.everyone && !s.ruled(g):
			s.join(c, g, u, true, nil)
		}
	}
	s.evaluateRules(c, u)
	for r := range s.org.rules.all() {
		if slices.Contains(p.Groups, r.group.id) != (u.memberOf(r.group) != nil) {
			panic(fmt.Sprintf("oktasim: the rule of group %q and the groups of %s contradict each other", r.group.name, p.Number))
		}
	}
	for _, id := range p.DirectApps {
		s.assignDirectly(c, s.org.appID[id], u)
	}
	for _, kind := range p.AdminRoles {
		if _, refusal := s.giveRole(c, u, kind); refusal != nil {
			panic(fmt.Sprintf("oktasim: role %s of %s: %s", kind, p.Number, refusal))
		}
	}
	s.showNow(u)
}

func (s *Sim) ruled(g *group) bool {
	for r := range s.org.rules.all() {
		if r.group == g {
			return true
		}
	}
	return false
}

// personProfile keeps the location in city, the default profile having no
// "location", and the manager's employee number in managerId.
func personProfile(p seed.Person) map[string]any {
	profile := make(map[string]any, 12)
	for name, value := range map[string]string{
		"login": p.Email, "email": p.Email, "firstName": p.First, "lastName": p.Last, "employeeNumber": p.Number,
		"userType": p.EmployeeType, "department": p.Department, "title": p.Title, "city": p.Location,
		"managerId": p.ManagerNumber, "timezone": p.TimeZone,
	} {
		if value != "" {
			profile[name] = value
		}
	}
	return profile
}

// plantServiceAccount adds the owner of the integration's token to an org whose
// seed lacks it.
func (s *Sim) plantServiceAccount(c *call) {
	for _, p := range seed.People() {
		if p.Number == seed.NumberService {
			p.Groups, p.DirectApps = nil, nil
			for r := range s.org.rules.all() {
				if r.holds(&user{record: record{profile: personProfile(p)}}) {
					p.Groups = append(p.Groups, r.group.id)
				}
			}
			s.plantPerson(c, p)
		}
	}
}

// furnish gives people what they collect over time: factors, sessions,
// remembered devices, consents, refresh tokens; some own groups and API tokens.
func (s *Sim) furnish(c *call) {
	// Factors were enrolled in the first days: a fresh one would be news.
	early := c.as(c.actor, c.now.Add(-age))
	for u := range s.org.users.all() {
		if u.status == Deprovisioned || text(u.profile, "userType") == "service" {
			continue
		}
		s.enrol(early, u, FactorPush)
		s.enrol(early, u, FactorTOTP)
		if text(u.profile, "department") == "Security" {
			s.enrol(early, u, FactorWebAuthn)
		}
		if u.status == Active {
			s.startSession(c, u)
			u.devices = 1
		}
		for _, au := range u.assignments() {
			if slices.Contains([]string{seed.AppSlack, seed.AppZoom}, au.app.label) {
				s.consent(c, u, au.app, "openid", "profile", "offline_access")
			}
		}
		s.showNow(u)
	}
	for _, token := range []struct{ number, name string }{
		{seed.NumberSuperAdmin, "Nightly directory export"}, {seed.NumberHelpDesk, "Help desk scripts"},
	} {
		if u := s.org.userByID[seed.PersonOktaID(token.number)]; u != nil {
			s.issue(c, u, token.name, s.org.newID("00secret-"))
		}
	}
	for _, owned := range []struct{ group, number string }{
		{"GitHub Engineers", "E1010"}, {"AWS Production Operators", "E1007"}, {"NetSuite Accountants", "E1004"},
	} {
		g, u := s.org.groupID[seed.GroupID(owned.group)], s.org.userByID[seed.PersonOktaID(owned.number)]
		if g != nil && u != nil {
			g.owners = append(g.owners, u)
		}
	}
}
