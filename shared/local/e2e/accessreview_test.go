package e2e_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/functions/accessreview"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/states"
	"lifecycle/shared/report"
)

const reviewing = "AccessReviewMachine"

// reviewed is what a review has found.
type reviewed struct {
	report.Review

	execution states.Execution
	findings  []report.Finding
}

// reviews opens the reviews of the office.
func (o *office) reviews() *accessreview.Store {
	return accessreview.NewStore(o.S3(), o.Bucket("EvidenceBucket"), o.DynamoDB(), o.Table("ReviewsTable"))
}

// review makes a review with that input, and reads what it found.
func (o *office) review(input string) reviewed {
	o.t.Helper()
	started, err := o.SFN().StartExecution(o.ctx, &sfn.StartExecutionInput{StateMachineArn: aws.String(o.Machine(reviewing)), Input: aws.String(input)})
	o.must(err)
	x, err := o.States.Wait(o.ctx, aws.ToString(started.ExecutionArn))
	o.must(err)
	o.is("the review", x.Status+" "+x.Error+x.Cause, states.Succeeded+" ")
	return o.reviewOf(x)
}

// everything is the input of a review of everybody and everything.
const everything = `{"table":"access_review","sys_id":"monthly","number":"monthly access review"}`

func (o *office) reviewOf(x states.Execution) reviewed {
	o.t.Helper()
	r := reviewed{execution: x}
	var err error
	r.Review, err = o.reviews().Review(o.ctx, reviewID(o.t, x))
	o.must(err)
	for f, err := range o.reviews().Findings(o.ctx, r.ID)() {
		o.must(err)
		r.findings = append(r.findings, f)
	}
	return r
}

// told are the findings in short, in order of their text.
func (r reviewed) told() []string {
	var list []string
	for _, f := range r.findings {
		list = append(list, string(f.Flag)+" "+f.Person.Login+" "+f.Holding.Name)
	}
	slices.Sort(list)
	return list
}

func TestAccessReview(t *testing.T) {
	t.Parallel()

	story(t, "the seeded company", scenario.Options{}, func(o *office) {
		r := o.review(everything)
		for _, f := range r.findings {
			t.Logf("%s %s %s %s | %s %s | %s | %v %s", f.Risk, f.Flag, f.Person.Login, f.Holding.Name, f.Origin.Kind, f.Origin.Ref, f.Reviewer, f.Evidence, f.Why)
		}
		t.Logf("%+v", r.Review)
	})
}

// reviewID is the review that an execution made.
func reviewID(t *testing.T, x states.Execution) string {
	t.Helper()
	var out struct {
		Review struct {
			ID string `json:"id"`
		} `json:"review"`
	}
	if err := json.Unmarshal([]byte(x.Output), &out); err != nil || out.Review.ID == "" {
		t.Fatalf("the execution names no review: %s %v", x.Output, err)
	}
	return out.Review.ID
}
