package oktasim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// listUsers is GET /api/v1/users. Without search and filter it leaves out
// DEPROVISIONED; so does q, which answers one page only (spec, listUsers).
func (s *Sim) listUsers(c *call) (answer, *Error) {
	if refusal := c.only("search", "filter", "q", "limit", "after"); refusal != nil {
		return answer{}, refusal
	}
	search, filter, q := c.query.Get("search"), c.query.Get("filter"), c.query.Get("q")
	if search != "" && (filter != "" || q != "") {
		return answer{}, refuse("E0000033")
	}
	usual := 200
	if q != "" {
		usual = 10
	}
	limit, refusal := c.limit(usual, 200)
	if refusal != nil {
		return answer{}, refusal
	}
	cursor, refusal := c.cursor()
	if refusal != nil {
		return answer{}, refusal
	}
	switch {
	case search != "":
		return s.searchUsers(c, search, cursor, limit)
	case filter != "":
		compiled, err := userFilter.compile(filter)
		if err != nil {
			return answer{}, refuse("E0000031", err.Error())
		}
		return s.pageOfUsers(c, cursor, limit, func(u *user) bool { return compiled.holds(u.attributes(u.record)) })
	}
	want := strings.ToLower(q)
	a, refusal := s.pageOfUsers(c, cursor, limit, func(u *user) bool {
		return u.status != Deprovisioned && (want == "" || u.startsWith(want))
	})
	if q != "" && refusal == nil {
		a.links = nil
	}
	return a, refusal
}

func (u *user) startsWith(want string) bool {
	return slices.ContainsFunc([]string{"firstName", "lastName", "email"}, func(name string) bool {
		return strings.HasPrefix(strings.ToLower(text(u.profile, name)), want)
	})
}

func (s *Sim) pageOfUsers(c *call, cursor, limit int, keep func(*user) bool) (answer, *Error) {
	found, next := s.org.users.slice(cursor, limit, keep)
	views := make([]userView, 0, len(found))
	for _, u := range found {
		views = append(views, u.view(c, u.record, false))
	}
	return c.paged(views, next)
}

func (s *Sim) getUser(c *call) (answer, *Error) {
	u, refusal := s.userOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	return ok(u.view(c, u.record, true))
}

// userBody is what POST and PUT of users read.
type userBody struct {
	Profile     map[string]any `json:"profile"`
	GroupIDs    []string       `json:"groupIds"`
	Credentials *struct {
		Password *struct {
			Value string `json:"value"`
		} `json:"password"`
		Recovery any `json:"recovery_question"`
		Provider any `json:"provider"`
	} `json:"credentials"`
	Type any `json:"type"`
}

func (b userBody) password() string {
	if b.Credentials == nil || b.Credentials.Password == nil {
		return ""
	}
	return b.Credentials.Password.Value
}

// simulated refuses the parts of a body that the simulator does not act on.
func (b userBody) simulated(withPassword bool) *Error {
	switch {
	case b.Type != nil:
		return invalid("type", "type: user types are not simulated")
	case b.Credentials == nil:
		return nil
	case b.Credentials.Recovery != nil || b.Credentials.Provider != nil:
		return invalid("credentials", "credentials: only a password is simulated")
	case !withPassword:
		return invalid("credentials", "credentials: setting a password by an update is not simulated")
	}
	return nil
}

// mostGroups is how many groups a user can be created in (spec, example
// "Create user with too many groups specified").
const mostGroups = 20

// createUser is POST /api/v1/users?activate=true|false.
func (s *Sim) createUser(c *call) (answer, *Error) {
	if refusal := c.only("activate", "provider", "nextLogin"); refusal != nil {
		return answer{}, refusal
	}
	var body userBody
	if refusal := c.decode(&body); refusal != nil {
		return answer{}, refusal
	}
	if refusal := body.simulated(true); refusal != nil {
		return answer{}, refusal
	}
	activate, expire := c.flag("activate", true), c.query.Get("nextLogin") == "changePassword"
	switch {
	case expire && !activate:
		return answer{}, refuse("E0000125")
	case expire && body.password() == "":
		return answer{}, refuse("E0000124")
	case len(body.GroupIDs) > mostGroups:
		return answer{}, refuse("E0000093", "The number of group targets is too large")
	}
	profile, refusal := s.checkProfile(nil, body.Profile)
	if refusal != nil {
		return answer{}, refusal
	}
	groups, refusal := s.groupsFor(body.GroupIDs)
	if refusal != nil {
		return answer{}, refusal
	}
	u := s.addUser(c, s.org.newID("00u"), profile)
	u.password = body.password() != ""
	s.note(c, "user.lifecycle.create", "Create okta user", u)
	for _, g := range groups {
		s.join(c, g, u, true, nil)
	}
	s.evaluateRules(c, u)
	if activate {
		s.beginActivation(c, u, true)
		if expire {
			s.enter(c, u, PasswordExpired)
		}
	}
	s.touch(u, c.now)
	return ok(u.view(c, u.record, true))
}

func (s *Sim) groupsFor(ids []string) ([]*group, *Error) {
	var groups []*group
	for _, id := range ids {
		g := s.org.groupID[id]
		if g == nil {
			return nil, missing(id, "UserGroup")
		}
		if refusal := g.changeable(); refusal != nil {
			return nil, refusal
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// addUser files a STAGED user, member of Everyone.
func (s *Sim) addUser(c *call, id string, profile map[string]any) *user {
	u := &user{seq: s.org.next(), id: id}
	u.record = record{profile: profile, status: Staged, created: c.now, statusChanged: time.Time{}, lastUpdated: c.now}
	s.org.users.add(u.seq, u)
	s.org.index(u)
	if s.org.everyone != nil {
		for _, a := range s.org.everyone.apps {
			s.grantThrough(c, a, u)
		}
	}
	return u
}

// updateUser is POST /api/v1/users/{id}: a partial update.
func (s *Sim) updateUser(c *call) (answer, *Error) { return s.changeUser(c, true) }

// replaceUser is PUT /api/v1/users/{id}: what is not given is deleted.
func (s *Sim) replaceUser(c *call) (answer, *Error) { return s.changeUser(c, false) }

func (s *Sim) changeUser(c *call, partial bool) (answer, *Error) {
	if refusal := c.only("strict"); refusal != nil {
		return answer{}, refusal
	}
	u, refusal := s.userOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	var body userBody
	if refusal := c.decode(&body); refusal != nil {
		return answer{}, refusal
	}
	if refusal := body.simulated(false); refusal != nil {
		return answer{}, refusal
	}
	switch {
	case u.status == Deprovisioned && !s.options.EditDeactivated:
		// support, "This operation is not allowed in the user's current status
		// error when editing deactivated user profiles".
		return answer{}, refuse("E0000038")
	case u.transition == Active || u.transition == Provisioned:
		return answer{}, refuse("E0000112")
	}
	given := body.Profile
	if partial {
		given = merge(u.profile, body.Profile)
	}
	profile, refusal := s.checkProfile(u, given)
	if refusal != nil {
		return answer{}, refusal
	}
	s.reprofile(c, u, profile)
	return ok(u.view(c, u.record, true))
}

// reprofile gives the user a checked profile; rules follow it.
func (s *Sim) reprofile(c *call, u *user, profile map[string]any) {
	s.org.unindex(u)
	u.profile = profile
	s.org.index(u)
	s.note(c, "user.account.update_profile", "Update user profile for Okta", u)
	s.evaluateRules(c, u)
	s.touch(u, c.now)
}

// deleteUser is DELETE /api/v1/users/{id}: on any other status than
// DEPROVISIONED it deactivates; only a second call deletes (spec, deleteUser).
func (s *Sim) deleteUser(c *call) (answer, *Error) {
	if refusal := c.only("sendEmail"); refusal != nil {
		return answer{}, refusal
	}
	u, refusal := s.userOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	if u.status != Deprovisioned {
		s.beginDeactivation(c, u)
		return noContent()
	}
	s.forget(c, u)
	return noContent()
}

func (s *Sim) forget(c *call, u *user) {
	s.note(c, "user.lifecycle.delete.initiated", "Delete Okta user initiated", u)
	for _, m := range u.members {
		m.group.roster.remove(m.seq)
	}
	for _, au := range u.appUsers {
		au.app.roster.remove(au.seq)
	}
	for g := range s.org.groups.all() {
		g.owners = slices.DeleteFunc(g.owners, func(owner *user) bool { return owner == u })
	}
	s.dropTokensOf(c, u)
	u.transition = "" // what was under way leads nowhere
	s.org.unindex(u)
	delete(s.org.userByID, u.id)
	delete(s.org.settling, u)
	s.org.users.remove(u.seq)
}

// userGroups is GET /api/v1/users/{id}/groups, all in one answer.
func (s *Sim) userGroups(c *call) (answer, *Error) {
	u, refusal := s.userOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	views := []groupView{}
	for _, g := range s.groupsOf(u) {
		views = append(views, g.view(c))
	}
	return c.linked(views, "")
}

// groupsOf lists the user's groups with Everyone, oldest group first.
func (s *Sim) groupsOf(u *user) []*group {
	var groups []*group
	if s.org.everyone != nil {
		groups = append(groups, s.org.everyone)
	}
	for _, m := range u.members {
		groups = append(groups, m.group)
	}
	slices.SortFunc(groups, func(a, b *group) int { return a.seq - b.seq })
	return groups
}

// appLinks is GET /api/v1/users/{id}/appLinks: what the dashboard shows.
func (s *Sim) appLinks(c *call) (answer, *Error) {
	u, refusal := s.userOf(c)
	if refusal != nil {
		return answer{}, refusal
	}
	views := []appLinkView{}
	for _, au := range u.assignments() {
		views = append(views, au.link(c, len(views)))
	}
	return answer{status: http.StatusOK, body: views}, nil
}
