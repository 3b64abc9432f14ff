package idempotencytest

import (
	"fmt"
	"time"
)

// batches completes more events than fit into a call, and finds them again next
// to those that were claimed one by one.
func batches(b *bench) {
	keys := make([]string, 0, 260)
	for i := range 260 {
		keys = append(keys, fmt.Sprintf("okta/%d", i))
	}
	b.must(b.CompleteAll(b.t.Context(), append(keys[:130:130], keys[:10]...), "done", time.Hour))
	_, err := b.Claim(b.t.Context(), keys[200], "", time.Hour)
	b.must(err)
	b.must(b.Complete(b.t.Context(), keys[201], "", "done", time.Hour))
	found, err := b.Completed(b.t.Context(), append(keys, keys[0]))
	b.must(err)
	for i, key := range keys {
		if want := i < 130 || i == 201; found[key] != want {
			b.t.Errorf("%s: %t", key, found[key])
		}
	}
	if none, err := b.Completed(b.t.Context(), nil); err != nil || len(none) != 0 {
		b.t.Errorf("%v, %v", none, err)
	}
	b.must(b.CompleteAll(b.t.Context(), nil, "done", time.Hour))

	c, err := b.Claim(b.t.Context(), keys[0], "", time.Hour)
	b.must(err)
	if c.State != "replay" || c.Result != "done" {
		b.t.Errorf("completed in a batch, and yet %+v", c)
	}
}
