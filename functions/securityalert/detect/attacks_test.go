package detect_test

import (
	"fmt"
	"slices"
	"time"

	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/syslog"
)

// episode is a stretch of the System Log with what ought to be found in it.
type episode struct {
	name string
	// like is the public description that it is built from.
	like string
	// expects are the rules that ought to find something; none: it is an ordinary
	// day.
	expects []string
	events  []moment
}

const minutes = time.Minute

// attacks are built from public descriptions of real ones. Some are there to show
// what the default set does not find.
var attacks = []episode{
	{
		"a spray from one server, slow enough for every lock, that gets into one account",
		"Okta Security, “How to block anonymizing services”, April 2024; Elastic “password spray (single source)”",
		[]string{"password-spray", "password-spray-slow", "success-after-spray"},
		slices.Concat(every(25*time.Second, 30, wrong), later(14*minutes, one(syslog.SignIn(robin, syslog.Hosting, syslog.Script, syslog.Elsewhere()))...)),
	},
	{
		"credential stuffing through anonymising proxies, a new one for each attempt",
		"Okta Security, April 2024: stuffing through Tor and residential proxies",
		[]string{"password-spray-many-sources"},
		every(40*time.Second, 40, func(i int) syslog.Event {
			return syslog.WrongPassword(person(i), syslog.Proxy.At(syslog.Address(i)), syslog.Windows, syslog.Debug("threatSuspected", "true"))
		}),
	},
	{
		"a spray of one attempt every five minutes, hours on end",
		"Microsoft on Midnight Blizzard, January 2024: low and slow",
		[]string{"password-spray-slow"},
		every(5*minutes, 40, wrong),
	},
	{
		"a spray through home connections that nobody lists as proxies",
		"Microsoft on Midnight Blizzard, January 2024: residential proxies",
		[]string{"password-spray-many-sources"},
		every(40*time.Second, 40, func(i int) syslog.Event {
			return syslog.WrongPassword(person(i), syslog.Hosting.At(syslog.Address(i)), syslog.Windows)
		}),
	},
	{
		"logins that nobody has, tried from one address",
		"Okta customer-detections, “ThreatInsight: high unknown users”",
		[]string{"password-spray", "password-spray-slow", "threat-detected"},
		slices.Concat(every(5*time.Second, 40, func(i int) syslog.Event {
			return syslog.New("user.session.start", syslog.ByLogin(fmt.Sprintf("user%d@%s", i, seed.Domain)), syslog.From(syslog.Hosting), syslog.With(syslog.Script),
				syslog.Outcome("FAILURE", "VERIFICATION_ERROR"))
		}), later(3*minutes, one(threat("SUCCESS"))...)),
	},
	{
		"ThreatInsight turns away an address, request by request",
		"Okta help, “System Log events for ThreatInsight”",
		[]string{"threat-detected", "requests-blocked"},
		slices.Concat(one(threat("DENY")), blocked(80)),
	},
	{
		"a push every half minute until the person gives in",
		"Uber, security update of 19 September 2022",
		[]string{"push-fatigue", "push-accepted-after-denials"},
		slices.Concat(denials(9), later(5*minutes, one(syslog.Push(anna, syslog.Hosting, syslog.Linux, "SUCCESS"))...),
			later(5*minutes+time.Second, one(syslog.SignIn(anna, syslog.Hosting, syslog.Linux, syslog.Behaviors("New Device", "New IP")))...)),
	},
	{
		"pushes at three in the morning, which nobody answers",
		"Okta customer-detections, “suspicious MFA abandonment”",
		[]string{"push-unanswered"},
		every(4*minutes, 10, func(int) syslog.Event { return syslog.Push(anna, syslog.Hosting, syslog.Linux, "UNANSWERED") }),
	},
	{
		"a text message with a link, and a sign-in through a VPN within seconds",
		"Group-IB on 0ktapus and Okta Security on Scatter Swine, August 2022",
		[]string{"hidden-sign-in-from-elsewhere"},
		[]moment{
			{0, syslog.SignIn(robin, syslog.Proxy, syslog.Windows, syslog.Elsewhere())},
			{minutes, syslog.SingleSignOn(robin, seed.AppSlack, syslog.Proxy, syslog.Windows, "s9")},
		},
	},
	{
		"the help desk resets a super administrator's factors, and an identity provider is added",
		"Okta Security, “Cross-tenant impersonation”, August 2023",
		[]string{"sign-in-after-factor-reset", "hidden-sign-in-from-elsewhere", "admin-console-new-device", "idp-created", "admin-role-granted"},
		[]moment{
			{0, syslog.Administered(desk, "user.mfa.factor.reset_all", syslog.On(admin))},
			{20 * minutes, syslog.SignIn(admin, syslog.Proxy, syslog.Windows, syslog.Elsewhere())},
			{21 * minutes, syslog.Administered(admin, "user.session.access_admin_app", syslog.From(syslog.Proxy), syslog.With(syslog.Windows), syslog.Behaviors("New Device", "New IP"))},
			{30 * minutes, syslog.Administered(admin, "user.account.privilege.grant", syslog.From(syslog.Proxy), syslog.On(robin), syslog.Debug("privilegeGranted", "Super administrator"))},
			{40 * minutes, syslog.Administered(admin, "system.idp.lifecycle.create", syslog.From(syslog.Proxy), syslog.With(syslog.Windows))},
		},
	},
	{
		"a session cookie from a HAR file, used on another computer",
		"Okta on its support system, October 2023; BeyondTrust, Cloudflare and 1Password on the same",
		[]string{"session-replayed", "admin-console-new-device"},
		[]moment{
			{0, syslog.SignIn(admin, syslog.Berlin, syslog.Mac, syslog.Session("s-har"))},
			{30 * minutes, syslog.Administered(admin, "user.session.access_admin_app", syslog.From(syslog.Hosting), syslog.With(syslog.Windows), syslog.Session("s-har"), syslog.Behaviors("New Device", "New IP"))},
		},
	},
	{
		"a cookie caught by a page in between, used elsewhere by a script and then by a browser",
		"Elastic, “Okta AiTM session cookie replay”; Microsoft on Storm-1167, June 2023",
		[]string{"session-replayed"},
		[]moment{
			{0, syslog.SignIn(robin, syslog.NewYork, syslog.IPhone, syslog.Session("s-aitm"))},
			{2 * minutes, syslog.SingleSignOn(robin, seed.AppGoogle, syslog.Hosting, syslog.Script, "s-aitm")},
			{4 * minutes, syslog.SingleSignOn(robin, seed.AppGoogle, syslog.Hosting, syslog.Linux, "s-aitm")},
		},
	},
	{
		"a cookie used on a computer of the same kind as the person's",
		"the same with the user agent copied, which every tool for it offers",
		[]string{"session-replayed"},
		[]moment{
			{0, syslog.SignIn(robin, syslog.NewYork, syslog.Windows, syslog.Session("s-twin"))},
			{20 * minutes, syslog.SingleSignOn(robin, seed.AppSalesforce, syslog.Hosting, syslog.Windows, "s-twin")},
		},
	},
	{
		"Okta sees a session change its client and ends it",
		"Okta customer-detections, “user denied access due to session binding”",
		[]string{"session-roamed"}, examples["session-roamed"].hit,
	},
	{
		"FastPass declines to sign in to a false page",
		"Okta customer-detections, “AiTM phishing using FastPass”",
		[]string{"phishing-declined"}, examples["phishing-declined"].hit,
	},
	{
		"one account from Berlin and, half an hour later, from Lagos",
		"Elastic, “sessions started from different geolocations”",
		[]string{"impossible-travel"},
		[]moment{{0, syslog.SignIn(robin, syslog.NewYork, syslog.Windows)}, {30 * minutes, syslog.SignIn(robin, syslog.Lagos, syslog.Linux, syslog.Behaviors("New Device"))}},
	},
	{
		"an account hammered with a new device token each time",
		"Elastic, “brute force (device token rotation)”",
		[]string{"brute-force-rotating-devices", "brute-force"}, rotating(20),
	},
	{
		"one server tries password after password for one account and gets in",
		"MITRE ATT&CK T1110.001; Elastic, “successful login after credential attack”",
		[]string{"brute-force", "success-after-brute-force"},
		slices.Concat(every(20*time.Second, 25, func(int) syslog.Event {
			return syslog.WrongPassword(anna, syslog.Hosting, syslog.Script)
		}), later(9*minutes, one(syslog.SignIn(anna, syslog.Hosting, syslog.Script, syslog.Elsewhere()))...)),
	},
	{
		"one account tried from four addresses in turn, with patience",
		"Elastic, “brute force (multi source)”, below what it counts",
		[]string{"brute-force"},
		every(20*time.Second, 30, func(i int) syslog.Event {
			return syslog.WrongPassword(anna, syslog.Hosting.At(syslog.Address(i%4)), syslog.Script)
		}),
	},
	{
		"an account tried from a dozen addresses and entered",
		"Elastic, “brute force (multi source)” and “successful login after credential attack”",
		[]string{"brute-force-many-sources", "success-after-many-sources"},
		slices.Concat(every(45*time.Second, 12, func(i int) syslog.Event {
			return syslog.WrongPassword(anna, syslog.Hosting.At(syslog.Address(i)), syslog.Script)
		}), later(15*minutes, one(syslog.SignIn(anna, syslog.Hosting, syslog.Linux, syslog.Elsewhere()))...)),
	},
	{
		"an account tried from a dozen addresses, while the person signs in as usual",
		"the same attack where it fails: the account must not look entered",
		[]string{"brute-force-many-sources"},
		slices.Concat(scattered(12), later(28*minutes, one(syslog.SignIn(anna, home, syslog.Mac))...)),
	},
	{
		"accounts locked one after the other to keep people out",
		"CISA alert AA22-074A and others: lockouts as a side effect and as an aim",
		[]string{"accounts-locked"}, locks(12),
	},
	{
		"an infected machine in the office sprays",
		"MITRE ATT&CK T1110.003, internal spraying",
		[]string{"password-spray-inside"},
		every(5*time.Second, 45, func(i int) syslog.Event { return syslog.WrongPassword(person(i), syslog.Berlin, syslog.Script) }),
	},
	{
		"reset mails asked for one person after the other",
		"Elastic, “suspicious password reset or unlock attempts”",
		[]string{"recovery-spray"}, recoveries(9),
	},
	{
		"a support account resets one password after the other",
		"Okta and Mandiant on LAPSUS$, January 2022",
		[]string{"resets-in-a-row"}, resets(9),
	},
	{
		"an administrator's account makes a way to come back",
		"Okta Security on Scatter Swine and Mandiant on UNC3944, 2023",
		[]string{"api-token-created", "admin-role-granted", "admin-role-to-group", "policy-weakened", "zone-weakened"},
		[]moment{
			{0, syslog.Administered(admin, "system.api_token.create", syslog.Debug("networkConnection", "ANYWHERE"))},
			{minutes, syslog.Administered(admin, "user.account.privilege.grant", syslog.On(robin))},
			{2 * minutes, syslog.Administered(admin, "group.privilege.grant")},
			{3 * minutes, syslog.Administered(admin, "policy.rule.deactivate")},
			{4 * minutes, syslog.Administered(admin, "zone.delete")},
		},
	},
	{
		"a second org joined and a directory agent added",
		"MGM Resorts, September 2023, as told by the attackers and by Okta",
		[]string{"org-joined", "directory-agent-added"},
		slices.Concat(examples["org-joined"].hit, later(minutes, examples["directory-agent-added"].hit...)),
	},
	{
		"the log stream is switched off before anything else",
		"Okta customer-detections, “log stream tampering”",
		[]string{"log-stream-tampered"}, examples["log-stream-tampered"].hit,
	},
	{
		"support is let in without a case",
		"Okta on LAPSUS$, March 2022; Elastic, “user impersonation access”",
		[]string{"support-access"}, examples["support-access"].hit,
	},
	{
		"a stolen token of a program used from a rented server",
		"Cloudflare, “Thanksgiving 2023 security incident”",
		[]string{"api-token-elsewhere"}, examples["api-token-elsewhere"].hit,
	},
	{
		"a refresh token that exists twice",
		"Panther, “Okta refresh token reuse”; RFC 9700",
		[]string{"token-reused"}, examples["token-reused"].hit,
	},
	{
		"a stolen session searched for what it is worth",
		"Okta customer-detections, “rapid application access”",
		[]string{"apps-in-a-row"}, openings(4*time.Second, 20),
	},
	{
		"somebody tries what they have no right to",
		"Elastic, “user attempted unauthorized access”",
		[]string{"apps-refused", "admin-console-denied"},
		slices.Concat(refusals(6), later(10*minutes, examples["admin-console-denied"].hit...)),
	},
	{
		"the password is right, the place is not",
		"Okta customer-detections, “authentication policy denies”",
		[]string{"sign-on-denied"}, denied(8),
	},
	{
		"Okta's own risk engine speaks",
		"Okta help, “Identity Threat Protection detections”",
		[]string{"user-risk"}, examples["user-risk"].hit,
	},
	{
		"the person says: that was not me",
		"Okta help, “Suspicious activity reporting”",
		[]string{"reported-by-user"}, examples["reported-by-user"].hit,
	},
	{
		"a password found in a breach",
		"Okta help, “Breached password protection”",
		[]string{"breached-credential"}, examples["breached-credential"].hit,
	},
	{
		"an attempt to get round the second factor",
		"Elastic, “attempted bypass of Okta MFA”",
		[]string{"mfa-bypass"}, examples["mfa-bypass"].hit,
	},
	{
		"so many calls that everybody else is turned away",
		"Elastic, “possible Okta DoS attack”",
		[]string{"limits-exhausted"}, violations(6),
	},
}
