package audit_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"lifecycle/shared/audit"
	"lifecycle/shared/audit/audittest"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/dynamo"
)

// TestSearch holds every search, page by page, against a look through everything.
func TestSearch(t *testing.T) {
	t.Parallel()
	db := dynamo.New()
	if err := db.CreateTable(t.Context(), audittest.Table); err != nil {
		t.Fatal(err)
	}
	ledger := audit.New(db.Client(), audittest.Table.Name)
	var all []audit.Record
	var days []time.Time
	synctest.Test(t, func(t *testing.T) { // a year, within an instant
		for i := range 60 {
			ctx := audit.WithTrail(t.Context(), audit.Trail{Stream: fmt.Sprintf("incident/%d", i%7), Ticket: fmt.Sprintf("INC%d", i%7), Actor: fmt.Sprintf("system:%d", i%3)})
			r, err := ledger.Fact(ctx, audit.Change{Verb: "group.add", Subject: fmt.Sprintf("00u%d", i%5), Target: fmt.Sprintf("group/%d", i%4)})
			if err != nil {
				t.Fatal(err)
			}
			all, days = append(all, r), append(days, r.At)
			time.Sleep(time.Duration(i*i) * time.Hour / 10)
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		pick := func(name, form string, n int) string {
			if !rapid.Bool().Draw(r, name) {
				return ""
			}
			return fmt.Sprintf(form, rapid.IntRange(0, n).Draw(r, name))
		}
		s := audit.Search{
			Subject: pick("subject", "00u%d", 5), Ticket: pick("ticket", "INC%d", 7), Target: pick("target", "group/%d", 4),
			Actor: pick("actor", "system:%d", 3), Stream: pick("stream", "incident/%d", 7), Limit: rapid.IntRange(1, 30).Draw(r, "limit"),
		}
		if s.From = rapid.SampledFrom(days).Draw(r, "from"); rapid.Bool().Draw(r, "whole") {
			s.From = days[0]
		}
		s.To = rapid.SampledFrom(days).Draw(r, "to").Add(time.Nanosecond)
		if !s.From.Before(s.To) {
			s.From, s.To = s.To, s.From
		}
		want := slices.DeleteFunc(slices.Clone(all), func(x audit.Record) bool {
			fits := func(asked, got string) bool { return asked == "" || asked == got }
			return !fits(s.Subject, x.Subject) || !fits(s.Ticket, x.Ticket) || !fits(s.Target, x.Target) || !fits(s.Actor, x.Actor) ||
				!fits(s.Stream, x.Stream) || x.At.Before(s.From) || !x.At.Before(s.To)
		})
		var got []audit.Record
		for pages := 0; ; pages++ {
			page, err := ledger.Search(context.Background(), s)
			if err != nil || page.Read > s.Limit || pages > 200 {
				r.Fatalf("page %d: %d read, %v", pages, page.Read, err)
			}
			for _, f := range page.Found {
				got = append(got, f.Record)
			}
			if page.Next == (audit.Place{}) {
				break
			}
			s.After = page.Next
		}
		same := func(a, b audit.Record) bool { return a.Hash == b.Hash }
		if !slices.EqualFunc(got, want, same) {
			r.Fatalf("%+v: %d found, want %d", s, len(got), len(want))
		}
		if !slices.IsSortedFunc(got, func(a, b audit.Record) int { return cmp.Or(a.At.Compare(b.At)) }) {
			r.Fatal("not in order")
		}
	})
	for _, bad := range []audit.Search{{}, {From: days[0]}, {From: days[9], To: days[3]}} {
		if _, err := ledger.Search(t.Context(), bad); !fault.Is[*fault.Invalid](err) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestTimeNeverGoesBackWithinAStream(t *testing.T) {
	t.Parallel()
	f := setupForger(t)
	first, err := f.ledger.Fact(audittest.In(t.Context(), "s"), audittest.Grant("group/1"))
	if err != nil {
		t.Fatal(err)
	}
	// The one who wrote last had a clock that is an hour ahead.
	h := f.read(t, "head")
	ahead := first.At.Add(time.Hour)
	h["at"] = text(ahead.Format("2006-01-02T15:04:05.000000000Z"))
	f.write(t, h)
	second, err := f.ledger.Fact(audittest.In(t.Context(), "s"), audittest.Grant("group/2"))
	if err != nil || !second.At.Equal(ahead) {
		t.Errorf("written at %s after %s: %v", second.At, ahead, err)
	}
}

func setupForger(t *testing.T) forger {
	t.Helper()
	db := dynamo.New()
	if err := db.CreateTable(t.Context(), audittest.Table); err != nil {
		t.Fatal(err)
	}
	return forger{client: db.Client(), ledger: audit.New(db.Client(), audittest.Table.Name)}
}

func TestAnAttributeThatNoRecordHasIsFound(t *testing.T) {
	t.Parallel()
	f := setupForger(t)
	for range 2 {
		if _, err := f.ledger.Fact(audittest.In(t.Context(), "s"), audittest.Grant("group/1")); err != nil {
			t.Fatal(err)
		}
	}
	i := f.read(t, sortKey(1))
	i["note"] = text("hidden")
	f.write(t, i)
	if v := f.verify(t); v.OK() || v.Bad != 1 {
		t.Errorf("%s", v)
	}
}

func TestRecordsHaveNames(t *testing.T) {
	t.Parallel()
	for ref, want := range map[string]int64{"incident/ab/12": 12, "s/1": 1, "incident/ab/0": 0, "incident/ab/x": 0, "12": 0, "/12": 0, "a/012": 0, "a/-1": 0, "": 0} {
		stream, seq, ok := audit.ParseRef(ref)
		if ok != (want > 0) || ok && (seq != want || (audit.Record{Stream: stream, Seq: seq}).Ref() != ref) {
			t.Errorf("%q: %q, %d, %t", ref, stream, seq, ok)
		}
	}
}

func TestHeadsAndStreams(t *testing.T) {
	t.Parallel()
	f := setupForger(t)
	var names []string
	for i := range 150 {
		names = append(names, fmt.Sprintf("incident/%03d", i))
		if _, err := f.ledger.Fact(audittest.In(t.Context(), names[i]), audittest.Grant("group/1")); err != nil {
			t.Fatal(err)
		}
	}
	heads, err := f.ledger.Heads(t.Context(), append(names, "incident/none"))
	if err != nil || len(heads) != 150 || heads[0].Seq != 1 || len(heads[0].Hash) != 64 {
		t.Errorf("%d heads, %v", len(heads), err)
	}
	found := map[string]bool{}
	for after := (audit.Place{}); ; {
		streams, next, err := f.ledger.StreamsFrom(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range streams {
			found[s] = true
		}
		if after = next; next == (audit.Place{}) {
			break
		}
	}
	if len(found) != 150 {
		t.Errorf("%d streams", len(found))
	}
	got, ok, err := f.ledger.At(t.Context(), "incident/007", 1)
	if err != nil || !ok || got.Ref() != "incident/007/1" || got.Body == "" {
		t.Errorf("%+v %t %v", got, ok, err)
	}
	if _, ok, err := f.ledger.At(t.Context(), "incident/007", 2); ok || err != nil {
		t.Errorf("a record that is not there: %t %v", ok, err)
	}
	_, _ = f.client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(audittest.Table.Name), Key: map[string]types.AttributeValue{"pk": text("incident/007"), "sk": text("head")}})
	if heads, err := f.ledger.Heads(t.Context(), names); err != nil || len(heads) != 149 {
		t.Errorf("%d heads once one was removed, %v", len(heads), err)
	}
}
