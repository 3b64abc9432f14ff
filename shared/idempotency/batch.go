package idempotency

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

const (
	perRead  = 100 // keys of a BatchGetItem
	perWrite = 25  // items of a BatchWriteItem
)

// Completed tells which of many events have been completed, by key. It claims
// nothing: it is for events whose processing may be repeated, where thousands come
// at once and a claim for each would cost more than the processing.
func (s *Store) Completed(ctx context.Context, keys []string) (map[string]bool, error) {
	const problem = "which events have been processed could not be read"
	done := map[string]bool{}
	now := time.Now()
	for chunk := range slices.Chunk(distinct(keys), perRead) {
		wanted := make([]item, len(chunk))
		for i, key := range chunk {
			wanted[i] = item{"pk": text(eventKey(key))}
		}
		for attempt := 0; len(wanted) > 0; attempt++ {
			if attempt == tries {
				return nil, &fault.Unavailable{Message: problem + ": DynamoDB left some of it out again and again"}
			}
			if err := breathe(ctx, attempt); err != nil {
				return nil, platform.AWSError(problem, err)
			}
			out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				s.table: {Keys: wanted, ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("pk, answer, expires")},
			}})
			if err != nil {
				return nil, platform.AWSError(problem, err)
			}
			for _, i := range out.Responses[s.table] {
				if _, answered := i["answer"]; answered && !expired(i, now) {
					done[textOf(i["pk"])[len(eventKey("")):]] = true
				}
			}
			wanted = out.UnprocessedKeys[s.table].Keys
		}
	}
	return done, nil
}

// CompleteAll notes that events have been processed, for as long as keep. Their
// keys stand for themselves: no payload is held against them.
func (s *Store) CompleteAll(ctx context.Context, keys []string, result string, keep time.Duration) error {
	problem := fmt.Sprintf("that %d events have been processed could not be noted", len(keys))
	expires := seconds(time.Now().Add(keep))
	for chunk := range slices.Chunk(distinct(keys), perWrite) {
		left := make([]types.WriteRequest, len(chunk))
		for i, key := range chunk {
			left[i] = types.WriteRequest{PutRequest: &types.PutRequest{Item: item{
				"pk": text(eventKey(key)), "answer": text(result), "payload_hash": text(""), "expires": expires,
			}}}
		}
		for attempt := 0; len(left) > 0; attempt++ {
			if attempt == tries {
				return &fault.Unavailable{Message: problem + ": DynamoDB turned some of them away again and again"}
			}
			if err := breathe(ctx, attempt); err != nil {
				return platform.AWSError(problem, err)
			}
			out, err := s.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{s.table: left}})
			if err != nil {
				return platform.AWSError(problem, err)
			}
			left = out.UnprocessedItems[s.table]
		}
	}
	return nil
}

// distinct are the keys, each once: a batch must not name one twice.
func distinct(keys []string) []string {
	sorted := slices.Clone(keys)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// breathe waits before a repetition, longer each time and at random.
func breathe(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return nil
	}
	most := 20 * time.Millisecond << min(attempt, 6)
	timer := time.NewTimer(most/2 + rand.N(most/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
