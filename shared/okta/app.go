package okta

import (
	"context"
	"fmt"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// Scopes of an assignment (spec, schema AppUser).
const (
	// ScopeUser is an assignment of the person's own.
	ScopeUser = "USER"
	// ScopeGroup is one that comes through a group, and goes with the membership.
	ScopeGroup = "GROUP"
)

// Assignment is an app that a person is assigned to. The ledger keeps
// assignments in this form.
type Assignment struct {
	AppID string `json:"app_id"`
	Label string `json:"label"`
	// Scope is ScopeUser or ScopeGroup; empty when it was not read.
	Scope string `json:"scope,omitempty"`
}

// AppLink is an app as the person's dashboard shows it.
type AppLink struct {
	AppID, Label string
}

// appsPerPage is the most Okta gives at once (spec, listApplications).
const appsPerPage = 200

// Assignments lists the apps assigned to the user, hidden ones included, with
// how. One call of the narrow apps limit for every 200 of them.
func (c *Client) Assignments(ctx context.Context, userID string) ([]Assignment, error) {
	var found []sdkokta.App
	_, err := c.do(ctx, call{doing: "reading the apps of " + named(userID), read: true}, func(ctx context.Context) (err error) {
		found, err = appPages(ctx, query.NewQueryParams(
			query.WithFilter("user.id eq "+quoted(userID)), query.WithExpand("user/"+userID), query.WithLimit(appsPerPage)))
		return err
	})
	if err != nil {
		return nil, err
	}
	assigned := make([]Assignment, 0, len(found))
	for _, app := range found {
		a, isApp := app.(*sdkokta.Application)
		if !isApp {
			continue
		}
		assigned = append(assigned, Assignment{AppID: a.Id, Label: a.Label, Scope: scopeOf(a)})
	}
	return assigned, nil
}

// appPages reads all pages of apps. The SDK's list is of an interface, which
// its next pages cannot be decoded into.
func appPages(ctx context.Context, params *query.Params) ([]sdkokta.App, error) {
	all, response, err := sdk.Application.ListApplications(ctx, params)
	if err != nil || !response.HasNextPage() {
		return all, err
	}
	more, err := pages(ctx, func(ctx context.Context) ([]sdkokta.Application, *sdkokta.Response, error) {
		var next []sdkokta.Application
		response, err := response.Next(ctx, &next)
		return next, response, err
	})
	for i := range more {
		all = append(all, &more[i])
	}
	return all, err
}

// scopeOf reads the assignment that expand embeds into an app.
func scopeOf(a *sdkokta.Application) string {
	embedded, _ := a.Embedded.(map[string]any)
	user, _ := embedded["user"].(map[string]any)
	scope, _ := user["scope"].(string)
	return scope
}

// AppLinks lists the apps on the user's dashboard. It is of the widest limit,
// and lacks hidden apps and how they are assigned.
func (c *Client) AppLinks(ctx context.Context, userID string) ([]AppLink, error) {
	var found []*sdkokta.AppLink
	_, err := c.do(ctx, call{doing: "reading the dashboard of " + named(userID), read: true}, func(ctx context.Context) (err error) {
		found, err = pages(ctx, func(ctx context.Context) ([]*sdkokta.AppLink, *sdkokta.Response, error) {
			return sdk.User.ListAppLinks(ctx, escaped(userID))
		})
		return err
	})
	links := make([]AppLink, 0, len(found))
	for _, l := range found {
		links = append(links, AppLink{AppID: l.AppInstanceId, Label: l.Label})
	}
	return links, err
}

// HasApp reports whether the app is assigned to the user, in whatever way.
func (c *Client) HasApp(ctx context.Context, appID, userID string) (bool, error) {
	doing := fmt.Sprintf("reading whether %s has the app %s", named(userID), appID)
	_, err := c.do(ctx, call{doing: doing, read: true}, func(ctx context.Context) error {
		_, _, err := sdk.Application.GetApplicationUser(ctx, escaped(appID), escaped(userID), nil)
		return err
	})
	if fault.Is[*fault.NotFound](err) {
		return false, nil
	}
	return err == nil, err
}

// AssignApp assigns the app to the user directly. Somebody who has it through a
// group gets it in their own right as well.
func (c *Client) AssignApp(ctx context.Context, appID, userID string, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: fmt.Sprintf("assigning the app %s to %s", appID, named(userID))},
		verb: "app.assign", target: "app/" + appID, subject: userID, key: userID,
		run: func(ctx context.Context) error {
			_, _, err := sdk.Application.AssignUserToApplication(ctx, escaped(appID), sdkokta.AppUser{Id: userID, Scope: ScopeUser})
			return err
		},
	}, why)
}

// UnassignApp ends a direct assignment; none counts as done. *fault.NotFound
// says that the app does not exist, *fault.Conflict that a group gives it too:
// it goes with the membership.
func (c *Client) UnassignApp(ctx context.Context, appID, userID string, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: fmt.Sprintf("taking the app %s away from %s", appID, named(userID))},
		verb: "app.unassign", target: "app/" + appID, subject: userID, key: userID,
		run: func(ctx context.Context) error {
			_, err := sdk.Application.DeleteApplicationUser(ctx, escaped(appID), escaped(userID), query.NewQueryParams(query.WithSendEmail(false)))
			return err
		},
		settled: func(ctx context.Context, refusal error) error {
			if !fault.Is[*fault.NotFound](refusal) {
				return refusal
			}
			// Okta says the same of an assignment and of an app that is not there.
			_, err := c.do(ctx, call{doing: "reading the app " + appID, read: true}, func(ctx context.Context) error {
				_, err := raw(ctx, "GET", "/api/v1/apps/"+escaped(appID), nil)
				return err
			})
			return err
		},
	}, why)
}
