package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
	"lifecycle/shared/local/syslog"
)

func TestTheWaysIn(t *testing.T) {
	t.Parallel()

	watching(t, "every event by all three ways and twice makes one incident that counts each once", unpolled(), func(w *watch) {
		w.polls()
		events := w.spray()
		for range 2 {
			w.is("the hook's answer", w.hooks(events[:7]...), http.StatusOK)
			w.streams(events...)
			w.is("the hook's answer", w.hooks(events...), http.StatusOK)
			w.polls()
			w.calm()
		}
		t := w.incident()
		w.calm()
		w.says(w.Column(t, "description"), "13 events")
		w.is("changes", len(alertChanges(w)), 2)
		w.is("pages", len(w.pages()) <= 2, true)
		for _, note := range w.Notes(t, "work_notes") {
			if strings.Contains(note, "It goes on") && !strings.Contains(note, "13 in all") {
				w.t.Errorf("counted more than once: %s", note)
			}
		}
		w.is("what a hook delivered is not kept", strings.Contains(w.tables(), "inbox#"), false)
	})

	for name, deliver := range map[string]func(*watch, []logged){
		"a hook alone":   func(w *watch, events []logged) { w.is("the answer", w.hooks(events...), http.StatusOK) },
		"a stream alone": func(w *watch, events []logged) { w.streams(events...) },
		"the poller alone, from the latest event to the first": func(w *watch, _ []logged) { w.polls() },
	} {
		watching(t, name+" is enough", unpolled(), func(w *watch) {
			events := w.spray()
			for i, j := 0, len(events)-1; i < j; i, j = i+1, j-1 {
				events[i], events[j] = events[j], events[i]
			}
			deliver(w, events)
			w.calm()
			w.is("priority", w.Column(w.incident(), "priority"), "1")
			w.is("contained", w.person(attacker).Status, oktasim.Suspended)
		})
	}

	watching(t, "an event that Okta stores late and one that its clock puts ahead are counted by their own time", unpolled(), func(w *watch) {
		w.polls()
		for i := range 5 {
			w.happened(3*time.Hour, syslog.WrongPassword(seed.People()[i], syslog.Hosting, syslog.Script))
		}
		w.polls()
		time.Sleep(time.Minute)
		for i := range 5 {
			w.happened(3*time.Hour, syslog.WrongPassword(seed.People()[10+i], syslog.Hosting, syslog.Script))
		}
		w.polls()
		w.calm()
		w.says(w.Column(w.incident(), "description"), "10 events", "reached this system 3h")
		for i := range 10 {
			w.happened(-time.Hour, syslog.WrongPassword(seed.People()[i], syslog.Proxy, syslog.Script))
		}
		w.polls()
		w.calm()
		w.is("incidents", len(w.incidents()) >= 2, true)
	})

	watching(t, "the same events with a clock that is off by a day do not stop the poller", unpolled(), func(w *watch) {
		w.polls()
		w.happened(-26*time.Hour, syslog.New("user.account.report_suspicious_activity_by_enduser", syslog.By(syslog.Person(attacker))))
		w.happened(26*time.Hour, syslog.New("user.account.report_suspicious_activity_by_enduser", syslog.By(syslog.Person("E1042"))))
		w.polls()
		w.calm()
		w.is("incidents", len(w.incidents()), 2)
	})
}

func TestTheHookIsHardToFool(t *testing.T) {
	t.Parallel()
	watching(t, "it answers Okta's question once it is asked, and takes nothing without the secret", unpolled(), func(w *watch) {
		status, body := w.verification("Abc.123-_x")
		w.is("verification", fmt.Sprintf("%d %s", status, body), `200 {"verification":"Abc.123-_x"}`)
		for _, bad := range []string{"", "<script>", strings.Repeat("x", 600)} {
			status, body := w.verification(bad)
			w.is("verification of "+bad, status, http.StatusBadRequest)
			w.is("is not echoed", strings.Contains(body, "script"), false)
		}
		secret := w.Secret("OktaHookSecret")
		event := w.happens(syslog.New("user.mfa.attempt_bypass", syslog.By(syslog.Person(attacker))))
		good, err := json.Marshal(map[string]any{"data": map[string]any{"events": []json.RawMessage{event.Stamped(event.uuid, event.at).Raw}}})
		w.must(err)
		for name, c := range map[string]struct {
			secret, body string
			want         int
		}{
			"no secret":            {"", string(good), 401},
			"a wrong one":          {"wrong" + secret[5:], string(good), 401},
			"its beginning":        {secret[:20], string(good), 401},
			"with more behind it":  {secret + "x", string(good), 401},
			"no body":              {secret, "", 400},
			"no JSON":              {secret, "{", 400},
			"no events":            {secret, `{"data":{"events":[]}}`, 400},
			"an event without id":  {secret, `{"data":{"events":[{"eventType":"x"}]}}`, 400},
			"an event that is not": {secret, `{"data":{"events":["x"]}}`, 400},
			"a body too large":     {secret, `{"data":{"events":["` + strings.Repeat("x", 1<<20) + `"]}}`, 400},
			"what nobody looks at": {secret, `{"data":{"events":[{"uuid":"u1","eventType":"user.session.end"}]}}`, 200},
		} {
			w.is(name, w.request(c.secret, []byte(c.body)).Code, c.want)
		}
		w.calm()
		w.is("incidents", len(w.incidents()), 0)
		for _, x := range w.States.Executions(w.Machine(intaking)) {
			w.t.Errorf("an execution was started: %+v", x)
		}

		w.is("the right one", w.request(secret, good).Code, 200)
		w.Rotate("OktaHookSecret", "another secret of the event hook, long enough")
		time.Sleep(6 * time.Minute)
		w.is("the one before, while Okta is changed", w.request(secret, good).Code, 200)
		w.is("the new one", w.request(w.Secret("OktaHookSecret"), good).Code, 200)
		for _, empty := range []string{"", "short"} {
			w.Rotate("OktaHookSecret", empty)
			time.Sleep(6 * time.Minute)
			w.is("a secret that is none opens nothing", w.request(empty, good).Code, 401)
		}
		w.calm()
		w.is("incidents", len(w.incidents()), 1)
	})

	watching(t, "it answers within three seconds, whatever hangs", unpolled(), func(w *watch) {
		event := w.happens(syslog.New("user.mfa.attempt_bypass", syslog.By(syslog.Person(attacker))))
		calls := w.callsOf("SecurityAlertHook", func() { w.is("the answer", w.hooks(event), 200) })
		w.calm()
		for n := 1; n <= calls; n++ {
			event := w.happens(syslog.New("user.mfa.attempt_bypass", syslog.By(syslog.Person("E1042"))))
			w.breaks("SecurityAlertHook", n, local.Hang)
			began := time.Now()
			status := w.hooks(event)
			if took := time.Since(began); took >= 3*time.Second || status != 503 && status != 200 {
				w.t.Errorf("call %d hangs: answer %d after %s", n, status, took)
			}
			w.Sabotage(nil)
		}
		w.polls()
		w.calm()
		w.is("incidents", len(w.incidents()), 2)
	})
}

// verification asks what Okta asks once.
func (w *watch) verification(challenge string) (int, string) {
	r := w.requestWith(http.MethodGet, map[string]string{"X-Okta-Verification-Challenge": challenge}, nil)
	return r.Code, strings.TrimSpace(r.Body.String())
}

// callsOf counts the calls that a function makes meanwhile.
func (w *watch) callsOf(function string, do func()) int {
	var mu sync.Mutex
	n := 0
	w.Sabotage(func(c local.Outgoing) local.Verdict {
		mu.Lock()
		defer mu.Unlock()
		if c.Function == function {
			n++
		}
		return local.Pass
	})
	do()
	w.Sabotage(nil)
	mu.Lock()
	defer mu.Unlock()
	return n
}

// breaks has a function's n-th call from now on go wrong.
func (w *watch) breaks(function string, n int, how local.Verdict) {
	var mu sync.Mutex
	seen := 0
	w.Sabotage(func(c local.Outgoing) local.Verdict {
		mu.Lock()
		defer mu.Unlock()
		if c.Function != function {
			return local.Pass
		}
		if seen++; seen == n {
			return how
		}
		return local.Pass
	})
}

// whole tells how everything stands in the end.
func (w *watch) whole() string {
	var b bytes.Buffer
	for _, t := range w.incidents() {
		fmt.Fprintf(&b, "%s priority %s state %s files %d\n%s\n", w.Column(t, "short_description"), w.Column(t, "priority"), w.Column(t, "state"),
			len(w.ticket(t).Files), moment.ReplaceAllString(w.Column(t, "description"), "(time)"))
		var lines []string // what is disturbed may change their order
		for _, note := range w.Notes(t, "work_notes") {
			lines = append(lines, "- "+steady(note, ""))
		}
		for _, a := range w.ServiceNow.Approvals(t.SysID) {
			lines = append(lines, a.Name+": "+a.State)
		}
		slices.Sort(lines)
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	a := w.person(attacker)
	fmt.Fprintf(&b, "%s, sessions %d, pages %d, running %d\n", a.Status, a.Sessions, len(w.pages()), len(w.alertsRunning()))
	return b.String()
}

// TestThePollerDiesAnywhere kills the poller, and cuts it off, at every call that it
// makes. The next run ends where the undisturbed one did.
func TestThePollerDiesAnywhere(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, n int, how local.Verdict) (end string, calls int) {
		t.Helper()
		inOffice(t, unpolled(), func(o *office) {
			w := &watch{office: o}
			w.polls()
			w.spray()
			time.Sleep(10 * time.Second)
			poll := func() { _, _ = w.Invoke(w.ctx, "SecurityAlertPoller", []byte(`{}`)) }
			if n == 0 {
				calls = w.callsOf("SecurityAlertPoller", poll)
			} else {
				w.breaks("SecurityAlertPoller", n, how)
				poll()
				w.Sabotage(nil)
			}
			w.calm()
			for range 3 { // the schedule goes on
				time.Sleep(time.Minute)
				w.polls()
				w.calm()
			}
			end = w.whole()
			w.verifiesLedger()
		})
		return end, calls
	}
	want, calls := run(t, 0, local.Pass)
	if calls < 10 || !strings.Contains(want, "SUSPENDED") {
		t.Fatalf("%d calls, ending in:\n%s", calls, want)
	}
	t.Logf("%d calls", calls)
	every := 1
	if testing.Short() {
		every = 6
	}
	ways := []disturbance{{"killed after", local.KillAfter}, {"killed before", local.KillBefore}, {"cut off at", local.Cut}, {"no answer to", local.Hang}}
	for n := 1; n <= calls; n++ {
		for j, d := range ways {
			// Where all would take too long it is killed after each call, such as
			// between a page and the position behind it, and the rest takes turns.
			if !*thorough && (n%every != 0 || j > 0 && n%12 != 4*(j-1)) {
				continue
			}
			t.Run(fmt.Sprintf("%s call %d", d.how, n), func(t *testing.T) {
				t.Parallel()
				end, _ := run(t, n, d.verdict)
				if diff := cmp.Diff(want, end); diff != "" {
					t.Errorf("it ends otherwise (-undisturbed +disturbed):\n%s", diff)
				}
			})
		}
	}
}

func TestThePollerCatchesUp(t *testing.T) {
	t.Parallel()

	watching(t, "an outage of a day: nothing is left out, and nobody is flooded", scenario.Options{Options: local.Options{Pace: 10 * time.Minute}}, func(w *watch) {
		w.polls()
		w.Okta.Fault(func(r *http.Request, _ int) *oktasim.Fault {
			if r.URL.Path == "/api/v1/logs" {
				return &oktasim.Fault{Status: 503}
			}
			return nil
		})
		for hour := range 24 {
			for i := range 30 {
				w.happens(syslog.SignIn(seed.People()[(hour+i)%15], syslog.Berlin, syslog.Mac))
			}
			if hour == 3 {
				w.spray()
			}
			w.happens(syslog.WrongPassword(seed.People()[hour], syslog.Hosting, syslog.Script)) // it goes on
			time.Sleep(time.Hour)
		}
		w.is("incidents during the outage", len(w.incidents()), 0)
		w.Okta.Fault(nil)
		time.Sleep(20 * time.Minute)
		w.calm()
		t := w.incident()
		w.says(w.Column(t, "description"), "reached this system")
		w.is("contained", w.person(attacker).Status, oktasim.Suspended)
		if notes, pages := len(w.Notes(t, "work_notes")), len(w.pages()); notes > 12 || pages > 2 {
			w.t.Errorf("%d notes, %d pages", notes, pages)
		}
	})

	watching(t, "a position that Okta does not know any more is found again by the time", unpolled(), func(w *watch) {
		w.polls()
		w.happens(syslog.New("user.mfa.attempt_bypass", syslog.By(syslog.Person("E1042"))))
		w.polls()
		w.calm()
		_, err := w.DynamoDB().UpdateItem(w.ctx, &dynamodb.UpdateItemInput{
			TableName: aws.String(w.Table("AlertsTable")), UpdateExpression: aws.String("SET link = :lost"),
			Key:                       map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "poller"}, "sk": &types.AttributeValueMemberS{Value: "cursor"}},
			ExpressionAttributeValues: map[string]types.AttributeValue{":lost": &types.AttributeValueMemberS{Value: "/api/v1/logs?after=rubbish"}},
		})
		w.must(err)
		w.spray()
		w.polls()
		w.calm()
		w.is("incidents", len(w.incidents()), 2)
		w.says(w.log.String(), "does not know the position in the System Log any more")
	})

	watching(t, "of two runs at once one reads", unpolled(), func(w *watch) {
		w.spray()
		w.breaks("SecurityAlertPoller", 1, local.Hang) // the first run stands still, holding the lease
		var first sync.WaitGroup
		first.Go(func() { _, _ = w.Invoke(w.ctx, "SecurityAlertPoller", []byte(`{}`)) })
		time.Sleep(time.Second)
		out, err := w.Invoke(w.ctx, "SecurityAlertPoller", []byte(`{}`))
		if err == nil && strings.Contains(string(out), `"held":true`) {
			w.t.Errorf("both read: %s", out)
		}
		first.Wait()
		w.Sabotage(nil)
		time.Sleep(time.Minute)
		w.polls()
		w.calm()
		w.incident()
	})

	watching(t, "an alert whose execution was aborted gets another, which goes on from there", scenario.Options{}, func(w *watch) {
		w.spray()
		time.Sleep(2 * time.Minute)
		w.calm()
		t := w.incident()
		for _, x := range w.alertsRunning() {
			_, err := w.SFN().StopExecution(w.ctx, &sfn.StopExecutionInput{ExecutionArn: aws.String(x.ARN)})
			w.must(err)
		}
		time.Sleep(20 * time.Minute)
		w.calm()
		w.is("running", len(w.alertsRunning()), 1)
		w.answers(t, snowsim.Approved)
		w.calm()
		w.is("the question it took over is answered", w.person(attacker).Status, oktasim.Active)
		w.incident()
	})

	watching(t, "an alert whose incident cannot be opened is told to whoever is on call, and opened when it can be", scenario.Options{}, func(w *watch) {
		w.ServiceNow.Restrict(snowsim.Rule{Table: "incident", Operation: "create"})
		w.spray()
		time.Sleep(5 * time.Minute)
		w.is("incidents", len(w.incidents()), 0)
		failed := 0
		for _, x := range w.States.Executions(w.Machine(alerting)) {
			if x.Status == states.Failed {
				failed++
			}
		}
		w.is("failed executions", failed, 1)
		w.is("pages", len(w.pages()), 1)
	})
}
