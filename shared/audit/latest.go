package audit

import (
	"context"
	"fmt"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// LatestOfDay reads the records of a day in UTC, "2006-01-02", latest first, in
// pages of that many: for who wants to see the last ones and stops. A record
// shows up a moment after it was written.
func (l *Ledger) LatestOfDay(ctx context.Context, day string, page int32) iter.Seq2[Record, error] {
	query := &dynamodb.QueryInput{
		TableName: aws.String(l.table), IndexName: aws.String("day"), ScanIndexForward: aws.Bool(false), Limit: aws.Int32(page),
		KeyConditionExpression:    aws.String("#key = :value"),
		ExpressionAttributeNames:  map[string]string{"#key": "day"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":value": text(day)},
	}
	return l.records(ctx, query, fmt.Sprintf("the ledger's latest records of %s could not be read", day))
}
