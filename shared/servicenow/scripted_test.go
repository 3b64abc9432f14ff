package servicenow

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/local/dynamo"
)

// script answers the calls one after the other; the last answer is repeated. It
// is for answers that no instance in good health gives.
type script struct {
	answers []func(*http.Request) (*http.Response, error)
	calls   []string // "GET /api/now/..."
	bodies  []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	s.bodies = append(s.bodies, string(body))
	return s.answers[min(len(s.calls), len(s.answers))-1](r)
}

func says(status int, body string, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		recorder.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			recorder.Header().Set(headers[i], headers[i+1])
		}
		recorder.WriteHeader(status)
		_, _ = recorder.WriteString(body)
		response := recorder.Result()
		response.Request = r
		return response, nil
	}
}

func cuts(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

func refusesConnection(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

const (
	basic = `{"user":"integration","password":"correct horse"}`
	oauth = `{"clientId":"id-1","clientSecret":"battery staple"}`
)

// newLedger is the real ledger on a DynamoDB in memory.
func newLedger(t *testing.T) (*audit.Ledger, *dynamo.DB) {
	t.Helper()
	db := dynamo.New()
	spec := dynamo.Spec{Name: "ledger", Hash: "pk", Range: "sk", Indexes: []dynamo.Index{
		{Name: "subject", Hash: "subject", Range: "at_seq"}, {Name: "actor", Hash: "actor", Range: "at_seq"}, {Name: "day", Hash: "day", Range: "at_seq"},
	}}
	if err := db.CreateTable(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	return audit.New(db.Client(), "ledger"), db
}

// scripted is a client whose calls are answered as told.
func scripted(t *testing.T, credentials string, answers ...func(*http.Request) (*http.Response, error)) (*Client, *script) {
	t.Helper()
	ledger, _ := newLedger(t)
	s := &script{answers: answers}
	c, err := New(Options{URL: "https://example.service-now.com", Credentials: credentials, Transport: s, Ledger: ledger, PageSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// trailed is the context of a step that works on the ticket.
func trailed(ctx context.Context, ref Ref) context.Context {
	return audit.WithTrail(ctx, audit.Trail{Stream: ref.String(), Execution: "arn:aws:states:::execution:onboarding:abc", Ticket: "INC0010001", Actor: "system:onboarding"})
}

// person is the answer of the Table API with one sys_user.
func person(changes map[string]any) string {
	r := map[string]any{
		"sys_id": "u1", "user_name": "ada", "employee_number": "E1", "email": "ada@example.com", "active": "true",
		"locked_out": "false", "time_zone": "", "manager": "",
	}
	maps.Copy(r, changes)
	body, err := json.Marshal(map[string]any{"result": r})
	if err != nil {
		panic(err)
	}
	return string(body)
}

func elapsed(from time.Time) time.Duration { return time.Since(from).Round(time.Millisecond) }
