package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle/shared/local/console"
	"lifecycle/shared/local/scenario"
)

// wire is a response that is read while it is written.
type wire struct {
	header http.Header
	out    *io.PipeWriter
}

func (w *wire) Header() http.Header         { return w.header }
func (w *wire) WriteHeader(int)             {}
func (w *wire) Write(p []byte) (int, error) { return w.out.Write(p) }
func (w *wire) Flush()                      {}

// listen follows a stream for a while and returns the messages: contents by
// region.
func (b *testBundle) listen(address string, d time.Duration) []map[string]string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), d)
	defer cancel()
	in, out := io.Pipe()
	var messages []map[string]string
	var reading sync.WaitGroup
	reading.Go(func() {
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, 1<<22)
		for lines.Scan() {
			data, isData := strings.CutPrefix(lines.Text(), "data: ")
			if !isData {
				continue
			}
			var message map[string]string
			if err := json.Unmarshal([]byte(data), &message); err != nil {
				b.t.Error(err)
			}
			messages = append(messages, message)
		}
	})
	w := &wire{header: http.Header{}, out: out}
	b.console.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+address, nil))
	_ = out.Close()
	reading.Wait()
	if got := w.header.Get("Content-Type"); got != "text/event-stream" {
		b.t.Errorf("the stream is %s", got)
	}
	return messages
}

func TestOnlyWhatHasChangedIsSent(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		b.opens("hire")
		b.get("/")
		time.Sleep(2 * time.Minute) // the ledger is verified, the gauges are at rest
		var opening sync.WaitGroup
		opening.Go(func() {
			time.Sleep(20 * time.Second)
			if err := b.ServiceNow.As(scenario.Requester).Update("incident", b.ServiceNow.Snapshot(1).Tickets[0].SysID, map[string]string{"short_description": "A new title"}); err != nil {
				t.Error(err)
			}
		})
		messages := b.listen("/console/live", 35*time.Second)
		opening.Wait()
		if len(messages) < 2 {
			b.t.Fatalf("%d messages", len(messages))
		}
		if len(messages[0]) != 9 {
			t.Errorf("the first message carries %d regions, not all", len(messages[0]))
		}
		told := slices.IndexFunc(messages[1:], func(m map[string]string) bool { return strings.Contains(m["tickets"], "A new title") })
		if told < 0 {
			b.t.Fatal("the change was not sent")
		}
		if _, sent := messages[1+told]["people"]; sent {
			t.Error("people were sent although nobody has changed")
		}
	})
}

func TestAPageIsBroughtUpToDateTwiceASecondAtMost(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		b.console.SetPace(50 * time.Millisecond)
		var opening sync.WaitGroup
		opening.Go(func() {
			for range 30 {
				b.does("open", map[string]string{"sample": "hire"})
			}
			b.passes(10 * time.Second)
		})
		messages := b.listen("/console/live", 10*time.Second)
		opening.Wait()
		if len(messages) > 21 {
			t.Errorf("%d messages in ten seconds", len(messages))
		}
		if len(messages) < 10 {
			t.Errorf("only %d messages although much happened", len(messages))
		}
	})
}

func TestAQuietStreamIsKeptAlive(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
		defer cancel()
		recorder := httptest.NewRecorder()
		b.console.ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/console/live", nil))
		if n := strings.Count(recorder.Body.String(), "\n: still here"); n < 2 {
			t.Errorf("%d signs of life in a minute", n)
		}
	})
}
