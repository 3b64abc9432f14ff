package snowsim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Call is one request as the console shows it.
type Call struct {
	ID     string // X-Transaction-ID
	Method string
	Path   string // escaped, without the query
	Query  string // raw
	User   string // user name of who called; empty before or without a sign-in
	Status int    // 0 when the connection was cut
	Error  string // the error's message, if any
	At     time.Time
	Took   time.Duration
}

// call is one request on its way through the simulator.
type call struct {
	request *http.Request
	fault   *Fault
	id      string
	base    string
	prefix  string // "/api/now/v2" as the caller wrote it
	began   time.Time
	now     time.Time // when the work is done
	params  map[string]string
	query   url.Values
	body    []byte
	user    *actor
	window  *window // of the rate rule, where one applies
	status  int
	message string
}

// maxBody is the largest JSON body that an instance reads (KB0747638);
// attachments may be larger, up to com.glide.attachment.max_size.
const (
	maxBody       = 10 << 20
	maxAttachment = 64 << 20
)

func (c *call) readBody() *Error {
	c.query = c.request.URL.Query()
	if c.request.Body == nil {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(c.request.Body, maxAttachment+1))
	c.body = body
	if err != nil {
		return refuse(http.StatusBadRequest, "Exception while reading request", "The payload is not complete")
	}
	return nil
}

// values reads a JSON body of column names and values.
func (c *call) values() (map[string]string, *Error) {
	kind, _, _ := strings.Cut(c.request.Header.Get("Content-Type"), ";")
	if kind != "application/json" {
		return nil, refuse(http.StatusUnsupportedMediaType, "Unsupported media type", "The request's Content-Type is not simulated: "+kind)
	}
	if len(c.body) > maxBody {
		return nil, refuse(http.StatusBadRequest, "Exception while reading request",
			fmt.Sprintf("Rejected large REST payload with content-length = %d bytes. Max allowed: %d bytes.", len(c.body), maxBody))
	}
	decoder := json.NewDecoder(bytes.NewReader(c.body))
	decoder.UseNumber()
	var raw map[string]any
	if err := decoder.Decode(&raw); err != nil {
		return nil, refuse(http.StatusBadRequest, "Exception while reading request", "The payload is not valid JSON.")
	}
	values := make(map[string]string, len(raw))
	for name, value := range raw {
		switch v := value.(type) {
		case nil:
			values[name] = ""
		case string:
			values[name] = v
		case bool:
			values[name] = strconv.FormatBool(v)
		case json.Number:
			values[name] = v.String()
		default:
			// A real instance stores the text of the object (unconfirmed); nobody
			// means that.
			return nil, refuse(http.StatusBadRequest, "Exception while reading request", "The value of "+name+" is not a single value.")
		}
	}
	return values, nil
}

// flag reads a boolean parameter.
func (c *call) flag(name string) bool { return c.query.Get(name) == "true" }

// number reads a numeric parameter; what is not a number counts as absent.
func (c *call) number(name string, otherwise int) int {
	n, err := strconv.Atoi(c.query.Get(name))
	if err != nil || n < 0 {
		return otherwise
	}
	return n
}

// notSimulated are parameters that change what comes back and that the
// simulator does not act on: ignoring one would make a test pass that fails
// against ServiceNow.
var notSimulated = []string{
	"sysparm_view", "sysparm_query_category", "sysparm_query_no_domain", "sysparm_input_display_value",
	"sysparm_suppress_auto_sys_field", "sysparm_action",
}

func (c *call) simulated() *Error {
	for _, name := range notSimulated {
		if c.query.Has(name) {
			return refuse(http.StatusBadRequest, "Not simulated", "The parameter "+name+" is not simulated")
		}
	}
	return nil
}

func transactionID(serial int) string { return fmt.Sprintf("%012x", 0x51a000000000+serial) }

var errGone = errors.New("the caller has gone")

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
