package securityalert

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/workflow"
)

// recentSignIns is how far back a portrait looks, mostSignIns how many it shows.
const (
	recentSignIns = 7 * 24 * time.Hour
	mostSignIns   = 8
)

// signIns are people's recent sign-ins by user id, newest first, and why those that
// could not be read are missing.
type signIns struct {
	of      map[string][]okta.LogEvent
	missing map[string]error
}

// crowds are the people whose sign-ins one query asks for together: whoever is
// suspected by themself, those who were only tried all at once. The System Log has
// the smallest of Okta's limits, and whoever has to decide waits for it.
func crowds(people []*person) [][]string {
	var list [][]string
	var crowd []string
	for _, p := range people {
		if p.Suspicion != nil {
			list = append(list, []string{p.ID})
			continue
		}
		crowd = append(crowd, p.ID)
	}
	if len(crowd) > 0 {
		list = append(list, crowd)
	}
	return list
}

// signIns reads people's recent sign-ins. Of a crowd those who sign in most may
// leave nothing of the others: their portraits show what there is.
func (s *Steps) signIns(ctx context.Context, people []*person) (signIns, error) {
	out := signIns{of: map[string][]okta.LogEvent{}, missing: map[string]error{}}
	task, _ := workflow.TaskOf(ctx)
	for _, ids := range crowds(people) {
		actors := make([]string, len(ids))
		for i, id := range ids {
			actors[i] = fmt.Sprintf("actor.id eq %q", id)
		}
		found, err := s.okta.Logs(ctx, okta.LogQuery{
			Since: time.Now().Add(-recentSignIns), Newest: true, Most: 2 * mostSignIns * len(ids),
			Filter: fmt.Sprintf("eventType eq %q and (%s)", "user.session.start", strings.Join(actors, " or ")),
		})
		if fault.Is[*fault.Stopped](err) || fault.Retryable(err) && task.Attempt == 0 {
			return signIns{}, err
		}
		for _, id := range ids {
			out.missing[id] = err
		}
		for _, e := range found {
			if id := e.Actor.ID; len(out.of[id]) < mostSignIns {
				out.of[id] = append(out.of[id], e)
			}
		}
	}
	return out, nil
}
