package oktasim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Call is one request as the console shows it.
type Call struct {
	ID     string // X-Okta-Request-Id
	Method string
	Path   string // escaped, without the query
	Bucket Bucket
	Status int    // 0 when the connection was cut
	Code   string // Okta's error code, if any
	At     time.Time
	Took   time.Duration
}

// call is one request on its way through the simulator.
type call struct {
	request *http.Request
	bucket  Bucket
	gauge   Gauge
	crowded bool
	fault   *Fault
	id      string
	base    string
	began   time.Time
	now     time.Time // when the work is done
	params  map[string]string
	query   url.Values
	body    []byte
	actor   actor
	status  int
	code    string
	quiet   bool // leaves no trace in the System Log: the org is being planted
}

// as is the same call with its work done by somebody else, or later.
func (c *call) as(by actor, now time.Time) *call {
	other := *c
	other.actor, other.now = by, now
	return &other
}

// maxBody is far above what any call in use sends.
const maxBody = 1 << 20

func (c *call) readBody() error {
	c.query = c.request.URL.Query()
	if c.request.Body == nil {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(c.request.Body, maxBody))
	c.body = body
	return err
}

// decode reads a JSON body; an empty one leaves into as it is.
func (c *call) decode(into any) *Error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		return refuse("E0000003")
	}
	return nil
}

// flag reads a boolean query parameter.
func (c *call) flag(name string, otherwise bool) bool {
	value, err := strconv.ParseBool(c.query.Get(name))
	if err != nil {
		return otherwise
	}
	return value
}

// limit reads ?limit=; what is out of range is refused rather than cut, so that
// a caller who asks for too much finds out here (unconfirmed for every
// operation but app users, whose range the spec gives).
func (c *call) limit(otherwise, most int) (int, *Error) {
	text := c.query.Get("limit")
	if text == "" {
		return otherwise, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > most {
		return 0, invalid("limit", fmt.Sprintf("limit: must be between 1 and %d", most))
	}
	return limit, nil
}

// cursor reads ?after=, 0 for the first page.
func (c *call) cursor() (int, *Error) {
	text := c.query.Get("after")
	if text == "" {
		return 0, nil
	}
	seq, valid := decodeCursor(text)
	if !valid {
		return 0, invalid("after", "after: the cursor is not one that this org gave out")
	}
	return seq, nil
}

// only refuses query parameters that the simulator does not act on: ignoring
// one would make a test pass that fails against Okta.
func (c *call) only(names ...string) *Error {
	for name := range c.query {
		known := false
		for _, n := range names {
			known = known || n == name
		}
		if !known {
			return invalid(name, name+": this parameter is not simulated")
		}
	}
	return nil
}

// linked answers a list with its Link headers: self always, next when there is
// another page.
func (c *call) linked(body any, next string) (answer, *Error) {
	self := c.base + c.request.URL.EscapedPath()
	if c.request.URL.RawQuery != "" {
		self += "?" + c.request.URL.RawQuery
	}
	a := answer{status: http.StatusOK, body: body, links: []string{"<" + self + `>; rel="self"`}}
	if next != "" {
		query := c.request.URL.Query()
		query.Set("after", next)
		a.links = append(a.links, "<"+c.base+c.request.URL.EscapedPath()+"?"+query.Encode()+`>; rel="next"`)
	}
	return a, nil
}

func (c *call) paged(body any, next int) (answer, *Error) {
	if next == 0 {
		return c.linked(body, "")
	}
	return c.linked(body, encodeCursor(next))
}

func (c *call) url(path string) string { return c.base + path }

func requestID(serial int) string { return fmt.Sprintf("req%017d", serial) }

// sleep waits, also on virtual time, unless the caller goes first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errGone
	case <-timer.C:
		return nil
	}
}
