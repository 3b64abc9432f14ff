package report

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"lifecycle/shared/decision"
)

// TestBrowser reads reports and timelines as people do. Its parts follow each other.
func TestBrowser(t *testing.T) {
	if os.Getenv("LIFECYCLE_BROWSER") != "1" {
		t.Skip("set LIFECYCLE_BROWSER=1 to drive a Chromium (make browser)")
	}
	folder := t.TempDir()
	sampleFiles(t, folder)
	b := newBrowser(t, http.FileServer(http.Dir(folder)))
	for _, part := range []struct {
		name string
		do   func(*browser)
	}{
		{"tables are sorted by mouse and by keyboard", sorting},
		{"findings are searched and filtered", filtering},
		{"a reviewer composes the answer for the task", answering},
		{"without script everything is there", withoutScript},
		{"it prints", printing},
		{"it is accessible and fits, in light and dark, wide and narrow", looks},
	} {
		t.Run(part.name, func(t *testing.T) {
			b.t = t
			part.do(b)
		})
	}
}

// sampleFiles writes everything that the browser looks at.
func sampleFiles(t *testing.T, folder string) {
	t.Helper()
	onTheDay(t, func(t *testing.T) {
		for name, r := range map[string]struct {
			review Review
			list   []Finding
		}{
			"open": {sampleReview(false), sampleFindings(46, false)}, "closed": {sampleReview(true), sampleFindings(46, true)},
			"many": {sampleReview(false), many(PerReviewer+250, "security")}, "nothing": {sampleReview(false), nil},
		} {
			if _, err := Write(t.Context(), r.review, yielding(r.list), Directory(filepath.Join(folder, name))); err != nil {
				t.Fatal(err)
			}
		}
		var own bytes.Buffer
		if err := WriteReviewer(&own, sampleReview(false), yielding(sampleFindings(46, false)), "mgr-finance"); err != nil {
			t.Fatal(err)
		}
		records := ninasStory()
		damaged := intact(records)
		damaged[len(damaged)-1].Bad, damaged[len(damaged)-1].Problem = 9, "its hash does not match what it says"
		pages := map[string]*bytes.Buffer{"reviewer.html": &own}
		for name, line := range map[string]func() (Timeline, error){
			"person.html": func() (Timeline, error) {
				return PersonTimeline(nina, reading(about(records)), WithNames(named), WithChains(intact(records)...))
			},
			"damaged.html": func() (Timeline, error) {
				return PersonTimeline(nina, reading(about(records)), WithNames(named), WithChains(damaged...))
			},
			"ticket.html": func() (Timeline, error) {
				return TicketTimeline("RITM0010188", reading(on("RITM0010188", records)), WithNames(named))
			},
			"empty.html": func() (Timeline, error) { return PersonTimeline("00unobody", reading(nil)) },
		} {
			l, err := line()
			if err != nil {
				t.Fatal(err)
			}
			pages[name] = &bytes.Buffer{}
			if err := l.WriteHTML(pages[name]); err != nil {
				t.Fatal(err)
			}
		}
		for name, page := range pages {
			if err := os.WriteFile(filepath.Join(folder, name), page.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
}

const (
	// firstTable is the first reviewer's table.
	firstTable = `document.querySelector(".findings")`
	// visible are the findings that are to be seen.
	visible = `[...document.querySelectorAll(".findings tbody tr")].filter((r) => r.checkVisibility())`
)

// column is what the cells of a column sort by, from top to bottom.
func columnOf(n int) string {
	return `[...` + firstTable + `.tBodies[0].rows].map((r) => r.cells[` + strconv.Itoa(n) + `].dataset.sort ?? r.cells[` + strconv.Itoa(n) + `].textContent.trim())`
}

func sorting(b *browser) {
	b.open("open/review.html")
	b.holds("the riskiest come first", columnOf(0)+`.every((v, i, all) => i === 0 || +all[i - 1] <= +v)`)
	heading := func(n int) string { return `.findings thead th:nth-child(` + strconv.Itoa(n) + `) button` }
	b.do(chromedp.Click(chromedp.CSS(heading(2))))
	b.holds("people are sorted by name", columnOf(1)+`.every((v, i, all) => i === 0 || all[i - 1].localeCompare(v, undefined, {numeric: true}) <= 0)`)
	b.holds("the heading says so", firstTable+`.querySelector("th:nth-child(2)").getAttribute("aria-sort") === "ascending" && !`+firstTable+`.querySelector("th:nth-child(1)").hasAttribute("aria-sort")`)
	js[string](b, `(document.querySelector(`+quote(heading(6))+`).focus(), "")`)
	b.press(kb.Enter)
	b.holds("who never signed in comes first", columnOf(5)+`.every((v, i, all) => i === 0 || +all[i - 1] <= +v) && `+columnOf(5)+`[0] === "0"`)
	b.press(kb.Enter)
	b.holds("and last when sorted the other way", columnOf(5)+`.every((v, i, all) => i === 0 || +all[i - 1] >= +v)`)
	b.holds("where they are equal the riskiest still come first", `[...`+firstTable+`.tBodies[0].rows].every((r, i, all) => i === 0 || r.cells[5].dataset.sort !== all[i - 1].cells[5].dataset.sort || +all[i - 1].cells[0].dataset.sort <= +r.cells[0].dataset.sort)`)
	b.holds("the other tables stay as they are", `[...document.querySelectorAll(".findings")].slice(1).every((t) => t.querySelector("th").getAttribute("aria-sort") === "ascending")`)
	b.do(chromedp.Click(chromedp.CSS(`.reviewers thead th:nth-child(6) button`)))
	b.holds("reviewers are sorted by how many they have", `[...document.querySelectorAll(".reviewers tbody tr")].map((r) => +r.cells[5].textContent).every((v, i, all) => i === 0 || all[i - 1] <= v)`)
}

func filtering(b *browser) {
	b.open("open/review.html")
	all := js[int](b, visible+`.length`)
	b.press("/")
	b.holds("/ leads to the search", `document.activeElement.id === "q"`)
	js[string](b, `document.querySelector("#q").value = ""`) // the driver types a key even where the page has taken it
	b.do(chromedp.KeyEvent("ritm0010188 kwame"))
	b.holds("only what has both words is left", visible+`.length > 0 && `+visible+`.every((r) => /kwame/i.test(r.textContent) && /RITM0010188/.test(r.textContent))`)
	b.holds("the number is told", `document.querySelector("#shown").textContent === `+visible+`.length + " of `+strconv.Itoa(all)+` findings"`)
	b.holds("reviewers without a match are gone", `[...document.querySelectorAll(".desk")].every((d) => d.checkVisibility() === [...d.querySelectorAll("tbody tr")].some((r) => !r.hidden))`)
	b.shot("report-filtered")
	b.do(chromedp.KeyEvent(" xyzzy"))
	b.holds("nothing matches, and it says so", visible+`.length === 0 && document.querySelector("#nothing").checkVisibility()`)
	b.do(chromedp.Click(chromedp.CSS("#all")))
	b.holds("everything is back", visible+`.length === `+strconv.Itoa(all))
	choose := func(id, value string) {
		js[string](b, `((s) => { s.value = `+quote(value)+`; s.dispatchEvent(new Event("input", {bubbles: true})); return ""; })(document.getElementById(`+quote(id)+`))`)
	}
	choose("f-risk", "critical")
	choose("f-standing", "new")
	b.holds("choices narrow together", visible+`.length > 0 && `+visible+`.every((r) => r.dataset.risk === "critical" && r.dataset.standing === "new")`)
	b.press("/", kb.Escape)
	b.holds("Escape lets go of all of it", visible+`.length === `+strconv.Itoa(all)+` && !document.querySelector("#f-risk").value`)
	b.open("closed/review.html")
	choose("f-answer", "revoke")
	b.holds("decisions can be asked for", visible+`.length > 0 && `+visible+`.every((r) => r.cells[6].querySelector(".answer").textContent === "Revoke")`)
}

func answering(b *browser) {
	b.open("reviewer.html")
	b.holds("every finding has its number", `[...document.querySelectorAll("tr[data-no]")].map((r) => r.querySelector(".no").textContent).join() === "1,2,3,4,5"`)
	pick := func(no int, answer string) {
		b.do(chromedp.Click(chromedp.CSS(`tr[data-no="` + strconv.Itoa(no) + `"] input[value="` + answer + `"]`)))
	}
	b.holds("nothing is chosen for anybody", `document.querySelectorAll(".pick input:checked").length === 0 && document.querySelector("#lines").value === ""`)
	pick(4, "keep")
	pick(1, "revoke")
	pick(2, "revoke")
	pick(3, "keep")
	pick(3, "revoke")
	b.holds("the lines are those that the task takes", `document.querySelector("#lines").value === "1-3 revoke\n4 keep"`)
	b.holds("it says what is left", `document.querySelector("#answered").textContent === "4 of 5 answered" && !document.querySelector("#answer.whole")`)
	b.shot("reviewer-answering")
	js[string](b, `(document.querySelector('tr[data-no="5"] input').focus(), "")`)
	b.press(" ")
	b.holds("a key chooses as well", `document.querySelector("#lines").value === "1-3 revoke\n4-5 keep" && document.querySelector("#answer.whole")`)
	items := []decision.Item{{N: 1}, {N: 2}, {N: 3}, {N: 4}, {N: 5}}
	if read, problems := decision.Read(js[string](b, `document.querySelector("#lines").value`), items); len(problems) > 0 || read[2].Word != "revoke" || read[5].Word != "keep" {
		b.t.Errorf("the task does not take the lines: %v %v", read, problems)
	}
	b.do(chromedp.Click(chromedp.CSS("#copy")))
	b.holds("copying says so", `document.querySelector("#copy").textContent === "Copied"`)
}

func withoutScript(b *browser) {
	b.scripts(false)
	b.open("open/review.html")
	b.holds("all findings are there", visible+`.length === `+strconv.Itoa(len(sampleFindings(46, false))-4))
	b.holds("no control is there that does nothing", `!document.querySelector("#filter").checkVisibility() && !document.querySelector("thead button")`)
	b.scripts(true)
}

// pageInPDF is a page's object in a PDF.
var pageInPDF = regexp.MustCompile(`/Type\s*/Page\b`)

func printing(b *browser) {
	for name, page := range map[string]string{"report": "closed/review.html", "timeline": "person.html"} {
		b.open(page)
		pdf := b.keep(name+".pdf", chromedp.PrintToPDF(chromedp.PDFPreferCSSPageSize(), chromedp.PDFPrintBackground(), chromedp.PDFOutlineAndTagged()))
		if n := len(pageInPDF.FindAll(pdf, -1)); !bytes.HasPrefix(pdf, []byte("%PDF-")) || n < 2 || n > 25 {
			b.t.Errorf("%s prints as %d pages", page, n)
		}
	}
}

func looks(b *browser) {
	pages := map[string]string{
		"report": "open/review.html", "report-closed": "closed/review.html", "report-many": "many/review.html", "report-nothing": "nothing/review.html",
		"reviewer": "reviewer.html", "timeline": "person.html", "timeline-damaged": "damaged.html", "timeline-ticket": "ticket.html", "timeline-empty": "empty.html",
	}
	for _, scheme := range []string{"light", "dark"} {
		b.prefer("prefers-color-scheme", scheme)
		for _, size := range []struct {
			name          string
			width, height int64
		}{{"laptop", 1440, 900}, {"small-laptop", 1280, 720}, {"tablet", 900, 1100}, {"phone", 390, 844}} {
			b.do(chromedp.EmulateViewport(size.width, size.height))
			for name, page := range pages {
				b.open(page)
				b.fits(name + ", " + scheme + ", " + size.name)
				if size.name == "laptop" || size.name == "phone" {
					b.audit(name + ", " + scheme + ", " + size.name)
					b.shot(name + "-" + size.name + "-" + scheme)
				}
				if size.name == "laptop" && name != "report-many" {
					b.sheet(name + "-whole-" + scheme)
				}
			}
		}
	}
	b.do(chromedp.EmulateViewport(1440, 900))
	b.open("open/review.html")
	b.press(kb.Tab)
	b.holds("the first stop skips to the findings", `document.activeElement.className === "skip" && document.activeElement.getBoundingClientRect().top >= 0`)
	b.holds("the focus can be seen", `(document.querySelector("thead button").focus({focusVisible: true}), getComputedStyle(document.activeElement).outlineStyle !== "none")`)
}
