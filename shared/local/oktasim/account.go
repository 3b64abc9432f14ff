package oktasim

import (
	"maps"
	"slices"
	"time"
)

// Account is all that the org holds of one user, read without an API call.
type Account struct {
	ID, Login       string
	Status          string
	TransitioningTo string // empty unless an asynchronous change is under way
	Profile         map[string]any
	Groups          []Membership // with Everyone
	Apps            []Assignment
	Roles           []AdminRole
	Factors         []string // types
	APITokens       []string // names
	Grants          []string // scopes with the app's label, e.g. "Slack: openid"
	Sessions        int
	RefreshTokens   int
	Devices         int // on which a factor is remembered
	LastLogin       time.Time
}

// Membership is one of an account's groups.
type Membership struct {
	ID, Name, Type string
	ByRule         bool // a group rule made it
}

// Assignment is one of an account's apps.
type Assignment struct {
	AppID, Label string
	Scope        string // USER or GROUP
}

// AdminRole is one of an account's administrator roles.
type AdminRole struct {
	ID, Type string
	ViaGroup bool
}

// Snapshot shows the account with that id or login as it is now; false when
// there is none.
func (s *Sim) Snapshot(idOrLogin string) (Account, bool) {
	c, done := s.personally()
	defer done()
	u := s.org.user(idOrLogin)
	if u == nil {
		return Account{}, false
	}
	return s.account(u, c.now), true
}

// Accounts shows every account, oldest first.
func (s *Sim) Accounts() []Account {
	c, done := s.personally()
	defer done()
	accounts := make([]Account, 0, s.org.users.len())
	for u := range s.org.users.all() {
		accounts = append(accounts, s.account(u, c.now))
	}
	return accounts
}

func (s *Sim) account(u *user, now time.Time) Account {
	a := Account{
		ID: u.id, Login: text(u.profile, "login"), Status: u.status, TransitioningTo: u.transition,
		Profile: maps.Clone(u.profile), Sessions: len(u.sessions), RefreshTokens: len(u.refresh),
		Devices: u.devices, LastLogin: u.lastLogin,
	}
	for _, g := range s.groupsOf(u) {
		m := u.memberOf(g)
		a.Groups = append(a.Groups, Membership{g.id, g.name, g.kind, m != nil && m.rule != nil})
	}
	for _, au := range u.appUsers {
		a.Apps = append(a.Apps, Assignment{au.app.id, au.app.label, au.scope()})
	}
	for _, r := range s.rolesOf(u) {
		a.Roles = append(a.Roles, AdminRole{r.id, r.kind, r.group != nil})
	}
	for _, f := range u.factors {
		a.Factors = append(a.Factors, f.kind)
	}
	for _, t := range s.tokensOf(u, now) {
		a.APITokens = append(a.APITokens, t.name)
	}
	for _, g := range u.grants {
		a.Grants = append(a.Grants, g.app.label+": "+g.scope)
	}
	return a
}

// In tells whether the account is a member of the group with that id.
func (a Account) In(groupID string) bool {
	return slices.ContainsFunc(a.Groups, func(m Membership) bool { return m.ID == groupID })
}

// Has tells whether the account is assigned the app with that id.
func (a Account) Has(appID string) bool {
	return slices.ContainsFunc(a.Apps, func(as Assignment) bool { return as.AppID == appID })
}

// Event is one line of the System Log, for people to read.
type Event struct {
	At      time.Time
	Type    string // e.g. "user.lifecycle.deactivate"
	Message string
	Actor   string   // who did it, by name
	Targets []string // what it happened to, by name
}

// Events lists the System Log as it stands, oldest first.
func (s *Sim) Events() []Event {
	_, done := s.personally()
	defer done()
	events := make([]Event, 0, s.org.log.len())
	for e := range s.org.log.all() {
		line := Event{At: e.published}
		line.Type, _ = e.body["eventType"].(string)
		line.Message, _ = e.body["displayMessage"].(string)
		if by, isObject := e.body["actor"].(map[string]any); isObject {
			line.Actor, _ = by["displayName"].(string)
		}
		targets, _ := e.body["target"].([]any)
		for _, t := range targets {
			if object, isObject := t.(map[string]any); isObject {
				line.Targets = append(line.Targets, text(object, "displayName"))
			}
		}
		events = append(events, line)
	}
	return events
}
