package accessreview

import (
	"context"
	"sync"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
)

// rulebook gives every step of a review the same rules: those that were in force
// when it began. They are kept with the review, as evidence of what it went by.
type rulebook struct {
	source objects
	key    string

	mu     sync.Mutex
	review string
	rules  *entitlement.Rules
}

func rulesKey(review string) string { return "reviews/" + review + "/rules.json" }

// keep copies the rules in force to the review, unless that was done before.
func (b *rulebook) keep(ctx context.Context, store *Store, r begun) error {
	_, err := store.read(ctx, rulesKey(r.ID))
	if !fault.Is[*fault.NotFound](err) {
		return err
	}
	document, err := b.source.read(ctx, b.key)
	if err != nil {
		return err
	}
	if _, err := entitlement.Load(document); err != nil {
		return err
	}
	return store.write(ctx, rulesKey(r.ID), "application/json", document)
}

// of are the rules that a review goes by.
func (b *rulebook) of(ctx context.Context, store *Store, r begun) (*entitlement.Rules, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.review == r.ID {
		return b.rules, nil
	}
	document, err := store.read(ctx, rulesKey(r.ID))
	if err != nil {
		return nil, err
	}
	rules, err := entitlement.Load(document)
	if err != nil {
		return nil, err
	}
	b.review, b.rules = r.ID, rules
	return rules, nil
}
