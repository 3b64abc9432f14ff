package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"

	"lifecycle/shared/local/states"
	"lifecycle/shared/local/template"
	"lifecycle/shared/platform"
)

// Verdict is what a Saboteur does to one outgoing call.
type Verdict int

// The verdicts.
const (
	// Pass lets the call through.
	Pass Verdict = iota
	// KillBefore ends the function before the call is made.
	KillBefore
	// KillAfter makes the call and ends the function before it learns the answer.
	KillAfter
	// LoseAnswer makes the call and cuts the connection before the answer.
	LoseAnswer
	// Cut cuts the connection before the call is made.
	Cut
	// Hang makes the call and never answers: the function waits until its
	// deadline.
	Hang
	// Fail answers 503 without making the call.
	Fail
	// Throttle answers 429 without making the call.
	Throttle
)

// Outgoing is one call that a function makes.
type Outgoing struct {
	// Function is the logical id of who calls.
	Function string
	// N numbers the calls of all functions, from 1. Those of functions that a stream
	// feeds come between others' calls at any time, so they are numbered by
	// themselves, from -1 downward.
	N       int
	Request *http.Request
}

// function is one Lambda with its sandboxes.
type function struct {
	template.Function
	build platform.Build
	box   *Cloud

	mu   sync.Mutex
	idle []*sandbox
	busy int
}

// sandbox is one instance: built once, one invocation at a time.
type sandbox struct {
	handler lambda.Handler
	// dead is closed when the instance is killed; nothing it does counts then.
	dead chan struct{}
	once sync.Once
}

func (s *sandbox) kill() { s.once.Do(func() { close(s.dead) }) }

func (s *sandbox) killed() bool {
	select {
	case <-s.dead:
		return true
	default:
		return false
	}
}

// invoke runs one invocation. Errors are those that Step Functions sees: a
// *states.FunctionError of the function itself, or a named failure of the
// service.
func (f *function) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	s, err := f.take()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{
		AwsRequestID: f.box.requestID(), InvokedFunctionArn: f.ARN,
	})
	type result struct {
		body []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		finished := false
		defer func() {
			// Goexit of a killed instance, or a panic, which ends a real one too.
			if cause := recover(); cause != nil {
				s.kill()
				f.box.log("function %s panicked: %v", f.ID, cause)
			}
			if !finished {
				s.kill()
			}
		}()
		if s.handler == nil {
			// A process that cannot start ends, as platform.Main ends it.
			if err := f.start(ctx, s); err != nil {
				f.box.log("function %s cannot start: %v", f.ID, err)
				return
			}
		}
		body, err := s.handler.Invoke(ctx, payload)
		finished = true
		// The handler writes its next answer into the same buffer.
		done <- result{bytes.Clone(body), err}
	}()
	select {
	case r := <-done:
		f.put(s)
		return r.body, functionError(r.err)
	case <-s.dead:
		f.put(s)
		return nil, failure("Runtime.ExitError", "the function's process ended")
	case <-ctx.Done():
		s.kill()
		f.put(s)
		return nil, failure("Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", f.Timeout.Seconds()))
	}
}

// start is the cold start.
func (f *function) start(ctx context.Context, s *sandbox) error {
	cloud, err := platform.NewCloud(ctx, platform.Options{
		Env: f.environment(), AWS: f.box.awsConfig(f.transport(s, f.box.awsTransport())),
		Transport: f.transport(s, f.box.outside()), Out: f.box.logs,
	})
	if err != nil {
		return err
	}
	s.handler, err = cloud.Prepare(ctx, f.build)
	return err
}

func (f *function) environment() map[string]string {
	env := map[string]string{
		"AWS_REGION": template.Region, "AWS_LAMBDA_FUNCTION_NAME": f.ID, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
	}
	for name, value := range f.Env {
		env[name] = value
	}
	return env
}

// take finds a free instance or makes one, within the reserved concurrency.
func (f *function) take() (*sandbox, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Reserved > 0 && f.busy >= f.Reserved {
		return nil, &states.ServiceError{Name: "Lambda.TooManyRequestsException", Cause: "Rate Exceeded."}
	}
	f.busy++
	if n := len(f.idle); n > 0 {
		s := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return s, nil
	}
	return &sandbox{dead: make(chan struct{})}, nil
}

func (f *function) put(s *sandbox) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	if !s.killed() && s.handler != nil {
		f.idle = append(f.idle, s)
	}
}

// transport is how an instance reaches the outside: every call passes the
// saboteur, and a dead instance reaches nothing.
func (f *function) transport(s *sandbox, next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if s.killed() {
			runtime.Goexit()
		}
		verdict := f.box.judge(f.ID, r)
		switch verdict {
		case KillBefore:
			s.kill()
			runtime.Goexit()
		case Cut:
			return nil, errCut
		case Fail:
			return refusal(r, http.StatusServiceUnavailable), nil
		case Throttle:
			return refusal(r, http.StatusTooManyRequests), nil
		}
		response, err := next.RoundTrip(r)
		switch verdict {
		case KillAfter:
			s.kill()
			runtime.Goexit()
		case LoseAnswer:
			return nil, errCut
		case Hang:
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		if s.killed() { // killed while the call was under way
			runtime.Goexit()
		}
		return response, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var errCut = errors.New("connection reset by peer")

// functionError is the error as the Lambda runtime reports it: the name of the
// Go type, and the message.
func functionError(err error) error {
	if err == nil {
		return nil
	}
	var service *states.ServiceError
	if errors.As(err, &service) {
		return service
	}
	name := reflect.TypeOf(err).String()
	if t := reflect.TypeOf(err); t.Kind() == reflect.Pointer {
		name = t.Elem().Name()
	}
	if known, ok := err.(messages.InvokeResponse_Error); ok { //nolint:errorlint // the runtime looks at the outermost error only
		name = known.Type
	}
	return failure(name, err.Error())
}

func failure(name, message string) error {
	payload, err := json.Marshal(map[string]string{"errorMessage": message, "errorType": name})
	if err != nil {
		panic(err)
	}
	return &states.FunctionError{Payload: payload}
}

func (c *Cloud) awsConfig(transport http.RoundTripper) *aws.Config {
	return &aws.Config{
		Region:       template.Region,
		BaseEndpoint: aws.String(awsEndpoint),
		HTTPClient:   &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local", Source: "local"}, nil
		}),
	}
}

// lockedWriter lets many instances write whole lines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}
