package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
	"lifecycle/shared/local/syslog"
)

const (
	alerting = "SecurityAlertMachine"
	intaking = "SecurityIntakeMachine"
	attacker = "E1020" // whose account the attacks of these tests get into
	analyst  = "grace.mbeki@" + seed.Domain
)

// unpolled is an office in which schedules rest, so that a test polls by itself.
func unpolled() scenario.Options { return scenario.Options{Options: local.Options{Pace: rare}} }

// watch is what the tests of alerts do in an office.
type watch struct {
	*office

	events int
}

// logged is an event with its identity.
type logged struct {
	syslog.Event

	uuid string
	at   time.Time
}

// happens has Okta log an event now; it is on its way by nothing yet.
func (w *watch) happens(e syslog.Event) logged { return w.happened(0, e) }

// happened has Okta log, now, an event of some time ago.
func (w *watch) happened(ago time.Duration, e syslog.Event) logged {
	w.events++
	l := logged{e, fmt.Sprintf("a1e27000-0000-4000-8000-%012d", w.events), time.Now().Add(-ago)}
	body := map[string]any{"uuid": l.uuid}
	for name, value := range e {
		body[name] = value
	}
	w.Okta.Emit(l.at, body)
	return l
}

// tries has twelve people's passwords tried from one address within a minute.
func (w *watch) tries() []logged {
	var all []logged
	for i := range 12 {
		all = append(all, w.happens(syslog.WrongPassword(seed.People()[i], syslog.Hosting, syslog.Script)))
		time.Sleep(4 * time.Second)
	}
	return all
}

// spray is tries, after which one account is entered.
func (w *watch) spray() []logged { return append(w.tries(), w.happens(entered())) }

func entered() syslog.Event {
	return syslog.SignIn(syslog.Person(attacker), syslog.Hosting, syslog.Script, syslog.Elsewhere())
}

// polls runs the poller once.
func (w *watch) polls() {
	w.t.Helper()
	_, err := w.Invoke(w.ctx, "SecurityAlertPoller", []byte(`{}`))
	w.must(err)
}

// hooks delivers events as an event hook does, and returns the answer's status.
func (w *watch) hooks(events ...logged) int {
	w.t.Helper()
	list := make([]json.RawMessage, len(events))
	for i, e := range events {
		list[i] = e.Stamped(e.uuid, e.at).Raw
	}
	body, err := json.Marshal(map[string]any{
		"eventType": "com.okta.event_hook", "eventTypeVersion": "1.0", "cloudEventsVersion": "0.1", "eventId": "e1", "data": map[string]any{"events": list},
	})
	w.must(err)
	return w.request(w.Secret("OktaHookSecret"), body).Code
}

func (w *watch) request(secret string, body []byte) *httptest.ResponseRecorder {
	return w.requestWith(http.MethodPost, map[string]string{"Content-Type": "application/json", "Authorization": secret}, body)
}

func (w *watch) requestWith(method string, headers map[string]string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(w.ctx, method, "https://api.example/webhooks/okta/events", bytes.NewReader(body))
	for name, value := range headers {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	recorder := httptest.NewRecorder()
	w.API().ServeHTTP(recorder, r)
	return recorder
}

// streams delivers events through EventBridge.
func (w *watch) streams(events ...logged) {
	w.t.Helper()
	for _, e := range events {
		w.must(w.Emit(w.ctx, "aws.partner/okta.com/example/stream", "SystemLog", e.Stamped(e.uuid, e.at).Raw))
	}
}

// calm waits until every execution of an alert waits for news or has ended.
func (w *watch) calm() {
	w.t.Helper()
	quiet := 0
	for range 4000 {
		w.Outbox.Deliver(w.ctx)
		if !w.atRest() {
			quiet = 0
		} else if quiet++; quiet > 3 { // somebody may just have been woken
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	w.t.Fatal("the alerts do not come to rest")
}

func (w *watch) atRest() bool {
	for _, machine := range []string{alerting, intaking} {
		for _, x := range w.States.Executions(w.Machine(machine)) {
			if x.Status == states.Running && !slices.Equal(x.Current, []string{"AwaitNews"}) {
				return false
			}
		}
	}
	return !slices.ContainsFunc(w.Outbox.Messages(), func(m snowsim.Message) bool { return m.State == snowsim.Waiting })
}

// alertsRunning are the executions of alerts that have not ended.
func (w *watch) alertsRunning() []states.Execution {
	return slices.DeleteFunc(w.States.Executions(w.Machine(alerting)), func(x states.Execution) bool { return x.Status != states.Running })
}

// incidents are those that alerts have made.
func (w *watch) incidents() []scenario.Ticket {
	var list []scenario.Ticket
	for _, r := range w.ServiceNow.Query("incident", "u_kind=security_alert") {
		list = append(list, scenario.Ticket{Table: "incident", SysID: r["sys_id"], Number: r["number"]})
	}
	return list
}

// incident is the only one.
func (w *watch) incident() scenario.Ticket {
	w.t.Helper()
	list := w.incidents()
	if len(list) != 1 {
		for _, t := range list {
			w.t.Logf("%s: %s", t.Number, w.Column(t, "short_description"))
		}
		w.t.Fatalf("%d incidents, not one", len(list))
	}
	return list[0]
}

// answers decides the first open question whose approver is one of those.
func (w *watch) answers(t scenario.Ticket, decision string, approvers ...string) {
	w.t.Helper()
	for _, a := range w.ServiceNow.Approvals(t.SysID) {
		if a.State == snowsim.Requested && (len(approvers) == 0 || slices.Contains(approvers, a.Approver)) {
			w.must(w.ServiceNow.ApproveAs(a.Approver, a.SysID, decision, ""))
			return
		}
	}
	w.t.Fatalf("%s is asked nothing", t.Number)
}

// pages are the messages to whoever is on call.
func (w *watch) pages() []string {
	var list []string
	for _, p := range w.Published() {
		list = append(list, p.Subject)
	}
	return list
}

func watching(t *testing.T, name string, o scenario.Options, tell func(w *watch)) {
	t.Helper()
	story(t, name, o, func(o *office) { tell(&watch{office: o}) })
}

func TestAnAlertBecomesOneIncident(t *testing.T) {
	t.Parallel()
	watching(t, "a spray is one incident, which says so at once when it gets into an account, and that account is contained", unpolled(), func(w *watch) {
		w.polls()
		w.is("sessions before", w.person(attacker).Sessions > 0, true)
		w.tries()
		w.polls()
		w.calm()
		t := w.incident()
		w.is("title", w.Column(t, "short_description"), "Password spray from one address: 203.0.113.7 (12 accounts)")
		w.is("group", w.ticket(t).Group, snowsim.GroupSecurity)
		w.is("priority: one of those who were tried is privileged", w.Column(t, "priority"), "1")

		w.happens(entered())
		w.polls()
		w.calm()
		t = w.incident()
		w.is("title", w.Column(t, "short_description"), "Account entered after a password spray: "+scenario.Login(attacker))
		w.is("person", w.Column(t, "u_email")+" "+w.Column(t, "u_employee_number"), scenario.Login(attacker)+" "+attacker)
		w.says(w.Column(t, "description"), "13 events", "203.0.113.7 (Amsterdam, Netherlands)", "AS64501 example virtual servers bv", "New Device",
			"status SUSPENDED", "Manager: isabel.moreno@example.com", "Groups: All Employees", "admin/user/profile/view/", "report/system_log_2")
		w.says(strings.Join(w.ticket(t).Files, " "), "okta-events-1.json", "okta-events-13.json", "okta-people-1.txt")
		w.is("pages", w.pages(), []string{"P2 " + t.Number + ": Password spray from one address", "P1 " + t.Number + ": Password spray from one address"})

		a := w.person(attacker)
		w.is("the account", a.Status+fmt.Sprint(" ", a.Sessions, a.RefreshTokens, a.Devices), "SUSPENDED 0 0 0")
		w.is("others", w.person("E1002").Status, "ACTIVE")
		w.is("changes", alertChanges(w), []string{"user.suspend user/" + a.ID, "session.clear user/" + a.ID})
	})

	t.Run("it goes into the plugin's table where there is one", func(t *testing.T) {
		t.Parallel()
		inOfficeOf(t, func() scenario.Options {
			o := unpolled()
			o.ServiceNow = snowsim.New(snowsim.Options{SecurityIncidents: true})
			return o
		}, func(o *office) {
			w := &watch{office: o}
			w.polls()
			w.spray()
			w.polls()
			w.calm()
			w.is("incidents", len(w.incidents()), 0)
			rows := w.ServiceNow.Query("sn_si_incident", "")
			w.is("security incidents", len(rows), 1)
			r := rows[0]
			w.is("columns", []string{r["state"], r["priority"], r["source_ip"], r["alert_rule"], r["affected_user"], r["category"]},
				[]string{"10", "1", "203.0.113.7", "success-after-spray", seed.PersonSysID(attacker), "Account compromise"})
			w.is("contained", w.person(attacker).Status, "SUSPENDED")
			w.ServiceNow.Update("sn_si_incident", r["sys_id"], map[string]string{"state": "3", "close_code": "Threat mitigated", "close_notes": "Done"})
			time.Sleep(13 * time.Hour)
			w.calm()
			w.is("running", len(w.alertsRunning()), 0)
			w.verifiesLedger()
			w.keepsSecrets()
		})
	})

	watching(t, "one that is opened before the System Log shows the events is told later what they say", unpolled(), func(w *watch) {
		hidden := func(r *http.Request, _ int) *oktasim.Fault {
			if strings.Contains(r.URL.Query().Get("filter"), "uuid eq") {
				return &oktasim.Fault{Status: 503}
			}
			return nil
		}
		w.Okta.Fault(hidden)
		w.is("the hook's answer", w.hooks(append(w.tries(), w.happens(syslog.New("security.threat.detected", syslog.ByAddress(syslog.Proxy.IP), syslog.From(syslog.Proxy))))...), http.StatusOK)
		time.Sleep(10 * time.Second)
		for _, t := range w.incidents() {
			w.says(w.Column(t, "description"), "The events themselves could not be read")
		}
		w.Okta.Fault(nil)
		time.Sleep(10 * time.Minute)
		w.calm()
		w.is("incidents", len(w.incidents()), 2)
		for _, t := range w.incidents() {
			w.is("still bare", strings.Contains(w.Column(t, "description"), "could not be read"), false)
			w.is("title", strings.Contains(w.Column(t, "short_description"), "203.0.113.7 (12 accounts)") || strings.Contains(w.Column(t, "short_description"), syslog.Proxy.IP), true)
		}
	})

	watching(t, "what analysts have written over stays as they wrote it", unpolled(), func(w *watch) {
		w.polls()
		w.tries()
		w.polls()
		w.calm()
		t := w.incident()
		w.saves(t, analyst, map[string]string{"short_description": "Spray 4711, see the bridge call"})
		w.happens(entered())
		w.polls()
		w.calm()
		w.is("title", w.Column(t, "short_description"), "Spray 4711, see the bridge call")
		w.says(w.Column(t, "description"), "Manager: isabel.moreno@example.com")
	})

	watching(t, "what goes on is told at intervals that grow, with what is new", scenario.Options{}, func(w *watch) {
		w.spray()
		time.Sleep(2 * time.Minute)
		w.calm()
		t := w.incident()
		notes := len(w.Notes(t, "work_notes"))
		for i := range 24 * 12 { // a day, every five minutes
			w.happens(syslog.WrongPassword(seed.People()[i%40], syslog.Hosting, syslog.Script))
			time.Sleep(5 * time.Minute)
		}
		w.calm()
		more := w.Notes(t, "work_notes")[notes:]
		if len(w.incidents()) != 1 || len(more) < 3 || len(more) > 14 {
			w.t.Errorf("%d incidents, %d notes about a day", len(w.incidents()), len(more))
		}
		w.says(strings.Join(more, "\n"), "It goes on", "more accounts", "New: Slow password spray from one address")
	})

	watching(t, "after it is closed a new one refers to it", unpolled(), func(w *watch) {
		w.polls()
		w.spray()
		w.polls()
		w.calm()
		first := w.incident()
		w.saves(first, analyst, map[string]string{"state": "6", "close_code": "Solution provided", "close_notes": "False alarm"})
		time.Sleep(time.Minute)
		w.happens(syslog.WrongPassword(syslog.Person("E1011"), syslog.Hosting, syslog.Script))
		time.Sleep(10 * time.Minute) // ordinary events wake nobody before
		w.happens(syslog.WrongPassword(syslog.Person("E1012"), syslog.Hosting, syslog.Script))
		for i := range 10 {
			w.happens(syslog.WrongPassword(seed.People()[i], syslog.Hosting, syslog.Script))
		}
		w.polls()
		w.calm()
		list := w.incidents()
		w.is("incidents", len(list), 2)
		second := list[len(list)-1]
		if second.SysID == first.SysID {
			second = list[0]
		}
		w.says(w.Column(second, "description"), "The same was seen before: "+first.Number)
		w.is("the first stays", w.Column(first, "state"), stateResolved)
	})
}

// alertChanges are the changes to Okta that alerts have made, in order.
func alertChanges(w *watch) []string {
	w.t.Helper()
	var list []string
	for stream, err := range w.ledger().Streams(w.ctx) {
		w.must(err)
		if strings.HasPrefix(stream, "okta_alert/") {
			records, err := w.ledger().Stream(w.ctx, stream)
			w.must(err)
			list = append(list, changesOf(records)...)
		}
	}
	return list
}
