package e2e_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/lease"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
	"lifecycle/shared/report"
)

// stray is one finding about access that nobody approved, which its person has.
func (o *office) stray(number, group, reviewer string) report.Finding {
	o.t.Helper()
	o.strays(number, group)
	return found(report.Unapproved, report.High, number, group, reviewer)
}

// graceEnds waits until an answer is carried out.
func (o *office) graceEnds(task scenario.Ticket) {
	o.t.Helper()
	time.Sleep(25 * time.Hour)
	o.rests(reviews, task, "AskSecondPerson")
}

func TestAccessReviewAnswers(t *testing.T) {
	t.Parallel()

	story(t, "an answer can be taken back until its grace is over, and changed", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"))
		task := o.taskOf("E1003")
		o.replies(task, "E1003", "1 revoke")
		time.Sleep(20 * time.Hour)
		o.saves(task, scenario.Login("E1003"), map[string]string{"state": taskOpen})
		time.Sleep(10 * time.Minute)
		o.says(o.lastComment(task), "The answer is taken back, and nothing has been changed.")
		time.Sleep(48 * time.Hour)
		o.is("still there", o.holdsGroup("E1019", "Zendesk Agents"), true)
		o.replies(task, "E1003", "1 revoke")
		time.Sleep(20 * time.Hour)
		o.saves(task, scenario.Login("E1003"), map[string]string{"close_notes": "1 keep"})
		o.graceEnds(task)
		o.is("kept after all", o.holdsGroup("E1019", "Zendesk Agents"), true)
		o.is("leases", o.requestsOf("E1019"), []string{"exception/" + task.Number})
	})

	story(t, "is asked again when the answer is not clear, and never takes the person's own", calm(licensed()), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"), o.stray("E1020", "Zendesk Agents", "E1003"))
		task := o.taskOf("E1003")
		for answer, says := range map[string]string{
			"":                 "Nothing is said about 1.",
			"looks fine":       "Nothing is said about 2.",
			"1 keep\n7 revoke": "There is no number 7.",
			"1 keep 2 revoke":  "A line says both keep and revoke",
		} {
			o.replies(task, "E1003", answer)
			o.is("state after "+answer, o.Column(task, "state"), taskOpen)
			o.says(o.lastComment(task), "The answer is not clear, and nothing has been changed:", says)
		}
		o.ServiceNow.GrantRole(scenario.Login("E1020"), "itil")
		o.replies(task, "E1020", "all keep")
		o.says(o.lastComment(task), "It was closed by the person whom number 2 is about: somebody else has to decide.")
		o.replies(task, "E1003", "revoke all")
		o.graceEnds(task)
		o.is("held", []bool{o.holdsGroup("E1019", "Zendesk Agents"), o.holdsGroup("E1020", "Zendesk Agents")}, []bool{false, false})
	})

	story(t, "what is about the reviewer goes to the next in line", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"), o.stray("E1003", "GitHub Engineers", "E1003"), o.stray("E1001", "GitHub Engineers", "E1001"))
		o.says(o.Column(o.taskOf("E1003"), "description"), "1. [high] nina.kovacs@example.com")
		up := o.taskOf("E1001")
		o.says(o.Column(up, "description"), "1. [high] isabel.moreno@example.com: group GitHub Engineers")
		o.is("lines for the next in line", strings.Contains(o.Column(up, "description"), "charlotte"), false)
		o.says(o.Column(o.taskOf("Identity Operations"), "description"), "1. [high] charlotte.adler@example.com")
	})

	story(t, "an answer that comes twice counts once, and one that comes late changes nothing", calm(scenario.Options{}), func(o *office) {
		o.Repeat(2)
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"))
		task := o.taskOf("E1003")
		o.replies(task, "E1003", "1 revoke")
		o.graceEnds(task)
		o.is("held", o.holdsGroup("E1019", "Zendesk Agents"), false)
		o.is("recorded", o.commented(task, "The answer is recorded"), 1)
		o.is("carried out", o.noted(task, "The decisions are carried out"), 1)
		o.saves(task, scenario.Login("E1003"), map[string]string{"close_notes": "1 keep"})
		time.Sleep(10 * time.Minute)
		o.rests(reviews, task)
		o.says(o.lastComment(task), "This came after the earlier answer was carried out, and changes nothing.")
		o.is("told", o.commented(task, "This came after"), 1)
		o.is("still gone", o.holdsGroup("E1019", "Zendesk Agents"), false)
	})

	story(t, "an answer whose webhook is lost is found within half a day", calm(deafTo("sc_task")), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"))
		time.Sleep(12 * time.Hour)
		task := o.taskOf("E1003")
		o.saves(task, scenario.Login("E1003"), map[string]string{"state": taskComplete, "close_notes": "all revoke"})
		time.Sleep(13 * time.Hour)
		o.graceEnds(task)
		o.is("held", o.holdsGroup("E1019", "Zendesk Agents"), false)
	})

	story(t, "what another lease or a rule gives is never taken away", calm(scenario.Options{}), func(o *office) {
		byRule := found(report.Unapproved, report.High, "E1013", "GitHub Engineers", "E1010")
		o.holds("E1019", "PagerDuty Responders", lease.RequestKey("RITM1"), time.Time{})
		o.holds("E1019", "PagerDuty Responders", lease.RequestKey("RITM2"), time.Time{})
		requested := asRequested(found(report.Dormant, report.Medium, "E1019", "PagerDuty Responders", "E1003"))
		since := o.stray("E1020", "Zendesk Agents", "E1003")
		o.reviewed(byRule, requested, since)
		time.Sleep(time.Minute)
		o.holds("E1020", "Zendesk Agents", lease.RequestKey("RITM3"), time.Time{})
		for number, manager := range map[string]string{"E1013": "E1010", "E1019": "E1003"} {
			task := o.taskOf(manager)
			o.replies(task, manager, "all revoke")
			o.graceEnds(task)
			o.says(o.lastNote(task), "ot revoked: ")
			_ = number
		}
		o.is("by rule", o.holdsGroup("E1013", "GitHub Engineers"), true)
		o.is("by the other request", o.requestsOf("E1019"), []string{"request/RITM2"})
		o.is("held by it", o.holdsGroup("E1019", "PagerDuty Responders"), true)
		o.is("approved since", o.holdsGroup("E1020", "Zendesk Agents"), true)
	})

	story(t, "what is opened again once it is carried out is closed again, and told that it is late", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"))
		task := o.taskOf("E1003")
		o.replies(task, "E1003", "1 revoke")
		o.graceEnds(task)
		o.saves(task, scenario.Login("E1003"), map[string]string{"state": taskOpen})
		time.Sleep(10 * time.Minute)
		o.rests(reviews, task)
		o.is("state", o.Column(task, "state"), taskComplete)
		o.is("told", o.commented(task, "This came after"), 1)
		o.is("answer", o.Column(task, "close_notes"), "1 revoke")
	})

	story(t, "an answer that was altered behind our back is not carried out, and the one restored is", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"), o.stray("E1020", "Zendesk Agents", "E1003"))
		task := o.taskOf("E1003")
		o.replies(task, "E1003", "1 revoke\n2 keep")
		bucket, key := o.Bucket("EvidenceBucket"), o.answerKey()
		taken, _ := o.Objects().Get(bucket, key)
		o.Objects().Put(bucket, key, bytes.ReplaceAll(taken, []byte("keep"), []byte("revoke")))
		o.graceEnds(task)
		o.is("held", []bool{o.holdsGroup("E1019", "Zendesk Agents"), o.holdsGroup("E1020", "Zendesk Agents")}, []bool{true, true})
		o.says(o.lastNote(task), "The answer could not be carried out:", "was altered after it was written")
		o.Objects().Put(bucket, key, taken)
		o.saves(task, scenario.Login("E1007"), map[string]string{"work_notes": "Restored."})
		o.graceEnds(task)
		o.is("held in the end", []bool{o.holdsGroup("E1019", "Zendesk Agents"), o.holdsGroup("E1020", "Zendesk Agents")}, []bool{false, true})
	})

	story(t, "the security team's task that is closed too early is opened again with the summary", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"))
		o.saves(o.signOffTask(), scenario.Login("E1007"), map[string]string{"state": taskComplete, "close_notes": "?"})
		task := o.taskOf("E1003")
		o.replies(task, "E1003", "1 revoke")
		o.graceEnds(task)
		o.is("state", o.Column(o.signOffTask(), "state"), taskOpen)
		o.is("campaign", o.campaignIs(), "WaitForSignOff")
	})

	story(t, "goes on although its execution was stopped by an operator", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"))
		task := o.taskOf("E1003")
		for _, x := range o.Executions(reviews, task) {
			if x.Status == states.Running {
				_, err := o.SFN().StopExecution(o.ctx, &sfn.StopExecutionInput{ExecutionArn: aws.String(x.ARN)})
				o.must(err)
			}
		}
		o.replies(task, "E1003", "all revoke")
		o.graceEnds(task)
		o.is("held", o.holdsGroup("E1019", "Zendesk Agents"), false)
	})
}

// commented counts the comments that contain a text.
func (o *office) commented(t scenario.Ticket, text string) int {
	n := 0
	for _, note := range o.Notes(t, "comments") {
		if strings.Contains(note, text) {
			n++
		}
	}
	return n
}

// answerKey is where the only answer of the review is kept.
func (o *office) answerKey() string {
	o.t.Helper()
	list, err := o.S3().ListObjectsV2(o.ctx, &s3.ListObjectsV2Input{Bucket: aws.String(o.Bucket("EvidenceBucket")), Prefix: aws.String("reviews/" + theReview + "/tasks/")})
	o.must(err)
	for _, object := range list.Contents {
		if strings.Contains(aws.ToString(object.Key), ".answer-") {
			return aws.ToString(object.Key)
		}
	}
	o.t.Fatal("there is no answer")
	return ""
}

func TestAccessReviewBulk(t *testing.T) {
	t.Parallel()
	many := func(o *office) scenario.Ticket {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"), o.stray("E1020", "Zendesk Agents", "E1003"), o.stray("E1021", "Zendesk Agents", "E1003"))
		task := o.taskOf("E1003")
		o.replies(task, "E1003", "all revoke")
		o.graceEnds(task)
		return task
	}
	held := func(o *office) (n int) {
		for _, number := range []string{"E1019", "E1020", "E1021"} {
			if o.holdsGroup(number, "Zendesk Agents") {
				n++
			}
		}
		return n
	}
	strict := calm(configured(map[string]string{"AccessReviewRemovalLimit": "2"}))

	story(t, "many revocations wait for a second person, who agrees", strict, func(o *office) {
		task := many(o)
		o.is("held while it is parked", held(o), 3)
		o.answersOnceAsked(task, "E1007", snowsim.Approved)
		time.Sleep(time.Hour)
		o.rests(reviews, task)
		o.is("held", held(o), 0)
	})

	story(t, "a share of all access that was read counts as many, too", calm(configured(map[string]string{"AccessReviewRemovalPercent": "0.5"})), func(o *office) {
		task := many(o) // 3 of 500
		o.is("held while it is parked", held(o), 3)
		o.is("asked", o.asked(task) > 0, true)
	})

	story(t, "so do those of all answers within an hour", calm(configured(map[string]string{"AccessReviewBreakerLimit": "3"})), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"), o.stray("E1020", "Zendesk Agents", "E1003"), o.stray("E1021", "GitHub Engineers", "E1002"), o.stray("E1019", "GitHub Engineers", "E1002"))
		first, second := o.taskOf("E1003"), o.taskOf("E1002")
		o.replies(first, "E1003", "all revoke")
		o.replies(second, "E1002", "all revoke") // ten minutes later
		o.graceEnds(second)
		o.is("the first", []int{o.asked(first), held(o)}, []int{0, 0})
		o.is("the second is parked", o.asked(second) > 0 && o.holdsGroup("E1021", "GitHub Engineers"), true)
	})

	story(t, "many revocations are dropped when the second person rejects them", strict, func(o *office) {
		task := many(o)
		o.answersOnceAsked(task, "E1006", snowsim.Rejected)
		time.Sleep(time.Hour)
		o.rests(reviews, task)
		o.is("held", held(o), 3)
		o.says(o.lastNote(task), "Not revoked: a second person has rejected it:")
	})

	story(t, "many revocations are dropped when nobody answers", strict, func(o *office) {
		task := many(o)
		o.days(4)
		o.rests(reviews, task)
		o.is("held", held(o), 3)
		o.says(o.lastNote(task), "Not revoked: no second person has agreed to it in time:")
	})

	free := calm(licensed())
	free.Parameters = strict.Parameters
	story(t, "parked revocations can be taken back", free, func(o *office) {
		task := many(o)
		o.saves(task, scenario.Login("E1003"), map[string]string{"state": taskOpen})
		time.Sleep(time.Hour)
		o.rests(reviews, task, "WaitForAnswer")
		for _, a := range o.ServiceNow.Approvals(task.SysID) {
			o.is("approval", a.State == "requested", false)
		}
		o.replies(task, "E1003", "1-2 keep\n3 revoke")
		o.graceEnds(task)
		o.is("held", held(o), 2)
	})
}

func TestAccessReviewDeadline(t *testing.T) {
	t.Parallel()
	due := time.Date(2000, 1, 15, 0, 0, 0, 0, time.UTC)

	story(t, "is reminded, goes one level up, and then the default decides", calm(configured(map[string]string{"AccessReviewRevokeUnanswered": "incompatible"})), func(o *office) {
		o.holds("E1020", "PagerDuty Responders", lease.RequestKey("RITM1"), time.Time{})
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"),
			asRequested(found(report.Incompatible, report.High, "E1020", "PagerDuty Responders", "E1003")))
		task := o.taskOf("E1003")
		time.Sleep(time.Until(due.Add(-72*time.Hour + time.Minute)))
		o.says(o.lastComment(task), "Reminder: 2 lines of access wait for your decision until 15 January 2000 00:00 UTC.")
		time.Sleep(time.Until(due.Add(time.Minute)))
		o.is("assigned to", o.Column(task, "assigned_to"), seed.PersonSysID("E1001"))
		o.is("due", o.Column(task, "due_date"), "2000-01-22 00:00:00")
		o.says(o.lastComment(task), "goes one level up, until 22 January 2000 00:00 UTC. After that, what nobody has decided about is kept, except what is flagged incompatible, which is revoked.")
		time.Sleep(time.Until(due.Add(7*24*time.Hour + time.Minute)))
		o.says(o.lastComment(task), "Nobody has answered in time", "1 to keep and 1 to revoke")
		o.is("before the grace is over", o.holdsGroup("E1020", "PagerDuty Responders"), true)
		o.graceEnds(task)
		o.is("held", []bool{o.holdsGroup("E1019", "Zendesk Agents"), o.holdsGroup("E1020", "PagerDuty Responders")}, []bool{true, false})
		o.is("kept without a reason", len(o.requestsOf("E1019")), 0)
		o.is("state", o.Column(task, "state"), taskComplete)
		o.is("reminders", o.commented(task, "Reminder:"), 2)
		o.days(8)
		o.is("campaign", o.campaignIs(), states.Succeeded)
		o.is("signed off by nobody", o.ofReview().SignedOff, "")
		o.says(o.lastNote(o.signOffTask()), "nobody has signed it off by")
	})

	story(t, "whom it went up to can still decide, even in the default's grace", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"))
		task := o.taskOf("E1003")
		time.Sleep(time.Until(due.Add(7*24*time.Hour + time.Hour)))
		o.replies(task, "E1001", "1 revoke")
		o.graceEnds(task)
		o.is("held", o.holdsGroup("E1019", "Zendesk Agents"), false)
	})

	story(t, "a reviewer who leaves is replaced, by the same date", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1013", "Zendesk Agents", "E1010"))
		task := o.taskOf("E1010")
		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1010"), map[string]string{"active": "false"})
		time.Sleep(13 * time.Hour)
		o.is("assigned to", o.Column(task, "assigned_to"), seed.PersonSysID("E1002"))
		o.is("due", o.Column(task, "due_date"), "2000-01-15 00:00:00")
	})

	story(t, "a reviewer who has left already is passed over", calm(scenario.Options{}), func(o *office) {
		o.ServiceNow.Update("sys_user", seed.PersonSysID("E1010"), map[string]string{"active": "false"})
		o.reviewed(o.stray("E1013", "Zendesk Agents", "E1010"))
		o.says(o.Column(o.taskOf("E1002"), "description"), "jonas.weber@example.com")
	})

	story(t, "somebody who is offboarded meanwhile has nothing left to revoke", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"))
		o.gone("E1019", nil)
		task := o.taskOf("E1003")
		o.replies(task, "E1003", "1 revoke")
		o.graceEnds(task)
		o.says(o.lastNote(task), "Gone already:")
		o.hasNothing(o.person("E1019"))
	})

	story(t, "keeping the access of somebody offboarded meanwhile gives it nobody", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1019", "Zendesk Agents", "E1003"))
		o.gone("E1019", nil)
		task := o.taskOf("E1003")
		o.replies(task, "E1003", "1 keep")
		o.graceEnds(task)
		o.says(o.lastNote(task), "Kept, and not there any more:")
		o.is("leases", len(o.requestsOf("E1019")), 0)
	})
}

func TestAccessReviewKinds(t *testing.T) {
	t.Parallel()

	story(t, "nobody can agree to what may not be held together", calm(scenario.Options{}), func(o *office) {
		o.reviewed(o.stray("E1026", "NetSuite Payment Approvers", "E1004"))
		task := o.taskOf("E1004")
		o.replies(task, "E1004", "1 keep")
		o.graceEnds(task)
		o.says(o.lastNote(task), "Kept, but not as an exception: it may not be held together with NetSuite Accountants")
		o.is("leases", len(o.requestsOf("E1026")), 0)
	})

	story(t, "roles, accounts and apps are taken away and read back; the protected are not", calm(scenario.Options{}), func(o *office) {
		role := found(report.AdminRole, report.High, seed.NumberHelpDesk, "IT", "Security Operations")
		roles := o.person(seed.NumberHelpDesk).Roles
		role.ID, role.Holding = "role", report.Holding{Kind: report.Role, ID: roles[0].ID, Name: roles[0].Type}
		account := found(report.Dormant, report.High, "E1042", "Legal", "Security Operations")
		account.ID, account.Holding = "account", report.Holding{Kind: report.Account, ID: seed.PersonOktaID("E1042"), Name: "account"}
		app := found(report.DirectAssignment, report.Low, "E1046", "Sales", "Security Operations")
		app.ID, app.Holding = "app", report.Holding{Kind: report.App, ID: seed.AppID(seed.AppSalesforce), Name: seed.AppSalesforce}
		glass := found(report.AdminRole, report.Critical, seed.NumberBreakGlass, "IT", "Security Operations")
		glass.ID, glass.Holding = "glass", report.Holding{Kind: report.Role, ID: o.person(seed.NumberBreakGlass).Roles[0].ID, Name: "SUPER_ADMIN"}
		o.reviewed(role, account, app, glass)
		task := o.taskOf("Security Operations")
		o.replies(task, "E1007", "all revoke")
		o.graceEnds(task)
		o.is("roles", len(o.person(seed.NumberHelpDesk).Roles), 0)
		o.is("account", fmt.Sprint(o.person("E1042").Status), "SUSPENDED")
		o.is("roles of the protected account", len(o.person(seed.NumberBreakGlass).Roles), 1)
		o.says(o.lastNote(task), "Removed and read back:\n- 1. role", "Cannot sign in any more, read back:\n- 2. account", "Not revoked: the account is protected")
	})
}
