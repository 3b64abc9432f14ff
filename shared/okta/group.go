package okta

import (
	"context"
	"slices"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"lifecycle/shared/audit"
)

// Types of group (spec, schema GroupType).
const (
	// GroupTypeOkta is a group whose memberships can be changed.
	GroupTypeOkta = "OKTA_GROUP"
	// GroupTypeApp is a group that an app was the source of, which alone changes it.
	GroupTypeApp = "APP_GROUP"
	// GroupTypeBuiltIn is a group of Okta's own, Everyone above all.
	GroupTypeBuiltIn = "BUILT_IN"
)

// Group is a group in Okta. The ledger keeps groups in this form.
type Group struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

// Groups lists the groups that the user is a member of, Everyone included.
func (c *Client) Groups(ctx context.Context, userID string) ([]Group, error) {
	var found []*sdkokta.Group
	_, err := c.do(ctx, call{doing: "reading the groups of " + named(userID), read: true}, func(ctx context.Context) (err error) {
		found, err = pages(ctx, func(ctx context.Context) ([]*sdkokta.Group, *sdkokta.Response, error) {
			return sdk.User.ListUserGroups(ctx, escaped(userID))
		})
		return err
	})
	groups := make([]Group, 0, len(found))
	for _, g := range found {
		group := Group{ID: g.Id, Type: g.Type}
		if g.Profile != nil {
			group.Name = g.Profile.Name
		}
		groups = append(groups, group)
	}
	return groups, err
}

// AddToGroup makes the user a member. Only the memberships of GroupTypeOkta can
// be changed; others are refused with *fault.Conflict or *fault.Denied.
func (c *Client) AddToGroup(ctx context.Context, groupID, userID string, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: "adding " + named(userID) + " to the group " + groupID},
		verb: "group.add", target: "group/" + groupID, subject: userID, key: userID,
		run: func(ctx context.Context) error {
			_, err := sdk.Group.AddUserToGroup(ctx, escaped(groupID), escaped(userID))
			return err
		},
	}, why)
}

// RemoveFromGroup ends the user's membership; no membership counts as done.
// *fault.NotFound says that the group or the user does not exist. A membership
// that a group rule makes comes back while the rule applies.
func (c *Client) RemoveFromGroup(ctx context.Context, groupID, userID string, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: "removing " + named(userID) + " from the group " + groupID},
		verb: "group.remove", target: "group/" + groupID, subject: userID, key: userID,
		run: func(ctx context.Context) error {
			_, err := sdk.Group.RemoveUserFromGroup(ctx, escaped(groupID), escaped(userID))
			return err
		},
	}, why)
}

// GroupRule makes memberships out of profiles.
type GroupRule struct {
	ID, Name string
	// GroupIDs are the groups it puts people into.
	GroupIDs []string
	// Status is ACTIVE, INACTIVE or INVALID.
	Status string
}

// Active reports whether the rule is at work.
func (r GroupRule) Active() bool { return r.Status == "ACTIVE" }

// rulesPerPage is the most Okta gives at once (spec, listGroupRules).
const rulesPerPage = 200

// GroupRules lists all group rules.
func (c *Client) GroupRules(ctx context.Context) ([]GroupRule, error) {
	var found []*sdkokta.GroupRule
	_, err := c.do(ctx, call{doing: "reading the group rules", read: true}, func(ctx context.Context) (err error) {
		found, err = pages(ctx, func(ctx context.Context) ([]*sdkokta.GroupRule, *sdkokta.Response, error) {
			return sdk.Group.ListGroupRules(ctx, query.NewQueryParams(query.WithLimit(rulesPerPage)))
		})
		return err
	})
	rules := make([]GroupRule, 0, len(found))
	for _, r := range found {
		rule := GroupRule{ID: r.Id, Name: r.Name, Status: r.Status}
		if r.Actions != nil && r.Actions.AssignUserToGroups != nil {
			rule.GroupIDs = r.Actions.AssignUserToGroups.GroupIds
		}
		rules = append(rules, rule)
	}
	return rules, err
}

// OwnedGroups returns those of the groups that the user owns. It asks group by
// group, so it costs a call for each; only GroupTypeOkta groups can have owners,
// and only in orgs with Okta Identity Governance: elsewhere Okta refuses.
func (c *Client) OwnedGroups(ctx context.Context, userID string, groups []Group) ([]Group, error) {
	type owner struct {
		ID string `json:"id"`
	}
	var owned []Group
	for _, g := range groups {
		if g.Type != GroupTypeOkta {
			continue
		}
		var owners []owner
		_, err := c.do(ctx, call{doing: "reading the owners of the group " + g.ID, read: true}, func(ctx context.Context) error {
			_, err := raw(ctx, "GET", "/api/v1/groups/"+escaped(g.ID)+"/owners?limit=1000", &owners)
			return err
		})
		if err != nil {
			return nil, err
		}
		if slices.Contains(owners, owner{ID: userID}) {
			owned = append(owned, g)
		}
	}
	return owned, nil
}
