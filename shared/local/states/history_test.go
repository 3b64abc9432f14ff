package states

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"
)

func TestHistoryOverTheWire(t *testing.T) {
	t.Parallel()
	inBubble(t, machineOf(`"A":{"Type":"Task","Resource":"${Steps}","TimeoutSeconds":9,"ResultPath":"$.r","Next":"B"},
		"B":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"f","Payload":{"token.$":"$$.Task.Token"}},"HeartbeatSeconds":3,"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"F"}],"Next":"Z"},
		"F":{"Type":"Fail","Error":"E","Cause":"C"}`+ending), func(t *testing.T, b *bench, c *sfn.Client) {
		arn := b.start("x")
		b.wait(arn)
		history := func(in sfn.GetExecutionHistoryInput) (all []types.HistoryEvent) {
			in.ExecutionArn = &arn
			for pages := sfn.NewGetExecutionHistoryPaginator(c, &in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, page.Events...)
			}
			return all
		}
		all := history(sfn.GetExecutionHistoryInput{MaxResults: 4})
		lines := make([]string, 0, len(all))
		for _, e := range all {
			lines = append(lines, fmt.Sprintf("%d %d %s", e.Id, e.PreviousEventId, e.Type))
		}
		if d := cmp.Diff([]string{
			"1 0 ExecutionStarted", "2 0 TaskStateEntered", "3 2 LambdaFunctionScheduled", "4 3 LambdaFunctionStarted", "5 4 LambdaFunctionSucceeded", "6 5 TaskStateExited",
			"7 6 TaskStateEntered", "8 7 TaskScheduled", "9 8 TaskStarted", "10 9 TaskSubmitted", "11 10 TaskTimedOut", "12 11 TaskStateExited", "13 12 FailStateEntered", "14 13 ExecutionFailed",
		}, lines); d != "" {
			t.Fatal(d)
		}
		checks := map[string]bool{
			"the start has the input":     *all[0].ExecutionStartedEventDetails.Input == `{}`,
			"entering has the input":      *all[1].StateEnteredEventDetails.Name == "A" && *all[1].StateEnteredEventDetails.Input == `{}`,
			"a function has its ARN":      *all[2].LambdaFunctionScheduledEventDetails.Resource == stepsARN && *all[2].LambdaFunctionScheduledEventDetails.TimeoutInSeconds == 9,
			"and its answer":              *all[4].LambdaFunctionSucceededEventDetails.Output == `"told"`,
			"leaving has the output":      *all[5].StateExitedEventDetails.Output == `{"r":"told"}`,
			"an integration has its name": *all[7].TaskScheduledEventDetails.Resource == "invoke.waitForTaskToken" && *all[7].TaskScheduledEventDetails.ResourceType == "lambda" && *all[7].TaskScheduledEventDetails.Region == "us-east-1",
			"and its parameters":          strings.HasPrefix(*all[7].TaskScheduledEventDetails.Parameters, `{"FunctionName":"f","Payload":{"token":"`) && *all[7].TaskScheduledEventDetails.HeartbeatInSeconds == 3,
			"what it submitted":           strings.Contains(*all[9].TaskSubmittedEventDetails.Output, `"Payload":"told"`),
			"why it timed out":            *all[10].TaskTimedOutEventDetails.Error == "States.HeartbeatTimeout",
			"why it failed":               *all[13].ExecutionFailedEventDetails.Error == "E" && *all[13].ExecutionFailedEventDetails.Cause == "C",
			"when":                        all[13].Timestamp.Equal(all[0].Timestamp.Add(3 * time.Second)),
		}
		for what, holds := range checks {
			if !holds {
				t.Error(what)
			}
		}
		reversed := history(sfn.GetExecutionHistoryInput{ReverseOrder: true, MaxResults: 5})
		slices.Reverse(reversed)
		if len(reversed) != len(all) || reversed[0].Id != 1 || reversed[13].Id != 14 {
			t.Error("in reverse order", len(reversed))
		}
		bare := history(sfn.GetExecutionHistoryInput{IncludeExecutionData: aws.Bool(false)})
		if bare[1].StateEnteredEventDetails.Input != nil || *bare[1].StateEnteredEventDetails.Name != "A" {
			t.Error("data that was not asked for")
		}
		_, err := c.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: aws.String("arn:none")})
		want[*types.ExecutionDoesNotExist](t, err)
	})
}

func TestEveryEventTypeIsOneOfTheAPIs(t *testing.T) {
	t.Parallel()
	inBubble(t, waiting(``), func(t *testing.T, b *bench, c *sfn.Client) {
		ok := func(name string) string { return `"` + name + `":{"Type":"Pass","End":true}` }
		b.create("all", machineOf(`"A":{"Type":"Parallel","Branches":[`+branchOf(ok("P"))+`],"Next":"M"},"M":{"Type":"Map","ItemProcessor":{"StartAt":"I","States":{`+ok("I")+`}},"Next":"N"},
			"N":{"Type":"Map","ItemProcessor":{"StartAt":"F","States":{"F":{"Type":"Fail"}}},"Catch":[{"ErrorEquals":["States.ALL"],"Next":"W"}],"Next":"W"},"W":{"Type":"Wait","Seconds":1,"Next":"C"},
			"C":{"Type":"Choice","Choices":[{"Variable":"$","IsPresent":true,"Next":"Z"}]}`+ending))
		arn, err := b.Start(strings.Replace(b.machine, ":m", ":all", 1), "x", "")
		if err != nil {
			t.Fatal(err)
		}
		if x := b.wait(arn); x.Status != Succeeded {
			t.Fatal(x)
		}
		out, err := c.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &arn})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			if !slices.Contains(e.Type.Values(), e.Type) {
				t.Error(e.Type)
			}
			switch {
			case e.Type == types.HistoryEventTypeMapStateStarted && e.MapStateStartedEventDetails.Length != 1,
				e.Type == types.HistoryEventTypeMapIterationStarted && e.MapIterationStartedEventDetails.Index != 0,
				e.Type == types.HistoryEventTypeMapIterationFailed && *e.MapIterationFailedEventDetails.Name != "N":
				t.Error(e)
			}
		}
	})
}
