package ratelimit_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/ratelimit"
)

// window is a limit as Okta keeps it: a fixed minute that begins with the first
// call after the one before.
type window struct {
	mu          sync.Mutex
	limit       int
	used        int
	reset       time.Time
	calls, over int
}

func (w *window) take(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		if now := time.Now(); !now.Before(w.reset) {
			w.used, w.reset = 0, now.Add(time.Minute)
		}
		w.used++
		w.calls++
		if w.used > w.limit {
			w.over++
		}
	}
}

func TestThousandNormalAndFiftyUrgentBookingsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.db.Fault(func(*http.Request, int) *dynamo.Fault { return &dynamo.Fault{Latency: 5 * time.Millisecond} })
		windows := map[string]*window{}
		for name, limit := range ratelimit.DefaultLimits() {
			windows[name] = &window{limit: limit}
		}
		began := time.Now()
		var all sync.WaitGroup
		work := func(slots chan struct{}, class ratelimit.Class, id string, needs ...ratelimit.Need) (waited func() time.Duration) {
			var took time.Duration
			all.Go(func() {
				slots <- struct{}{} // as many functions as run at once
				k := b.book(t, class, id, needs...)
				<-slots
				b.waitFor(t, k)
				for _, n := range needs {
					windows[n.Bucket].take(n.Calls)
				}
				took = time.Since(began)
			})
			return func() time.Duration { return took }
		}
		joiners, leavers := make(chan struct{}, 20), make(chan struct{}, 20)
		many := 1000
		if testing.Short() {
			many = 250 // the race detector has seen enough by then
		}
		for i := range many {
			work(joiners, ratelimit.Normal, fmt.Sprint("joiner ", i), need(groups, 5), need(other, 3))
		}
		urgent := make([]func() time.Duration, 0, 50)
		for i := range 50 {
			urgent = append(urgent, work(leavers, ratelimit.Urgent, fmt.Sprint("leaver ", i), need(groups, 4), need(other, 11)))
		}
		all.Wait()

		var floor time.Duration
		for name, w := range windows {
			floor = max(floor, time.Minute*time.Duration(w.calls)/time.Duration(w.limit))
			if w.over > 0 {
				t.Errorf("%d calls of %s came over the limit", w.over, name)
			}
		}
		took := time.Since(began)
		t.Logf("%s, %.3f times the floor of %s; %d transactions", took, float64(took)/float64(floor), floor, b.writes())
		if float64(took) > 1.15*float64(floor) {
			t.Errorf("took %s, more than 1.15 times the floor of %s", took, floor)
		}
		for i, waited := range urgent {
			if waited() > 45*time.Second { // 50 times 11 of 1104 a minute take 30 seconds by themselves
				t.Errorf("leaver %d was served after %s", i, waited())
			}
		}
	})
}

// damage stores something that is no board.
func damage(t *testing.T, b *testBundle) {
	t.Helper()
	_, err := b.db.Client().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("control"), Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "seats"}, "sk": &types.AttributeValueMemberS{Value: "board"},
		"version": &types.AttributeValueMemberN{Value: "7"}, "board": &types.AttributeValueMemberB{Value: []byte("no board")},
	}})
	if err != nil {
		t.Fatal(err)
	}
}
