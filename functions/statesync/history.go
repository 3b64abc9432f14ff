package statesync

import (
	"context"
	"time"

	"lifecycle/shared/audit"
)

// actor is who we are in the ledger.
const actor = "system:statesync"

// history is what the ledger says that we ourselves have done about a person. It
// tells who had the last word where both systems could have.
type history struct {
	// inactive is when this synchronisation left sys_user inactive; zero when it
	// has not, or has made it active again since.
	inactive time.Time
	// deactivated is when a process of ours last deactivated the account.
	deactivated time.Time
	// written is when another process of ours, such as a change of role, last
	// wrote an attribute of the account, by Okta's name for it.
	written map[string]time.Time
}

func (s *Steps) history(ctx context.Context, oktaID string) (history, error) {
	h := history{written: map[string]time.Time{}}
	for r, err := range s.ledger.BySubject(ctx, oktaID) {
		if err != nil {
			return history{}, err
		}
		if r.Phase == audit.Done {
			h.add(r)
		}
	}
	return h, nil
}

func (h *history) add(r audit.Record) {
	after, _ := r.After.(map[string]any)
	switch r.Verb {
	case "person.update":
		switch after[activeFlag] {
		case "false":
			h.inactive = r.At
		case "true":
			h.inactive = time.Time{}
		}
	case "user.deactivate":
		h.deactivated = r.At
	case "user.update_profile":
		names, _ := after["attributes"].([]any)
		for _, name := range names {
			if text, ok := name.(string); ok && r.Actor != actor {
				h.written[text] = r.At
			}
		}
	}
}

// echoes reports whether a call to Okta was one of this synchronisation's own.
func echoes(ctx context.Context, ledger *audit.Ledger, oktaID, requestID string) (bool, error) {
	if requestID == "" {
		return false, nil
	}
	for r, err := range ledger.BySubject(ctx, oktaID) {
		if err != nil {
			return false, err
		}
		if r.Actor == actor && r.System == "okta" && r.RequestID == requestID {
			return true, nil
		}
	}
	return false, nil
}
