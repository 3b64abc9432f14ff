package statesync

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/event"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// Events are the event types of the System Log after which two records can
// differ (developer.okta.com, reference/api/event-types).
var Events = []string{
	"user.lifecycle.create", "user.lifecycle.activate", "user.lifecycle.reactivate", "user.lifecycle.deactivate",
	"user.lifecycle.suspend", "user.lifecycle.unsuspend", updated,
}

const updated = "user.account.update_profile"

// Poller reads the System Log and starts an execution for each person that it
// tells of.
type Poller struct {
	okta    *okta.Client
	ledger  *audit.Ledger
	seats   *ratelimit.Seats
	shelf   *shelf
	starter *event.Starter
	metrics *platform.Metrics
}

const (
	// mostPolled bounds one run; what is left after an outage is read by the next
	// ones.
	mostPolled = 5
	// firstLook is how far back the very first run goes. What was before, the
	// comparison finds.
	firstLook = 10 * time.Minute
	// patience is how long a run waits for its seat; otherwise the next run, a
	// minute later, reads on from the same place.
	patience = 20 * time.Second
)

// from is where polling begins: with the events of our types since then.
func from(since time.Time) string {
	alternatives := make([]string, len(Events))
	for i, t := range Events {
		alternatives[i] = fmt.Sprintf("eventType eq %q", t)
	}
	return okta.LogCursor(since) + "&" + url.Values{"filter": {strings.Join(alternatives, " or ")}}.Encode()
}

// Polled is what a run did.
type Polled struct {
	Pages, Events, Started int
}

// Handle is Run for Lambda, whose schedule tells nobody what an error said.
func (p *Poller) Handle(ctx context.Context) (Polled, error) {
	out, err := p.Run(ctx)
	if err != nil {
		err = workflow.Boundary(err)
		platform.Logger(ctx).WarnContext(ctx, "polling the System Log failed", "error_type", fmt.Sprintf("%T", err), "error", err.Error())
	}
	return out, err
}

// Run reads on from where the run before stopped. The position is noted page by
// page, after the executions of the page exist: a run that dies in between is
// repeated, which starts nothing twice. Of two runs at once one gives up.
func (p *Poller) Run(ctx context.Context) (Polled, error) {
	var out Polled
	at, err := p.shelf.position(ctx)
	if err != nil {
		return out, err
	}
	now := time.Now()
	if at.Cursor == "" {
		at.Cursor = from(now.Add(-firstLook))
	}
	for more, moved := true, true; more && moved && out.Pages < mostPolled; {
		seated, err := p.seat(ctx, now, out.Pages)
		if err != nil || !seated {
			return out, err
		}
		page, err := p.okta.PollLogs(ctx, at.Cursor)
		if fault.Is[*fault.Invalid](err) && !at.At.IsZero() {
			// Okta does not know the position any more: go by the time.
			page, err = p.okta.PollLogs(ctx, from(at.At.Add(-firstLook)))
		}
		if err != nil {
			return out, err
		}
		started, err := p.start(ctx, page.Events)
		if err != nil {
			return out, err
		}
		out.Pages, out.Events, out.Started = out.Pages+1, out.Events+len(page.Events), out.Started+started
		at.Cursor, at.At, more = page.Next, now, page.More
		if at, moved, err = p.shelf.advance(ctx, at); err != nil {
			return out, err
		}
	}
	p.metrics.Count("OktaEventsSeen", out.Events, "UseCase", "statesync")
	return out, nil
}

// seat books the call, of the second in which this page is asked for.
func (p *Poller) seat(ctx context.Context, now time.Time, page int) (bool, error) {
	needs := okta.NewCalls().Add("GET", "/api/v1/logs", 1).Needs()
	booking, err := p.seats.Book(ctx, ratelimit.Normal, fmt.Sprintf("statesync-poll/%d/%d", now.Unix(), page), needs)
	if err != nil {
		return false, err
	}
	ahead := time.Until(booking.At)
	if ahead > patience {
		return false, nil
	}
	if ahead > 0 {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(ahead):
		}
	}
	return true, nil
}

// start starts an execution for each person, by the latest event about them on
// the page.
func (p *Poller) start(ctx context.Context, page []okta.LogEvent) (started int, err error) {
	latest := map[string]string{}
	var people []string
	for _, e := range page {
		ids, err := p.concerned(ctx, e)
		if err != nil {
			return 0, err
		}
		for _, id := range ids {
			if latest[id] == "" {
				people = append(people, id)
			}
			latest[id] = e.UUID
		}
	}
	for _, id := range people {
		began, err := p.starter.Start(ctx, event.Event{
			Key: "okta/" + latest[id] + "/" + id, Payload: []byte(latest[id]), Ticket: event.Ticket{Table: oktaUser, SysID: id},
		})
		if err != nil {
			return started, err
		}
		if !began.Repeated {
			started++
		}
	}
	return started, nil
}

// concerned are the users that an event is news about. What this synchronisation
// has written itself is none.
func (p *Poller) concerned(ctx context.Context, e okta.LogEvent) (ids []string, err error) {
	for _, target := range e.Targets {
		if target.Type != "User" || target.ID == "" {
			continue
		}
		own := false
		if e.Type == updated {
			if own, err = echoes(ctx, p.ledger, target.ID, e.Debug.Data["requestId"]); err != nil {
				return nil, err
			}
		}
		if !own {
			ids = append(ids, target.ID)
		}
	}
	return ids, nil
}
