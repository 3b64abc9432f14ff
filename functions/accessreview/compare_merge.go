package accessreview

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/report"
)

// told is what came of the comparison: $.findings. Numbers only.
type told struct {
	Findings int `json:"findings"`
	Open     int `json:"open"`
}

// WriteFindings puts the findings of all parts together, riskiest first, and
// writes the review. Of each part a line is held; the whole goes through a file.
func (s *Steps) WriteFindings(ctx context.Context, st state) (told, error) {
	figures, reviewers, err := s.figures(ctx, st.Review)
	if err != nil {
		return told{}, err
	}
	file, err := os.CreateTemp("", "findings-*.ndjson")
	if err != nil {
		return told{}, &fault.Unavailable{Message: "the findings could not be put together", Cause: err}
	}
	defer func() { _, _ = file.Close(), os.Remove(file.Name()) }() // the next run of the function has a name of its own
	hash := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(file, hash), 1<<20)
	total, err := s.merge(ctx, st.Review, out)
	if err != nil {
		return told{}, err
	}
	if err := errors.Join(out.Flush(), rewound(file)); err != nil {
		return told{}, &fault.Unavailable{Message: "the findings could not be put together", Cause: err}
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || rewound(file) != nil {
		return told{}, &fault.Unavailable{Message: "the findings could not be put together", Cause: err}
	}
	if err := s.store.send(ctx, findingsKey(st.Review.ID), "application/x-ndjson", file, size); err != nil {
		return told{}, err
	}
	review, err := s.review(ctx, st.Review, figures, reviewers)
	if err != nil {
		return told{}, err
	}
	if err := s.conclude(ctx, st.Review, review); err != nil {
		return told{}, err
	}
	_, err = s.ledger.Fact(ofReview(ctx, st.Review), audit.Change{
		System: "lifecycle", Verb: "review.findings", Target: "review/" + st.Review.ID, Key: st.Review.ID,
		Reason: audit.Reason{Kind: "access_review", Ref: st.SysID, Version: review.Rules, Text: st.Number},
		After:  map[string]any{"object": findingsKey(st.Review.ID), "sha256": hex.EncodeToString(hash.Sum(nil)), "findings": total, "people": review.Figures.People},
	})
	return told{Findings: total, Open: total - figures.Standings[report.Fixed]}, err
}

func rewound(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// strand is the findings of one part, of which the first is held.
type strand struct {
	body    io.Closer
	scanner *bufio.Scanner
	place   string
	line    []byte
	first   report.Finding
	over    bool
}

// next goes on to the next finding.
func (s *strand) next() error {
	if !s.scanner.Scan() {
		s.over = true
		if err := s.scanner.Err(); err != nil {
			return &fault.Unavailable{Message: s.place + " could not be read to its end", Cause: err}
		}
		return nil
	}
	s.line, s.first = s.scanner.Bytes(), report.Finding{}
	if err := json.Unmarshal(s.line, &s.first); err != nil {
		return &fault.Conflict{Message: s.place + " has a line that cannot be read", Cause: err}
	}
	return nil
}

// strands opens the findings of all parts.
func (s *Steps) strands(ctx context.Context, r begun) (open []*strand, err error) {
	for n := range partitions {
		body, err := s.store.open(ctx, partFindingsKey(r.ID, n))
		if fault.Is[*fault.NotFound](err) {
			continue
		}
		if err != nil {
			return open, err
		}
		one := &strand{body: body, place: s.store.place(partFindingsKey(r.ID, n))}
		open = append(open, one)
		unpacked, err := gzip.NewReader(bufio.NewReaderSize(body, 16<<10))
		if err != nil {
			return open, &fault.Conflict{Message: one.place + " is damaged", Cause: err}
		}
		one.scanner = bufio.NewScanner(unpacked)
		one.scanner.Buffer(make([]byte, 16<<10), 4<<20)
		if err := one.next(); err != nil {
			return open, err
		}
	}
	return open, nil
}

// merge writes the findings of all parts in their order. Each part is in order
// already.
func (s *Steps) merge(ctx context.Context, r begun, out io.Writer) (total int, err error) {
	open, err := s.strands(ctx, r)
	defer func() {
		for _, one := range open {
			_ = one.body.Close() // it was only read
		}
	}()
	if err != nil {
		return 0, err
	}
	for {
		var least *strand
		for _, one := range open {
			if !one.over && (least == nil || order(one.first, least.first) < 0) {
				least = one
			}
		}
		if least == nil {
			return total, nil
		}
		if _, err := out.Write(append(least.line, '\n')); err != nil {
			return 0, &fault.Unavailable{Message: "the findings could not be put together", Cause: err}
		}
		total++
		if err := least.next(); err != nil {
			return 0, err
		}
	}
}

// bucketOf is what the calls of a branch draw on, as a reader of the report knows
// it.
func bucketOf(branch string) string {
	if branch == peopleBranch {
		return "ServiceNow"
	}
	return readers[branch].bucket
}

// figures adds up what was read and found.
func (s *Steps) figures(ctx context.Context, r begun) (report.Figures, map[string]report.Reviewer, error) {
	all, err := s.store.stacks(ctx, r.ID)
	if err != nil {
		return report.Figures{}, nil, err
	}
	f := report.Figures{
		People: all.counts["people"], Groups: all.counts["groups"], Apps: all.counts["apps"],
		Memberships: all.counts["memberships"], Assignments: all.counts["assignments"],
		Calls: map[string]int{}, Flags: map[report.Flag]int{}, Risks: map[report.Risk]int{}, Standings: map[report.Standing]int{}, Answers: map[report.Answer]int{},
	}
	for branch, n := range all.calls {
		if bucket := bucketOf(branch); bucket != "" {
			f.Calls[bucket] += n
		}
	}
	reviewers := map[string]report.Reviewer{}
	for n := range partitions {
		content, err := s.store.read(ctx, partFiguresKey(r.ID, n))
		if err != nil {
			return f, nil, err
		}
		var p parted
		if err := json.Unmarshal(content, &p); err != nil {
			return f, nil, &fault.Conflict{Message: s.store.place(partFiguresKey(r.ID, n)) + " is damaged", Cause: err}
		}
		addUp(f.Flags, p.Flags)
		addUp(f.Risks, p.Risks)
		addUp(f.Standings, p.Standings)
		for id, by := range p.Reviewers {
			by.Count += reviewers[id].Count
			reviewers[id] = by
		}
	}
	for _, n := range f.Flags {
		f.Answers[report.None] += n
	}
	return f, reviewers, nil
}

func addUp[K comparable](sum, more map[K]int) {
	for k, n := range more {
		sum[k] += n
	}
}
