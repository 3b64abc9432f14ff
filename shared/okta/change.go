package okta

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// deed is one change to Okta.
type deed struct {
	call

	// verb and target are what the ledger calls it and what it is done to, e.g.
	// "group.add" and "group/<id>"; subject is the Okta user concerned.
	verb, target, subject string
	// key tells apart what else the same verb does to the same target.
	key string
	// before and after go into the ledger; nothing personal may be in them.
	before, after any
	// run makes the call.
	run func(ctx context.Context) error
	// settled looks, after Okta refused, whether there was nothing to do; it
	// returns nil then, else the error to go with.
	settled func(ctx context.Context, refusal error) error
}

// carryOut makes a change, through the ledger.
func (c *Client) carryOut(ctx context.Context, d deed, why audit.Reason) error {
	return c.ledger.Do(ctx, d.change(why), func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
		x, err := c.do(ctx, d.call, d.run)
		effect := audit.Effect{After: d.after, RequestID: x.requestID()}
		if refused(err) && d.settled != nil {
			err = d.settled(ctx, err)
		}
		return effect, err
	})
}

func (d deed) change(why audit.Reason) audit.Change {
	return audit.Change{
		System: "okta", Verb: d.verb, Target: d.target, Subject: d.subject, Key: d.key, Reason: why,
		Before: d.before, After: d.after,
	}
}

// already takes a refusal for done when the account is, or is on its way to, one
// of the statuses; otherwise the refusal says which status it is in. Okta
// refuses by several codes, and by no code of its own for "is so already".
func (c *Client) already(id, doing string, statuses ...Status) func(context.Context, error) error {
	return func(ctx context.Context, refused error) error {
		if fault.Is[*fault.Denied](refused) {
			return refused
		}
		var answered *refusal
		errors.As(refused, &answered)
		u, err := c.User(ctx, id)
		switch {
		case fault.Is[*fault.NotFound](err):
			return refused
		case err != nil:
			return err
		case slices.Contains(statuses, u.Status) && u.TransitioningTo == "", slices.Contains(statuses, u.TransitioningTo):
			return nil
		case u.TransitioningTo != "":
			return &fault.Unavailable{Message: fmt.Sprintf("%s: Okta is still changing the account from %s to %s; nothing was changed, and it is tried again", doing, u.Status, u.TransitioningTo), Cause: answered}
		}
		return &fault.Conflict{Message: fmt.Sprintf("%s: the account is %s, where Okta does not allow it; nothing was changed", doing, u.Status), Cause: answered}
	}
}

// gone takes "not found" for done: what was to be removed is not there.
func gone(_ context.Context, refusal error) error {
	if fault.Is[*fault.NotFound](refusal) {
		return nil
	}
	return refusal
}

// named is how messages call a user: by id, or without the login, which is
// personal.
func named(idOrLogin string) string {
	if strings.ContainsRune(idOrLogin, '@') || !strings.HasPrefix(idOrLogin, "00u") {
		return "the Okta user with the login asked for"
	}
	return "Okta user " + idOrLogin
}
