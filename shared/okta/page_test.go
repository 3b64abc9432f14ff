package okta_test

import (
	"fmt"
	"strings"
	"testing"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/okta"
)

func TestAllUsersAreReadPageByPage(t *testing.T) {
	t.Parallel()
	bubble(t, "in use and former, by nothing but the cursor", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		for i := range 240 {
			address := fmt.Sprintf("person%d@example.com", i)
			_, err := b.sim.CreateUser(map[string]any{"login": address, "email": address, "firstName": "A", "lastName": "B"}, oktasim.Active)
			must(t, err)
		}
		want := map[string]bool{} // by id: deactivated
		for _, a := range b.sim.Accounts() {
			want[a.ID] = a.Status == oktasim.Deprovisioned
		}
		calls := len(b.requests())
		got := map[string]bool{}
		for _, former := range []bool{false, true} {
			for after, first := "", true; first || after != ""; first = false {
				page, err := b.client.UserPage(b.ctx(t), former, after)
				must(t, err)
				for _, u := range page.Users {
					if _, twice := got[u.ID]; twice || (u.Status == okta.Deprovisioned) != former {
						t.Errorf("%s is read twice, or among the wrong ones: %s", u.ID, u.Status)
					}
					got[u.ID] = former
				}
				after = page.Next
			}
		}
		must(t, equal(want, got, nil))
		if made := len(b.requests()) - calls; made != 3 {
			t.Errorf("%d calls for %d accounts", made, len(want))
		}
	})
	bubble(t, "and a cursor that Okta does not know is invalid", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		if _, err := b.client.UserPage(b.ctx(t), false, "nonsense"); !fault.Is[*fault.Invalid](err) {
			t.Errorf("%v", err)
		}
	})
}

func TestAmendLeavesOtherAttributesAlone(t *testing.T) {
	t.Parallel()
	bubble(t, "also those that change meanwhile", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		change := func(p *okta.Profile) {
			must(t, b.sim.EditProfile(b.id, map[string]any{"department": "Legal"})) // between reading and writing
			p.Title, p.Location = "Head Clerk", ""
		}
		must(t, b.client.Amend(b.ctx(t), b.id, change, why))
		profile := b.account(t).Profile
		must(t, equal([]any{"Head Clerk", "Legal", nil}, []any{profile["title"], profile["department"], profile["city"]}, nil))
		calls := len(b.requests())
		must(t, b.client.Amend(b.ctx(t), b.id, func(p *okta.Profile) { p.Title = "Head Clerk" }, why))
		if made := len(b.requests()) - calls; made != 1 {
			t.Errorf("%d calls where nothing differs", made)
		}
		text := encoded(t, b.records(t))
		if !strings.Contains(text, `"attributes":["city","title"]`) || strings.Contains(text, "Head Clerk") {
			t.Errorf("the ledger: %s", text)
		}
		if done := b.records(t)[1]; done.Phase != audit.Done || done.RequestID == "" || done.Subject != b.id {
			t.Errorf("%+v", done)
		}
	})
}
