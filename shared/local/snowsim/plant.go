package snowsim

import (
	"lifecycle/shared/local/seed"
)

// Group is a group of people that tickets are assigned to.
type Group struct {
	SysID, Name, Description string
	// Members are employee numbers.
	Members []string
}

// The groups that every seeded instance has.
const (
	GroupITManagers  = "IT Managers"
	GroupIdentity    = "Identity Operations"
	GroupITOps       = "IT Operations"
	GroupSecurity    = "Security Operations"
	GroupHR          = "HR Services"
	GroupServiceDesk = "Service Desk"
)

// AdminSysID is the sys_id of the user admin, the same on every instance.
const AdminSysID = "6816f79cc0a8016401c5a33be04be441"

// GroupSysID is the sys_user_group.sys_id of the seeded group with that name.
// That of HR Services is not hexadecimal: records that come with an application
// often have such.
func GroupSysID(name string) string {
	if name == GroupHR {
		return "hr-services-group"
	}
	return seed.SysID("group/" + name)
}

// Groups lists the seeded groups. Each call returns its own copy.
func Groups() []Group {
	group := func(name, description string, members ...string) Group {
		return Group{SysID: GroupSysID(name), Name: name, Description: description, Members: members}
	}
	return []Group{
		group(GroupITManagers, "Decide about protected accounts and mass changes", seed.NumberSuperAdmin, "E1007", "E1002", "E1010"),
		group(GroupIdentity, "Accounts, groups and applications", seed.NumberSuperAdmin, "E1032", "E1033"),
		group(GroupITOps, "Runs the systems", seed.NumberSuperAdmin, seed.NumberHelpDesk, "E1032", "E1033", "E1047"),
		group(GroupSecurity, "Answers alerts", "E1007", "E1034", "E1035", "E1036"),
		// The former employee was never taken out.
		group(GroupHR, "Joiners, movers, leavers", "E1005", "E1028", "E1029", "E1030", seed.NumberFormer),
		group(GroupServiceDesk, "First line", seed.NumberHelpDesk, "E1032", "E1047"),
	}
}

// roles that the platform's own access rules know.
var roleNames = []string{
	"admin", "itil", "user_admin", "approver_user", "approval_admin", "sn_si.basic", "sn_si.analyst", "sn_si.manager",
}

func (s *Sim) plant(content Seed) {
	s.planting = true
	defer func() { s.planting = false }()
	s.plantChoices()
	for _, name := range roleNames {
		s.plantRecord("sys_user_role", "", map[string]string{"name": name})
	}
	s.plantRecord("sys_user", AdminSysID, map[string]string{
		"user_name": "admin", "first_name": "System", "last_name": "Administrator", "email": "admin@" + seed.Domain,
	})
	s.grant(s.userNamed("admin"), "admin")
	s.plantPeople(content.People)
	s.plantGroups(content)
	s.plantIntegration()
}

// plantRecord makes a record that was there from the start.
func (s *Sim) plantRecord(table, id string, values map[string]string) *record {
	r, refusal := s.create(platform, s.tables[table], id, values)
	if refusal != nil {
		panic("snowsim: a record of the seed was refused: " + refusal.Error())
	}
	return r
}

func (s *Sim) plantPeople(people []seed.Person) {
	sysIDs := make(map[string]string, len(people))
	for _, p := range people {
		sysIDs[p.Number] = p.SysID
	}
	named := map[string]string{} // departments and locations by table and name
	reference := func(table, name string) string {
		if name == "" {
			return ""
		}
		key := table + "/" + name
		if named[key] == "" {
			named[key] = s.plantRecord(table, seed.SysID(key), map[string]string{"name": name}).id
		}
		return named[key]
	}
	for _, p := range people {
		// Whoever left is inactive and locked out; what Okta locks or suspends is
		// not known here.
		active, locked := "true", "false"
		if p.OktaStatus == "DEPROVISIONED" {
			active, locked = "false", "true"
		}
		s.plantRecord("sys_user", p.SysID, map[string]string{
			"user_name": p.Email, "first_name": p.First, "last_name": p.Last, "email": p.Email, "employee_number": p.Number,
			"title": p.Title, "department": reference("cmn_department", p.Department), "location": reference("cmn_location", p.Location),
			"manager": sysIDs[p.ManagerNumber], "active": active, "locked_out": locked, "time_zone": p.TimeZone,
		})
	}
}

func (s *Sim) plantGroups(content Seed) {
	sysIDs := make(map[string]string, len(content.People))
	for _, p := range content.People {
		sysIDs[p.Number] = p.SysID
	}
	working := map[string]bool{}
	for _, g := range content.Groups {
		id := g.SysID
		if id == "" {
			id = GroupSysID(g.Name)
		}
		s.plantRecord("sys_user_group", id, map[string]string{"name": g.Name, "description": g.Description})
		for _, number := range g.Members {
			user := sysIDs[number]
			if user == "" {
				panic("snowsim: the group " + g.Name + " has a member " + number + " who does not exist")
			}
			s.plantRecord("sys_user_grmember", "", map[string]string{"group": id, "user": user})
			working[user] = true
		}
	}
	for user := range working {
		s.grant(s.tables["sys_user"].shelf.find(user), "itil")
	}
}

func (s *Sim) plantIntegration() {
	user := s.plantRecord("sys_user", seed.SysID("user/integration"), map[string]string{
		"user_name": IntegrationUser, "first_name": "Lifecycle", "last_name": "Integration", "web_service_access_only": "true",
		"email": IntegrationUser + "@" + seed.Domain, "time_zone": "GMT",
	})
	roles := s.options.IntegrationRoles
	if s.options.SecurityIncidents {
		roles = append(roles[:len(roles):len(roles)], "sn_si.basic")
	}
	for _, role := range roles {
		s.grant(user, role)
	}
	s.passwords[user.id] = IntegrationPassword
	s.clients[ClientID] = oauthClient{secret: ClientSecret, user: user.id}
}

// grant gives a user a role, once.
func (s *Sim) grant(user *record, role string) {
	if s.actorOf(user).roles[role] {
		return
	}
	var id string
	for _, r := range s.tables["sys_user_role"].shelf.all() {
		if r.get("name") == role {
			id = r.id
		}
	}
	if id == "" {
		id = s.plantRecord("sys_user_role", "", map[string]string{"name": role}).id
	}
	s.plantRecord("sys_user_has_role", "", map[string]string{"user": user.id, "role": id})
}

// GrantRole gives a user a role. It panics when there is no such user.
func (s *Sim) GrantRole(userName, role string) {
	s.transact(func() { s.grant(s.userNamed(userName), role) })
}
