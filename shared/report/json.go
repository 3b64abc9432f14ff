package report

import (
	"encoding/json"
	"io"
	"strconv"
)

// document writes {"findings": [...], "count": n, "review": ...}, one finding a line, so that
// neither writing nor reading it needs all at once.
type document struct {
	w     io.Writer
	count int
}

// newDocument begins the document. The review's figures are told at the end of it: they are
// known only then.
func newDocument(w io.Writer) (*document, error) {
	_, err := io.WriteString(w, "{\"findings\":[")
	return &document{w: w}, err
}

func (d *document) write(f Finding) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	comma := "\n"
	if d.count > 0 {
		comma = ",\n"
	}
	d.count++
	if _, err = io.WriteString(d.w, comma); err == nil {
		_, err = d.w.Write(text)
	}
	return err
}

func (d *document) close(r Review) error {
	if _, err := io.WriteString(d.w, "\n],\"count\":"+strconv.Itoa(d.count)+",\"review\":"); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if _, err = d.w.Write(text); err == nil {
		_, err = io.WriteString(d.w, "}\n")
	}
	return err
}
