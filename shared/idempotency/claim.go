package idempotency

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// The states of a Claim.
const (
	// StateNew says that the event is the caller's to process.
	StateNew = "new"
	// StateReplay says that it has been processed: Result is the answer.
	StateReplay = "replay"
)

// Claim is the answer to who brings an event.
type Claim struct {
	// State is StateNew or StateReplay.
	State string
	// Result is the answer that Complete stored; empty in StateNew.
	Result string
}

// unfinished is how long an event that was claimed and never completed keeps
// its key, in which the same event may still be brought again.
const unfinished = 24 * time.Hour

// A claim's item has the attributes payload_hash and claimant (S), leased_until
// (N, milliseconds), expires (N, seconds, the table's TTL attribute), and once
// completed answer (S).

// Claim takes an event's key. The caller has lease to process the event and
// Complete it; after that whoever brings it again processes it.
//
// The same key with another payload is *fault.Conflict; an event that another
// is processing is *fault.Unavailable.
func (s *Store) Claim(ctx context.Context, key, payloadHash string, lease time.Duration) (Claim, error) {
	problem := fmt.Sprintf("the event %s could not be claimed", key)
	// The claimant's own name tells its write, sent again after a lost answer,
	// from another's.
	claimant := rand.Text()
	for range tries {
		now := time.Now()
		_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: aws.String(s.table),
			Item: item{
				"pk": text(eventKey(key)), "payload_hash": text(payloadHash), "claimant": text(claimant),
				"leased_until": millis(now.Add(lease)), "expires": seconds(now.Add(lease + unfinished)),
			},
			// TTL deletes up to days late, so expiry is a condition too.
			ConditionExpression: aws.String("attribute_not_exists(pk) OR expires <= :second OR " +
				"(attribute_not_exists(answer) AND payload_hash = :hash AND leased_until <= :now)"),
			ExpressionAttributeValues: item{
				":second": number(now.Unix()), ":hash": text(payloadHash), ":now": millis(now),
			},
		})
		if err == nil {
			return Claim{State: StateNew}, nil
		}
		if !refused(err) {
			return Claim{}, platform.AWSError(problem, err)
		}
		found, err := s.read(ctx, eventKey(key))
		if err != nil {
			return Claim{}, platform.AWSError(problem, err)
		}
		answer, completed := found["answer"]
		switch {
		case len(found) == 0 || expired(found, now):
			// It ran out while we looked.
		case textOf(found["payload_hash"]) != payloadHash:
			return Claim{}, &fault.Conflict{Message: fmt.Sprintf("the event %s was received before with other content; a new event needs a new id", key)}
		case completed:
			return Claim{State: StateReplay, Result: textOf(answer)}, nil
		case textOf(found["claimant"]) == claimant:
			return Claim{State: StateNew}, nil
		case numberOf(found["leased_until"]) > now.UnixMilli():
			return Claim{}, &fault.Unavailable{Message: fmt.Sprintf("the event %s is being processed; send it again in a moment", key)}
		}
	}
	return Claim{}, &fault.Unavailable{Message: problem + ": others kept claiming it"}
}

// Complete stores the answer of an event, which is replayed for as long as keep.
// The first answer stays. A key that meanwhile stands for another payload is
// *fault.Conflict.
func (s *Store) Complete(ctx context.Context, key, payloadHash, result string, keep time.Duration) error {
	_, err := s.client.UpdateItem(ctx, s.update(eventKey(key),
		"SET answer = if_not_exists(answer, :answer), payload_hash = :hash, expires = :expires REMOVE leased_until, claimant",
		"attribute_not_exists(pk) OR payload_hash = :hash",
		item{":answer": text(result), ":hash": text(payloadHash), ":expires": seconds(time.Now().Add(keep))}))
	if refused(err) {
		return &fault.Conflict{Message: fmt.Sprintf("the event %s stands for other content by now; its answer was not kept", key)}
	}
	return platform.AWSError(fmt.Sprintf("the answer to the event %s could not be kept", key), err)
}

// expired reports what the condition in Claim says by "expires <= :second".
func expired(i item, now time.Time) bool {
	return numberOf(i["expires"]) <= now.Unix()
}

func eventKey(key string) string { return "event#" + key }
