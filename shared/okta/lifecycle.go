package okta

import (
	"context"

	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"lifecycle/shared/audit"
)

// lifecycle is a change of a user's status.
func (c *Client) lifecycle(id, verb, doing string, run func(context.Context) error, done ...Status) deed {
	doing += " " + named(id)
	return deed{
		call: call{doing: doing}, verb: verb, target: "user/" + id, subject: id,
		run: run, settled: c.already(id, doing, done...),
	}
}

// Activate activates an account that is STAGED or DEPROVISIONED. With sendMail
// Okta sends the person the welcome mail; without it, its answer holds the
// activation link, which is dropped unseen. An account that is in use already
// stays as it is, and gets no mail.
func (c *Client) Activate(ctx context.Context, id string, sendMail bool, why audit.Reason) error {
	d := c.lifecycle(id, "user.activate", "activating", func(ctx context.Context) error {
		_, _, err := sdk.User.ActivateUser(ctx, escaped(id), query.NewQueryParams(query.WithSendEmail(sendMail)))
		return err
	}, Provisioned, Active, Recovery, PasswordExpired)
	d.after = mailed(sendMail)
	return c.carryOut(ctx, d, why)
}

// Reactivate makes a new activation link for an account that is PROVISIONED or
// in RECOVERY; the old one dies. With sendMail Okta mails it to the person,
// without it is dropped unseen. An account that is ACTIVE needs none. The call
// is not repeated in place, since every one sends a mail.
func (c *Client) Reactivate(ctx context.Context, id string, sendMail bool, why audit.Reason) error {
	d := c.lifecycle(id, "user.reactivate", "sending a new activation link to", func(ctx context.Context) error {
		_, _, err := sdk.User.ReactivateUser(ctx, escaped(id), query.NewQueryParams(query.WithSendEmail(sendMail)))
		return err
	}, Active)
	d.once, d.after = true, mailed(sendMail)
	return c.carryOut(ctx, d, why)
}

// Deactivate starts the deactivation of an account, without a mail to the
// administrators. Okta finishes it later: until then TransitioningTo is
// Deprovisioned.
func (c *Client) Deactivate(ctx context.Context, id string, why audit.Reason) error {
	d := c.lifecycle(id, "user.deactivate", "deactivating", func(ctx context.Context) error {
		_, err := sdk.User.DeactivateUser(ctx, escaped(id), query.NewQueryParams(query.WithSendEmail(false)))
		return err
	}, Deprovisioned)
	d.prefer = "respond-async"
	return c.carryOut(ctx, d, why)
}

// Suspend suspends an account, which has to be ACTIVE.
func (c *Client) Suspend(ctx context.Context, id string, why audit.Reason) error {
	return c.carryOut(ctx, c.lifecycle(id, "user.suspend", "suspending", func(ctx context.Context) error {
		_, err := sdk.User.SuspendUser(ctx, escaped(id))
		return err
	}, Suspended), why)
}

// Unsuspend ends a suspension; the account is ACTIVE after it.
func (c *Client) Unsuspend(ctx context.Context, id string, why audit.Reason) error {
	return c.carryOut(ctx, c.lifecycle(id, "user.unsuspend", "unsuspending", func(ctx context.Context) error {
		_, err := sdk.User.UnsuspendUser(ctx, escaped(id))
		return err
	}, Active, PasswordExpired, Recovery, LockedOut), why)
}

// Unlock ends the lock that failed sign-ins brought about; the account is ACTIVE
// after it.
func (c *Client) Unlock(ctx context.Context, id string, why audit.Reason) error {
	return c.carryOut(ctx, c.lifecycle(id, "user.unlock", "unlocking", func(ctx context.Context) error {
		_, err := sdk.User.UnlockUser(ctx, escaped(id))
		return err
	}, Active, PasswordExpired, Recovery), why)
}

// EndSessions ends the person's Okta sessions and OAuth tokens and forgets the
// remembered devices. Sessions inside other applications go on until these ask
// Okta again (spec, revokeUserSessions).
func (c *Client) EndSessions(ctx context.Context, id string, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: "ending the sessions of " + named(id)},
		verb: "session.clear", target: "user/" + id, subject: id,
		run: func(ctx context.Context) error {
			// The SDK's method has no forgetDevices.
			_, err := raw(ctx, "DELETE", "/api/v1/users/"+escaped(id)+"/sessions?oauthTokens=true&forgetDevices=true", nil)
			return err
		},
	}, why)
}

// RevokeGrants revokes the consents the person has given to applications.
func (c *Client) RevokeGrants(ctx context.Context, id string, why audit.Reason) error {
	return c.carryOut(ctx, deed{
		call: call{doing: "revoking the consents of " + named(id)},
		verb: "grant.revoke", target: "user/" + id, subject: id,
		run: func(ctx context.Context) error {
			_, err := sdk.User.RevokeUserGrants(ctx, escaped(id))
			return err
		},
	}, why)
}

// mailed is what the ledger keeps of a change that may send a mail.
func mailed(sent bool) map[string]any { return map[string]any{"mail": sent} }
