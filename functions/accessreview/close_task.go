package accessreview

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/report"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// CloseTask tells on the task what came of each line, closes it if nobody has, and
// lets the campaign know.
func (c *Campaign) CloseTask(ctx context.Context, st taskState) (workflow.Outcome, error) {
	q, list, err := c.opened(ctx, st.Subject)
	if err != nil {
		return workflow.Outcome{}, err
	}
	note, err := c.outcomes(ctx, q, list)
	if err != nil {
		return workflow.Outcome{}, err
	}
	p := servicenow.Posting{Key: fmt.Sprintf("carried out/%d", q.Round), WorkNote: note}
	if q.Answer != nil && q.Answer.By == "" {
		p.Set = c.closing()
	}
	if err := c.servicenow.Post(ctx, workflow.Ref(st.Subject), p, q.why()); err != nil {
		return workflow.Outcome{}, err
	}
	if q.Final = st.Ticket.Fingerprint; len(p.Set) > 0 {
		t, err := c.servicenow.Ticket(ctx, c.tasks.Kind, st.SysID)
		if err != nil {
			return workflow.Outcome{}, err
		}
		q.Final = t.Fingerprint()
	} else if q.Answer != nil {
		q.Final = q.Answer.Fingerprint
	}
	if err := c.store.keep(ctx, st.SysID, q); err != nil {
		return workflow.Outcome{}, err
	}
	if err := c.store.list(ctx, q.Review, st.Subject, false); err != nil {
		return workflow.Outcome{}, err
	}
	return workflow.Outcome{How: workflow.Resolved, Fingerprint: q.Final}, c.custodian.Nudge(ctx, reviewSubject(q.Review))
}

// closing are the columns that close a reviewer's task. What somebody has written
// into its closing notes stays.
func (c *Campaign) closing() map[string]string {
	set := c.tasks.Kind.Columns(servicenow.Resolved)
	delete(set, c.tasks.Kind.Fields["decisions"])
	return set
}

// outcomes lists what became of each line, the same together.
func (c *Campaign) outcomes(ctx context.Context, q question, list []report.Finding) (string, error) {
	var b strings.Builder
	if q.Answer != nil && q.Answer.By == "" {
		b.WriteString("Nobody has answered in time, so that the deadline has decided.\n")
	} else {
		b.WriteString("The decisions are carried out.\n")
	}
	numbers := map[string][]int{}
	var order []string
	for i, f := range list {
		d, err := c.store.Decision(ctx, q.Review, f.ID)
		if err != nil {
			return "", err
		}
		if _, seen := numbers[d.Outcome]; !seen {
			order = append(order, d.Outcome)
		}
		numbers[d.Outcome] = append(numbers[d.Outcome], i+1)
	}
	slices.Sort(order)
	for _, outcome := range order {
		of := numbers[outcome]
		if len(of) > mostNamed {
			fmt.Fprintf(&b, "%s: %d lines\n", sentence(outcome), len(of))
			continue
		}
		fmt.Fprintf(&b, "%s:\n", sentence(outcome))
		for _, n := range of {
			f := list[n-1]
			fmt.Fprintf(&b, "- %d. %s %s of %s\n", n, f.Holding.Kind, f.Holding.Name, f.Person.Login)
		}
	}
	fmt.Fprintf(&b, "Proof: the ledger's stream of this task, from its first record on.")
	return b.String(), nil
}

// mostNamed keeps a note readable.
const mostNamed = 100

func sentence(s string) string {
	if s == "" {
		return "Undecided"
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// TellTaskFailure says on the task what failed for good and what to do about it.
// Its state stays: whoever reopened it here would be taken for its reader.
func (c *Campaign) TellTaskFailure(ctx context.Context, st taskState) (workflow.Outcome, error) {
	group, err := c.servicenow.GroupSysID(ctx, c.tasks.Kind.EscalationGroup)
	if err != nil {
		return workflow.Outcome{}, err
	}
	failure := workflow.Failure{}
	if st.Error != nil {
		failure = *st.Error
	}
	task, _ := workflow.TaskOf(ctx)
	note := fmt.Sprintf("The answer could not be carried out: %s\nWhat was done up to there stands in the ledger under %s. "+
		"When the cause is mended, save this task again (any change will do) and it goes on: what is done already is not repeated.", failure.Message(), st.Stream())
	return workflow.Outcome{How: workflow.Failed}, c.servicenow.Post(ctx, workflow.Ref(st.Subject), servicenow.Posting{
		Key: task.Name() + "/failed/" + failure.Error, WorkNote: note, Set: map[string]string{"assignment_group": group},
	}, audit.Reason{Kind: "failure", Ref: st.Number, Text: failure.Error})
}
