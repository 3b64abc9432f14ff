package oktasim

import (
	"net/http"
	"net/url"
	"strings"
)

// operation is one operation of the API: what it needs and what does it.
type operation struct {
	method, pattern string
	scope           string // the OAuth scope the spec asks for; empty: no authorization
	do              func(*Sim, *call) (answer, *Error)
}

const (
	usersRead, usersManage   = "okta.users.read", "okta.users.manage"
	groupsRead, groupsManage = "okta.groups.read", "okta.groups.manage"
	appsRead, appsManage     = "okta.apps.read", "okta.apps.manage"
	rolesRead, rolesManage   = "okta.roles.read", "okta.roles.manage"
	tokenRead, tokenManage   = "okta.apiTokens.read", "okta.apiTokens.manage"
	logsRead                 = "okta.logs.read"
)

// operations is all that the simulator can do. A segment in braces is a
// parameter; a literal one wins over it, so order does not matter.
var operations = []operation{
	{"POST", "/oauth2/v1/token", "", (*Sim).token},

	{"GET", "/api/v1/users", usersRead, (*Sim).listUsers},
	{"POST", "/api/v1/users", usersManage, (*Sim).createUser},
	{"GET", "/api/v1/users/{user}", usersRead, (*Sim).getUser},
	{"POST", "/api/v1/users/{user}", usersManage, (*Sim).updateUser},
	{"PUT", "/api/v1/users/{user}", usersManage, (*Sim).replaceUser},
	{"DELETE", "/api/v1/users/{user}", usersManage, (*Sim).deleteUser},
	{"POST", "/api/v1/users/{user}/lifecycle/activate", usersManage, (*Sim).activate},
	{"POST", "/api/v1/users/{user}/lifecycle/reactivate", usersManage, (*Sim).reactivate},
	{"POST", "/api/v1/users/{user}/lifecycle/deactivate", usersManage, (*Sim).deactivate},
	{"POST", "/api/v1/users/{user}/lifecycle/suspend", usersManage, (*Sim).suspend},
	{"POST", "/api/v1/users/{user}/lifecycle/unsuspend", usersManage, (*Sim).unsuspend},
	{"POST", "/api/v1/users/{user}/lifecycle/unlock", usersManage, (*Sim).unlock},
	{"POST", "/api/v1/users/{user}/lifecycle/expire_password", usersManage, (*Sim).expirePassword},
	{"POST", "/api/v1/users/{user}/lifecycle/reset_password", usersManage, (*Sim).resetPassword},
	{"POST", "/api/v1/users/{user}/lifecycle/reset_factors", usersManage, (*Sim).resetFactors},
	{"GET", "/api/v1/users/{user}/groups", usersRead, (*Sim).userGroups},
	{"GET", "/api/v1/users/{user}/appLinks", usersRead, (*Sim).appLinks},
	{"DELETE", "/api/v1/users/{user}/sessions", usersManage, (*Sim).clearSessions},
	{"GET", "/api/v1/users/{user}/grants", usersRead, (*Sim).listGrants},
	{"DELETE", "/api/v1/users/{user}/grants", usersManage, (*Sim).revokeGrants},
	{"GET", "/api/v1/users/{user}/grants/{grant}", usersRead, (*Sim).getGrant},
	{"DELETE", "/api/v1/users/{user}/grants/{grant}", usersManage, (*Sim).revokeGrant},
	{"GET", "/api/v1/users/{user}/clients", usersRead, (*Sim).listClients},
	{"GET", "/api/v1/users/{user}/clients/{client}/tokens", usersRead, (*Sim).listRefreshTokens},
	{"DELETE", "/api/v1/users/{user}/clients/{client}/tokens", usersManage, (*Sim).revokeRefreshTokens},
	{"GET", "/api/v1/users/{user}/factors", usersRead, (*Sim).listFactors},
	{"GET", "/api/v1/users/{user}/factors/{factor}", usersRead, (*Sim).getFactor},
	{"DELETE", "/api/v1/users/{user}/factors/{factor}", usersManage, (*Sim).deleteFactor},
	{"GET", "/api/v1/users/{user}/roles", rolesRead, (*Sim).listRoles},
	{"POST", "/api/v1/users/{user}/roles", rolesManage, (*Sim).assignRole},
	{"GET", "/api/v1/users/{user}/roles/{role}", rolesRead, (*Sim).getRole},
	{"DELETE", "/api/v1/users/{user}/roles/{role}", rolesManage, (*Sim).unassignRole},
	{"GET", "/api/v1/iam/assignees/users", rolesRead, (*Sim).listAssignees},
	{"GET", "/api/v1/api-tokens", tokenRead, (*Sim).listAPITokens},
	{"GET", "/api/v1/api-tokens/{token}", tokenRead, (*Sim).getAPIToken},
	{"DELETE", "/api/v1/api-tokens/{token}", tokenManage, (*Sim).revokeAPIToken},

	{"GET", "/api/v1/groups", groupsRead, (*Sim).listGroups},
	{"GET", "/api/v1/groups/rules", groupsRead, (*Sim).listRules},
	{"GET", "/api/v1/groups/rules/{rule}", groupsRead, (*Sim).getRule},
	{"GET", "/api/v1/groups/{group}", groupsRead, (*Sim).getGroup},
	{"GET", "/api/v1/groups/{group}/users", groupsRead, (*Sim).listMembers},
	{"PUT", "/api/v1/groups/{group}/users/{user}", groupsManage, (*Sim).addMember},
	{"DELETE", "/api/v1/groups/{group}/users/{user}", groupsManage, (*Sim).removeMember},
	{"GET", "/api/v1/groups/{group}/apps", groupsRead, (*Sim).groupApps},
	{"GET", "/api/v1/groups/{group}/owners", groupsRead, (*Sim).groupOwners},

	{"GET", "/api/v1/apps", appsRead, (*Sim).listApps},
	{"GET", "/api/v1/apps/{app}", appsRead, (*Sim).getApp},
	{"GET", "/api/v1/apps/{app}/users", appsRead, (*Sim).listAppUsers},
	{"POST", "/api/v1/apps/{app}/users", appsManage, (*Sim).assignApp},
	{"GET", "/api/v1/apps/{app}/users/{user}", appsRead, (*Sim).getAppUser},
	{"DELETE", "/api/v1/apps/{app}/users/{user}", appsManage, (*Sim).unassignApp},

	{"GET", "/api/v1/logs", logsRead, (*Sim).listLogs},
}

// routes has the operations by number of path segments.
var routes = func() map[int][]operation {
	byLength := map[int][]operation{}
	for _, op := range operations {
		n := strings.Count(op.pattern, "/")
		byLength[n] = append(byLength[n], op)
	}
	return byLength
}()

// match finds the operation and fills c.params. An unknown path is E0000008, a
// known one with another method E0000022 (error codes).
func match(c *call) (operation, *Error) {
	segments := strings.Split(strings.TrimPrefix(c.request.URL.EscapedPath(), "/"), "/")
	var best operation
	bestLiterals, known := -1, false
	for _, op := range routes[len(segments)] {
		params, literals := capture(op.pattern, segments)
		if params == nil {
			continue
		}
		known = true
		if op.method == c.request.Method && literals > bestLiterals {
			best, bestLiterals, c.params = op, literals, params
		}
	}
	switch {
	case bestLiterals >= 0:
		return best, nil
	case known:
		return operation{}, refuse("E0000022")
	}
	return operation{}, refuse("E0000008")
}

func capture(pattern string, segments []string) (params map[string]string, literals int) {
	params = map[string]string{}
	for i, part := range strings.Split(strings.TrimPrefix(pattern, "/"), "/") {
		if name, isParam := strings.CutPrefix(part, "{"); isParam {
			value, err := url.PathUnescape(segments[i])
			if err != nil || value == "" {
				return nil, 0
			}
			params[strings.TrimSuffix(name, "}")] = value
			continue
		}
		if part != segments[i] {
			return nil, 0
		}
		literals++
	}
	return params, literals
}

// userOf resolves the path's user.
func (s *Sim) userOf(c *call) (*user, *Error) {
	u := s.org.user(c.params["user"])
	if u == nil {
		return nil, missing(c.params["user"], "User")
	}
	return u, nil
}

// asynchronous tells whether the caller asked not to wait (RFC 7240; spec,
// deactivateUser).
func asynchronous(r *http.Request) bool {
	return strings.EqualFold(strings.TrimSpace(r.Header.Get("Prefer")), "respond-async")
}
