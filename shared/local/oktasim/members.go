package oktasim

import (
	"slices"
	"time"
)

// memberOf finds the user's membership of g, nil when there is none. Everyone
// has no memberships of its own.
func (u *user) memberOf(g *group) *member {
	for _, m := range u.members {
		if m.group == g {
			return m
		}
	}
	return nil
}

// changeable refuses the groups whose memberships nobody changes by hand.
// BUILT_IN is "Unsupported operation" (okta/terraform-provider-okta issue 903);
// for APP_GROUP the spec names 403 as the only refusal (the code is
// unconfirmed).
func (g *group) changeable() *Error {
	switch g.kind {
	case builtIn:
		return refuse("E0000060")
	case appGroup:
		return refuse("E0000006", "The memberships of this group are managed by the application it is imported from")
	}
	return nil
}

// join makes the user a member, by hand or by a rule, with all that the group
// gives.
func (s *Sim) join(c *call, g *group, u *user, hand bool, by *rule) {
	m := u.memberOf(g)
	if m == nil {
		m = &member{seq: s.org.next(), user: u, group: g}
		u.members = append(u.members, m)
		g.roster.add(m.seq, m)
		g.membersUpdated = c.now
		s.note(c, "group.user_membership.add", "Add user to group membership", u, g)
		for _, a := range g.apps {
			s.grantThrough(c, a, u)
		}
	}
	m.hand = m.hand || hand
	if by != nil {
		m.rule = by
	}
}

// endMembership ends a membership, whatever made it.
func (s *Sim) endMembership(c *call, m *member) {
	m.user.members = slices.DeleteFunc(m.user.members, func(other *member) bool { return other == m })
	m.group.roster.remove(m.seq)
	m.group.membersUpdated = c.now
	s.note(c, "group.user_membership.remove", "Remove user from group membership", m.user, m.group)
	for _, a := range m.group.apps {
		s.revokeThrough(c, a, m.user)
	}
}

// listMembers is GET /api/v1/groups/{id}/users. Deactivated members are listed
// too, since their memberships stay (unconfirmed for this operation). A page
// holds at most 1000 (the upper bound is unconfirmed; the spec recommends 200).
func (s *Sim) listMembers(c *call) (answer, *Error) {
	if refusal := c.only("limit", "after"); refusal != nil {
		return answer{}, refusal
	}
	g, refusal := s.groupFor(c)
	if refusal != nil {
		return answer{}, refusal
	}
	limit, refusal := c.limit(1000, 1000)
	if refusal != nil {
		return answer{}, refusal
	}
	cursor, refusal := c.cursor()
	if refusal != nil {
		return answer{}, refusal
	}
	if g == s.org.everyone {
		return s.pageOfUsers(c, cursor, limit, nil)
	}
	found, next := g.roster.slice(cursor, limit, nil)
	views := make([]userView, 0, len(found))
	for _, m := range found {
		views = append(views, m.user.view(c, m.user.record, false))
	}
	return c.paged(views, next)
}

// groupAndUser resolves the path of a membership.
func (s *Sim) groupAndUser(c *call) (*group, *user, *Error) {
	g, refusal := s.groupFor(c)
	if refusal != nil {
		return nil, nil, refusal
	}
	u, refusal := s.exactUser(c)
	if refusal != nil {
		return nil, nil, refusal
	}
	return g, u, g.changeable()
}

// addMember is PUT /api/v1/groups/{id}/users/{id}; a member stays one.
func (s *Sim) addMember(c *call) (answer, *Error) {
	g, u, refusal := s.groupAndUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	s.join(c, g, u, true, nil)
	return noContent()
}

// removeMember is DELETE /api/v1/groups/{id}/users/{id}; somebody who is no
// member stays none, also with 204. A membership that a rule made is removed as
// well, and comes back unless the removal counts as an exception.
func (s *Sim) removeMember(c *call) (answer, *Error) {
	g, u, refusal := s.groupAndUser(c)
	if refusal != nil {
		return answer{}, refusal
	}
	if m := u.memberOf(g); m != nil {
		s.endMembership(c, m)
		if m.rule != nil {
			s.defy(c, m.rule, u)
		}
	}
	return noContent()
}

// defy is what comes of a removal by hand from a group that a rule fills.
func (s *Sim) defy(c *call, r *rule, u *user) {
	if s.options.RuleExceptions {
		r.excluded = append(r.excluded, u.id)
		s.note(c.as(system, c.now), "group.user_membership.rule.add_exclusion", "User added to exclusion list for group rule", u, r.group)
		return
	}
	s.schedule(c.now.Add(s.options.RuleTime), func(now time.Time) { s.evaluateRules(c.as(system, now), u) })
}
