package dynamo_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/local/dynamo"
)

func TestAStreamTellsEveryChangeOnceAndInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := dynamo.New()
		if err := db.CreateTable(t.Context(), dynamo.Spec{Name: "t", Hash: "pk"}); err != nil {
			t.Fatal(err)
		}
		stream, err := db.Stream("t")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Stream("t"); err == nil {
			t.Error("a second reader was let in")
		}
		text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
		put := func(pk, v string) types.TransactWriteItem {
			return types.TransactWriteItem{Put: &types.Put{TableName: aws.String("t"), Item: map[string]types.AttributeValue{"pk": text(pk), "v": text(v)}}}
		}
		go func() {
			time.Sleep(time.Minute)
			c := db.Client()
			for _, items := range [][]types.TransactWriteItem{{put("a", "1"), put("b", "1")}, {put("a", "2")}, {put("a", "2")}} {
				if _, err := c.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: items}); err != nil {
					t.Error(err)
				}
			}
			if _, err := c.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("t"), Key: map[string]types.AttributeValue{"pk": text("a")}}); err != nil {
				t.Error(err)
			}
		}()
		if err := stream.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		raw, err := json.Marshal(stream.Read(10))
		if err != nil {
			t.Fatal(err)
		}
		var got []events.DynamoDBEventRecord
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		told := ""
		for _, r := range got {
			told += r.EventName + " " + r.Change.Keys["pk"].String() + " "
			if r.Change.NewImage != nil {
				told += r.Change.NewImage["v"].String()
			}
			told += ";"
		}
		if want := "INSERT a 1;INSERT b 1;MODIFY a 2;REMOVE a ;"; told != want {
			t.Errorf("got %q, want %q", told, want)
		}
		stream.Drop(4)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := stream.Wait(ctx); err == nil {
			t.Error("nothing is left, and yet there was something to wait for")
		}
	})
}
