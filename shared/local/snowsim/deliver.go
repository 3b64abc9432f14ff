package snowsim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Report is what one Deliver came to.
type Report struct {
	// Delivered and Failed count attempts.
	Delivered, Failed int
	// Waiting counts messages that are due later.
	Waiting int
}

// Deliver sends every message that is due, one after the other, oldest first,
// and returns when none is left, or when ctx ends. What is not answered 2xx is
// due again after one minute, then two, four and so on up to half an hour, or
// what Retry-After asks for.
func (o *Outbox) Deliver(ctx context.Context) Report {
	var report Report
	for ctx.Err() == nil {
		m := o.next()
		if m == nil {
			break
		}
		if o.attempt(ctx, m) {
			report.Delivered++
		} else {
			report.Failed++
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.messages {
		if m.State == Waiting {
			report.Waiting++
		}
	}
	return report
}

// Run delivers what is due until ctx ends: new messages at once, failed ones
// when their time has come.
func (o *Outbox) Run(ctx context.Context) {
	for ctx.Err() == nil {
		o.Deliver(ctx)
		timer := time.NewTimer(o.pause())
		select {
		case <-ctx.Done():
		case <-o.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// sweep is how often an instance looks for what is due.
const sweep = time.Minute

// pause is the time until something is due, a sweep at most.
func (o *Outbox) pause() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	pause := sweep
	for _, m := range o.messages {
		if m.State == Waiting && !m.busy {
			pause = min(pause, max(0, time.Until(m.Due)))
		}
	}
	return pause
}

// next takes the message that is due longest.
func (o *Outbox) next() *Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	var first *Message
	for _, m := range o.messages {
		if m.State == Waiting && !m.busy && !m.Due.After(now) && (first == nil || m.Due.Before(first.Due)) {
			first = m
		}
	}
	if first != nil {
		first.busy = true
	}
	return first
}

func (o *Outbox) attempt(ctx context.Context, m *Message) (delivered bool) {
	status, wait, err := o.send(ctx, m)
	o.mu.Lock()
	defer o.mu.Unlock()
	m.busy = false
	m.Attempts++
	m.Status, m.Error = status, ""
	if err != nil {
		m.Error = err.Error()
	}
	answered := err == nil && status/100 == 2
	switch {
	case answered && m.mishap.Deaf > 0:
		m.mishap.Deaf--
		m.Error = "the answer was not noticed"
	case answered && m.mishap.Copies > 0:
		m.mishap.Copies--
		return true // and due at once, again
	case answered:
		m.State = Delivered
		return true
	}
	if m.Attempts >= o.options.Attempts {
		m.State = GivenUp
		return false
	}
	backoff := min(sweep<<min(m.Attempts-1, 5), 30*time.Minute)
	m.Due = time.Now().Add(max(backoff, wait))
	return false
}

// send makes one attempt. wait is what Retry-After asks for.
func (o *Outbox) send(ctx context.Context, m *Message) (status int, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.options.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return 0, 0, err
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "ServiceNow/1.0")
	request.Header.Set("Webhook-Id", m.ID)
	request.Header.Set("Webhook-Timestamp", timestamp)
	request.Header.Set("Webhook-Signature", Sign(o.keys, m.ID, timestamp, m.Body))
	response, err := o.options.Transport.RoundTrip(request)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return response.StatusCode, time.Duration(seconds) * time.Second, nil
}

// Sign is the value of the header webhook-signature: one signature by each key,
// separated by blanks (Standard Webhooks, "Signature scheme").
func Sign(keys [][]byte, id, timestamp string, body []byte) string {
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}
