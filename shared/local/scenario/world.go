// Package scenario plays what people do in ServiceNow and Okta: open a ticket,
// decide an approval, follow a welcome mail. The demo and the end-to-end tests
// share it.
package scenario

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"lifecycle/functions/accessrequest"
	"lifecycle/functions/credentialreset"
	"lifecycle/functions/offboarding"
	"lifecycle/functions/onboarding"
	"lifecycle/functions/rolechange"
	"lifecycle/shared/local"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
	"lifecycle/shared/servicenow"
)

// World is the embedded cloud with its two systems connected to it: what changes
// in ServiceNow is told to the HTTP API by signed webhooks.
type World struct {
	*local.Cloud
	Outbox *snowsim.Outbox

	// deployed is true when the functions run elsewhere, out of sight.
	deployed bool
	// api and hookSecret are where events of Okta are delivered to, and how.
	api        client
	hookSecret string
	// root and log are those of the embedded cloud.
	root   string
	logs   io.Writer
	copies atomic.Int64
}

// Repeat has every webhook from now on delivered that many times more.
func (w *World) Repeat(copies int) { w.copies.Store(int64(copies)) }

func (w *World) mishap(decide func(snowsim.Message) snowsim.Mishap) func(snowsim.Message) snowsim.Mishap {
	return func(m snowsim.Message) snowsim.Mishap {
		mishap := snowsim.Mishap{}
		if decide != nil {
			mishap = decide(m)
		}
		mishap.Copies += int(w.copies.Load())
		return mishap
	}
}

// Options says what is different from an ordinary day.
type Options struct {
	local.Options
	// Mishap decides what happens to each webhook; nil delivers all.
	Mishap func(snowsim.Message) snowsim.Mishap
	// API is the URL of a deployed stack that gets the webhooks instead of the
	// embedded one, signed with WebhookSecret, and Okta's event hooks with
	// HookSecret; empty: the embedded one.
	API, WebhookSecret, HookSecret string
	// Except are users whose changes send no webhook.
	Except []string
}

// apiURL stands for the HTTP API; every call to it goes there.
const apiURL = "https://api.simulated.example"

// New starts a world. Stop has to be called.
func New(ctx context.Context, o Options) (*World, error) {
	cloud, err := local.Start(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	w := &World{Cloud: cloud, deployed: o.API != "", root: o.Root, logs: o.Log}
	url, secret, transport := apiURL, cloud.Secret("WebhookSecret"), http.RoundTripper(inProcess{cloud.API()})
	if w.deployed {
		url, secret, transport = strings.TrimSuffix(o.API, "/"), o.WebhookSecret, http.DefaultTransport
	}
	w.api, w.hookSecret = client{url, transport}, cloud.Secret("OktaHookSecret")
	if w.deployed {
		w.hookSecret = o.HookSecret
	}
	kinds := map[string]servicenow.Kind{
		"onboarding": onboarding.DefaultKind(), "offboarding": offboarding.DefaultKind(), "access-request": accessrequest.DefaultKind(),
		"role-change": rolechange.DefaultKind(), "recertification": rolechange.TaskKind(),
		"credential-reset": credentialreset.DefaultKind(), "access-review-task": servicenow.AccessReviewKind(),
	}
	var routes []snowsim.Route
	for name, kind := range kinds {
		routes = append(routes, snowsim.Route{Table: kind.Table, Query: kind.Query, Except: o.Except, URL: url + "/webhooks/servicenow/" + name})
	}
	// What the integration writes about people itself is no news.
	routes = append(routes, snowsim.Route{
		Table: "sys_user", Except: append([]string{snowsim.IntegrationUser}, o.Except...), URL: url + "/webhooks/servicenow/user",
	})
	routes = append(routes, snowsim.Route{
		Table: "sysapproval_approver", Query: "stateINapproved,rejected,cancelled", URL: url + "/webhooks/servicenow/approval",
	})
	w.Outbox = snowsim.NewOutbox(cloud.ServiceNow, snowsim.OutboxOptions{
		Routes: routes, Secrets: []string{secret}, Transport: transport, Mishap: w.mishap(o.Mishap),
	})
	return w, nil
}

// client calls the HTTP API.
type client struct {
	url       string
	transport http.RoundTripper
}

// inProcess hands requests to a handler in the caller's goroutine.
type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	t.handler.ServeHTTP(recorder, r)
	response := recorder.Result()
	response.Request = r
	return response, nil
}

// Ticket is a ticket that somebody opened.
type Ticket struct {
	Table, SysID, Number string
}

// Open opens a ticket of a kind as the user, with values by the kind's own names
// for them ("first_name").
func (w *World) Open(kind servicenow.Kind, user, title string, values map[string]string) (Ticket, error) {
	columns := Columns(kind, values)
	columns["short_description"] = title
	if mark, marked := strings.CutPrefix(kind.Query, "u_kind="); marked {
		columns["u_kind"] = mark
	}
	id, err := w.ServiceNow.As(user).Insert(kind.Table, columns)
	if err != nil {
		return Ticket{}, fmt.Errorf("opening a ticket for %s: %w", kind.Name, err)
	}
	return Ticket{Table: kind.Table, SysID: id, Number: w.ServiceNow.Record(kind.Table, id)["number"]}, nil
}

// Columns are a kind's values under the names of their columns.
func Columns(kind servicenow.Kind, values map[string]string) map[string]string {
	columns := map[string]string{}
	for name, value := range values {
		columns[kind.Fields[name]] = value
	}
	return columns
}

// Save changes a ticket as the user.
func (w *World) Save(t Ticket, user string, columns map[string]string) error {
	return w.ServiceNow.As(user).Update(t.Table, t.SysID, columns)
}

// Column is a ticket's column as it stands.
func (w *World) Column(t Ticket, name string) string {
	return w.ServiceNow.Record(t.Table, t.SysID)[name]
}

// Notes are the texts of a ticket's journal, oldest first.
func (w *World) Notes(t Ticket, field string) []string {
	var notes []string
	for _, e := range w.ServiceNow.Journal(t.Table, t.SysID, field) {
		notes = append(notes, e.Text)
	}
	return notes
}

// Executions are those that worked on a ticket, oldest first.
func (w *World) Executions(machine string, t Ticket) []states.Execution {
	var list []states.Execution
	for _, x := range w.States.Executions(w.Machine(machine)) {
		if strings.Contains(x.Input, t.SysID) {
			list = append(list, x)
		}
	}
	return list
}

// Settled waits until no execution works on the ticket any more, or all that do
// are in one of the given states, and no webhook is on its way.
func (w *World) Settled(ctx context.Context, t Ticket, machine string, waiting ...string) error {
	began := time.Now()
	for {
		w.Outbox.Deliver(ctx)
		if w.still(t, machine, waiting) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("ticket %s has not come to rest: %w", t.Number, ctx.Err())
		case <-time.After(max(50*time.Millisecond, time.Since(began)/20)):
		}
	}
}

// Until waits until something is so.
func (w *World) Until(ctx context.Context, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

func (w *World) still(t Ticket, machine string, waiting []string) bool {
	for _, m := range w.Outbox.Messages() {
		if m.Record == t.SysID && m.State == snowsim.Waiting {
			return false
		}
	}
	if w.deployed {
		return w.Column(t, "state") == "6"
	}
	seen := w.Executions(machine, t)
	for _, x := range seen {
		if x.Status == "RUNNING" && !slices.ContainsFunc(x.Current, func(state string) bool { return slices.Contains(waiting, state) }) {
			return false
		}
	}
	return len(seen) > 0
}

// Login is a seeded person's login.
func Login(number string) string {
	for _, p := range seed.People() {
		if p.Number == number {
			return p.Email
		}
	}
	panic("scenario: nobody has the number " + number)
}
