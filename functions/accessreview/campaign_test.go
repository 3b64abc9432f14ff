package accessreview

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/report"
	"lifecycle/shared/workflow"
)

// TestCampaignMachines holds the steps that the campaign's state machines ask for
// against those that there are.
func TestCampaignMachines(t *testing.T) {
	t.Parallel()
	var asked []string
	for _, name := range []string{"access-review-campaign", "access-review-task"} {
		text, err := os.ReadFile("../../statemachines/" + name + ".asl.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`"step": "(\w+)"`).FindAllSubmatch(text, -1) {
			asked = append(asked, string(found[1]))
		}
	}
	slices.Sort(asked)
	table := workflow.NewSteps("accessreview", nil)
	(&Campaign{tasks: &workflow.Tickets{}}).Register(table)
	if diff := cmp.Diff(slices.Compact(asked), table.Names()); diff != "" {
		t.Errorf("-asked for by the state machines +registered:\n%s", diff)
	}
}

func TestAssignee(t *testing.T) {
	t.Parallel()
	const manager, director = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	p := plan{Stands: map[string]string{manager: manager, "Security": "Security", "": "Fallback"}, Above: map[string]string{manager: director}}
	for name, c := range map[string]struct {
		reviewer, about, want string
	}{
		"the reviewer": {manager, "somebody", manager},
		"the next in line about the reviewer's own": {manager, manager, director},
		"a group":                                  {"Security", "somebody", "Security"},
		"the fallback where nobody is named":       {"", "somebody", "Fallback"},
		"the fallback, also where nobody is known": {"", "", "Fallback"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := p.assignee(report.Finding{Reviewer: c.reviewer, Person: report.Person{ServiceNowID: c.about}}); got != c.want {
				t.Errorf("it is %s", got)
			}
		})
	}
}

// TestDescription holds that a description fits into the column, whatever is
// listed, and says what it leaves out.
func TestDescription(t *testing.T) {
	t.Parallel()
	c := &Campaign{settings: CampaignSettings{Grace: 24 * time.Hour, EscalationWait: 7 * 24 * time.Hour, RevokeUnanswered: []report.Flag{report.Leaver, report.Overdue}}}
	for n, want := range map[int]string{0: "", 1: "1. [high] mé@example.com", 3: "3. [high]", 400: "more, with the same numbering"} {
		var list []report.Finding
		for range n {
			list = append(list, report.Finding{
				Flag: report.Unapproved, Risk: report.High, Person: report.Person{Login: "mé@example.com"},
				Holding: report.Holding{Kind: report.Group, Name: "Zendesk Agents"}, Evidence: []string{"No rule gives it."},
			})
		}
		text := c.text(question{Review: "r", Count: n}, list)
		if len([]rune(text)) > longestDescription || !strings.Contains(text, want) || !strings.Contains(text, "except what is flagged leaver, overdue") {
			t.Errorf("%d lines, %d characters: %s", n, len([]rune(text)), text)
		}
	}
}

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	list := []report.Finding{{Person: report.Person{ServiceNowID: "a"}}, {Person: report.Person{ServiceNowID: "b"}}}
	got, problems := readAnswer("all keep; revoke 2 - he has left the team", list, "c")
	want := []taken{{report.Keep, "all keep"}, {report.Revoke, "revoke 2 - he has left the team"}}
	if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
		t.Errorf("%q %s", problems, diff)
	}
	if got, problems := readAnswer("all keep", list, "b"); got != nil || len(problems) != 1 || !strings.Contains(problems[0], "number 2 is about") {
		t.Errorf("about the own access: %v, %q", got, problems)
	}
}

func TestCampaignSettings(t *testing.T) {
	t.Parallel()
	if err := (CampaignSettings{RevokeUnanswered: []report.Flag{report.Leaver, report.NotDelivered}}).check(); err != nil {
		t.Error(err)
	}
	if err := (CampaignSettings{RevokeUnanswered: []report.Flag{"all"}}).check(); err == nil {
		t.Error("a flag that there is not is taken")
	}
}

// TestPageNumbers holds that a reviewer's page numbers the lines as the task does:
// answers are composed on the page and read by the task.
func TestPageNumbers(t *testing.T) {
	t.Parallel()
	const reviewer = "0123456789abcdef0123456789abcdef"
	var list []report.Finding
	for i, risk := range []report.Risk{report.Critical, report.High, report.High, report.Low} {
		list = append(list, report.Finding{
			ID: fmt.Sprint(i), Flag: report.Unapproved, Risk: risk, Standing: report.Open, Reviewer: reviewer,
			Person: report.Person{Login: fmt.Sprintf("person-%d@example.com", i+1), Name: fmt.Sprintf("Person %d", i+1)}, Holding: report.Holding{Kind: report.Group, Name: "Zendesk Agents"},
		})
	}
	var page bytes.Buffer
	review := report.Review{ID: "r", Reviewers: []report.Reviewer{{ID: reviewer, Name: "Isabel", As: "manager", Task: "SCTASK1"}}}
	if err := report.WriteReviewer(&page, review, each(list), reviewer); err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`data-no="(\d+)"[\s\S]*?Person (\d)`).FindAllSubmatch(page.Bytes(), -1)
	for _, row := range rows {
		if string(row[1]) != string(row[2]) || !strings.Contains(lineOf(int(row[1][0]-'0'), list[row[1][0]-'1']), "person-"+string(row[2])) {
			t.Errorf("number %s of the page is number %s of the task", row[1], row[2])
		}
	}
	if len(rows) != len(list) || !strings.Contains(page.String(), "SCTASK1") {
		t.Errorf("%d rows", len(rows))
	}
}
