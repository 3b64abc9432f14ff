package report

import (
	"bytes"
	"testing"
)

func TestReportsAreAsTheGoldenFilesSay(t *testing.T) {
	t.Parallel()
	onTheDay(t, func(t *testing.T) {
		open, manifest := written(t, sampleReview(false), sampleFindings(27, false))
		golden(t, "open.html", open.files[PageFile])
		golden(t, "open.csv", open.files[TableFile])
		golden(t, "open.json", open.files[DocumentFile])
		golden(t, "manifest.json", open.files[ManifestFile])
		closed, _ := written(t, sampleReview(true), sampleFindings(27, true))
		golden(t, "closed.html", closed.files[PageFile])
		var own bytes.Buffer
		if err := WriteReviewer(&own, sampleReview(false), yielding(sampleFindings(27, false)), "mgr-finance"); err != nil {
			t.Fatal(err)
		}
		golden(t, "reviewer.html", own.Bytes())
		read, err := ReadManifest(t.Context(), open)
		if err != nil || read.Hash() != manifest.Hash() {
			t.Errorf("the manifest that was read has another hash than the one that was written: %v", err)
		}
	})
}

func TestTimelinesAreAsTheGoldenFilesSay(t *testing.T) {
	t.Parallel()
	records := ninasStory()
	person, err := PersonTimeline(nina, reading(about(records)), WithNames(named), WithTime(at(24, 7)), WithChains(intact(records)...))
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := TicketTimeline("RITM0010188", reading(on("RITM0010188", records)), WithNames(named), WithTime(at(24, 7)))
	if err != nil {
		t.Fatal(err)
	}
	for name, line := range map[string]Timeline{"person.html": person, "ticket.html": ticket} {
		var b bytes.Buffer
		if err := line.WriteHTML(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
}
