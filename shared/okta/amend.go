package okta

import (
	"context"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"

	"lifecycle/shared/audit"
)

// Amend changes some attributes of an account's profile and leaves the others as
// they are, also those that somebody else changes at the same time: change gets
// the profile as it stands. An attribute that becomes empty loses its value.
// Nothing is written when nothing differs. The ledger gets the names of the
// attributes that change, not their values.
func (c *Client) Amend(ctx context.Context, id string, change func(*Profile), why audit.Reason) error {
	u, err := c.User(ctx, id)
	if err != nil {
		return err
	}
	p := u.Profile
	change(&p)
	changed := p.difference(u.Profile)
	if len(changed) == 0 {
		return nil
	}
	return c.carryOut(ctx, deed{
		call: call{doing: "changing attributes of " + named(id)},
		verb: "user.update_profile", target: "user/" + id, subject: id, after: names(changed),
		run: func(ctx context.Context) error {
			_, _, err := sdk.User.PartialUpdateUser(ctx, escaped(id), sdkokta.User{Profile: &changed}, nil)
			return err
		},
	}, why)
}
