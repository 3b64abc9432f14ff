package snowsim

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestRateRule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, Options{HourlyLimit: 3})
		colleague := b.as(emailOf(itHead))
		ask := func(b *testBundle) reply {
			return b.get("/api/now/table/sys_user_group", url.Values{"sysparm_limit": {"1"}})
		}
		time.Sleep(50*time.Minute + 500*time.Millisecond)
		for range 3 {
			r := ask(b)
			b.want(r, 200)
			if r.header.Get("X-Ratelimit-Limit") != "3" || r.header.Get("X-Ratelimit-Reset") != "946688400" || r.header.Get("X-Ratelimit-Rule") == "" || r.header.Get("Retry-After") != "" {
				t.Errorf("headers: %v", r.header)
			}
		}
		r := ask(b)
		b.want(r, 429, `"message":"Rate limit exceeded"`, "Rate limit of 3 requests per hour for Table API exceeded")
		if got := r.header.Get("Retry-After"); got != "600" {
			t.Errorf("Retry-After is %s", got)
		}
		b.want(ask(colleague), 200)
		time.Sleep(600 * time.Second)
		b.want(ask(b), 200)
	})
}

func TestFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, Options{Latency: time.Second})
		id := b.incident(nil)
		path := "/api/now/v2/table/incident/" + id
		note := func(f *Fault) (reply, error) {
			b.Fault(func(_ *http.Request, n int) *Fault {
				if n == 1 {
					return f
				}
				return nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r := b.request("PATCH", path, none, map[string]string{"work_notes": "x"}).WithContext(ctx)
			response, err := b.Transport().RoundTrip(r)
			if err != nil {
				return reply{}, err
			}
			return reply{response.StatusCode, response.Header, nil}, nil
		}
		notes := func() int { return len(b.Journal("incident", id, "work_notes")) }

		for name, c := range map[string]struct {
			fault  Fault
			status int
			took   time.Duration
		}{
			"an answer in place of the work": {Fault{Status: 503, Headers: map[string]string{"Retry-After": "7"}}, 503, 0},
			"an answer in spite of the work": {Fault{Status: 504, Work: true}, 504, time.Second},
			"a slow answer":                  {Fault{Latency: 5 * time.Second}, 200, 6 * time.Second},
		} {
			before, began := notes(), time.Now()
			r, err := note(&c.fault)
			if err != nil || r.status != c.status || time.Since(began) != c.took || r.header.Get("Retry-After") != c.fault.Headers["Retry-After"] {
				t.Errorf("%s: %d %v after %s", name, r.status, err, time.Since(began))
			}
			worked := c.fault.Work || c.fault.Status == 0
			if (notes() == before+1) != worked {
				t.Errorf("%s: %d notes, before %d", name, notes(), before)
			}
		}

		before := notes()
		if _, err := note(&Fault{Reset: true}); !errors.Is(err, syscall.ECONNRESET) || notes() != before {
			t.Errorf("cut before the work: %v", err)
		}
		if _, err := note(&Fault{Reset: true, Work: true}); !errors.Is(err, syscall.ECONNRESET) || notes() != before+1 {
			t.Errorf("cut after the work: %v", err)
		}
		began := time.Now()
		if _, err := note(&Fault{Hang: true, Work: true}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute || notes() != before+2 {
			t.Errorf("hung: %v after %s", err, time.Since(began))
		}
		if r, err := note(nil); err != nil || r.status != 200 {
			t.Errorf("without a fault: %d %v", r.status, err)
		}
		b.Fault(nil)

		calls := b.Calls()
		statuses := make([]int, len(calls))
		for i, c := range calls {
			statuses[i] = c.Status
		}
		slices.Sort(statuses)
		if want := []int{0, 0, 0, 200, 200, 503, 504}; !slices.Equal(statuses, want) {
			t.Errorf("calls were answered %v, want %v", statuses, want)
		}
	})
}

func TestACallerWhoGaveUpGetsNothingDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, Options{Latency: time.Second})
		id := b.incident(nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		r := b.request("PATCH", "/api/now/table/incident/"+id, none, map[string]string{"work_notes": "x"}).WithContext(ctx)
		if _, err := b.Transport().RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if got := b.Journal("incident", id, ""); len(got) != 0 {
			t.Errorf("notes: %v", got)
		}
	})
}

func TestAHibernatingInstanceAnswersEverythingWithAPage(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	b.Fault(func(*http.Request, int) *Fault { return Hibernating() })
	r := b.get("/api/now/v2/table/incident", none)
	b.want(r, 200, "<html>")
	if got := r.header.Get("Content-Type"); !strings.HasPrefix(got, "text/html") {
		t.Errorf("Content-Type is %s", got)
	}
}

func TestACancelledTransactionBreaksOffBehindPartOfTheResult(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{})
	for range 4 {
		b.incident(nil)
	}
	b.Fault(func(*http.Request, int) *Fault { return Cancelled() })
	r := b.get("/api/now/v2/table/incident", none)
	b.want(r, 200)
	var body struct {
		Result []any             `json:"result"`
		Error  map[string]string `json:"error"`
		Status string            `json:"status"`
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Result) != 2 || body.Error["message"] != "Transaction cancelled: maximum execution time exceeded" || body.Status != "failure" {
		t.Errorf("got %+v", body)
	}
	b.want(b.get("/api/now/v2/table/nonsense", none), 400)
}

func TestOnCallSeesEveryCall(t *testing.T) {
	t.Parallel()
	b := setup(t, Options{KeepCalls: 2})
	var seen []Call
	b.OnCall(func(c Call) { seen = append(seen, c) })
	b.get("/api/now/table/nonsense", none)
	b.get("/api/now/table/incident", url.Values{"sysparm_query": {"active=true"}})
	b.call("POST", "/api/now/table/incident", none, map[string]string{})
	if len(seen) != 3 || seen[0].Error != "Invalid table nonsense" || seen[1].Query != "sysparm_query=active%3Dtrue" || seen[2].Status != 201 || seen[2].User != IntegrationUser {
		t.Errorf("saw %+v", seen)
	}
	if got := b.Calls(); len(got) != 2 || got[1].ID != seen[2].ID {
		t.Errorf("kept %+v", got)
	}
}
