package detect_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/syslog"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
)

// table is where windows are kept.
var table = dynamo.Spec{Name: "alerts", Hash: "pk", Range: "sk", TTL: "expires"}

type bench struct {
	db       *dynamo.DB
	client   *dynamodb.Client
	detector *detect.Detector
	ctx      context.Context //nolint:containedctx // a bench lives as long as its test
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{db: dynamo.New(), ctx: platform.WithLogger(context.Background(), slog.New(slog.DiscardHandler))}
	if err := b.db.CreateTable(b.ctx, table); err != nil {
		t.Fatal(err)
	}
	b.client = b.db.Client()
	b.detector = detect.New(b.client, table.Name, nil)
	return b
}

// found are the events of each rule's findings, by rule and key.
type found map[string]map[string]bool

func (f found) add(findings []detect.Finding) {
	for _, finding := range findings {
		key := finding.Rule.ID + " " + finding.Key.As + " " + finding.Key.ID
		if f[key] == nil {
			f[key] = map[string]bool{}
		}
		for _, s := range finding.Sightings {
			f[key][s.UUID] = true
		}
	}
}

// of are the events of a rule's findings, whatever they correlate with.
func (f found) of(rule string) map[string]bool {
	all := map[string]bool{}
	for key, events := range f {
		if strings.HasPrefix(key, rule+" ") {
			maps.Copy(all, events)
		}
	}
	return all
}

// rules lists the rules that found anything.
func (f found) rules() []string {
	list := make([]string, 0, len(f))
	for key := range f {
		var id string
		_, _ = fmt.Sscan(key, &id)
		list = append(list, id)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (b *bench) detect(t testing.TB, rules *detect.Rules, batches ...[]okta.LogEvent) found {
	t.Helper()
	all := found{}
	for _, batch := range batches {
		findings, err := b.detector.Detect(b.ctx, rules, batch)
		if err != nil {
			t.Fatal(err)
		}
		all.add(findings)
	}
	return all
}

func defaults(t testing.TB) *detect.Rules {
	t.Helper()
	rules, err := detect.Load(detect.Default())
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// moment is an event some time after the beginning.
type moment struct {
	after time.Duration
	event syslog.Event
}

// GoString keeps what rapid prints readable.
func (m moment) GoString() string {
	e := m.event.Stamped("", time.Time{})
	return fmt.Sprintf("%s %s %s by %s on %v from %s", m.after, e.Type, e.Outcome.Result, e.Actor.AlternateID, e.Targets, e.Client.Address)
}

// line puts events on a line of time.
func line(begin time.Time, moments ...moment) []okta.LogEvent {
	slices.SortStableFunc(moments, func(a, b moment) int { return int(a.after - b.after) })
	list := make([]okta.LogEvent, len(moments))
	for i, m := range moments {
		list[i] = m.event.Stamped(fmt.Sprintf("%08x-0000-4000-8000-%012d", uint32(begin.UnixMilli()), i), begin.Add(m.after))
	}
	return list
}

// every repeats: n events, a step apart.
func every(step time.Duration, n int, event func(i int) syslog.Event) []moment {
	list := make([]moment, 0, n)
	for i := range n {
		list = append(list, moment{time.Duration(i) * step, event(i)})
	}
	return list
}

// later moves moments.
func later(by time.Duration, moments ...moment) []moment {
	moved := slices.Clone(moments)
	for i := range moved {
		moved[i].after += by
	}
	return moved
}

func one(e syslog.Event) []moment { return []moment{{0, e}} }

func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	})
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
