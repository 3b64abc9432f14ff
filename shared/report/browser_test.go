package report

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser is Chromium in front of the files of a report.
type browser struct {
	t     *testing.T
	ctx   context.Context //nolint:containedctx // the browser lives in it, as chromedp has it
	url   string
	shots string
	axe   string // axe-core, when there is one
}

// newBrowser starts a Chromium; the test is skipped without one.
func newBrowser(t *testing.T, files http.Handler) *browser {
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
	b := &browser{t: t, shots: os.Getenv("SCREENSHOTS")}
	if b.shots == "" {
		b.shots = t.TempDir()
	}
	if axe := os.Getenv("AXE_CORE"); axe != "" {
		source, err := os.ReadFile(axe)
		if err != nil {
			t.Fatal(err)
		}
		b.axe = string(source)
	}
	server := httptest.NewServer(files)
	t.Cleanup(server.Close)
	b.url = server.URL
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b.do(chromedp.EmulateViewport(1440, 900))
	return b
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) open(page string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + "/" + page))
}

func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		b.do(chromedp.KeyEvent(key))
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

// holds checks what is true of the page now.
func (b *browser) holds(what, expression string) {
	b.t.Helper()
	if !js[bool](b, "!!("+expression+")") {
		b.shot("failed")
		b.t.Errorf("not so: %s (%s)", what, expression)
	}
}

// shot takes a picture of what is to be seen, and sheet of the whole page.
func (b *browser) shot(name string)  { b.keep(name+".png", chromedp.CaptureScreenshot()) }
func (b *browser) sheet(name string) { b.keep(name+".png", chromedp.FullScreenshot(100)) }

func (b *browser) keep(name string, action chromedp.Action[[]byte]) []byte {
	b.t.Helper()
	content, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll(b.shots, 0o750); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.shots, name), content, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return content
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

// scripts lets the page's script run or not.
func (b *browser) scripts(run bool) {
	b.t.Helper()
	b.do(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
		return chromedp.Void{}, err
	})
}

// fits checks that nothing overflows, that nothing was loaded from anywhere, that ids are there
// once and links lead somewhere.
func (b *browser) fits(where string) {
	b.t.Helper()
	for _, problem := range js[[]string](b, `(() => {
		const problems = [], ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
		for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) problems.push("id " + id + " twice");
		for (const a of document.querySelectorAll('a[href^="#"]')) if (!document.getElementById(a.hash.slice(1))) problems.push("nothing at " + a.hash);
		const wide = document.scrollingElement.scrollWidth - innerWidth;
		const out = [...document.querySelectorAll("body *")].filter((e) => !e.closest(".unseen, .skip, thead") && e.getBoundingClientRect().right > innerWidth + .5).slice(0, 3);
		if (wide > 0) problems.push(wide + " pixels too wide: " + out.map((e) => e.outerHTML.slice(0, 90)).join(" | "));
		for (const loaded of performance.getEntriesByType("resource")) if (!loaded.name.startsWith("data:")) problems.push("loaded " + loaded.name);
		return problems;
	})()`) {
		b.t.Errorf("%s: %s", where, problem)
	}
}

// audit checks the page with axe-core where AXE_CORE names it.
func (b *browser) audit(where string) {
	b.t.Helper()
	if b.axe == "" {
		return
	}
	if !js[bool](b, `typeof axe !== "undefined"`) {
		js[string](b, b.axe+"\n;\"\"")
	}
	for _, problem := range js[[]string](b, `axe.run(document, {resultTypes: ["violations"]}).then((r) =>
		r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.failureSummary.replaceAll("\n", " ") + " " + n.html.slice(0, 160))))`) {
		b.t.Errorf("%s: axe: %s", where, strings.Join(strings.Fields(problem), " "))
	}
}

func quote(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(out)
}
