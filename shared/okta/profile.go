package okta

import (
	"context"
	"maps"
	"slices"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// Profile is the part of a user's profile that the system works with. Two
// profiles can be compared with ==. An empty field is an attribute without a
// value.
type Profile struct {
	Login, Email, FirstName, LastName string
	EmployeeNumber                    string
	// EmployeeType is Okta's userType.
	EmployeeType      string
	Department, Title string
	// Location is Okta's city.
	Location string
	// ManagerID is Okta's managerId: the manager's employee number.
	ManagerID string
	// TimeZone is Okta's timezone, an IANA name.
	TimeZone string
}

// attributesOf are a profile's fields by Okta's names (spec, schema
// UserProfile).
func attributesOf(p *Profile) map[string]*string {
	return map[string]*string{
		"login": &p.Login, "email": &p.Email, "firstName": &p.FirstName, "lastName": &p.LastName,
		"employeeNumber": &p.EmployeeNumber, "userType": &p.EmployeeType, "department": &p.Department,
		"title": &p.Title, "city": &p.Location, "managerId": &p.ManagerID, "timezone": &p.TimeZone,
	}
}

func profileOf(values sdkokta.UserProfile) Profile {
	var p Profile
	for name, field := range attributesOf(&p) {
		*field, _ = values[name].(string)
	}
	return p
}

// difference is what has to be sent to make p out of old: the new values, nil
// for an attribute that loses its value.
func (p Profile) difference(old Profile) sdkokta.UserProfile {
	before, changed := attributesOf(&old), sdkokta.UserProfile{}
	for name, field := range attributesOf(&p) {
		switch *field {
		case *before[name]:
		case "":
			changed[name] = nil
		default:
			changed[name] = *field
		}
	}
	return changed
}

func names(values sdkokta.UserProfile) map[string]any {
	return map[string]any{"attributes": slices.Sorted(maps.Keys(values))}
}

// CreateUser creates an account, STAGED: without password, and without a mail to
// anybody. A login that is taken is *fault.Conflict. The call is never repeated
// in place; when an earlier attempt of the same ticket may have created the
// account, that is looked for first.
func (c *Client) CreateUser(ctx context.Context, p Profile, why audit.Reason) (User, error) {
	values := p.difference(Profile{})
	d := deed{call: call{doing: "creating an Okta user", once: true}, verb: "user.create", target: "user", after: names(values)}
	var made User
	err := c.ledger.Do(ctx, d.change(why), func(ctx context.Context, attempt audit.Attempt) (audit.Effect, error) {
		if attempt.Repeated {
			earlier, err := c.User(ctx, p.Login)
			switch {
			case err == nil && earlier.Status == Staged && earlier.Profile == p:
				made = earlier
				return audit.Effect{After: map[string]any{"id": made.ID, "status": made.Status}}, nil
			case err != nil && !fault.Is[*fault.NotFound](err):
				return audit.Effect{}, err
			}
		}
		var created *sdkokta.User
		x, err := c.do(ctx, d.call, func(ctx context.Context) (err error) {
			created, _, err = sdk.User.CreateUser(ctx, sdkokta.CreateUserRequest{Profile: &values}, query.NewQueryParams(query.WithActivate(false)))
			return err
		})
		if err != nil {
			return audit.Effect{RequestID: x.requestID()}, err
		}
		made = userOf(created)
		return audit.Effect{After: map[string]any{"id": made.ID, "status": made.Status}, RequestID: x.requestID()}, nil
	})
	if err != nil {
		return User{}, err
	}
	return made, nil
}

// UpdateProfile gives an account the profile, all of it: an empty field removes
// the attribute's value. Nothing is written when nothing differs. The ledger
// gets the names of the attributes that change, not their values.
func (c *Client) UpdateProfile(ctx context.Context, id string, p Profile, why audit.Reason) error {
	u, err := c.User(ctx, id)
	if err != nil {
		return err
	}
	changed := p.difference(u.Profile)
	if len(changed) == 0 {
		return nil
	}
	return c.carryOut(ctx, deed{
		call: call{doing: "updating the profile of " + named(id)},
		verb: "user.update_profile", target: "user/" + id, subject: id, after: names(changed),
		run: func(ctx context.Context) error {
			_, _, err := sdk.User.PartialUpdateUser(ctx, escaped(id), sdkokta.User{Profile: &changed}, nil)
			return err
		},
	}, why)
}
