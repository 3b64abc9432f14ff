package console_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

// TestBrowser walks through the console as people do: most of it without a
// mouse. Its parts follow each other in one world.
func TestBrowser(t *testing.T) {
	b := newBrowser(t)
	b.do(chromedp.Navigate(b.url))
	b.until(`document.querySelector("#link")?.dataset.live === "on"`)
	for _, part := range []struct {
		name string
		do   func(*browser)
	}{
		{"a new hire is played and watched by keyboard", hireByKeyboard},
		{"a person's page tells what they hold and why", personPage},
		{"a leaver survives a killed function and a busy Okta", leaverUnderFaults},
		{"a question is answered where it is asked", questionAnswered},
		{"a failure is drawn in red, with the way that the error took", failureDrawn},
		{"a security event becomes an incident", securityEvent},
		{"changes are stopped and started again", stopAndStart},
		{"lists are walked and searched by keyboard", keyboardWalk},
		{"nothing scrolls on a laptop, nothing overflows on a phone", sizes},
		{"it is accessible in light and dark", accessible},
	} {
		if !t.Run(part.name, func(t *testing.T) {
			b.t = t
			part.do(b)
		}) {
			break
		}
	}
	b.t = t
	for _, complaint := range b.complaints() {
		t.Errorf("the page complained: %s", complaint)
	}
}

const (
	drawn    = `document.querySelector("#machine-status")?.innerText`
	opened   = `document.querySelector("#detail .chip")?.innerText`
	focusID  = `(document.activeElement?.id ?? "")`
	noPopups = `!document.querySelector(":popover-open") && !document.activeElement.closest("[popover]")`
)

func state(name, look string) string {
	return fmt.Sprintf(`document.querySelector('[data-state=%q][data-look=%q]')`, name, look)
}

func hireByKeyboard(b *browser) {
	b.page.SetPace(100 * time.Millisecond)
	b.press("n")
	b.until(`document.querySelector("#samples:popover-open")`)
	b.shot("menu-light")
	b.press(kb.Tab, kb.Enter) // the first sample
	b.until(state("GrantAccess", "current"))
	b.shot("running-light")
	b.prefer("prefers-color-scheme", "dark")
	b.shot("running-dark")
	b.until(drawn + `?.includes("Succeeded")`)
	b.until(opened + ` === "Resolved"`)
	b.until(state("ResolveTicket", "passed"))
	b.shot("resolved-dark")
	b.prefer("prefers-color-scheme", "light")
	if got := js[string](b, focusID); got != "detail-title" {
		b.t.Errorf("the focus is on %q, not on the ticket that was opened", got)
	}
	if text := b.text("#detail"); !strings.Contains(text, "GitHub Engineers: role engineer") {
		b.t.Errorf("the note does not say what was granted and why:\n%s", text)
	}
	b.page.SetPace(0)
}

func personPage(b *browser) {
	b.do(chromedp.Click(chromedp.CSS("#about")))
	b.until(opened + ` === "Provisioned"`)
	b.do(chromedp.Click(chromedp.CSS(`#detail form[action="/console/welcome"] button`)))
	b.until(opened + ` === "Active"`)
	text := b.text("#detail")
	for _, wanted := range []string{"GitHub Engineers", "role engineer, for title", "birthright", "Lease grant", "User activate", "INC0010001"} {
		if !strings.Contains(text, wanted) {
			b.t.Errorf("the person's page does not tell %q:\n%s", wanted, text)
		}
	}
	b.shot("person-light")
}

func leaverUnderFaults(b *browser) {
	a, _ := b.Okta.Snapshot(seed.PersonOktaID("E1011"))
	for _, err := range []error{
		b.Okta.SignIn(a.ID), second(b.Okta.GiveRole(a.ID, "HELP_DESK_ADMIN")), second(b.Okta.EnrolFactor(a.ID, "push")),
	} {
		if err != nil {
			b.t.Fatal(err)
		}
	}
	b.do(chromedp.Navigate(b.url + "/?person=" + a.ID))
	b.until(`document.querySelector("#link")?.dataset.live === "on"`)
	b.press("f")
	b.until(`document.querySelector("#faults:popover-open")`)
	b.shot("faults-light")
	b.do(chromedp.Click(chromedp.CSS(`#faults button[value="kill"]`)))
	b.until(`document.querySelector(".strip").innerText.includes("The next function dies")`)
	b.page.SetPace(40 * time.Millisecond)
	b.do(chromedp.Click(chromedp.CSS(`#detail button[value="leave"]`)))
	b.until(`document.querySelector(".node .badge")?.textContent.includes("!")`) // an attempt failed
	b.until(state("WaitOneHour", "current"))
	b.until(opened + ` === "Resolved"`)
	b.shot("leaver-light")
	b.press("b")
	b.until(`document.querySelector("#machine > .big")`)
	b.shot("leaver-big-light")
	b.prefer("prefers-color-scheme", "dark")
	b.shot("leaver-big-dark")
	b.press("b")
	b.until(`!document.querySelector("#machine > .big")`)
	b.shot("leaver-dark")
	b.prefer("prefers-color-scheme", "light")
	b.page.SetPace(0)
	if a, _ = b.Okta.Snapshot(a.ID); a.Status != "DEPROVISIONED" || len(a.Apps) > 0 {
		b.t.Errorf("the leaver is %s with %v", a.Status, a.Apps)
	}
}

func second[T any](_ T, err error) error { return err }

func questionAnswered(b *browser) {
	b.press("n")
	b.do(chromedp.Click(chromedp.CSS(`#samples button[value="leave-protected"]`)))
	b.until(state("AskApproval", "current"))
	b.until(`document.querySelectorAll("#detail .ask form").length > 1`)
	b.shot("question-light")
	b.do(chromedp.SendKeys(chromedp.CSS(`#detail .ask input[name="comment"]`), "It is still in use."))
	js[string](b, `document.querySelector('#detail .ask button[value="rejected"]').focus(), ""`)
	b.press(kb.Enter)
	b.until(state("ReturnTicket", "passed"))
	b.until(drawn + `?.includes("Succeeded")`)
	if text := b.text("#detail"); !strings.Contains(text, "rejected it") {
		b.t.Errorf("the ticket does not say what was decided:\n%s", text)
	}
	b.shot("returned-light")
}

func failureDrawn(b *browser) {
	b.Okta.Fault(func(*http.Request, int) *oktasim.Fault { return &oktasim.Fault{Status: http.StatusForbidden} })
	b.press("n")
	b.do(chromedp.Click(chromedp.CSS(`#samples button[value="hire"]`)))
	b.until(state("Failed", "failed"))
	b.until(`document.querySelector(".edges .caught")`)
	b.shot("failed-light")
	b.prefer("prefers-color-scheme", "dark")
	b.shot("failed-dark")
	b.prefer("prefers-color-scheme", "light")
	b.page.SetPace(0) // and with it the faults that the console knows of: none
}

func securityEvent(b *browser) {
	b.do(chromedp.Navigate(b.url))
	b.until(`document.querySelector("#link")?.dataset.live === "on"`)
	b.press("n")
	b.do(chromedp.Click(chromedp.CSS(`#samples button[value="spray"]`)))
	b.until(`document.querySelector("#machine-title")?.innerText === "Security alert"`)
	b.until(`document.querySelector("#tickets").innerText.includes("spray")`)
	b.shot("alert-light")
}

func stopAndStart(b *browser) {
	b.press("s")
	b.until(`document.querySelector("#brake:popover-open")`)
	js[string](b, `document.querySelector("#reason").value = ""`) // see keyboardWalk
	b.do(chromedp.KeyEvent("A bad rule went out"), chromedp.KeyEvent(kb.Enter))
	b.until(`document.querySelector(".banner")?.innerText.includes("A bad rule went out")`)
	b.shot("stopped-light")
	b.do(chromedp.Click(chromedp.CSS(".banner button")))
	b.until(`!document.querySelector(".banner")`)
}

func keyboardWalk(b *browser) {
	b.do(chromedp.Navigate(b.url))
	b.until(`document.querySelector("#link")?.dataset.live === "on"`)
	b.press(kb.Tab)
	if got := b.text(":focus"); got != "Skip to tickets" {
		b.t.Errorf("the first stop is %q", got)
	}
	b.press("t", "j")
	at := js[string](b, focusID)
	if second := js[string](b, `document.querySelectorAll("#tickets .row")[1].id`); at != second {
		b.t.Errorf("t and j lead to %q, not to the second ticket %q", at, second)
	}
	b.press(kb.Enter)
	b.until(focusID + ` === "detail-title"`)
	if outline := js[string](b, `(document.querySelector("#detail-close").focus(), getComputedStyle(document.activeElement).outlineStyle)`); outline == "none" {
		b.t.Error("the focus cannot be seen")
	}
	b.press(kb.Escape)
	b.until(`!document.querySelector("#detail > *")`)
	b.until(focusID + ` === ` + quote(at))
	b.press("?")
	b.until(`document.querySelector("#keys:popover-open")`)
	b.shot("keys-light")
	b.press(kb.Escape)
	b.until(noPopups)
	b.press("/")
	b.until(focusID + ` === "find"`)
	js[string](b, `document.querySelector("#find").value = ""`) // the driver types a key even where the page has taken it
	b.do(chromedp.KeyEvent("lindgren"))
	b.until(`document.querySelectorAll("#people .row").length === 1 && document.querySelectorAll("#tickets .row").length === 1`)
	b.press(kb.Escape)
	js[string](b, `(history.replaceState(null, "", "/"), document.querySelector("#find").value = "")`)
}

func sizes(b *browser) {
	const overflow = `document.scrollingElement.scrollHeight - innerHeight`
	const sideways = `document.scrollingElement.scrollWidth - innerWidth`
	ticket := b.ServiceNow.Snapshot(5).Tickets[0].SysID
	for _, size := range []struct {
		width, height int64
		scrolls       bool
		name          string
	}{{1440, 900, false, "laptop"}, {1280, 720, false, "small-laptop"}, {1024, 768, true, "tablet"}, {390, 844, true, "phone"}} {
		b.do(chromedp.EmulateViewport(size.width, size.height), chromedp.Navigate(b.url))
		b.until(`document.querySelector("#link")?.dataset.live === "on"`)
		b.shot(size.name + "-light")
		if got := js[int](b, overflow); got > 0 && !size.scrolls {
			b.t.Errorf("at %dx%d the page is %d pixels too tall", size.width, size.height, got)
		}
		if got := js[int](b, sideways); got > 0 {
			b.t.Errorf("at %dx%d the page is %d pixels too wide", size.width, size.height, got)
		}
		b.do(chromedp.Navigate(b.url + "/?ticket=" + ticket))
		b.until(`document.querySelector("#detail-title")`)
		b.shot(size.name + "-detail-light")
	}
	b.do(chromedp.EmulateViewport(1440, 900))
	b.prefer("prefers-reduced-motion", "reduce")
	if got := js[string](b, `getComputedStyle(document.querySelector(".halo") ?? document.body).animationName`); got != "none" {
		b.t.Errorf("with reduced motion the animation %s runs", got)
	}
}

func accessible(b *browser) {
	if path := os.Getenv("AXE_CORE"); path != "" {
		axe, err := os.ReadFile(path) //nolint:gosec // named by whoever runs the test
		if err != nil {
			b.t.Fatal(err)
		}
		b.axe = string(axe)
	}
	ticket := b.ServiceNow.Snapshot(5).Tickets[0].SysID
	for _, scheme := range []string{"light", "dark"} {
		b.prefer("prefers-color-scheme", scheme)
		for name, address := range map[string]string{
			"board": "/", "ticket": "/?ticket=" + ticket, "person": "/?person=" + seed.PersonOktaID("E1011"),
		} {
			b.do(chromedp.Navigate(b.url + address))
			b.until(`document.querySelector("#link")?.dataset.live === "on"`)
			b.audit(name + ", " + scheme)
			b.shot(name + "-" + scheme)
		}
		for _, key := range []string{"n", "f", "s", "?"} {
			b.press(key)
			b.until(`document.querySelector(":popover-open")`)
			b.audit("the menu of " + key + ", " + scheme)
			b.press(kb.Escape)
			b.until(noPopups)
		}
	}
}
