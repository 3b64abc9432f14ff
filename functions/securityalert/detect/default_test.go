package detect_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/syslog"
)

var (
	staff = seed.People()
	anna  = syslog.Person(seed.NumberNamesake)
	robin = syslog.Person("E1020")
	admin = syslog.Person(seed.NumberSuperAdmin)
	desk  = syslog.Person(seed.NumberHelpDesk)
)

// person is the n-th of the org's people who are not accounts of programs.
func person(n int) seed.Person { return staff[n%47] }

func wrong(i int) syslog.Event {
	return syslog.WrongPassword(person(i), syslog.Hosting, syslog.Script)
}

func denials(n int) []moment {
	return every(30*time.Second, n, func(int) syslog.Event { return syslog.Push(anna, syslog.Hosting, syslog.Linux, "FAILURE") })
}

func failures(n int) []moment {
	return every(20*time.Second, n, func(int) syslog.Event { return syslog.WrongPassword(anna, syslog.Berlin, syslog.Mac) })
}

func byAdmin(kind string, more ...syslog.Option) []moment {
	return one(syslog.Administered(admin, kind, more...))
}

func resets(n int) []moment {
	return every(5*time.Minute, n, func(i int) syslog.Event {
		return syslog.Administered(desk, "user.mfa.factor.reset_all", syslog.On(person(i)))
	})
}

// examples are, for each rule of the default set, events that it has to find and
// events that are nearly the same and that it must leave alone.
var examples = map[string]struct{ hit, miss []moment }{
	"password-spray": {
		every(20*time.Second, 10, wrong),
		every(20*time.Second, 9, wrong),
	},
	"password-spray-inside": { // nothing is corporate in the default set
		nil, every(5*time.Second, 45, wrong),
	},
	"password-spray-many-sources": {
		every(time.Minute, 10, func(i int) syslog.Event {
			return syslog.WrongPassword(person(i), syslog.Proxy.At(syslog.Address(i)), syslog.Script)
		}),
		every(time.Minute, 14, func(i int) syslog.Event {
			return syslog.WrongPassword(person(i), syslog.Hosting.At(syslog.Address(i)), syslog.Script)
		}),
	},
	"password-spray-slow": {
		every(10*time.Minute, 20, wrong),
		every(30*time.Minute, 20, wrong),
	},
	"success-after-spray": {
		slices.Concat(every(20*time.Second, 10, wrong), later(5*time.Minute, one(syslog.SignIn(robin, syslog.Hosting, syslog.Script, syslog.Elsewhere()))...)),
		slices.Concat(later(5*time.Minute, every(20*time.Second, 10, wrong)...), one(syslog.SignIn(robin, syslog.Hosting, syslog.Script, syslog.Elsewhere()))),
	},
	"brute-force":                  {failures(10), failures(9)},
	"brute-force-rotating-devices": {rotating(6), rotating(5)},
	"brute-force-many-sources":     {scattered(5), scattered(4)},
	"success-after-brute-force": {
		slices.Concat(failures(10), later(10*time.Minute, one(syslog.SignIn(anna, syslog.Berlin, syslog.Mac, syslog.Behaviors("New Device")))...)),
		slices.Concat(failures(10), later(10*time.Minute, []moment{
			{0, syslog.SignIn(robin, syslog.Berlin, syslog.Mac, syslog.Behaviors("New Device"))}, // somebody else
			{0, syslog.SignIn(anna, syslog.Berlin, syslog.Mac)},                                  // on the usual device
			{0, syslog.SignIn(anna, syslog.NewYork, syslog.IPhone, syslog.Elsewhere())},          // not whoever tried
		}...)),
	},
	"success-after-many-sources": {
		slices.Concat(scattered(5), later(25*time.Minute, one(syslog.SignIn(anna, syslog.Hosting, syslog.Script, syslog.Elsewhere()))...)),
		slices.Concat(scattered(5), later(25*time.Minute, one(syslog.SignIn(anna, syslog.Berlin, syslog.Mac))...)),
	},
	"accounts-locked":  {locks(5), locks(4)},
	"threat-detected":  {one(threat("DENY")), one(syslog.New("security.attack.start"))},
	"requests-blocked": {blocked(50), blocked(49)},
	"breached-credential": {
		one(syslog.New("security.breached_credential.detected", syslog.On(anna))), one(syslog.New("user.account.reset_password", syslog.On(anna))),
	},
	"push-fatigue": {denials(4), denials(3)},
	"push-accepted-after-denials": {
		slices.Concat(denials(4), later(3*time.Minute, one(syslog.Push(anna, syslog.Hosting, syslog.Linux, "SUCCESS"))...)),
		slices.Concat(denials(4), later(30*time.Minute, one(syslog.Push(anna, syslog.Hosting, syslog.Linux, "SUCCESS"))...)),
	},
	"push-unanswered": {
		every(5*time.Minute, 6, func(int) syslog.Event { return syslog.Push(anna, syslog.Hosting, syslog.Linux, "UNANSWERED") }),
		every(15*time.Minute, 6, func(int) syslog.Event { return syslog.Push(anna, syslog.Hosting, syslog.Linux, "UNANSWERED") }),
	},
	"phishing-declined": {
		one(syslog.New("user.authentication.auth_via_mfa", syslog.By(anna), syslog.From(syslog.Hosting), syslog.Outcome("FAILURE", "FastPass declined phishing attempt"))),
		one(syslog.New("user.authentication.auth_via_mfa", syslog.By(anna), syslog.From(syslog.Hosting), syslog.Failed())),
	},
	"mfa-bypass": {one(syslog.New("user.mfa.attempt_bypass", syslog.By(anna))), one(syslog.New("user.mfa.factor.activate", syslog.By(anna)))},
	"factor-reset": { // silent
		nil, one(syslog.Administered(desk, "user.mfa.factor.reset_all", syslog.On(anna))),
	},
	"sign-in-after-factor-reset": {
		slices.Concat(one(syslog.Administered(desk, "user.mfa.factor.reset_all", syslog.On(anna))),
			later(20*time.Minute, one(syslog.SignIn(anna, syslog.Proxy, syslog.Windows, syslog.Elsewhere()))...)),
		slices.Concat(one(syslog.Administered(desk, "user.mfa.factor.reset_all", syslog.On(anna))),
			later(20*time.Minute, one(syslog.SignIn(anna, syslog.Berlin, syslog.IPhone, syslog.Behaviors("New Device")))...)),
	},
	"resets-in-a-row": {resets(5), resets(4)},
	"recovery-spray":  {recoveries(5), recoveries(4)},
	"impossible-travel": {
		[]moment{{0, syslog.SignIn(anna, syslog.Berlin, syslog.Mac)}, {time.Hour, syslog.SignIn(anna, syslog.Lagos, syslog.Linux)}},
		[]moment{{0, syslog.SignIn(anna, syslog.Berlin, syslog.Mac)}, {9 * time.Hour, syslog.SignIn(anna, syslog.NewYork, syslog.Mac)}},
	},
	"hidden-sign-in-from-elsewhere": {
		one(syslog.SignIn(anna, syslog.Proxy, syslog.Windows, syslog.Elsewhere())), one(syslog.SignIn(anna, syslog.Proxy, syslog.Mac)),
	},
	"session-replayed": {
		[]moment{
			{0, syslog.SignIn(anna, syslog.Berlin, syslog.Mac, syslog.Session("s1"))},
			{time.Hour, syslog.SingleSignOn(anna, seed.AppSlack, syslog.Hosting, syslog.Windows, "s1")},
		},
		[]moment{
			{0, syslog.SignIn(anna, syslog.Berlin, syslog.Mac, syslog.Session("s1"))},
			{time.Hour, syslog.SignIn(anna, syslog.Berlin, syslog.Windows, syslog.Session("s2"))},
		},
	},
	"session-roamed": {
		one(syslog.New("security.session.detect_client_roaming", syslog.By(anna), syslog.From(syslog.Hosting))), one(syslog.New("user.session.end", syslog.By(anna))),
	},
	"user-risk": {
		one(syslog.New("user.risk.detect", syslog.On(anna), syslog.Risk("HIGH", "Suspicious App Access"))),
		one(syslog.New("user.risk.detect", syslog.On(anna), syslog.Risk("MEDIUM", "New Geo-Location"))),
	},
	"reported-by-user": {
		one(syslog.New("user.account.report_suspicious_activity_by_enduser", syslog.By(anna), syslog.From(syslog.Berlin))),
		one(syslog.New("user.account.update_profile", syslog.By(anna))),
	},
	"admin-console-new-device": {
		one(syslog.Administered(admin, "user.session.access_admin_app", syslog.From(syslog.Hosting), syslog.Behaviors("New Device", "New IP"))),
		one(syslog.Administered(admin, "user.session.access_admin_app", syslog.Behaviors("New IP"))),
	},
	"admin-console-denied": {
		every(time.Minute, 3, func(int) syslog.Event {
			return syslog.Administered(robin, "user.session.access_admin_app", syslog.Outcome("FAILURE", ""))
		}),
		every(time.Minute, 2, func(int) syslog.Event {
			return syslog.Administered(robin, "user.session.access_admin_app", syslog.Outcome("FAILURE", ""))
		}),
	},
	"admin-role-granted": {byAdmin("user.account.privilege.grant", syslog.On(robin)), byAdmin("user.account.privilege.revoke", syslog.On(robin))},
	"admin-role-to-group": {
		byAdmin("group.privilege.grant", syslog.Target("UserGroup", "00g1", "unknown", "Interns")), byAdmin("group.privilege.revoke"),
	},
	"api-token-created":     {byAdmin("system.api_token.create"), byAdmin("system.api_token.revoke")},
	"api-token-elsewhere":   {tokenUse(syslog.CloudEast, syslog.Hosting), tokenUse(syslog.CloudEast, syslog.CloudEast.At("198.51.100.201"))},
	"idp-created":           {byAdmin("system.idp.lifecycle.create"), byAdmin("system.idp.lifecycle.update")},
	"org-joined":            {byAdmin("application.lifecycle.create", syslog.App("Okta Org2Org")), byAdmin("application.lifecycle.create", syslog.App(seed.AppSlack))},
	"directory-agent-added": {byAdmin("system.agent.ad.create"), byAdmin("system.agent.ad.update")},
	"policy-weakened":       {byAdmin("policy.rule.deactivate"), byAdmin("policy.rule.add")},
	"zone-weakened":         {byAdmin("zone.delete"), byAdmin("zone.create")},
	"log-stream-tampered":   {byAdmin("system.log_stream.lifecycle.deactivate"), byAdmin("system.log_stream.lifecycle.create")},
	"support-access":        {byAdmin("user.session.impersonation.grant"), byAdmin("user.session.impersonation.end")},
	"token-reused": {
		one(syslog.New("app.oauth2.token.detect_reuse", syslog.On(anna), syslog.From(syslog.Hosting))), one(syslog.New("app.oauth2.token.grant.refresh_token", syslog.On(anna))),
	},
	"limits-exhausted": {violations(3), violations(2)},
	"apps-refused":     {refusals(4), refusals(3)},
	"apps-in-a-row":    {openings(5*time.Second, 12), openings(time.Minute, 12)},
	"sign-on-denied":   {denied(5), denied(4)},
}

func rotating(n int) []moment {
	return every(30*time.Second, n, func(i int) syslog.Event {
		return syslog.WrongPassword(anna, syslog.Hosting, syslog.Script, syslog.Debug("dtHash", fmt.Sprint("dt", i)))
	})
}

func scattered(n int) []moment {
	return every(5*time.Minute, n, func(i int) syslog.Event {
		return syslog.WrongPassword(anna, syslog.Hosting.At(syslog.Address(i)), syslog.Script)
	})
}

func locks(n int) []moment {
	return every(time.Minute, n, func(i int) syslog.Event {
		return syslog.New("user.account.lock", syslog.By(person(i)), syslog.From(syslog.Hosting.At(syslog.Address(i))), syslog.Outcome("FAILURE", "LOCKED_OUT"))
	})
}

func threat(result string) syslog.Event {
	return syslog.New("security.threat.detected", syslog.ByAddress(syslog.Hosting.IP), syslog.From(syslog.Hosting), syslog.Outcome(result, "Password Spray, Login Failures"),
		syslog.Debug("threatSuspected", "true", "threatDetections", `{"Password Spray":"HIGH","Login Failures":"MEDIUM"}`))
}

func blocked(n int) []moment {
	return every(2*time.Second, n, func(int) syslog.Event {
		return syslog.New("security.request.blocked", syslog.From(syslog.Hosting), syslog.Outcome("DENY", ""))
	})
}

func recoveries(n int) []moment {
	return every(time.Minute, n, func(i int) syslog.Event {
		return syslog.New("system.email.password_reset.sent_message", syslog.On(person(i)), syslog.From(syslog.Hosting))
	})
}

func tokenUse(first, second syslog.Place) []moment {
	use := func(from syslog.Place) syslog.Event {
		return syslog.Administered(admin, "user.lifecycle.create", syslog.From(from), syslog.Token("00T1abc"))
	}
	return []moment{{0, use(first)}, {time.Hour, use(second)}}
}

func violations(n int) []moment {
	return every(time.Minute, n, func(int) syslog.Event {
		return syslog.New("system.org.rate_limit.violation", syslog.Outcome("DENY", ""))
	})
}

func refusals(n int) []moment {
	return every(time.Minute, n, func(i int) syslog.Event {
		return syslog.New("app.generic.unauth_app_access_attempt", syslog.By(robin), syslog.App(seed.Apps()[i].Label), syslog.Outcome("FAILURE", ""))
	})
}

func openings(step time.Duration, n int) []moment {
	return every(step, n, func(i int) syslog.Event {
		return syslog.SingleSignOn(robin, fmt.Sprint("Application ", i), syslog.NewYork, syslog.Windows, "s1")
	})
}

func denied(n int) []moment {
	return every(time.Minute, n, func(int) syslog.Event {
		return syslog.New("policy.evaluate_sign_on", syslog.By(robin), syslog.From(syslog.Hosting), syslog.Outcome("DENY", "Sign-on policy evaluation resulted in DENY"))
	})
}

func TestEveryDefaultRule(t *testing.T) {
	t.Parallel()
	rules := defaults(t)
	for _, r := range rules.All() {
		if _, there := examples[r.ID]; !there {
			t.Errorf("the rule %s has no example", r.ID)
		}
	}
	for id, example := range examples {
		if example.hit != nil {
			bubble(t, id+" finds what it is for", func(t *testing.T) {
				got := newBench(t).detect(t, rules, line(time.Now(), example.hit...))
				if !slices.Contains(got.rules(), id) {
					t.Errorf("found only by %v", got.rules())
				}
			})
		}
		bubble(t, id+" leaves alone what only looks like it", func(t *testing.T) {
			got := newBench(t).detect(t, rules, line(time.Now(), example.miss...))
			if slices.Contains(got.rules(), id) {
				t.Errorf("found %v", keys(got))
			}
		})
	}

	bubble(t, "addresses of our own are not taken for an attacker's", func(t *testing.T) {
		corporate := withNetwork(t, `"203.0.113.0/24"`)
		b := newBench(t)
		if got := b.detect(t, corporate, line(time.Now(), every(20*time.Second, 20, wrong)...)); len(got) != 0 {
			t.Errorf("%v", keys(got))
		}
		got := b.detect(t, corporate, line(time.Now().Add(time.Hour), every(5*time.Second, 40, wrong)...))
		if !slices.Contains(got.rules(), "password-spray-inside") {
			t.Errorf("%v", keys(got))
		}
	})
}

func withNetwork(t testing.TB, prefixes string) *detect.Rules {
	t.Helper()
	rules, err := detect.Load(replaced(t, `"networks": {"corporate": []}`, `"networks": {"corporate": [`+prefixes+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}
