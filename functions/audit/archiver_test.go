package audit

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"lifecycle/shared/fault"
)

func TestARecordIsArchivedOnceHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		e := newEvidence(r)
		e.grants(r, "s/1", rapid.IntRange(1, 5).Draw(r, "records"))
		e.grants(r, "t/x y", 2)
		batch, n := e.batch(r), e.stream.Len()
		// Calls of S3 fail now and then, and the batch comes again each time.
		failures := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 4).Draw(r, "failures")
		for i, broken := range append(failures, 0) {
			e.breakS3 = broken
			out, err := e.archiver.Handle(t.Context(), batch)
			if err != nil {
				r.Fatal(err)
			}
			failed := out.(events.DynamoDBEventResponse).BatchItemFailures
			if (broken == 0) != (len(failed) == 0) && i == len(failures) || len(failed) > 1 {
				r.Fatalf("%d calls fail, and %v are handed back", broken, failed)
			}
		}
		e.breakS3 = 0
		e.stream.Drop(n)
		c := e.check(r, true)
		if !c.OK() || c.Archived != c.Records {
			r.Fatal(c)
		}
		for _, key := range e.store.Keys(archiveName) {
			if n := len(e.store.Versions(archiveName, key)); n != 1 {
				r.Fatalf("%s has %d versions", key, n)
			}
			if until := e.store.Locked(archiveName, key)[0]; time.Until(until) < 2556*24*time.Hour {
				r.Fatalf("%s is locked until %s", key, until)
			}
		}
	})
}

func TestWhatFailedIsHandedBackFromTheFirstOn(t *testing.T) {
	t.Parallel()
	e := newEvidence(t)
	e.grants(t, "s/1", 3)
	e.breakS3 = 1
	out, err := e.archiver.Handle(t.Context(), e.batch(t))
	if err != nil {
		t.Fatal(err)
	}
	var first struct{ Records []events.DynamoDBEventRecord }
	if err := json.Unmarshal(e.batch(t), &first); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(first.Records, func(r events.DynamoDBEventRecord) bool {
		return strings.HasPrefix(r.Change.Keys["sk"].String(), "0")
	})
	failed := out.(events.DynamoDBEventResponse).BatchItemFailures
	if len(failed) != 1 || failed[0].ItemIdentifier != first.Records[i].Change.SequenceNumber {
		t.Errorf("handed back %v, want the first record", failed)
	}
	if n := len(e.store.Keys(archiveName)); n != 0 {
		t.Errorf("%d objects, although the first one failed", n)
	}
}

func TestAChangeOfARecordIsToldAndKept(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(e *evidence)
		want   string
	}{
		"altered": {func(e *evidence) {
			i := e.read(t, sortKey(2))
			i["body"] = text("{}")
			e.write(t, i)
		}, "MODIFY"},
		"deleted":          {func(e *evidence) { e.remove(t, "s/1", sortKey(2)) }, "REMOVE"},
		"the head is gone": {func(e *evidence) { e.remove(t, "s/1", "head") }, "REMOVE"},
		"copied from another place": {func(e *evidence) {
			i := e.read(t, sortKey(2))
			i["sk"] = text(sortKey(4))
			e.write(t, i)
		}, "INSERT"},
		"slipped in": {func(e *evidence) {
			e.write(t, item{"pk": text("s/1"), "sk": text(sortKey(2) + "a"), "body": text("{}")})
		}, "INSERT"},
		"with a false hash": {func(e *evidence) {
			e.write(t, item{"pk": text("s/1"), "sk": text(sortKey(9)), "body": text("{}"), "hash": text("0")})
		}, "INSERT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEvidence(t)
			e.grants(t, "s/1", 3)
			e.archive(t)
			tt.change(e)
			e.archive(t)
			e.archive(t) // and once more, which adds nothing
			var told []observed
			for _, key := range e.store.Keys(archiveName) {
				if !strings.HasPrefix(key, findingsPrefix) {
					continue
				}
				content, _ := e.store.Get(archiveName, key)
				var o observed
				if err := json.Unmarshal(content, &o); err != nil {
					t.Fatal(err)
				}
				told = append(told, o)
			}
			if len(told) != 1 || told[0].EventName != tt.want || told[0].Stream != "s/1" {
				t.Errorf("told %+v", told)
			}
		})
	}
}

func TestWhatTheStreamLostIsCaughtUpWith(t *testing.T) {
	t.Parallel()
	e := newEvidence(t)
	e.grants(t, "s/1", 3)
	e.archive(t)
	e.grants(t, "s/1", 2)
	e.grants(t, "t/1", 1)
	e.stream.Drop(e.stream.Len()) // lost
	day := time.Now().UTC().Truncate(24 * time.Hour)
	if c := e.check(t, false); len(c.Problems) != 3 {
		t.Fatalf("problems %v", c.Problems)
	}
	for run, want := range []Caught{{Records: 6, Archived: 3, Streams: 2}, {Records: 6, Streams: 2}} {
		got, err := e.archiver.CatchUp(t.Context(), day, day.AddDate(0, 0, 1))
		if err != nil || got != want {
			t.Errorf("run %d: %+v, %v, want %+v", run+1, got, err, want)
		}
	}
	if c := e.check(t, true); !c.OK() || c.Archived != 6 {
		t.Error(c)
	}
	e.remove(t, "s/1", sortKey(2))
	if got, err := e.archiver.CatchUp(t.Context(), day, day.AddDate(0, 0, 1)); err != nil || got.Problems != 2 || got.Archived != 0 {
		t.Errorf("with a record deleted: %+v, %v", got, err)
	}
	i := e.read(t, sortKey(3))
	i["body"] = text("{")
	e.write(t, i)
	if got, err := e.archiver.CatchUp(t.Context(), day, day.AddDate(0, 0, 1)); err != nil || got.Problems < 3 || got.Archived != 0 {
		t.Errorf("with a record that cannot be read: %+v, %v", got, err)
	}
	for _, bad := range []string{`{}`, `{"catch_up_days":0}`, `[]`, `"x"`} {
		if _, err := e.archiver.Handle(t.Context(), json.RawMessage(bad)); !fault.Is[*fault.Invalid](err) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := e.archiver.Handle(t.Context(), json.RawMessage(`{"catch_up_days":2}`)); err != nil {
		t.Error(err)
	}
}
