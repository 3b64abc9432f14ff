package states

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"
)

// client speaks to the engine as the functions do.
func (b *bench) client() *sfn.Client {
	return sfn.New(sfn.Options{
		Region: "us-east-1", BaseEndpoint: aws.String("https://states.simulated.example"), HTTPClient: &http.Client{Transport: b.Transport()},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, nil
		}),
	})
}

func inBubble(t *testing.T, definition string, test func(t *testing.T, b *bench, c *sfn.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, definition, nil)
		defer b.Close()
		test(t, b, b.client())
	})
}

// want checks that err is of the exception's type.
func want[T error](t *testing.T, err error) {
	t.Helper()
	var exception T
	if !errors.As(err, &exception) {
		t.Errorf("got %v, not a %T", err, exception)
	}
}

func TestStartExecutionOverTheWire(t *testing.T) {
	t.Parallel()
	inBubble(t, waiting(``), func(t *testing.T, b *bench, c *sfn.Client) {
		start := func(machine, name, input string) (*sfn.StartExecutionOutput, error) {
			in := &sfn.StartExecutionInput{StateMachineArn: &machine}
			if name != "" {
				in.Name = &name
			}
			if input != "" {
				in.Input = &input
			}
			return c.StartExecution(t.Context(), in)
		}
		first, err := start(b.machine, "onboarding-1", `{"n": 1}`)
		if err != nil {
			t.Fatal(err)
		}
		if got := *first.ExecutionArn; got != "arn:aws:states:us-east-1:123456789012:execution:m:onboarding-1" || !first.StartDate.Equal(time.Now()) {
			t.Error(got, first.StartDate)
		}
		time.Sleep(time.Hour)
		again, err := start(b.machine, "onboarding-1", `{"n": 1}`)
		if err != nil || *again.ExecutionArn != *first.ExecutionArn || !again.StartDate.Equal(*first.StartDate) {
			t.Error("the same again while it runs", again, err)
		}
		_, err = start(b.machine, "onboarding-1", `{"n": 2}`)
		want[*types.ExecutionAlreadyExists](t, err)
		if err := b.Stop(*first.ExecutionArn, "", ""); err != nil {
			t.Fatal(err)
		}
		_, err = start(b.machine, "onboarding-1", `{"n": 1}`)
		want[*types.ExecutionAlreadyExists](t, err)
		time.Sleep(90*24*time.Hour - time.Second)
		_, err = start(b.machine, "onboarding-1", `{"n": 1}`)
		want[*types.ExecutionAlreadyExists](t, err)
		time.Sleep(time.Second)
		if _, err = start(b.machine, "onboarding-1", `{"n": 1}`); err != nil {
			t.Error("after 90 days", err)
		}
		if got := len(b.Executions(b.machine)); got != 1 {
			t.Error(got, "executions of that name")
		}
		unnamed, err := start(b.machine, "", "")
		if err != nil || len(*unnamed.ExecutionArn)-len(*first.ExecutionArn) != 36-len("onboarding-1") {
			t.Error(unnamed, err)
		}
		_, err = start(b.machine+"x", "n", "")
		want[*types.StateMachineDoesNotExist](t, err)
		_, err = start(b.machine, "n", "{")
		want[*types.InvalidExecutionInput](t, err)
		_, err = start(b.machine, "n", `"`+strings.Repeat("x", mostPayload)+`"`)
		if err == nil || !strings.Contains(err.Error(), "ValidationException") {
			t.Error(err)
		}
		for _, name := range []string{strings.Repeat("n", 81), "a b", "a:b", "a*", "a/b", "a\u0085"} {
			_, err = start(b.machine, name, "")
			want[*types.InvalidName](t, err)
		}
		if _, err = start(b.machine, strings.Repeat("n", 80), ""); err != nil {
			t.Error(err)
		}
	})
}

func TestDescribeStopAndTokensOverTheWire(t *testing.T) {
	t.Parallel()
	inBubble(t, waiting(`"HeartbeatSeconds":60,`), func(t *testing.T, b *bench, c *sfn.Client) {
		arn := b.start("x")
		token := <-b.tokens
		d, err := c.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn})
		if err != nil || d.Status != types.ExecutionStatusRunning || *d.Input != "{}" || d.Output != nil || d.StopDate != nil || *d.Name != "x" || *d.StateMachineArn != b.machine {
			t.Error(d, err)
		}
		if _, err := c.SendTaskHeartbeat(t.Context(), &sfn.SendTaskHeartbeatInput{TaskToken: &token}); err != nil {
			t.Error(err)
		}
		_, err = c.SendTaskSuccess(t.Context(), &sfn.SendTaskSuccessInput{TaskToken: &token, Output: aws.String("{")})
		want[*types.InvalidOutput](t, err)
		if _, err := c.SendTaskSuccess(t.Context(), &sfn.SendTaskSuccessInput{TaskToken: &token, Output: aws.String(`{"ok":true}`)}); err != nil {
			t.Error(err)
		}
		b.wait(arn)
		if d, err = c.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn}); err != nil || d.Status != types.ExecutionStatusSucceeded || *d.Output != `{"ok":true}` || d.StopDate == nil {
			t.Error(d, err)
		}
		_, err = c.SendTaskFailure(t.Context(), &sfn.SendTaskFailureInput{TaskToken: &token, Error: aws.String("E")})
		want[*types.TaskTimedOut](t, err)
		_, err = c.SendTaskFailure(t.Context(), &sfn.SendTaskFailureInput{TaskToken: aws.String("x"), Error: aws.String("E")})
		want[*types.InvalidToken](t, err)

		arn = b.start("y")
		stopped, err := c.StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: &arn, Error: aws.String("E"), Cause: aws.String("C")})
		if err != nil || !stopped.StopDate.Equal(time.Now()) {
			t.Error(stopped, err)
		}
		if d, err = c.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn}); err != nil || d.Status != types.ExecutionStatusAborted || *d.Error != "E" || *d.Cause != "C" {
			t.Error(d, err)
		}
		_, err = c.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: aws.String(arn + "z")})
		want[*types.ExecutionDoesNotExist](t, err)
		_, err = c.StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: aws.String(arn + "z")})
		want[*types.ExecutionDoesNotExist](t, err)
	})
}

func TestListExecutionsOverTheWire(t *testing.T) {
	t.Parallel()
	inBubble(t, waiting(``), func(t *testing.T, b *bench, c *sfn.Client) {
		b.create("other", waiting(``))
		if _, err := b.Start(strings.Replace(b.machine, ":m", ":other", 1), "elsewhere", ""); err != nil {
			t.Fatal(err)
		}
		for i := range 25 {
			arn := b.start(fmt.Sprint(i))
			if i%5 == 0 {
				if err := b.Stop(arn, "", ""); err != nil {
					t.Fatal(err)
				}
			}
		}
		names := func(in sfn.ListExecutionsInput) (all []string) {
			in.StateMachineArn = &b.machine
			for pages := sfn.NewListExecutionsPaginator(c, &in); pages.HasMorePages(); {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if len(page.Executions) > int(in.MaxResults) && in.MaxResults > 0 {
					t.Error(len(page.Executions), "in one page")
				}
				for _, x := range page.Executions {
					all = append(all, *x.Name)
				}
			}
			return all
		}
		if d := cmp.Diff([]string{"20", "15", "10", "5", "0"}, names(sfn.ListExecutionsInput{StatusFilter: types.ExecutionStatusAborted, MaxResults: 2})); d != "" {
			t.Error(d)
		}
		all := names(sfn.ListExecutionsInput{MaxResults: 7})
		if len(all) != 25 || all[0] != "24" || all[24] != "0" || len(names(sfn.ListExecutionsInput{})) != 25 {
			t.Error(all)
		}
		_, err := c.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &b.machine, NextToken: aws.String("nonsense")})
		want[*types.InvalidToken](t, err)
		_, err = c.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String("arn:none")})
		want[*types.StateMachineDoesNotExist](t, err)
		if _, err = c.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &b.machine, MaxResults: 1001}); err == nil {
			t.Error("more than 1000 in a page")
		}
	})
}

func TestMachinesOverTheWire(t *testing.T) {
	t.Parallel()
	inBubble(t, waiting(``), func(t *testing.T, _ *bench, c *sfn.Client) {
		first := machineOf(`"A":{"Type":"Pass","Result":1,"End":true}`)
		create := func(name, definition string) (*sfn.CreateStateMachineOutput, error) {
			return c.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{Name: &name, Definition: &definition, RoleArn: aws.String("arn:aws:iam::123456789012:role/r")})
		}
		made, err := create("new", first)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := create("new", first); err != nil || *again.StateMachineArn != *made.StateMachineArn {
			t.Error("the same again", again, err)
		}
		_, err = create("new", strings.Replace(first, "1", "2", 1))
		want[*types.StateMachineAlreadyExists](t, err)
		_, err = create("broken", `{"StartAt":"A","States":{"A":{"Type":"Pass"}}}`)
		want[*types.InvalidDefinition](t, err)
		if err == nil || !strings.Contains(err.Error(), "state A, field Next: is missing") {
			t.Error(err)
		}
		_, err = create("a b", first)
		want[*types.InvalidName](t, err)

		old, err := c.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: made.StateMachineArn})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		second := strings.Replace(first, "1", "2", 1)
		if _, err := c.UpdateStateMachine(t.Context(), &sfn.UpdateStateMachineInput{StateMachineArn: made.StateMachineArn, Definition: &second}); err != nil {
			t.Fatal(err)
		}
		d, err := c.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: made.StateMachineArn})
		if err != nil || *d.Definition != second || d.Status != types.StateMachineStatusActive || d.Type != types.StateMachineTypeStandard || *d.RoleArn != "arn:aws:iam::123456789012:role/r" {
			t.Error(d, err)
		}
		was, err := c.DescribeStateMachineForExecution(t.Context(), &sfn.DescribeStateMachineForExecutionInput{ExecutionArn: old.ExecutionArn})
		if err != nil || *was.Definition != first {
			t.Error(was, err)
		}
		_, err = c.UpdateStateMachine(t.Context(), &sfn.UpdateStateMachineInput{StateMachineArn: made.StateMachineArn, Definition: aws.String(`{}`)})
		want[*types.InvalidDefinition](t, err)
		_, err = c.UpdateStateMachine(t.Context(), &sfn.UpdateStateMachineInput{StateMachineArn: made.StateMachineArn})
		want[*types.MissingRequiredParameter](t, err)
		_, err = c.UpdateStateMachine(t.Context(), &sfn.UpdateStateMachineInput{StateMachineArn: aws.String("arn:none"), Definition: &first})
		want[*types.StateMachineDoesNotExist](t, err)
		_, err = c.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: aws.String("arn:none")})
		want[*types.StateMachineDoesNotExist](t, err)
		all, err := c.ListStateMachines(t.Context(), &sfn.ListStateMachinesInput{})
		if err != nil || len(all.StateMachines) != 2 || *all.StateMachines[0].Name != "m" || *all.StateMachines[1].Name != "new" {
			t.Error(all, err)
		}
		// An operation that nobody needs here.
		if _, err = c.ListActivities(t.Context(), &sfn.ListActivitiesInput{}); err == nil || !strings.Contains(err.Error(), "UnknownOperationException") {
			t.Error(err)
		}
	})
}

func TestRedrive(t *testing.T) {
	t.Parallel()
	inBubble(t, machineOf(`"A":{"Type":"Pass","Result":{"n":1},"Next":"B"},"B":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken","Parameters":{"FunctionName":"f","Payload":{"token.$":"$$.Task.Token"}},"ResultPath":"$.b","Next":"Z"}`+ending),
		func(t *testing.T, b *bench, c *sfn.Client) {
			arn := b.start("x")
			if err := b.Fail(<-b.tokens, "E", "C"); err != nil {
				t.Fatal(err)
			}
			b.wait(arn)
			if _, err := c.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: &arn}); err != nil {
				t.Fatal(err)
			}
			_, err := c.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: &arn})
			want[*types.ExecutionNotRedrivable](t, err)
			if err := b.Succeed(<-b.tokens, `2`); err != nil {
				t.Fatal(err)
			}
			if x := b.wait(arn); x.Output != `{"b":2,"n":1}` || x.Error != "" {
				t.Error(x)
			}
			d, err := c.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn})
			if err != nil || *d.RedriveCount != 1 || d.RedriveStatus != types.ExecutionRedriveStatusNotRedrivable {
				t.Error(d, err)
			}
			if got := b.history(arn); strings.Count(got, "PassStateEntered") != 1 || !strings.Contains(got, "ExecutionFailed ExecutionRedriven TaskStateEntered") {
				t.Error(got)
			}
			_, err = c.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: &arn})
			want[*types.ExecutionNotRedrivable](t, err)
			late := b.start("late")
			if err := b.Stop(late, "", ""); err != nil {
				t.Fatal(err)
			}
			time.Sleep(15 * 24 * time.Hour)
			_, err = c.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: &late})
			want[*types.ExecutionNotRedrivable](t, err)
		})
}

func TestARedriveAtOnceIsNotEndedByTheRunBefore(t *testing.T) {
	t.Parallel()
	inBubble(t, machineOf(`"A":{"Type":"Wait","Seconds":60,"End":true}`), func(t *testing.T, b *bench, c *sfn.Client) {
		arn := b.start("x")
		synctest.Wait()
		if err := b.Stop(arn, "", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := c.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: &arn}); err != nil {
			t.Fatal(err)
		}
		if x := b.wait(arn); x.Status != Succeeded || x.Stopped.Sub(x.Started) != time.Minute {
			t.Error(x)
		}
	})
}

func TestRequestsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	for target, body := range map[string]string{"AWSStepFunctions.StartExecution": "{", "DynamoDB_20120810.Query": "{}", "": "", "AWSStepFunctions.Nope": "{}"} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", target)
		w := httptest.NewRecorder()
		e.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"__type":"com.amazonaws.states#`) {
			t.Error(target, w.Code, w.Body)
		}
	}
}
