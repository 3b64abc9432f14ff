package credentialreset

import (
	"context"
	"encoding/json"
	"slices"

	"lifecycle/shared/audit"
	"lifecycle/shared/workflow"
)

// What the ledger calls the facts of a reset.
const (
	verbAsked    = "reset.asked"
	verbAssessed = "reset.assessed"
	verbCarried  = "reset.carried_out"
	verbEnded    = "reset.ended"
)

// history is what the ledger has on the ticket.
type history struct {
	records []audit.Record
	// round counts how often the ticket has ended before: approvals and what was
	// done hold for one round.
	round int
}

func (s *Steps) history(ctx context.Context, subject workflow.Subject) (history, error) {
	records, err := s.ledger.Stream(ctx, subject.Stream())
	h := history{records: records}
	ended := map[string]bool{} // by key: a crash may repeat the fact
	for _, r := range records {
		if r.Verb == verbEnded && !ended[r.Key] {
			ended[r.Key] = true
			h.round++
		}
	}
	return h, err
}

// latest is the last fact under the verb and key.
func (h history) latest(verb, key string) (audit.Record, bool) {
	for _, r := range slices.Backward(h.records) {
		if r.Verb == verb && r.Key == key {
			return r, true
		}
	}
	return audit.Record{}, false
}

// accepted is what is kept of the content, if it has been accepted.
func (h history) accepted(key string) (a acceptance, found bool) {
	r, found := h.latest(verbAsked, key)
	if !found || into(r.After, &a) != nil {
		return acceptance{}, false
	}
	return a, true
}

// carried is what was done for the content, if it has been.
func (h history) carried(key string) (done carried, found bool) {
	r, found := h.latest(verbCarried, key)
	if !found || into(r.After, &done) != nil {
		return carried{}, false
	}
	return done, true
}

// into decodes what the ledger kept as JSON.
func into(from, to any) error {
	raw, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, to)
}
