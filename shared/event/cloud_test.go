package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"lifecycle/shared/local/dynamo"
)

const (
	stateMachine = "arn:aws:states:eu-central-1:123456789012:stateMachine:dev-onboarding"
	secretName   = "webhook-key"
)

// call is one request to AWS, such as {"DynamoDB", "PutItem"}.
type call struct{ service, operation string }

// cloud is as much of AWS as a trigger sees: Secrets Manager, DynamoDB and Step
// Functions, behind one transport.
type cloud struct {
	dynamo http.RoundTripper

	mu sync.Mutex
	// secrets holds the versions of the signing key by stage.
	secrets map[string]string
	// executions holds the inputs of running executions by name, ended those of
	// executions that have ended.
	executions, ended map[string]string
	// starts are the StartExecution calls that made an execution.
	starts []startInput
	calls  []call
	// silent is an operation that is never answered.
	silent string
	// meddle may answer a call instead, before or after it is made.
	meddle func(n int, c call, do func() (*http.Response, error)) (*http.Response, error)
}

type startInput struct {
	Name        string `json:"name"`
	Input       string `json:"input"`
	Machine     string `json:"stateMachineArn"`
	TraceHeader string `json:"traceHeader"`
}

func newCloud(t testing.TB) *cloud {
	t.Helper()
	db := dynamo.New()
	c := &cloud{
		dynamo:     db.Transport(),
		secrets:    map[string]string{"AWSCURRENT": keyOne},
		executions: map[string]string{}, ended: map[string]string{},
	}
	if err := db.CreateTable(t.Context(), dynamo.Spec{Name: "idempotency", Hash: "pk", TTL: "expires"}); err != nil {
		t.Fatal(err)
	}
	return c
}

// config reaches the cloud; every call is made once.
func (c *cloud) config() *aws.Config {
	return &aws.Config{
		Region:      "eu-central-1",
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
		HTTPClient:  &http.Client{Transport: c},
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func (c *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	made := call{service, operation}
	c.mu.Lock()
	c.calls = append(c.calls, made)
	n, meddle, silent := len(c.calls), c.meddle, c.silent
	c.mu.Unlock()
	if silent == operation {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	do := func() (*http.Response, error) { return c.serve(r, made, body) }
	if meddle != nil {
		return meddle(n, made, do)
	}
	return do()
}

func (c *cloud) serve(r *http.Request, made call, body []byte) (*http.Response, error) {
	switch made.service {
	case "DynamoDB_20120810":
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
		return c.dynamo.RoundTrip(r)
	case "secretsmanager":
		return c.secret(body)
	case "AWSStepFunctions":
		return c.start(body)
	default:
		return nil, fmt.Errorf("no service for %v", made)
	}
}

func (c *cloud) secret(body []byte) (*http.Response, error) {
	var ask struct {
		SecretID     string `json:"SecretId"`
		VersionStage string `json:"VersionStage"`
	}
	if err := json.Unmarshal(body, &ask); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	value, ok := c.secrets[ask.VersionStage]
	if !ok || ask.SecretID != secretName {
		return refusal(400, "ResourceNotFoundException"), nil
	}
	return respond(200, fmt.Sprintf(`{"SecretString":%q}`, value)), nil
}

// start behaves as Step Functions does: a name is taken once, and the same name
// with the same input is the running execution.
func (c *cloud) start(body []byte) (*http.Response, error) {
	var in startInput
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ended := c.ended[in.Name]; ended {
		return refusal(400, "ExecutionAlreadyExists"), nil
	}
	if input, running := c.executions[in.Name]; running {
		if input != in.Input {
			return refusal(400, "ExecutionAlreadyExists"), nil
		}
	} else {
		c.executions[in.Name] = in.Input
		c.starts = append(c.starts, in)
	}
	arn := strings.Replace(in.Machine, ":stateMachine:", ":execution:", 1) + ":" + in.Name
	return respond(200, fmt.Sprintf(`{"executionArn":%q,"startDate":1.7e9}`, arn)), nil
}

func (c *cloud) rotate(current, previous string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets = map[string]string{"AWSCURRENT": current}
	if previous != "" {
		c.secrets["AWSPREVIOUS"] = previous
	}
}

// end lets every execution end, so that its name is taken for good.
func (c *cloud) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended, c.executions = c.executions, map[string]string{}
}

func (c *cloud) started() []startInput {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]startInput(nil), c.starts...)
}

// count counts the calls of an operation.
func (c *cloud) count(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, made := range c.calls {
		if made.operation == operation {
			n++
		}
	}
	return n
}

// interfere sets what happens to calls from now on, which are numbered from 1.
func (c *cloud) interfere(meddle func(n int, c call, do func() (*http.Response, error)) (*http.Response, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls, c.meddle = nil, meddle
}

var errDead = errors.New("the function's process is gone")

// crash ends the function at its nth call, before or after the call is made: it
// learns no answer and makes no further call.
func crash(at int, after bool) func(int, call, func() (*http.Response, error)) (*http.Response, error) {
	return func(n int, _ call, do func() (*http.Response, error)) (*http.Response, error) {
		switch {
		case n < at:
			return do()
		case n == at && after:
			response, err := do()
			if err == nil {
				_ = response.Body.Close()
			}
		}
		return nil, errDead
	}
}

// answering answers one operation with an error and lets all others through.
func answering(operation string, status int, code string) func(int, call, func() (*http.Response, error)) (*http.Response, error) {
	return func(_ int, c call, do func() (*http.Response, error)) (*http.Response, error) {
		if c.operation == operation {
			return refusal(status, code), nil
		}
		return do()
	}
}

func refusal(status int, code string) *http.Response {
	return respond(status, fmt.Sprintf(`{"__type":%q,"message":"internal detail of table idempotency"}`, code))
}

func respond(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}
