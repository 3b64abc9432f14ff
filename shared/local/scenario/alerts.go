package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/syslog"
)

const (
	// victim is whose password the attacker of the demo finds.
	victim = "E1023"
	// investigator is who looks into the alert.
	investigator = "E1035"
)

// Alerts are the acts about an attacker: what the System Log tells of one, and what
// they ask the service desk for.
func Alerts() []Act {
	return []Act{
		{"A password spray becomes one incident, and the one account it got into is contained", sprayed},
		{"The attacker calls the service desk: no factor is reset while the incident is open", underAttack},
	}
}

// logged is an event as the ways in deliver it.
type logged struct {
	uuid string
	at   time.Time
	syslog.Event
}

// log has Okta log an event of some time ago. Its uuid is another one each time the
// act is played: a deployed stack remembers those of before.
func (w *World) log(n int, ago time.Duration, e syslog.Event) logged {
	now := time.Now()
	l := logged{fmt.Sprintf("%08x-0000-4000-8000-%012d", uint32(now.Unix()), n), now.Add(-ago), e} //nolint:gosec // it only has to differ
	body := map[string]any{"uuid": l.uuid}
	for name, value := range e {
		body[name] = value
	}
	w.Okta.Emit(l.at, body)
	return l
}

// spray has a dozen people's passwords tried from one address, and one account
// entered, all of it within the last minute.
func (w *World) spray() []logged {
	const step = 4 * time.Second
	var all []logged
	for i, p := range seed.People()[:12] {
		all = append(all, w.log(i, time.Minute-time.Duration(i)*step, syslog.WrongPassword(p, syslog.Hosting, syslog.Script)))
	}
	return append(all, w.log(len(all), 2*step, syslog.SignIn(person(victim), syslog.Hosting, syslog.Script, syslog.Elsewhere())))
}

// deliver delivers events by all three ways, by those that are not the System Log
// twice. Where the functions run elsewhere, it is by the event hook alone.
func (w *World) deliver(ctx context.Context, events []logged) error {
	raw := make([]json.RawMessage, len(events))
	for i, e := range events {
		raw[i] = e.Stamped(e.uuid, e.at).Raw
	}
	body, err := json.Marshal(map[string]any{"eventType": "com.okta.event_hook", "data": map[string]any{"events": raw}})
	if err != nil {
		return err
	}
	for range 2 {
		if err := w.hook(ctx, body); err != nil {
			return err
		}
		for _, event := range raw {
			if w.deployed {
				break
			}
			if err := w.Emit(ctx, "aws.partner/okta.com/example/stream", "SystemLog", event); err != nil {
				return err
			}
		}
	}
	if w.deployed {
		return nil
	}
	_, err = w.Invoke(ctx, "SecurityAlertPoller", []byte("{}"))
	return err
}

// hook delivers a body as an event hook of Okta does.
func (w *World) hook(ctx context.Context, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.api.url+"/webhooks/okta/events", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", w.hookSecret)
	answer, err := w.api.transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("the event hook: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the event hook answered %s", answer.Status)
	}
	return nil
}

// alerts are the incidents that alerts have made about an attack from an address.
func (w *World) alerts(address string) []Ticket {
	var list []Ticket
	for _, r := range w.ServiceNow.Query("incident", "u_kind=security_alert") {
		if strings.Contains(r["description"], "Addresses: "+address) {
			list = append(list, Ticket{Table: "incident", SysID: r["sys_id"], Number: r["number"]})
		}
	}
	return list
}

// question is the open question on a ticket that the person is asked.
func (w *World) question(t Ticket, number string) (snowsim.Approval, bool) {
	list := w.ServiceNow.Approvals(t.SysID)
	i := slices.IndexFunc(list, func(a snowsim.Approval) bool {
		return a.State == snowsim.Requested && a.Approver == seed.PersonSysID(number)
	})
	if i < 0 {
		return snowsim.Approval{}, false
	}
	return list[i], true
}

func sprayed(ctx context.Context, w *World) (told Told, err error) {
	from := syslog.Hosting.IP
	before, _ := w.Okta.Snapshot(Login(victim))
	events := w.spray()
	told.happened("twelve people's passwords are tried from %s within a minute, and %s is entered", from, Login(victim))
	began := time.Now()
	if err := w.deliver(ctx, events); err != nil {
		return told, err
	}
	told.happened("Okta tells of it %s", map[bool]string{
		true: "by event hook twice", false: "by event hook twice, by log stream twice, and in its System Log",
	}[w.deployed])
	var incident Ticket
	err = w.until(ctx, "nobody can take the containment back yet", func() bool {
		list := w.alerts(from)
		if len(list) == 0 {
			return false
		}
		_, asked := w.question(list[0], investigator)
		incident = list[0]
		return asked
	})
	if err != nil {
		return told, err
	}
	a, _ := w.Okta.Snapshot(Login(victim))
	told.happened("%.1f s later:", time.Since(began).Seconds())
	told.Okta = append(told.Okta,
		fmt.Sprintf("%s is %s, with %d sessions (%d before) and %d refresh tokens (%d before)", a.Login, a.Status, a.Sessions, before.Sessions, a.RefreshTokens, before.RefreshTokens))
	told.Ticket = incident
	told.ServiceNow = append(told.ServiceNow, fmt.Sprintf("%s, priority %s, with %s: %s", incident.Number, w.Column(incident, "priority"),
		w.ServiceNow.Record("sys_user_group", w.Column(incident, "assignment_group"))["name"], w.Column(incident, "short_description")))
	lines, _, _ := strings.Cut(w.Column(incident, "description"), "\n\n")
	for _, line := range strings.Split(lines, "\n") {
		if !strings.HasPrefix(line, "System Log:") {
			told.ServiceNow = append(told.ServiceNow, "| "+line)
		}
	}
	wrong := errors.Join(
		expect(a.Status == oktasim.Suspended && a.Sessions == 0, "%s is %s with %d sessions", a.Login, a.Status, a.Sessions),
		expect(len(w.alerts(from)) == 1, "there are %d incidents", len(w.alerts(from))),
		expect(w.Column(incident, "priority") == "1", "%s has priority %s", incident.Number, w.Column(incident, "priority")))
	if w.deployed {
		return told, wrong
	}
	pages := w.Published()
	told.happened("whoever is on call was told: %q", pages[len(pages)-1].Subject)
	tried := []string{Login(victim)}
	for _, p := range seed.People()[:12] {
		tried = append(tried, p.Email)
	}
	contained, err := w.containedOf(ctx, tried...)
	return told, errors.Join(wrong, err, expect(slices.Equal(contained, []string{a.ID}), "%v are suspended, %s was got into", contained, a.ID))
}

// underAttack has an analyst let the victim in again, and the attacker, who has the
// password, try the service desk for the factor.
func underAttack(ctx context.Context, w *World) (told Told, err error) {
	const agent = "E1032"
	list := w.alerts(syslog.Hosting.IP)
	if len(list) != 1 {
		return told, fmt.Errorf("there are %d incidents, not the one of the spray", len(list))
	}
	question, asked := w.question(list[0], investigator)
	if !asked {
		return told, fmt.Errorf("%s asks nobody", list[0].Number)
	}
	if err := w.ServiceNow.ApproveAs(question.Approver, question.SysID, snowsim.Approved, ""); err != nil {
		return told, err
	}
	err = w.until(ctx, "the containment has not been taken back", func() bool {
		a, _ := w.Okta.Snapshot(Login(victim))
		return a.Status == oktasim.Active
	})
	if err != nil {
		return told, err
	}
	told.happened("%s has reached the person and takes the containment back by one answer on %s: %s can sign in again", Login(investigator), list[0].Number, Login(victim))
	before, _ := w.Okta.Snapshot(Login(victim))
	ticket, err := help(ctx, w, &told, Login(agent), "Caller has lost her phone, it is urgent", Reset("mfa", victim, map[string]string{
		"identity_proof": "call back: 7731",
	}))
	if err != nil {
		return told, err
	}
	a, _ := w.Okta.Snapshot(Login(victim))
	told.Okta = append(told.Okta, fmt.Sprintf("%s is %s with factors %v, as before", a.Login, a.Status, a.Factors))
	told.ticket(w, ticket)
	return told, errors.Join(
		expect(slices.Equal(a.Factors, before.Factors), "factors are %v", a.Factors),
		expect(w.Column(ticket, "state") == "1", "%s is in state %s", ticket.Number, w.Column(ticket, "state")),
		expect(strings.Contains(strings.Join(w.Notes(ticket, "work_notes"), "\n"), list[0].Number), "%s does not say why", ticket.Number),
		expect(len(w.ServiceNow.Approvals(ticket.SysID)) == 0, "somebody was asked to approve it"),
		w.Save(ticket, Login(agent), map[string]string{"state": "8"}))
}

// containedOf are those of the people whom an alert suspended, by Okta user id: other
// acts may suspend people at the same time.
func (w *World) containedOf(ctx context.Context, people ...string) (ids []string, err error) {
	for _, login := range people {
		a, _ := w.Okta.Snapshot(login)
		for r, err := range w.Ledger().BySubject(ctx, a.ID) {
			if err != nil {
				return nil, err
			}
			if r.Verb == "user.suspend" && r.Phase == audit.Done && r.Reason.Kind == "security-alert" {
				ids = append(ids, a.ID)
			}
		}
	}
	return ids, nil
}
