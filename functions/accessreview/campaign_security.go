package accessreview

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/report"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// securityTask is the security team's task: $.security.
type securityTask struct {
	workflow.Subject
}

// OpenSecurityTask opens the task that tells the whole review, and writes the
// report. Closing the task in the end signs the review off.
func (c *Campaign) OpenSecurityTask(ctx context.Context, st campaignState) (securityTask, error) {
	review, p, err := c.underWay(ctx, st.review())
	if err != nil {
		return securityTask{}, err
	}
	group, err := c.servicenow.GroupSysID(ctx, c.settings.SecurityGroup)
	if err != nil {
		return securityTask{}, err
	}
	values := map[string]string{
		"correlation_display": servicenow.AccessReviewMark, "assignment_group": group, "due_date": st.Campaign.Ends.Format(time.DateTime),
		"short_description": "Access review " + review.ID + ": findings, decisions and sign-off",
		"description":       c.overview(review, st),
	}
	if len(c.settings.Watchers) > 0 {
		values["watch_list"] = strings.Join(c.settings.Watchers, ",")
	}
	why := because(review.ID, "the security team's overview")
	made, err := c.servicenow.CreateTask(ctx, servicenow.NewTask{Table: c.tasks.Kind.Table, Key: taskKey(review.ID, "sign-off"), Values: values}, why)
	if err != nil {
		return securityTask{}, err
	}
	task := securityTask{workflow.Subject{Table: made.Table, SysID: made.SysID, Number: made.Number}}
	if err := c.report(ctx, review, p); err != nil {
		return securityTask{}, err
	}
	return task, c.ask(ctx, task.Subject, question{Review: review.ID, SignOff: true, Reviewer: "sign-off", As: "security", Responsible: c.settings.SecurityGroup, Due: st.Campaign.Ends})
}

// AttachReport puts the report onto it. It is a step of its own because a report
// that is written again differs by its time.
func (c *Campaign) AttachReport(ctx context.Context, st campaignState) (workflow.Nothing, error) {
	return workflow.Nothing{}, c.attachReport(ctx, st, "", because(st.review(), "the report"))
}

// overview is what the security team reads first.
func (c *Campaign) overview(review report.Review, st campaignState) string {
	f := review.Figures
	var b strings.Builder
	fmt.Fprintf(&b, "Access review %s: %s.\n%d people, %d memberships and %d app assignments were compared with what was approved. %d findings are put before %d reviewers; riskiest first:\n",
		review.ID, review.Scope, f.People, f.Memberships, f.Assignments, st.Campaign.Findings, st.Campaign.Reviewers)
	for _, r := range risks {
		fmt.Fprintf(&b, "- %s: %d\n", r, f.Risks[r])
	}
	fmt.Fprintf(&b, "\nReviewers have until %s, their managers %s more; after that, %s. When all is carried out, the summary comes here to be signed off: closing this task does that, and closing it earlier does nothing.",
		moment(st.Campaign.Began.Add(c.settings.DecisionWait)), span(c.settings.EscalationWait), c.consequence())
	return b.String()
}

// reportFiles are what is attached of a report, with the type that an instance is
// told.
var reportFiles = []struct{ name, contentType string }{
	{report.PageFile, "text/html"}, {report.TableFile, "text/csv"}, {report.DocumentFile, "application/json"}, {report.ManifestFile, "application/json"},
}

// largestAttachment is what an instance takes as it comes: larger files stay in
// the evidence bucket only.
const largestAttachment = 24 << 20

// files is where the report of a review is.
func (c *Campaign) files(review string) report.Bucket {
	return report.Bucket{Client: c.store.client, Name: c.store.bucket, Prefix: "reviews/" + review + "/report/"}
}

// attachReport puts the files of the report on a task, under names that tell the
// version.
func (c *Campaign) attachReport(ctx context.Context, st campaignState, version string, why audit.Reason) error {
	from := c.files(st.review())
	for _, file := range reportFiles {
		content, err := readFile(ctx, from, file.name)
		if err != nil {
			return err
		}
		if len(content) > largestAttachment {
			continue
		}
		extension := path.Ext(file.name)
		name := strings.TrimSuffix(file.name, extension) + version + extension
		if err := c.servicenow.Attach(ctx, workflow.Ref(st.Security.Subject), name, file.contentType, content, why); err != nil {
			return err
		}
	}
	return nil
}

func readFile(ctx context.Context, from report.Store, name string) ([]byte, error) {
	body, err := from.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	content, err := io.ReadAll(io.LimitReader(body, largestAttachment+1))
	if err != nil {
		return nil, &fault.Unavailable{Message: "the report's file " + name + " could not be read to its end", Cause: err}
	}
	return content, nil
}

// TellStakeholders says on the security team's task who is asked about how much:
// those who watch it are told.
func (c *Campaign) TellStakeholders(ctx context.Context, st campaignState) (workflow.Nothing, error) {
	review, p, err := c.underWay(ctx, st.review())
	if err != nil {
		return workflow.Nothing{}, err
	}
	reviewers, err := c.reviewers(ctx, review, p)
	if err != nil {
		return workflow.Nothing{}, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d reviewers are asked about %d findings, until %s:\n", len(reviewers), st.Campaign.Findings, moment(st.Campaign.Began.Add(c.settings.DecisionWait)))
	for i, r := range reviewers {
		if i == mostNamed {
			fmt.Fprintf(&b, "- and %d more\n", len(reviewers)-i)
			break
		}
		fmt.Fprintf(&b, "- %s: %s (%s), %d\n", r.Task, r.Name, r.As, r.Count)
	}
	return workflow.Nothing{}, c.servicenow.Post(ctx, workflow.Ref(st.Security.Subject), servicenow.Posting{Key: "begun", Comment: b.String()}, because(review.ID, "stakeholders are told"))
}

// TellCampaignFailure says on the security team's task, where there is one, what
// failed for good and what to do about it.
func (c *Campaign) TellCampaignFailure(ctx context.Context, st campaignState) (workflow.Nothing, error) {
	failure := workflow.Failure{}
	if st.Error != nil {
		failure = *st.Error
	}
	_, err := c.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: "access_review.failed", Target: st.Stream(), Reason: because(st.review(), failure.Error), After: map[string]any{"error": failure.Message()},
	})
	if err != nil || st.Security.SysID == "" {
		return workflow.Nothing{}, err
	}
	note := fmt.Sprintf("The campaign of this access review could not go on: %s\nAnswers to the reviewers' tasks are still carried out. When the cause is mended, "+
		"start the campaign's state machine again with the same input: what is done already is not repeated.", failure.Message())
	return workflow.Nothing{}, c.servicenow.Post(ctx, workflow.Ref(st.Security.Subject), servicenow.Posting{Key: "failed/" + failure.Error, WorkNote: note},
		audit.Reason{Kind: "failure", Ref: st.review(), Text: failure.Error})
}
