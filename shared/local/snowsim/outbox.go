package snowsim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Route says which changes are told to whom, as a business rule does.
type Route struct {
	// Table it holds for, with all tables made from it.
	Table string
	// Query is an encoded query that the record has to satisfy after the change;
	// empty: any record.
	Query string
	// Operations that are told; none: inserts and updates.
	Operations []Operation
	// Except are user names whose own changes are not told.
	Except []string
	// Order is the business rule's. From 1000 on it runs only for records that
	// are active: closures are not told (FACTS).
	Order int
	// URL gets the webhook.
	URL string
}

// OutboxOptions describe the sending side.
type OutboxOptions struct {
	Routes []Route
	// Secrets are the keys that messages are signed with, in base64, with or
	// without whsec_ before it; with several every message carries a signature by
	// each, for a rotation.
	Secrets []string
	// Transport carries the webhooks.
	Transport http.RoundTripper
	// Timeout is how long one attempt may take; 0 means 10 seconds.
	Timeout time.Duration
	// Attempts is how often a message is tried; 0 means 24.
	Attempts int
	// Mishap decides what goes wrong with a message when it is written; nil:
	// nothing. It runs under the outbox's lock.
	Mishap func(Message) Mishap
}

// Mishap is what goes wrong with one message.
type Mishap struct {
	// Lose drops it although the instance believes that it was sent, as with
	// executeAsync, which waits for nothing (FACTS).
	Lose bool
	// Copies is how often it is sent again after it was delivered.
	Copies int
	// Late holds it back, so that later ones overtake it.
	Late time.Duration
	// Deaf is how many attempts go out without their answers being noticed: the
	// message is tried again later under the same id.
	Deaf int
}

// Delivery is how far a message has come.
type Delivery string

// The states of a message.
const (
	Waiting   Delivery = "waiting"
	Delivered Delivery = "delivered"
	Lost      Delivery = "lost"
	GivenUp   Delivery = "given up"
)

// Message is one webhook in the outbox.
type Message struct {
	ID            string // webhook-id, the same in every attempt
	URL           string
	Table, Record string
	Body          []byte
	State         Delivery
	Made, Due     time.Time // Due is when it is tried next
	Attempts      int
	Status        int    // of the last answer; 0 without one
	Error         string // of the last attempt

	mishap Mishap
	busy   bool
}

// Outbox sends signed webhooks about changes, the way an application in
// ServiceNow does that loses nothing: a business rule writes each message into a
// table, and whatever was not delivered is tried again by a sweep. It does
// nothing by itself: call Deliver, or let Run do so.
//
// The signature is that of Standard Webhooks: the headers webhook-id,
// webhook-timestamp and webhook-signature, "v1," and the base64 of HMAC-SHA256
// over id, timestamp and body joined by dots.
type Outbox struct {
	sim     *Sim
	options OutboxOptions
	keys    [][]byte
	wake    chan struct{}

	mu       sync.Mutex
	serial   int
	messages []*Message
}

// NewOutbox makes the outbox of an instance; it hears of every change from now
// on. It panics on a secret that is no key. Inside a testing/synctest bubble it
// has to be made there.
func NewOutbox(s *Sim, options OutboxOptions) *Outbox {
	if options.Timeout == 0 {
		options.Timeout = 10 * time.Second
	}
	if options.Attempts == 0 {
		options.Attempts = 24
	}
	o := &Outbox{sim: s, options: options, wake: make(chan struct{}, 1)}
	for _, secret := range options.Secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil || len(key) < 24 { // the least that Standard Webhooks allows
			panic("snowsim: a secret of the outbox is not 24 bytes or more in base64")
		}
		o.keys = append(o.keys, key)
	}
	if len(o.keys) == 0 || options.Transport == nil {
		panic("snowsim: an outbox needs a secret and a transport")
	}
	s.OnChange(o.heard)
	return o
}

// heard writes a message for every route that the change is on.
func (o *Outbox) heard(change Change) {
	for _, route := range o.options.Routes {
		if o.sim.on(route, change) {
			o.add(route.URL, change)
		}
	}
}

func (s *Sim) on(route Route, change Change) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tables[change.Table]
	operations := route.Operations
	if len(operations) == 0 {
		operations = []Operation{Inserted, Updated}
	}
	if t == nil || !t.is(route.Table) || !slices.Contains(operations, change.Operation) || slices.Contains(route.Except, change.By) {
		return false
	}
	if route.Order >= 1000 && t.column("active") != nil && change.Value("active") != "true" {
		return false
	}
	if route.Query == "" {
		return true
	}
	r := &record{table: t, id: change.SysID, folded: fold(change.SysID), values: change.record}
	return s.compile(t, parseQuery(route.Query)).holds(r)
}

func (o *Outbox) add(url string, change Change) {
	body := o.sim.notice(change)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.serial++
	now := time.Now()
	m := &Message{
		ID: fmt.Sprintf("msg_%s_%06d", change.SysID, o.serial), URL: url, Table: change.Table, Record: change.SysID,
		Body: body, State: Waiting, Made: now, Due: now,
	}
	if o.options.Mishap != nil {
		m.mishap = o.options.Mishap(*m)
		m.Due = now.Add(m.mishap.Late)
		if m.mishap.Lose {
			m.State = Lost
		}
	}
	o.messages = append(o.messages, m)
	o.trim()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// kept is how many messages that are done with stay visible.
const kept = 1000

func (o *Outbox) trim() {
	over := len(o.messages) - kept
	if over < kept {
		return // not worth the work yet
	}
	o.messages = slices.DeleteFunc(o.messages, func(m *Message) bool {
		if over > 0 && m.State != Waiting {
			over--
			return true
		}
		return false
	})
}

// notice is the body of a webhook, in the form that package event publishes.
func (s *Sim) notice(change Change) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := change.Number
	if ticket := s.record("task", change.Value("sysapproval")); number == "" && ticket != nil {
		number = ticket.get("number")
	}
	body, err := json.Marshal(struct {
		Table      string `json:"table"`
		SysID      string `json:"sys_id"`
		Number     string `json:"number,omitempty"`
		Change     string `json:"change"`
		OccurredAt string `json:"occurred_at"`
	}{change.Table, change.SysID, number, s.word(change), change.At.UTC().Format(time.RFC3339)})
	if err != nil {
		panic("snowsim: a notice cannot be encoded: " + err.Error())
	}
	return body
}

// word says what happened, for the reader of a log.
func (s *Sim) word(change Change) string {
	state := change.Value("state")
	t := s.tables[change.Table]
	switch {
	case change.Operation == Deleted:
		return "deleted"
	case change.Operation == Inserted:
		return "created"
	case !slices.Contains(change.Fields, "state"):
		return "updated"
	case t.is("sysapproval_approver") && slices.Contains([]string{Approved, Rejected, Withdrawn}, state):
		return state
	case t.is("task") && slices.Contains(statesOf(t).cancelled, state):
		return "cancelled"
	}
	return "updated"
}

// Messages returns copies of all messages, oldest first; of those that are done
// with, the latest thousand or so.
func (o *Outbox) Messages() []Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]Message, len(o.messages))
	for i, m := range o.messages {
		list[i] = *m
	}
	return list
}
