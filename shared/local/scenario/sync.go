package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

const stateSyncMachine = "StateSyncMachine"

// Sync are the acts about people whose records change in one system and have to
// change in the other.
func Sync() []Act {
	return []Act{
		{"Somebody is deactivated in the Okta console: their requests in ServiceNow close by themselves", deactivatedInConsole},
		{"A title changed in ServiceNow reaches Okta", titleChanged},
	}
}

// until waits for something that a schedule or a webhook brings about. The poller
// of the System Log runs every minute; rather than wait for it, an act wakes it.
func (w *World) until(ctx context.Context, what string, holds func() bool) error {
	long := patience
	if w.deployed { // until its schedule has come round
		long = 3 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	for !holds() {
		w.Outbox.Deliver(ctx)
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

// Poll runs the poller of the System Log at once; a deployed stack's runs every
// minute by itself.
func (w *World) Poll(ctx context.Context) error {
	if w.deployed {
		return nil
	}
	_, err := w.Invoke(ctx, "StateSyncPoller", []byte("{}"))
	return err
}

func deactivatedInConsole(ctx context.Context, w *World) (told Told, err error) {
	const number, item = "E1037", "Salesforce licence"
	ticket, err := request(ctx, w, &told, Ask{By: Login(number), Item: item, Reason: "a customer moves over"})
	if err != nil {
		return told, err
	}
	told.asked(w, ticket)
	id := seed.PersonOktaID(number)
	if err := w.Okta.SetStatus(id, oktasim.Deprovisioned); err != nil {
		return told, err
	}
	told.happened("an administrator deactivated %s in the Okta console", Login(number))
	if err := w.Poll(ctx); err != nil {
		return told, err
	}
	person := func() map[string]string { return w.ServiceNow.Record("sys_user", seed.PersonSysID(number)) }
	open := func() bool {
		for _, a := range w.ServiceNow.Approvals(ticket.SysID) {
			if a.State == snowsim.Requested {
				return true
			}
		}
		return w.Column(ticket, "active") == "true"
	}
	err = w.until(ctx, "the request of somebody who has left is still open", func() bool { return person()["active"] == "false" && !open() })
	if err == nil {
		err = requestRests(ctx, w, ticket)
	}
	told.happened("the System Log told of it: sys_user is inactive, the request is closed, and nobody is asked about it any more")
	a, _ := w.Okta.Snapshot(id)
	told.account(a)
	told.ServiceNow = append(told.ServiceNow, fmt.Sprintf("sys_user of %s: active=%s, locked_out=%s", Login(number), person()["active"], person()["locked_out"]))
	told.item(w, ticket)
	return told, errors.Join(err,
		expect(person()["locked_out"] == "true", "sys_user is not locked out"),
		expect(len(w.Notes(ticket, "comments")) > 0, "%s was closed without a word", ticket.Number))
}

func titleChanged(ctx context.Context, w *World) (told Told, err error) {
	const number, title = "E1038", "Senior Support Specialist"
	id := seed.PersonOktaID(number)
	before, _ := w.Okta.Snapshot(id)
	if err := w.ServiceNow.As(Requester).Update("sys_user", seed.PersonSysID(number), map[string]string{"title": title}); err != nil {
		// People Operations edit people through HR's import, which an itil user may not.
		w.ServiceNow.Update("sys_user", seed.PersonSysID(number), map[string]string{"title": title})
	}
	told.happened("the title of %s became %q in ServiceNow, was %q", Login(number), title, before.Profile["title"])
	now := func() oktasim.Account { a, _ := w.Okta.Snapshot(id); return a }
	err = w.until(ctx, "the title has not reached Okta", func() bool { return now().Profile["title"] == title })
	if err != nil {
		return told, err
	}
	told.Okta = append(told.Okta, fmt.Sprintf("%s is %q", now().Login, now().Profile["title"]))
	told.ServiceNow = append(told.ServiceNow, fmt.Sprintf("sys_user of %s is %q", Login(number), w.ServiceNow.Record("sys_user", seed.PersonSysID(number))["title"]))
	if w.deployed { // whether the echo starts anything cannot be seen from here
		return told, nil
	}
	// The input names the account that an event is about.
	aboutIt := func() (n int) {
		for _, e := range w.States.Executions(w.Machine(stateSyncMachine)) {
			if strings.Contains(e.Input, id) {
				n++
			}
		}
		return n
	}
	runs := aboutIt()
	if err := w.Poll(ctx); err != nil {
		return told, err
	}
	echoed := aboutIt() - runs
	told.happened("the echo of that in Okta's System Log was recognised as our own and started nothing")
	return told, expect(echoed == 0, "our own change of the title started %d executions", echoed)
}
