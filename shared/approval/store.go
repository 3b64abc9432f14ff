package approval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/audit"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
)

// store keeps two kinds of items in the approvals table: questions, under a
// hash of their key, and under each approval's sys_id the key of its question.
type store struct {
	client *dynamodb.Client
	table  string
}

// waiting is the value of the attribute by which the index "waiting" finds the
// questions that are waited for; the others lack it.
const waiting = "yes"

// question is an Ask as it is stored.
type question struct {
	PK      string `dynamodbav:"pk"`
	Waiting string `dynamodbav:"waiting,omitempty"`
	// Expires is RFC 3339 in UTC, to the second, so that it sorts.
	Expires   string       `dynamodbav:"expires"`
	Table     string       `dynamodbav:"ticket_table"`
	SysID     string       `dynamodbav:"ticket_sys_id"`
	Execution string       `dynamodbav:"execution"`
	Token     string       `dynamodbav:"token,omitempty"`
	Approvers []string     `dynamodbav:"approvers"`
	Excluded  []string     `dynamodbav:"excluded"`
	Approvals []string     `dynamodbav:"approvals,omitempty"`
	Decision  string       `dynamodbav:"decision,omitempty"`
	By        string       `dynamodbav:"decided_by,omitempty"`
	Votes     []Vote       `dynamodbav:"votes,omitempty"`
	Reason    audit.Reason `dynamodbav:"reason"`
	// Seats and All are those of a panel; Approvers are its people then.
	Seats []Seat `dynamodbav:"seats,omitempty"`
	All   bool   `dynamodbav:"all_seats,omitempty"`
	// Began is when the question was first asked, Reminded and Escalated when
	// that was done; like Expires.
	Began     string `dynamodbav:"began,omitempty"`
	Reminded  string `dynamodbav:"reminded,omitempty"`
	Escalated string `dynamodbav:"escalated,omitempty"`

	// again tells a further approval record of a person, whose first was
	// withdrawn, from it.
	again map[string]string
}

func (q question) ticket() servicenow.Ref { return servicenow.Ref{Table: q.Table, SysID: q.SysID} }

func (q question) expires() time.Time { return moment(q.Expires) }

func moment(stamp string) time.Time {
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return time.Time{}
	}
	return at
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func questionKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "question#" + hex.EncodeToString(sum[:16])
}

func pointerKey(approvalSysID string) string { return "approval#" + approvalSysID }

func primary(pk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": text(pk)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// question reads a question, up to date.
func (s store) question(ctx context.Context, pk string) (q question, found bool, err error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: primary(pk), ConsistentRead: aws.Bool(true)})
	if err != nil || len(out.Item) == 0 {
		return question{}, false, platform.AWSError("the approvals table could not be read", err)
	}
	err = attributevalue.UnmarshalMap(out.Item, &q)
	return q, true, err
}

// add stores a new question; when somebody else was faster, theirs is returned.
func (s store) add(ctx context.Context, q question) (question, error) {
	item, err := attributevalue.MarshalMap(q)
	if err != nil {
		return question{}, err
	}
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)"),
	})
	return s.orTheirs(ctx, q, err)
}

// opened notes that every approval record of the question is there, with the
// token of the latest attempt. A question that was decided meanwhile is returned
// as it is.
func (s store) opened(ctx context.Context, q question) (question, error) {
	values, err := attributevalue.MarshalMap(map[string]any{
		":approvals": q.Approvals, ":token": q.Token, ":execution": q.Execution, ":expires": q.Expires, ":waiting": waiting,
		":approvers": q.Approvers, ":seats": q.Seats, ":all": q.All,
	})
	if err != nil {
		return question{}, err
	}
	return s.update(ctx, q, "SET approvals = :approvals, #token = :token, #execution = :execution, expires = :expires, waiting = :waiting, "+
		"approvers = :approvers, seats = :seats, all_seats = :all",
		map[string]string{"#token": "token", "#execution": "execution"}, values)
}

// decided stores the decision unless there is one: the first one stands.
func (s store) decided(ctx context.Context, q question, v verdictOf) (question, error) {
	values, err := attributevalue.MarshalMap(map[string]any{":decision": v.decision, ":by": v.by, ":votes": v.votes})
	if err != nil {
		return question{}, err
	}
	return s.update(ctx, q, "SET decision = :decision, decided_by = :by, votes = :votes", nil, values)
}

// mark notes under the attribute when something was done about a question that
// is not decided.
func (s store) mark(ctx context.Context, q question, attribute string, at time.Time) error {
	_, err := s.update(ctx, q, "SET #mark = :at", map[string]string{"#mark": attribute},
		map[string]types.AttributeValue{":at": text(stamp(at))})
	return err
}

// update changes a question that is not decided yet, and returns it as it
// stands then: another attempt may have brought another token meanwhile.
func (s store) update(ctx context.Context, q question, expression string, names map[string]string, values map[string]types.AttributeValue) (question, error) {
	out, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: primary(q.PK), UpdateExpression: &expression,
		ConditionExpression:      aws.String("attribute_exists(pk) AND attribute_not_exists(decision)"),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		ReturnValues: types.ReturnValueAllNew,
	})
	if err != nil {
		return s.orTheirs(ctx, q, err)
	}
	var now question
	err = attributevalue.UnmarshalMap(out.Attributes, &now)
	return now, err
}

// orTheirs returns q as it was written, or what stands in the table where that
// was in the way.
func (s store) orTheirs(ctx context.Context, q question, err error) (question, error) {
	var taken *types.ConditionalCheckFailedException
	if !errors.As(err, &taken) {
		return q, platform.AWSError("the approvals table could not be written", err)
	}
	theirs, _, err := s.question(ctx, q.PK)
	return theirs, err
}

// closed takes the question off the list of waiting ones.
func (s store) closed(ctx context.Context, q question) error {
	_, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: primary(q.PK), UpdateExpression: aws.String("REMOVE waiting, #token"),
		ExpressionAttributeNames: map[string]string{"#token": "token"},
	})
	return platform.AWSError("the approvals table could not be written", err)
}

// point notes which question an approval record belongs to.
func (s store) point(ctx context.Context, approvalSysID, pk string) error {
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: map[string]types.AttributeValue{
		"pk": text(pointerKey(approvalSysID)), "question": text(pk),
	}})
	return platform.AWSError("the approvals table could not be written", err)
}

func (s store) pointed(ctx context.Context, approvalSysID string) (pk string, found bool, err error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: primary(pointerKey(approvalSysID)), ConsistentRead: aws.Bool(true)})
	if err != nil || len(out.Item) == 0 {
		return "", false, platform.AWSError("the approvals table could not be read", err)
	}
	err = attributevalue.Unmarshal(out.Item["question"], &pk)
	return pk, err == nil, err
}

// waiting lists the keys of the questions that are waited for, those that expire
// first, first.
func (s store) waiting(ctx context.Context) ([]string, error) {
	var keys []string
	pages := dynamodb.NewQueryPaginator(s.client, &dynamodb.QueryInput{
		TableName: &s.table, IndexName: aws.String("waiting"), KeyConditionExpression: aws.String("waiting = :waiting"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":waiting": text(waiting)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, platform.AWSError("the list of waiting approvals could not be read", err)
		}
		for _, item := range page.Items {
			var q question
			if err := attributevalue.UnmarshalMap(item, &q); err != nil {
				return nil, err
			}
			keys = append(keys, q.PK)
		}
	}
	return keys, nil
}
