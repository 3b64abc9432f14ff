// Package audittest is the ledger's conformance suite: what must hold on every
// DynamoDB.
package audittest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/dynamo/dynamotest"
)

// What the suite's records speak of.
const (
	person = "00u1"
	member = "member"
	active = "ACTIVE"
	secret = "hunter2"
	moment = "at_seq" // the sort key of the indexes
)

// Table is the ledger's table.
var Table = dynamo.Spec{
	Name: "ledger", Hash: "pk", Range: "sk",
	Indexes: []dynamo.Index{
		{Name: "subject", Hash: "subject", Range: moment},
		{Name: "actor", Hash: "actor", Range: moment},
		{Name: "day", Hash: "day", Range: moment},
		{Name: "ticket", Hash: "ticket", Range: moment},
		{Name: "target", Hash: "target", Range: moment},
	},
}

// In returns a context on the trail of a ticket.
func In(ctx context.Context, stream string) context.Context {
	return audit.WithTrail(ctx, audit.Trail{
		Stream: stream, Execution: "arn:aws:states:::execution:onboarding:" + stream, Ticket: "INC" + stream,
		Actor: "system:onboarding", Step: "AddGroups", Attempt: 1,
	})
}

// Grant is a change to try things with.
func Grant(target string) audit.Change {
	return audit.Change{
		System: "okta", Verb: "group.add", Target: target, Subject: person,
		Reason: audit.Reason{Kind: "birthright", Ref: "engineering", Version: "v1", Text: "everyone in engineering"},
	}
}

// Makes is an act that succeeds.
func Makes(context.Context, audit.Attempt) (audit.Effect, error) {
	return audit.Effect{After: map[string]any{member: true}, RequestID: "req-1"}, nil
}

// Fails is an act that ends in err.
func Fails(err error) func(context.Context, audit.Attempt) (audit.Effect, error) {
	return func(context.Context, audit.Attempt) (audit.Effect, error) { return audit.Effect{}, err }
}

// Run runs the suite.
func Run(t *testing.T, e dynamotest.Engine) {
	t.Helper()
	for name, run := range map[string]func(*testing.T, *audit.Ledger){
		"a change leaves an intent and an outcome":                   traces,
		"a failed change leaves its error":                           failures,
		"a fact comes back as it was told":                           facts,
		"records are found by subject, actor and day":                indexes,
		"secrets are dropped at any depth":                           secrets,
		"what cannot be kept is refused before anything is done":     refusals,
		"only what is not known to have failed is repeated":          repeats,
		"what was done is found by verb, target and key":             done,
		"writers at once never fork a stream":                        writers,
		"an empty stream is intact":                                  empty,
		"outcomes are noted although the caller has run out of time": lateOutcomes,
	} {
		e.Case(t, name, Table, func(t *testing.T, client *dynamodb.Client, table string) {
			t.Helper()
			ledger := audit.New(client, table)
			run(t, ledger)
			report, err := ledger.VerifyAll(context.Background())
			if err != nil || !report.OK() {
				t.Errorf("afterwards: %s, %v", report, err)
			}
		})
	}
}

func stream(t *testing.T, l *audit.Ledger, name string) []audit.Record {
	t.Helper()
	records, err := l.Stream(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func traces(t *testing.T, l *audit.Ledger) {
	t.Helper()
	c := Grant("group/g1")
	c.Before, c.After, c.Key = map[string]any{member: false}, map[string]any{member: true}, "k"
	if err := l.Do(In(t.Context(), "s"), c, Makes); err != nil {
		t.Fatal(err)
	}
	records := stream(t, l, "s")
	if len(records) != 2 {
		t.Fatalf("%d records, want an intent and an outcome", len(records))
	}
	want := audit.Record{
		Stream: "s", Seq: 1, Phase: audit.Intent, System: "okta", Verb: "group.add", Target: "group/g1", Subject: person, Key: "k", Reason: c.Reason,
		Before: map[string]any{member: false}, After: map[string]any{member: true},
		Actor: "system:onboarding", Ticket: "INCs", Execution: "arn:aws:states:::execution:onboarding:s", Step: "AddGroups", Attempt: 1,
	}
	compare(t, want, records[0])
	want.Seq, want.Phase, want.Intent, want.RequestID, want.Before = 2, audit.Done, 1, "req-1", nil
	want.Previous = records[0].Hash
	compare(t, want, records[1])
	if age := time.Since(records[1].At); age < 0 || age > time.Minute {
		t.Errorf("the outcome is from %v", records[1].At)
	}
}

// compare holds a record against what is foreseeable of it.
func compare(t *testing.T, want, got audit.Record) {
	t.Helper()
	if got.ID == "" || got.Hash == "" || got.At.IsZero() {
		t.Errorf("record %d has no id, hash or time", got.Seq)
	}
	want.ID, want.Hash, want.At = got.ID, got.Hash, got.At
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record %d (-want +got):\n%s", got.Seq, diff)
	}
}

func failures(t *testing.T, l *audit.Ledger) {
	t.Helper()
	problem := &fault.Denied{Message: "Okta does not allow it"}
	if err := l.Do(In(t.Context(), "s"), Grant("group/g1"), Fails(problem)); !errors.Is(err, problem) {
		t.Errorf("Do returned %v, want the act's own error", err)
	}
	last := stream(t, l, "s")[1]
	if last.Phase != audit.Failed || last.Error != problem.Error() || last.Intent != 1 || last.Uncertain {
		t.Errorf("the outcome is %+v", last)
	}
	long := errors.New(strings.Repeat("ä", 5000))
	if err := l.Do(In(t.Context(), "s"), Grant("group/g1"), Fails(long)); !errors.Is(err, long) {
		t.Errorf("Do returned %v", err)
	}
	if kept := stream(t, l, "s")[3].Error; len(kept) > 2000 || !strings.HasPrefix(kept, "ää") || !strings.HasSuffix(kept, "ä…") {
		t.Errorf("of a long message %d bytes are kept", len(kept))
	}
}

func facts(t *testing.T, l *audit.Ledger) {
	t.Helper()
	type group struct {
		ID   string `json:"id"`
		Size int64  `json:"size"`
	}
	type holdings struct {
		Status string  `json:"status"`
		Groups []group `json:"groups"`
		Share  float64 `json:"share"`
	}
	told := holdings{active, []group{{"g1", 9007199254740993}, {"<&>", 0}}, 0.1}
	made, err := l.Fact(In(t.Context(), "s"), audit.Change{Verb: "account.snapshot", Subject: person, Before: told})
	if err != nil {
		t.Fatal(err)
	}
	read := stream(t, l, "s")[0]
	if read.Phase != audit.Fact || read.Seq != made.Seq || read.Hash != made.Hash || !read.At.Equal(made.At) {
		t.Errorf("made %+v\nread %+v", made, read)
	}
	for _, r := range []audit.Record{made, read} {
		raw, err := json.Marshal(r.Before)
		if err != nil {
			t.Fatal(err)
		}
		var back holdings
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(told, back); diff != "" {
			t.Errorf("told and read back (-told +back):\n%s", diff)
		}
	}
}

func indexes(t *testing.T, l *audit.Ledger) {
	t.Helper()
	day := time.Now().UTC().Format(time.DateOnly)
	for i, name := range []string{"s1", "s2", "s1", "s3"} {
		c := Grant(fmt.Sprintf("group/%d", i))
		if name == "s3" {
			c.Subject = "" // about nobody
		}
		if _, err := l.Fact(In(t.Context(), name), c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Millisecond) // so that there is an order of time
	}
	all := func(list func(yield func(audit.Record, error) bool)) string {
		var found []string
		for r, err := range list {
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, r.Stream+" "+r.Target)
		}
		return strings.Join(found, ", ")
	}
	three := "s1 group/0, s2 group/1, s1 group/2"
	if got := all(l.BySubject(t.Context(), person)); got != three {
		t.Errorf("by subject: %s", got)
	}
	if got := all(l.ByActor(t.Context(), "system:onboarding")); got != three+", s3 group/3" {
		t.Errorf("by actor: %s", got)
	}
	// At midnight the records may lie on two days.
	if tomorrow := time.Now().UTC().Format(time.DateOnly); tomorrow == day {
		if got := all(l.ByDay(t.Context(), day)); got != three+", s3 group/3" {
			t.Errorf("by day: %s", got)
		}
		if got := all(l.LatestOfDay(t.Context(), day, 2)); got != "s3 group/3, s1 group/2, s2 group/1, s1 group/0" {
			t.Errorf("the latest of a day: %s", got)
		}
	}
	if got := all(l.BySubject(t.Context(), "nobody")); got != "" {
		t.Errorf("of nobody: %s", got)
	}
	streams := map[string]bool{}
	for name, err := range l.Streams(t.Context()) {
		if err != nil || streams[name] {
			t.Errorf("streams: %s, %v", name, err)
		}
		streams[name] = true
	}
	if len(streams) != 3 {
		t.Errorf("streams: %v", streams)
	}
}

func secrets(t *testing.T, l *audit.Ledger) {
	t.Helper()
	hidden := map[string]any{
		"status": active, "password": secret, "credentials": map[string]any{"x": secret}, "clientSecret": secret,
		"nested": []any{map[string]any{"activationUrl": secret, "session_token": secret, "resetPasswordUrl": secret, "url": "https://example.com"}},
	}
	err := l.Do(In(t.Context(), "s"), audit.Change{Verb: "user.create", Before: hidden, After: hidden}, func(context.Context, audit.Attempt) (audit.Effect, error) {
		return audit.Effect{After: hidden}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"status": active, "nested": []any{map[string]any{"url": "https://example.com"}}}
	records := stream(t, l, "s")
	for i, got := range []any{records[0].Before, records[0].After, records[1].After} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("value %d (-want +got):\n%s", i, diff)
		}
	}
	if hidden["password"] != secret {
		t.Error("the caller's own value was changed")
	}
}

func refusals(t *testing.T, l *audit.Ledger) {
	t.Helper()
	large := strings.Repeat("x", audit.MaxValue)
	for name, test := range map[string]struct {
		stream string
		c      audit.Change
	}{
		"no trail":           {"", Grant("group/g1")},
		"too large a before": {"s", audit.Change{Before: large}},
		"too large an after": {"s", audit.Change{After: large}},
		"no JSON":            {"s", audit.Change{After: func() {}}},
	} {
		acted := false
		err := l.Do(In(t.Context(), test.stream), test.c, func(context.Context, audit.Attempt) (audit.Effect, error) {
			acted = true
			return audit.Effect{}, nil
		})
		if !fault.Is[*fault.Invalid](err) || acted {
			t.Errorf("%s: acted %v, %v", name, acted, err)
		}
	}
	// A change that is made is noted, even when what came of it cannot be.
	if err := l.Do(In(t.Context(), "s"), Grant("group/g1"), func(context.Context, audit.Attempt) (audit.Effect, error) {
		return audit.Effect{After: large}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if records := stream(t, l, "s"); len(records) != 2 || records[1].Phase != audit.Done {
		t.Errorf("records %+v", records)
	}
}
