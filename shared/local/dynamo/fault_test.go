package dynamo_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local/dynamo"
)

// visit counts a visit in a transaction, so that being carried out twice shows.
func (b bundle) visit(ctx context.Context) error {
	_, err := b.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Update: &types.Update{
		TableName: aws.String("things"), Key: attributes{"pk": s("a"), "sk": s("b")},
		UpdateExpression: aws.String("ADD visits :one"), ExpressionAttributeValues: attributes{":one": n(1)},
	}}}})
	return err
}

// first makes the fault happen to the first call of the operation.
func first(operation string, f dynamo.Fault) func(*http.Request, int) *dynamo.Fault {
	happened := false
	return func(r *http.Request, _ int) *dynamo.Fault {
		if happened || dynamo.Operation(r) != operation {
			return nil
		}
		happened = true
		return &f
	}
}

func TestTheSDKSurvivesFaultsWithoutDoingAnythingTwice(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]dynamo.Fault{
		"refused before the work":     {Code: "InternalServerError"},
		"failing after the work":      {Code: "InternalServerError", Work: true},
		"unavailable after the work":  {Status: http.StatusServiceUnavailable, Work: true},
		"throttled":                   {Code: "ProvisionedThroughputExceededException"},
		"cut before the work":         {Reset: true},
		"cut after the work":          {Reset: true, Work: true},
		"slow":                        {Latency: 3 * time.Second},
		"slow and cut after the work": {Latency: 3 * time.Second, Reset: true, Work: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := setup(t)
				b.db.Fault(first("TransactWriteItems", f))
				began := time.Now()
				if err := b.visit(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < f.Latency {
					t.Errorf("took %v, the fault alone takes %v", took, f.Latency)
				}
				if diff := cmp.Diff(n(1), b.get(t, "a", "b")["visits"], anyValue); diff != "" {
					t.Errorf("visits (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestAFaultThatStaysReachesTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		calls := 0
		b.db.Fault(func(r *http.Request, number int) *dynamo.Fault {
			calls = number
			return &dynamo.Fault{Reset: true}
		})
		if err := b.visit(t.Context()); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a cut connection", err)
		}
		if calls != 3 {
			t.Errorf("the SDK called %d times, by default it tries 3 times", calls)
		}
		b.db.Fault(nil)
		if left := b.get(t, "a", "b"); left != nil {
			t.Errorf("work was done: %v", left)
		}
	})
}

func TestACallThatHangsEndsWithItsCallersPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.db.Fault(first("TransactWriteItems", dynamo.Fault{Hang: true, Work: true}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if err := b.visit(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		if diff := cmp.Diff(n(1), b.get(t, "a", "b")["visits"], anyValue); diff != "" {
			t.Errorf("visits (-want +got):\n%s", diff)
		}
	})
}

func TestExpiredItemsAreDeletedTwoDaysLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.put(t, attributes{"pk": s("a"), "sk": s("expiring"), "expires": n(int(time.Now().Add(time.Hour).Unix()))})
		b.put(t, attributes{"pk": s("a"), "sk": s("staying")})
		b.put(t, attributes{"pk": s("a"), "sk": s("mistaken"), "expires": n(1)})
		time.Sleep(40 * time.Hour)
		if b.get(t, "a", "expiring") == nil {
			t.Error("deleted early: DynamoDB deletes late, and who relies on it has to be found out")
		}
		time.Sleep(10 * time.Hour)
		if left := b.get(t, "a", "expiring"); left != nil {
			t.Errorf("still there: %v", left)
		}
		if b.get(t, "a", "staying") == nil || b.get(t, "a", "mistaken") == nil {
			t.Error("deleted what does not expire")
		}
	})
}

func TestTablesAreMadeAndDescribedOverTheWire(t *testing.T) {
	t.Parallel()
	client := dynamo.New().Client()
	key := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash}, {AttributeName: aws.String(sort), KeyType: types.KeyTypeRange}}
	}
	typed := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: kind}
	}
	in := &dynamodb.CreateTableInput{
		TableName: aws.String("made"), BillingMode: types.BillingModePayPerRequest, KeySchema: key("pk", "sk"),
		AttributeDefinitions: []types.AttributeDefinition{typed("at", "N"), typed("pk", "S"), typed("sk", "S"), typed("who", "S")},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("by_who"), KeySchema: key("who", "at"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	}
	if _, err := client.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	_, err := client.CreateTable(t.Context(), in)
	refusedWith(t, err, "ResourceInUseException", "made")
	if _, err := client.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{
		TableName: in.TableName, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("expires"), Enabled: aws.Bool(true)},
	}); err != nil {
		t.Fatal(err)
	}
	out, err := client.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: in.TableName})
	if err != nil {
		t.Fatal(err)
	}
	ignore := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".noSmithyDocumentSerde" }, cmp.Ignore())
	if diff := cmp.Diff(in.KeySchema, out.Table.KeySchema, ignore); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(in.AttributeDefinitions, out.Table.AttributeDefinitions, ignore); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(in.GlobalSecondaryIndexes[0].KeySchema, out.Table.GlobalSecondaryIndexes[0].KeySchema, ignore); diff != "" {
		t.Errorf("index (-want +got):\n%s", diff)
	}
	ttl, err := client.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: in.TableName})
	if err != nil || aws.ToString(ttl.TimeToLiveDescription.AttributeName) != "expires" {
		t.Errorf("time to live %+v, %v", ttl, err)
	}
	if _, err := client.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: in.TableName}); err != nil {
		t.Fatal(err)
	}
	if list, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil || len(list.TableNames) != 0 {
		t.Errorf("tables %v, %v", list, err)
	}
}

// FuzzRequest looks for requests that make the DB fall over.
func FuzzRequest(f *testing.F) {
	for operation, body := range map[string]string{
		"PutItem":            `{"TableName":"things","Item":{"pk":{"S":"a"},"sk":{"S":"b"},"set":{"NS":["1"]},"l":{"L":[{"M":{}}]}},"ConditionExpression":"attribute_not_exists(pk)"}`,
		"UpdateItem":         `{"TableName":"things","Key":{"pk":{"S":"a"},"sk":{"S":"b"}},"UpdateExpression":"ADD n :n","ExpressionAttributeValues":{":n":{"N":"1"}},"ReturnValues":"UPDATED_NEW"}`,
		"Query":              `{"TableName":"things","IndexName":"by_owner","KeyConditionExpression":"holder = :h","ExpressionAttributeValues":{":h":{"S":"me"}},"ExclusiveStartKey":{"pk":{"S":"a"},"sk":{"S":"b"},"holder":{"S":"me"},"grade":{"N":"1"}}}`,
		"TransactWriteItems": `{"TransactItems":[{"Delete":{"TableName":"things","Key":{"pk":{"S":"a"},"sk":{"S":"b"}}}},{"Put":null}],"ClientRequestToken":"x"}`,
		"BatchWriteItem":     `{"RequestItems":{"things":[{"PutRequest":{"Item":{"pk":{"S":"a"},"sk":{"S":"b"}}}},{}]}}`,
		"BatchGetItem":       `{"RequestItems":{"things":{"Keys":[{"pk":{"S":"a"},"sk":{"S":"b"}}]}}}`,
		"CreateTable":        `{"TableName":"t","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}],"GlobalSecondaryIndexes":[{"IndexName":"x"}]}`,
		"Scan":               `{"TableName":"things","ExclusiveStartKey":{"pk":{"S":"a"}}}`,
	} {
		f.Add(operation, []byte(body))
	}
	f.Fuzz(func(t *testing.T, operation string, body []byte) {
		b := setup(t)
		b.put(t, attributes{"pk": s("a"), "sk": s("b"), "holder": s("me"), "grade": n(1)})
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
		w := httptest.NewRecorder()
		b.db.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
