package rolechange

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/workflow"
)

// TestMachines holds the steps that the state machines ask for against those
// that there are.
func TestMachines(t *testing.T) {
	t.Parallel()
	var asked []string
	for _, name := range []string{"role-change", "recertification"} {
		text, err := os.ReadFile("../../statemachines/" + name + ".asl.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`"step": "(\w+)"`).FindAllSubmatch(text, -1) {
			asked = append(asked, string(found[1]))
		}
	}
	slices.Sort(asked)
	table := workflow.NewSteps("rolechange", nil)
	(&Steps{tickets: &workflow.Tickets{}, tasks: &workflow.Tickets{}}).Register(table)
	if diff := cmp.Diff(slices.Compact(asked), table.Names()); diff != "" {
		t.Errorf("-asked for by the state machines +registered:\n%s", diff)
	}
}
