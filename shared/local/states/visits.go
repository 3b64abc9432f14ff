package states

import (
	"strings"
	"time"
)

// Visit is one stay of an execution in a state.
type Visit struct {
	// State is its name; From the state that it came from, empty for the first
	// of the execution and of a branch.
	State, From string
	Entered     time.Time
	// Exited is zero while the stay lasts, and for ever when it ended the
	// execution by a failure.
	Exited time.Time
	// Failures counts attempts that failed, timed out included; Error and Cause
	// are the last one's.
	Failures     int
	Error, Cause string
}

// Visits are the stays of an execution in its states, in the order in which it
// came to them: its history, for whoever draws it.
func (e *Engine) Visits(arn string) ([]Visit, error) {
	x, err := e.execution(arn)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	all := x.events[:len(x.events):len(x.events)] // events are never changed
	x.mu.Unlock()
	var visits []Visit
	stay := make([]int, len(all)+1) // by event id: the visit it belongs to, from 1
	for i := range all {
		now := &all[i]
		at := stay[now.previous]
		switch {
		case enters(now.kind):
			visit := Visit{State: now.name, Entered: now.at}
			if at > 0 && !visits[at-1].Exited.IsZero() {
				visit.From = visits[at-1].State
			}
			visits = append(visits, visit)
			at = len(visits)
		case at > 0 && exits(now.kind) && now.name == visits[at-1].State:
			visits[at-1].Exited = now.at
		case exits(now.kind): // of a Parallel or Map: its last event is a branch's
			at = endOpen(visits, now)
		case at > 0 && attemptFailed(now):
			v := &visits[at-1]
			v.Failures, v.Error, v.Cause = v.Failures+1, now.errorName, now.cause
		}
		stay[now.id] = at
	}
	return visits, nil
}

// endOpen ends the open stay in the state that the event leaves, and returns
// its number from 1.
func endOpen(visits []Visit, e *event) int {
	for i := range visits {
		if visits[i].State == e.name && visits[i].Exited.IsZero() {
			visits[i].Exited = e.at
			return i + 1
		}
	}
	return 0
}

// attemptFailed tells whether the event is a failed attempt at a state's work.
func attemptFailed(e *event) bool {
	return !strings.HasPrefix(e.kind, "Execution") && (hasEnd(e.kind, "Failed") || hasEnd(e.kind, "TimedOut"))
}
