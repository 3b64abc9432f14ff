package report

import (
	"context"
	"io"
	"iter"
	"runtime"
	"testing"
	"time"
)

// discard takes files and keeps nothing.
type discard struct{ bytes int64 }

func (d *discard) Put(_ context.Context, _, _ string, write func(io.Writer) error) error {
	return write(d)
}

func (d *discard) Write(p []byte) (int, error) {
	d.bytes += int64(len(p))
	return len(p), nil
}

func (d *discard) Open(context.Context, string) (io.ReadCloser, error) { return nil, io.EOF }

// streamed are n findings, riskiest first, of 700 reviewers, made as they are read.
func streamed(n int, each func()) Findings {
	return func() iter.Seq2[Finding, error] {
		return func(yield func(Finding, error) bool) {
			for i := range n {
				f := sampleFinding(i, i%3 == 0)
				f.Standing, f.Risk, f.Reviewer = Open, risks[min(i*len(risks)/n, 3)], "manager "+number(1000+i%700)
				each()
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

// BenchmarkWrite writes the report of 100,000 findings. The peak of the heap does not grow with
// their number.
func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(number(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var peak uint64
				var stats runtime.MemStats
				seen := 0
				to := &discard{}
				runtime.GC()
				_, err := Write(b.Context(), sampleReview(false), streamed(n, func() {
					if seen++; seen%5000 == 1 {
						runtime.ReadMemStats(&stats)
						peak = max(peak, stats.HeapInuse)
					}
				}), to)
				if err != nil {
					b.Fatal(err)
				}
				runtime.ReadMemStats(&stats)
				b.ReportMetric(float64(max(peak, stats.HeapInuse))/1e6, "peak-MB")
				b.ReportMetric(float64(to.bytes)/1e6, "written-MB")
			}
		})
	}
}

// BenchmarkTimeline draws up the timeline of somebody with many records.
func BenchmarkTimeline(b *testing.B) {
	records := ninasStory()
	for range 8 {
		records = append(records, records...)
	}
	b.ReportAllocs()
	for b.Loop() {
		line, err := PersonTimeline(nina, reading(records), WithTime(time.Now()))
		if err != nil {
			b.Fatal(err)
		}
		if err := line.WriteHTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(records)), "records")
}
