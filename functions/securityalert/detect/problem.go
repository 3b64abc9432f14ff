package detect

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"lifecycle/shared/fault"
)

// Problem is one reason why a document cannot be used.
type Problem struct {
	// Where is the JSON pointer (RFC 6901) to the place in the document; empty
	// for the document as a whole.
	Where string
	// What is wrong there, and what to do about it.
	What string
}

func (p Problem) String() string {
	if p.Where == "" {
		return "the document " + p.What
	}
	return p.Where + " " + p.What
}

// problems collects, so that all are reported at once.
type problems []Problem

func (ps *problems) add(where, what string, args ...any) {
	*ps = append(*ps, Problem{Where: where, What: fmt.Sprintf(what, args...)})
}

// fault is *fault.Invalid with every problem, sorted by place; nil without any.
func (ps *problems) fault() error {
	all := *ps
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.Where, b.Where), cmp.Compare(a.What, b.What)) })
	invalid := &fault.Invalid{Message: "the alert rules cannot be used"}
	for _, p := range slices.Compact(all) {
		invalid.Problems = append(invalid.Problems, p.String())
	}
	return invalid
}

// at is the pointer to a place.
func at(steps ...any) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteByte('/')
		switch s := s.(type) {
		case int:
			b.WriteString(strconv.Itoa(s))
		case string:
			b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(s))
		}
	}
	return b.String()
}

//go:embed schema.json
var schemaText []byte

// Schema is the JSON Schema (draft 2020-12) of the document. Each call returns
// its own copy.
func Schema() []byte { return bytes.Clone(schemaText) }

var schema = sync.OnceValue(func() *jsonschema.Schema {
	const id = "urn:lifecycle:alert-rules"
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		panic("detect: schema.json: " + err.Error())
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(id, text); err != nil {
		panic("detect: schema.json: " + err.Error())
	}
	return compiler.MustCompile(id)
})

// read decodes a document that is of the schema's form.
func read(text []byte) (document, problems) {
	var found problems
	if len(text) > LargestDocument {
		found.add("", "is larger than %d bytes", LargestDocument)
		return document{}, found
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		found.add("", "is not JSON%s: %v", position(text, err), err)
		return document{}, found
	}
	var invalid *jsonschema.ValidationError
	if err := schema().Validate(raw); errors.As(err, &invalid) {
		explain(invalid, &found)
		return document{}, found
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		found.add("", "cannot be read: %v", err)
	}
	return d, found
}

// LargestDocument is how many bytes a document may have.
const LargestDocument = 1 << 20

// explain says what the schema finds wrong, place by place.
func explain(e *jsonschema.ValidationError, found *problems) {
	for _, cause := range e.Causes {
		explain(cause, found)
	}
	if len(e.Causes) > 0 {
		return
	}
	steps := make([]any, len(e.InstanceLocation))
	for i, s := range e.InstanceLocation {
		steps[i] = s
	}
	found.add(at(steps...), "is not as the schema asks: %s", e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
}

// position says where in the text reading stopped.
func position(text []byte, err error) string {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return ""
	}
	before := text[:min(max(int(syntax.Offset)-1, 0), len(text))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf(" (line %d, column %d)", line, len(before)-bytes.LastIndexByte(before, '\n'))
}
