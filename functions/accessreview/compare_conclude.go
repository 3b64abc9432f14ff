package accessreview

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
	"lifecycle/shared/report"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// made is a review in the list of all.
type made struct {
	report.Point

	Scope string `json:"scope"`
	Title string `json:"title"`
	// Like is the same for reviews that can be compared with each other.
	Like string `json:"like"`
}

func madeKey(r begun) key { return key{"reviews", r.Began.Format(time.RFC3339) + "#" + r.ID} }

// mostTrend is how many earlier reviews a trend shows.
const mostTrend = 12

// review draws the review up.
func (s *Steps) review(ctx context.Context, r begun, figures report.Figures, reviewers map[string]report.Reviewer) (report.Review, error) {
	rules, err := s.rules.of(ctx, s.store, r)
	if err != nil {
		return report.Review{}, err
	}
	all, err := s.store.stacks(ctx, r.ID)
	if err != nil {
		return report.Review{}, err
	}
	review := report.Review{
		ID: r.ID, Title: r.Title, Scope: r.Scope.String(), Began: r.Began, Read: all.read, Due: r.Began.Add(time.Duration(s.settings.DueDays) * wholeDay),
		Rules: rules.Version(), Figures: figures, Stream: streamOf(r.ID),
	}
	for one, err := range s.store.table.under(ctx, key{"reviews", ""}) {
		if err != nil {
			return report.Review{}, err
		}
		m, err := madeOf(one)
		if err != nil {
			return report.Review{}, err
		}
		if m.Like == r.Scope.key() && m.Review != r.ID && m.At.Before(r.Began) {
			review.Trend = append(review.Trend, m.Point)
		}
	}
	review.Trend = review.Trend[max(0, len(review.Trend)-mostTrend):]
	review.Reviewers = slices.SortedFunc(maps.Values(reviewers), func(a, b report.Reviewer) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return review, nil
}

func madeOf(i item) (m made, err error) {
	if err := json.Unmarshal([]byte(textOf(i["review"])), &m); err != nil {
		return m, &fault.Conflict{Message: "the list of reviews is damaged at " + textOf(i["sk"]), Cause: err}
	}
	return m, nil
}

// conclude writes the review, and makes it the one that the next is compared
// with.
func (s *Steps) conclude(ctx context.Context, r begun, review report.Review) error {
	// What a campaign has made of it already must not be undone by a step that is
	// tried again.
	_, err := s.store.Review(ctx, r.ID)
	if fault.Is[*fault.NotFound](err) {
		err = s.store.PutReview(ctx, review)
	}
	if err != nil {
		return err
	}
	content, err := json.Marshal(made{
		Point: report.Point{Review: r.ID, At: r.Began, Figures: review.Figures}, Scope: review.Scope, Title: r.Title, Like: r.Scope.key(),
	})
	if err != nil {
		return &fault.Invalid{Message: "the review cannot be put into the list of reviews", Cause: err}
	}
	if err := s.store.table.put(ctx, madeKey(r), item{"review": text(string(content))}); err != nil {
		return err
	}
	last, err := s.store.table.get(ctx, lastKey(r.Scope))
	if err != nil {
		return err
	}
	if textOf(last["review"]) != r.ID && textOf(last["began"]) <= r.Began.Format(time.RFC3339) {
		err = s.store.table.put(ctx, lastKey(r.Scope), item{"review": text(r.ID), "began": text(r.Began.Format(time.RFC3339)), "previous": text(r.Previous)})
	}
	if err != nil {
		return err
	}
	return s.writeIndex(ctx)
}

// writeIndex writes the list of all reviews.
func (s *Steps) writeIndex(ctx context.Context) error {
	list := []made{}
	for one, err := range s.store.table.under(ctx, key{"reviews", ""}) {
		if err != nil {
			return err
		}
		m, err := madeOf(one)
		if err != nil {
			return err
		}
		list = append(list, m)
	}
	content, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return &fault.Invalid{Message: "the list of reviews cannot be written", Cause: err}
	}
	return s.store.write(ctx, indexKey, "application/json", content)
}

// campaign names the execution that puts the findings before reviewers.
type campaign struct {
	Execution string `json:"execution"`
}

// StartCampaign starts what follows the findings, once: it is named after the
// review.
func (s *Steps) StartCampaign(ctx context.Context, st state) (campaign, error) {
	if s.settings.Campaign == "" {
		return campaign{}, nil
	}
	input, err := json.Marshal(workflow.Subject{Table: Table, SysID: st.Review.ID, Number: st.Review.ID})
	if err != nil {
		return campaign{}, &fault.Invalid{Message: "the campaign of the review cannot be started", Cause: err}
	}
	out, err := s.sfn.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(s.settings.Campaign), Name: aws.String(st.Review.ID), Input: aws.String(string(input)),
	})
	var exists *sfntypes.ExecutionAlreadyExists
	switch {
	case errors.As(err, &exists):
		return campaign{Execution: st.Review.ID}, nil
	case err != nil:
		return campaign{}, platform.AWSError("the campaign of the review "+st.Review.ID+" could not be started", err)
	}
	return campaign{Execution: aws.ToString(out.ExecutionArn)}, nil
}

// TellFailure says in a task that a review has broken off.
func (s *Steps) TellFailure(ctx context.Context, st state) (workflow.Nothing, error) {
	failure := workflow.Failure{Error: "Unexpected"}
	if st.Error != nil {
		failure = *st.Error
	}
	group, err := s.servicenow.GroupSysID(ctx, s.settings.FallbackGroup)
	if err != nil {
		return workflow.Nothing{}, err
	}
	task, _ := workflow.TaskOf(ctx)
	key := "access-review-failed-" + task.Name()
	_, err = s.servicenow.CreateTask(ctx, servicenow.NewTask{
		Table: s.settings.FailureTable, Key: key[:min(len(key), 100)], Values: map[string]string{
			"short_description": "The " + st.Number + " broke off",
			"description": fmt.Sprintf("The access review %s broke off: %s\nNobody was asked about anything. Mend the cause and start the review again, or wait for the next one of the schedule.",
				st.Review.ID, failure.Message()),
			"assignment_group": group,
		},
	}, audit.Reason{Kind: "access_review", Ref: st.Review.ID, Text: "failure"})
	return workflow.Nothing{}, err
}
