package detect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// cells keep the windows in DynamoDB, one item each: pk, sk (S), body (S, JSON),
// version (N), expires (N, seconds, the table's TTL attribute).
type cells struct {
	client *dynamodb.Client
	table  string
}

// cell is a window with its place in the table.
type cell struct {
	pk string
	// rule is whose it is; part tells the windows of one rule apart: count, travel,
	// first and then; by is the key.
	rule     *Rule
	part, by string
	// keep and reach say what the window has to hold: how many sightings, and how
	// far back.
	keep  int
	reach time.Duration
	// fresh are the batch's own sightings, full those and all that is remembered.
	fresh, full []Sighting

	window
	version int
}

// place names the window of a rule for a key. Keys hold logins and addresses,
// which are nobody's business who looks at the table.
func place(part string, r *Rule, key string) string {
	sum := sha256.Sum256([]byte(key))
	return "window#" + part + "#" + r.ID + "#" + r.stamp + "#" + hex.EncodeToString(sum[:16])
}

const (
	sortKey = "window"
	// atOnce is how many items are written at the same time.
	atOnce = 8
	// perRead is how many items a BatchGetItem may ask for.
	perRead = 100
	tries   = 10
)

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func keyOf(pk string) item { return item{"pk": text(pk), "sk": text(sortKey)} }

// read fills in the windows as they stand.
func (s cells) read(ctx context.Context, wanted []*cell) error {
	byPK := map[string]*cell{}
	for _, c := range wanted {
		c.window, c.version = window{}, 0
		byPK[c.pk] = c
	}
	for begin := 0; begin < len(wanted); begin += perRead {
		keys := make([]item, 0, perRead)
		for _, c := range wanted[begin:min(begin+perRead, len(wanted))] {
			keys = append(keys, keyOf(c.pk))
		}
		if err := s.readBatch(ctx, keys, byPK); err != nil {
			return err
		}
	}
	return nil
}

func (s cells) readBatch(ctx context.Context, keys []item, byPK map[string]*cell) error {
	const problem = "what was seen before could not be read"
	for range tries {
		out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
			s.table: {Keys: keys, ConsistentRead: aws.Bool(true)},
		}})
		if err != nil {
			return platform.AWSError(problem, err)
		}
		for _, i := range out.Responses[s.table] {
			pk, _ := i["pk"].(*types.AttributeValueMemberS)
			if err := byPK[pk.Value].decode(i); err != nil {
				return err
			}
		}
		if keys = out.UnprocessedKeys[s.table].Keys; len(keys) == 0 {
			return nil
		}
		if err := rest(ctx); err != nil {
			return err
		}
	}
	return &fault.Unavailable{Message: problem + ": DynamoDB left some of it out again and again"}
}

func (c *cell) decode(i item) error {
	body, _ := i["body"].(*types.AttributeValueMemberS)
	version, _ := i["version"].(*types.AttributeValueMemberN)
	if body == nil || version == nil {
		return &fault.Conflict{Message: "what was seen before is not of the form it was written in"}
	}
	n, err := strconv.Atoi(version.Value)
	if err == nil {
		err = json.Unmarshal([]byte(body.Value), &c.window)
	}
	c.version = n
	return err
}

// merge adds every cell's fresh sightings to what is stored, whoever else adds at
// the same time, and leaves the cells as they stand then. passed works out the
// moments at which a threshold was reached.
func (s cells) merge(ctx context.Context, changed []*cell, passed func(*cell) []int64) error {
	if err := s.read(ctx, changed); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, c := range changed {
		group.Go(func() error { return s.settle(ctx, c, passed) })
	}
	return group.Wait()
}

func (s cells) settle(ctx context.Context, c *cell, passed func(*cell) []int64) error {
	for range tries {
		var grown bool
		c.full, grown = c.add(c.fresh, c.keep, c.reach)
		if !c.note(passed(c)) && !grown {
			return nil
		}
		err := s.write(ctx, c)
		var stale *types.ConditionalCheckFailedException
		if !errors.As(err, &stale) {
			return platform.AWSError("what was seen could not be noted", err)
		}
		if err := rest(ctx); err != nil {
			return err
		}
		if err := s.read(ctx, []*cell{c}); err != nil {
			return err
		}
	}
	return &fault.Unavailable{Message: "what was seen could not be noted: others note the same all the time"}
}

func (s cells) write(ctx context.Context, c *cell) error {
	body, err := json.Marshal(c.window)
	if err != nil {
		return err
	}
	i := keyOf(c.pk)
	i["body"], i["version"] = text(string(body)), number(int64(c.version+1))
	i["expires"] = number(time.Now().Add(c.reach + patience + time.Hour).Unix())
	put := &dynamodb.PutItemInput{TableName: aws.String(s.table), Item: i, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if c.version > 0 {
		put.ConditionExpression = aws.String("version = :version")
		put.ExpressionAttributeValues = item{":version": number(int64(c.version))}
	}
	if _, err = s.client.PutItem(ctx, put); err == nil {
		c.version++
	}
	return err
}

// rest waits a moment, at random.
func rest(ctx context.Context) error {
	timer := time.NewTimer(time.Duration(5+rand.IntN(40)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return &fault.Unavailable{Message: "the time ran out", Cause: ctx.Err()}
	case <-timer.C:
		return nil
	}
}
