package okta

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifecycle/shared/platform"
)

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
	bucket string
}

// mostBody bounds an answer: a page of 200 apps with everything expanded takes
// about one megabyte.
const mostBody = 64 << 20

// mostRepeats is how often a request is sent again in place.
const mostRepeats = 2

// errNoAnswer is what the SDK is told when no answer came; exchange.failure has
// the cause. The SDK would repeat an io.EOF for ever, and print the URL, which
// can hold a login, with any error it is given.
var errNoAnswer = errors.New("okta did not answer")

// send is the HTTP policy. It carries a request of the SDK to the client's org,
// as often as the policy allows, and notes what came of it.
func (c *Client) send(x *exchange, r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	var body []byte
	x.reply, x.failure = nil, nil
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
		if body, x.failure = io.ReadAll(r.Body); x.failure != nil {
			return nil, errNoAnswer
		}
	}
	renewed := false
	for repeats := 0; ; repeats++ {
		x.reply, x.failure = c.attempt(ctx, x, r, body)
		if x.reply != nil {
			c.learn(ctx, x.reply)
		}
		if !renewed && x.reply != nil && x.reply.status == http.StatusUnauthorized && c.signer.renew() {
			renewed = true // the access token was revoked or has just run out: nothing was done
			continue
		}
		if repeats == mostRepeats || !x.repeats() || !pause(ctx, repeats) {
			break
		}
	}
	if x.reply == nil {
		return nil, errNoAnswer
	}
	return x.reply.response(r), nil
}

// repeats reports whether what came of the last attempt is worth another one at
// once.
func (x *exchange) repeats() bool {
	if x.reply == nil {
		return x.repeatable && cut(x.failure)
	}
	switch x.reply.status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return x.repeatable
	case http.StatusTooManyRequests:
		return x.reply.crowded() // over in a moment, and nothing was done
	}
	return false
}

// cut reports whether a connection broke, rather than that somebody's time ran
// out or that no request was sent.
func cut(err error) bool {
	return err != nil && !isFault(err) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// pause waits a moment, growing and at random, before the next attempt; false
// when the caller's time would be up.
func pause(ctx context.Context, repeats int) bool {
	most := 150 * time.Millisecond << (2 * repeats)
	timer := time.NewTimer(most/2 + rand.N(most/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// attempt sends the request once and reads the answer to its end.
func (c *Client) attempt(ctx context.Context, x *exchange, r *http.Request, body []byte) (*reply, error) {
	authorization, err := c.signer.authorization(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	out := r.Clone(ctx)
	out.URL.Scheme, out.URL.Host, out.Host = c.org.Scheme, c.org.Host, ""
	out.Header.Set("Authorization", authorization)
	if x.prefer != "" {
		out.Header.Set("Prefer", x.prefer)
	}
	if body != nil {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return c.exchange(out)
}

// exchange sends one request and reads the answer.
func (c *Client) exchange(r *http.Request) (*reply, error) {
	response, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, mostBody+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > mostBody:
		return nil, fmt.Errorf("the answer is longer than %d bytes", mostBody)
	}
	return &reply{status: response.StatusCode, header: response.Header, body: body, bucket: BucketOf(r.Method, r.URL.EscapedPath())}, nil
}

// response is the answer as the SDK reads it.
func (a *reply) response(r *http.Request) *http.Response {
	header := a.header.Clone()
	// The SDK dereferences what it cannot parse.
	header["Link"] = slices.DeleteFunc(header["Link"], func(link string) bool {
		_, err := url.Parse(strings.Trim(strings.Split(link, ";")[0], "<>"))
		return err != nil
	})
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Request: r,
		Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}
}

// limits reads the rate-limit headers: calls per minute, those left, and when
// the minute ends (X-Rate-Limit-Reset, seconds since 1970).
func (a *reply) limits() (limit, remaining int, reset time.Time, known bool) {
	limit, limitErr := strconv.Atoi(a.header.Get("X-Rate-Limit-Limit"))
	remaining, remainingErr := strconv.Atoi(a.header.Get("X-Rate-Limit-Remaining"))
	seconds, resetErr := strconv.ParseInt(a.header.Get("X-Rate-Limit-Reset"), 10, 64)
	if limitErr != nil || remainingErr != nil || resetErr != nil || seconds <= 0 {
		return 0, 0, time.Time{}, false
	}
	return limit, remaining, time.Unix(seconds, 0), true
}

// crowded reports whether a 429 says that too many requests are in flight at
// once, not that the minute's are used up: then the limit it names is 0
// (developer.okta.com, reference/rl-best-practices).
func (a *reply) crowded() bool {
	limit, _, _, known := a.limits()
	return a.status == http.StatusTooManyRequests && known && limit <= 0
}

// learn passes on what the answer says of Okta's limits. That it could not be
// noted is no reason to fail the call.
func (c *Client) learn(ctx context.Context, a *reply) {
	limit, remaining, reset, known := a.limits()
	if c.seats == nil || !known || limit <= 0 {
		return
	}
	err := c.seats.Learn(ctx, a.bucket, limit, remaining, reset)
	if a.status == http.StatusTooManyRequests {
		err = errors.Join(err, c.seats.Overrun(ctx, a.bucket, reset))
	}
	if err != nil {
		platform.Logger(ctx).WarnContext(ctx, "what Okta said of its limits was not noted", "bucket", a.bucket, "error", err.Error())
	}
}
