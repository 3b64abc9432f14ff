package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"lifecycle/shared/local/console"
	"lifecycle/shared/local/scenario"
)

// browser is Chromium in front of the console of a world that lives.
type browser struct {
	*scenario.World
	t     *testing.T
	ctx   context.Context //nolint:containedctx // the browser lives in it, as chromedp has it
	url   string
	shots string
	page  *console.Console
	axe   string          // axe-core, when there is one
	told  map[string]bool // what the audits have found so far

	mu     sync.Mutex
	errors []string
}

// chromium finds the browser; the test is skipped without one.
func chromium(t *testing.T) string {
	t.Helper()
	if os.Getenv("LIFECYCLE_BROWSER") != "1" {
		t.Skip("set LIFECYCLE_BROWSER=1 to drive a Chromium (make browser)")
	}
	path := os.Getenv("CHROMIUM")
	if path == "" {
		path = "/usr/bin/chromium"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no Chromium at %s (set CHROMIUM)", path)
	}
	return path
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := chromium(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	w := newWorld(ctx, t)
	t.Cleanup(w.Stop)
	go w.Outbox.Run(ctx)
	b := &browser{World: w, t: t, shots: os.Getenv("SCREENSHOTS"), page: console.New(w, console.Options{Interval: 100 * time.Millisecond})}
	if b.shots == "" {
		b.shots = t.TempDir()
	}
	server := httptest.NewServer(b.page)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	b.url = server.URL
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1440, 900), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b.do(chromedp.EmulateViewport(1440, 900))
	messages := chromedp.Console(b.ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning || m.Type == chromedp.ConsoleException {
				b.mu.Lock()
				b.errors = append(b.errors, fmt.Sprintf("%s: %s (%s:%d)", m.Type, m.Text, m.URL, m.Line))
				b.mu.Unlock()
			}
		}
	}()
	return b
}

// complaints are the errors and warnings of the page so far.
func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.errors
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("%v\nthe page said: %s", err, strings.Join(b.complaints(), "\n"))
	}
}

// js evaluates an expression, and waits when it is a promise.
func js[T any](b *browser, expression string) T {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return out
}

// until waits for an expression to become true.
func (b *browser) until(expression string) {
	b.t.Helper()
	wait := chromedp.Poll[chromedp.Void]("!!("+expression+")", chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(30*time.Second))
	if _, err := chromedp.Run(b.ctx, wait); err != nil {
		b.shot("failed")
		b.t.Fatalf("%s did not become true: %v", expression, err)
	}
}

// press types keys, as a person without a mouse does.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		b.do(chromedp.KeyEvent(key))
	}
}

// shot takes a picture of what is to be seen.
func (b *browser) shot(name string) {
	b.t.Helper()
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(b.shots, 0o750); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.shots, name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// prefer sets what a person prefers, such as prefers-color-scheme.
func (b *browser) prefer(feature, value string) {
	b.t.Helper()
	b.do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
		})
		return chromedp.Void{}, err
	})
}

// text is what a person reads in an element.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return js[string](b, "document.querySelector("+quote(selector)+")?.innerText ?? ''")
}

func quote(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(out)
}
