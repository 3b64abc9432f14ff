package event

import (
	"context"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"lifecycle/shared/platform"
)

func TestAccepted(t *testing.T) {
	t.Parallel()

	t.Run("a signed notice starts one execution with the record's name and nothing else", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
		ctx := context.WithValue(t.Context(), "x-amzn-trace-id", trace) //nolint:staticcheck // as the Lambda runtime does it
		response := b.deliver(ctx, t, sent{id: "msg_1", body: notice}.request(t))
		name := execution(t, response)
		if !regexp.MustCompile(`^INC0010001-[0-9a-f]{32}$`).MatchString(name) || len(name) > 80 {
			t.Errorf("execution %q", name)
		}
		if want := `{"execution":"` + name + `"}`; response.Body != want {
			t.Errorf("body %s, want %s", response.Body, want)
		}
		want := startInput{
			Name: name, Machine: stateMachine, TraceHeader: trace,
			Input: `{"table":"incident","sys_id":"46d44a2300000000000000000000000a","number":"INC0010001"}`,
		}
		if starts := b.cloud.started(); len(starts) != 1 || starts[0] != want {
			t.Errorf("started %+v, want %+v", starts, want)
		}
		if !strings.Contains(b.log.String(), `"execution":"`+name+`"`) || !strings.Contains(b.log.String(), `"WebhookAnswered"`) {
			t.Errorf("log and metrics: %s", b.log)
		}
	})
	t.Run("the same event again, now or after its execution ended, gets the same answer and starts nothing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			first := b.send(t, sent{id: "msg_1", body: notice})
			for _, pause := range []time.Duration{0, time.Minute, 24 * time.Hour, 80 * 24 * time.Hour} {
				time.Sleep(pause)
				if again := b.send(t, sent{id: "msg_1", body: notice}); again.StatusCode != http.StatusAccepted || again.Body != first.Body {
					t.Errorf("after %s: %d %s, want %s", pause, again.StatusCode, again.Body, first.Body)
				}
				b.cloud.end()
			}
			if n := len(b.cloud.started()); n != 1 {
				t.Errorf("%d executions", n)
			}
			if n := b.cloud.count("StartExecution"); n != 1 {
				t.Errorf("StartExecution called %d times", n)
			}
		})
	})
	t.Run("another event about the same ticket starts another execution", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		one, two := execution(t, b.send(t, sent{id: "msg_1", body: notice})), execution(t, b.send(t, sent{id: "msg_2", body: notice}))
		if one == two || len(b.cloud.started()) != 2 {
			t.Errorf("executions %s and %s", one, two)
		}
	})
	t.Run("twenty deliveries at once start one execution and get one answer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			b.cloud.interfere(func(n int, _ call, do func() (*http.Response, error)) (*http.Response, error) {
				time.Sleep(time.Duration(n%7) * time.Millisecond)
				return do()
			})
			request := sent{id: "msg_1", body: notice}.request(t)
			bodies := make([]string, 20)
			var all sync.WaitGroup
			for i := range bodies {
				all.Go(func() { bodies[i] = b.deliver(t.Context(), t, request).Body })
			}
			all.Wait()
			for _, body := range bodies {
				if body != bodies[0] || !strings.Contains(body, "execution") {
					t.Errorf("answers %s and %s", bodies[0], body)
				}
			}
			if n := len(b.cloud.started()); n != 1 {
				t.Errorf("%d executions", n)
			}
		})
	})
	t.Run("API Gateway may encode the body, and header names in any case are the same", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		plain := b.send(t, sent{id: "msg_1", body: notice})
		encoded := b.send(t, sent{id: "msg_1", body: notice, change: func(r *events.APIGatewayV2HTTPRequest) {
			r.Body, r.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(r.Body)), true
			upper := map[string]string{}
			for name, value := range r.Headers {
				upper[strings.ToUpper(name)] = value
			}
			r.Headers = upper
			r.Headers["CONTENT-TYPE"] = "Application/JSON; charset=UTF-8"
		}})
		if execution(t, encoded) != execution(t, plain) {
			t.Errorf("answers %s and %s", encoded.Body, plain.Body)
		}
	})
	t.Run("an approval has no number of its own", func(t *testing.T) {
		t.Parallel()
		b := setupWith(t, map[string]string{
			"WEBHOOK_SECRET_ID": secretName, "IDEMPOTENCY_TABLE": "idempotency",
			"STATE_MACHINE_ARN": stateMachine, "ALLOWED_TABLES": "sysapproval_approver",
		})
		body := `{"table":"sysapproval_approver","sys_id":"a1","change":"approved","occurred_at":"2026-11-24T09:30:00+01:00"}`
		name := execution(t, b.send(t, sent{id: "msg_1", body: body}))
		if !strings.HasPrefix(name, "sysapproval_approver-") || len(name) > 80 {
			t.Errorf("execution %q", name)
		}
		if input := b.cloud.started()[0].Input; input != `{"table":"sysapproval_approver","sys_id":"a1","number":""}` {
			t.Errorf("input %s", input)
		}
	})
	t.Run("the same id at two addresses is two events", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		other := b.instance(t, map[string]string{
			"WEBHOOK_SECRET_ID": secretName, "IDEMPOTENCY_TABLE": "idempotency",
			"STATE_MACHINE_ARN": strings.Replace(stateMachine, "onboarding", "offboarding", 1), "ALLOWED_TABLES": "incident",
		})
		one := execution(t, b.send(t, sent{id: "msg_1", body: notice}))
		b.handler = other
		two := execution(t, b.send(t, sent{id: "msg_1", body: notice}))
		if one == two || len(b.cloud.started()) != 2 {
			t.Errorf("executions %s and %s", one, two)
		}
	})
}

func TestRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxBody)
	body := func(code string) string { return `{"error":"` + code + `","request_id":"` + requestID + `"}` }
	fields := func(errors string) string {
		return `{"error":"notice_not_valid","errors":[` + errors + `],"request_id":"` + requestID + `"}`
	}
	field := func(name, problem string) string { return `{"field":"` + name + `","problem":"` + problem + `"}` }
	headers := func(set map[string]string) func(*events.APIGatewayV2HTTPRequest) {
		return func(r *events.APIGatewayV2HTTPRequest) {
			for name, value := range set {
				if value == "" {
					delete(r.Headers, name)
				} else {
					r.Headers[name] = value
				}
			}
		}
	}
	with := func(from, to string) string { return strings.Replace(notice, from, to, 1) }

	cases := []struct {
		name   string
		sent   sent
		status int
		body   string
	}{
		{"no signature", sent{change: headers(map[string]string{"webhook-signature": ""})}, 401, body("signature_not_valid")},
		{"no id", sent{change: headers(map[string]string{"webhook-id": ""})}, 401, body("signature_not_valid")},
		{"no timestamp", sent{change: headers(map[string]string{"webhook-timestamp": ""})}, 401, body("signature_not_valid")},
		{"no header at all", sent{change: func(r *events.APIGatewayV2HTTPRequest) { r.Headers = nil }}, 401, body("signature_not_valid")},
		{"a timestamp that is no number", sent{change: headers(map[string]string{"webhook-timestamp": "now"})}, 401, body("signature_not_valid")},
		{"another key", sent{keys: []string{keyTwo}}, 401, body("signature_not_valid")},
		{"another body than the signed one", sent{change: func(r *events.APIGatewayV2HTTPRequest) { r.Body += " " }}, 401, body("signature_not_valid")},
		{"another id than the signed one", sent{change: headers(map[string]string{"webhook-id": "msg_2"})}, 401, body("signature_not_valid")},
		{"a signature of another version", sent{change: func(r *events.APIGatewayV2HTTPRequest) {
			r.Headers["webhook-signature"] = strings.Replace(r.Headers["webhook-signature"], "v1,", "v1a,", 1)
		}}, 401, body("signature_not_valid")},
		{"an encoding that is none", sent{change: func(r *events.APIGatewayV2HTTPRequest) { r.IsBase64Encoded = true }}, 401, body("signature_not_valid")},
		{"an unsigned request learns nothing about what else is wrong", sent{body: "{", keys: []string{keyTwo}, change: headers(map[string]string{"content-type": "text/plain"})}, 401, body("signature_not_valid")},

		{"a body of one byte too many", sent{body: long + "x"}, 413, body("body_too_large")},
		{"too large and unsigned", sent{body: long + "x", keys: []string{keyTwo}}, 413, body("body_too_large")},
		{"too large and encoded", sent{body: long + "x", change: func(r *events.APIGatewayV2HTTPRequest) {
			r.Body, r.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(r.Body)), true
		}}, 413, body("body_too_large")},
		{"far too large and encoded", sent{body: strings.Repeat(long, 8), change: func(r *events.APIGatewayV2HTTPRequest) {
			r.Body, r.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(r.Body)), true
		}}, 413, body("body_too_large")},
		{"as large as it may be, but no JSON", sent{body: long}, 400, fields(field("", "is not a JSON document"))},

		{"another content type", sent{change: headers(map[string]string{"content-type": "application/x-www-form-urlencoded"})}, 415, body("content_type_not_supported")},
		{"no content type", sent{change: headers(map[string]string{"content-type": ""})}, 415, body("content_type_not_supported")},
		{"another charset", sent{change: headers(map[string]string{"content-type": "application/json; charset=latin1"})}, 415, body("content_type_not_supported")},

		{"an id with a dot", sent{id: "msg.1"}, 400, fields(field("webhook-id", "must match ^[A-Za-z0-9_:/-]{1,128}$"))},
		{"an id that is too long", sent{id: strings.Repeat("a", 129)}, 400, fields(field("webhook-id", "must match ^[A-Za-z0-9_:/-]{1,128}$"))},
		{"an empty object", sent{body: `{}`}, 400, fields(strings.Join([]string{
			field("change", "is missing"), field("number", "is missing"), field("occurred_at", "is missing"), field("sys_id", "is missing"), field("table", "is missing"),
		}, ","))},
		{"an empty body", sent{body: ``}, 400, fields(field("", "is not a JSON document"))},
		{"a list", sent{body: `[]`}, 400, fields(field("", "must be of type object"))},
		{"null", sent{body: `null`}, 400, fields(field("", "must be of type object"))},
		{"two documents", sent{body: notice + notice}, 400, fields(field("", "is not a JSON document"))},
		{"text that is not UTF-8", sent{body: with("INC", "\xff"), change: encoded}, 400, fields(field("", "is not UTF-8"))},
		{"an unknown member", sent{body: with(`{`, `{"state":"1",`)}, 400, fields(field("state", "is not a member of a notice"))},
		{"a member in another case", sent{body: with(`"table"`, `"Table"`)}, 400, fields(field("Table", "is not a member of a notice") + "," + field("table", "is missing"))},
		{"a member twice", sent{body: with(`{`, `{"sys_id":"b",`)}, 400, fields(field("sys_id", "is given twice"))},
		{"a member of another type", sent{body: with(`"INC0010001"`, `10001`)}, 400, fields(field("number", "must be of type string"))},
		{"a number with a space", sent{body: with(`INC0010001`, `INC 1`)}, 400, fields(field("number", "must match ^[A-Za-z0-9_-]{1,40}$"))},
		{"a sys_id that would leave its place in a URL", sent{body: with(`46d44a2300000000000000000000000a`, `../sys_user`)}, 400, fields(field("sys_id", "must match ^[A-Za-z0-9_-]{1,32}$"))},
		{"a sys_id that would leave its place in a query", sent{body: with(`46d44a2300000000000000000000000a`, `a^ORb=1`)}, 400, fields(field("sys_id", "must match ^[A-Za-z0-9_-]{1,32}$"))},
		{"a moment that is none", sent{body: with(`2026-11-24T09:30:00Z`, `2026-11-24 09:30`)}, 400, fields(field("occurred_at", "must be a date-time"))},
		{"another table", sent{body: with(`incident`, `sys_user`)}, 400, fields(field("table", "is not accepted at this address"))},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.sent.id == "" {
				c.sent.id = "msg_1"
			}
			if c.sent.body == "" && c.name != "an empty body" {
				c.sent.body = notice
			}
			b := setup(t)
			response := b.send(t, c.sent)
			if response.StatusCode != c.status || response.Body != c.body {
				t.Errorf("answer %d %s\nwant   %d %s", response.StatusCode, response.Body, c.status, c.body)
			}
			if response.Headers["Content-Type"] != "application/json" {
				t.Errorf("headers %v", response.Headers)
			}
			if n := b.cloud.count("StartExecution") + b.cloud.count("PutItem"); n != 0 {
				t.Errorf("%d calls were made for a refused request", n)
			}
			if !strings.Contains(b.log.String(), "webhook refused") {
				t.Errorf("not logged: %s", b.log)
			}
		})
	}
}

func TestAHeaderGivenTwiceIsNotGuessedAt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, name := range []string{"Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
		for range 30 { // in whatever order the map is read
			response := b.send(t, sent{id: "msg_1", body: notice, change: func(r *events.APIGatewayV2HTTPRequest) {
				r.Headers[name] = "other"
			}})
			if response.StatusCode != http.StatusUnauthorized {
				t.Fatalf("%s: answer %d", name, response.StatusCode)
			}
		}
	}
}

// encoded sends the body as API Gateway does when it is no text.
func encoded(r *events.APIGatewayV2HTTPRequest) {
	r.Body, r.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(r.Body)), true
}

func TestTheSameIDWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	execution(t, b.send(t, sent{id: "msg_1", body: notice}))
	other := b.send(t, sent{id: "msg_1", body: strings.Replace(notice, "created", "updated", 1)})
	if want := `{"error":"webhook_id_used_with_another_body","request_id":"` + requestID + `"}`; other.StatusCode != http.StatusConflict || other.Body != want {
		t.Errorf("answer %d %s, want 409 %s", other.StatusCode, other.Body, want)
	}
	if n := len(b.cloud.started()); n != 1 {
		t.Errorf("%d executions", n)
	}
}

func TestFailuresOfTheCloud(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, operation, code string
		answer                int
		status                int
		error, retryAfter     string
	}{
		{"StartExecution throttles", "StartExecution", "ThrottlingException", 400, 429, "too_many_requests", "5"},
		{"too many executions", "StartExecution", "ExecutionLimitExceeded", 400, 429, "too_many_requests", "5"},
		{"DynamoDB throttles", "PutItem", "ProvisionedThroughputExceededException", 400, 429, "too_many_requests", "5"},
		{"Step Functions is down", "StartExecution", "InternalServerError", 500, 503, "temporarily_unavailable", "30"},
		{"DynamoDB is down", "PutItem", "InternalServerError", 500, 503, "temporarily_unavailable", "30"},
		{"the machine is not deployed", "StartExecution", "StateMachineDoesNotExist", 400, 503, "temporarily_unavailable", "30"},
		{"the function may not start it", "StartExecution", "AccessDeniedException", 400, 503, "temporarily_unavailable", "30"},
		{"the secret does not exist", "GetSecretValue", "ResourceNotFoundException", 400, 503, "temporarily_unavailable", "30"},
		{"Secrets Manager is down", "GetSecretValue", "InternalServiceError", 500, 503, "temporarily_unavailable", "30"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.cloud.interfere(answering(c.operation, c.answer, c.code))
			response := b.send(t, sent{id: "msg_1", body: notice})
			want := `{"error":"` + c.error + `","request_id":"` + requestID + `"}`
			if response.StatusCode != c.status || response.Body != want || response.Headers["Retry-After"] != c.retryAfter {
				t.Errorf("answer %d %s %v, want %d %s", response.StatusCode, response.Body, response.Headers, c.status, want)
			}
			if !strings.Contains(b.log.String(), c.code) && c.code != "ResourceNotFoundException" {
				t.Errorf("the log does not say why: %s", b.log)
			}
			// The sender comes again when it is over.
			b.cloud.interfere(nil)
			execution(t, b.send(t, sent{id: "msg_1", body: notice}))
			if n := len(b.cloud.started()); n != 1 {
				t.Errorf("%d executions", n)
			}
		})
	}
	for _, operation := range []string{"GetSecretValue", "PutItem", "StartExecution"} {
		t.Run(operation+" does not answer: the sender gets an answer all the same", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t)
				b.cloud.silent = operation
				ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
				defer cancel()
				response := b.deliver(ctx, t, sent{id: "msg_1", body: notice}.request(t))
				if response.StatusCode != http.StatusServiceUnavailable || response.Headers["Retry-After"] == "" || ctx.Err() != nil {
					t.Errorf("answer %d %v, context %v", response.StatusCode, response.Headers, ctx.Err())
				}
			})
		})
	}
	t.Run("a claim that cannot be completed does not take the acceptance back", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.cloud.interfere(answering("UpdateItem", 500, "InternalServerError"))
		first := b.send(t, sent{id: "msg_1", body: notice})
		execution(t, first)
		b.cloud.interfere(nil)
		if again := b.send(t, sent{id: "msg_1", body: notice}); again.Body != first.Body || len(b.cloud.started()) != 1 {
			t.Errorf("answers %s and %s, %d executions", first.Body, again.Body, len(b.cloud.started()))
		}
	})
}

func TestACrashAnywhereAndARedeliveryStartExactlyOneExecution(t *testing.T) {
	t.Parallel()
	count := setup(t)
	count.send(t, sent{id: "msg_1", body: notice})
	calls := len(count.cloud.calls)
	if calls < 4 {
		t.Fatalf("%d calls, so not all were seen", calls)
	}
	for at := 1; at <= calls; at++ {
		for _, after := range []bool{false, true} {
			for _, ends := range []bool{false, true} {
				b := setup(t)
				b.cloud.interfere(crash(at, after))
				b.send(t, sent{id: "msg_1", body: notice}) // nobody sees this answer
				b.cloud.interfere(nil)
				if ends {
					b.cloud.end()
				}
				first := b.send(t, sent{id: "msg_1", body: notice})
				again := b.send(t, sent{id: "msg_1", body: notice})
				if execution(t, first) != execution(t, again) || len(b.cloud.started()) != 1 {
					t.Errorf("crash at call %d (after it: %t): answers %s and %s, %d executions", at, after, first.Body, again.Body, len(b.cloud.started()))
				}
				other := b.send(t, sent{id: "msg_1", body: strings.Replace(notice, "created", "updated", 1)})
				if other.StatusCode != http.StatusConflict {
					t.Errorf("crash at call %d (after it: %t): the id with another body gets %d", at, after, other.StatusCode)
				}
			}
		}
	}
	t.Run("another body after a crash behind the start is refused too", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.cloud.interfere(crash(calls-1, true))
		b.send(t, sent{id: "msg_1", body: notice})
		b.cloud.interfere(nil)
		if other := b.send(t, sent{id: "msg_1", body: strings.Replace(notice, "created", "updated", 1)}); other.StatusCode != http.StatusConflict {
			t.Errorf("answer %d", other.StatusCode)
		}
		if n := len(b.cloud.started()); n != 1 {
			t.Errorf("%d executions", n)
		}
	})
}

func TestNewTriggerNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	c, err := platform.NewCloud(t.Context(), platform.Options{AWS: newCloud(t).config(), Out: &output{}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewTrigger(t.Context(), c)
	for _, name := range []string{"WEBHOOK_SECRET_ID", "IDEMPOTENCY_TABLE", "STATE_MACHINE_ARN", "ALLOWED_TABLES"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v does not name %s", err, name)
		}
	}
}
