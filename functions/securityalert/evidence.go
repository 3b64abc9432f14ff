package securityalert

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// perQuery is how many events one query of the System Log asks for by uuid, so
// that it fits into a URL.
const perQuery = 25

// events reads events of the alert from the System Log, which keeps them: here only
// their uuids are kept.
func (s *Steps) events(ctx context.Context, a alert, uuids []string) ([]okta.LogEvent, error) {
	var all []okta.LogEvent
	for begin := 0; begin < len(uuids); begin += perQuery {
		chunk := uuids[begin:min(begin+perQuery, len(uuids))]
		terms := make([]string, len(chunk))
		for i, uuid := range chunk {
			terms[i] = fmt.Sprintf("uuid eq %q", uuid)
		}
		found, err := s.okta.Logs(ctx, okta.LogQuery{
			Since: a.First.Add(-48 * time.Hour), Until: a.Last.Add(time.Hour), Filter: strings.Join(terms, " or "), Most: len(chunk),
		})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// lookUp reads the first events of a new alert, where that takes no waiting: an
// incident without them is better than one that is late. missing says why there
// are none.
func (s *Steps) lookUp(ctx context.Context, a alert) (found []okta.LogEvent, missing string, err error) {
	task, _ := workflow.TaskOf(ctx)
	booking, err := s.seats.Book(ctx, ratelimit.Urgent, task.Name()+"/evidence/"+task.Entered, okta.NewCalls().Add("GET", "/api/v1/logs", 1).Needs())
	switch {
	case err != nil:
		return nil, "", err
	case time.Until(booking.At) > time.Second:
		return nil, "Okta's limit for its System Log is used up at the moment", nil
	}
	return s.firstEvents(ctx, a)
}

// firstEvents reads the first events of an alert, for its description. missing
// says why there are none.
func (s *Steps) firstEvents(ctx context.Context, a alert) (found []okta.LogEvent, missing string, err error) {
	task, _ := workflow.TaskOf(ctx)
	found, err = s.events(ctx, a, a.Evidence[:min(perQuery, len(a.Evidence))])
	switch {
	case fault.Retryable(err) && task.Attempt == 0, fault.Is[*fault.Stopped](err):
		return nil, "", err
	case err != nil:
		return nil, err.Error(), nil
	}
	return found, "", nil
}

// mostTries is how often the events are looked for before the incident does
// without: a hook can be faster than the System Log.
const mostTries = 4

// attach puts the events that are not on the incident yet into a file on it.
func (s *Steps) attach(ctx context.Context, a alert, rules *detect.Rules) error {
	fresh := a.Evidence[min(a.Attached, len(a.Evidence)):]
	if len(fresh) == 0 {
		return nil
	}
	found, err := s.events(ctx, a, fresh)
	task, _ := workflow.TaskOf(ctx)
	switch {
	case err != nil && (fault.Is[*fault.Stopped](err) || fault.Retryable(err) && task.Attempt < mostTries):
		return err
	case err == nil && len(found) < len(fresh) && task.Attempt < mostTries:
		return &fault.Unavailable{Message: "Okta's System Log does not show all events of the alert yet"}
	}
	raw := make([]json.RawMessage, len(found))
	for i, e := range found {
		raw[i] = e.Raw
	}
	if len(raw) > 0 {
		content, err := json.MarshalIndent(map[string]any{"rules": a.Rules, "rules_version": rules.Version(), "events": raw}, "", "  ")
		if err != nil {
			return err
		}
		if err := s.file(ctx, a, rules, fmt.Sprintf("okta-events-%d.json", a.Attached+1), "application/json", append(content, '\n')); err != nil {
			return err
		}
	}
	_, err = s.keep(ctx, a, func(now *alert) { now.Attached = max(now.Attached, a.Attached+len(fresh)) })
	return err
}

// file puts a file on the incident. An instance that takes no such files does not
// hold up the alert: the description leads to the System Log.
func (s *Steps) file(ctx context.Context, a alert, rules *detect.Rules, name, contentType string, content []byte) error {
	err := s.servicenow.Attach(ctx, a.Incident.ref(), name, contentType, content, because(a, rules))
	if fault.Is[*fault.Denied](err) || fault.Is[*fault.Invalid](err) {
		return nil
	}
	return err
}

// loginsOf are the logins that events tell, by user id.
func loginsOf(events []okta.LogEvent) map[string]string {
	known := map[string]string{}
	for _, e := range events {
		for _, p := range append([]okta.LogParty{e.Actor}, e.Targets...) {
			if p.Type == "User" && strings.HasPrefix(p.ID, "00u") {
				known[p.ID] = p.AlternateID
			}
		}
	}
	return known
}
