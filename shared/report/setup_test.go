package report

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"html/template"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/fault"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with the file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	for part, sign := range map[string]string{string(sheet.Style): "(page.css)", string(sheet.Script): "(page.js)", digest(string(sheet.Style)): "(hash)", digest(string(sheet.Script)): "(hash)"} {
		got = bytes.ReplaceAll(got, []byte(template.HTMLEscapeString(part)), []byte(sign))
		got = bytes.ReplaceAll(got, []byte(part), []byte(sign))
	}
	got = pageHash.ReplaceAll(got, []byte("${1}0${2}(hash)"))
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (go test ./shared/report -update writes it anew):\n%s", name, diff)
	}
}

// pageHash is the hash of the page in a manifest, which changes with its style.
var pageHash = regexp.MustCompile(`("name": "review.html",\s+"type": "text/html; charset=utf-8",\s+"bytes": \d+,\s+"sha256": ")[0-9a-f]{64}`)

// onTheDay runs a test at seven in the morning of 24 November 2026.
func onTheDay(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(at(24, 7)))
		test(t)
	})
}

// memory is a store that can be told to fail.
type memory struct {
	mu    sync.Mutex
	files map[string][]byte
	types map[string]string
	order []string
	full  string // the file that cannot be written
}

func newMemory() *memory { return &memory{files: map[string][]byte{}, types: map[string]string{}} }

func (m *memory) Put(_ context.Context, name, contentType string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if name == m.full {
		return &fault.Unavailable{Message: name + " could not be written"}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[name], m.types[name] = b.Bytes(), contentType
	m.order = append(m.order, name)
	return nil
}

func (m *memory) Open(_ context.Context, name string) (io.ReadCloser, error) {
	text, found := m.files[name]
	if !found {
		return nil, &fault.NotFound{Message: name + " is not there"}
	}
	return io.NopCloser(bytes.NewReader(text)), nil
}

func (m *memory) clone() *memory {
	copied := newMemory()
	for name, text := range m.files {
		copied.files[name] = slices.Clone(text)
	}
	return copied
}

// written writes a report that has to succeed.
func written(t testing.TB, r Review, list []Finding) (*memory, Manifest) {
	t.Helper()
	store := newMemory()
	m, err := Write(t.Context(), r, yielding(list), store)
	if err != nil {
		t.Fatal(err)
	}
	return store, m
}

// fatal is what testing.TB and rapid.T share.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// element is a start tag: its name and the names of its attributes.
type element struct {
	name  string
	names string
	attrs map[string]string
	text  string
}

// elements reads a page tag by tag. It is strict about what a browser would forgive: a tag that
// is not closed, a quotation mark too many.
func elements(t fatal, page []byte) (list []element) {
	t.Helper()
	page = bytes.Map(func(r rune) rune { // XML knows no control characters; HTML takes them as they are
		if unicode.IsControl(r) && r != '\n' || r == '\ufffe' || r == '\uffff' {
			return ' '
		}
		return r
	}, page)
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	inside := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("the page cannot be read: %v", err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			e := element{name: x.Name.Local, attrs: map[string]string{}}
			for _, a := range x.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			e.names = strings.Join(slices.Sorted(maps.Keys(e.attrs)), " ")
			list = append(list, e)
			inside = true
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				list[len(list)-1].text += string(x)
			}
		}
	}
}

// skeleton is what a page consists of, whatever is said in it.
func skeleton(t fatal, page []byte) string {
	t.Helper()
	var b strings.Builder
	for _, e := range elements(t, page) {
		b.WriteString(e.name + " " + e.names + "\n")
	}
	return b.String()
}
