package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
	"lifecycle/shared/report"
)

// TestAccessReviewAnswersRandomly has reviewers answer, take back, answer
// unclearly and change their minds at any time, while webhooks are lost, doubled
// and late. Whatever happens, what Okta shows in the end is what was decided, each
// task tells one outcome, and nothing is taken away before its grace is over.
func TestAccessReviewAnswersRandomly(t *testing.T) {
	t.Parallel()
	runs := 6
	if testing.Short() {
		runs = 1
	}
	for run := range runs {
		dice := rand.New(rand.NewPCG(uint64(run), 11))
		options := restful() // the sweep does not help: each execution looks itself
		options.Mishap = func(m snowsim.Message) snowsim.Mishap {
			created := strings.Contains(string(m.Body), `"created"`)
			return snowsim.Mishap{Lose: !created && dice.IntN(4) == 0, Copies: dice.IntN(2), Late: time.Duration(dice.IntN(3)) * time.Minute}
		}
		t.Run(fmt.Sprintf("run %d", run), func(t *testing.T) {
			t.Parallel()
			inOffice(t, options, func(o *office) { o.decidesAtRandom(dice) })
		})
	}
}

// reviewersOf are who is asked in these stories, with people of theirs.
var reviewersOf = map[string][]string{"E1003": {"E1019", "E1020", "E1021"}, "E1002": {"E1014", "E1015"}, "E1005": {"E1028"}}

func (o *office) decidesAtRandom(dice *rand.Rand) {
	o.t.Helper()
	var list []report.Finding
	for _, reviewer := range []string{"E1002", "E1003", "E1005"} {
		for _, number := range reviewersOf[reviewer] {
			list = append(list, o.stray(number, "Zendesk Agents", reviewer))
		}
	}
	o.reviewed(list...)
	for range 4 + dice.IntN(8) {
		for reviewer, people := range reviewersOf {
			if dice.IntN(2) == 0 {
				o.meddlesWith(dice, o.taskOfEver(reviewer), reviewer, len(people))
			}
		}
		time.Sleep(time.Duration(1+dice.IntN(30)) * time.Hour)
	}
	for end := time.Now().Add(40 * 24 * time.Hour); o.campaignIs() != states.Succeeded && time.Now().Before(end); {
		time.Sleep(12 * time.Hour)
	}
	o.is("campaign", o.campaignIs(), states.Succeeded)
	o.holdsWhatWasDecided()
}

// taskOfEver is a reviewer's task, also when it has gone up since.
func (o *office) taskOfEver(reviewer string) scenario.Ticket {
	o.t.Helper()
	return o.onlyTask("correlation_display=Access review^descriptionLIKE" + scenario.Login(reviewersOf[reviewer][0]))
}

// meddlesWith does to a task what people do.
func (o *office) meddlesWith(dice *rand.Rand, task scenario.Ticket, reviewer string, lines int) {
	o.t.Helper()
	columns := map[string]string{}
	switch dice.IntN(5) {
	case 0:
		columns["state"] = taskOpen
	case 1:
		columns["state"], columns["close_notes"] = taskComplete, "fine with me"
	case 2:
		columns["close_notes"] = "all revoke"
	default:
		var answer []string
		for n := range lines {
			answer = append(answer, fmt.Sprintf("%d %s", n+1, []string{"keep", "revoke"}[dice.IntN(2)]))
		}
		columns["state"], columns["close_notes"] = taskComplete, strings.Join(answer, "\n")
	}
	o.saves(task, scenario.Login(reviewer), columns)
}

// holdsWhatWasDecided compares what was decided with what Okta shows, what the
// tasks tell and when it was done.
func (o *office) holdsWhatWasDecided() {
	o.t.Helper()
	decided := o.decisions()
	for reviewer, people := range reviewersOf {
		task := o.taskOfEver(reviewer)
		o.is("outcomes told on "+task.Number, o.noted(task, "Proof: the ledger's stream"), 1)
		answered, taken := time.Time{}, map[string]bool{}
		for _, r := range o.records(task) {
			switch {
			case r.Verb == "access_review.answered":
				answered = r.At
			case r.Verb == "group.remove" && r.Phase == audit.Intent:
				taken[r.Subject] = true
				if r.At.Before(answered.Add(24*time.Hour - time.Minute)) {
					o.t.Errorf("%s took something away %s after it was answered", task.Number, r.At.Sub(answered))
				}
			}
		}
		for _, number := range people {
			told := decided[scenario.Login(number)+" Zendesk Agents"]
			revoked := strings.HasPrefix(told, "revoke")
			o.is(number+" is decided about", strings.HasPrefix(told, "keep") || revoked && strings.HasSuffix(told, "removed and read back"), true)
			o.is(number+", decided "+told, []bool{o.holdsGroup(number, "Zendesk Agents"), taken[seed.PersonOktaID(number)]}, []bool{!revoked, revoked})
		}
	}
}
