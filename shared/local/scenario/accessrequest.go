package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/functions/accessrequest"
	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/servicenow"
)

const accessRequestMachine = "AccessRequestMachine"

// Ask is a request for access as it is filled in.
type Ask struct {
	// By orders it, For is the employee number of whom it is for; empty: By.
	By, For string
	// Item is the name in the rules' catalog.
	Item string
	// Reason, Duration ("30d") and Until ("2026-01-31") may be empty.
	Reason, Duration, Until string
	// Approval is what ServiceNow has decided at that time; empty: nothing.
	Approval string
}

// Request orders access in the service catalog.
func (w *World) Request(a Ask) (Ticket, error) {
	kind := accessrequest.DefaultKind()
	order := snowsim.Order{Item: "Access request", Variables: map[string]string{}, Values: map[string]string{"short_description": "Access to " + a.Item}}
	maps.Copy(order.Variables, variables(kind, map[string]string{"item": a.Item, "reason": a.Reason, "duration": a.Duration, "until": a.Until}))
	if a.For != "" {
		order.For = seed.PersonSysID(a.For)
	}
	if a.Approval != "" {
		order.Values["approval"] = a.Approval
	}
	id, err := w.ServiceNow.As(a.By).Order(order)
	if err != nil {
		return Ticket{}, fmt.Errorf("requesting access to %s: %w", a.Item, err)
	}
	return Ticket{Table: kind.Table, SysID: id, Number: w.ServiceNow.Record(kind.Table, id)["number"]}, nil
}

// variables are values under the names of their catalog variables.
func variables(kind servicenow.Kind, values map[string]string) map[string]string {
	named := map[string]string{}
	for name, value := range values {
		named[strings.TrimPrefix(kind.Fields[name], "variable:")] = value
	}
	return named
}

// Answer answers the open question about a ticket that the person with that
// employee number is asked.
func (w *World) Answer(t Ticket, number, state, comment string) error {
	for _, a := range w.ServiceNow.Approvals(t.SysID) {
		if a.Approver == seed.PersonSysID(number) && a.State == snowsim.Requested {
			return w.ServiceNow.ApproveAs(a.Approver, a.SysID, state, comment)
		}
	}
	return fmt.Errorf("%s is not asked about %s", Login(number), t.Number)
}

// AccessRequests are the acts about requests for access.
func AccessRequests() []Act {
	return []Act{
		{"A request that two people have to approve", twoStages},
		{"A request that is rejected", rejected},
		{"A request that needs nobody's approval, for twenty minutes", automatic},
		{"A request against the separation of duties", incompatible},
	}
}

// request orders access and waits until it has come to rest.
func request(ctx context.Context, w *World, told *Told, a Ask) (Ticket, error) {
	ticket, err := w.Request(a)
	if err != nil {
		return Ticket{}, err
	}
	line := fmt.Sprintf("%s requested %q", a.By, a.Item)
	if a.Duration != "" {
		line += " for " + a.Duration
	}
	told.happened("%s: %s", line, ticket.Number)
	return ticket, requestRests(ctx, w, ticket)
}

// requestRests waits until a request is closed or people are asked. It looks at
// ServiceNow alone, so that it does so through a deployed stack as well.
func requestRests(ctx context.Context, w *World, t Ticket) error {
	err := w.until(ctx, t.Number+" has not come to rest", func() bool { return w.closed(t) || w.asks(t, "") })
	if err != nil || w.deployed || !w.closed(t) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return w.Settled(ctx, t, accessRequestMachine)
}

// closed reports whether a request item is closed.
func (w *World) closed(t Ticket) bool {
	state := w.Column(t, "state")
	return state == closedComplete || state == closedIncomplete
}

// answers lets somebody answer once everybody is asked.
func answers(ctx context.Context, w *World, told *Told, ticket Ticket, number, state, comment string) error {
	err := w.until(ctx, Login(number)+" is not asked about "+ticket.Number, func() bool { return w.asks(ticket, seed.PersonSysID(number)) })
	if err != nil {
		return err
	}
	told.asked(w, ticket)
	if err := w.Answer(ticket, number, state, comment); err != nil {
		return err
	}
	line := fmt.Sprintf("%s %s it", Login(number), state)
	if comment != "" {
		line += fmt.Sprintf(": %q", comment)
	}
	told.happened("%s", line)
	return nil
}

// asks reports whether the approver, or anybody where that is empty, is asked
// about a ticket, and everybody else in the same round as well: then the ticket
// has been told.
func (w *World) asks(t Ticket, approver string) bool {
	rounds, answered, open := 0, 0, false
	for _, note := range w.Notes(t, "work_notes") {
		if strings.Contains(note, "Waiting until") {
			rounds++
		}
	}
	for _, a := range w.ServiceNow.Approvals(t.SysID) {
		switch a.State {
		case snowsim.Approved, snowsim.Rejected:
			answered++
		case snowsim.Requested:
			open = open || approver == "" || a.Approver == approver
		}
	}
	return open && rounds > answered
}

// asked says who is asked now.
func (t *Told) asked(w *World, ticket Ticket) {
	for _, a := range w.ServiceNow.Approvals(ticket.SysID) {
		if a.State == snowsim.Requested {
			t.happened("  %s is asked", a.Name)
		}
	}
}

// item tells how a request item stands, with its last notes.
func (t *Told) item(w *World, ticket Ticket) {
	t.ticket(w, ticket)
	if shown, found := w.ServiceNow.Ticket(ticket.Table, ticket.SysID); found && len(t.ServiceNow) > 0 {
		t.ServiceNow[0] = fmt.Sprintf("%s is %s, approval: %s", ticket.Number, shown.State, w.Column(ticket, "approval"))
	}
}

// States of a request item.
const (
	closedComplete   = "3"
	closedIncomplete = "4"
)

func inState(w *World, t Ticket, state string) error {
	return expect(w.Column(t, "state") == state, "%s is in state %s, not %s", t.Number, w.Column(t, "state"), state)
}

func twoStages(ctx context.Context, w *World) (told Told, err error) {
	const seller, manager, owner = "E1019", "E1003", "E1010"
	ticket, err := request(ctx, w, &told, Ask{By: Login(seller), Item: "AWS development access", Duration: "90d", Reason: "Build the pricing demo"})
	if err != nil {
		return told, err
	}
	for _, number := range []string{manager, owner} {
		if err := answers(ctx, w, &told, ticket, number, snowsim.Approved, ""); err != nil {
			return told, err
		}
	}
	if err := w.until(ctx, ticket.Number+" was not closed", func() bool { return w.closed(ticket) }); err != nil {
		return told, err
	}
	a, _ := w.Okta.Snapshot(Login(seller))
	told.account(a)
	told.item(w, ticket)
	return told, errors.Join(inState(w, ticket, closedComplete),
		expect(holdsGroup(a, "AWS Developers"), "the access was not given: %v", a.Groups))
}

func rejected(ctx context.Context, w *World) (told Told, err error) {
	const paralegal, manager = "E1042", "E1009"
	ticket, err := request(ctx, w, &told, Ask{By: Login(paralegal), Item: "GitHub access"})
	if err != nil {
		return told, err
	}
	if err := answers(ctx, w, &told, ticket, manager, snowsim.Rejected, "Contracts live in the archive, not in GitHub."); err != nil {
		return told, err
	}
	if err := w.until(ctx, ticket.Number+" was not closed", func() bool { return w.closed(ticket) }); err != nil {
		return told, err
	}
	a, _ := w.Okta.Snapshot(Login(paralegal))
	told.account(a)
	told.item(w, ticket)
	return told, errors.Join(inState(w, ticket, closedIncomplete),
		expect(!holdsGroup(a, "GitHub Engineers"), "the access was given"),
		expect(strings.Contains(strings.Join(w.Notes(ticket, "comments"), ""), "Contracts live in the archive"), "the approver's words are not on the ticket"))
}

func automatic(ctx context.Context, w *World) (told Told, err error) {
	const recruiter = "E1028"
	ticket, err := request(ctx, w, &told, Ask{By: Login(recruiter), Item: "Jira", Duration: "20m"})
	if err != nil {
		return told, err
	}
	a, _ := w.Okta.Snapshot(Login(recruiter))
	had := holdsApp(a, seed.AppJira)
	told.happened("  | %s", strings.Split(w.lastNote(ticket, "comments"), "\n")[0])
	told.happened("twenty minutes later (here: the end of the lease is moved to now) the sweep runs")
	if err := w.endNow(ctx, ticket, a.ID, lease.Entitlement{Kind: "app", ID: seed.AppID(seed.AppJira)}); err != nil {
		return told, err
	}
	a, _ = w.Okta.Snapshot(Login(recruiter))
	told.account(a)
	told.item(w, ticket)
	return told, errors.Join(inState(w, ticket, closedComplete), expect(had, "the access was not given"),
		expect(!holdsApp(a, seed.AppJira), "the access did not end: %v", a.Apps))
}

// endNow moves the end of what a request gave to now, and lets the sweep run that
// a schedule starts every five minutes.
func (w *World) endNow(ctx context.Context, t Ticket, userID string, e lease.Entitlement) error {
	ledger := w.Ledger()
	register := lease.New(w.DynamoDB(), w.Table("LeasesTable"), ledger)
	ctx = audit.WithTrail(ctx, audit.Trail{Stream: t.Table + "/" + t.SysID, Ticket: t.Number, Actor: "person:demo"})
	h, err := register.Holding(ctx, userID, e)
	if err != nil {
		return err
	}
	l, found := h.Find(lease.RequestKey(t.Number))
	if !found {
		return fmt.Errorf("%s gave no lease", t.Number)
	}
	l.Until = time.Now().Add(-time.Second).UTC()
	if err := register.Grant(ctx, l); err != nil {
		return err
	}
	return w.Sweep(ctx)
}

// Sweep lets the sweep of leases run once, and waits for it.
func (w *World) Sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	started, err := w.SFN().StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(w.Machine("LeaseExpiryMachine")), Input: aws.String(`{"table":"lease","sys_id":"expiry","number":"lease expiry"}`),
	})
	if err != nil {
		return err
	}
	x, err := w.States.Wait(ctx, aws.ToString(started.ExecutionArn))
	return errors.Join(err, expect(x.Status == "SUCCEEDED", "the sweep %s: %s", x.Status, x.Cause))
}

func incompatible(ctx context.Context, w *World) (told Told, err error) {
	const accountant = seed.NumberOtherNamesake
	ticket, err := request(ctx, w, &told, Ask{By: Login(accountant), Item: "NetSuite payment approval", Reason: "Month's end"})
	if err != nil {
		return told, err
	}
	a, _ := w.Okta.Snapshot(Login(accountant))
	told.account(a)
	told.item(w, ticket)
	return told, errors.Join(inState(w, ticket, closedIncomplete),
		expect(len(w.ServiceNow.Approvals(ticket.SysID)) == 0, "somebody was asked about it"),
		expect(!holdsGroup(a, "NetSuite Payment Approvers"), "the access was given"),
		expect(strings.Contains(w.lastNote(ticket, "comments"), `"NetSuite Accountants" and "NetSuite Payment Approvers"`), "the pair is not named"))
}

func holdsApp(a oktasim.Account, label string) bool {
	for _, app := range a.Apps {
		if app.Label == label {
			return true
		}
	}
	return false
}

func (w *World) lastNote(t Ticket, field string) string {
	notes := w.Notes(t, field)
	if len(notes) == 0 {
		return ""
	}
	return notes[len(notes)-1]
}
