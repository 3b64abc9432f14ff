package statesync

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/platform"
)

// shelf keeps what has to outlive a function: how far the System Log has been
// read, and the piles of a comparison under way. Table: pk, sk, TTL attribute
// expires.
type shelf struct {
	client *dynamodb.Client
	table  string
}

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// pileKeeps is how long the piles of a comparison stay.
const pileKeeps = 7 * 24 * time.Hour

// most is how many bytes of lines go into one item, of the 400 KB that DynamoDB
// allows.
const most = 300_000

// put lays lines onto a pile, under a name of their own: laying the same ones
// there again changes nothing.
func (s *shelf) put(ctx context.Context, pile, name string, lines []string) error {
	for n := 0; len(lines) > 0; n++ {
		size, count := 0, 0
		for count < len(lines) && (count == 0 || size+len(lines[count]) < most) {
			size += len(lines[count]) + 1
			count++
		}
		if err := s.replace(ctx, pile, fmt.Sprintf("%s#%02d", name, n), lines[:count]); err != nil {
			return err
		}
		lines = lines[count:]
	}
	return nil
}

// replace writes one sheet of a pile.
func (s *shelf) replace(ctx context.Context, pile, sheet string, lines []string) error {
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.table), Item: item{
		"pk": text(pile), "sk": text(sheet), "lines": text(strings.Join(lines, "\n")), "expires": number(time.Now().Add(pileKeeps).Unix()),
	}})
	return platform.AWSError("a part of the comparison could not be kept", err)
}

// sheet is a part of a pile.
type sheet struct {
	name  string
	lines []string
}

// next reads the sheet of a pile that follows the one of that name; ok is false
// when there is none.
func (s *shelf) next(ctx context.Context, pile, after string) (one sheet, ok bool, err error) {
	found, err := s.query(ctx, pile, after, 1)
	if err != nil || len(found) == 0 {
		return sheet{}, false, err
	}
	return found[0], true, nil
}

func (s *shelf) query(ctx context.Context, pile, after string, limit int32) ([]sheet, error) {
	out, err := s.client.Query(ctx, &dynamodb.QueryInput{
		TableName: aws.String(s.table), ConsistentRead: aws.Bool(true), Limit: aws.Int32(limit),
		KeyConditionExpression:    aws.String("pk = :pile AND sk > :after"),
		ExpressionAttributeValues: item{":pile": text(pile), ":after": text(after + " ")},
	})
	if err != nil {
		return nil, platform.AWSError("a part of the comparison could not be read", err)
	}
	found := make([]sheet, len(out.Items))
	for i, one := range out.Items {
		found[i] = sheet{name: textOf(one["sk"]), lines: strings.Split(textOf(one["lines"]), "\n")}
	}
	return found, nil
}

// position is how far the System Log has been read.
type position struct {
	// Cursor is where to go on; empty at first. At is when it was read up to there.
	Cursor string
	At     time.Time

	version int64
}

var positionKey = item{"pk": text("cursor"), "sk": text("okta_log")}

// position reads how far the log has been read; it is zero at first.
func (s *shelf) position(ctx context.Context) (position, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(s.table), Key: positionKey, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return position{}, platform.AWSError("how far the System Log has been read is not known", err)
	}
	p := position{Cursor: textOf(out.Item["after"])}
	p.At, _ = time.Parse(time.RFC3339Nano, textOf(out.Item["at"]))
	if n, ok := out.Item["version"].(*types.AttributeValueMemberN); ok {
		p.version, _ = strconv.ParseInt(n.Value, 10, 64)
	}
	return p, nil
}

// advance notes how far it has been read now; moved is false when somebody else
// has done so since p was read, who then goes on.
func (s *shelf) advance(ctx context.Context, p position) (next position, moved bool, err error) {
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(s.table),
		Item: item{
			"pk": positionKey["pk"], "sk": positionKey["sk"], "after": text(p.Cursor),
			"at": text(p.At.UTC().Format(time.RFC3339Nano)), "version": number(p.version + 1),
		},
		ConditionExpression:       aws.String("attribute_not_exists(version) OR version = :version"),
		ExpressionAttributeValues: item{":version": number(p.version)},
	})
	var taken *types.ConditionalCheckFailedException
	if errors.As(err, &taken) {
		return p, false, nil
	}
	p.version++
	return p, err == nil, platform.AWSError("how far the System Log has been read could not be noted", err)
}
