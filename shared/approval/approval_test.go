package approval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/audit"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/servicenow"
)

// tokens is Step Functions as far as task tokens go, over the wire.
type tokens struct {
	mu      sync.Mutex
	waiting map[string]bool // false once it is used or timed out
	// outputs are what the waiting states were resumed with, by token.
	outputs map[string]string
	fault   func() error
}

func (s *tokens) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		if err := s.fault(); err != nil {
			return nil, err
		}
	}
	var in struct {
		Token  string `json:"taskToken"`
		Output string `json:"output"`
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &in) != nil || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".SendTaskSuccess") {
		return nil, errors.New("not a SendTaskSuccess")
	}
	answer := func(status int, body string) *http.Response {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
			Body: io.NopCloser(bytes.NewReader([]byte(body))), Request: r, ContentLength: int64(len(body)),
		}
	}
	waits, known := s.waiting[in.Token]
	switch {
	case !known:
		return answer(400, `{"__type":"InvalidToken","message":"Invalid Token"}`), nil
	case !waits:
		return answer(400, `{"__type":"TaskTimedOut","message":"Task Timed Out: 'Provided task does not exist anymore'"}`), nil
	}
	s.waiting[in.Token], s.outputs[in.Token] = false, in.Output
	return answer(200, `{}`), nil
}

func (s *tokens) enter(token string)   { s.mu.Lock(); defer s.mu.Unlock(); s.waiting[token] = true }
func (s *tokens) timeOut(token string) { s.mu.Lock(); defer s.mu.Unlock(); s.waiting[token] = false }

// resumed is what the state that waits with the token was resumed with.
func (s *tokens) resumed(token string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.outputs[token]
}

// testBundle is a desk between a simulated instance and Step Functions, with a
// termination ticket that Lena Vogel opened. The group IT Managers has Tomasz
// Nowak, Grace Mbeki, Daniel Okafor and her.
type testBundle struct {
	sim    *snowsim.Sim
	db     *dynamo.DB
	ledger *audit.Ledger
	tokens *tokens
	desk   *Desk
	ticket servicenow.Ref
	ctx    context.Context //nolint:containedctx // it stands for the step's
	// wire, when set, stands between desk and instance.
	wire func(r *http.Request, next http.RoundTripper) (*http.Response, error)
}

var (
	tomasz = seed.PersonSysID("E1006")
	grace  = seed.PersonSysID("E1007")
	daniel = seed.PersonSysID("E1002")
	lena   = seed.PersonSysID("E1010")
	leaver = seed.PersonSysID("E1013")
)

func (b *testBundle) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.wire != nil {
		return b.wire(r, b.sim.Transport())
	}
	return b.sim.Transport().RoundTrip(r)
}

func setup(t *testing.T, options snowsim.Options) *testBundle {
	t.Helper()
	b := &testBundle{
		sim: snowsim.New(options), db: dynamo.New(),
		tokens: &tokens{waiting: map[string]bool{}, outputs: map[string]string{}},
	}
	for _, spec := range []dynamo.Spec{
		{Name: "ledger", Hash: "pk", Range: "sk"},
		{Name: "approvals", Hash: "pk", Indexes: []dynamo.Index{{Name: "waiting", Hash: "waiting", Range: "expires"}}},
	} {
		if err := b.db.CreateTable(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	b.ledger = audit.New(b.db.Client(), "ledger")
	sn, err := servicenow.New(servicenow.Options{
		URL: "https://example.service-now.com", Transport: b, Ledger: b.ledger,
		Credentials: `{"user":"` + snowsim.IntegrationUser + `","password":"` + snowsim.IntegrationPassword + `"}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	executions := sfn.New(sfn.Options{
		Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		BaseEndpoint: aws.String("http://states.invalid"), HTTPClient: &http.Client{Transport: b.tokens},
	})
	b.desk = NewDesk(b.db.Client(), "approvals", sn, executions)
	ticket, err := b.sim.As(lena).Insert("incident", map[string]string{"u_kind": "offboarding", "u_email": "jonas.weber@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	b.ticket = servicenow.Ref{Table: "incident", SysID: ticket}
	b.ctx = audit.WithTrail(t.Context(), audit.Trail{Stream: b.ticket.String(), Actor: "system:offboarding", Ticket: "INC0010001"})
	return b
}

func inBubble(t *testing.T, options snowsim.Options, test func(t *testing.T, b *testBundle)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, setup(t, options)) })
}

// licensed is an instance that lets the integration withdraw approvals.
var licensed = snowsim.Options{IntegrationRoles: []string{"itil", "approval_admin"}}

var because = audit.Reason{Kind: "offboarding", Ref: "INC0010001"}

// ask is the question of a state that waits with the token.
func (b *testBundle) ask(token string) Ask {
	return Ask{
		Ticket: b.ticket, Key: "run-1/risk/2000-01-01T00:00:00Z", Group: snowsim.GroupITManagers, Exclude: []string{lena, "", leaver},
		Subject: "Termination needs a second person", Text: "Okta user 00u1: the account is protected.",
		Expires: time.Now().Add(72 * time.Hour), Token: token, Execution: "arn:aws:states:::execution:offboarding:run-1",
	}
}

func (b *testBundle) open(t *testing.T, a Ask) Opened {
	t.Helper()
	b.tokens.enter(a.Token)
	opened, err := b.desk.Open(b.ctx, a, because)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// of is the approval record of an approver.
func (b *testBundle) of(t *testing.T, approver string) snowsim.Approval {
	t.Helper()
	for _, a := range b.sim.Approvals(b.ticket.SysID) {
		if a.Approver == approver {
			return a
		}
	}
	t.Fatalf("%s is not asked", approver)
	return snowsim.Approval{}
}

// decide lets an approver answer; nobody is told.
func (b *testBundle) decide(t *testing.T, approver, state string) string {
	t.Helper()
	a := b.of(t, approver)
	if err := b.sim.ApproveAs(approver, a.SysID, state, ""); err != nil {
		t.Fatal(err)
	}
	return a.SysID
}

func (b *testBundle) settle(t *testing.T, approvalSysID string) bool {
	t.Helper()
	settled, err := b.desk.Settle(b.ctx, approvalSysID)
	if err != nil {
		t.Fatal(err)
	}
	return settled.Resumed
}

func (b *testBundle) reconcile(t *testing.T) int {
	t.Helper()
	// As the schedule does it: without a ticket of its own.
	n, err := b.desk.Reconcile(audit.WithTrail(t.Context(), audit.Trail{Stream: "/", Actor: "system:approvals"}))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func output(decision, by string) string {
	return `{"by":"` + by + `","decision":"` + decision + `"}`
}

var cut = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
