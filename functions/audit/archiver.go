package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
}

// CatchUp archives what is missing of a period: a stream of a table forgets after a
// day what could not be delivered.
func (a *Archiver) CatchUp(ctx context.Context, from, to time.Time) (Caught, error) {
	var caught Caught
	search := ledger.Search{From: from, To: to, Limit: 1000}
	for {
		page, err := a.ledger.Search(ctx, search)
		if err != nil {
			return caught, err
		}
		if err := a.fill(ctx, page.Found, &caught); err != nil {
			return caught, err
		}
		if page.Next == (ledger.Place{}) {
			break
		}
		search.After = page.Next
	}
	a.metrics.Count("LedgerArchiveCaughtUp", caught.Archived, "UseCase", "audit")
	platform.Logger(ctx).InfoContext(ctx, "the archive has caught up", "records", caught.Records, "archived", caught.Archived)
	return caught, nil
}

func (a *Archiver) fill(ctx context.Context, found []ledger.Found, caught *Caught) error {
	archived := map[string]map[string]bool{} // hashes by stream
	for _, f := range found {
		caught.Records++
		if archived[f.Stream] == nil {
			copies, err := a.vault.Copies(ctx, f.Stream)
			if err != nil {
				return err
			}
			archived[f.Stream] = map[string]bool{}
			for _, c := range copies {
				archived[f.Stream][c.Hash] = true
			}
		}
		// A record that does not hold together is for the verification to name.
		if archived[f.Stream][f.Hash] || hashOf(f.Body) != f.Hash {
			continue
		}
		if err := a.vault.keep(ctx, f.Stream, f.Seq, f.Hash, f.Body); err != nil {
			return err
		}
		caught.Archived++
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
