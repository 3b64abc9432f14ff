package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/functions/accessreview"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
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

// restful is a company in which the schedules rest.
func restful() (o scenario.Options) {
	o.Pace = 100 * 24 * time.Hour
	return o
}

// expected are violations as told tells them.
func expected(lists ...[]scenario.Violation) []string {
	var all []string
	for _, v := range slices.Concat(lists...) {
		all = append(all, v.String())
	}
	slices.Sort(all)
	return all
}

// finding is the finding of a violation.
func (r reviewed) finding(t *testing.T, v scenario.Violation) report.Finding {
	t.Helper()
	i := slices.IndexFunc(r.findings, func(f report.Finding) bool {
		return v == scenario.Violation{Flag: f.Flag, Login: f.Person.Login, Holding: f.Holding.Name}
	})
	if i < 0 {
		t.Fatalf("%s was not found", v)
	}
	return r.findings[i]
}

func TestAccessReview(t *testing.T) {
	t.Parallel()

	story(t, "finds nothing in a company whose access is in order but what every review lists", restful(), func(o *office) {
		o.must(o.EnterAccess(o.ctx))
		r := o.review(everything)
		o.is("found", r.told(), expected(scenario.KnownFindings()))
		o.is("people", r.Figures.People, 49)
	})

	story(t, "finds what was planted of every kind and nothing else, with evidence", restful(), func(o *office) {
		o.must(o.EnterAccess(o.ctx))
		planted, err := o.PlantViolations(o.ctx)
		o.must(err)
		time.Sleep(2 * time.Hour)
		r := o.review(everything)
		o.is("found", r.told(), expected(planted, scenario.KnownFindings()))
		kinds := map[report.Flag]bool{}
		for _, v := range planted {
			f := r.finding(o.t, v)
			kinds[f.Flag] = true
			if len(f.Evidence) < 2 || f.Why == "" || f.Reviewer == "" || f.Standing != report.New || !f.Since.Equal(r.Began) {
				o.t.Errorf("%s: %+v", v, f)
			}
		}
		o.is("kinds", len(kinds), 9)
		o.is("riskiest first", slices.IsSortedFunc(r.findings, func(a, b report.Finding) int { return rank(a) - rank(b) }), true)
		o.is("reviewers", reviewersAdd(r), len(r.findings))
	})

	story(t, "says what is new, open since the last review, and fixed", restful(), func(o *office) {
		o.must(o.EnterAccess(o.ctx))
		planted, err := o.PlantViolations(o.ctx)
		o.must(err)
		time.Sleep(2 * time.Hour)
		first := o.review(everything)
		o.must(o.Okta.RemoveMember(seed.GroupID("AWS Production Operators"), seed.PersonOktaID("E1013")))
		o.must(o.Okta.AddMember(seed.GroupID("AWS Production Operators"), seed.PersonOktaID("E1016")))
		time.Sleep(5 * 24 * time.Hour)
		second := o.review(everything)

		gone := second.finding(o.t, planted[0])
		o.is("taken away", gone.Standing, report.Fixed)
		o.is("came last", second.findings[len(second.findings)-1].ID, gone.ID)
		came := second.finding(o.t, scenario.Violation{Flag: report.Unapproved, Login: scenario.Login("E1016"), Holding: "AWS Production Operators"})
		o.is("came since", came.Standing, report.New)
		stayed := second.finding(o.t, planted[1])
		o.is("stayed", stayed.Standing, report.Open)
		o.is("since", stayed.Since.Equal(first.Began), true)
		o.is("the same in every review", stayed.ID, first.finding(o.t, planted[1]).ID)
		o.is("trend", len(second.Trend) > 0, true)
		third := o.review(everything)
		o.is("fixed is told once", slices.ContainsFunc(third.findings, func(f report.Finding) bool { return f.ID == gone.ID }), false)
	})

	story(t, "looks only at what its scope names", restful(), func(o *office) {
		o.must(o.EnterAccess(o.ctx))
		planted, err := o.PlantViolations(o.ctx)
		o.must(err)
		time.Sleep(2 * time.Hour)
		for _, one := range []struct {
			scope string
			holds func(scenario.Violation) bool
		}{
			{`{"groups":["aws production operators"]}`, func(v scenario.Violation) bool { return v.Holding == "AWS Production Operators" }},
			{`{"apps":["PagerDuty"]}`, func(v scenario.Violation) bool { return v.Holding == seed.AppPagerDuty }},
			{`{"departments":["Legal"]}`, func(v scenario.Violation) bool {
				return v.Login == scenario.Login("E1041") || v.Login == scenario.Login("E1042")
			}},
			{`{"risk":"critical"}`, func(v scenario.Violation) bool { return v.Flag == report.Unapproved }},
		} {
			r := o.review(`{"table":"access_review","sys_id":"on-demand","number":"a part","scope":` + one.scope + `}`)
			wanted := slices.DeleteFunc(slices.Concat(planted, scenario.KnownFindings()), func(v scenario.Violation) bool { return !one.holds(v) })
			o.is(one.scope, r.told(), expected(wanted))
		}
	})

	scheduled := scenario.Options{}
	scheduled.Pace = 7 * 24 * time.Hour
	scheduled.Parameters = map[string]string{"AccessReviewSchedules": "ENABLED"}
	story(t, "is made every week by its schedule, of what is risky", scheduled, func(o *office) {
		o.must(o.EnterAccess(o.ctx))
		time.Sleep(7*24*time.Hour + time.Hour)
		all := o.States.Executions(o.Machine(reviewing))
		o.is("reviews", len(all), 1)
		x, err := o.States.Wait(o.ctx, all[0].ARN)
		o.must(err)
		r := o.reviewOf(x)
		o.is("found", r.told(), expected(slices.DeleteFunc(scenario.KnownFindings(), func(v scenario.Violation) bool { return v.Holding != "Super Administrator" })))
	})

	story(t, "is started on demand by whoever may sign the request", restful(), func(o *office) {
		status, body := o.questions("/access-reviews", []byte(`{"scope":{"departments":["Legal"],"risk":"low"}}`), nil)
		o.is("status", status, http.StatusAccepted)
		o.is("scope", strings.Contains(string(body), "people of Legal"), true)
		status, _ = o.questions("/access-reviews", []byte(`{"scope":{"departement":["Legal"]}}`), nil)
		o.is("a misspelt scope", status, http.StatusBadRequest)
		status, _ = o.questions("/access-reviews", []byte(`{"scope":{"risk":"huge"}}`), nil)
		o.is("an unknown risk", status, http.StatusBadRequest)
		status, _ = o.questions("/access-reviews", []byte(`{}`), func(r *http.Request) { r.Header.Del("Authorization") })
		o.is("unsigned", status, http.StatusForbidden)
		o.must(o.Until(o.ctx, func() bool {
			all := o.States.Executions(o.Machine(reviewing))
			return len(all) == 1 && all[0].Status == states.Succeeded
		}))
	})
}

func rank(f report.Finding) int {
	return slices.Index([]report.Risk{report.Critical, report.High, report.Medium, report.Low}, f.Risk)
}

func reviewersAdd(r reviewed) (n int) {
	for _, by := range r.Reviewers {
		n += by.Count
	}
	return n
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
