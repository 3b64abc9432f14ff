package guard

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/platform"
)

// Breaker counts who went through in the last while, so that a mass change is
// seen before it is made. It is safe for concurrent use.
type Breaker struct {
	client *dynamodb.Client
	table  string
}

// NewBreaker returns the breaker in the control table.
func NewBreaker(client *dynamodb.Client, table string) *Breaker {
	return &Breaker{client: client, table: table}
}

// Register counts who under kind, and returns how many different ones were
// counted within the window that ends now, this one included. Registering again
// within the window counts once and does not prolong it.
//
// Of several that register at once each sees itself, and the last sees all: no
// mass change slips through, whatever the order.
func (b *Breaker) Register(ctx context.Context, kind, who string, window time.Duration) (recent int, err error) {
	problem := fmt.Sprintf("%s of %s could not be counted", kind, who)
	now := time.Now()
	// Exactly a window ago is outside it.
	since := number(now.Add(-window).UnixMilli())
	_, err = b.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: aws.String(b.table), Key: item{"pk": text(breakerKey(kind)), "sk": text(who)},
		UpdateExpression:    aws.String("SET counted_at = :now, expires = :expires"),
		ConditionExpression: aws.String("attribute_not_exists(counted_at) OR counted_at <= :since"),
		ExpressionAttributeValues: item{
			":now": number(now.UnixMilli()), ":since": since,
			":expires": number(now.Add(window + time.Second).Unix()),
		},
	})
	var counted *types.ConditionalCheckFailedException
	if err != nil && !errors.As(err, &counted) {
		return 0, platform.AWSError(problem, err)
	}
	pages := dynamodb.NewQueryPaginator(b.client, &dynamodb.QueryInput{
		TableName: aws.String(b.table), ConsistentRead: aws.Bool(true), Select: types.SelectCount,
		KeyConditionExpression: aws.String("pk = :kind"),
		// TTL deletes late: what is outside the window is there and not counted.
		FilterExpression:          aws.String("counted_at > :since"),
		ExpressionAttributeValues: item{":kind": text(breakerKey(kind)), ":since": since},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, platform.AWSError(problem, err)
		}
		recent += int(page.Count)
	}
	return recent, nil
}

func breakerKey(kind string) string { return "breaker#" + kind }

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
