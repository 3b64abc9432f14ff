package oktasim

import (
	"slices"
	"time"
)

// role is an administrator role, held by a person or by everybody in a group.
type role struct {
	id, kind string
	group    *group // nil for a person's own
	created  time.Time
}

// roleLabels are the standard roles and how Okta shows them (spec, schema
// RoleType and its examples).
var roleLabels = map[string]string{
	"API_ACCESS_MANAGEMENT_ADMIN": "API Access Management Administrator",
	"APP_ADMIN":                   "Application Administrator",
	"GROUP_MEMBERSHIP_ADMIN":      "Group Membership Administrator",
	"HELP_DESK_ADMIN":             "Help Desk Administrator",
	"ORG_ADMIN":                   "Organization Administrator",
	"READ_ONLY_ADMIN":             "Read Only Administrator",
	"REPORT_ADMIN":                "Report Administrator",
	"SUPER_ADMIN":                 "Super Administrator",
	"USER_ADMIN":                  "Group Administrator",
}

// rolesOf lists the person's own roles and those that come through groups.
func (s *Sim) rolesOf(u *user) []*role {
	all := slices.Clone(u.roles)
	for _, g := range s.groupsOf(u) {
		all = append(all, g.roles...)
	}
	return all
}

type roleView struct {
	ID             string         `json:"id"`
	Label          string         `json:"label"`
	Type           string         `json:"type"`
	Status         string         `json:"status"`
	AssignmentType string         `json:"assignmentType"`
	Created        stamp          `json:"created"`
	LastUpdated    stamp          `json:"lastUpdated"`
	Links          map[string]any `json:"_links"`
}

func (r *role) view(c *call, u *user) roleView {
	view := roleView{
		ID: r.id, Label: roleLabels[r.kind], Type: r.kind, Status: Active, AssignmentType: "USER",
		Created: stamp(r.created), LastUpdated: stamp(r.created),
		Links: map[string]any{"assignee": link{Href: c.url("/api/v1/users/" + u.id)}},
	}
	if r.group != nil {
		view.AssignmentType = "GROUP"
		view.Links["assignee"] = link{Href: c.url("/api/v1/groups/" + r.group.id)}
	}
	return view
}

// listRoles is GET /api/v1/users/{id}/roles, also for deactivated users.
func (s *Sim) listRoles(c *call) (answer, *Error) {
	if refusal := c.only(); refusal != nil {
		return answer{}, refusal
	}
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	views := []roleView{}
	for _, r := range s.rolesOf(u) {
		views = append(views, r.view(c, u))
	}
	return ok(views)
}

// assignRole is POST /api/v1/users/{id}/roles with a standard role.
func (s *Sim) assignRole(c *call) (answer, *Error) {
	if refusal := c.only("disableNotifications"); refusal != nil {
		return answer{}, refusal
	}
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	var body struct {
		Type string `json:"type"`
	}
	if refusal := c.decode(&body); refusal != nil {
		return answer{}, refusal
	}
	r, refusal := s.giveRole(c, u, body.Type)
	if refusal != nil {
		return answer{}, refusal
	}
	return created(r.view(c, u))
}

func (s *Sim) giveRole(c *call, u *user, kind string) (*role, *Error) {
	if roleLabels[kind] == "" {
		return nil, invalid("type", "type: only standard roles are simulated")
	}
	if slices.ContainsFunc(u.roles, func(r *role) bool { return r.kind == kind }) {
		return nil, refuse("E0000090")
	}
	r := &role{id: s.org.newID("ra1"), kind: kind, created: c.now}
	u.roles = append(u.roles, r)
	s.note(c, "user.account.privilege.grant", "Grant user privilege", u)
	return r, nil
}

func (s *Sim) getRole(c *call) (answer, *Error) {
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	for _, r := range s.rolesOf(u) {
		if r.id == c.params["role"] {
			return ok(r.view(c, u))
		}
	}
	return answer{}, missing(c.params["role"], "Role")
}

// unassignRole removes a role of the person's own. One that comes through a
// group is not found here (unconfirmed): it goes with the membership.
func (s *Sim) unassignRole(c *call) (answer, *Error) {
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	i := slices.IndexFunc(u.roles, func(r *role) bool { return r.id == c.params["role"] })
	if i < 0 {
		return answer{}, missing(c.params["role"], "Role")
	}
	u.roles = slices.Delete(u.roles, i, i+1)
	s.note(c, "user.account.privilege.revoke", "Revoke user privilege", u)
	return noContent()
}

// listAssignees is GET /api/v1/iam/assignees/users, which has its next link in
// the body. The page size is 100 (spec); more than 200 is refused (unconfirmed).
func (s *Sim) listAssignees(c *call) (answer, *Error) {
	if refusal := c.only("limit", "after"); refusal != nil {
		return answer{}, refusal
	}
	limit, refusal := c.limit(100, 200)
	if refusal != nil {
		return answer{}, refusal
	}
	cursor, refusal := c.cursor()
	if refusal != nil {
		return answer{}, refusal
	}
	found, next := s.org.users.slice(cursor, limit, func(u *user) bool { return len(u.roles) > 0 || len(s.rolesOf(u)) > 0 })
	value := []map[string]any{}
	for _, u := range found {
		self := c.url("/api/v1/users/" + u.id)
		value = append(value, map[string]any{
			"id": u.id, "orn": "orn:okta:directory:00osim00000000000001:users:" + u.id,
			"_links": map[string]any{"self": link{Href: self}, "roles": link{Href: self + "/roles"}},
		})
	}
	body := map[string]any{"value": value}
	if next != 0 {
		query := c.request.URL.Query()
		query.Set("after", encodeCursor(next))
		body["_links"] = map[string]any{"next": link{Href: c.url(c.request.URL.EscapedPath()) + "?" + query.Encode()}}
	}
	return ok(body)
}
