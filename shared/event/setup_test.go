package event

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"lifecycle/shared/platform"
)

var (
	keyOne   = "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 24))
	keyTwo   = "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32))
	keyThree = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{3}, 48))
)

const (
	notice    = `{"table":"incident","sys_id":"46d44a2300000000000000000000000a","number":"INC0010001","change":"created","occurred_at":"2026-11-24T09:30:00Z"}`
	requestID = "JKJaXmPLvHcESHA="
)

// bundle is a trigger, wired as its main wires it, in a cloud of its own.
type bundle struct {
	cloud   *cloud
	handler lambda.Handler
	log     *output
}

func setup(t testing.TB) *bundle {
	t.Helper()
	return setupWith(t, map[string]string{
		"WEBHOOK_SECRET_ID": secretName, "IDEMPOTENCY_TABLE": "idempotency",
		"STATE_MACHINE_ARN": stateMachine, "ALLOWED_TABLES": "incident,sc_req_item",
	})
}

func setupWith(t testing.TB, env map[string]string) *bundle {
	t.Helper()
	b := &bundle{cloud: newCloud(t), log: &output{}}
	b.handler = b.instance(t, env)
	return b
}

// instance is a cold start in the bundle's cloud.
func (b *bundle) instance(t testing.TB, env map[string]string) lambda.Handler {
	t.Helper()
	c, err := platform.NewCloud(t.Context(), platform.Options{Env: env, AWS: b.cloud.config(), Out: b.log})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := NewTrigger(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return c.Handler(handler)
}

// sent is what a sender sends; send makes the signed request of it.
type sent struct {
	id   string
	body string
	// keys sign, one signature each.
	keys []string
	// at is the moment that is signed; zero means now.
	at     time.Time
	change func(*events.APIGatewayV2HTTPRequest)
}

func (s sent) request(t testing.TB) events.APIGatewayV2HTTPRequest {
	t.Helper()
	if s.at.IsZero() {
		s.at = time.Now()
	}
	if s.keys == nil {
		s.keys = []string{keyOne}
	}
	signatures := make([]string, 0, len(s.keys))
	for _, key := range s.keys {
		webhook, err := standardwebhooks.NewWebhook(key)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := webhook.Sign(s.id, s.at, []byte(s.body))
		if err != nil {
			t.Fatal(err)
		}
		signatures = append(signatures, signature)
	}
	r := events.APIGatewayV2HTTPRequest{
		Version: "2.0",
		Headers: map[string]string{
			"content-type": "application/json", "webhook-id": s.id,
			"webhook-timestamp": strconv.FormatInt(s.at.Unix(), 10), "webhook-signature": strings.Join(signatures, " "),
		},
		Body:           s.body,
		RequestContext: events.APIGatewayV2HTTPRequestContext{RequestID: requestID},
	}
	if s.change != nil {
		s.change(&r)
	}
	return r
}

func (b *bundle) send(t testing.TB, s sent) events.APIGatewayV2HTTPResponse {
	t.Helper()
	return b.deliver(t.Context(), t, s.request(t))
}

func (b *bundle) deliver(ctx context.Context, t testing.TB, r events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	t.Helper()
	payload, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := b.handler.Invoke(ctx, payload)
	if err != nil {
		t.Fatalf("the handler failed, which the sender sees as an empty 500: %v", err)
	}
	var response events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(raw, &response); err != nil {
		t.Fatal(err)
	}
	return response
}

// execution is the name in a 202.
func execution(t testing.TB, r events.APIGatewayV2HTTPResponse) string {
	t.Helper()
	var body struct {
		Execution string `json:"execution"`
	}
	if r.StatusCode != http.StatusAccepted {
		t.Fatalf("answer %d %s, want 202", r.StatusCode, r.Body)
	}
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil || body.Execution == "" {
		t.Fatalf("body %s: %v", r.Body, err)
	}
	return body.Execution
}

// output collects log lines and metrics.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}
