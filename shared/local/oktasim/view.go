package oktasim

import (
	"net/url"
	"slices"
)

// The JSON forms of what the org holds (spec, schemas User, Group, Application,
// AppUser, AssignedAppLink).

// userTypeID is the org's one user type.
const userTypeID = "otysim00000000000001"

type link struct {
	Href   string `json:"href"`
	Method string `json:"method,omitempty"`
	Name   string `json:"name,omitempty"`
	Type   string `json:"type,omitempty"`
	Title  string `json:"title,omitempty"`
	Hints  *hints `json:"hints,omitempty"`
}

type hints struct {
	Allow []string `json:"allow"`
}

type userView struct {
	ID              string         `json:"id"`
	Status          string         `json:"status"`
	Created         stamp          `json:"created"`
	Activated       stamp          `json:"activated"`
	StatusChanged   stamp          `json:"statusChanged"`
	LastLogin       stamp          `json:"lastLogin"`
	LastUpdated     stamp          `json:"lastUpdated"`
	PasswordChanged stamp          `json:"passwordChanged"`
	TransitioningTo string         `json:"transitioningToStatus,omitempty"`
	Type            map[string]any `json:"type"`
	Profile         map[string]any `json:"profile"`
	Credentials     map[string]any `json:"credentials"`
	Links           map[string]any `json:"_links"`
}

// view shows one version of the user; alone is true when the answer holds no
// other, which then carries the operations legal in the user's status (spec,
// User, _links).
func (u *user) view(c *call, r record, alone bool) userView {
	self := c.url("/api/v1/users/" + u.id)
	credentials := map[string]any{"provider": map[string]any{"type": "OKTA", "name": "OKTA"}}
	if r.password {
		credentials["password"] = struct{}{}
	}
	links := map[string]any{"self": link{Href: self}}
	if alone {
		for _, name := range lifecycleLinks[r.status] {
			links[name] = link{Href: self + linkPaths[name], Method: "POST"}
		}
	}
	return userView{
		ID: u.id, Status: r.status, Created: stamp(r.created), Activated: stamp(r.activated),
		StatusChanged: stamp(r.statusChanged), LastLogin: stamp(r.lastLogin), LastUpdated: stamp(r.lastUpdated),
		PasswordChanged: stamp(r.passwordChanged), TransitioningTo: r.transition,
		Type: map[string]any{"id": userTypeID}, Profile: r.profile, Credentials: credentials, Links: links,
	}
}

var lifecycleLinks = map[string][]string{
	Staged:          {"activate", "deactivate"},
	Provisioned:     {"reactivate", "resetPassword", "resetFactors", "deactivate"},
	Active:          {"suspend", "resetPassword", "expirePassword", "resetFactors", "deactivate"},
	Recovery:        {"reactivate", "resetPassword", "resetFactors", "deactivate"},
	PasswordExpired: {"resetPassword", "resetFactors", "deactivate"},
	LockedOut:       {"unlock", "resetFactors", "deactivate"},
	Suspended:       {"unsuspend", "resetFactors", "deactivate"},
	Deprovisioned:   {"activate"},
}

var linkPaths = map[string]string{
	"activate": "/lifecycle/activate", "reactivate": "/lifecycle/reactivate", "deactivate": "/lifecycle/deactivate",
	"suspend": "/lifecycle/suspend", "unsuspend": "/lifecycle/unsuspend", "unlock": "/lifecycle/unlock",
	"resetPassword": "/lifecycle/reset_password", "expirePassword": "/lifecycle/expire_password",
	"resetFactors": "/lifecycle/reset_factors",
}

type groupView struct {
	ID                    string         `json:"id"`
	Created               stamp          `json:"created"`
	LastUpdated           stamp          `json:"lastUpdated"`
	LastMembershipUpdated stamp          `json:"lastMembershipUpdated"`
	ObjectClass           []string       `json:"objectClass"`
	Type                  string         `json:"type"`
	Profile               map[string]any `json:"profile"`
	Links                 map[string]any `json:"_links"`
	Embedded              map[string]any `json:"_embedded,omitempty"`
}

func (g *group) view(c *call) groupView {
	self := c.url("/api/v1/groups/" + g.id)
	view := groupView{
		ID: g.id, Created: stamp(g.created), LastUpdated: stamp(g.updated), LastMembershipUpdated: stamp(g.membersUpdated),
		ObjectClass: []string{"okta:user_group"}, Type: g.kind,
		Profile: map[string]any{"name": g.name, "description": g.description},
		Links: map[string]any{
			"self": link{Href: self}, "users": link{Href: self + "/users"}, "apps": link{Href: self + "/apps"},
			"logo": []link{{Name: "medium", Href: c.url("/img/logos/groups/okta-medium.png"), Type: "image/png"}},
		},
	}
	if g.kind == appGroup {
		view.ObjectClass = []string{"okta:windows_security_principal"}
		view.Profile["samAccountName"] = g.name
		view.Profile["windowsDomainQualifiedName"] = `EXAMPLE\` + g.name
		if g.source != nil {
			view.Links["source"] = link{Href: c.url("/api/v1/apps/" + g.source.id)}
		}
	}
	return view
}

type appView struct {
	ID            string         `json:"id"`
	Name          string         `json:"name"`
	Label         string         `json:"label"`
	Status        string         `json:"status"`
	Created       stamp          `json:"created"`
	LastUpdated   stamp          `json:"lastUpdated"`
	SignOnMode    string         `json:"signOnMode"`
	Features      []string       `json:"features"`
	Accessibility map[string]any `json:"accessibility"`
	Visibility    map[string]any `json:"visibility"`
	Links         map[string]any `json:"_links"`
	Embedded      map[string]any `json:"_embedded,omitempty"`
}

func (a *app) view(c *call) appView {
	self := c.url("/api/v1/apps/" + a.id)
	return appView{
		ID: a.id, Name: a.name, Label: a.label, Status: Active, Created: stamp(a.created), LastUpdated: stamp(a.updated),
		SignOnMode: "SAML_2_0", Features: []string{}, Accessibility: map[string]any{"selfService": false},
		Visibility: map[string]any{
			"autoSubmitToolbar": false, "hide": map[string]any{"iOS": false, "web": false}, "appLinks": map[string]any{"login": true},
		},
		Links: map[string]any{
			"self": link{Href: self}, "users": link{Href: self + "/users"}, "groups": link{Href: self + "/groups"},
			"deactivate": link{Href: self + "/lifecycle/deactivate"},
			"appLinks":   []link{{Name: "login", Href: c.url(a.homePath()), Type: "text/html"}},
		},
	}
}

func (a *app) homePath() string { return "/home/" + url.PathEscape(a.name) + "/" + a.id + "/1" }

type appUserView struct {
	ID            string            `json:"id"`
	Created       stamp             `json:"created"`
	LastUpdated   stamp             `json:"lastUpdated"`
	Scope         string            `json:"scope"`
	Status        string            `json:"status"`
	StatusChanged stamp             `json:"statusChanged"`
	SyncState     string            `json:"syncState"`
	Credentials   map[string]string `json:"credentials"`
	Profile       map[string]any    `json:"profile"`
	Links         map[string]any    `json:"_links"`
	Embedded      map[string]any    `json:"_embedded,omitempty"`
}

func (a *appUser) view(c *call) appUserView {
	links := map[string]any{
		"app":  link{Href: c.url("/api/v1/apps/" + a.app.id)},
		"user": link{Href: c.url("/api/v1/users/" + a.user.id)},
	}
	if !a.direct {
		// The group that carries the app to the user (spec, LinksAppAndUser); of
		// several, the first.
		for _, m := range a.user.members {
			if slices.Contains(m.group.apps, a.app) {
				links["group"] = link{Href: c.url("/api/v1/groups/" + m.group.id)}
				break
			}
		}
	}
	return appUserView{
		ID: a.user.id, Created: stamp(a.created), LastUpdated: stamp(a.updated), Scope: a.scope(), Status: Active,
		StatusChanged: stamp(a.created), SyncState: "DISABLED",
		Credentials: map[string]string{"userName": text(a.user.profile, "login")},
		Profile:     map[string]any{"email": a.user.profile["email"]},
		Links:       links,
	}
}

type appLinkView struct {
	ID               string `json:"id"`
	Label            string `json:"label"`
	LinkURL          string `json:"linkUrl"`
	LogoURL          string `json:"logoUrl"`
	AppName          string `json:"appName"`
	AppInstanceID    string `json:"appInstanceId"`
	AppAssignmentID  string `json:"appAssignmentId"`
	CredentialsSetup bool   `json:"credentialsSetup"`
	Hidden           bool   `json:"hidden"`
	SortOrder        int    `json:"sortOrder"`
}

// link shows the assignment as an icon on the person's dashboard. Its id is the
// user's (spec, example ListAppLinks).
func (a *appUser) link(c *call, order int) appLinkView {
	return appLinkView{
		ID: a.user.id, Label: a.app.label, LinkURL: c.url(a.app.homePath()),
		LogoURL: c.url("/img/logos/" + url.PathEscape(a.app.name) + ".png"), AppName: a.app.name, AppInstanceID: a.app.id,
		AppAssignmentID: a.id(), SortOrder: order,
	}
}
