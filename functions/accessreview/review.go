package accessreview

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
	"lifecycle/shared/report"
)

// Store keeps reviews: what was found in the evidence bucket, what was decided
// in the reviews table. It is safe for concurrent use.
type Store struct {
	objects
	table table
}

// NewStore returns the store in the bucket and the table (pk, sk, TTL attribute
// expires).
func NewStore(bucket *s3.Client, bucketName string, client *dynamodb.Client, tableName string) *Store {
	return &Store{objects{bucket, bucketName}, table{client, tableName}}
}

// Keys of the evidence bucket.
func reviewKey(review string) string   { return "reviews/" + review + "/review.json" }
func findingsKey(review string) string { return "reviews/" + review + "/findings.ndjson" }

// indexKey lists the reviews that were made, oldest first.
const indexKey = "reviews/index.json"

// Review reads a review by its id; *fault.NotFound when there is none, or when
// its findings are not complete yet.
func (s *Store) Review(ctx context.Context, id string) (report.Review, error) {
	content, err := s.read(ctx, reviewKey(id))
	if err != nil {
		return report.Review{}, err
	}
	var r report.Review
	if err := json.Unmarshal(content, &r); err != nil {
		return report.Review{}, &fault.Conflict{Message: s.place(reviewKey(id)) + " cannot be read; it was altered", Cause: err}
	}
	return r, nil
}

// PutReview replaces a review by what has become of it. One process at a time
// writes a review: the execution that works on it.
func (s *Store) PutReview(ctx context.Context, r report.Review) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return &fault.Invalid{Message: "the review " + r.ID + " cannot be written", Cause: err}
	}
	return s.write(ctx, reviewKey(r.ID), "application/json", content)
}

// Findings reads what a review found, riskiest first, line by line: it need not
// fit into memory. Decisions are not in it.
func (s *Store) Findings(ctx context.Context, review string) report.Findings {
	return func() iter.Seq2[report.Finding, error] {
		return func(yield func(report.Finding, error) bool) {
			body, err := s.open(ctx, findingsKey(review))
			if err != nil {
				yield(report.Finding{}, err)
				return
			}
			defer func() { _ = body.Close() }()
			for f, err := range lines[report.Finding](body, s.place(findingsKey(review))) {
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// Decided are the findings with the decisions about them so far. It holds one
// decision for each finding decided about.
func (s *Store) Decided(ctx context.Context, review string) report.Findings {
	return func() iter.Seq2[report.Finding, error] {
		return func(yield func(report.Finding, error) bool) {
			decisions, err := s.Decisions(ctx, review)
			if err != nil {
				yield(report.Finding{}, err)
				return
			}
			for f, err := range s.Findings(ctx, review)() {
				if d, decided := decisions[f.ID]; decided {
					f.Decision = d
				}
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// decisionKey is where the decision about a finding is kept.
func decisionKey(review, finding string) key {
	return key{"review#" + review, "decision#" + finding}
}

// Decide keeps a decision about a finding, in the place of an earlier one.
func (s *Store) Decide(ctx context.Context, review, finding string, d report.Decision) error {
	content, err := json.Marshal(d)
	if err != nil {
		return &fault.Invalid{Message: "the decision about " + finding + " cannot be written", Cause: err}
	}
	return s.table.put(ctx, decisionKey(review, finding), item{"decision": text(string(content))})
}

// Decision reads the decision about a finding; the zero Decision when there is
// none.
func (s *Store) Decision(ctx context.Context, review, finding string) (report.Decision, error) {
	found, err := s.table.get(ctx, decisionKey(review, finding))
	if err != nil || len(found) == 0 {
		return report.Decision{}, err
	}
	return decisionOf(found)
}

// Decisions reads all decisions of a review, by the id of the finding.
func (s *Store) Decisions(ctx context.Context, review string) (map[string]report.Decision, error) {
	all := map[string]report.Decision{}
	for one, err := range s.table.under(ctx, key{"review#" + review, "decision#"}) {
		if err != nil {
			return nil, err
		}
		d, err := decisionOf(one)
		if err != nil {
			return nil, err
		}
		all[strings.TrimPrefix(textOf(one["sk"]), "decision#")] = d
	}
	return all, nil
}

func decisionOf(i item) (d report.Decision, err error) {
	if err := json.Unmarshal([]byte(textOf(i["decision"])), &d); err != nil {
		return d, &fault.Conflict{Message: "the decision " + textOf(i["sk"]) + " of " + textOf(i["pk"]) + " is damaged", Cause: err}
	}
	return d, nil
}

// lines decodes NDJSON.
func lines[T any](from io.Reader, place string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		scanner := bufio.NewScanner(from)
		scanner.Buffer(make([]byte, 64<<10), 4<<20)
		for scanner.Scan() {
			var one T
			if err := json.Unmarshal(scanner.Bytes(), &one); err != nil {
				yield(one, &fault.Conflict{Message: place + " has a line that cannot be read", Cause: err})
				return
			}
			if !yield(one, nil) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			var none T
			yield(none, &fault.Unavailable{Message: place + " could not be read to its end", Cause: err})
		}
	}
}

// table is the reviews table.
type table struct {
	client *dynamodb.Client
	name   string
}

type item = map[string]types.AttributeValue

type key struct{ pk, sk string }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// keeps is how long what is in the table stays: longer than any campaign.
const keeps = 400 * 24 * time.Hour

func (t table) put(ctx context.Context, k key, values item) error {
	values["pk"], values["sk"] = text(k.pk), text(k.sk)
	values["expires"] = &types.AttributeValueMemberN{Value: fmt.Sprint(time.Now().Add(keeps).Unix())}
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(t.name), Item: values})
	return platform.AWSError("the state of the access review could not be kept", err)
}

// get reads an item; empty when there is none.
func (t table) get(ctx context.Context, k key) (item, error) {
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(t.name), ConsistentRead: aws.Bool(true), Key: item{"pk": text(k.pk), "sk": text(k.sk)},
	})
	if err != nil {
		return nil, platform.AWSError("the state of the access review could not be read", err)
	}
	return out.Item, nil
}

// under reads the items whose sort key begins so, in its order; with an empty one
// all that stand under pk.
func (t table) under(ctx context.Context, prefix key) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		query := &dynamodb.QueryInput{
			TableName: aws.String(t.name), ConsistentRead: aws.Bool(true),
			KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: item{":pk": text(prefix.pk)},
		}
		if prefix.sk != "" { // DynamoDB refuses an empty value of a key
			query.KeyConditionExpression = aws.String("pk = :pk AND begins_with(sk, :sk)")
			query.ExpressionAttributeValues[":sk"] = text(prefix.sk)
		}
		pages := dynamodb.NewQueryPaginator(t.client, query)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(nil, platform.AWSError("the state of the access review could not be read", err))
				return
			}
			for _, one := range page.Items {
				if !yield(one, nil) {
					return
				}
			}
		}
	}
}
