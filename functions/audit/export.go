package audit

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	ledger "lifecycle/shared/audit"
)

// asksExport is the body of an export: a question, and the form of the answer.
type asksExport struct {
	question

	// Format is "ndjson", "csv" or "ocsf".
	Format string `json:"format"`
}

// NextCursor is the header of an export that holds the cursor of its next page.
const NextCursor = "x-next-cursor"

// mostExported is how many records a page of an export reads, if not told
// otherwise: most pages end sooner, because they are full.
const mostExported = 5000

// step is how many records are read at once: together they stay below what a
// Lambda may answer.
const step = 25

const exportExample = `{"format": "ndjson", "csv" or "ocsf", "from": "2026-11-01", "to": "2026-11-30"}, or with "person", "ticket", "entitlement", "actor"; go on with "cursor" while the answer has the header x-next-cursor`

// answerExport writes a page of an export. Pages put behind each other are the
// export of the whole; each of NDJSON and CSV proves itself.
func (s *Service) answerExport(ctx context.Context, _ events.APIGatewayV2HTTPRequest, body []byte) (events.APIGatewayV2HTTPResponse, error) {
	var none events.APIGatewayV2HTTPResponse
	var asked asksExport
	if err := strictly(body, &asked, exportExample); err != nil {
		return none, err
	}
	forms := map[string]form{"ndjson": &lines{}, "csv": &sheet{}, "ocsf": &siem{}}
	to, known := forms[asked.Format]
	if !known {
		return none, notValid("format", "ndjson, csv or ocsf")
	}
	most, end := mostExported, time.Now().Add(pageTime)
	if asked.Limit > 0 {
		most = asked.Limit
	}
	search, err := asked.search()
	if err != nil {
		return none, err
	}
	to.begin(asked.Cursor == "")
	read := 0
	for {
		search.Limit = min(step, most-read)
		page, err := s.ledger.Search(ctx, search)
		if err != nil {
			return none, err
		}
		for _, f := range page.Found {
			to.record(f)
		}
		read += page.Read
		search.After = page.Next
		if page.Next == (ledger.Place{}) || read >= most || to.size() > mostAnswer || time.Now().After(end) {
			break
		}
	}
	// A head says where its stream ends: whoever cut records off the end of an
	// export, or off the ledger, would have to change the head too.
	heads, err := s.ledger.Heads(ctx, to.streams())
	if err != nil {
		return none, err
	}
	for _, h := range heads {
		to.head(h)
	}
	response := content(to.kind(), to.text())
	if next := asked.next(search.After); next != "" {
		response.Headers[NextCursor] = next
	}
	return response, nil
}

// form is how an export is written.
type form interface {
	begin(first bool)
	record(f ledger.Found)
	head(h ledger.Head)
	// streams are those that heads are wanted of.
	streams() []string
	size() int
	text() string
	kind() string
}

// gathered is what every form has.
type gathered struct {
	strings.Builder

	found []string
	seen  map[string]bool
}

func (g *gathered) size() int         { return g.Len() }
func (g *gathered) text() string      { return g.String() }
func (g *gathered) streams() []string { return g.found }

func (g *gathered) note(stream string) {
	if g.seen == nil {
		g.seen = map[string]bool{}
	}
	if !g.seen[stream] {
		g.seen[stream] = true
		g.found = append(g.found, stream)
	}
}

func (g *gathered) line(v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // structs of texts and numbers, and what was JSON before
	}
	fmt.Fprintf(g, "%s\n", text)
}

// Line is one line of an NDJSON export.
type Line struct {
	// Type is "record" or "head".
	Type     string `json:"type"`
	Stream   string `json:"stream"`
	Seq      int64  `json:"seq"`
	Previous string `json:"previous,omitempty"`
	Hash     string `json:"hash"`
	// Body is the text whose SHA-256 is Hash: the record, as JSON. It holds stream,
	// seq and previous once more.
	Body string `json:"body,omitempty"`
}

// lines is NDJSON.
type lines struct{ gathered }

func (l *lines) begin(bool) {}
func (l *lines) record(f ledger.Found) {
	l.note(f.Stream)
	l.line(Line{Type: "record", Stream: f.Stream, Seq: f.Seq, Previous: f.Previous, Hash: f.Hash, Body: f.Body})
}

func (l *lines) head(h ledger.Head) {
	l.line(Line{Type: "head", Stream: h.Stream, Seq: h.Seq, Hash: h.Hash})
}
func (l *lines) kind() string { return "application/x-ndjson; charset=utf-8" }

// sheet is CSV (RFC 4180).
type sheet struct{ gathered }

// Columns are those of a CSV export.
var Columns = []string{
	"type", "at", "phase", "system", "verb", "target", "subject", "ticket", "actor", "reason_kind", "reason_ref", "reason_version", "reason_text",
	"error", "uncertain", "request_id", "execution", "step", "attempt", "intent", "stream", "seq", "previous", "hash", "body",
}

func (t *sheet) begin(first bool) {
	if first {
		t.row(Columns)
	}
}

func (t *sheet) record(f ledger.Found) {
	t.note(f.Stream)
	row := []string{
		"record", f.At.UTC().Format(time.RFC3339Nano), f.Phase, f.System, f.Verb, f.Target, f.Subject, f.Ticket, f.Actor,
		f.Reason.Kind, f.Reason.Ref, f.Reason.Version, f.Reason.Text, f.Error, "", f.RequestID, f.Execution, f.Step, strconv.Itoa(f.Attempt), "",
		f.Stream, strconv.FormatInt(f.Seq, 10), f.Previous, f.Hash, f.Body,
	}
	if f.Uncertain {
		row[14] = "true"
	}
	if f.Intent > 0 {
		row[19] = strconv.FormatInt(f.Intent, 10)
	}
	for i, cell := range row {
		row[i] = harmless(cell)
	}
	t.row(row)
}

func (t *sheet) head(h ledger.Head) {
	row := make([]string, len(Columns))
	row[0], row[20], row[21], row[23] = "head", h.Stream, strconv.FormatInt(h.Seq, 10), h.Hash
	t.row(row)
}

func (t *sheet) row(cells []string) {
	w := csv.NewWriter(t)
	w.UseCRLF = true
	if err := w.Write(cells); err != nil {
		panic(err) // a strings.Builder takes all
	}
	w.Flush()
}
func (t *sheet) kind() string { return "text/csv; charset=utf-8" }

// harmless keeps a spreadsheet from taking a text for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// siem is OCSF, one event a line.
type siem struct{ gathered }

func (e *siem) begin(bool)        {}
func (e *siem) head(ledger.Head)  {}
func (e *siem) streams() []string { return nil }
func (e *siem) kind() string      { return "application/x-ndjson; charset=utf-8" }
func (e *siem) record(f ledger.Found) {
	if event, ok := OCSF(f.Record, f.Body); ok {
		e.line(event)
	}
}
