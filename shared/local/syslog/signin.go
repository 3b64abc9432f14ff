package syslog

import (
	"fmt"

	"lifecycle/shared/local/seed"
)

// Person is a seeded person by employee number.
func Person(number string) seed.Person {
	for _, p := range seed.People() {
		if p.Number == number {
			return p
		}
	}
	panic("syslog: nobody has the number " + number)
}

// SignIn is a sign-in to Okta with a password and what the policy asks for
// besides.
func SignIn(p seed.Person, from Place, with Device, more ...Option) Event {
	return New("user.session.start", append([]Option{
		By(p), From(from), With(with), Behaviors(), Risk("LOW", "none"),
		Debug("requestUri", "/idp/idx/identify", "url", "/idp/idx/identify?", "threatSuspected", "false", "dtHash", "dt"+p.OktaID[3:]),
	}, more...)...)
}

// WrongPassword is a sign-in that failed.
func WrongPassword(p seed.Person, from Place, with Device, more ...Option) Event {
	return SignIn(p, from, with, append([]Option{Failed(), Debug("loginResult", "INVALID_CREDENTIALS")}, more...)...)
}

// Push is the answer to a push request: SUCCESS, FAILURE for a denial, or
// UNANSWERED.
func Push(p seed.Person, from Place, with Device, result string, more ...Option) Event {
	options := []Option{By(p), From(from), With(with), Debug("factor", "OKTA_VERIFY_PUSH", "requestUri", "/idp/idx/challenge/poll")}
	switch result {
	case "FAILURE":
		options = append(options, Outcome(result, "INVALID_CREDENTIALS"), Debug("pushOnlyResponseType", "OV_RESPONSE_DENY"))
	case "SUCCESS":
		options = append(options, Outcome(result, ""), Debug("pushOnlyResponseType", "OV_RESPONSE_ALLOW"))
	default:
		options = append(options, Outcome(result, ""))
	}
	return New("user.authentication.auth_via_mfa", append(options, more...)...)
}

// SingleSignOn opens an application.
func SingleSignOn(p seed.Person, app string, from Place, with Device, session string, more ...Option) Event {
	return New("user.authentication.sso", append([]Option{By(p), App(app), From(from), With(with), Session(session)}, more...)...)
}

// Administered is something that an administrator did.
func Administered(admin seed.Person, eventType string, more ...Option) Event {
	return New(eventType, append([]Option{By(admin), From(Berlin), With(Mac), Session("admin-" + admin.Number)}, more...)...)
}

// Address is the n-th of a made-up network.
func Address(n int) string { return fmt.Sprintf("203.0.113.%d", 1+n%250) }
