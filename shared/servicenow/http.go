package servicenow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"lifecycle/shared/fault"
)

// The one retry policy. Whatever takes longer is the state machine's to wait
// for: an instance's rate rules may ask for an hour.
const (
	// mostRetries is how often a call is sent again in place.
	mostRetries = 2
	// firstPause is the pause before the first repetition, doubled for each
	// further one, with jitter.
	firstPause = 200 * time.Millisecond
	// shortWait is the longest Retry-After that is waited for in place.
	shortWait = 5 * time.Second
	// requestTimeout is how long one answer may take unless Options say
	// otherwise.
	requestTimeout = 20 * time.Second
	// settleTime is how long a call without an answer may still be at work in
	// the instance: the transaction quota of its REST API.
	settleTime = 60 * time.Second
	// mostBytes bounds an answer.
	mostBytes = 32 << 20
)

// call is one request.
type call struct {
	// what says what it is for, and begins the messages of its errors.
	what         string
	method, path string
	query        url.Values
	body         []byte
	contentType  string
	// repeatable says that sending it twice is the same as once: reads, and
	// writes that set values and add nothing.
	repeatable bool
}

// answer is a successful one.
type answer struct {
	result json.RawMessage
	// total counts the rows that match, those hidden by access rules included;
	// -1 when the answer does not say.
	total int
	// requestID is the instance's own id of the transaction.
	requestID string
}

type repeatableKey struct{}

// newHTTP returns the client that carries out the retry policy.
func newHTTP(transport http.RoundTripper, timeout time.Duration) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: transport, Timeout: timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax: mostRetries, CheckRetry: again, Backoff: pause,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// again decides whether a call is sent again in place. A call that is not
// repeatable is, only where it is certain that nothing was done: no connection
// was made, or it was turned away by a rate rule.
func again(ctx context.Context, response *http.Response, err error) (bool, error) {
	repeatable, _ := ctx.Value(repeatableKey{}).(bool)
	switch {
	case ctx.Err() != nil:
		return false, nil //nolint:nilerr // the error of the call itself stays for the caller to classify
	case err != nil:
		return neverSent(err) || repeatable && !timedOut(err), nil
	case response.StatusCode == http.StatusTooManyRequests:
		wait, known := retryAfter(response.Header)
		return known && wait <= shortWait, nil
	case response.StatusCode == http.StatusBadGateway, response.StatusCode == http.StatusServiceUnavailable,
		response.StatusCode == http.StatusGatewayTimeout:
		return repeatable, nil
	}
	return false, nil
}

func neverSent(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}

func pause(_, _ time.Duration, attempt int, response *http.Response) time.Duration {
	if response != nil && response.StatusCode == http.StatusTooManyRequests {
		if wait, known := retryAfter(response.Header); known {
			return wait
		}
	}
	longest := firstPause << attempt
	return longest/2 + rand.N(longest/2)
}

// do sends a call and returns its answer, or a fault.
func (c *Client) do(ctx context.Context, call call) (answer, error) {
	response, body, err := c.send(ctx, call) //nolint:bodyclose // send reads and closes it
	if err == nil && response.StatusCode == http.StatusUnauthorized && c.signIn.renew() {
		// The token was revoked before its time; the call was not carried out.
		response, body, err = c.send(ctx, call) //nolint:bodyclose // likewise
	}
	switch {
	case err != nil:
		return answer{}, err
	case response.StatusCode/100 != 2:
		return answer{}, refused(call.what, response, body)
	case response.StatusCode == http.StatusNoContent:
		return answer{total: -1}, nil
	}
	return readable(call.what, response, body)
}

func (c *Client) send(ctx context.Context, call call) (*http.Response, []byte, error) {
	u := *c.base
	u.Path += call.path
	u.RawQuery = call.query.Encode()
	marked := context.WithValue(ctx, repeatableKey{}, call.repeatable)
	request, err := retryablehttp.NewRequestWithContext(marked, call.method, u.String(), bytes.NewReader(call.body))
	if err != nil {
		return nil, nil, &fault.Invalid{Message: call.what + " could not be put into a request"}
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "lifecycle")
	if call.contentType != "" {
		request.Header.Set("Content-Type", call.contentType)
	}
	if err := c.signIn.sign(ctx, request.Request); err != nil {
		return nil, nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, nil, unreachable(call.what, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBytes))
	if err != nil {
		return nil, nil, unreachable(call.what, err)
	}
	return response, body, nil
}
