package dynamo_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sortKeys runs a query to its end and lists what it found.
func (b bundle) sortKeys(t testing.TB, q dynamodb.QueryInput) []string {
	t.Helper()
	q.TableName = aws.String("things")
	found := []string{}
	pages := dynamodb.NewQueryPaginator(b.client, &q)
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if q.Limit != nil && page.ScannedCount > *q.Limit {
			t.Errorf("a page looked at %d items, the limit is %d", page.ScannedCount, *q.Limit)
		}
		for _, i := range page.Items {
			found = append(found, i["sk"].(*types.AttributeValueMemberS).Value)
		}
	}
	return found
}

func TestQueriesFindWhatTheirConditionsSay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, sk := range []string{"a1", "a2", "b1", "b2", "c1"} {
		b.put(t, attributes{"pk": s("p"), "sk": s(sk), "holder": s("me"), "grade": n(10 - 3*i), "note": s("note " + sk)})
		b.put(t, attributes{"pk": s("other"), "sk": s(sk)})
	}
	values := attributes{":p": s("p"), ":b": s("b"), ":b1": s("b1"), ":b2": s("b2"), ":note": s("note b1"), ":me": s("me"), ":zero": n(0), ":seven": n(7)}
	for name, test := range map[string]struct {
		key, filter, index string
		backward           bool
		want               string
	}{
		"a partition in order":         {key: "pk = :p", want: "a1 a2 b1 b2 c1"},
		"backward":                     {key: "pk = :p", backward: true, want: "c1 b2 b1 a2 a1"},
		"one item":                     {key: "pk = :p AND sk = :b1", want: "b1"},
		"before":                       {key: "pk = :p AND sk < :b1", want: "a1 a2"},
		"from":                         {key: "sk >= :b1 AND pk = :p", want: "b1 b2 c1"},
		"between, both ends included":  {key: "pk = :p AND sk BETWEEN :b1 AND :b2", want: "b1 b2"},
		"a prefix":                     {key: "pk = :p AND begins_with(sk, :b)", want: "b1 b2"},
		"in parentheses":               {key: "(pk = :p) AND (sk > :b1)", want: "b2 c1"},
		"filtered":                     {key: "pk = :p", filter: "note > :note", want: "b2 c1"},
		"an index by number":           {key: "holder = :me", index: "by_owner", want: "c1 b2 b1 a2 a1"},
		"an index between numbers":     {key: "holder = :me AND grade BETWEEN :zero AND :seven", index: "by_owner", want: "b2 b1 a2"},
		"an index that has keys only":  {key: "holder = :me", filter: "note > :note", index: "keys", want: ""},
		"an index that has more":       {key: "holder = :me", filter: "note > :note", index: "some", want: "b2 c1"},
		"a partition that nobody made": {key: "pk = :me", want: ""},
	} {
		for _, limit := range []int32{0, 1, 2, 5} {
			t.Run(fmt.Sprintf("%s, pages of %d", name, limit), func(t *testing.T) {
				t.Parallel()
				q := dynamodb.QueryInput{KeyConditionExpression: aws.String(test.key), ScanIndexForward: aws.Bool(!test.backward), ExpressionAttributeValues: attributes{}}
				if limit > 0 {
					q.Limit = aws.Int32(limit)
				}
				if test.filter != "" {
					q.FilterExpression = aws.String(test.filter)
				}
				if test.index != "" {
					q.IndexName = aws.String(test.index)
				}
				for name, v := range values {
					if slices.Contains(strings.FieldsFunc(test.key+" "+test.filter, func(r rune) bool { return strings.ContainsRune(" (),", r) }), name) {
						q.ExpressionAttributeValues[name] = v
					}
				}
				if got := strings.Join(b.sortKeys(t, q), " "); got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
			})
		}
	}
}

func TestAQueryAnswersAMegabyteAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const items = 25
	for i := range items {
		b.put(t, attributes{"pk": s("p"), "sk": s(fmt.Sprintf("%02d", i)), "note": s(strings.Repeat("x", 100<<10))})
	}
	out, err := b.client.Query(t.Context(), &dynamodb.QueryInput{
		TableName: aws.String("things"), KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: attributes{":p": s("p")},
	})
	if err != nil || len(out.Items) != 11 || out.LastEvaluatedKey == nil {
		t.Errorf("the first page has %d items and goes on at %v, %v", len(out.Items), out.LastEvaluatedKey, err)
	}
	if got := b.sortKeys(t, dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: attributes{":p": s("p")}}); len(got) != items {
		t.Errorf("all pages have %d items, want %d", len(got), items)
	}
}

func TestCountingSendsNoItems(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 4 {
		b.put(t, attributes{"pk": s("p"), "sk": s(strconv.Itoa(i)), "grade": n(i)})
	}
	out, err := b.client.Query(t.Context(), &dynamodb.QueryInput{
		TableName: aws.String("things"), KeyConditionExpression: aws.String("pk = :p"), FilterExpression: aws.String("grade > :one"),
		ExpressionAttributeValues: attributes{":p": s("p"), ":one": n(1)}, Select: types.SelectCount,
	})
	if err != nil || out.Count != 2 || out.ScannedCount != 4 || len(out.Items) != 0 {
		t.Errorf("got %+v, %v", out, err)
	}
}

// thing is a row of the model that the table is held against.
type thing struct {
	pk, sk, holder string // no holder: not in the index
	grade          int
}

func (x thing) item() attributes {
	i := attributes{"pk": s(x.pk), "sk": s(x.sk), "grade": n(x.grade)}
	if x.holder != "" {
		i["holder"] = s(x.holder)
	}
	return i
}

// TestIndexesAndScansFollowEveryWrite makes random writes and holds indexes and
// scans against a list of rows that is searched by hand.
func TestIndexesAndScansFollowEveryWrite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		b := setup(t)
		model := map[string]thing{}
		few := func(label string, names ...string) string { return rapid.SampledFrom(names).Draw(r, label) }
		for range rapid.IntRange(1, 25).Draw(r, "writes") {
			x := thing{few("pk", "p", "q", "r"), few("sk", "1", "2", "3"), few("holder", "", "me", "you"), rapid.IntRange(-2, 12).Draw(r, "grade")}
			key := attributes{"pk": s(x.pk), "sk": s(x.sk)}
			var err error
			switch few("write", "put", "update", "delete") {
			case "put":
				model[x.pk+x.sk] = x
				_, err = b.client.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String("things"), Item: x.item()})
			case "update":
				model[x.pk+x.sk] = x
				u := &dynamodb.UpdateItemInput{TableName: aws.String("things"), Key: key,
					UpdateExpression: aws.String("SET grade = :grade REMOVE holder"), ExpressionAttributeValues: attributes{":grade": n(x.grade)}}
				if x.holder != "" {
					u.UpdateExpression = aws.String("SET grade = :grade, holder = :holder")
					u.ExpressionAttributeValues[":holder"] = s(x.holder)
				}
				_, err = b.client.UpdateItem(context.Background(), u)
			case "delete":
				delete(model, x.pk+x.sk)
				_, err = b.client.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: aws.String("things"), Key: key})
			}
			if err != nil {
				r.Fatal(err)
			}
		}
		limit := aws.Int32(rapid.Int32Range(1, 4).Draw(r, "limit"))
		held := dynamodb.QueryInput{IndexName: aws.String("by_owner"), KeyConditionExpression: aws.String("holder = :me"), ExpressionAttributeValues: attributes{":me": s("me")}, Limit: limit}
		if diff := gocmp.Diff(wanted(model), b.sortKeys(t, held)); diff != "" {
			r.Fatalf("the index (-want +got):\n%s", diff)
		}
		if got := b.scanned(t, limit); got != len(model) {
			r.Fatalf("a scan found %d different items, want %d", got, len(model))
		}
	})
}

// wanted is what the index should say of "me".
func wanted(model map[string]thing) []string {
	var rows []thing
	for _, x := range model {
		if x.holder == "me" {
			rows = append(rows, x)
		}
	}
	slices.SortFunc(rows, func(a, b thing) int {
		return cmp.Or(cmp.Compare(a.grade, b.grade), cmp.Compare(a.pk, b.pk), cmp.Compare(a.sk, b.sk))
	})
	found := make([]string, 0, len(rows))
	for _, x := range rows {
		found = append(found, x.sk)
	}
	return found
}

func (b bundle) scanned(t testing.TB, limit *int32) int {
	t.Helper()
	seen := map[string]bool{}
	pages := dynamodb.NewScanPaginator(b.client, &dynamodb.ScanInput{TableName: aws.String("things"), Limit: limit})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.Items {
			name := i["pk"].(*types.AttributeValueMemberS).Value + i["sk"].(*types.AttributeValueMemberS).Value
			if seen[name] {
				t.Errorf("a scan found %s twice", name)
			}
			seen[name] = true
		}
	}
	return len(seen)
}
