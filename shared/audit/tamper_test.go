package audit_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"lifecycle/shared/audit"
	"lifecycle/shared/audit/audittest"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/dynamo"
)

type item = map[string]types.AttributeValue

// forger changes the table behind the ledger's back.
type forger struct {
	client *dynamodb.Client
	ledger *audit.Ledger
	length int64 // records in the stream "s"
}

// writeStream makes a stream of random changes, at least three records long,
// with a change that was made and one that is open.
func writeStream(r *rapid.T) forger {
	db := dynamo.New()
	if err := db.CreateTable(context.Background(), audittest.Table); err != nil {
		r.Fatal(err)
	}
	f := forger{client: db.Client()}
	f.ledger = audit.New(f.client, audittest.Table.Name)
	ctx := audittest.In(context.Background(), "s")
	outcomes := append([]error{nil, &fault.Unavailable{Message: "no answer"}},
		rapid.SliceOfN(rapid.SampledFrom([]error{nil, &fault.Unavailable{}, &fault.Denied{Message: "no"}}), 0, 2).Draw(r, "outcomes")...)
	for i, outcome := range outcomes {
		c := audittest.Grant(fmt.Sprintf("group/%d", i%3))
		c.Before = map[string]any{"n": i}
		if err := f.ledger.Do(ctx, c, audittest.Fails(outcome)); !errors.Is(err, outcome) {
			r.Fatal(err)
		}
		f.length += 2
	}
	return f
}

func sortKey(seq int64) string { return fmt.Sprintf("%012d", seq) }

func (f forger) read(t rapid.TB, sk string) item {
	out, err := f.client.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: aws.String(audittest.Table.Name), Key: item{"pk": text("s"), "sk": text(sk)}})
	if err != nil || out.Item == nil {
		t.Fatalf("item %s: %v", sk, err)
	}
	return out.Item
}

func (f forger) write(t rapid.TB, i item) {
	if _, err := f.client.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String(audittest.Table.Name), Item: i}); err != nil {
		t.Fatal(err)
	}
}

func (f forger) remove(t rapid.TB, sk string) {
	if _, err := f.client.DeleteItem(context.Background(), &dynamodb.DeleteItemInput{TableName: aws.String(audittest.Table.Name), Key: item{"pk": text("s"), "sk": text(sk)}}); err != nil {
		t.Fatal(err)
	}
}

func (f forger) verify(t rapid.TB) audit.Verification {
	v, err := f.ledger.Verify(context.Background(), "s")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func textOf(v types.AttributeValue) string { return v.(*types.AttributeValueMemberS).Value }

// rehash gives a forged record the hash of its body.
func rehash(i item) {
	sum := sha256.Sum256([]byte(textOf(i["body"])))
	i["hash"] = text(hex.EncodeToString(sum[:]))
}

// alterBody changes one field of a record's body, any field, so that it differs.
func alterBody(r *rapid.T, i item) {
	var fields map[string]any
	if err := json.Unmarshal([]byte(textOf(i["body"])), &fields); err != nil {
		r.Fatal(err)
	}
	names := []string{}
	for name := range maps.Keys(fields) {
		if name != "stream" && name != "seq" && name != "previous" {
			names = append(names, name)
		}
	}
	name := rapid.SampledFrom(append(names, "added")).Draw(r, "field")
	if rapid.Bool().Draw(r, "drop") && name != "added" {
		delete(fields, name)
	} else {
		fields[name] = map[string]any{"forged": fields[name]}
		if _, isText := fields[name].(string); isText {
			fields[name] = "forged"
		}
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		r.Fatal(err)
	}
	i["body"] = text(string(raw))
}

// forgeries are ways to tamper; each returns the record that Verify has to name.
var forgeries = map[string]func(*rapid.T, forger) int64{
	"a field is altered": func(r *rapid.T, f forger) int64 {
		seq := rapid.Int64Range(1, f.length).Draw(r, "record")
		i := f.read(r, sortKey(seq))
		alterBody(r, i)
		f.write(r, i)
		return seq
	},
	"a field is altered and the hash made to fit": func(r *rapid.T, f forger) int64 {
		seq := rapid.Int64Range(1, f.length).Draw(r, "record")
		i := f.read(r, sortKey(seq))
		alterBody(r, i)
		rehash(i)
		f.write(r, i)
		return seq
	},
	"a hash is altered": func(r *rapid.T, f forger) int64 {
		seq := rapid.Int64Range(1, f.length).Draw(r, "record")
		i := f.read(r, sortKey(seq))
		i["hash"] = text(strings.Repeat("0", 64))
		f.write(r, i)
		return seq
	},
	"an attribute of an index is altered": func(r *rapid.T, f forger) int64 {
		seq := rapid.Int64Range(1, f.length).Draw(r, "record")
		i := f.read(r, sortKey(seq))
		name := rapid.SampledFrom([]string{"subject", "actor", "day", "at_seq"}).Draw(r, "attribute")
		i[name] = text("forged")
		if rapid.Bool().Draw(r, "drop") {
			delete(i, name)
		}
		f.write(r, i)
		return seq
	},
	"an attribute of another kind": func(r *rapid.T, f forger) int64 {
		seq := rapid.Int64Range(1, f.length).Draw(r, "record")
		i := f.read(r, sortKey(seq))
		i[rapid.SampledFrom([]string{"body", "hash"}).Draw(r, "attribute")] = &types.AttributeValueMemberBOOL{Value: true}
		f.write(r, i)
		return seq
	},
	"a record is deleted": func(r *rapid.T, f forger) int64 {
		seq := rapid.Int64Range(1, f.length).Draw(r, "record")
		f.remove(r, sortKey(seq))
		return seq
	},
	"the last records are deleted": func(r *rapid.T, f forger) int64 {
		seq := rapid.Int64Range(1, f.length).Draw(r, "from")
		for s := seq; s <= f.length; s++ {
			f.remove(r, sortKey(s))
		}
		return seq
	},
	"two records change places": func(r *rapid.T, f forger) int64 {
		first := rapid.Int64Range(1, f.length-1).Draw(r, "first")
		second := rapid.Int64Range(first+1, f.length).Draw(r, "second")
		a, b := f.read(r, sortKey(first)), f.read(r, sortKey(second))
		a["sk"], b["sk"] = b["sk"], a["sk"]
		f.write(r, a)
		f.write(r, b)
		return first
	},
	"a record of another stream is put in place": func(r *rapid.T, f forger) int64 {
		seq := rapid.Int64Range(1, f.length).Draw(r, "record")
		for range seq {
			if _, err := f.ledger.Fact(audittest.In(context.Background(), "t"), audittest.Grant("group/0")); err != nil {
				r.Fatal(err)
			}
		}
		out, err := f.client.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: aws.String(audittest.Table.Name), Key: item{"pk": text("t"), "sk": text(sortKey(seq))}})
		if err != nil {
			r.Fatal(err)
		}
		out.Item["pk"] = text("s")
		f.write(r, out.Item)
		return seq
	},
	"a record is added behind the last": func(r *rapid.T, f forger) int64 {
		last := f.read(r, sortKey(f.length))
		last["sk"] = text(sortKey(f.length + 1))
		last["body"] = text(strings.NewReplacer(
			fmt.Sprintf(`"seq":%d,`, f.length), fmt.Sprintf(`"seq":%d,`, f.length+1),
			`"previous":"`, fmt.Sprintf(`"previous":"%s","was":"`, textOf(last["hash"])),
		).Replace(textOf(last["body"])))
		rehash(last)
		for name, value := range indexedAs(r, last) {
			last[name] = text(value)
		}
		f.write(r, last)
		return f.length + 1
	},
	"an item is slipped in between": func(r *rapid.T, f forger) int64 {
		seq := rapid.Int64Range(1, f.length).Draw(r, "record")
		i := f.read(r, sortKey(seq))
		i["sk"] = text(sortKey(seq) + "a")
		f.write(r, i)
		return seq + 1
	},
	"the head is removed": func(r *rapid.T, f forger) int64 {
		f.remove(r, "head")
		return f.length
	},
	"the head names an earlier record": func(r *rapid.T, f forger) int64 {
		seq := rapid.Int64Range(1, f.length-1).Draw(r, "record")
		h := f.read(r, "head")
		h["seq"], h["hash"] = &types.AttributeValueMemberN{Value: fmt.Sprint(seq)}, f.read(r, sortKey(seq))["hash"]
		f.write(r, h)
		return seq + 1
	},
	"the head hides what is open": func(r *rapid.T, f forger) int64 {
		h := f.read(r, "head")
		open := h["open"].(*types.AttributeValueMemberM).Value
		lowest := f.length
		for _, v := range open {
			var seq int64
			if _, err := fmt.Sscan(v.(*types.AttributeValueMemberN).Value, &seq); err != nil {
				r.Fatal(err)
			}
			lowest = min(lowest, seq)
		}
		if len(open) == 0 {
			r.Skip("nothing is open")
		}
		h["open"] = &types.AttributeValueMemberM{Value: item{}}
		f.write(r, h)
		return lowest
	},
}

// indexedAs is where the indexes find the forged record.
func indexedAs(r *rapid.T, i item) map[string]string {
	at := textOf(i["at_seq"])
	var fields struct {
		Seq int64 `json:"seq"`
	}
	if err := json.Unmarshal([]byte(textOf(i["body"])), &fields); err != nil {
		r.Fatal(err)
	}
	return map[string]string{"at_seq": at[:strings.IndexByte(at, '#')+1] + sortKey(fields.Seq)}
}

func TestTamperingIsFoundAndTheFirstBadRecordNamed(t *testing.T) {
	t.Parallel()
	for name, forge := range forgeries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				f := writeStream(r)
				if v := f.verify(r); !v.OK() || v.Records != int(f.length) {
					r.Fatalf("before any forgery: %s", v)
				}
				want := forge(r, f)
				if v := f.verify(r); v.OK() || v.Bad != want || !strings.Contains(v.String(), v.Problem) {
					r.Fatalf("got %q, want record %d named", v, want)
				}
				report, err := f.ledger.VerifyAll(context.Background())
				if err != nil || report.OK() || report.Damaged != 1 || report.First.Stream != "s" {
					r.Fatalf("the whole ledger: %s, %v", report, err)
				}
			})
		})
	}
}

// A fork whose branch the head names cannot say which of two records that do not
// fit is the forged one, but it shows.
func TestAForkThatTheHeadNamesIsFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		f := writeStream(r)
		// The head goes back, a record is appended, and the old ones are put behind it.
		// With nothing left to put behind the branch it is no fork, but a stream
		// written anew by somebody who may write the head.
		seq := rapid.Int64Range(1, f.length-2).Draw(r, "fork at")
		kept := map[int64]item{}
		for s := seq + 1; s <= f.length; s++ {
			kept[s] = f.read(r, sortKey(s))
			f.remove(r, sortKey(s))
		}
		h := f.read(r, "head")
		h["seq"], h["hash"] = &types.AttributeValueMemberN{Value: fmt.Sprint(seq)}, f.read(r, sortKey(seq))["hash"]
		f.write(r, h)
		if _, err := f.ledger.Fact(audittest.In(context.Background(), "s"), audittest.Grant("forged")); err != nil {
			r.Fatal(err)
		}
		for s := seq + 2; s <= f.length; s++ {
			f.write(r, kept[s])
		}
		if v := f.verify(r); v.OK() || v.Bad < seq+1 || v.Bad > seq+2 {
			r.Fatalf("got %q after a fork at %d of %d", v, seq, f.length)
		}
	})
}

func TestWhatWasDoneCannotBeHiddenOrMadeUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		f := writeStream(r)
		out, err := f.client.Query(context.Background(), &dynamodb.QueryInput{
			TableName: aws.String(audittest.Table.Name), KeyConditionExpression: aws.String("pk = :s AND begins_with(sk, :done)"),
			ExpressionAttributeValues: item{":s": text("s"), ":done": text("done#")},
		})
		if err != nil || len(out.Items) == 0 {
			r.Fatal(err)
		}
		i := rapid.SampledFrom(out.Items).Draw(r, "item")
		switch rapid.SampledFrom([]string{"hide", "move", "make up"}).Draw(r, "forgery") {
		case "hide":
			f.remove(r, textOf(i["sk"]))
		case "move":
			i["seq"] = &types.AttributeValueMemberN{Value: "1"}
			f.write(r, i)
		case "make up":
			i["sk"] = text("done#made-up")
			f.write(r, i)
		}
		if v := f.verify(r); v.OK() {
			r.Fatal("not found")
		}
	})
}

func TestADamagedRecordIsNotReadAsIfNothingWereWrong(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		f := writeStream(r)
		ctx := audittest.In(context.Background(), "s")
		c := audittest.Grant("group/0")
		made, ok, err := f.ledger.Done(ctx, c.Verb, c.Target, c.Key)
		if err != nil || !ok {
			r.Fatal(ok, err)
		}
		i := f.read(r, sortKey(made.Seq))
		i["body"] = text("{")
		f.write(r, i)
		if _, err := f.ledger.Stream(ctx, "s"); !fault.Is[*fault.Conflict](err) {
			r.Errorf("Stream: %v", err)
		}
		if _, _, err := f.ledger.Done(ctx, c.Verb, c.Target, c.Key); !fault.Is[*fault.Conflict](err) {
			r.Errorf("Done: %v", err)
		}
		h := f.read(r, "head")
		delete(h, "open")
		f.write(r, h)
		if _, err := f.ledger.Fact(ctx, c); !fault.Is[*fault.Conflict](err) {
			r.Errorf("appending to a damaged head: %v", err)
		}
	})
}
