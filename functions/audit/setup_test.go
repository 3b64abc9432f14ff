package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	ledger "lifecycle/shared/audit"
	"lifecycle/shared/audit/audittest"
	"lifecycle/shared/local/buckets"
	"lifecycle/shared/local/dynamo"
)

const (
	archiveName = "archive"
	s3Host      = "s3.invalid"
)

type item = map[string]types.AttributeValue

// evidence is a ledger with its archive.
type evidence struct {
	db       *dynamo.DB
	client   *dynamodb.Client
	stream   *dynamo.Stream
	store    *buckets.Store
	ledger   *ledger.Ledger
	vault    *Vault
	archiver *Archiver
	verifier *Verifier
	service  *Service
	// breakS3 makes the next that many calls of S3 fail.
	breakS3 int
}

func (e *evidence) RoundTrip(r *http.Request) (*http.Response, error) {
	if e.breakS3 > 0 {
		e.breakS3--
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	return e.store.RoundTrip(s3Host, r)
}

func newEvidence(t rapid.TB) *evidence {
	t.Helper()
	e := &evidence{db: dynamo.New(), store: &buckets.Store{}}
	if err := e.db.CreateTable(context.Background(), audittest.Table); err != nil {
		t.Fatal(err)
	}
	var err error
	if e.stream, err = e.db.Stream(audittest.Table.Name); err != nil {
		t.Fatal(err)
	}
	e.store.Create(buckets.Bucket{Name: archiveName, Versioned: true, Lock: buckets.Retention{Mode: "GOVERNANCE", Days: 2557}})
	e.client = e.db.Client()
	e.ledger = ledger.New(e.client, audittest.Table.Name)
	e.vault = NewVault(s3.New(s3.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String("https://" + s3Host), HTTPClient: &http.Client{Transport: e},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), RetryMaxAttempts: 1,
	}), archiveName)
	e.archiver = &Archiver{ledger: e.ledger, vault: e.vault}
	e.verifier = NewVerifier(e.ledger, e.vault)
	e.service = New(e.ledger, e.vault)
	e.verifier.grace, e.service.verifier.grace = 0, 0 // nothing is on its way here
	return e
}

// grants appends n facts to a stream.
func (e *evidence) grants(t rapid.TB, stream string, n int) {
	t.Helper()
	for i := range n {
		if _, err := e.ledger.Fact(audittest.In(context.Background(), stream), audittest.Grant(fmt.Sprintf("group/%d", i))); err != nil {
			t.Fatal(err)
		}
	}
}

// batch is what the stream has for the archiver, as Lambda hands it over.
func (e *evidence) batch(t rapid.TB) json.RawMessage {
	t.Helper()
	entries := e.stream.Read(1000)
	raw, err := json.Marshal(map[string]any{"Records": entries})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// archive hands the stream to the archiver until nothing is left.
func (e *evidence) archive(t rapid.TB) {
	t.Helper()
	for e.stream.Len() > 0 {
		n := len(e.stream.Read(1000))
		out, err := e.archiver.Handle(context.Background(), e.batch(t))
		if err != nil || len(out.(events.DynamoDBEventResponse).BatchItemFailures) > 0 {
			t.Fatalf("archiving: %v, %v", out, err)
		}
		e.stream.Drop(n)
	}
}

func (e *evidence) check(t rapid.TB, content bool) *Checked {
	t.Helper()
	c, err := e.verifier.All(context.Background(), content)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// read is an item of the stream "s/1".
func (e *evidence) read(t rapid.TB, key string) item {
	t.Helper()
	out, err := e.client.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: aws.String(audittest.Table.Name), Key: item{"pk": text("s/1"), "sk": text(key)}})
	if err != nil || out.Item == nil {
		t.Fatalf("item %s: %v", key, err)
	}
	return out.Item
}

func (e *evidence) write(t rapid.TB, i item) {
	t.Helper()
	if _, err := e.client.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String(audittest.Table.Name), Item: i}); err != nil {
		t.Fatal(err)
	}
}

func (e *evidence) remove(t rapid.TB, stream, key string) {
	t.Helper()
	if _, err := e.client.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: aws.String(audittest.Table.Name), Key: item{"pk": text(stream), "sk": text(key)}}); err != nil {
		t.Fatal(err)
	}
}

func sortKey(seq int) string { return fmt.Sprintf("%012d", seq) }

// asked puts a question to a route.
func (e *evidence) asked(t *testing.T, route, body string) events.APIGatewayV2HTTPResponse {
	t.Helper()
	r := events.APIGatewayV2HTTPRequest{RouteKey: route, Body: body}
	r.RequestContext.RequestID = "req-1"
	response, err := e.service.Handle(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}
