package oktasim

import (
	"fmt"
	"slices"
	"strings"
)

// id is the assignment's own id, which only the dashboard's links and the
// System Log show.
func (a *appUser) id() string { return fmt.Sprintf("0uasim%014x", a.seq) }

// assignment finds the user's assignment to a, nil when there is none.
func (u *user) assignment(a *app) *appUser {
	for _, au := range u.appUsers {
		if au.app == a {
			return au
		}
	}
	return nil
}

// assignments are the user's, oldest first.
func (u *user) assignments() []*appUser { return slices.Clone(u.appUsers) }

// assign makes an assignment that neither is direct nor comes through a group
// yet: the caller says which.
func (s *Sim) assign(c *call, a *app, u *user) *appUser {
	au := &appUser{seq: s.org.next(), user: u, app: a, created: c.now, updated: c.now}
	u.appUsers = append(u.appUsers, au)
	a.roster.add(au.seq, au)
	s.note(c, "application.user_membership.add", "Add user to application membership", au, a, u)
	return au
}

// grantThrough counts one more group through which the user has the app.
// Deactivated accounts get no assignments.
func (s *Sim) grantThrough(c *call, a *app, u *user) {
	if u.status == Deprovisioned {
		return
	}
	au := u.assignment(a)
	if au == nil {
		au = s.assign(c, a, u)
	}
	au.groups++
}

// revokeThrough counts one group less; the assignment goes with the last one
// unless it is direct.
func (s *Sim) revokeThrough(c *call, a *app, u *user) {
	au := u.assignment(a)
	if au == nil {
		return
	}
	if au.groups--; au.groups <= 0 && !au.direct {
		s.dropAssignment(c, au)
	}
}

func (s *Sim) dropAssignment(c *call, au *appUser) {
	au.user.appUsers = slices.DeleteFunc(au.user.appUsers, func(other *appUser) bool { return other == au })
	au.app.roster.remove(au.seq)
	s.note(c, "application.user_membership.remove", "Remove user's application membership", au, au.app, au.user)
}

// restoreApps gives a reactivated user the apps of the groups that stayed.
// Direct assignments do not come back.
func (s *Sim) restoreApps(c *call, u *user) {
	for _, g := range s.groupsOf(u) {
		for _, a := range g.apps {
			s.grantThrough(c, a, u)
		}
	}
}

// listAppUsers is GET /api/v1/apps/{id}/users (spec: 50 to a page, at most 500).
func (s *Sim) listAppUsers(c *call) (answer, *Error) {
	if refusal := c.only("q", "limit", "after", "expand"); refusal != nil {
		return answer{}, refusal
	}
	a, refusal := s.appFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	limit, refusal := c.limit(50, 500)
	if refusal != nil {
		return answer{}, refusal
	}
	cursor, refusal := c.cursor()
	if refusal != nil {
		return answer{}, refusal
	}
	expand, refusal := c.expandUser()
	if refusal != nil {
		return answer{}, refusal
	}
	q := strings.ToLower(c.query.Get("q"))
	found, next := a.roster.slice(cursor, limit, func(au *appUser) bool {
		return q == "" || strings.HasPrefix(strings.ToLower(text(au.user.profile, "login")), q) || au.user.startsWith(q)
	})
	views := make([]appUserView, 0, len(found))
	for _, au := range found {
		views = append(views, au.expanded(c, expand))
	}
	return c.paged(views, next)
}

// expandUser reads ?expand=user.
func (c *call) expandUser() (bool, *Error) {
	switch c.query.Get("expand") {
	case "":
		return false, nil
	case "user":
		return true, nil
	}
	return false, invalid("expand", "expand: must be user")
}

func (a *appUser) expanded(c *call, expand bool) appUserView {
	view := a.view(c)
	if expand {
		view.Embedded = map[string]any{"user": a.user.view(c, a.user.record, false)}
	}
	return view
}

// assignmentFor resolves the path of an assignment.
func (s *Sim) assignmentFor(c *call) (*appUser, *Error) {
	a, refusal := s.appFor(c)
	if refusal != nil {
		return nil, refusal
	}
	if u := s.org.userByID[c.params["user"]]; u != nil {
		if au := u.assignment(a); au != nil {
			return au, nil
		}
	}
	return nil, missing(c.params["user"], "AppUser")
}

// assignApp is POST /api/v1/apps/{id}/users: a direct assignment. One that came
// through a group becomes direct; one that is direct stays as it is (both
// unconfirmed).
func (s *Sim) assignApp(c *call) (answer, *Error) {
	if refusal := c.only(); refusal != nil {
		return answer{}, refusal
	}
	a, refusal := s.appFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	var body struct {
		ID          string         `json:"id"`
		Scope       string         `json:"scope"`
		Credentials any            `json:"credentials"`
		Profile     map[string]any `json:"profile"`
	}
	if refusal := c.decode(&body); refusal != nil {
		return answer{}, refusal
	}
	u := s.org.userByID[body.ID]
	switch {
	case body.ID == "":
		return answer{}, invalid("id", "id: The field cannot be left blank")
	case body.Credentials != nil || len(body.Profile) > 0:
		return answer{}, invalid("profile", "credentials, profile: only assignments without them are simulated")
	case body.Scope != "" && body.Scope != "USER":
		return answer{}, invalid("scope", "scope: only USER is simulated")
	case u == nil:
		return answer{}, missing(body.ID, "User")
	case u.status == Deprovisioned:
		return answer{}, refuse("E0000117")
	}
	return ok(s.assignDirectly(c, a, u).view(c))
}

func (s *Sim) assignDirectly(c *call, a *app, u *user) *appUser {
	au := u.assignment(a)
	if au == nil {
		au = s.assign(c, a, u)
	}
	if !au.direct {
		au.direct, au.updated = true, c.now
	}
	return au
}

func (s *Sim) getAppUser(c *call) (answer, *Error) {
	if refusal := c.only("expand"); refusal != nil {
		return answer{}, refusal
	}
	expand, refusal := c.expandUser()
	if refusal != nil {
		return answer{}, refusal
	}
	au, refusal := s.assignmentFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	return ok(au.expanded(c, expand))
}

// unassignApp is DELETE /api/v1/apps/{id}/users/{id}. While a group gives the
// app, a direct assignment cannot be removed either
// (articulate/terraform-provider-okta issue 120, gravitational/teleport issue
// 53947).
func (s *Sim) unassignApp(c *call) (answer, *Error) {
	if refusal := c.only("sendEmail"); refusal != nil {
		return answer{}, refusal
	}
	au, refusal := s.assignmentFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	if au.groups > 0 {
		return answer{}, refuse("E0000046", "The application cannot be unassigned from the user while their group memberships grant them access.")
	}
	s.dropAssignment(c, au)
	return noContent()
}
