package credentialreset

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/okta"
)

// plan is what is to be done to the account: $.request.plan.
type plan struct {
	// Unlock lifts the lock.
	Unlock bool `json:"unlock,omitempty"`
	// Mail is the mail to the address on record: mailReset or mailActivation.
	Mail string `json:"mail,omitempty"`
	// Factors are removed: all that are enrolled when All is true.
	Factors []lost `json:"factors,omitempty"`
	All     bool   `json:"all,omitempty"`
	// EndSessions ends sessions, tokens and remembered devices.
	EndSessions bool `json:"end_sessions,omitempty"`
	// Status and PasswordChanged are the account as it was.
	Status          okta.Status `json:"status,omitempty"`
	PasswordChanged time.Time   `json:"password_changed,omitzero"`
}

// lost is a factor that is to be removed.
type lost struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// The mails that a plan can send.
const (
	mailReset      = "reset"
	mailActivation = "activation"
)

// ways are what a status allows: a plan, or one of an explanation for whoever
// asked, a reason for a person to look, a thing to mend.
type ways struct {
	plan                    plan
	explain, refer, problem string
}

// planFor says what can be done for an account in its status. What Okta allows
// where stands in FACTS and the spec's texts: unlock from LOCKED_OUT, and from
// ACTIVE for a block on unknown devices; a new password from ACTIVE, RECOVERY,
// PASSWORD_EXPIRED; a new activation mail for PROVISIONED; factors anywhere but
// in DEPROVISIONED.
func planFor(kind string, u okta.User, factors []okta.Factor, named string, endSessions bool) ways {
	w := ways{plan: plan{Status: u.Status, PasswordChanged: u.PasswordChanged, EndSessions: endSessions}}
	switch {
	case u.TransitioningTo != "":
		w.refer = fmt.Sprintf("Okta is changing the account from %s to %s.", u.Status, u.TransitioningTo)
	case u.Status == okta.Staged:
		w.refer = "The account is STAGED: it has not been activated yet, which onboarding does before the first day."
	case u.Status == okta.Suspended:
		w.refer = "The account is SUSPENDED. Somebody decided that, and a reset must not undo it: find out who and why."
	case u.Status == okta.Deprovisioned:
		w.refer = "The account is DEPROVISIONED: its owner has left. Whoever comes back comes through onboarding."
	case kind != mfa && u.Provider != "" && u.Provider != okta.ProviderOkta:
		w.refer = fmt.Sprintf("The account's password is not kept in Okta but by %s, where it has to be unlocked or reset.", u.Provider)
	case kind == unlock:
		w.unlock(u.Status)
	case kind == password:
		w.password(u.Status)
	default:
		w.factors(factors, named)
	}
	return w
}

func (w *ways) unlock(status okta.Status) {
	w.plan.Unlock = true
	switch status {
	case okta.PasswordExpired:
		w.explain = "The account is not locked; its password has expired. Sign in with the old password, and Okta asks for a new one. If it is forgotten, ask for a password reset."
	case okta.Recovery:
		w.explain = "The account is not locked; it waits for a new password. Follow the link in the mail that Okta has sent. If the mail is lost, ask for a password reset: it is sent again."
	case okta.Provisioned:
		w.explain = "The account is not locked; it has not been set up yet. Follow the link in Okta's welcome mail. If the mail is lost, ask for a password reset: it is sent again."
	}
}

func (w *ways) password(status okta.Status) {
	w.plan.Mail = mailReset
	switch status {
	case okta.LockedOut:
		w.plan.Unlock = true
	case okta.Provisioned:
		w.plan.Mail = mailActivation
	}
}

func (w *ways) factors(enrolled []okta.Factor, named string) {
	if len(enrolled) == 0 {
		w.explain = "No factor is enrolled, so there is none to reset. Where one is needed, Okta asks for it at the next sign-in."
		return
	}
	w.plan.All = named == ""
	for _, f := range enrolled {
		if named == "" || isCalled(f, named) {
			w.plan.Factors = append(w.plan.Factors, lost{ID: f.ID, Type: f.Type})
		}
	}
	if len(w.plan.Factors) == 0 {
		w.problem = fmt.Sprintf("The factor that it names is not enrolled. Enrolled are: %s. Name one of these, or clear the field to reset all.", kindsOf(enrolled))
	}
}

// called are the words that people use for Okta's types of factor (spec, schema
// UserFactorType).
var called = map[string][]string{
	"push":                {"okta verify", "push", "okta verify push"},
	"signed_nonce":        {"okta verify", "fastpass", "okta fastpass"},
	"token:software:totp": {"authenticator", "totp", "one-time code"},
	"sms":                 {"sms", "text message", "phone"},
	"call":                {"call", "voice call", "phone"},
	"webauthn":            {"security key", "passkey", "biometrics"},
	"u2f":                 {"security key"},
	"token:hardware":      {"hardware token"},
	"token":               {"hardware token", "token"},
	"token:hotp":          {"hardware token"},
	"email":               {"email", "e-mail"},
	"question":            {"question", "security question"},
}

// isCalled reports whether a factor is the one named: by its id, by Okta's type,
// or by a word of people's. A code of Okta Verify goes by that name, one of
// another maker by the maker's.
func isCalled(f okta.Factor, named string) bool {
	named = strings.Join(strings.Fields(strings.ToLower(named)), " ")
	switch {
	case strings.EqualFold(f.ID, named), f.Type == named, slices.Contains(called[f.Type], named):
		return true
	case f.Type != "token:software:totp":
		return false
	case f.Provider == okta.ProviderOkta:
		return named == "okta verify"
	}
	return named == strings.ToLower(f.Provider)+" authenticator"
}

// kindsOf lists the types of the enrolled factors, each once.
func kindsOf(factors []okta.Factor) string {
	if len(factors) == 0 {
		return "none"
	}
	kinds := make([]string, len(factors))
	for i, f := range factors {
		kinds[i] = f.Type
	}
	slices.Sort(kinds)
	return strings.Join(slices.Compact(kinds), ", ")
}

// kinds are the types of the factors that are lost.
func (p plan) kinds() string {
	factors := make([]okta.Factor, len(p.Factors))
	for i, f := range p.Factors {
		factors[i] = okta.Factor{Type: f.Type}
	}
	return kindsOf(factors)
}
