package console_test

import (
	"testing"

	"lifecycle/shared/local"
	"lifecycle/shared/local/scenario"
)

// newWorld is the embedded cloud as `make run` has it, without its story.
func newWorld(t *testing.T) *scenario.World {
	t.Helper()
	w, err := scenario.New(t.Context(), scenario.Options{Options: local.Options{Root: "../../.."}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}
