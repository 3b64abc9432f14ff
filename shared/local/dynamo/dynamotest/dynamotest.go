// Package dynamotest runs the stores' conformance suites: on the embedded
// DynamoDB always, in virtual time, and on the one that DYNAMODB_ENDPOINT names
// as well, where it is set ("http://localhost:8000"; the credentials and region
// are the SDK's usual ones).
package dynamotest

import (
	"context"
	"crypto/rand"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lifecycle/shared/local/dynamo"
)

// Engine is a DynamoDB that a suite runs on.
type Engine struct {
	// Name says which.
	Name string
	// Client makes a client of it.
	Client func(testing.TB) *dynamodb.Client
	// Virtual says that time is virtual: each case runs in a bubble of its own.
	Virtual bool
}

// Run runs the suite on every engine there is.
func Run(t *testing.T, suite func(*testing.T, Engine)) {
	t.Helper()
	engines := []Engine{{Name: "embedded", Client: func(testing.TB) *dynamodb.Client { return dynamo.New().Client() }, Virtual: true}}
	if endpoint := os.Getenv("DYNAMODB_ENDPOINT"); endpoint != "" {
		engines = append(engines, Engine{Name: "other", Client: func(tb testing.TB) *dynamodb.Client {
			tb.Helper()
			loaded, err := config.LoadDefaultConfig(tb.Context())
			if err != nil {
				tb.Fatal(err)
			}
			return dynamodb.NewFromConfig(loaded, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(endpoint) })
		}})
	}
	for _, e := range engines {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			suite(t, e)
		})
	}
}

// Case runs one case with a table of its own.
func (e Engine) Case(t *testing.T, name string, table dynamo.Spec, run func(t *testing.T, client *dynamodb.Client, table string)) {
	t.Helper()
	body := func(t *testing.T) {
		t.Helper()
		client := e.Client(t)
		in := table.Input()
		in.TableName = aws.String(table.Name + "-" + rand.Text()[:12])
		if _, err := client.CreateTable(t.Context(), in); err != nil {
			t.Fatalf("the table could not be created: %v", err)
		}
		defer func() {
			// The case's own context has ended by then.
			if _, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: in.TableName}); err != nil {
				t.Errorf("the table could not be deleted: %v", err)
			}
		}()
		if err := dynamodb.NewTableExistsWaiter(client).Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: in.TableName}, time.Minute); err != nil {
			t.Fatalf("the table does not come into being: %v", err)
		}
		run(t, client, *in.TableName)
	}
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		if e.Virtual {
			synctest.Test(t, body)
			return
		}
		body(t)
	})
}

// Bubble runs f in a bubble with an embedded DB that has the table, and returns
// what f returns; for property tests, which report failures themselves.
func Bubble(t *testing.T, table dynamo.Spec, f func(ctx context.Context, db *dynamo.DB) error) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db := dynamo.New()
		if err = db.CreateTable(t.Context(), table); err == nil {
			err = f(t.Context(), db)
		}
	})
	return err
}
