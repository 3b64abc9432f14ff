package entitlement

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed schema.json
var schemaText []byte

// Schema is the JSON Schema (draft 2020-12) of the document. Each call returns
// its own copy.
func Schema() []byte { return bytes.Clone(schemaText) }

// schema compiles the embedded schema once; a mistake in it is found by the
// first test.
var schema = sync.OnceValue(func() *jsonschema.Schema {
	const id = "urn:lifecycle:entitlement-rules"
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		panic(fmt.Sprintf("entitlement: schema.json: %v", err))
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(id, text); err != nil {
		panic(fmt.Sprintf("entitlement: schema.json: %v", err))
	}
	return compiler.MustCompile(id)
})

// formProblems holds the document against the schema.
func formProblems(document any, found *problems) {
	var invalid *jsonschema.ValidationError
	if err := schema().Validate(document); !errors.As(err, &invalid) {
		return
	}
	printer := message.NewPrinter(language.English)
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		switch e.ErrorKind.(type) {
		case *kind.OneOf:
			found.add(locate(e), "name a group or an app, one of the two", "it names neither a group nor an app, or both")
			return
		case *kind.AnyOf:
			found.add(locate(e), "write one value, or a list of at least one", "this is neither a value nor a list of values")
			return
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
		if len(e.Causes) == 0 {
			found.add(locate(e), remedy(e.ErrorKind), "%s", e.ErrorKind.LocalizedString(printer))
		}
	}
	walk(invalid)
}

func locate(e *jsonschema.ValidationError) pointer {
	var where pointer
	for _, step := range e.InstanceLocation {
		where = where.at(step)
	}
	return where
}

// remedy says what to do about a violation of the schema.
func remedy(of jsonschema.ErrorKind) string {
	switch of.(type) {
	case *kind.AdditionalProperties:
		return "correct the spelling or take it out; the schema lists what may stand here"
	case *kind.Required:
		return "add what is missing"
	case *kind.UniqueItems:
		return "take out the repetition"
	case *kind.Enum:
		return "use one of the values listed"
	case *kind.Pattern:
		return "write it in the form that the schema asks for"
	default:
		return "correct it as the schema describes"
	}
}
