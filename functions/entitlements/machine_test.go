package entitlements

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/workflow"
)

// TestMachines holds the steps that the state machine asks for against those
// that there are.
func TestMachines(t *testing.T) {
	t.Parallel()
	var asked []string
	for _, name := range []string{"rules-change"} {
		text, err := os.ReadFile("../../statemachines/" + name + ".asl.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`"step": "(\w+)"`).FindAllSubmatch(text, -1) {
			asked = append(asked, string(found[1]))
		}
	}
	slices.Sort(asked)
	table := workflow.NewSteps("ruleschange", nil)
	(&Steps{}).Register(table)
	if diff := cmp.Diff(slices.Compact(asked), table.Names()); diff != "" {
		t.Errorf("-asked for by the state machine +registered:\n%s", diff)
	}
}
