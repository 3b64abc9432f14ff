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
