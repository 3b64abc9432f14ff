package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/syslog"
)

// alertKind is a security event that the console can let Okta report.
type alertKind struct {
	Name, Title, Hint string
	// events are the System Log's, oldest first; people are active.
	events func(people []seed.Person) []syslog.Event
}

var alertKinds = []alertKind{
	{"reported", "Suspicious activity, reported", "A person says it was not them", func(people []seed.Person) []syslog.Event {
		return []syslog.Event{syslog.New("user.account.report_suspicious_activity_by_enduser",
			syslog.By(people[0]), syslog.On(people[0]), syslog.From(syslog.Berlin))}
	}},
	{"spray", "Password spray, then a sign-in", "One address tries twelve people, and gets in", func(people []seed.Person) (events []syslog.Event) {
		for _, p := range people {
			events = append(events, syslog.WrongPassword(p, syslog.Hosting, syslog.Script))
		}
		return append(events, syslog.SignIn(people[len(people)-1], syslog.Hosting, syslog.Script, syslog.Elsewhere()))
	}},
	{"fatigue", "Push fatigue", "Push after push is denied, the last is not", func(people []seed.Person) (events []syslog.Event) {
		for range 8 {
			events = append(events, syslog.Push(people[0], syslog.Proxy, syslog.Windows, "FAILURE"))
		}
		return append(events, syslog.Push(people[0], syslog.Proxy, syslog.Windows, "SUCCESS"))
	}},
}

// alertPoller is the function that reads security events from the System Log.
const alertPoller = "SecurityAlertPoller"

// alerts are the events that somebody is there to read.
func (c *Console) alerts() []alertKind {
	if _, reads := c.world.Template.Function(alertPoller); !reads {
		return nil
	}
	return alertKinds
}

// sprayed is how many people a spray tries.
const sprayed = 12

func (c *Console) alert(r *http.Request) (said, to string, err error) {
	if c.options.Real {
		return "", "", errUnsimulated
	}
	var people []seed.Person
	all, turn := seed.People(), int(c.opened.Add(1))
	for i := range all {
		p := all[(i+turn*5)%len(all)] // other people each time
		if a, found := c.world.Okta.Snapshot(p.OktaID); found && a.Status == oktasim.Active && p.EmployeeType != "service" && len(p.AdminRoles) == 0 {
			people = append(people, p)
		}
	}
	if len(people) == 0 {
		return "", "", errors.New("nobody is active")
	}
	people = people[:min(sprayed, len(people))]
	for _, kind := range c.alerts() {
		if kind.Name != r.PostFormValue("alert") {
			continue
		}
		events := kind.events(people)
		for i, e := range events {
			c.world.Okta.Emit(time.Now().Add(time.Duration(i-len(events))*4*time.Second), e)
		}
		// The schedule polls every minute; whoever watches does not want to wait.
		ctx := context.WithoutCancel(r.Context())
		if _, err := c.world.Invoke(ctx, alertPoller, []byte("{}")); err != nil {
			return "", "", fmt.Errorf("the System Log has the events, but reading it failed: %w", err)
		}
		return kind.Title + ": " + count(len(events), "event") + " in the System Log.", "/", nil
	}
	return "", "", fmt.Errorf("there is no security event %q", r.PostFormValue("alert"))
}
