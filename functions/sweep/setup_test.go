package sweep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/audit"
	"lifecycle/shared/event"
	"lifecycle/shared/fault"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
)

const machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:dev-"

// bundle is a sweep over an instance, a table and state machines of its own.
type bundle struct {
	sweep    *Sweep
	db       *dynamo.DB
	instance *instance
	machines *machines
	store    *idempotency.Store
	gate     *lever
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{db: dynamo.New(), instance: &instance{}, machines: &machines{runs: map[string]*run{}}, gate: &lever{}}
	for _, table := range []dynamo.Spec{
		{Name: "idempotency", Hash: "pk", TTL: "expires"},
		{Name: "control", Hash: "pk", Range: "sk", TTL: "expires"},
	} {
		if err := b.db.CreateTable(t.Context(), table); err != nil {
			t.Fatal(err)
		}
	}
	client := b.db.Client()
	b.store = idempotency.New(client, "idempotency")
	b.sweep = &Sweep{
		connect: func(context.Context) (tickets, error) {
			return servicenow.New(servicenow.Options{
				URL: "https://instance.example", Credentials: `{"user":"u","password":"p"}`,
				Transport: handled{b.instance}, Ledger: audit.New(client, "ledger"),
			})
		},
		custody: b.store, executions: b.machines, gate: b.gate,
		processes: []process{
			{kind: servicenow.OffboardingKind(), starter: event.NewStarter(b.store, b.machines, machine+"offboarding")},
			{kind: servicenow.OnboardingKind(), starter: event.NewStarter(b.store, b.machines, machine+"onboarding")},
		},
	}
	return b
}

func (b *bundle) run(t *testing.T) Report {
	t.Helper()
	report, err := b.sweep.Run(quiet(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// quiet keeps log lines out of the test's output.
func quiet(ctx context.Context) context.Context {
	return platform.WithLogger(ctx, slog.New(slog.DiscardHandler))
}

// hold gives the ticket a1 to an execution.
func (b *bundle) hold(t *testing.T, execution string) {
	t.Helper()
	if c, err := b.store.Take(t.Context(), "incident/a1", execution); err != nil || !c.Held {
		t.Fatalf("Take = %+v, %v", c, err)
	}
}

// release lets an execution give the ticket a1 back.
func (b *bundle) release(t *testing.T, execution, outcome string) {
	t.Helper()
	fingerprint := ""
	if outcome != "" {
		fingerprint = b.fingerprint(t)
	}
	if _, err := b.store.Release(t.Context(), "incident/a1", execution, outcome, fingerprint); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) fingerprint(t *testing.T) string {
	t.Helper()
	source, err := b.sweep.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range b.sweep.processes {
		for ticket, err := range source.OpenTickets(t.Context(), p.kind) {
			if err != nil {
				t.Fatal(err)
			}
			if ticket.SysID == "a1" {
				return ticket.Fingerprint()
			}
		}
	}
	t.Fatal("the ticket a1 is not open")
	return ""
}

// lever is the switch that stops all changes.
type lever struct{ stopped error }

func (l *lever) Check(context.Context) error { return l.stopped }

// complete is the environment of the function.
var complete = map[string]string{
	"SERVICENOW_URL": "https://instance.example", "SERVICENOW_SECRET_ID": "s", "IDEMPOTENCY_TABLE": "idempotency",
	"LEDGER_TABLE": "ledger", "CONTROL_TABLE": "control",
	"ONBOARDING_STATE_MACHINE_ARN": machine + "onboarding", "OFFBOARDING_STATE_MACHINE_ARN": machine + "offboarding",
	"ACCESS_REQUEST_STATE_MACHINE_ARN": machine + "access-request", "ROLE_CHANGE_STATE_MACHINE_ARN": machine + "role-change",
	"RECERTIFICATION_STATE_MACHINE_ARN": machine + "recertification", "CREDENTIAL_RESET_STATE_MACHINE_ARN": machine + "credential-reset",
	"ACCESS_REVIEW_TASK_STATE_MACHINE_ARN": machine + "access-review-task",
}

// wire is AWS over the wire: the bundle's tables and machines, and the secret.
type wire struct{ b *bundle }

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var answer string
	switch {
	case service == "DynamoDB_20120810":
		return w.b.db.Transport().RoundTrip(r)
	case operation == "GetSecretValue":
		answer = `{"SecretString":"{\"user\":\"u\",\"password\":\"p\"}"}`
	case operation == "StartExecution":
		in := &sfn.StartExecutionInput{}
		if err := json.NewDecoder(r.Body).Decode(in); err != nil {
			return nil, err
		}
		out, err := w.b.machines.StartExecution(r.Context(), in)
		if err != nil {
			return nil, err
		}
		answer = `{"executionArn":"` + *out.ExecutionArn + `"}`
	default:
		return nil, errors.New("no answer to " + operation)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// handled answers requests by a handler in the caller's goroutine.
type handled struct{ handler http.Handler }

func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = io.NopCloser(bytes.NewReader(nil))
	}
	h.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// instance answers the Table API for incidents.
type instance struct {
	mu   sync.Mutex
	rows []map[string]string
	// down refuses the kinds of ticket it names.
	down string
}

// open adds an open ticket that was last changed some time ago.
func (i *instance) open(kind, sysID string, ago time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rows = append(i.rows, map[string]string{
		"sys_id": sysID, "number": "INC" + sysID, "u_kind": kind, "state": "1",
		"u_email": sysID + "@corp.example", "sys_updated_on": stamp(time.Now().Add(-ago)),
	})
}

// change changes the ticket a1 as a person does.
func (i *instance) change(column, value string, ago time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, row := range i.rows {
		if row["sys_id"] == "a1" {
			row[column], row["sys_updated_on"] = value, stamp(time.Now().Add(-ago))
		}
	}
}

func stamp(at time.Time) string { return at.UTC().Format(time.DateTime) }

var (
	ofKind  = regexp.MustCompile(`u_kind=(\w+)`)
	ofState = regexp.MustCompile(`stateIN([\d,-]+)`)
	beyond  = regexp.MustCompile(`sys_id>(\w+)`)
)

func (i *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	part := func(pattern *regexp.Regexp, q string) string {
		if found := pattern.FindStringSubmatch(q); found != nil {
			return found[1]
		}
		return ""
	}
	ask := r.URL.Query()
	q := ask.Get("sysparm_query")
	kind := part(ofKind, q)
	if strings.HasSuffix(r.URL.Path, "/table/sc_req_item") || strings.HasSuffix(r.URL.Path, "/table/sc_task") { // nobody requests anything
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Total-Count", "0")
		_, _ = io.WriteString(w, `{"result":[]}`)
		return
	}
	if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/table/incident") || kind == "" {
		http.Error(w, `{"error":{"message":"unexpected"},"status":"failure"}`, http.StatusBadRequest)
		return
	}
	if i.down == kind {
		http.Error(w, `{"error":{"message":"no permission"},"status":"failure"}`, http.StatusForbidden)
		return
	}
	result := []map[string]string{}
	for _, row := range i.rows {
		if row["u_kind"] != kind || row["sys_id"] <= part(beyond, q) || !slices.Contains(strings.Split(part(ofState, q), ","), row["state"]) {
			continue
		}
		answer := map[string]string{}
		for column := range strings.SplitSeq(ask.Get("sysparm_fields"), ",") {
			answer[column] = row[column]
		}
		result = append(result, answer)
	}
	slices.SortFunc(result, func(a, b map[string]string) int { return strings.Compare(a["sys_id"], b["sys_id"]) })
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Total-Count", strconv.Itoa(len(result)))
	body, err := json.Marshal(map[string][]map[string]string{"result": result})
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(body)
}

// run is one execution.
type run struct {
	input  string
	status types.ExecutionStatus
	ended  time.Time
}

// machines is as much of Step Functions as the sweep sees.
type machines struct {
	mu     sync.Mutex
	runs   map[string]*run // by ARN
	starts []string        // ARNs in order
	fail   error
}

func (m *machines) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return nil, m.fail
	}
	arn := strings.Replace(*in.StateMachineArn, ":stateMachine:", ":execution:", 1) + ":" + *in.Name
	if r, taken := m.runs[arn]; taken {
		if r.input != *in.Input || r.status != types.ExecutionStatusRunning {
			return nil, &types.ExecutionAlreadyExists{}
		}
		return &sfn.StartExecutionOutput{ExecutionArn: aws.String(arn)}, nil
	}
	m.runs[arn] = &run{input: *in.Input, status: types.ExecutionStatusRunning}
	m.starts = append(m.starts, arn)
	return &sfn.StartExecutionOutput{ExecutionArn: aws.String(arn)}, nil
}

func (m *machines) DescribeExecution(_ context.Context, in *sfn.DescribeExecutionInput, _ ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return nil, m.fail
	}
	r, ok := m.runs[*in.ExecutionArn]
	if !ok {
		return nil, &types.ExecutionDoesNotExist{}
	}
	out := &sfn.DescribeExecutionOutput{ExecutionArn: in.ExecutionArn, Status: r.status}
	if !r.ended.IsZero() {
		out.StopDate = aws.Time(r.ended)
	}
	return out, nil
}

// begin is an execution that a webhook started.
func (m *machines) begin() (arn string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	arn = strings.Replace(machine, ":stateMachine:", ":execution:", 1) + "onboarding:webhook"
	m.runs[arn] = &run{status: types.ExecutionStatusRunning}
	return arn
}

func (m *machines) end(arn string, status types.ExecutionStatus) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.runs[arn].status, m.runs[arn].ended = status, time.Now()
}

// started are the executions that the sweep started, in order.
func (m *machines) started() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.starts)
}

func (m *machines) failWith(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

var (
	errThrottled = &types.ExecutionLimitExceeded{}
	errStopped   = &fault.Stopped{Message: "stopped by ops: rules are being mended"}
	errSwitch    = errors.New("the control table cannot be read")
)
