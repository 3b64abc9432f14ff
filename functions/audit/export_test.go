package audit

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	ledger "lifecycle/shared/audit"
	"lifecycle/shared/audit/audittest"
	"lifecycle/shared/fault"
)

// exported reads every page of an export.
func (e *evidence) exported(t *testing.T, format, question string, limit int) string {
	t.Helper()
	var whole strings.Builder
	cursor := ""
	for {
		response := e.asked(t, RouteExport, fmt.Sprintf(`{"format":%q,%s,"limit":%d,"cursor":%q}`, format, question, limit, cursor))
		if response.StatusCode != http.StatusOK {
			t.Fatal(response.Body)
		}
		whole.WriteString(response.Body)
		if cursor = response.Headers[NextCursor]; cursor == "" {
			return whole.String()
		}
	}
}

func period() string {
	today := time.Now().UTC().Format(time.DateOnly)
	return fmt.Sprintf(`"from":%q,"to":%q`, today, today)
}

func TestAnExportProvesItself(t *testing.T) {
	t.Parallel()
	e := peopled(t)
	for _, limit := range []int{4, 26, 500} {
		proof, err := Prove(strings.NewReader(e.exported(t, "ndjson", period(), limit)))
		if err != nil || !proof.OK(true) || proof.Records != 15 || proof.Streams != 3 {
			t.Errorf("by %d: %s, %v", limit, proof, err)
		}
	}
	proof, err := Prove(strings.NewReader(e.exported(t, "ndjson", `"person":"00u1"`, 500)))
	if err != nil || !proof.OK(false) || proof.OK(true) || proof.Records != 6 {
		t.Errorf("of a person: %s, %v", proof, err)
	}
}

func TestAForgedExportIsFound(t *testing.T) {
	t.Parallel()
	e := peopled(t)
	whole := strings.Split(strings.TrimSpace(e.exported(t, "ndjson", period(), 500)), "\n")
	records := slices.IndexFunc(whole, func(l string) bool { return strings.Contains(l, `"type":"head"`) })
	for name, forge := range map[string]func(*rapid.T, []string) []string{
		"altered": func(r *rapid.T, lines []string) []string {
			i := rapid.IntRange(0, records-1).Draw(r, "line")
			lines[i] = strings.Replace(lines[i], "engineering", "forgery", 1)
			return lines
		},
		"altered with its hash": func(r *rapid.T, lines []string) []string {
			i := rapid.IntRange(0, records-1).Draw(r, "line")
			var l Line
			if err := json.Unmarshal([]byte(lines[i]), &l); err != nil {
				r.Fatal(err)
			}
			l.Body = strings.Replace(l.Body, "engineering", "forgery", 1)
			l.Hash = hashOf(l.Body)
			raw, err := json.Marshal(l)
			if err != nil {
				r.Fatal(err)
			}
			lines[i] = string(raw)
			return lines
		},
		"deleted": func(r *rapid.T, lines []string) []string {
			// A period may begin and end in the middle of a stream: what is missing at
			// either end only the ledger can tell.
			own := ofStream(r, lines[:records])
			i := own[rapid.IntRange(1, len(own)-2).Draw(r, "record")]
			return slices.Delete(lines, i, i+1)
		},
		"doubled": func(r *rapid.T, lines []string) []string {
			i := rapid.IntRange(0, records-1).Draw(r, "line")
			return slices.Insert(lines, i, lines[i])
		},
		"reordered": func(r *rapid.T, lines []string) []string {
			// In what order records of two streams were written no chain says.
			own := ofStream(r, lines[:records])
			i := rapid.IntRange(0, len(own)-2).Draw(r, "record")
			a, b := own[i], own[i+1]
			lines[a], lines[b] = lines[b], lines[a]
			return lines
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				lines := forge(r, slices.Clone(whole))
				proof, err := Prove(strings.NewReader(strings.Join(lines, "\n")))
				if err != nil {
					r.Fatal(err)
				}
				if proof.OK(true) {
					r.Fatalf("nothing was found: %s", proof)
				}
			})
		})
	}
}

// ofStream are the lines of one of the streams.
func ofStream(r *rapid.T, lines []string) (own []int) {
	stream := fmt.Sprintf(`"stream":"incident/%d"`, rapid.IntRange(0, 2).Draw(r, "stream"))
	for i, l := range lines {
		if strings.Contains(l, stream) {
			own = append(own, i)
		}
	}
	return own
}

func FuzzProve(f *testing.F) {
	f.Add(`{"type":"record","stream":"s","seq":1,"hash":"x","body":"{}"}`)
	f.Add("{\"type\":\"head\",\"stream\":\"s\",\"seq\":1,\"hash\":\"x\"}\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, export string) {
		proof, err := Prove(strings.NewReader(export))
		if err == nil && proof.Records > 0 && len(proof.Problems) == 0 && !strings.Contains(export, "body") {
			t.Error("records without a text are proved")
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(cursor{Of: "x"}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := readCursor(text, "x"); err == nil && c.Of != "x" {
			t.Error("another question's cursor was taken")
		}
	})
}

func TestASheetHoldsEveryRecordAndNoFormula(t *testing.T) {
	t.Parallel()
	e := newEvidence(t)
	c := audittest.Grant("group/1")
	c.Reason.Text = `=HYPERLINK("http://x","y"), with "quotes", and` + "\na line"
	if err := e.ledger.Do(audittest.In(t.Context(), "s/1"), c, audittest.Fails(&fault.Unavailable{Message: "-1+1"})); err == nil {
		t.Fatal("it did not fail")
	}
	rows, err := csv.NewReader(strings.NewReader(e.exported(t, "csv", `"ticket":"s/1"`, 1))).ReadAll()
	if err != nil || len(rows) != 5 { // columns, two records, and the head with each page
		t.Fatal(rows, err)
	}
	if !slices.Equal(rows[0], Columns) || rows[1][0] != "record" || rows[2][0] != "head" || rows[3][2] != ledger.Failed {
		t.Errorf("rows %v", rows)
	}
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@", rune(cell[0])) {
				t.Errorf("column %s begins as a formula: %s", Columns[i], cell)
			}
		}
		if row[0] == "record" && hashOf(row[24]) != row[23] {
			t.Errorf("the text in the sheet is not what was hashed: %s", row[24])
		}
	}
}
