package okta

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"lifecycle/shared/fault"
)

// Status is a user's status (spec, schema UserStatus).
type Status string

// The statuses of a user.
const (
	Staged          Status = "STAGED"
	Provisioned     Status = "PROVISIONED"
	Active          Status = "ACTIVE"
	Recovery        Status = "RECOVERY"
	PasswordExpired Status = "PASSWORD_EXPIRED"
	LockedOut       Status = "LOCKED_OUT"
	Suspended       Status = "SUSPENDED"
	Deprovisioned   Status = "DEPROVISIONED"
)

// CanSignIn reports whether the person can get in without anybody's help: with
// the password, or by the link of the welcome or recovery mail.
func (s Status) CanSignIn() bool {
	return slices.Contains([]Status{Provisioned, Active, Recovery, PasswordExpired}, s)
}

// User is an account in Okta.
type User struct {
	ID     string
	Status Status
	// TransitioningTo is the status an asynchronous change is on its way to;
	// empty when none is under way.
	TransitioningTo Status
	Profile         Profile
	// Provider is who keeps the password: ProviderOkta, ACTIVE_DIRECTORY, LDAP,
	// FEDERATION...; empty when Okta does not say.
	Provider string
	// Times are zero when the thing has not happened.
	Created, Activated, StatusChanged, LastLogin, LastUpdated, PasswordChanged time.Time
}

func userOf(u *sdkokta.User) User {
	out := User{
		ID: u.Id, Status: Status(u.Status), TransitioningTo: Status(u.TransitioningToStatus), Provider: providerOf(u),
		Created: at(u.Created), Activated: at(u.Activated), StatusChanged: at(u.StatusChanged),
		LastLogin: at(u.LastLogin), LastUpdated: at(u.LastUpdated), PasswordChanged: at(u.PasswordChanged),
	}
	if u.Profile != nil {
		out.Profile = profileOf(*u.Profile)
	}
	return out
}

// User reads an account by id or login. Reading is consistent, unlike searching.
// The short form of a login is not accepted, though Okta does: it can mean
// somebody else tomorrow.
func (c *Client) User(ctx context.Context, idOrLogin string) (User, error) {
	call := call{doing: "reading " + named(idOrLogin), read: true}
	if idOrLogin == "" {
		return User{}, &fault.Invalid{Message: "reading an Okta user: neither id nor login was given"}
	}
	var found *sdkokta.User
	_, err := c.do(ctx, call, func(ctx context.Context) (err error) {
		found, _, err = sdk.User.GetUser(ctx, escaped(idOrLogin))
		return err
	})
	if err != nil {
		return User{}, err
	}
	u := userOf(found)
	if u.ID != idOrLogin && !strings.ContainsRune(idOrLogin, '@') && !strings.EqualFold(u.Profile.Login, idOrLogin) {
		return User{}, &fault.NotFound{Message: call.doing + ": Okta knows it only as the short form of another login"}
	}
	return u, nil
}

// UsersByEmail finds all accounts with that email address or login, in any
// status, DEPROVISIONED included. Every one has been read by id.
func (c *Client) UsersByEmail(ctx context.Context, email string) ([]User, error) {
	if email == "" {
		return nil, &fault.Invalid{Message: "finding Okta users by email address: none was given"}
	}
	var first []User
	// Search may not show yet who was created or renamed just now.
	u, err := c.User(ctx, email)
	switch {
	case err == nil:
		first = append(first, u)
	case !fault.Is[*fault.NotFound](err):
		return nil, err
	}
	return c.find(ctx, "finding Okta users by email address", "profile.email", email, first, func(u User) bool {
		return strings.EqualFold(u.Profile.Email, email) || strings.EqualFold(u.Profile.Login, email)
	})
}

// UsersByEmployeeNumber finds all accounts that carry the number, in any status,
// DEPROVISIONED included. Every one has been read by id. One that was given the
// number seconds ago may be missing: search lags behind.
func (c *Client) UsersByEmployeeNumber(ctx context.Context, number string) ([]User, error) {
	if number == "" {
		return nil, &fault.Invalid{Message: "finding Okta users by employee number: none was given"}
	}
	return c.find(ctx, "finding Okta users by employee number", "profile.employeeNumber", number, nil, func(u User) bool {
		return strings.EqualFold(u.Profile.EmployeeNumber, number)
	})
}

// usersPerPage is what Okta recommends and allows (spec, listUsers).
const usersPerPage = 200

// find searches for accounts whose attribute has the value, and reads each hit
// by id, since what search shows may be old; known have been read already.
func (c *Client) find(ctx context.Context, doing, attribute, value string, known []User, is func(User) bool) ([]User, error) {
	expression := fmt.Sprintf("%s eq %s", attribute, quoted(value))
	var hits []*sdkokta.User
	_, err := c.do(ctx, call{doing: doing, read: true}, func(ctx context.Context) (err error) {
		hits, err = pages(ctx, func(ctx context.Context) ([]*sdkokta.User, *sdkokta.Response, error) {
			return sdk.User.ListUsers(ctx, query.NewQueryParams(query.WithSearch(expression), query.WithLimit(usersPerPage)))
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	found := known
	for _, hit := range hits {
		if slices.ContainsFunc(found, func(u User) bool { return u.ID == hit.Id }) {
			continue
		}
		u, err := c.User(ctx, hit.Id)
		if fault.Is[*fault.NotFound](err) {
			continue // deleted since
		}
		if err != nil {
			return nil, err
		}
		found = append(found, u)
	}
	return slices.DeleteFunc(found, func(u User) bool { return !is(u) }), nil
}

// quoted is a value in Okta's filter language.
func quoted(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}
