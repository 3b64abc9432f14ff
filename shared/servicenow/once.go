package servicenow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// system is the name of ServiceNow in the ledger.
const system = "servicenow"

// addition is a change that adds something, so that doing it twice is not the
// same as doing it once.
type addition struct {
	change audit.Change
	// look finds what an earlier attempt added; nil where doing it again does
	// no harm.
	look func(context.Context) (found bool, effect audit.Effect, err error)
	add  func(context.Context, audit.Attempt) (audit.Effect, error)
}

// once makes the addition exactly once for its verb, target and key, whatever
// died in the middle of earlier attempts: the ledger says whether one was made
// or may have been, and the instance says whether it was. It returns what the
// attempt that made it had to tell.
func (c *Client) once(ctx context.Context, a addition) (effect audit.Effect, err error) {
	made, ok, err := c.ledger.Done(ctx, a.change.Verb, a.change.Target, a.change.Key)
	if err != nil || ok {
		return audit.Effect{After: made.After, RequestID: made.RequestID}, err
	}
	err = c.ledger.Do(ctx, a.change, func(ctx context.Context, attempt audit.Attempt) (audit.Effect, error) {
		if attempt.Repeated && a.look != nil {
			found, earlier, err := a.look(ctx)
			if err == nil && !found {
				err = c.settled(ctx, a.change)
			}
			if found || err != nil {
				effect = earlier
				return earlier, err
			}
		}
		var err error
		effect, err = a.add(ctx, attempt)
		return effect, err
	})
	return effect, err
}

// settling begins the message of an attempt that only waits, so that the next
// one does not take it for one that sent something.
const settling = "an earlier attempt may still be at work in ServiceNow"

// settled returns an error while an earlier attempt whose answer never came may
// still be at work in the instance: what it adds could not be found yet.
func (c *Client) settled(ctx context.Context, change audit.Change) error {
	trail, _ := audit.TrailOf(ctx)
	records, err := c.ledger.Stream(ctx, trail.Stream)
	if err != nil {
		return err
	}
	sent := map[int64]time.Time{}
	var own int64
	for _, r := range records {
		if r.Verb != change.Verb || r.Target != change.Target || r.Key != change.Key {
			continue
		}
		switch {
		case r.Phase == audit.Intent:
			sent[r.Seq], own = r.At, r.Seq
		case r.Phase == audit.Failed && (!r.Uncertain || strings.HasPrefix(r.Error, settling)):
			delete(sent, r.Intent) // turned away, or it only waited
		}
	}
	delete(sent, own) // the intent of this very attempt
	for _, at := range sent {
		if time.Since(at) < settleTime {
			return &fault.Unavailable{Message: settling + "; it is looked for again before anything is added"}
		}
	}
	return nil
}

// marked appends the reference by which a note is found again.
func marked(text, key string) string {
	if long := []rune(text); len(long) > mostCharacters {
		text = string(long[:mostCharacters]) + "\n… (shortened; the ledger has everything)"
	}
	return strings.TrimRight(text, "\n") + "\n" + marker(key)
}

// recorded puts the name of the ledger record before the reference in the last
// line: "[record incident/<sys_id>/12] [ref 1a2b3c4d5e]". It names the intent of
// the attempt that wrote the note, so that a note that is found again, and not
// written again, still names the record that it came from.
func recorded(note, key, record string) string {
	return strings.TrimSuffix(note, marker(key)) + "[record " + record + "] " + marker(key)
}

// mostCharacters keeps the reference within what a journal entry holds.
const mostCharacters = 30_000

// marker is the last line of a note: "[ref 1a2b3c4d5e]".
func marker(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "[ref " + hex.EncodeToString(sum[:5]) + "]"
}

// journalHolds looks for the reference among a record's journal entries.
func (c *Client) journalHolds(ctx context.Context, ref Ref, key string) (bool, error) {
	own, err := where("element_id", ref.SysID)
	if err != nil {
		return false, err
	}
	notes := listing{
		what: "ServiceNow: looking for an earlier note on " + ref.String(), table: journals, whole: true,
		q: query{own, {elementColumn, in, []string{publicNotes, internalNotes}}, {valueColumn, contains, []string{marker(key)}}},
	}
	for _, err := range c.list(ctx, notes) {
		return err == nil, err
	}
	return false, nil
}
