package oktasim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// What an administrator does in Okta's console, for tests and demos: none of it
// counts as an API call, all of it stands in the System Log. Users are named by
// id or login, groups and apps by id.

// admin is who works in the console.
var admin = actor{id: "00usimconsole0000000", kind: "User", alternateID: "console@example.com", displayName: "Console Administrator"}

// asAdmin begins something that an administrator does to a user.
func (s *Sim) asAdmin(userID string) (c *call, u *user, done func(), err error) {
	c, u, done, err = s.asPerson(userID)
	if err == nil {
		c.actor = admin
	}
	return c, u, done, err
}

// CreateUser adds an account with Okta's profile attributes and that status, as
// an administrator can leave it behind. It returns the account's id.
func (s *Sim) CreateUser(profile map[string]any, status string) (string, error) {
	c, done := s.personally()
	defer done()
	c.actor = admin
	if lifecycleLinks[status] == nil {
		return "", fmt.Errorf("status %q does not exist", status)
	}
	checked, refusal := s.checkProfile(nil, profile)
	if refusal != nil {
		return "", refusal
	}
	u := s.addUser(c, s.org.newID("00u"), checked)
	s.note(c, "user.lifecycle.create", "Create okta user", u)
	s.evaluateRules(c, u)
	s.force(c, u, status)
	return u.id, nil
}

// SetStatus gives an account that status with all that follows from it, legal
// transition or not.
func (s *Sim) SetStatus(userID, status string) error {
	c, u, done, err := s.asAdmin(userID)
	if err != nil {
		return err
	}
	defer done()
	if lifecycleLinks[status] == nil {
		return fmt.Errorf("status %q does not exist", status)
	}
	s.force(c, u, status)
	return nil
}

func (s *Sim) force(c *call, u *user, status string) {
	returning := u.status == Deprovisioned && status != Deprovisioned
	if status == Deprovisioned {
		s.finishDeactivation(c, u)
		return
	}
	if status != Staged && u.activated.IsZero() {
		u.activated = c.now
	}
	if status != Staged && status != Provisioned && !u.password {
		u.password, u.passwordChanged = true, c.now
	}
	s.noteForced(c, u, status)
	s.enter(c, u, status)
	if returning {
		s.restoreApps(c, u)
		s.evaluateRules(c, u)
	}
}

// noteForced writes the event that brings an account from its status into another.
func (s *Sim) noteForced(c *call, u *user, status string) {
	switch {
	case status == u.status:
	case status == Suspended:
		s.note(c, "user.lifecycle.suspend", "Suspend Okta user", u)
	case status == LockedOut:
		s.note(c, "user.account.lock", "Max sign in attempts exceeded", u)
	case u.status == Suspended:
		s.note(c, "user.lifecycle.unsuspend", "Unsuspend Okta user", u)
	case u.status == Deprovisioned || u.status == Staged:
		s.note(c, "user.lifecycle.activate", "Activate Okta user", u)
	}
}

// EditProfile changes attributes of an account's profile; nil removes one.
func (s *Sim) EditProfile(userID string, changes map[string]any) error {
	c, u, done, err := s.asAdmin(userID)
	if err != nil {
		return err
	}
	defer done()
	profile, refusal := s.checkProfile(u, merge(u.profile, changes))
	if refusal != nil {
		return refusal
	}
	s.reprofile(c, u, profile)
	return nil
}

// DeleteUser removes an account for good, whatever its status.
func (s *Sim) DeleteUser(userID string) error {
	c, u, done, err := s.asAdmin(userID)
	if err != nil {
		return err
	}
	defer done()
	s.forget(c, u)
	return nil
}

// AddMember makes somebody a member by hand; of an APP_GROUP, as the next import
// from its app would. Deactivated accounts can be members.
func (s *Sim) AddMember(groupID, userID string) error {
	return s.membership(groupID, userID, func(c *call, g *group, u *user) { s.join(c, g, u, true, nil) })
}

// RemoveMember ends a membership, of an APP_GROUP too. One that a rule made
// comes back as it does after a removal through the API.
func (s *Sim) RemoveMember(groupID, userID string) error {
	return s.membership(groupID, userID, func(c *call, g *group, u *user) {
		if m := u.memberOf(g); m != nil {
			s.endMembership(c, m)
			if m.rule != nil {
				s.defy(c, m.rule, u)
			}
		}
	})
}

func (s *Sim) membership(groupID, userID string, change func(*call, *group, *user)) error {
	c, u, done, err := s.asAdmin(userID)
	if err != nil {
		return err
	}
	defer done()
	g := s.org.groupID[groupID]
	if g == nil {
		return fmt.Errorf("group %s does not exist", groupID)
	}
	if g == s.org.everyone {
		return errors.New("everybody is a member of " + g.name)
	}
	change(c, g, u)
	return nil
}

// AssignApp assigns an app directly.
func (s *Sim) AssignApp(appID, userID string) error {
	c, u, done, err := s.asAdmin(userID)
	if err != nil {
		return err
	}
	defer done()
	a := s.org.appID[appID]
	if a == nil {
		return fmt.Errorf("app %s does not exist", appID)
	}
	if u.status == Deprovisioned {
		return refuse("E0000117")
	}
	s.assignDirectly(c, a, u)
	return nil
}

// GiveRole gives somebody an administrator role, by Okta's type of it. It
// returns the id of the assignment.
func (s *Sim) GiveRole(userID, kind string) (string, error) {
	c, u, done, err := s.asAdmin(userID)
	if err != nil {
		return "", err
	}
	defer done()
	r, refusal := s.giveRole(c, u, kind)
	if refusal != nil {
		return "", refusal
	}
	return r.id, nil
}

// GiveGroupRole gives an administrator role to everybody in a group. It returns
// the id of the assignment.
func (s *Sim) GiveGroupRole(groupID, kind string) (string, error) {
	c, done := s.personally()
	defer done()
	c.actor = admin
	g := s.org.groupID[groupID]
	if g == nil || roleLabels[kind] == "" {
		return "", fmt.Errorf("group %s or role %s does not exist", groupID, kind)
	}
	r := &role{id: s.org.newID("gra"), kind: kind, group: g, created: c.now}
	g.roles = append(g.roles, r)
	s.note(c, "group.privilege.grant", "Grant group privilege", g)
	return r.id, nil
}

// MakeOwner makes somebody an owner of a group.
func (s *Sim) MakeOwner(groupID, userID string) error {
	_, u, done, err := s.asAdmin(userID)
	if err != nil {
		return err
	}
	defer done()
	g := s.org.groupID[groupID]
	if g == nil {
		return fmt.Errorf("group %s does not exist", groupID)
	}
	if !slices.Contains(g.owners, u) {
		g.owners = append(g.owners, u)
	}
	return nil
}

// Gauges shows every rate limit, in the order of their names, and last the one
// on concurrency, whose Calls and Throttled count all requests.
func (s *Sim) Gauges() []Gauge {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var gauges []Gauge
	for _, bucket := range slices.Sorted(maps.Keys(s.windows)) {
		gauges = append(gauges, s.windows[bucket].at(now))
	}
	return append(gauges, s.busy)
}

// Calls lists the latest API calls, oldest first, up to Options.KeepCalls.
func (s *Sim) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls[max(0, len(s.calls)-s.options.KeepCalls):])
}

// OnCall has hook told about every API call once it is answered, in the
// goroutine that answers it; hook may use the Sim. nil ends that.
func (s *Sim) OnCall(hook func(Call)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onCall = hook
}
