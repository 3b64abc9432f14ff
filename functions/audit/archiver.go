package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	ledger "lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Archiver copies records into the archive as they are written, and catches up
// with what it has missed.
type Archiver struct {
	ledger  *ledger.Ledger
	vault   *Vault
	metrics *platform.Metrics
}

// catchUp is the input of the daily run.
type catchUp struct {
	// Days is how many days until now are looked through.
	Days int `json:"catch_up_days"`
}

// Handle takes a batch of the table's stream, or a run that catches up. It is the
// Lambda's handler.
func (a *Archiver) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	var batch events.DynamoDBEvent
	if err := json.Unmarshal(raw, &batch); err != nil {
		return nil, &fault.Invalid{Message: "neither a batch of a stream nor a run that catches up", Cause: err}
	}
	if batch.Records != nil {
		return a.archive(ctx, batch), nil
	}
	var run catchUp
	if err := json.Unmarshal(raw, &run); err != nil || run.Days < 1 {
		return nil, &fault.Invalid{Message: `neither a batch of a stream nor {"catch_up_days": <1 or more>}`, Cause: err}
	}
	now := time.Now().UTC()
	return a.CatchUp(ctx, now.AddDate(0, 0, -run.Days), now)
}

// archive copies a batch, in order. What fails is handed back with all behind it;
// what was copied before may come again and is left as it is.
func (a *Archiver) archive(ctx context.Context, batch events.DynamoDBEvent) events.DynamoDBEventResponse {
	kept := 0
	for _, r := range batch.Records {
		if err := a.take(ctx, r); err != nil {
			platform.Logger(ctx).WarnContext(ctx, "a record was not archived; it is tried again", "error", err.Error(), "sequence", r.Change.SequenceNumber)
			a.metrics.Count("LedgerArchiveFailed", 1, "UseCase", "audit")
			return events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{{ItemIdentifier: r.Change.SequenceNumber}}}
		}
		kept++
	}
	a.metrics.Count("LedgerArchived", kept, "UseCase", "audit")
	return events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
}

func (a *Archiver) take(ctx context.Context, r events.DynamoDBEventRecord) error {
	stream, key := textOf(r.Change.Keys["pk"]), textOf(r.Change.Keys["sk"])
	seq, err := strconv.ParseInt(key, 10, 64)
	isRecord := err == nil && key == fmt.Sprintf("%012d", seq)
	body, hash := textOf(r.Change.NewImage["body"]), textOf(r.Change.NewImage["hash"])
	switch {
	case r.EventName == string(events.DynamoDBOperationTypeInsert) && isRecord && hashOf(body) == hash && names(body, stream, seq):
		return a.vault.keep(ctx, stream, seq, hash, body)
	case r.EventName == string(events.DynamoDBOperationTypeInsert) && !isRecord && !startsLikeARecord(key):
		return nil // a head, or where a change is found again
	case r.EventName == string(events.DynamoDBOperationTypeModify) && !startsLikeARecord(key):
		return nil // a head moves on
	}
	return a.raise(ctx, r, stream, key)
}

// names reports whether a record's text names the place where it lies.
func names(body, stream string, seq int64) bool {
	var place struct {
		Stream string `json:"stream"`
		Seq    int64  `json:"seq"`
	}
	return json.Unmarshal([]byte(body), &place) == nil && place.Stream == stream && place.Seq == seq
}

// startsLikeARecord tells keys among which only records belong.
func startsLikeARecord(key string) bool { return key != "" && key[0] >= '0' && key[0] <= '9' }

// observed is a change of the table that nothing here makes, as it is kept.
type observed struct {
	Event     string    `json:"event"`
	EventName string    `json:"event_name"`
	At        time.Time `json:"at"`
	Stream    string    `json:"stream"`
	Key       string    `json:"key"`
	// By is who changed it, where the stream says so: the time-to-live of a table.
	By     string `json:"by,omitempty"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// raise keeps a change that nobody should have made, and raises the alarm.
func (a *Archiver) raise(ctx context.Context, r events.DynamoDBEventRecord, stream, key string) error {
	o := observed{
		Event: r.EventID, EventName: r.EventName, At: r.Change.ApproximateCreationDateTime.UTC(), Stream: stream, Key: key,
		Before: textOf(r.Change.OldImage["body"]), After: textOf(r.Change.NewImage["body"]),
	}
	if r.UserIdentity != nil {
		o.By = r.UserIdentity.PrincipalID
	}
	content, err := json.Marshal(o)
	if err != nil {
		return err
	}
	platform.Logger(ctx).ErrorContext(ctx, "the ledger was changed behind its back", "event", r.EventName, "stream", stream, "key", key)
	if err := a.vault.put(ctx, findingsPrefix+o.At.Format(time.DateOnly)+"/"+o.Event+".json", content); err != nil {
		return err
	}
	a.metrics.Count("LedgerTampered", 1, "UseCase", "audit")
	return nil
}

// Caught is what a run that catches up found.
type Caught struct {
	// Records were looked at, Archived of them were missing and are archived now.
	Records  int `json:"records"`
	Archived int `json:"archived"`
	// Streams were verified in the table and against the archive, and Problems is how
	// many records something is wrong with.
	Streams  int `json:"streams"`
	Problems int `json:"problems"`
}

// CatchUp archives what is missing of a period, because a stream of a table forgets
// after a day what could not be delivered, and then verifies every ticket that has
// a record in it, so that damage is told within a day though nobody asks.
func (a *Archiver) CatchUp(ctx context.Context, from, to time.Time) (Caught, error) {
	var caught Caught
	seen := map[string]bool{}
	search := ledger.Search{From: from, To: to, Limit: 1000}
	for {
		streams, next, err := a.ledger.StreamsOf(ctx, search)
		if err != nil {
			return caught, err
		}
		for _, stream := range streams {
			if seen[stream] {
				continue
			}
			seen[stream] = true
			if err := a.mend(ctx, stream, &caught); err != nil {
				return caught, err
			}
		}
		if next == (ledger.Place{}) {
			break
		}
		search.After = next
	}
	a.metrics.Count("LedgerDamaged", caught.Problems, "UseCase", "audit")
	a.metrics.Count("LedgerArchiveCaughtUp", caught.Archived, "UseCase", "audit")
	platform.Logger(ctx).InfoContext(ctx, "the archive has caught up", "records", caught.Records, "archived", caught.Archived, "streams", caught.Streams, "problems", caught.Problems)
	return caught, nil
}

// mend archives what is missing of a stream, and verifies it.
func (a *Archiver) mend(ctx context.Context, stream string, caught *Caught) error {
	x, err := a.ledger.Examine(ctx, stream)
	if err != nil {
		return err
	}
	copies, err := a.vault.Copies(ctx, stream)
	if err != nil {
		return err
	}
	for _, link := range x.Links {
		caught.Records++
		if slices.ContainsFunc(copies, func(c Copy) bool { return c.Seq == link.Seq }) {
			continue // a copy that differs is for the verification to name
		}
		f, found, err := a.ledger.At(ctx, stream, link.Seq)
		switch {
		case fault.Is[*fault.Conflict](err), err == nil && (!found || hashOf(f.Body) != f.Hash || !names(f.Body, stream, link.Seq)):
			continue // likewise
		case err != nil:
			return err
		}
		if err := a.vault.keep(ctx, stream, f.Seq, f.Hash, f.Body); err != nil {
			return err
		}
		caught.Archived++
	}
	checked, err := NewVerifier(a.ledger, a.vault).Stream(ctx, stream, false)
	if err != nil {
		return err
	}
	caught.Streams++
	caught.Problems += len(checked.Problems) + checked.More
	for _, p := range checked.Problems {
		platform.Logger(ctx).ErrorContext(ctx, "the ledger is damaged", "stream", p.Stream, "record", p.Seq, "where", p.Where, "problem", p.Text)
	}
	return nil
}

func textOf(v events.DynamoDBAttributeValue) string {
	if v.DataType() != events.DataTypeString {
		return ""
	}
	return v.String()
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}
