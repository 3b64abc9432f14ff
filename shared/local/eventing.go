package local

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"lifecycle/shared/local/template"
)

// Publication is a message that a function published to an SNS topic.
type Publication struct {
	Topic, Subject, Message string
	At                      time.Time
}

// topics is SNS as far as the functions use it: Publish, to topics that nobody but
// Published reads.
type topics struct {
	mu   sync.Mutex
	sent []Publication
}

// Published are the messages published so far, oldest first.
func (c *Cloud) Published() []Publication {
	c.topics.mu.Lock()
	defer c.topics.mu.Unlock()
	return slices.Clone(c.topics.sent)
}

func (t *topics) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	if form.Get("Action") != "Publish" {
		return nil, fmt.Errorf("the embedded SNS does not do %s", form.Get("Action"))
	}
	t.mu.Lock()
	t.sent = append(t.sent, Publication{form.Get("TopicArn"), form.Get("Subject"), form.Get("Message"), time.Now()})
	id := fmt.Sprintf("%08d-0000-0000-0000-000000000000", len(t.sent))
	t.mu.Unlock()
	answer, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"http://sns.amazonaws.com/doc/2010-03-31/ PublishResponse"`
		MessageID string   `xml:"PublishResult>MessageId"`
		RequestID string   `xml:"ResponseMetadata>RequestId"`
	}{MessageID: id, RequestID: id})
	if err != nil {
		return nil, err
	}
	return reply(r, http.StatusOK, "text/xml", answer), nil
}

// Emit puts an event on the bus: every function whose rule matches it gets it, as
// EventBridge would deliver it. detail is JSON. A delivery that fails is tried
// once more, as Lambda does, and then given up; Emit waits for all of them.
func (c *Cloud) Emit(ctx context.Context, source, detailType string, detail []byte) error {
	event := map[string]any{
		"version": "0", "id": c.requestID(), "source": source, "detail-type": detailType, "account": template.Account, "region": template.Region,
		"time": time.Now().UTC().Format(time.RFC3339), "resources": []string{}, "detail": json.RawMessage(detail),
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return err
	}
	var plain map[string]any
	if err := json.Unmarshal(payload, &plain); err != nil {
		return err
	}
	for _, f := range c.Template.Functions {
		if !slices.ContainsFunc(f.Patterns, func(p template.Pattern) bool { return p.Matches(plain) }) {
			continue
		}
		if _, err := c.Invoke(ctx, f.ID, payload); err == nil {
			continue
		}
		if _, err := c.Invoke(ctx, f.ID, payload); err != nil {
			c.log("an event for %s was given up: %v", f.ID, err)
		}
	}
	return nil
}
