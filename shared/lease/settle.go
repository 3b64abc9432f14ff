package lease

import (
	"context"
	"fmt"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// granter is the part of *okta.Client that Settle needs.
type granter interface {
	AddToGroup(ctx context.Context, groupID, userID string, why audit.Reason) error
	RemoveFromGroup(ctx context.Context, groupID, userID string, why audit.Reason) error
	AssignApp(ctx context.Context, appID, userID string, why audit.Reason) error
	UnassignApp(ctx context.Context, appID, userID string, why audit.Reason) error
}

// settleTries is how often Settle looks again because the leases changed while
// it worked.
const settleTries = 8

// Settle makes Okta agree with the register: the person has the entitlement
// when a lease is valid, and has not when none is. why is the reason that the
// ledger names for a removal; an addition names the lease.
//
// Two that settle the same at the same time end in what the register says in
// the end: each looks at the register again after it has acted.
func (r *Register) Settle(ctx context.Context, okta granter, subject string, e Entitlement, why audit.Reason) (held bool, err error) {
	for range settleTries {
		before, err := r.Holding(ctx, subject, e)
		if err != nil {
			return false, err
		}
		valid := before.Valid(time.Now())
		if held = len(valid) > 0; held {
			err = add(ctx, okta, subject, e, valid[0].Reason)
		} else {
			err = remove(ctx, okta, subject, e, why)
		}
		if err != nil {
			return held, err
		}
		after, err := r.Holding(ctx, subject, e)
		if err != nil {
			return held, err
		}
		if after.version == before.version {
			return held, nil
		}
	}
	return held, &fault.Unavailable{Message: fmt.Sprintf("the access of %s to %s kept being changed by others", subject, e)}
}

func add(ctx context.Context, okta granter, subject string, e Entitlement, why audit.Reason) error {
	if e.Kind == "app" {
		return okta.AssignApp(ctx, e.ID, subject, why)
	}
	return okta.AddToGroup(ctx, e.ID, subject, why)
}

func remove(ctx context.Context, okta granter, subject string, e Entitlement, why audit.Reason) error {
	var err error
	if e.Kind == "app" {
		err = okta.UnassignApp(ctx, e.ID, subject, why)
	} else {
		err = okta.RemoveFromGroup(ctx, e.ID, subject, why)
	}
	if fault.Is[*fault.NotFound](err) { // the group, app or account itself is gone
		return nil
	}
	return err
}
