package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Stream is a table's stream of changes, in the order in which they were made,
// for one reader. A reader that does not read lets it grow.
type Stream struct {
	mu      sync.Mutex
	table   string
	entries []StreamEntry
	serial  int
	// more has a token in it while there is something to read.
	more chan struct{}
}

// StreamEntry is one change of an item.
type StreamEntry struct {
	// Sequence orders the changes of a table.
	Sequence string
	// Event is INSERT, MODIFY or REMOVE.
	Event string
	At    time.Time

	keys, before, after item
}

// Stream switches a table's stream on, from now. A table has one reader.
func (db *DB) Stream(table string) (*Stream, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	t, err := db.table(table)
	if err != nil {
		return nil, err
	}
	if t.stream != nil {
		return nil, fmt.Errorf("the stream of table %s has a reader", table)
	}
	t.stream = &Stream{table: table, more: make(chan struct{}, 1)}
	return t.stream, nil
}

// note puts a change into the stream; one that changed nothing is none.
func (t *table) note(before, after item) {
	if t.stream == nil || before == nil && after == nil {
		return
	}
	event, whole := "MODIFY", after
	switch {
	case before == nil:
		event = "INSERT"
	case after == nil:
		event, whole = "REMOVE", before
	case value{kind: "M", fields: before}.equal(value{kind: "M", fields: after}):
		return
	}
	keys := item{}
	for _, k := range t.schema.keys() {
		keys[k.name] = whole[k.name]
	}
	s := t.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	s.entries = append(s.entries, StreamEntry{
		Sequence: fmt.Sprintf("%021d", s.serial), Event: event, At: time.Now(), keys: keys, before: before, after: after,
	})
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// Wait waits until there is something to read, or ctx ends.
func (s *Stream) Wait(ctx context.Context) error {
	for s.Len() == 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.more:
		}
	}
	return nil
}

// Len is how many changes have not been dropped.
func (s *Stream) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}

// Read returns up to n of the oldest changes and leaves them where they are.
func (s *Stream) Read(n int) []StreamEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]StreamEntry(nil), s.entries[:min(n, len(s.entries))]...)
}

// Drop forgets the n oldest changes.
func (s *Stream) Drop(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append([]StreamEntry(nil), s.entries[n:]...)
}

// MarshalJSON writes the change as a Lambda gets it, with both images.
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
func (e StreamEntry) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"eventID": "local-" + e.Sequence, "eventName": e.Event, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
		"dynamodb": struct {
			ApproximateCreationDateTime int64
			Keys                        item
			NewImage                    item `json:",omitempty"`
			OldImage                    item `json:",omitempty"`
			SequenceNumber              string
			SizeBytes                   int
			StreamViewType              string
		}{e.At.Unix(), e.keys, e.after, e.before, e.Sequence, e.keys.size() + e.before.size() + e.after.size(), "NEW_AND_OLD_IMAGES"},
	})
}
