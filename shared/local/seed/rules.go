package seed

import (
	"bytes"
	_ "embed"
)

//go:embed rules.json
var rules []byte

// Rules is the company's rules document, as shared/entitlement reads it. Each
// call returns its own copy.
func Rules() []byte { return bytes.Clone(rules) }
