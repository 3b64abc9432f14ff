package audit

import (
	"context"
	"fmt"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Stream reads a stream whole, in order and up to date. A stream that nobody
// wrote to is empty. A record that cannot be read is *fault.Conflict.
func (l *Ledger) Stream(ctx context.Context, stream string) ([]Record, error) {
	var records []Record
	query := &dynamodb.QueryInput{
		TableName: aws.String(l.table), ConsistentRead: aws.Bool(true),
		KeyConditionExpression: aws.String("pk = :stream AND sk BETWEEN :first AND :last"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":stream": text(stream), ":first": text(recordKey(0)), ":last": text(lastKey),
		},
	}
	for r, err := range l.records(ctx, query, "the ledger of "+stream+" could not be read") {
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// BySubject reads every record about a person, by the Okta user id, oldest
// first over all streams. A record shows up a moment after it was written.
func (l *Ledger) BySubject(ctx context.Context, subject string) iter.Seq2[Record, error] {
	return l.byIndex(ctx, "subject", subject)
}

// ByActor reads every record of an actor, e.g. "system:onboarding", oldest
// first. A record shows up a moment after it was written.
func (l *Ledger) ByActor(ctx context.Context, actor string) iter.Seq2[Record, error] {
	return l.byIndex(ctx, "actor", actor)
}

// ByDay reads every record of a day in UTC, "2006-01-02", oldest first. A record
// shows up a moment after it was written.
func (l *Ledger) ByDay(ctx context.Context, day string) iter.Seq2[Record, error] {
	return l.byIndex(ctx, "day", day)
}

// byIndex reads the index that is named as its key.
func (l *Ledger) byIndex(ctx context.Context, name, value string) iter.Seq2[Record, error] {
	query := &dynamodb.QueryInput{
		TableName: aws.String(l.table), IndexName: aws.String(name),
		KeyConditionExpression:    aws.String("#key = :value"),
		ExpressionAttributeNames:  map[string]string{"#key": name},
		ExpressionAttributeValues: map[string]types.AttributeValue{":value": text(value)},
	}
	return l.records(ctx, query, fmt.Sprintf("the ledger's records by %s could not be read", name))
}

func (l *Ledger) records(ctx context.Context, query *dynamodb.QueryInput, what string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for item, err := range l.items(ctx, query, what) {
			if err != nil {
				yield(Record{}, err)
				return
			}
			r, err := recordOf(item)
			if err != nil {
				yield(Record{}, damaged(item, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// items runs a query over all its pages.
func (l *Ledger) items(ctx context.Context, query *dynamodb.QueryInput, what string) iter.Seq2[map[string]types.AttributeValue, error] {
	return func(yield func(map[string]types.AttributeValue, error) bool) {
		pages := dynamodb.NewQueryPaginator(l.client, query)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(nil, platform.AWSError(what, err))
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// Streams names every stream of which anything is left, each once, in no
// particular order. It reads the whole table.
func (l *Ledger) Streams(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		// Not the heads alone: a stream whose head was removed is one to look at.
		seen := map[string]bool{}
		pages := dynamodb.NewScanPaginator(l.client, &dynamodb.ScanInput{
			TableName: aws.String(l.table), ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("pk"),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", platform.AWSError("the ledger's streams could not be read", err))
				return
			}
			for _, item := range page.Items {
				stream, _ := textOf(item["pk"])
				if seen[stream] {
					continue
				}
				seen[stream] = true
				if !yield(stream, nil) {
					return
				}
			}
		}
	}
}

// Done finds the latest record that says that the change was made in the
// context's stream; ok is false when there is none.
func (l *Ledger) Done(ctx context.Context, verb, target, key string) (r Record, ok bool, err error) {
	trail, known := TrailOf(ctx)
	if !known || trail.Stream == "" {
		return Record{}, false, &fault.Invalid{Message: "the ledger was asked about a change without a ticket to look under"}
	}
	what := "the ledger of " + trail.Stream + " could not be read"
	found, err := l.item(ctx, trail.Stream, doneKey(changeKey(verb, target, key)))
	if err != nil || len(found) == 0 {
		return Record{}, false, platform.AWSError(what, err)
	}
	seq, _ := numberOf(found["seq"])
	item, err := l.item(ctx, trail.Stream, recordKey(seq))
	if err != nil {
		return Record{}, false, platform.AWSError(what, err)
	}
	if r, err = recordOf(item); err == nil && (r.Phase != Done || r.changeKey() != changeKey(verb, target, key)) {
		err = fmt.Errorf("it is not about %s of %s", verb, target)
	}
	if err != nil {
		return Record{}, false, &fault.Conflict{Message: fmt.Sprintf("record %d of the ledger of %s is damaged; somebody has to verify this stream", seq, trail.Stream), Cause: err}
	}
	return r, true, nil
}
