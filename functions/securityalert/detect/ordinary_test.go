package detect_test

import (
	"slices"
	"time"

	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/syslog"
)

var home = syslog.Berlin.At("192.0.2.200") // outside the office's addresses

// ordinary are days on which nothing is wrong. Some are there to show what the
// default set takes for an attack.
var ordinary = []episode{
	{name: "Monday morning behind the office's address", events: slices.Concat(
		every(10*time.Second, 47, func(i int) syslog.Event { return syslog.SignIn(person(i), syslog.Berlin, syslog.Mac) }),
		every(time.Minute, 9, func(i int) syslog.Event { return syslog.WrongPassword(person(i), syslog.Berlin, syslog.Mac) }))},
	{name: "the day on which passwords expire", events: every(20*time.Second, 30, func(i int) syslog.Event {
		return syslog.WrongPassword(person(i), syslog.London, syslog.Windows)
	})},
	{name: "an offsite in a hotel: thirty people, one address that nobody has named, eight typing errors", events: slices.Concat(
		every(20*time.Second, 30, func(i int) syslog.Event { return syslog.SignIn(person(i), syslog.Tokyo, syslog.Mac) }),
		every(time.Minute, 8, func(i int) syslog.Event { return syslog.WrongPassword(person(i), syslog.Tokyo, syslog.Mac) }))},
	{name: "an all-hands in a hotel: twelve typing errors in ten minutes behind one address", events: slices.Concat(
		every(40*time.Second, 12, func(i int) syslog.Event { return syslog.WrongPassword(person(i), syslog.Tokyo, syslog.Mac) }),
		later(time.Minute, every(40*time.Second, 12, func(i int) syslog.Event { return syslog.SignIn(person(i), syslog.Tokyo, syslog.Mac) })...))},
	{name: "somebody forgot the password, remembered after six tries", events: slices.Concat(failures(6), later(5*minutes, one(syslog.SignIn(anna, syslog.Berlin, syslog.Mac))...))},
	{name: "somebody forgot the password, remembered after twelve tries", events: slices.Concat(failures(12), later(8*minutes, one(syslog.SignIn(anna, syslog.Berlin, syslog.Mac))...))},
	{name: "somebody forgot the password, remembered after twelve tries on a new phone", events: slices.Concat(failures(12), later(8*minutes, one(syslog.SignIn(anna, syslog.Berlin, syslog.IPhone, syslog.Behaviors("New Device")))...))},
	{name: "a program with an old password", events: every(2*time.Minute, 30, func(int) syslog.Event {
		return syslog.WrongPassword(syslog.Person(seed.NumberService), syslog.CloudEast, syslog.Script)
	})},
	{name: "a flight to New York", events: []moment{{0, syslog.SignIn(anna, home, syslog.Mac)}, {10 * time.Hour, syslog.SignIn(anna, syslog.NewYork, syslog.Mac, syslog.Behaviors("New City", "New Country", "New IP"))}}},
	{name: "a train to London, with a phone", events: []moment{{0, syslog.SignIn(anna, home, syslog.IPhone)}, {4 * time.Hour, syslog.SignIn(anna, syslog.London.At("192.0.2.210"), syslog.IPhone)}}},
	{name: "a private VPN that nobody lists, switched on after breakfast", events: []moment{{0, syslog.SignIn(anna, home, syslog.Mac)}, {15 * minutes, syslog.SignIn(anna, syslog.NewYork, syslog.Mac, syslog.Behaviors("New IP"))}}},
	{name: "the company's VPN, whose exits are named", events: []moment{{0, syslog.SignIn(anna, syslog.NewYork, syslog.Mac)}, {15 * minutes, syslog.SignIn(anna, syslog.London, syslog.Mac, syslog.Behaviors("New IP"))}}},
	{name: "Tor out of principle, on the usual device", events: []moment{{0, syslog.SignIn(anna, syslog.Proxy, syslog.Linux, syslog.Behaviors("New IP"))}}},
	{name: "two denials: the person had pressed the wrong button", events: slices.Concat(denials(2), later(2*minutes, one(syslog.Push(anna, home, syslog.Mac, "SUCCESS"))...))},
	{name: "a push left unanswered at the coffee machine, three times", events: every(10*minutes, 3, func(int) syslog.Event { return syslog.Push(anna, home, syslog.Mac, "UNANSWERED") })},
	{name: "a new phone: the help desk resets, the person enrols at home", events: []moment{
		{0, syslog.Administered(desk, "user.mfa.factor.reset_all", syslog.On(anna))},
		{15 * minutes, syslog.SignIn(anna, home, syslog.IPhone, syslog.Behaviors("New Device"))},
		{16 * minutes, syslog.New("user.mfa.factor.activate", syslog.By(anna), syslog.From(home))},
	}},
	{name: "the help desk's usual morning: three resets", events: resets(3)},
	{name: "the day after the phones were exchanged: eight resets", events: resets(8)},
	{name: "a new hire's first day, from home", events: []moment{{0, syslog.SignIn(robin, syslog.NewYork.At("198.51.100.33"), syslog.Windows, syslog.Elsewhere())}}},
	{name: "laptop and phone at the same time", events: []moment{
		{0, syslog.SignIn(anna, home, syslog.Mac, syslog.Session("s-laptop"))}, {minutes, syslog.SignIn(anna, home, syslog.IPhone, syslog.Session("s-phone"))},
		{2 * minutes, syslog.SingleSignOn(anna, seed.AppSlack, home, syslog.Mac, "s-laptop")}, {3 * minutes, syslog.SingleSignOn(anna, seed.AppZoom, home, syslog.IPhone, "s-phone")},
	}},
	{name: "from the office's network to the train's, in the same session", events: []moment{
		{0, syslog.SignIn(anna, syslog.Berlin, syslog.Mac, syslog.Session("s-train"))}, {time.Hour, syslog.SingleSignOn(anna, seed.AppSlack, syslog.Berlin.At("192.0.2.220"), syslog.Mac, "s-train")},
	}},
	{name: "a tablet that asks for the desktop's pages in the middle of a session", events: []moment{
		{0, syslog.SignIn(anna, home, syslog.IPhone, syslog.Session("s-tablet"))}, {minutes, syslog.SingleSignOn(anna, seed.AppGoogle, home, syslog.Mac, "s-tablet")},
	}},
	{name: "nine applications open with the browser", events: openings(2*time.Second, 9)},
	{name: "somebody opens an application that is not theirs, twice", events: refusals(2)},
	{name: "a planned change: a role, a policy rule and a token", events: []moment{
		{0, syslog.Administered(admin, "user.account.privilege.grant", syslog.On(robin))},
		{minutes, syslog.Administered(admin, "policy.rule.deactivate")},
		{2 * minutes, syslog.Administered(admin, "system.api_token.create")},
	}},
	{name: "an administrator at a new desk", events: one(syslog.Administered(admin, "user.session.access_admin_app", syslog.Behaviors("New IP")))},
	{name: "an administrator with a new laptop, at home", events: one(syslog.Administered(admin, "user.session.access_admin_app", syslog.From(home), syslog.Behaviors("New Device", "New IP")))},
	{name: "a program that runs in one cloud, from many addresses", events: every(minutes, 20, func(i int) syslog.Event {
		return syslog.Administered(admin, "user.lifecycle.create", syslog.From(syslog.CloudEast.At(syslog.Address(i))), syslog.Token("00Tsync"))
	})},
	{name: "a report that ran into a limit, twice", events: violations(2)},
	{name: "somebody locked out of their account after lunch", events: locks(1)},
	{name: "an application edited that has nothing to do with another org", events: examples["org-joined"].miss},
}
