package e2e_test

import (
	"time"

	"lifecycle/shared/lease"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
	"lifecycle/shared/report"
)

// reviewProcesses are those of an access review's campaign whose every call goes
// wrong once.
func reviewProcesses() []process {
	hours := func(more ...string) (o scenario.Options) { // fewer than until the schedules run
		o.Parameters = map[string]string{"AccessReviewGrace": "1h", "AccessReviewDecisionWait": "4h", "AccessReviewEscalationWait": "2h", "AccessReviewSignOffWait": "1h"}
		for i := 0; i < len(more); i += 2 {
			o.Parameters[more[i]] = more[i+1]
		}
		return o
	}
	prepare := func(o *office) {
		o.strays("E1019", "Zendesk Agents", "E1020", "Zendesk Agents")
		o.holds("E1019", "PagerDuty Responders", lease.RequestKey("RITM1"), time.Time{})
		o.plants(
			found(report.Unapproved, report.High, "E1019", "Zendesk Agents", "E1003"),
			asRequested(found(report.Dormant, report.Medium, "E1019", "PagerDuty Responders", "E1003")),
			found(report.Unapproved, report.Low, "E1020", "Zendesk Agents", "E1003"),
		)
	}
	return []process{
		{
			name: "campaign of an access review, signed off", machine: reviews, login: scenario.Login("E1019"), options: hours(), every: 8, prepare: prepare,
			play: func(o *office) scenario.Ticket {
				o.campaign()
				task := o.appears("Keep or revoke")
				o.until("the questions are put", func() bool { return o.campaignIs() == "WaitForAnswers" })
				o.saves(task, scenario.Login("E1003"), map[string]string{"state": taskComplete, "close_notes": "1 revoke\n2-3 keep"})
				o.until("it waits to be signed off", func() bool { return o.campaignIs() == "WaitForSignOff" })
				o.saves(o.signOffTask(), scenario.Login("E1007"), map[string]string{"state": taskComplete, "close_notes": "Seen."})
				o.until("it is over", func() bool { return o.campaignIs() == states.Succeeded })
				if o.ofReview().SignedOff == "" {
					o.t.Error("nobody has signed it off")
				}
				return task
			},
		},
		{
			name: "answer to an access review that a second person has to agree to", machine: reviews, login: scenario.Login("E1019"),
			options: hours("AccessReviewRemovalLimit", "1"), every: 13, prepare: prepare,
			play: func(o *office) scenario.Ticket {
				o.campaign()
				task := o.appears("Keep or revoke")
				o.saves(task, scenario.Login("E1003"), map[string]string{"state": taskComplete, "close_notes": "all revoke"})
				o.answersOnceAsked(task, "E1007", snowsim.Approved)
				return task
			},
		},
		{
			name: "access review that nobody answers", machine: reviews, login: scenario.Login("E1019"),
			options: hours("AccessReviewRevokeUnanswered", "dormant"), every: 13, prepare: prepare,
			play: func(o *office) scenario.Ticket {
				o.campaign()
				task := o.appears("Keep or revoke")
				o.until("it is over", func() bool { return o.campaignIs() == states.Succeeded })
				return task
			},
		},
	}
}

// appears waits for the one task of the review with such a title.
func (o *office) appears(title string) scenario.Ticket {
	o.t.Helper()
	query := "correlation_display=Access review^short_descriptionLIKE" + title
	o.until("a task appears", func() bool { return len(o.ServiceNow.Query("sc_task", query+"^short_descriptionLIKE"+theReview)) > 0 })
	return o.onlyTask(query)
}

// until waits for something, for a day at most.
func (o *office) until(what string, so func() bool) {
	o.t.Helper()
	for end := time.Now().Add(24 * time.Hour); !so(); time.Sleep(time.Minute) {
		if time.Now().After(end) {
			o.t.Fatalf("waited for a day until %s: the campaign is at %s", what, o.campaignIs())
		}
	}
}
