package workflow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"lifecycle/shared/audit"
	"lifecycle/shared/audit/audittest"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/workflow"
)

// played runs steps that are recorded, and returns the ledger's records.
func played(t *testing.T, input string, step func(context.Context, map[string]any) (any, error)) ([]audit.Record, error) {
	t.Helper()
	db := dynamo.New()
	if err := db.CreateTable(t.Context(), audittest.Table); err != nil {
		t.Fatal(err)
	}
	ledger := audit.New(db.Client(), audittest.Table.Name)
	steps := workflow.NewSteps("trying", nil).Recorded(ledger)
	workflow.Add(steps, "Try", step)
	_, failure := steps.Handle(t.Context(), workflow.Invocation{Step: "Try", Execution: "arn:x:e1", Token: "secret", Input: json.RawMessage(input)})
	records, err := ledger.Stream(t.Context(), "incident/1")
	if err != nil {
		t.Fatal(err)
	}
	return records, failure
}

func TestAStepLeavesARecordOfItsInputAndOutput(t *testing.T) {
	t.Parallel()
	const subject = `"table":"incident","sys_id":"1","number":"INC1"`

	t.Run("done", func(t *testing.T) {
		t.Parallel()
		records, err := played(t, `{`+subject+`,"account":{"id":"00u1","activation_url":"https://x/welcome/1"}}`, func(context.Context, map[string]any) (any, error) {
			return map[string]any{"groups": []string{"g1"}, "password": "hunter2"}, nil
		})
		if err != nil || len(records) != 1 {
			t.Fatal(records, err)
		}
		r := records[0]
		text := fmt.Sprint(r.Before, r.After)
		if r.Verb != workflow.StepDone || r.Step != "Try" || r.Target != "" || r.Phase != audit.Fact {
			t.Errorf("record %+v", r)
		}
		for _, want := range []string{"00u1", "g1", "sha256", "bytes"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in %s", want, text)
			}
		}
		for _, secret := range []string{"hunter2", "welcome", "secret"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %s", secret, text)
			}
		}
	})

	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		records, err := played(t, `{`+subject+`}`, func(context.Context, map[string]any) (any, error) {
			return nil, &fault.Denied{Message: "no permission"}
		})
		if !fault.Is[*fault.Denied](err) || len(records) != 1 || records[0].Verb != workflow.StepFailed {
			t.Fatal(records, err)
		}
		if text := fmt.Sprint(records[0].After); !strings.Contains(text, "Denied") || !strings.Contains(text, "no permission") {
			t.Errorf("recorded %s", text)
		}
	})

	t.Run("too much to keep", func(t *testing.T) {
		t.Parallel()
		records, err := played(t, `{`+subject+`,"list":"`+strings.Repeat("x", 100_000)+`"}`, func(context.Context, map[string]any) (any, error) {
			return map[string]any{}, nil
		})
		if err != nil || len(records) != 1 {
			t.Fatal(records, err)
		}
		kept, _ := records[0].Before.(map[string]any)
		if kept["data"] != nil || kept["sha256"] == "" || fmt.Sprint(kept["bytes"]) == "0" {
			t.Errorf("kept %v", kept)
		}
	})
}
