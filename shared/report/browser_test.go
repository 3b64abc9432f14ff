package report

import (
	"os"
	"testing"
	"time"
)

func TestSketch(t *testing.T) {
	out := os.Getenv("SKETCH")
	if out == "" {
		t.Skip()
	}
	now = func() time.Time { return at(24, 7) }
	if _, err := Write(t.Context(), sampleReview(false), yielding(sampleFindings(46, false)), Directory(out)); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(t.Context(), sampleReview(true), yielding(sampleFindings(46, true)), Directory(out+"/closed")); err != nil {
		t.Fatal(err)
	}
}

func TestSketchTimeline(t *testing.T) {
	out := os.Getenv("SKETCH")
	if out == "" {
		t.Skip()
	}
	records := ninasStory()
	for name, line := range map[string]func() (Timeline, error){
		"person": func() (Timeline, error) {
			return PersonTimeline(nina, reading(about(nina, records)), WithNames(named), WithTime(at(24, 7)), WithChains(intact(records)...))
		},
		"ticket": func() (Timeline, error) {
			return TicketTimeline("RITM0010188", reading(on("RITM0010188", records)), WithNames(named), WithTime(at(24, 7)))
		},
	} {
		l, err := line()
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(out + "/" + name + ".html")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.WriteHTML(f); err != nil {
			t.Fatal(err)
		}
	}
}
