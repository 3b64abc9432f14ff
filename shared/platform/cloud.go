package platform

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/fault"
)

// Cloud is what every Lambda is built from.
type Cloud struct {
	// Env is the function's environment.
	Env map[string]string
	AWS aws.Config

	DynamoDB *dynamodb.Client
	SFN      *sfn.Client
	S3       *s3.Client

	Secrets *Secrets
	Metrics *Metrics
	// Transport carries the calls to Okta and ServiceNow; never nil.
	Transport http.RoundTripper
	Log       *slog.Logger
}

// Options says what a Cloud is made of. The zero value is a function in AWS with
// an empty environment.
type Options struct {
	Env map[string]string
	// AWS is the configuration of all AWS clients; nil loads the default one
	// from the process's environment.
	AWS *aws.Config
	// Transport carries the calls to Okta and ServiceNow; nil means one like
	// http.DefaultTransport that gives up on a silent other side.
	Transport http.RoundTripper
	// Out receives log lines and metrics, one JSON document a line; nil means
	// os.Stdout.
	Out io.Writer
}

// NewCloud builds the clients. It makes no call: credentials are resolved and
// connections opened when they are first needed.
func NewCloud(ctx context.Context, o Options) (*Cloud, error) {
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if o.Transport == nil {
		o.Transport = patientTransport()
	}
	cfg, err := awsConfig(ctx, o.AWS)
	if err != nil {
		return nil, &fault.Invalid{Message: "the AWS configuration of the process cannot be read", Cause: err}
	}
	// Log lines and metrics share one stream, and CloudWatch takes each line for
	// a document of its own: lines must not run into each other.
	out := &lines{to: o.Out}
	return &Cloud{
		Env:       o.Env,
		AWS:       cfg,
		DynamoDB:  dynamodb.NewFromConfig(cfg),
		SFN:       sfn.NewFromConfig(cfg),
		S3:        s3.NewFromConfig(cfg),
		Secrets:   newSecrets(cfg),
		Metrics:   newMetrics(out, o.Env["METRICS_NAMESPACE"]),
		Transport: o.Transport,
		Log:       newLogger(out, o.Env["LOG_LEVEL"]),
	}, nil
}

// Handler gives every invocation of h a context from which Logger takes this
// cloud's log. Main does it for each function; whoever invokes handlers in the
// same process (the embedded cloud, tests) does it once per function.
func (c *Cloud) Handler(h lambda.Handler) lambda.Handler { return logged{next: h, log: c.Log} }

type logged struct {
	next lambda.Handler
	log  *slog.Logger
}

func (l logged) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return l.next.Invoke(WithLogger(ctx, l.log), payload)
}

// awsConfig is the given configuration, or the process's own with limits that
// suit a Lambda: a step is retried by its state machine, so a call is not worth
// more than a few seconds of waiting in place.
func awsConfig(ctx context.Context, given *aws.Config) (aws.Config, error) {
	if given != nil {
		return given.Copy(), nil
	}
	return config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(10*time.Second)),
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = 4
				o.MaxBackoff = 2 * time.Second
			})
		}),
	)
}

func patientTransport() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: 60 * time.Second, // ServiceNow cancels a transaction after 60 s
		ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost:   8,
		// Okta and ServiceNow close idle connections after some minutes; a frozen
		// Lambda would find out only by a reset.
		IdleConnTimeout: 60 * time.Second,
	}
}

// lines passes each write on as a whole.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

// environment turns the form of os.Environ into a map.
func environment(pairs []string) map[string]string {
	env := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok && name != "" {
			env[name] = value
		}
	}
	return env
}
