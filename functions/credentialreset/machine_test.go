package credentialreset

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/workflow"
)

// TestMachine holds the steps that the state machine asks for against those that
// there are.
func TestMachine(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../statemachines/credential-reset.asl.json")
	if err != nil {
		t.Fatal(err)
	}
	steps := regexp.MustCompile(`"step": "(\w+)"`).FindAllSubmatch(text, -1)
	asked := make([]string, 0, len(steps)+1)
	for _, found := range steps {
		asked = append(asked, string(found[1]))
	}
	asked = append(asked, "AwaitChange") // every ticket process has it; this one waits together with a question
	slices.Sort(asked)
	table := workflow.NewSteps("credentialreset", nil)
	(&Steps{tickets: &workflow.Tickets{}}).Register(table)
	if diff := cmp.Diff(slices.Compact(asked), table.Names()); diff != "" {
		t.Errorf("-asked for by the state machine +registered:\n%s", diff)
	}
}
