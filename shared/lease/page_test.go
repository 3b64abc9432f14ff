package lease_test

import (
	"fmt"
	"testing"

	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
)

func TestTheWholeRegisterIsReadPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const people = 1_050 // more than a page
	for i := range people {
		l := lease.Lease{
			Subject: fmt.Sprintf("00u%05d", i), Entitlement: github, Name: "GitHub", Key: lease.RequestKey("RITM1"), Reason: audit.Reason{Kind: "request"},
		}
		if err := b.register.Grant(b.ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.register.End(b.ctx, "00u00007", github, lease.RequestKey("RITM1"), audit.Reason{Kind: "test"}); err != nil {
		t.Fatal(err)
	}
	seen, pages := map[string]int{}, 0
	for after := ""; ; {
		page, err := b.register.Page(b.ctx, after)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, h := range page.Holdings {
			seen[h.Subject] = len(h.Leases)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if len(seen) != people || pages != 2 {
		t.Errorf("%d people on %d pages", len(seen), pages)
	}
	if leases, known := seen["00u00007"]; !known || leases != 0 {
		t.Error("that there once was a reason is not told")
	}
}
