package audit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// entry is an appended record with what the stream said about it.
type entry struct {
	Record

	// head is the stream's head once the record was in it.
	head head
	// repeated says that the record's change was open before it.
	repeated bool
}

// tries is how often an append is tried while others append to the same stream.
// A stream has one execution that works on it and now and then a second, so
// this is many.
const tries = 12

// append puts the draft at the end of its stream. known is the head as it was
// last seen, nil when it has to be read; with are writes of the caller's own in
// the same transaction.
func (l *Ledger) append(ctx context.Context, draft Record, known *head, with ...types.TransactWriteItem) (entry, error) {
	what := fmt.Sprintf("the ledger of %s could not be written (%s of %s, %s)", draft.Stream, draft.Verb, draft.Target, draft.Phase)
	for try := range tries {
		if known == nil {
			h, err := l.head(ctx, draft.Stream, what)
			if err != nil {
				return entry{}, err
			}
			known = &h
		}
		r := draft
		// Round(0) drops the monotonic reading, which is not stored.
		r.Seq, r.Previous, r.At = known.seq+1, known.hash, time.Now().UTC().Round(0)
		if r.At.Before(known.at) { // another machine's clock is ahead
			r.At = known.at
		}
		r, body, err := sealed(r)
		if err != nil {
			return entry{}, &fault.Invalid{Message: what, Cause: err}
		}
		next := known.after(r)
		err = l.write(ctx, r, body, *known, next, with)
		if contended(err) {
			if written, readErr := l.holds(ctx, r); readErr != nil {
				return entry{}, platform.AWSError(what, readErr)
			} else if written {
				err = nil
			}
		}
		switch {
		case err == nil:
			_, repeated := known.open[r.changeKey()]
			return entry{Record: r, head: next, repeated: repeated}, nil
		case !contended(err):
			return entry{}, platform.AWSError(what, err)
		}
		known = nil
		if err := pause(ctx, try); err != nil {
			return entry{}, platform.AWSError(what, err)
		}
	}
	return entry{}, &fault.Unavailable{Message: what + ": others kept writing to it"}
}

// write appends r in one transaction: the record, the head that now names it,
// and for a change that was made the item that finds it again.
func (l *Ledger) write(ctx context.Context, r Record, body string, from, to head, with []types.TransactWriteItem) error {
	put := func(item map[string]types.AttributeValue) *types.Put {
		return &types.Put{TableName: aws.String(l.table), Item: item}
	}
	record, headPut := put(recordItem(r, body)), put(to.item(r.Stream))
	record.ConditionExpression = aws.String("attribute_not_exists(pk)")
	headPut.ConditionExpression = record.ConditionExpression
	if from.seq > 0 {
		headPut.ConditionExpression = aws.String("seq = :seq AND #hash = :hash")
		headPut.ExpressionAttributeNames = map[string]string{"#hash": hashAttribute}
		headPut.ExpressionAttributeValues = map[string]types.AttributeValue{":seq": number(from.seq), ":hash": text(from.hash)}
	}
	items := []types.TransactWriteItem{{Put: headPut}, {Put: record}}
	if r.Phase == Done {
		items = append(items, types.TransactWriteItem{Put: put(map[string]types.AttributeValue{
			"pk": text(r.Stream), "sk": text(doneKey(r.changeKey())), "seq": number(r.Seq),
		})})
	}
	_, err := l.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: append(items, with...)})
	return err
}

// holds reports whether r stands in the ledger as it is: a write whose answer
// was lost looks like a lost race when it is sent again.
func (l *Ledger) holds(ctx context.Context, r Record) (bool, error) {
	item, err := l.item(ctx, r.Stream, recordKey(r.Seq))
	hash, _ := textOf(item[hashAttribute])
	return hash == r.Hash, err
}

func (l *Ledger) head(ctx context.Context, stream, what string) (head, error) {
	item, err := l.item(ctx, stream, headKey)
	if err != nil {
		return head{}, platform.AWSError(what, err)
	}
	h, err := headOf(item)
	if err != nil {
		return head{}, &fault.Conflict{Message: what + "; somebody has to verify this stream", Cause: err}
	}
	return h, nil
}

func (l *Ledger) item(ctx context.Context, stream, sortKey string) (map[string]types.AttributeValue, error) {
	out, err := l.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(l.table), ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": text(stream), "sk": text(sortKey)},
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// contended reports whether an append failed because somebody else's came first.
func contended(err error) bool {
	var (
		cancelled  *types.TransactionCanceledException
		inProgress *types.TransactionInProgressException
	)
	if errors.As(err, &inProgress) {
		return true
	}
	if !errors.As(err, &cancelled) {
		return false
	}
	for i, reason := range cancelled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "ConditionalCheckFailed":
			if i < own { // the others' conditions are the caller's affair
				return true
			}
		case "TransactionConflict":
			return true
		}
	}
	return false
}

// own is how many writes of a transaction are the ledger's and can lose a race:
// the head and the record come first.
const own = 2

// pause waits a random time that grows with the tries, up to a second.
func pause(ctx context.Context, try int) error {
	most := min(10*time.Millisecond<<try, time.Second)
	timer := time.NewTimer(rand.N(most))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
