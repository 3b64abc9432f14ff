package snowsim

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const signingKey = "c2ltdWxhdGVkV2ViaG9va1NlY3JldE9mVGhlRGVtbzEy"

// receiver notes what it is sent and answers as it is told.
type receiver struct {
	t      *testing.T
	answer func(n int) (status int, retryAfter string)
	got    []received
}

type received struct {
	id, path string
	at       time.Time
	body     map[string]string
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		v.t.Error(err)
	}
	webhook, err := standardwebhooks.NewWebhook(signingKey)
	if err != nil {
		v.t.Error(err)
	}
	// The library reads the machine's clock through time.Now, which is virtual here.
	if err := webhook.Verify(body, r.Header); err != nil {
		v.t.Errorf("signature: %v", err)
	}
	var notice map[string]string
	if err := json.Unmarshal(body, &notice); err != nil {
		v.t.Error(err)
	}
	v.got = append(v.got, received{r.Header.Get("Webhook-Id"), r.URL.Path, time.Now(), notice})
	status, retryAfter := http.StatusAccepted, ""
	if v.answer != nil {
		status, retryAfter = v.answer(len(v.got))
	}
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.WriteHeader(status)
}

var routes = []Route{
	{Table: "incident", Query: "u_kind=onboarding", URL: "https://hooks.example/onboarding"},
	{Table: "incident", Query: "u_kind=offboarding", URL: "https://hooks.example/offboarding", Except: []string{IntegrationUser}},
	{Table: "sysapproval_approver", Operations: []Operation{Updated}, URL: "https://hooks.example/approvals"},
}

func outbox(t *testing.T, b *testBundle, mishap func(Message) Mishap) (*Outbox, *receiver) {
	v := &receiver{t: t}
	return NewOutbox(b.Sim, OutboxOptions{Routes: routes, Secrets: []string{signingKey}, Transport: TransportTo(v), Mishap: mishap}), v
}

func TestOutboxTellsWhatIsOnARoute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, Options{})
		o, v := outbox(t, b, nil)
		joiner := b.incident(map[string]string{"u_kind": "onboarding"})
		leaver := b.incident(map[string]string{"u_kind": "offboarding"})
		b.incident(nil)
		if len(v.got) != 0 {
			t.Fatal("something was sent before anybody asked")
		}
		time.Sleep(time.Second)
		if got := o.Deliver(t.Context()); got != (Report{Delivered: 2}) {
			t.Errorf("report: %+v", got)
		}
		want := map[string]string{
			"table": "incident", "sys_id": joiner, "number": "INC0010001", "change": "created", "occurred_at": "2000-01-01T00:00:00Z",
		}
		if got := v.got[0]; got.path != "/onboarding" || len(got.body) != len(want) {
			t.Errorf("got %+v", got)
		}
		for name, value := range want {
			if v.got[0].body[name] != value {
				t.Errorf("%s is %q, want %q", name, v.got[0].body[name], value)
			}
		}
		if v.got[1].path != "/offboarding" || v.got[1].body["sys_id"] != leaver {
			t.Errorf("got %+v", v.got[1])
		}

		// The integration's own note on the leaver's ticket is no news; a change to
		// another kind takes the ticket off the route.
		b.call("PATCH", "/api/now/table/incident/"+leaver, none, map[string]string{"work_notes": "x"})
		b.Update("incident", joiner, map[string]string{"u_kind": "other"})
		b.Update("incident", joiner, map[string]string{"u_kind": "onboarding", "state": "8"})
		approval := b.Insert("sysapproval_approver", map[string]string{"sysapproval": leaver, "approver": person("E1007"), "state": Requested})
		if err := b.ApproveAs(emailOf("E1007"), approval, Approved, ""); err != nil {
			t.Fatal(err)
		}
		o.Deliver(t.Context())
		got := make([]string, 0, 2)
		for _, r := range v.got[2:] {
			got = append(got, r.path+" "+r.body["number"]+" "+r.body["change"])
		}
		if want := []string{"/onboarding INC0010001 cancelled", "/approvals INC0010002 approved"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		for _, m := range o.Messages() {
			if m.State != Delivered || m.Attempts != 1 || m.Status != 202 {
				t.Errorf("message %+v", m)
			}
		}
	})
}

func TestABusinessRuleOfOrder1000MissesClosures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, Options{})
		v := &receiver{t: t}
		o := NewOutbox(b.Sim, OutboxOptions{
			Routes:  []Route{{Table: "task", URL: "https://hooks.example/late", Order: 1000}, {Table: "task", URL: "https://hooks.example/early", Order: 999}},
			Secrets: []string{signingKey}, Transport: TransportTo(v),
		})
		id := b.Insert("task", nil)
		b.Update("task", id, map[string]string{"state": "3"})
		o.Deliver(t.Context())
		got := make([]string, 0, len(v.got))
		for _, r := range v.got {
			got = append(got, r.path+" "+r.body["change"])
		}
		if want := []string{"/late created", "/early created", "/early updated"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestOutboxTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, Options{})
		o, v := outbox(t, b, nil)
		v.answer = func(n int) (int, string) {
			switch n {
			case 1:
				return 503, ""
			case 2:
				return 429, "600"
			case 3:
				return 500, ""
			}
			return 202, ""
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); o.Run(ctx) }()
		began := time.Now()
		b.incident(map[string]string{"u_kind": "onboarding"})
		time.Sleep(time.Hour)
		stop()
		<-done
		after := make([]time.Duration, 0, len(v.got))
		for _, r := range v.got {
			after = append(after, r.at.Sub(began))
			if r.id != v.got[0].id {
				t.Errorf("the id changed from %s to %s", v.got[0].id, r.id)
			}
		}
		if want := []time.Duration{0, time.Minute, 11 * time.Minute, 15 * time.Minute}; !slices.Equal(after, want) {
			t.Errorf("attempts after %v, want %v", after, want)
		}
	})
}

func TestOutboxGivesUpAfterAllAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, Options{})
		v := &receiver{t: t, answer: func(int) (int, string) { return 400, "" }}
		o := NewOutbox(b.Sim, OutboxOptions{Routes: routes, Secrets: []string{signingKey}, Transport: TransportTo(v), Attempts: 3})
		b.incident(map[string]string{"u_kind": "onboarding"})
		ctx, stop := context.WithTimeout(t.Context(), 24*time.Hour)
		defer stop()
		o.Run(ctx)
		if m := o.Messages()[0]; len(v.got) != 3 || m.State != GivenUp || m.Status != 400 {
			t.Errorf("%d attempts, %+v", len(v.got), m)
		}
	})
}

func TestOutboxMishaps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, Options{})
		mishaps := map[string]Mishap{
			"INC0010001": {Lose: true}, "INC0010002": {Copies: 2}, "INC0010003": {Late: 90 * time.Second}, "INC0010004": {Deaf: 1},
		}
		o, v := outbox(t, b, func(m Message) Mishap {
			for number, mishap := range mishaps {
				if strings.Contains(string(m.Body), number) {
					return mishap
				}
			}
			return Mishap{}
		})
		for range 5 {
			b.incident(map[string]string{"u_kind": "onboarding"})
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		o.Run(ctx)
		got := make([]string, 0, len(v.got))
		ids := map[string]bool{}
		for _, r := range v.got {
			got = append(got, r.body["number"][len("INC001000"):])
			ids[r.id] = true
		}
		if want := []string{"2", "2", "2", "4", "5", "4", "3"}; !slices.Equal(got, want) || len(ids) != 4 {
			t.Errorf("received %v under %d ids, want %v", got, len(ids), want)
		}
		if m := o.Messages()[0]; m.State != Lost {
			t.Errorf("the lost message is %s", m.State)
		}
	})
}

func TestOutboxSurvivesAReceiverThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, Options{})
		hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		})
		o := NewOutbox(b.Sim, OutboxOptions{Routes: routes, Secrets: []string{signingKey}, Transport: TransportTo(hang)})
		b.incident(map[string]string{"u_kind": "onboarding"})
		began := time.Now()
		if got := o.Deliver(t.Context()); got != (Report{Failed: 1, Waiting: 1}) || time.Since(began) != 10*time.Second {
			t.Errorf("%+v after %s", got, time.Since(began))
		}
	})
}

func TestSignaturesByTwoKeysAreBothValid(t *testing.T) {
	t.Parallel()
	first, _ := base64.StdEncoding.DecodeString(signingKey)
	second := []byte("another key of thirty bytes...")
	timestamp := "946684800"
	header := http.Header{}
	header.Set("Webhook-Id", "msg_1")
	header.Set("Webhook-Timestamp", timestamp)
	header.Set("Webhook-Signature", Sign([][]byte{first, second}, "msg_1", timestamp, []byte("{}")))
	for _, key := range [][]byte{first, second} {
		webhook, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			t.Fatal(err)
		}
		if err := webhook.VerifyIgnoringTimestamp([]byte("{}"), header); err != nil {
			t.Error(err)
		}
		if err := webhook.VerifyIgnoringTimestamp([]byte("{} "), header); err == nil {
			t.Error("another body is accepted")
		}
	}
	for _, secret := range []string{"", "not base64!", "c2hvcnQ="} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is taken for a key", secret)
				}
			}()
			NewOutbox(New(Options{}), OutboxOptions{Secrets: []string{secret}, Transport: http.DefaultTransport})
		}()
	}
}
