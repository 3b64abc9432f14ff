package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/lease"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/states"
	"lifecycle/shared/report"
)

const (
	campaigns = "AccessReviewCampaignMachine"
	reviews   = "AccessReviewTaskMachine"
	// theReview is the id of the review in these stories.
	theReview = "2000-01-01T0000-story"
)

// found is a finding about somebody's membership, put before a reviewer: a
// person's number, or the name of a group.
func found(flag report.Flag, risk report.Risk, number, group, reviewer string) report.Finding {
	if strings.HasPrefix(reviewer, "E1") {
		reviewer = seed.PersonSysID(reviewer)
	}
	id := seed.GroupID(group)
	return report.Finding{
		ID: fmt.Sprintf("%s-%s-%s", flag, number, id[len(id)-6:]), Flag: flag, Risk: risk, Standing: report.New, Since: time.Now(),
		Person:   report.Person{OktaID: seed.PersonOktaID(number), Login: scenario.Login(number), ServiceNowID: seed.PersonSysID(number), LastSignIn: time.Now().Add(-100 * days), Status: "ACTIVE"},
		Holding:  report.Holding{Kind: report.Group, ID: id, Name: group},
		Origin:   report.Origin{Kind: "unknown"},
		Evidence: []string{"No rule gives it and no request was approved for it."}, Suggested: report.Revoke, Why: "nobody has approved it", Reviewer: reviewer,
	}
}

// asRequested is a finding about access that the request RITM1 gave.
func asRequested(f report.Finding) report.Finding {
	f.Origin = report.Origin{Kind: "request", Ref: "RITM1", At: time.Now().Add(-30 * days)}
	return f
}

// reviewed starts the campaign after a review that found these, and waits until
// all are asked.
func (o *office) reviewed(list ...report.Finding) {
	o.t.Helper()
	o.plants(list...)
	o.campaign()
	time.Sleep(10 * time.Minute) // a lost webhook is made up for by the sweep
}

// plants writes down what a review has found.
func (o *office) plants(list ...report.Finding) {
	o.t.Helper()
	var lines bytes.Buffer
	reviewers := map[string]int{}
	for _, f := range list {
		line, err := json.Marshal(f)
		o.must(err)
		lines.Write(append(line, '\n'))
		reviewers[f.Reviewer]++
	}
	review := report.Review{
		ID: theReview, Title: "Story", Scope: "everybody and everything", Began: time.Now().Add(-time.Hour), Read: time.Now(), Rules: "seed",
		Figures: report.Figures{People: 50, Groups: 25, Apps: 12, Memberships: 300, Assignments: 200},
		Stream:  "access_review/" + theReview,
	}
	for id, n := range reviewers {
		as := "manager"
		if !strings.HasPrefix(id, "0") && len(id) != 32 {
			as = "security"
		}
		review.Reviewers = append(review.Reviewers, report.Reviewer{ID: id, Name: "Reviewer " + id[:4], As: as, Count: n})
	}
	content, err := json.Marshal(review)
	o.must(err)
	bucket := o.Bucket("EvidenceBucket")
	o.Objects().Put(bucket, "reviews/"+theReview+"/findings.ndjson", lines.Bytes())
	o.Objects().Put(bucket, "reviews/"+theReview+"/review.json", content)
}

// campaign starts the campaign's state machine.
func (o *office) campaign() {
	o.t.Helper()
	_, err := o.SFN().StartExecution(o.ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(o.Machine(campaigns)),
		Input:           aws.String(`{"table":"access_review","sys_id":"` + theReview + `","number":"` + theReview + `"}`),
	})
	o.must(err)
}

// task is the open task of a reviewer.
func (o *office) taskOf(reviewer string) scenario.Ticket {
	o.t.Helper()
	query := "correlation_display=Access review^assigned_to=" + seed.PersonSysID(reviewer)
	if !strings.HasPrefix(reviewer, "E1") {
		query = "correlation_display=Access review^assigned_to=^short_descriptionLIKEKeep or revoke^assignment_group=" + o.ServiceNow.Query("sys_user_group", "name="+reviewer)[0]["sys_id"]
	}
	return o.onlyTask(query)
}

// signOffTask is the security team's.
func (o *office) signOffTask() scenario.Ticket {
	o.t.Helper()
	return o.onlyTask("correlation_display=Access review^short_descriptionLIKEsign-off")
}

func (o *office) onlyTask(query string) scenario.Ticket {
	o.t.Helper()
	query += "^short_descriptionLIKE" + theReview // others are scheduled
	tasks := o.ServiceNow.Query("sc_task", query)
	if len(tasks) != 1 {
		for _, task := range o.ServiceNow.Query("sc_task", "") {
			o.t.Logf("%s %s, with %s/%s: %s", task["number"], task["state"], task["assigned_to"], task["assignment_group"], task["short_description"])
		}
		o.t.Fatalf("%d tasks satisfy %s", len(tasks), query)
	}
	return scenario.Ticket{Table: "sc_task", SysID: tasks[0]["sys_id"], Number: tasks[0]["number"]}
}

// replies writes an answer into a task and closes it, as somebody.
func (o *office) replies(task scenario.Ticket, number, answer string) {
	o.t.Helper()
	o.saves(task, scenario.Login(number), map[string]string{"state": taskComplete, "close_notes": answer})
	time.Sleep(10 * time.Minute)
	o.rests(reviews, task, "WaitForAnswer", "AskSecondPerson")
}

// ofReview is the review as it stands.
func (o *office) ofReview() (r report.Review) {
	o.t.Helper()
	content, found := o.Objects().Get(o.Bucket("EvidenceBucket"), "reviews/"+theReview+"/review.json")
	if !found {
		o.t.Fatal("there is no review")
	}
	o.must(json.Unmarshal(content, &r))
	return r
}

// decisions are what the report tells about each finding: "keep by <login>:
// outcome".
func (o *office) decisions() map[string]string {
	o.t.Helper()
	content, _ := o.Objects().Get(o.Bucket("EvidenceBucket"), "reviews/"+theReview+"/report/findings.json")
	var doc struct {
		Findings []report.Finding `json:"findings"`
	}
	o.must(json.Unmarshal(content, &doc))
	all := map[string]string{}
	for _, f := range doc.Findings {
		all[f.Person.Login+" "+f.Holding.Name] = fmt.Sprintf("%s by %s: %s", f.Decision.Answer, f.Decision.By, f.Decision.Outcome)
	}
	return all
}

// campaignEnds reports whether the campaign's execution has come to its end.
func (o *office) campaignIs() string {
	o.t.Helper()
	runs := o.Executions(campaigns, scenario.Ticket{SysID: theReview})
	if len(runs) == 0 {
		return "none"
	}
	last := runs[len(runs)-1]
	if last.Status == states.Running {
		return strings.Join(last.Current, ",")
	}
	return last.Status + last.Error
}

// strays gives people access that nobody approved.
func (o *office) strays(pairs ...string) {
	o.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		o.must(o.Okta.AddMember(seed.GroupID(pairs[i+1]), seed.PersonOktaID(pairs[i])))
	}
}

func TestAccessReviewCampaign(t *testing.T) {
	t.Parallel()

	for _, act := range scenario.AccessReviews() {
		t.Run(act.Title, func(t *testing.T) {
			t.Parallel()
			inOffice(t, calm(scenario.Options{}), func(o *office) {
				told, err := act.Play(o.ctx, o.World) // in a company of its own
				o.must(err)
				o.says(strings.Join(told.Happened, "\n"), "it found exactly what was planted", "signed it off")
				o.says(strings.Join(told.ServiceNow, "\n"), "review.html")
			})
		})
	}

	short := restful()
	short.Parameters = map[string]string{"AccessReviewGrace": "1s"}
	story(t, scenario.ReviewAnywhere().Title, short, func(o *office) {
		told, err := scenario.ReviewAnywhere().Play(o.ctx, o.World)
		o.must(err)
		o.says(strings.Join(told.Okta, "\n"), "jonas.weber@example.com is ACTIVE")
	})

	story(t, "asks each reviewer, carries answers out after the time of grace, reads back, and is signed off", calm(configured(map[string]string{"AccessReviewWatchers": seed.PersonSysID("E1006")})), func(o *office) {
		o.strays("E1019", "Zendesk Agents", "E1020", "Zendesk Agents", "E1013", "NetSuite Accountants")
		o.holds("E1020", "PagerDuty Responders", lease.RequestKey("RITM1"), time.Time{})
		o.reviewed(
			found(report.Unapproved, report.Critical, "E1013", "NetSuite Accountants", "E1010"),
			found(report.Unapproved, report.High, "E1019", "Zendesk Agents", "E1003"),
			asRequested(found(report.Dormant, report.Medium, "E1020", "PagerDuty Responders", "E1003")),
			found(report.Unapproved, report.Low, "E1020", "Zendesk Agents", "E1003"),
		)
		security := o.signOffTask()
		o.says(o.lastComment(security), "2 reviewers are asked about 4 findings, until 15 January 2000")
		o.is("who is told", o.Column(security, "watch_list"), seed.PersonSysID("E1006"))
		o.is("files of the security team", len(o.ticket(security).Files), 4)
		task := o.taskOf("E1003")
		o.says(o.Column(task, "description"), "1. [high] nina.kovacs@example.com: group Zendesk Agents - unapproved: No rule gives it and no request was approved for it. Last sign-in: 23 September 1999. Origin: unknown. Suggested: revoke.\n2. [medium]",
			"Origin: request RITM1, 2 December 1999", "3. [low] robert.miller@example.com")
		o.is("due", o.Column(task, "due_date"), "2000-01-15 00:00:00")
		o.is("files", len(o.ticket(task).Files), 2)
		o.replies(task, "E1003", "1-2 revoke\n3 keep, he helps out until March")
		o.says(o.lastComment(task), "The answer is recorded: 1 to keep, 2 to revoke.")
		o.is("before the grace is over", o.holdsGroup("E1019", "Zendesk Agents"), true)
		other := o.taskOf("E1010")
		o.replies(other, "E1010", "all revoke")
		time.Sleep(25 * time.Hour)
		o.is("after it", []bool{o.holdsGroup("E1019", "Zendesk Agents"), o.holdsGroup("E1020", "PagerDuty Responders"), o.holdsGroup("E1020", "Zendesk Agents"), o.holdsGroup("E1013", "NetSuite Accountants")},
			[]bool{false, false, true, false})
		o.says(o.lastNote(task), "The decisions are carried out.\nKept, as an exception that "+task.Number+" gives:\n- 3. group Zendesk Agents of robert.miller@example.com\nRemoved and read back:\n- 1. group")
		o.is("lease", o.requestsOf("E1020"), []string{"exception/" + task.Number})
		o.rests(reviews, task)
		o.is("campaign", o.campaignIs(), "WaitForSignOff")
		o.is("nothing is left undone", strings.Contains(o.lastComment(security), "not revoked"), false)
		o.says(o.lastComment(security), "4 findings: 3 to revoke, 1 to keep, 0 without a decision.", "SOC 2 CC6.1:", "ISO 27001:2022 A.5.18:", "HIPAA 164.308(a)(4):", "that signs the review off")
		o.saves(security, scenario.Login("E1007"), map[string]string{"state": taskComplete, "close_notes": "Seen."})
		time.Sleep(10 * time.Minute)
		o.is("campaign in the end", o.campaignIs(), states.Succeeded)
		r := o.ofReview()
		o.is("closed", r.Closed.IsZero(), false)
		o.says(r.SignedOff, "grace.mbeki", security.Number)
		o.is("answers", r.Figures.Answers, map[report.Answer]int{report.Revoke: 3, report.Keep: 1})
		o.is("decisions", o.decisions(), map[string]string{
			"nina.kovacs@example.com Zendesk Agents":         "revoke by isabel.moreno@example.com: removed and read back",
			"robert.miller@example.com PagerDuty Responders": "revoke by isabel.moreno@example.com: removed and read back",
			"robert.miller@example.com Zendesk Agents":       "keep by isabel.moreno@example.com: kept, as an exception that " + task.Number + " gives",
			"jonas.weber@example.com NetSuite Accountants":   "revoke by lena.vogel@example.com: removed and read back",
		})
	})
}

// requestsOf are the keys of a person's leases that are no birthrights.
func (o *office) requestsOf(number string) []string {
	o.t.Helper()
	var keys []string
	for _, l := range o.leases(seed.PersonOktaID(number)) {
		if l.Key != lease.Birthright {
			keys = append(keys, l.Key)
		}
	}
	slices.Sort(keys)
	return keys
}
