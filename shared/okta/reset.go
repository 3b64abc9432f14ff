package okta

import (
	"context"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"lifecycle/shared/audit"
)

// ProviderOkta is the credential provider of an account whose password Okta
// itself keeps. The password of any other belongs to a directory or to another
// identity provider; resetting it here would turn a federated account into one
// of Okta's own (spec, resetPassword).
const ProviderOkta = "OKTA"

// ResetPassword makes the account wait for a new password (RECOVERY) and has
// Okta mail the link to the address it has on record; nobody else sees it.
// Sessions stay as they are. before is the account as it was read when this was
// decided: by its status and the time of its last password a step that runs
// again tells that the mail is out.
//
// Okta allows it from ACTIVE, PASSWORD_EXPIRED, RECOVERY and PROVISIONED; any
// other status is *fault.Conflict. The call is not repeated in place, since
// every one sends a mail and kills the link before.
func (c *Client) ResetPassword(ctx context.Context, before User, why audit.Reason) error {
	d := c.lifecycle(before.ID, "user.reset_password", "sending a password reset mail to", func(ctx context.Context) error {
		_, _, err := sdk.User.ResetPassword(ctx, escaped(before.ID), query.NewQueryParams(query.WithSendEmail(true)))
		return err
	})
	d.once, d.after = true, mailed(true)
	return c.ledger.Do(ctx, d.change(why), func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
		now, err := c.User(ctx, before.ID)
		if err != nil || now.resetSince(before) {
			return audit.Effect{After: d.after}, err
		}
		x, err := c.do(ctx, d.call, d.run)
		if refused(err) {
			err = d.settled(ctx, err)
		}
		return audit.Effect{After: d.after, RequestID: x.requestID()}, err
	})
}

// resetSince reports whether the account was reset since it was as before. That
// cannot be seen when it was in RECOVERY then: a second mail does less harm than
// none.
func (u User) resetSince(before User) bool {
	return u.Status == Recovery && before.Status != Recovery || u.PasswordChanged.After(before.PasswordChanged)
}

// Unenroll removes one enrolled factor; one that is not there counts as done.
// Removing push or FastPass removes everything else of the same Okta Verify too
// (spec, unenrollFactor). An account that is DEPROVISIONED is *fault.Conflict.
func (c *Client) Unenroll(ctx context.Context, userID string, factor Factor, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: "removing the factor " + factor.Type + " (" + factor.ID + ") of " + named(userID)},
		verb: "factor.unenroll", target: "factor/" + factor.ID, subject: userID,
		before: map[string]any{"type": factor.Type},
		run: func(ctx context.Context) error {
			_, err := sdk.UserFactor.DeleteFactor(ctx, escaped(userID), escaped(factor.ID))
			return err
		},
		settled: gone,
	}, why)
}

// providerOf is who keeps an account's password (spec, schema
// AuthenticationProviderType).
func providerOf(u *sdkokta.User) string {
	if u.Credentials == nil || u.Credentials.Provider == nil {
		return ""
	}
	return u.Credentials.Provider.Type
}
