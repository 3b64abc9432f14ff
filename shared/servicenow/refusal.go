package servicenow

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lifecycle/shared/fault"
)

// refusal is how ServiceNow says no. The Table API puts an object under
// "error", the OAuth endpoint a word.
type refusal struct {
	Error json.RawMessage `json:"error"`
}

// text is the part of an error body that is worth passing on: the message, for
// a data policy or a business rule also the detail, cut to a line and without
// anything that looks like an email address.
func (r refusal) text() string {
	var table struct {
		Message string `json:"message"`
		Detail  string `json:"detail"`
	}
	var word string
	switch {
	case json.Unmarshal(r.Error, &table) == nil:
		word = table.Message
		if table.Detail != "" && table.Detail != table.Message {
			word += " (" + table.Detail + ")"
		}
	case json.Unmarshal(r.Error, &word) != nil:
		return ""
	}
	return presentable(word)
}

var address = regexp.MustCompile(`[^\s"'<>(),;:]+@[^\s"'<>(),;:]+`)

func presentable(text string) string {
	text = address.ReplaceAllString(strings.Join(strings.Fields(text), " "), "(address)")
	if long := []rune(text); len(long) > 300 {
		text = string(long[:300]) + "…"
	}
	return text
}

// refused turns an answer other than 2xx into the fault it means. what says what
// could not be done: "ServiceNow: reading incident/46d4…".
func refused(what string, response *http.Response, body []byte) error {
	var r refusal
	_ = json.Unmarshal(body, &r) // what is not JSON has no text to pass on
	message := fmt.Sprintf("%s was answered %d", what, response.StatusCode)
	if text := r.text(); text != "" {
		message += ", " + text
	}
	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests:
		return limited(what, response.Header)
	case status == http.StatusUnauthorized:
		return &fault.Denied{Message: message + ": the credentials in the secret are not accepted, or their user is locked or may not use the API"}
	case status == http.StatusForbidden:
		return &fault.Denied{Message: message + ": an access rule, a data policy or a business rule of the instance forbids it"}
	case status == http.StatusNotFound:
		return &fault.NotFound{Message: message + ": the record does not exist, or an access rule hides it from the integration"}
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return &fault.Conflict{Message: message}
	case status == http.StatusRequestTimeout, status >= http.StatusInternalServerError:
		return &fault.Unavailable{Message: message}
	case status >= 300 && status < 400:
		return &fault.Invalid{Message: message + ": SERVICENOW_URL has to be the address that answers without a redirect"}
	default:
		return &fault.Invalid{Message: message}
	}
}

// limited is the fault of a rate rule, which counts per user and hour.
func limited(what string, h http.Header) error {
	message := what + " has to wait: the rate limit of the integration's user is used up"
	if rule := presentable(h.Get("X-Ratelimit-Rule")); rule != "" {
		message += " (rule " + rule + ")"
	}
	wait, known := retryAfter(h)
	if !known {
		return &fault.Throttled{Message: message}
	}
	return &fault.Throttled{Message: message, Until: time.Now().Add(wait)}
}

// retryAfter is how long a 429 asks to wait: Retry-After in seconds or as a
// date, else X-RateLimit-Reset in seconds since 1970.
func retryAfter(h http.Header) (wait time.Duration, known bool) {
	after := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(after, 10, 32); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(after); err == nil {
		return max(0, time.Until(at)), true
	}
	if reset, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil && reset > 0 {
		return max(0, time.Until(time.Unix(reset, 0))), true
	}
	return 0, false
}

// unreachable is the fault of a call without an answer: it may have been done.
// The URL that net/http puts into its errors is left out, because queries carry
// addresses of people.
func unreachable(what string, err error) error {
	var outer *url.Error
	for errors.As(err, &outer) {
		err = outer.Err
	}
	return &fault.Unavailable{Message: what + " got no answer", Cause: err}
}

// readable finds what is wrong with an answer of 2xx, if anything.
func readable(what string, response *http.Response, body []byte) (answer, error) {
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if kind == "text/html" || strings.HasPrefix(strings.TrimSpace(string(body)), "<") {
		return answer{}, &fault.Unavailable{Message: what +
			" was answered with a web page: the instance is hibernating, being upgraded, or asks for a sign-in; wake it up by opening it in a browser"}
	}
	out := answer{total: -1, requestID: response.Header.Get("X-Transaction-Id")}
	if total, err := strconv.Atoi(response.Header.Get("X-Total-Count")); err == nil {
		out.total = total
	}
	var parts struct {
		Result json.RawMessage `json:"result"`
		refusal
	}
	if err := json.Unmarshal(body, &parts); err != nil {
		return answer{}, &fault.Unavailable{Message: what + " got an answer that breaks off or is not JSON"}
	}
	if !absent(parts.Error) {
		return answer{}, &fault.Unavailable{Message: what + " was broken off: " + parts.text()}
	}
	out.result = parts.Result
	return out, nil
}
