package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"lifecycle/shared/local/dynamo"
)

type attributes = map[string]types.AttributeValue

func s(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }

func n(number int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.Itoa(number)}
}

// anyValue compares attribute values by content.
var anyValue = cmp.Options{
	cmpopts.IgnoreUnexported(
		types.AttributeValueMemberS{}, types.AttributeValueMemberN{}, types.AttributeValueMemberB{}, types.AttributeValueMemberBOOL{}, types.AttributeValueMemberNULL{},
		types.AttributeValueMemberL{}, types.AttributeValueMemberM{}, types.AttributeValueMemberSS{}, types.AttributeValueMemberNS{}, types.AttributeValueMemberBS{}),
}

type bundle struct {
	db     *dynamo.DB
	client *dynamodb.Client
}

// setup makes a table "things" with pk and sk, an index by owner and grade (a
// number), and one that knows keys only.
func setup(t testing.TB) bundle {
	t.Helper()
	db := dynamo.New()
	if err := db.CreateTable(t.Context(), dynamo.Spec{
		Name: "things", Hash: "pk", Range: "sk", TTL: "expires",
		Indexes: []dynamo.Index{
			{Name: "by_owner", Hash: "holder", Range: "grade:N"},
			{Name: "keys", Hash: "holder", KeysOnly: true},
			{Name: "some", Hash: "holder", Include: []string{"note"}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	return bundle{db, db.Client()}
}

func (b bundle) put(t testing.TB, i attributes) {
	t.Helper()
	if _, err := b.client.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String("things"), Item: i}); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) get(t testing.TB, pk, sk string) attributes {
	t.Helper()
	out, err := b.client.GetItem(context.Background(), &dynamodb.GetItemInput{
		TableName: aws.String("things"), Key: attributes{"pk": s(pk), "sk": s(sk)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

// refusedWith checks that err is the exception, and that it says what.
func refusedWith(t testing.TB, err error, code, what string) {
	t.Helper()
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != code || !strings.Contains(refused.ErrorMessage(), what) {
		t.Errorf("got %v, want %s with %q", err, code, what)
	}
}

// randomValue draws any value; depth bounds how deep it nests.
func randomValue(depth int) *rapid.Generator[types.AttributeValue] {
	text := rapid.String()
	number := rapid.Custom(func(t *rapid.T) string { return strconv.FormatInt(rapid.Int64().Draw(t, "n"), 10) })
	bytes := rapid.SliceOf(rapid.Byte())
	kinds := []*rapid.Generator[types.AttributeValue]{
		rapid.Map(text, s),
		rapid.Map(number, func(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }),
		rapid.Map(bytes, func(v []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: v} }),
		rapid.Map(rapid.Bool(), func(v bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: v} }),
		rapid.Just(types.AttributeValue(&types.AttributeValueMemberNULL{Value: true})),
		rapid.Map(rapid.SliceOfNDistinct(text, 1, 4, rapid.ID), func(v []string) types.AttributeValue {
			return &types.AttributeValueMemberSS{Value: slices.Sorted(slices.Values(v))}
		}),
	}
	if depth > 0 {
		inner := randomValue(depth - 1)
		kinds = append(kinds,
			rapid.Map(rapid.SliceOfN(inner, 0, 3), func(v []types.AttributeValue) types.AttributeValue { return &types.AttributeValueMemberL{Value: v} }),
			rapid.Map(rapid.MapOfN(text, inner, 0, 3), func(v attributes) types.AttributeValue { return &types.AttributeValueMemberM{Value: v} }),
		)
	}
	return rapid.OneOf(kinds...)
}

func TestWhatIsPutIsGot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rapid.Check(t, func(r *rapid.T) {
		put := attributes{"pk": s("a"), "sk": s("b"), "value": randomValue(2).Draw(r, "value")}
		b.put(t, put)
		if diff := cmp.Diff(put, b.get(t, "a", "b"), anyValue, cmpopts.EquateEmpty()); diff != "" {
			r.Fatalf("put and got (-put +got):\n%s", diff)
		}
	})
}

func TestWritesReturnWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := attributes{"pk": s("a"), "sk": s("b")}
	update := func(returned types.ReturnValue) attributes {
		t.Helper()
		out, err := b.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: aws.String("things"), Key: key, UpdateExpression: aws.String("ADD visits :one"),
			ExpressionAttributeValues: attributes{":one": n(1)}, ReturnValues: returned,
		})
		if err != nil {
			t.Fatal(err)
		}
		return out.Attributes
	}
	with := func(visits int) attributes {
		i := maps.Clone(key)
		i["visits"] = n(visits)
		return i
	}
	for _, step := range []struct {
		asked types.ReturnValue
		want  attributes
	}{
		{types.ReturnValueAllOld, nil}, // it did not exist
		{types.ReturnValueAllOld, with(1)},
		{types.ReturnValueAllNew, with(3)},
		{types.ReturnValueUpdatedOld, attributes{"visits": n(3)}},
		{types.ReturnValueUpdatedNew, attributes{"visits": n(5)}},
		{types.ReturnValueNone, nil},
	} {
		if diff := cmp.Diff(step.want, update(step.asked), anyValue); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.asked, diff)
		}
	}
	out, err := b.client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("things"), Key: key, ReturnValues: types.ReturnValueAllOld})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(with(6), out.Attributes, anyValue); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	if left := b.get(t, "a", "b"); left != nil {
		t.Errorf("still there: %v", left)
	}
}

func TestAFailedConditionChangesNothingAndCanTellWhatIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(t, attributes{"pk": s("a"), "sk": s("b"), "note": s("first")})
	_, err := b.client.PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String("things"), Item: attributes{"pk": s("a"), "sk": s("b"), "note": s("second")},
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.get(t, "a", "b"), failed.Item, anyValue); diff != "" {
		t.Errorf("the item told (-there +told):\n%s", diff)
	}
	if diff := cmp.Diff(s("first"), b.get(t, "a", "b")["note"], anyValue); diff != "" {
		t.Errorf("after a refused put (-want +got):\n%s", diff)
	}
}

func TestRequestsThatDynamoDBRefusesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := attributes{"pk": s("a"), "sk": s("b")}
	table := aws.String("things")
	for _, test := range map[string]struct {
		item       attributes
		code, what string
	}{
		"a key is missing":              {attributes{"pk": s("a")}, "ValidationException", "required keys"},
		"a key is empty":                {attributes{"pk": s("a"), "sk": s("")}, "ValidationException", "empty string value"},
		"a key has another type":        {attributes{"pk": s("a"), "sk": n(1)}, "ValidationException", "Type mismatch"},
		"an index key has another type": {attributes{"pk": s("a"), "sk": s("b"), "holder": n(1)}, "ValidationException", "Type mismatch for Index Key"},
		"an index key is empty":         {attributes{"pk": s("a"), "sk": s("b"), "holder": s("")}, "ValidationException", "secondary index key"},
		"an empty set":                  {attributes{"pk": s("a"), "sk": s("b"), "set": &types.AttributeValueMemberSS{Value: []string{}}}, "ValidationException", "empty set"},
		"a set with the same twice":     {attributes{"pk": s("a"), "sk": s("b"), "set": &types.AttributeValueMemberNS{Value: []string{"1", "1.0"}}}, "ValidationException", "duplicates"},
		"a number that is none":         {attributes{"pk": s("a"), "sk": s("b"), "x": &types.AttributeValueMemberN{Value: "many"}}, "ValidationException", "numeric value"},
		"an item of more than 400 KB":   {attributes{"pk": s("a"), "sk": s("b"), "x": s(strings.Repeat("x", 400<<10))}, "ValidationException", "maximum allowed size"},
	} {
		_, err := b.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: table, Item: test.item})
		refusedWith(t, err, test.code, test.what)
	}
	_, err := b.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: table, Key: attributes{"pk": s("a"), "sk": s("b"), "x": n(1)}})
	refusedWith(t, err, "ValidationException", "does not match the schema")
	_, err = b.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("nothing"), Key: key})
	refusedWith(t, err, "ResourceNotFoundException", "nothing")
	_, err = b.client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: table, Key: key, AttributesToGet: []string{"x"}})
	refusedWith(t, err, "SerializationException", "AttributesToGet") // not implemented is refused, not ignored
	_, err = b.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: table, Key: key, UpdateExpression: aws.String("SET sk = :x"), ExpressionAttributeValues: attributes{":x": s("c")}})
	refusedWith(t, err, "ValidationException", "part of the key")
	_, err = b.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: table, Key: key, UpdateExpression: aws.String("SET x = :x"), ExpressionAttributeValues: attributes{":x": s("c"), ":y": s("d")}})
	refusedWith(t, err, "ValidationException", "unused in expressions: keys: {:y}")
	_, err = b.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: table, Key: key, UpdateExpression: aws.String("REMOVE x"), ExpressionAttributeNames: map[string]string{"#y": "y"}})
	refusedWith(t, err, "ValidationException", "unused in expressions: keys: {#y}")
	_, err = b.client.Query(t.Context(), &dynamodb.QueryInput{TableName: table, IndexName: aws.String("by_owner"), ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("holder = :x"), ExpressionAttributeValues: attributes{":x": s("c")}})
	refusedWith(t, err, "ValidationException", "Consistent reads")
	_, err = b.client.Query(t.Context(), &dynamodb.QueryInput{TableName: table, KeyConditionExpression: aws.String("sk = :x"), ExpressionAttributeValues: attributes{":x": s("c")}})
	refusedWith(t, err, "ValidationException", "missed key schema element")
	_, err = b.client.Query(t.Context(), &dynamodb.QueryInput{TableName: table, KeyConditionExpression: aws.String("pk = :x AND begins_with(sk, :none)"), ExpressionAttributeValues: attributes{":x": s("c"), ":none": s("")}})
	refusedWith(t, err, "ValidationException", "empty string value. Key: sk")
	_, err = b.client.ListBackups(t.Context(), &dynamodb.ListBackupsInput{})
	refusedWith(t, err, "UnknownOperationException", "ListBackups")
	if err := b.db.CreateTable(t.Context(), dynamo.Spec{Name: "things", Hash: "pk"}); err == nil {
		t.Error("a table was created twice")
	}
}

func TestMoneyIsNeitherMadeNorLostByTransactionsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const accounts, clerks, transfers = 5, 8, 40
	for i := range accounts {
		b.put(t, attributes{"pk": s("account"), "sk": s(strconv.Itoa(i)), "balance": n(10)})
	}
	var wg sync.WaitGroup
	for clerk := range clerks {
		wg.Go(func() {
			for i := range transfers {
				from, to := (clerk+i)%accounts, (clerk*3+i*2+1)%accounts
				_, err := b.client.TransactWriteItems(context.Background(), transfer(from, to))
				var cancelled *types.TransactionCanceledException
				if err != nil && !errors.As(err, &cancelled) && from != to {
					t.Errorf("transfer %d to %d: %v", from, to, err)
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for i := range accounts {
		balance, err := strconv.Atoi(b.get(t, "account", strconv.Itoa(i))["balance"].(*types.AttributeValueMemberN).Value)
		if err != nil || balance < 0 {
			t.Errorf("account %d has %d, %v", i, balance, err)
		}
		total += balance
	}
	if total != accounts*10 {
		t.Errorf("there are %d in all, want %d", total, accounts*10)
	}
}

func transfer(from, to int) *dynamodb.TransactWriteItemsInput {
	move := func(account int, expression, condition string) types.TransactWriteItem {
		u := &types.Update{
			TableName: aws.String("things"), Key: attributes{"pk": s("account"), "sk": s(strconv.Itoa(account))},
			UpdateExpression: aws.String(expression), ExpressionAttributeValues: attributes{":some": n(3)},
		}
		if condition != "" {
			u.ConditionExpression = aws.String(condition)
		}
		return types.TransactWriteItem{Update: u}
	}
	return &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		move(to, "SET balance = balance + :some", ""),
		move(from, "SET balance = balance - :some", "balance >= :some"),
	}}
}

func TestACancelledTransactionSaysWhyForEachPart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.put(t, attributes{"pk": s("a"), "sk": s("1"), "note": s("there")})
	absent := aws.String("attribute_not_exists(pk)")
	part := func(sk string) *types.Put {
		return &types.Put{TableName: aws.String("things"), Item: attributes{"pk": s("a"), "sk": s(sk)}, ConditionExpression: absent}
	}
	told := part("1")
	told.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	check := &types.ConditionCheck{TableName: aws.String("things"), Key: attributes{"pk": s("a"), "sk": s("3")}, ConditionExpression: aws.String("attribute_exists(pk)")}
	_, err := b.client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{{Put: part("2")}, {Put: told}, {ConditionCheck: check}},
	})
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		t.Fatal(err)
	}
	codes := make([]string, len(cancelled.CancellationReasons))
	for i, r := range cancelled.CancellationReasons {
		codes[i] = aws.ToString(r.Code)
	}
	if got := strings.Join(codes, " "); got != "None ConditionalCheckFailed ConditionalCheckFailed" {
		t.Errorf("reasons %s", got)
	}
	if diff := cmp.Diff(b.get(t, "a", "1"), cancelled.CancellationReasons[1].Item, anyValue); diff != "" {
		t.Errorf("the item told (-there +told):\n%s", diff)
	}
	if made := b.get(t, "a", "2"); made != nil {
		t.Errorf("a part of a cancelled transaction was done: %v", made)
	}
	_, err = b.client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{{Put: part("5")}, {Put: part("5")}},
	})
	refusedWith(t, err, "ValidationException", "multiple operations on one item")
}

func TestATransactionIsMadeOncePerToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	count := func(token string, by int) error {
		_, err := b.client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
			ClientRequestToken: aws.String(token),
			TransactItems: []types.TransactWriteItem{{Update: &types.Update{
				TableName: aws.String("things"), Key: attributes{"pk": s("a"), "sk": s("b")},
				UpdateExpression: aws.String("ADD visits :by"), ExpressionAttributeValues: attributes{":by": n(by)},
			}}},
		})
		return err
	}
	for _, token := range []string{"one", "one", "two", "one"} {
		if err := count(token, 1); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(n(2), b.get(t, "a", "b")["visits"], anyValue); diff != "" {
		t.Errorf("after two tokens (-want +got):\n%s", diff)
	}
	refusedWith(t, count("one", 7), "IdempotentParameterMismatchException", "")
}

func TestBatchesWriteAndReadManyItems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var requests []types.WriteRequest
	keys := make([]map[string]types.AttributeValue, 0, 25)
	for i := range 25 {
		key := attributes{"pk": s("a"), "sk": s(fmt.Sprintf("%02d", i))}
		keys = append(keys, key)
		requests = append(requests, types.WriteRequest{PutRequest: &types.PutRequest{Item: key}})
	}
	write := func(requests []types.WriteRequest) error {
		_, err := b.client.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"things": requests}})
		return err
	}
	if err := write(requests); err != nil {
		t.Fatal(err)
	}
	if err := write([]types.WriteRequest{{DeleteRequest: &types.DeleteRequest{Key: keys[3]}}}); err != nil {
		t.Fatal(err)
	}
	out, err := b.client.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"things": {Keys: keys}}})
	if err != nil || len(out.Responses["things"]) != 24 {
		t.Errorf("read %d of 24 items, %v", len(out.Responses["things"]), err)
	}
	refusedWith(t, write(append(requests, requests[0])), "ValidationException", "duplicates")
}
