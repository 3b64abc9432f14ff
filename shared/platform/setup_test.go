package platform

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// roundTripper answers requests in the caller's goroutine.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// reply is an answer of an AWS service that speaks JSON.
func reply(status int, header map[string]string, body string) *http.Response {
	h := http.Header{"X-Amzn-Requestid": {"REQ-1"}, "Content-Type": {"application/x-amz-json-1.0"}}
	for name, value := range header {
		h.Set(name, value)
	}
	return &http.Response{
		StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// awsOver is a configuration whose calls go through transport, once each.
func awsOver(transport http.RoundTripper) *aws.Config {
	return &aws.Config{
		Region:      "eu-central-1",
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
		HTTPClient:  &http.Client{Transport: transport},
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func newCloud(t *testing.T, env map[string]string, transport http.RoundTripper) (*Cloud, *output) {
	t.Helper()
	out := &output{}
	cloud, err := NewCloud(t.Context(), Options{Env: env, AWS: awsOver(transport), Out: out})
	if err != nil {
		t.Fatal(err)
	}
	return cloud, out
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

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// documents parses every line; a line that is not one JSON object fails.
func (o *output) documents(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(o.text()) {
		var doc map[string]any
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		all = append(all, doc)
	}
	return all
}

// only returns the single document written.
func (o *output) only(t *testing.T) map[string]any {
	t.Helper()
	all := o.documents(t)
	if len(all) != 1 {
		t.Fatalf("%d lines, want one:\n%s", len(all), o.text())
	}
	return maps.Clone(all[0])
}
