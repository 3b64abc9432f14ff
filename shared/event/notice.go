package event

import (
	"bytes"
	_ "embed" // the schema
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

//go:embed schema.json
var schemaDocument []byte

// Schema is the published JSON Schema (draft 2020-12) of a notice.
func Schema() []byte { return bytes.Clone(schemaDocument) }

// Notice is the body of a webhook: which record changed. It is a hint, never
// taken for the record's content.
type Notice struct {
	Table      string `json:"table"`
	SysID      string `json:"sys_id"`
	Number     string `json:"number"`
	Change     string `json:"change"`
	OccurredAt string `json:"occurred_at"`
}

// Problem is one thing that is wrong with a request.
type Problem struct {
	// Field is the member of the body, or the header; empty for the body as a whole.
	Field string `json:"field"`
	// Problem completes the sentence that begins with the field.
	Problem string `json:"problem"`
}

// Bounds of what is reported about a body that is wrong in many ways.
const (
	maxProblems  = 20
	maxFieldName = 64
)

// ParseNotice reads a body as strictly as the schema says, and stricter than
// encoding/json: unknown members, members given twice and text that is not UTF-8
// are refused, since two readers could understand them differently. Problems
// never repeat a value.
func ParseNotice(body []byte) (Notice, []Problem) {
	if !utf8.Valid(body) {
		return Notice{}, []Problem{{Problem: "is not UTF-8"}}
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return Notice{}, []Problem{{Problem: "is not a JSON document"}}
	}
	problems := givenTwice(body)
	var invalid *jsonschema.ValidationError
	if err := noticeSchema().Validate(document); errors.As(err, &invalid) {
		problems = append(problems, explain(invalid)...)
	}
	if len(problems) > 0 {
		return Notice{}, tidy(problems)
	}
	var n Notice
	if err := json.Unmarshal(body, &n); err != nil {
		return Notice{}, []Problem{{Problem: "does not have the form of a notice"}}
	}
	return n, nil
}

// noticeSchema compiles the schema when the first notice comes.
var noticeSchema = sync.OnceValue(func() *jsonschema.Schema {
	const id = "urn:lifecycle:servicenow-notice:1"
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaDocument))
	if err != nil {
		panic("event: the embedded schema is not JSON: " + err.Error())
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(id, document); err != nil {
		panic("event: " + err.Error())
	}
	return compiler.MustCompile(id)
})

// givenTwice finds members that the object has more than once.
func givenTwice(body []byte) []Problem {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	var problems []Problem
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return problems
		}
		if seen[name] {
			problems = append(problems, Problem{Field: name, Problem: "is given twice"})
		}
		seen[name] = true
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return problems
		}
	}
	return problems
}

// explain flattens the validator's tree into one problem for each field.
func explain(e *jsonschema.ValidationError) []Problem {
	if len(e.Causes) > 0 {
		problems := make([]Problem, 0, len(e.Causes))
		for _, cause := range e.Causes {
			problems = append(problems, explain(cause)...)
		}
		return problems
	}
	field := strings.Join(e.InstanceLocation, ".")
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return each(k.Missing, "is missing")
	case *kind.AdditionalProperties:
		return each(k.Properties, "is not a member of a notice")
	case *kind.Type:
		return []Problem{{Field: field, Problem: "must be of type " + strings.Join(k.Want, " or ")}}
	case *kind.Pattern:
		return []Problem{{Field: field, Problem: "must match " + k.Want}}
	case *kind.Format:
		return []Problem{{Field: field, Problem: "must be a " + k.Want}}
	default:
		return []Problem{{Field: field, Problem: "is not allowed by the schema"}}
	}
}

func each(fields []string, problem string) []Problem {
	problems := make([]Problem, 0, len(fields))
	for _, f := range fields {
		problems = append(problems, Problem{Field: f, Problem: problem})
	}
	return problems
}

// tidy brings the problems into an order that does not depend on the validator.
func tidy(problems []Problem) []Problem {
	for i, p := range problems {
		if len(p.Field) > maxFieldName {
			problems[i].Field = strings.ToValidUTF8(p.Field[:maxFieldName], "") + "..."
		}
	}
	slices.SortFunc(problems, func(a, b Problem) int {
		if c := strings.Compare(a.Field, b.Field); c != 0 {
			return c
		}
		return strings.Compare(a.Problem, b.Problem)
	})
	problems = slices.Compact(problems)
	return problems[:min(len(problems), maxProblems)]
}
