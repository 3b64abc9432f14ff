// Package guardtest is the conformance suite of breaker and switch: what must
// hold on every DynamoDB.
package guardtest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lifecycle/shared/fault"
	"lifecycle/shared/guard"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/dynamo/dynamotest"
)

// Table is the control table.
var Table = dynamo.Spec{Name: "control", Hash: "pk", Range: "sk", TTL: "expires"}

// Run runs the suite.
func Run(t *testing.T, e dynamotest.Engine) {
	t.Helper()
	for name, run := range map[string]func(*testing.T, *dynamodb.Client, string){
		"each is counted once, under its kind":       counts,
		"what is older than the window is forgotten": forgets,
		"of many at once the last sees all":          rushes,
		"changes may be made until somebody stops":   stops,
		"every instance learns of a stop in time":    spreads,
		"who and why have to be told":                asks,
	} {
		e.Case(t, name, Table, run)
	}
}

func register(t *testing.T, b *guard.Breaker, kind, who string, window time.Duration, want int) {
	t.Helper()
	if got, err := b.Register(t.Context(), kind, who, window); err != nil || got != want {
		t.Errorf("%s %s: %d, %v; want %d", kind, who, got, err, want)
	}
}

func counts(t *testing.T, client *dynamodb.Client, table string) {
	t.Helper()
	b := guard.NewBreaker(client, table)
	register(t, b, "offboarding", "incident/1", time.Hour, 1)
	register(t, b, "offboarding", "incident/2", time.Hour, 2)
	register(t, b, "offboarding", "incident/1", time.Hour, 2)
	register(t, b, "rules", "incident/1", time.Hour, 1)
	register(t, guard.NewBreaker(client, table), "offboarding", "incident/3", time.Hour, 3)
}

func forgets(t *testing.T, client *dynamodb.Client, table string) {
	t.Helper()
	const window = 300 * time.Millisecond
	b := guard.NewBreaker(client, table)
	register(t, b, "offboarding", "incident/1", window, 1)
	time.Sleep(window / 2)
	register(t, b, "offboarding", "incident/2", window, 2)
	register(t, b, "offboarding", "incident/1", window, 2) // does not prolong
	time.Sleep(window/2 + time.Millisecond)
	register(t, b, "offboarding", "incident/3", window, 2) // without the first
	register(t, b, "offboarding", "incident/1", window, 3) // anew
	time.Sleep(2 * window)
	register(t, b, "offboarding", "incident/4", window, 1)
}

func rushes(t *testing.T, client *dynamodb.Client, table string) {
	t.Helper()
	const many = 30
	b := guard.NewBreaker(client, table)
	seen := make([]int, many)
	var wg sync.WaitGroup
	for i := range many {
		wg.Go(func() {
			var err error
			if seen[i], err = b.Register(t.Context(), "offboarding", fmt.Sprintf("incident/%d", i), time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	most := 0
	for i, n := range seen {
		most = max(most, n)
		if n < 1 {
			t.Errorf("%d does not see itself", i)
		}
	}
	if most != many {
		t.Errorf("the last sees %d, want %d", most, many)
	}
}

func stops(t *testing.T, client *dynamodb.Client, table string) {
	t.Helper()
	s := guard.NewSwitch(client, table)
	check := func(stopped bool, told ...string) {
		t.Helper()
		err := s.Check(t.Context())
		if stopped != fault.Is[*fault.Stopped](err) || !stopped && err != nil {
			t.Errorf("stopped is %v, but Check says %v", stopped, err)
		}
		for _, text := range told {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%q does not tell %q", err, text)
			}
		}
	}
	check(false)
	if err := s.Stop(t.Context(), "jdoe", "wrong rules were published"); err != nil {
		t.Fatal(err)
	}
	check(true, "jdoe", "wrong rules were published") // at once where it was stopped
	if err := s.Start(t.Context(), "jdoe"); err != nil {
		t.Fatal(err)
	}
	check(false)
}

func spreads(t *testing.T, client *dynamodb.Client, table string) {
	t.Helper()
	here, there := guard.NewSwitch(client, table), guard.NewSwitch(client, table)
	if err := there.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := here.Stop(t.Context(), "jdoe", "drill"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	if err := there.Check(t.Context()); !fault.Is[*fault.Stopped](err) {
		t.Errorf("five seconds later the other instance says %v", err)
	}
	if err := here.Start(t.Context(), "jdoe"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	if err := there.Check(t.Context()); err != nil {
		t.Errorf("five seconds later the other instance says %v", err)
	}
}

func asks(t *testing.T, client *dynamodb.Client, table string) {
	t.Helper()
	s := guard.NewSwitch(client, table)
	for name, err := range map[string]error{
		"a stop by nobody":      s.Stop(t.Context(), " ", "drill"),
		"a stop without reason": s.Stop(t.Context(), "jdoe", ""),
		"a start by nobody":     s.Start(t.Context(), ""),
	} {
		if !fault.Is[*fault.Invalid](err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
