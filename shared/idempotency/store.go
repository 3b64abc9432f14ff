package idempotency

import (
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Store keeps custody and claims in one table with the key pk (S) and the TTL
// attribute expires. It is safe for concurrent use.
type Store struct {
	client *dynamodb.Client
	table  string
}

// New returns the store in the table.
func New(client *dynamodb.Client, table string) *Store {
	return &Store{client: client, table: table}
}

// tries is how often a call starts over because the item changed hands while it
// looked.
const tries = 8

type item = map[string]types.AttributeValue

// update is a conditional update of one item that returns it as it is after.
func (s *Store) update(key, expression, condition string, values item) *dynamodb.UpdateItemInput {
	return &dynamodb.UpdateItemInput{
		TableName: aws.String(s.table), Key: item{"pk": text(key)},
		UpdateExpression: aws.String(expression), ConditionExpression: aws.String(condition),
		ExpressionAttributeValues: values, ReturnValues: types.ReturnValueAllNew,
	}
}

// refused reports whether a write's condition did not hold.
func refused(err error) bool {
	var failed *types.ConditionalCheckFailedException
	return errors.As(err, &failed)
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func flag(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

// millis is a moment in milliseconds since 1970: what is compared.
func millis(t time.Time) types.AttributeValue { return number(t.UnixMilli()) }

// seconds is a moment as DynamoDB's TTL wants it, rounded up, so that nothing is
// deleted early.
func seconds(t time.Time) types.AttributeValue { return number(t.Add(time.Second - 1).Unix()) }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func flagOf(v types.AttributeValue) bool {
	b, ok := v.(*types.AttributeValueMemberBOOL)
	return ok && b.Value
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
