package okta

import (
	"context"
	"net/url"
	"slices"
	"strings"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// SuperAdmin is the type of the role that may do everything.
const SuperAdmin = "SUPER_ADMIN"

// Role is an administrator role that a person holds. The ledger keeps roles in
// this form.
type Role struct {
	// ID is the assignment's, not the role's.
	ID string `json:"id"`
	// Type is Okta's name for it, e.g. SuperAdmin; CUSTOM for a custom role.
	Type  string `json:"type"`
	Label string `json:"label"`
	// AssignmentType is USER or GROUP.
	AssignmentType string `json:"assignment_type"`
	// GroupID is the group that gives the role, where one does.
	GroupID string `json:"group_id,omitempty"`
}

// ViaGroup reports whether the role comes through a group, and goes with the
// membership.
func (r Role) ViaGroup() bool { return r.AssignmentType == "GROUP" }

// AdminRoles lists the administrator roles the user holds, those that come
// through groups included.
func (c *Client) AdminRoles(ctx context.Context, userID string) ([]Role, error) {
	var found []*sdkokta.Role
	_, err := c.do(ctx, call{doing: "reading the admin roles of " + named(userID), read: true}, func(ctx context.Context) (err error) {
		found, err = pages(ctx, func(ctx context.Context) ([]*sdkokta.Role, *sdkokta.Response, error) {
			return sdk.User.ListAssignedRolesForUser(ctx, escaped(userID), nil)
		})
		return err
	})
	roles := make([]Role, 0, len(found))
	for _, r := range found {
		role := Role{ID: r.Id, Type: r.Type, Label: r.Label, AssignmentType: r.AssignmentType}
		if role.ViaGroup() {
			role.GroupID = assigneeOf(r)
		}
		roles = append(roles, role)
	}
	return roles, err
}

// assigneeOf is the id of whom a role is assigned to, the end of a link.
func assigneeOf(r *sdkokta.Role) string {
	links, _ := r.Links.(map[string]any)
	assignee, _ := links["assignee"].(map[string]any)
	href, _ := assignee["href"].(string)
	return href[strings.LastIndexByte(href, '/')+1:]
}

// AssignAdminRole gives the user one of Okta's standard roles, by its type; one
// that is held already counts as done.
func (c *Client) AssignAdminRole(ctx context.Context, userID, roleType string, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: "giving " + named(userID) + " the admin role " + roleType},
		verb: "admin_role.assign", target: "role/" + roleType, subject: userID, key: userID,
		run: func(ctx context.Context) error {
			_, _, err := sdk.User.AssignRoleToUser(ctx, escaped(userID), sdkokta.AssignRoleRequest{Type: roleType}, nil)
			return err
		},
		settled: func(ctx context.Context, refusal error) error {
			if !fault.Is[*fault.Conflict](refusal) {
				return refusal
			}
			roles, err := c.AdminRoles(ctx, userID)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(roles, func(r Role) bool { return r.Type == roleType && !r.ViaGroup() }) {
				return nil
			}
			return refusal
		},
	}, why)
}

// RemoveAdminRole takes away a role of the person's own, by the id of its
// assignment; one that is not there counts as done.
func (c *Client) RemoveAdminRole(ctx context.Context, userID, roleID string, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: "removing the admin role " + roleID + " of " + named(userID)},
		verb: "admin_role.remove", target: "role/" + roleID, subject: userID, key: userID,
		run: func(ctx context.Context) error {
			_, err := sdk.User.RemoveRoleFromUser(ctx, escaped(userID), escaped(roleID))
			return err
		},
		settled: gone,
	}, why)
}

// SuperAdmins lists the ids of the users who are super administrators and can
// sign in. It asks administrator by administrator.
func (c *Client) SuperAdmins(ctx context.Context) ([]string, error) {
	admins, err := c.administrators(ctx)
	if err != nil {
		return nil, err
	}
	var supers []string
	for _, id := range admins {
		roles, err := c.AdminRoles(ctx, id)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(roles, func(r Role) bool { return r.Type == SuperAdmin }) {
			continue
		}
		u, err := c.User(ctx, id)
		if err != nil {
			return nil, err
		}
		if u.Status.CanSignIn() && u.TransitioningTo != Deprovisioned {
			supers = append(supers, id)
		}
	}
	return supers, nil
}

// administrators lists the users who hold any role.
func (c *Client) administrators(ctx context.Context) ([]string, error) {
	var ids []string
	for after := ""; ; {
		page, err := c.AdminPage(ctx, after)
		if err != nil {
			return nil, err
		}
		ids = append(ids, page.Items...)
		if after = page.Next; after == "" {
			return ids, nil
		}
	}
}

// pathOf is the path and query of a link; empty when there is none.
func pathOf(link string) string {
	parsed, err := url.Parse(link)
	if err != nil || link == "" {
		return ""
	}
	return parsed.RequestURI()
}
