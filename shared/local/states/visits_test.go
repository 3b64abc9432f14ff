package states

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestVisitsTellTheWayOfAnExecution(t *testing.T) {
	t.Parallel()
	const machine = `{"StartAt": "Ask", "States": {
		"Ask": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
			"Retry": [{"ErrorEquals": ["Unavailable"], "IntervalSeconds": 1, "MaxAttempts": 1}],
			"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Both"}], "Next": "Never"},
		"Never": {"Type": "Succeed"},
		"Both": {"Type": "Parallel", "Next": "Give", "Branches": [
			{"StartAt": "Left", "States": {"Left": {"Type": "Pass", "End": true}}},
			{"StartAt": "Right", "States": {"Right": {"Type": "Wait", "Seconds": 5, "End": true}}}]},
		"Give": {"Type": "Fail", "Error": "Enough", "Cause": "of this"}}}`
	synctest.Test(t, func(t *testing.T) {
		e := New(Options{Invoke: func(context.Context, string, []byte) ([]byte, error) {
			return nil, &FunctionError{Payload: []byte(`{"errorType": "Unavailable", "errorMessage": "no answer"}`)}
		}})
		defer e.Close()
		if err := e.Create("visits", machine, nil); err != nil {
			t.Fatal(err)
		}
		arn, err := e.Start(e.arn("stateMachine", "visits"), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Wait(t.Context(), arn); err != nil {
			t.Fatal(err)
		}
		got, err := e.Visits(arn)
		if err != nil {
			t.Fatal(err)
		}
		want := []Visit{
			{State: "Ask", Failures: 2, Error: "Unavailable"},
			{State: "Both", From: "Ask"}, {State: "Left"}, {State: "Right"},
			{State: "Give", From: "Both"},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Visit{}, "Entered", "Exited", "Cause"), cmpopts.SortSlices(func(a, b Visit) bool { return a.State < b.State })); diff != "" {
			t.Errorf("visits (-want +got):\n%s", diff)
		}
		for _, v := range got {
			if ended := !v.Exited.IsZero(); ended != (v.State != "Give") {
				t.Errorf("%s: exited at %v", v.State, v.Exited)
			}
			if v.State == "Both" && v.Exited.Sub(v.Entered).Seconds() != 5 {
				t.Errorf("the branches took %v, not as long as the longer one", v.Exited.Sub(v.Entered))
			}
		}
	})
}
