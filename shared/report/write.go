package report

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"lifecycle/shared/fault"
)

// The files of a report.
const (
	PageFile     = "review.html"
	TableFile    = "findings.csv"
	DocumentFile = "findings.json"
	ManifestFile = "manifest.json"
)

const (
	htmlType = "text/html; charset=utf-8"
	csvType  = "text/csv; charset=utf-8"
	jsonType = "application/json"
)

// The most findings that a page shows: a browser has to hold them. The CSV and the JSON hold
// all, and the page says how many more they are.
const (
	// PerReviewer is for one reviewer on the page of the whole review.
	PerReviewer = 200
	// PerPage is for the page of the whole review, and for a page of one reviewer's own.
	PerPage = 3000
	// FixedPerPage is for the findings that are no more.
	FixedPerPage = 200
)

// Write writes the report of a review: page, CSV and JSON of everything, and last the manifest,
// so that a report without one was not finished. It reads the findings once, riskiest first, and
// holds no more of them than the page shows. Figures of findings are counted anew.
//
// Its errors are the findings' and the store's; *fault.Invalid is a finding that does not name
// its id, flag or risk, for nobody could decide about it.
func Write(ctx context.Context, review Review, findings Findings, to Store) (Manifest, error) {
	w := writing{ctx: ctx, to: to, shown: newSelection(""), tally: newTally(), manifest: manifestOf(review)}
	err := w.file(TableFile, csvType, func(rows io.Writer) error {
		return w.file(DocumentFile, jsonType, func(objects io.Writer) error {
			return w.all(review, findings, rows, objects)
		})
	})
	if err != nil {
		return Manifest{}, err
	}
	review.Figures = w.tally.figures(review.Figures)
	w.manifest.Findings, w.manifest.Figures = w.tally.all, review.Figures
	err = w.file(PageFile, htmlType, func(page io.Writer) error {
		return pages.ExecuteTemplate(page, "review.html", w.page(review))
	})
	if err != nil {
		return Manifest{}, err
	}
	w.manifest.sort()
	return w.manifest, w.manifest.write(ctx, to)
}

// WriteReviewer writes the page of one reviewer: what is put before them and nothing about
// anybody else. Findings of other reviewers are passed over, so findings may be all of the
// review's or only theirs. They are numbered in their order, from 1, as in the task: the page
// helps to compose the answer, a line such as "3 revoke" for each.
func WriteReviewer(w io.Writer, review Review, findings Findings, reviewer string) error {
	page := writing{shown: newSelection(reviewer), tally: newTally(), manifest: manifestOf(review)}
	for f, err := range findings() {
		if err != nil {
			return err
		}
		if f.Reviewer != reviewer {
			continue
		}
		page.tally.count(f)
		page.shown.offer(f)
	}
	review.Figures = page.tally.figures(Figures{})
	buffered := bufio.NewWriter(w)
	if err := pages.ExecuteTemplate(buffered, "review.html", page.page(review)); err != nil {
		return err
	}
	return buffered.Flush()
}

// writing is a report in the making.
type writing struct {
	ctx      context.Context //nolint:containedctx // of the one call that it is made for
	to       Store
	tally    *tally
	shown    *selection
	manifest Manifest
}

// file puts a file and notes its hash.
func (w *writing) file(name, contentType string, write func(io.Writer) error) error {
	var file File
	err := w.to.Put(w.ctx, name, contentType, func(out io.Writer) error {
		sum := summing{to: out, sum: sha256.New()}
		buffered := bufio.NewWriterSize(&sum, 64<<10)
		if err := write(buffered); err != nil {
			return err
		}
		if err := buffered.Flush(); err != nil {
			return err
		}
		file = File{Name: name, Type: contentType, Bytes: sum.bytes, SHA256: hex.EncodeToString(sum.sum.Sum(nil))}
		return nil
	})
	if err != nil {
		return err
	}
	w.manifest.Files = append(w.manifest.Files, file)
	return nil
}

// all passes every finding once, to everybody who needs it.
func (w *writing) all(review Review, findings Findings, rows, objects io.Writer) error {
	csv, err := newTable(rows)
	if err != nil {
		return err
	}
	list, err := newDocument(objects)
	if err != nil {
		return err
	}
	for f, err := range findings() {
		if err == nil {
			err = w.ctx.Err()
		}
		if err == nil {
			err = whole(f)
		}
		if err == nil {
			err = csv.write(f)
		}
		if err == nil {
			err = list.write(f)
		}
		if err != nil {
			return err
		}
		w.tally.count(f)
		w.shown.offer(f)
	}
	if err := csv.close(); err != nil {
		return err
	}
	review.Figures = w.tally.figures(review.Figures)
	return list.close(review)
}

func whole(f Finding) error {
	if f.ID == "" || f.Flag == "" || f.Risk == "" {
		return &fault.Invalid{Message: fmt.Sprintf("a finding of the review names no id, flag or risk (id %q, flag %q, risk %q); no report was written", f.ID, f.Flag, f.Risk)}
	}
	return nil
}

// summing hashes what passes.
type summing struct {
	to    io.Writer
	sum   hash.Hash
	bytes int64
}

func (s *summing) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	s.sum.Write(p[:n])
	s.bytes += int64(n)
	return n, err
}

// selection are the findings that a page shows.
type selection struct {
	each     int // the most of one reviewer
	room     int
	fixed    []Finding
	open     map[string][]row // by reviewer
	passed   map[string]int   // how many of a reviewer's were offered
	reviewer string           // "": all of them
}

func newSelection(reviewer string) *selection {
	s := &selection{each: PerReviewer, room: PerPage, open: map[string][]row{}, passed: map[string]int{}, reviewer: reviewer}
	if reviewer != "" {
		s.each = PerPage
	}
	return s
}

// offer keeps the finding if there is room: the riskiest come first.
func (s *selection) offer(f Finding) {
	s.passed[f.Reviewer]++
	switch {
	case f.Standing == Fixed:
		if len(s.fixed) < FixedPerPage {
			s.fixed = append(s.fixed, f)
		}
	case s.room > 0 && len(s.open[f.Reviewer]) < s.each:
		s.room--
		s.open[f.Reviewer] = append(s.open[f.Reviewer], row{f, rank(f.Risk), s.passed[f.Reviewer]})
	}
}
