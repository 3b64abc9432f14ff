package workflow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Verbs of the ledger's records of steps.
const (
	StepDone   = "step.done"
	StepFailed = "step.failed"
)

// mostEvidence is the most that is kept of a step's input or output, in bytes of
// JSON; of more only the hash is.
const mostEvidence = 8 << 10

// evidence is what the ledger keeps of a step's input or output.
type evidence struct {
	// SHA256 is over the JSON as it was passed, Bytes its length: whoever has the
	// execution's history can show that it is this.
	SHA256 string `json:"sha256"`
	Bytes  int    `json:"bytes"`
	// Data is the JSON itself, without secrets, where it is not too long.
	Data json.RawMessage `json:"data,omitempty"`
}

func evidenceOf(text []byte) evidence {
	sum := sha256.Sum256(text)
	e := evidence{SHA256: hex.EncodeToString(sum[:]), Bytes: len(text)}
	if len(text) <= mostEvidence && json.Valid(text) {
		e.Data = text
	}
	return e
}

// Recorded makes every step leave a record of its input and its output in the
// ledger. It returns s.
func (s *Steps) Recorded(ledger *audit.Ledger) *Steps {
	s.ledger = ledger
	return s
}

// record notes how a step ended. The data of a state machine holds nothing
// personal, by the rule that personal data is read where it is used; the ledger
// drops what looks like a secret.
//
// A step that was done and could not be recorded is *fault.Unavailable: it is
// tried again, as when it had died right then. A failed one fails anyway.
func (s *Steps) record(ctx context.Context, inv Invocation, out any, failure error) error {
	if s.ledger == nil {
		return nil
	}
	change := audit.Change{System: "lifecycle", Verb: StepDone, Key: inv.Entered, Before: evidenceOf(inv.Input)}
	if failure != nil {
		change.Verb, change.After = StepFailed, map[string]string{"error": typeName(failure), "message": failure.Error()}
	} else {
		text, err := json.Marshal(out)
		if err != nil {
			return &Unexpected{Message: fmt.Sprintf("the output of step %s is no JSON: %v", inv.Step, err)}
		}
		change.After = evidenceOf(text)
	}
	_, err := s.ledger.Fact(ctx, change)
	switch {
	case err == nil:
		return nil
	case failure != nil:
		platform.Logger(ctx).WarnContext(ctx, "a failed step was not recorded", "error", err.Error())
		return nil
	}
	return &fault.Unavailable{Message: fmt.Sprintf("step %s was done, which the ledger could not note; it is tried again", inv.Step), Cause: err}
}

// typeName is the error as Retry and Catch know it.
func typeName(err error) string {
	name := fmt.Sprintf("%T", err)
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '.' {
			return name[i+1:]
		}
	}
	return name
}
