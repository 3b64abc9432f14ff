package securityalert

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// store keeps, in one table with the keys pk and sk and the TTL attribute expires:
//
//	alert#<id>   head           the alert, as JSON
//	alert#<id>   event#<uuid>   an event of it, with its rules
//	live         <id>           one for each alert that an execution works on
//	poller       cursor         how far the System Log has been read
//	inbox#<id>   inbox          events that a hook delivered, until they are taken in
//
// besides the windows of package detect. Everything is written with a condition on
// what was read before. Names of people are nowhere: whoever needs them reads them
// in Okta.
type store struct {
	client *dynamodb.Client
	table  string
}

const (
	headKey = "head"
	liveKey = "live"
	// tries is how often a change starts over because somebody else made one.
	tries = 12
	// remembered is how long an alert is kept after its last event: as long as
	// Okta keeps its System Log, and a little.
	remembered = 100 * 24 * time.Hour
)

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func keys(pk, sk string) item { return item{"pk": text(pk), "sk": text(sk)} }

func alertKey(id string) string { return "alert#" + id }

func textOf(v types.AttributeValue) string {
	s, ok := v.(*types.AttributeValueMemberS)
	if !ok {
		return ""
	}
	return s.Value
}

func numberOf(v types.AttributeValue) int64 {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return 0
	}
	return i
}

// get reads one item, up to date.
func (s store) get(ctx context.Context, pk, sk string) (item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: keys(pk, sk), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, platform.AWSError("the table of alerts could not be read", err)
	}
	return out.Item, nil
}

// remove deletes one item.
func (s store) remove(ctx context.Context, pk, sk string) error {
	_, err := s.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.table, Key: keys(pk, sk)})
	return platform.AWSError("the table of alerts could not be written", err)
}

// alert reads an alert; one that is not there yet is new, in its first episode.
func (s store) alert(ctx context.Context, id string) (alert, error) {
	found, err := s.get(ctx, alertKey(id), headKey)
	if err != nil || len(found) == 0 {
		return alert{ID: id, Episode: 1}, err
	}
	var a alert
	if err := json.Unmarshal([]byte(textOf(found["body"])), &a); err != nil {
		return alert{}, &fault.Conflict{Message: "the alert " + id + " is not of the form it was written in", Cause: err}
	}
	a.version = int(numberOf(found["version"]))
	return a, nil
}

// put is the write of an alert as it stands, on the condition that nobody else
// has written it.
func (s store) put(a alert) (*types.Put, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	i := keys(alertKey(a.ID), headKey)
	i["body"], i["version"] = text(string(body)), number(int64(a.version+1))
	i["expires"] = number(time.Now().Add(remembered).Unix())
	put := &types.Put{TableName: &s.table, Item: i, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if a.version > 0 {
		put.ConditionExpression = aws.String("version = :version")
		put.ExpressionAttributeValues = item{":version": number(int64(a.version))}
	}
	return put, nil
}

// live lists the alert as one that is worked on, or takes it off the list.
func (s store) live(a alert) types.TransactWriteItem {
	if !a.Live {
		return types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: keys(liveKey, a.ID)}}
	}
	i := keys(liveKey, a.ID)
	i["since"] = number(time.Now().UnixMilli())
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: i}}
}

// change lets do change an alert, and writes it when do says so; with returns
// further writes that belong to the change. It starts over when somebody else was
// faster, with the alert as it stands then.
func (s store) change(ctx context.Context, id string, do func(*alert) (bool, error), with func(alert) []types.TransactWriteItem) (alert, error) {
	const problem = "the alert could not be written"
	for range tries {
		a, err := s.alert(ctx, id)
		if err != nil {
			return alert{}, err
		}
		wasLive, run := a.Live, a.Run
		changed, err := do(&a)
		if err != nil || !changed {
			return a, err
		}
		put, err := s.put(a)
		if err != nil {
			return alert{}, err
		}
		writes := []types.TransactWriteItem{{Put: put}}
		if a.Live != wasLive || a.Run != run {
			writes = append(writes, s.live(a))
		}
		if with != nil {
			writes = append(writes, with(a)...)
		}
		_, err = s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		if err == nil {
			a.version++
			return a, nil
		}
		if !overtaken(err) {
			return alert{}, platform.AWSError(problem, err)
		}
		if err := pause(ctx); err != nil {
			return alert{}, err
		}
	}
	return alert{}, &fault.Unavailable{Message: problem + ": others write it all the time"}
}

// update is change without further writes.
func (s store) update(ctx context.Context, id string, do func(*alert) bool) (alert, error) {
	return s.change(ctx, id, func(a *alert) (bool, error) { return do(a), nil }, nil)
}

// overtaken reports whether a transaction failed because somebody else has written
// the alert, or is about to.
func overtaken(err error) bool {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return false
	}
	for _, reason := range cancelled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "ConditionalCheckFailed", "TransactionConflict":
			return true
		}
	}
	return false
}

func pause(ctx context.Context) error {
	timer := time.NewTimer(time.Duration(5+rand.IntN(60)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return &fault.Unavailable{Message: "the time ran out", Cause: ctx.Err()}
	case <-timer.C:
		return nil
	}
}

// batch reads items of one alert by their sort keys.
func (s store) batch(ctx context.Context, pk string, sorts []string) (map[string]item, error) {
	const problem = "the events of an alert could not be read"
	found := make(map[string]item, len(sorts))
	const most = 100
	for begin := 0; begin < len(sorts); begin += most {
		var wanted []item
		for _, sk := range sorts[begin:min(begin+most, len(sorts))] {
			wanted = append(wanted, keys(pk, sk))
		}
		for attempt := 0; len(wanted) > 0; attempt++ {
			if attempt == tries {
				return nil, &fault.Unavailable{Message: problem + ": DynamoDB left some of them out again and again"}
			}
			out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				s.table: {Keys: wanted, ConsistentRead: aws.Bool(true)},
			}})
			if err != nil {
				return nil, platform.AWSError(problem, err)
			}
			for _, i := range out.Responses[s.table] {
				found[textOf(i["sk"])] = i
			}
			if wanted = out.UnprocessedKeys[s.table].Keys; len(wanted) > 0 {
				if err := pause(ctx); err != nil {
					return nil, err
				}
			}
		}
	}
	return found, nil
}
