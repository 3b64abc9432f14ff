package credentialreset

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifecycle/shared/okta"
)

var statuses = []okta.Status{
	okta.Staged, okta.Provisioned, okta.Active, okta.Recovery, okta.PasswordExpired, okta.LockedOut, okta.Suspended, okta.Deprovisioned,
}

func anyFactor(t *rapid.T) okta.Factor {
	return okta.Factor{
		ID:       "opf" + rapid.StringMatching(`[a-z0-9]{6}`).Draw(t, "id"),
		Type:     rapid.SampledFrom([]string{"push", "signed_nonce", "token:software:totp", "sms", "call", "webauthn", "question", "email", "new_kind"}).Draw(t, "type"),
		Provider: rapid.SampledFrom([]string{"OKTA", "GOOGLE", "FIDO"}).Draw(t, "provider"),
	}
}

// TestPlans holds what is planned against what Okta allows in a status, and
// against what was asked for.
func TestPlans(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(types).Draw(t, "kind")
		factors := rapid.SliceOfN(rapid.Custom(anyFactor), 0, 5).Draw(t, "factors")
		named := rapid.SampledFrom([]string{"", "push", "okta verify", "security key", "phone", "google authenticator", "nonsense"}).Draw(t, "named")
		u := okta.User{
			ID: "00u1", Status: rapid.SampledFrom(statuses).Draw(t, "status"), Provider: rapid.SampledFrom([]string{"", "OKTA", "FEDERATION", "ACTIVE_DIRECTORY"}).Draw(t, "provider"),
			TransitioningTo: rapid.SampledFrom([]okta.Status{"", "", "", okta.Deprovisioned}).Draw(t, "transitioning"),
		}
		w := planFor(kind, u, factors, named, rapid.Bool().Draw(t, "end"))
		if w.refer != "" || w.explain != "" || w.problem != "" {
			if n := len(slices.DeleteFunc([]string{w.refer, w.explain, w.problem}, func(s string) bool { return s == "" })); n != 1 {
				t.Fatalf("several answers: %+v", w)
			}
			return
		}
		touchable := []okta.Status{okta.Provisioned, okta.Active, okta.Recovery, okta.PasswordExpired, okta.LockedOut}
		if !slices.Contains(touchable, u.Status) || u.TransitioningTo != "" {
			t.Fatalf("something is done to an account that is %s, on its way to %q", u.Status, u.TransitioningTo)
		}
		p := w.plan
		foreign := u.Provider != "" && u.Provider != okta.ProviderOkta
		switch {
		case (p.Unlock || p.Mail != "") && foreign:
			t.Fatal("a password that Okta does not keep is touched")
		case p.Unlock && !slices.Contains([]okta.Status{okta.LockedOut, okta.Active}, u.Status):
			t.Fatalf("unlocked from %s", u.Status)
		case p.Mail == mailReset && !p.Unlock && u.Status == okta.LockedOut, p.Mail == mailReset && u.Status == okta.Provisioned:
			t.Fatalf("reset from %s", u.Status)
		case p.Mail == mailActivation && u.Status != okta.Provisioned:
			t.Fatalf("activated again from %s", u.Status)
		case (kind == mfa) != (len(p.Factors) > 0), (kind == password) != (p.Mail != ""), kind == unlock && !p.Unlock:
			t.Fatalf("%s was asked for, and planned is %+v", kind, p)
		case p.All != (kind == mfa && named == ""):
			t.Fatalf("all: %t, named %q", p.All, named)
		}
		for _, l := range p.Factors {
			i := slices.IndexFunc(factors, func(f okta.Factor) bool { return f.ID == l.ID && f.Type == l.Type })
			if i < 0 || named != "" && !isCalled(factors[i], named) {
				t.Fatalf("%+v is removed, named is %q", l, named)
			}
		}
		if p.All && len(p.Factors) != len(factors) {
			t.Fatal("not all")
		}
	})
}

func TestNamesOfFactors(t *testing.T) {
	t.Parallel()
	code := func(provider string) okta.Factor {
		return okta.Factor{ID: "opf1", Type: "token:software:totp", Provider: provider}
	}
	for _, c := range []struct {
		factor okta.Factor
		named  string
		want   bool
	}{
		{okta.Factor{ID: "opf1", Type: "push"}, "Okta  Verify", true},
		{okta.Factor{ID: "opf1", Type: "push"}, "PUSH", true},
		{okta.Factor{ID: "opfAb1", Type: "webauthn"}, "opfAb1", true},
		{okta.Factor{ID: "opfAb1", Type: "webauthn"}, "passkey", true},
		{okta.Factor{ID: "opf1", Type: "sms"}, "phone", true},
		{okta.Factor{ID: "opf1", Type: "call"}, "Phone", true},
		{okta.Factor{ID: "opf1", Type: "sms"}, "push", false},
		{okta.Factor{ID: "opf1", Type: "sms"}, "", false},
		{code("OKTA"), "okta verify", true},
		{code("GOOGLE"), "okta verify", false},
		{code("GOOGLE"), "Google Authenticator", true},
		{code("OKTA"), "google authenticator", false},
		{code("GOOGLE"), "totp", true},
	} {
		if got := isCalled(c.factor, c.named); got != c.want {
			t.Errorf("%+v is called %q: %t", c.factor, c.named, got)
		}
	}
}

func TestWhatIsReadBack(t *testing.T) {
	t.Parallel()
	old, renewed := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		plan plan
		user okta.User
		met  bool
	}{
		"unlocked":                          {plan{Unlock: true, Status: okta.LockedOut}, okta.User{Status: okta.Active}, true},
		"unlocked with an expired password": {plan{Unlock: true, Status: okta.LockedOut}, okta.User{Status: okta.PasswordExpired}, true},
		"still locked":                      {plan{Unlock: true, Status: okta.LockedOut}, okta.User{Status: okta.LockedOut}, false},
		"suspended meanwhile":               {plan{Unlock: true, Status: okta.LockedOut}, okta.User{Status: okta.Suspended}, false},
		"leaving meanwhile":                 {plan{Unlock: true, Status: okta.LockedOut}, okta.User{Status: okta.Active, TransitioningTo: okta.Deprovisioned}, false},
		"reset":                             {plan{Mail: mailReset, PasswordChanged: old}, okta.User{Status: okta.Recovery, PasswordChanged: old}, true},
		"reset and set already":             {plan{Mail: mailReset, PasswordChanged: old}, okta.User{Status: okta.Active, PasswordChanged: renewed}, true},
		"not reset":                         {plan{Mail: mailReset, PasswordChanged: old}, okta.User{Status: okta.Active, PasswordChanged: old}, false},
		"activated again":                   {plan{Mail: mailActivation}, okta.User{Status: okta.Provisioned}, true},
		"factors of a locked account":       {plan{All: true, Status: okta.LockedOut}, okta.User{Status: okta.LockedOut}, true},
		"factors of one that was suspended": {plan{All: true, Status: okta.Active}, okta.User{Status: okta.Suspended}, false},
	} {
		if unmet := c.plan.unmet(c.user); (len(unmet) == 0) != c.met {
			t.Errorf("%s: %v", name, unmet)
		}
	}
}

func TestProofs(t *testing.T) {
	t.Parallel()
	methods := DefaultPolicy().Proof.Methods
	for text, want := range map[string]bool{
		"video call: VC-2231": true, "Video  Call, VC-2231": true, "in person - badge 4711": true, "call back 7731": true,
		"": false, "video call": false, "video call: x": false, "video calls 12345": false, "a video call: 12345": false, "yes": false, "in person:    ": false,
	} {
		if proves(text, methods) != want {
			t.Errorf("%q proves: %t", text, !want)
		}
	}
}

func TestCodesAreSaidInWords(t *testing.T) {
	t.Parallel()
	got := meanings("Okta answered 403 E0000006 (no), then E0000038, E0000006 again and E9999999, not XE00000381")
	if len(got) != 2 || !strings.HasPrefix(got[0], "E0000006 means: ") || !strings.HasPrefix(got[1], "E0000038 means: ") {
		t.Errorf("%q", got)
	}
}
