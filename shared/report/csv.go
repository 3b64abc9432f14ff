package report

import (
	"encoding/csv"
	"io"
	"strings"
	"time"
	"unicode"
)

// byteOrderMark tells spreadsheets that the file is UTF-8.
const byteOrderMark = "\ufeff"

// column is one column of the CSV.
type column struct {
	name  string
	value func(Finding) string
}

// columns are everything a finding says, in the order in which people ask.
var columns = []column{
	{"id", func(f Finding) string { return f.ID }},
	{"risk", func(f Finding) string { return string(f.Risk) }},
	{"flag", func(f Finding) string { return string(f.Flag) }},
	{"standing", func(f Finding) string { return string(f.Standing) }},
	{"since", func(f Finding) string { return stamp(f.Since) }},
	{"person", func(f Finding) string { return f.Person.Name }},
	{"login", func(f Finding) string { return f.Person.Login }},
	{"department", func(f Finding) string { return f.Person.Department }},
	{"title", func(f Finding) string { return f.Person.Title }},
	{"manager", func(f Finding) string { return f.Person.Manager }},
	{"status", func(f Finding) string { return f.Person.Status }},
	{"last_sign_in", func(f Finding) string { return stamp(f.Person.LastSignIn) }},
	{"okta_id", func(f Finding) string { return f.Person.OktaID }},
	{"servicenow_id", func(f Finding) string { return f.Person.ServiceNowID }},
	{"access_kind", func(f Finding) string { return f.Holding.Kind }},
	{"access", func(f Finding) string { return f.Holding.Name }},
	{"access_id", func(f Finding) string { return f.Holding.ID }},
	{"via_group", func(f Finding) string { return f.Holding.Via }},
	{"access_risk", func(f Finding) string { return f.Holding.Risk }},
	{"origin", func(f Finding) string { return f.Origin.Kind }},
	{"origin_ref", func(f Finding) string { return f.Origin.Ref }},
	{"approved_by", func(f Finding) string { return f.Origin.ApprovedBy }},
	{"granted_at", func(f Finding) string { return stamp(f.Origin.At) }},
	{"ends_at", func(f Finding) string { return stamp(f.Origin.Until) }},
	{"origin_record", func(f Finding) string { return f.Origin.Record }},
	{"evidence", func(f Finding) string { return strings.Join(f.Evidence, "\n") }},
	{"suggested", func(f Finding) string { return string(f.Suggested) }},
	{"why", func(f Finding) string { return f.Why }},
	{"reviewer", func(f Finding) string { return f.Reviewer }},
	{"decision", func(f Finding) string { return string(f.Decision.Answer) }},
	{"decided_by", func(f Finding) string { return f.Decision.By }},
	{"decided_at", func(f Finding) string { return stamp(f.Decision.At) }},
	{"comment", func(f Finding) string { return f.Decision.Comment }},
	{"outcome", func(f Finding) string { return f.Decision.Outcome }},
	{"decision_record", func(f Finding) string { return f.Decision.Record }},
}

// table writes findings as CSV (RFC 4180, UTF-8 with a byte order mark), a row each.
type table struct {
	w   *csv.Writer
	row []string
}

func newTable(w io.Writer) (*table, error) {
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return nil, err
	}
	t := &table{w: csv.NewWriter(w), row: make([]string, len(columns))}
	for i, c := range columns {
		t.row[i] = c.name
	}
	return t, t.w.Write(t.row)
}

func (t *table) write(f Finding) error {
	for i, c := range columns {
		t.row[i] = guarded(c.value(f))
	}
	return t.w.Write(t.row)
}

func (t *table) close() error {
	t.w.Flush()
	return t.w.Error()
}

// guarded keeps a spreadsheet from taking a text for a formula: what would begin one gets an
// apostrophe in front, and so does what looks as if it had got one, so that readers can take
// exactly one away again. Line ends become "\n".
func guarded(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\r\n", "\n")
	if formula(strings.TrimLeft(text, "'")) {
		return "'" + text
	}
	return text
}

// formula reports whether a spreadsheet might evaluate the text: spaces and control characters
// before the sign do not keep all of them from it, and some take the full-width signs too.
func formula(text string) bool {
	if strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "\r") {
		return true
	}
	text = strings.TrimLeftFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\ufeff' })
	return strings.IndexAny(text, "=+-@＝＋－＠") == 0
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
