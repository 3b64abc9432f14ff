package detect_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/syslog"
	"lifecycle/shared/okta"
)

// remembering are rules of every kind that remembers, with small numbers.
const remembering = `{
	"version": "1", "group": "g", "severities": {"low": {"priority": 4}, "medium": {"priority": 3}, "high": {"priority": 2}, "critical": {"priority": 1}},
	"rules": [
		{"id": "count", "title": "t", "description": "d", "category": "c", "severity": "low", "events": ["user.session.start"], "outcomes": ["FAILURE"],
			"threshold": {"count": 3, "per": "user.login", "within": "10m"}},
		{"id": "distinct", "title": "t", "description": "d", "category": "c", "severity": "low", "events": ["user.session.start"], "outcomes": ["FAILURE"],
			"threshold": {"count": 3, "of": "user.login", "per": "address", "within": "10m"}, "correlate": {"as": "address", "by": ["address"]}},
		{"id": "after", "title": "t", "description": "d", "category": "c", "severity": "high", "events": ["user.session.start"], "outcomes": ["SUCCESS"],
			"after": {"rule": "distinct", "by": "address", "within": "20m"}, "correlate": {"as": "address", "by": ["address"]}},
		{"id": "reset", "silent": true, "title": "t", "description": "d", "category": "c", "severity": "low", "events": ["user.mfa.factor.reset_all"], "subject": "target"},
		{"id": "after-reset", "title": "t", "description": "d", "category": "c", "severity": "high", "events": ["user.session.start"], "outcomes": ["SUCCESS"],
			"after": {"rule": "reset", "by": "user.login", "within": "30m"}},
		{"id": "travel", "title": "t", "description": "d", "category": "c", "severity": "low", "events": ["user.session.start"], "outcomes": ["SUCCESS"],
			"travel": {"km": 500, "kmh": 1000, "within": "2h"}}
	]}`

func small(t testing.TB) *detect.Rules {
	t.Helper()
	rules, err := detect.Load([]byte(remembering))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// happening draws one event of a busy hour of three people at two addresses.
func happening(r *rapid.T) moment {
	who := person(rapid.IntRange(0, 3).Draw(r, "who"))
	where := rapid.SampledFrom([]syslog.Place{syslog.Berlin, syslog.Lagos}).Draw(r, "where")
	after := time.Duration(rapid.IntRange(0, 60).Draw(r, "minute")) * time.Minute
	switch rapid.IntRange(0, 5).Draw(r, "what") {
	case 0:
		return moment{after, syslog.SignIn(who, where, syslog.Mac)}
	case 1:
		return moment{after, syslog.Administered(desk, "user.mfa.factor.reset_all", syslog.On(who))}
	default:
		return moment{after, syslog.WrongPassword(who, where, syslog.Mac)}
	}
}

// What is found does not depend on the order in which events come, on how they are
// cut into batches, on their coming twice, or on several working at once.
func TestOrderBatchesAndRepetitionDoNotMatter(t *testing.T) {
	t.Parallel()
	rules := small(t)
	rapid.Check(t, func(r *rapid.T) {
		events := line(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), rapid.SliceOfN(rapid.Custom(happening), 1, 30).Draw(r, "events")...)
		seed := rapid.Uint64().Draw(r, "seed")
		size := rapid.IntRange(1, 12).Draw(r, "batch")
		var want, got found
		var failure error
		synctest.Test(t, func(t *testing.T) {
			want = newBench(t).detect(t, rules, events)
			shuffled := slices.Concat(events, events[:len(events)/2])
			random := rand.New(rand.NewPCG(seed, 1))
			random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			got, failure = scrambled(newBench(t), rules, slices.Collect(slices.Chunk(shuffled, size)), random)
		})
		if failure != nil {
			r.Fatal(failure)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("in one batch and in order (-), scrambled (+):\n%s", diff)
		}
	})
}

// scrambled has three detectors work on the batches at the same time.
func scrambled(b *bench, rules *detect.Rules, batches [][]okta.LogEvent, random *rand.Rand) (found, error) {
	var (
		mu     sync.Mutex
		all    = found{}
		failed error
		group  sync.WaitGroup
	)
	queue := make(chan []okta.LogEvent, len(batches))
	for _, batch := range batches {
		queue <- batch
	}
	close(queue)
	for range 3 {
		pauses := random.IntN(20)
		group.Go(func() {
			for batch := range queue {
				time.Sleep(time.Duration(pauses) * time.Millisecond)
				findings, err := b.detector.Detect(b.ctx, rules, batch)
				mu.Lock()
				all.add(findings)
				if err != nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return all, failed
}

func TestLateAndEarlyEvents(t *testing.T) {
	t.Parallel()
	rules := small(t)
	wrongs := func(n int) []moment {
		return every(time.Minute, n, func(i int) syslog.Event { return syslog.WrongPassword(person(i), syslog.Hosting, syslog.Script) })
	}

	bubble(t, "the one event that makes up the threshold may be the last to come", func(t *testing.T) {
		b := newBench(t)
		events := line(time.Now(), wrongs(3)...)
		if got := b.detect(t, rules, events[:1], events[2:]); len(got) != 0 {
			t.Fatalf("found too early: %v", keys(got))
		}
		time.Sleep(5 * time.Hour)
		if got := b.detect(t, rules, events[1:2]); len(got.of("distinct")) != 3 {
			t.Errorf("%v", got)
		}
	})

	bubble(t, "a sign-in that is read before the attack it ends is found when the attack is", func(t *testing.T) {
		b := newBench(t)
		events := line(time.Now(), append(wrongs(3), moment{5 * time.Minute, syslog.SignIn(robin, syslog.Hosting, syslog.Script)})...)
		if got := b.detect(t, rules, events[3:]); len(got) != 0 {
			t.Fatalf("%v", keys(got))
		}
		if got := b.detect(t, rules, events[:3]).rules(); !slices.Equal(got, []string{"after", "distinct"}) {
			t.Errorf("%v", got)
		}
	})

	bubble(t, "what is a day old is counted by its own time", func(t *testing.T) {
		b := newBench(t)
		old := line(time.Now().Add(-24*time.Hour), wrongs(2)...)
		if got := b.detect(t, rules, old, line(time.Now(), wrongs(1)...)); len(got) != 0 {
			t.Errorf("two yesterday and one today are not three: %v", keys(got))
		}
	})

	bubble(t, "clocks that differ change nothing", func(t *testing.T) {
		for _, skew := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
			b := newBench(t)
			if got := b.detect(t, rules, line(time.Now().Add(skew), wrongs(3)...)); len(got.rules()) != 1 {
				t.Errorf("%s: %v", skew, keys(got))
			}
		}
	})

	bubble(t, "a busy address does not push out what others did", func(t *testing.T) {
		b := newBench(t)
		begin := time.Now()
		b.detect(t, rules, line(begin, wrongs(2)...))
		for i := range 5 {
			b.detect(t, rules, line(begin.Add(time.Minute+time.Duration(i)*time.Second), every(time.Millisecond, 400, func(int) syslog.Event {
				return syslog.WrongPassword(person(0), syslog.Hosting, syslog.Script)
			})...))
		}
		got := b.detect(t, rules, line(begin.Add(2*time.Minute), moment{0, syslog.WrongPassword(person(2), syslog.Hosting, syslog.Script)}))
		if len(got.of("distinct")) < 3 {
			t.Errorf("%v", keys(got))
		}
	})

	bubble(t, "of an attack in one batch every event is told, however many", func(t *testing.T) {
		got := newBench(t).detect(t, rules, line(time.Now(), every(100*time.Millisecond, 1000, func(i int) syslog.Event {
			return syslog.WrongPassword(person(i), syslog.Hosting, syslog.Script)
		})...))
		if n := len(got.of("distinct")); n != 1000 {
			t.Errorf("%d", n)
		}
	})
}

func TestSuppressions(t *testing.T) {
	t.Parallel()
	until := time.Date(2000, 1, 3, 0, 0, 0, 0, time.UTC) // bubbles begin on 1 January 2000
	document := replaced(t, `"suppressions": []`, fmt.Sprintf(
		`"suppressions": [{"id": "gateway", "rules": ["password-spray"], "when": "address == '203.0.113.7'", "owner": "Network team", "reason": "a gateway", "expires": %q}]`,
		until.Format(time.DateOnly)))
	rules, err := detect.Load(document)
	if err != nil {
		t.Fatal(err)
	}
	bubble(t, "hold until their day, for their rules, and are told when they have expired", func(t *testing.T) {
		spray := every(20*time.Second, 10, wrong)
		if got := newBench(t).detect(t, rules, line(time.Now(), spray...)); len(got) != 0 {
			t.Errorf("suppressed and yet found: %v", keys(got))
		}
		if got := newBench(t).detect(t, rules, line(time.Now(), failures(10)...)); len(got) == 0 {
			t.Error("another rule was suppressed, too")
		}
		if overdue := rules.Overdue(time.Now()); overdue != nil {
			t.Errorf("%v", overdue)
		}
		time.Sleep(time.Until(until))
		if got := newBench(t).detect(t, rules, line(time.Now(), spray...)); !slices.Contains(got.rules(), "password-spray") {
			t.Errorf("%v", keys(got))
		}
		if overdue := rules.Overdue(time.Now()); !slices.Equal(overdue, []string{"gateway (Network team)"}) {
			t.Errorf("%v", overdue)
		}
	})
}

func TestWhatDynamoDBRefusesIsToldAndNothingIsLost(t *testing.T) {
	t.Parallel()
	bubble(t, "and the same events again find the same", func(t *testing.T) {
		rules := small(t)
		events := line(time.Now(), every(time.Minute, 3, func(i int) syslog.Event {
			return syslog.WrongPassword(person(i), syslog.Hosting, syslog.Script)
		})...)
		whole := newBench(t)
		want := whole.detect(t, rules, events)
		calls := -1 // the one that made the table
		for _, n := range whole.db.Calls() {
			calls += n
		}
		for n := 1; n <= calls; n++ {
			b := newBench(t)
			b.db.Fault(func(_ *http.Request, call int) *dynamo.Fault {
				if call < n {
					return nil
				}
				return &dynamo.Fault{Work: call == n, Code: "AccessDeniedException"}
			})
			_, err := b.detector.Detect(b.ctx, rules, events)
			if err == nil {
				t.Errorf("call %d failed, and nobody was told", n)
			}
			b.db.Fault(nil)
			if diff := cmp.Diff(want, b.detect(t, rules, events)); diff != "" {
				t.Errorf("after call %d failed:\n%s", n, diff)
			}
		}
	})
}
