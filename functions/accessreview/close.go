package accessreview

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/report"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// campaignLook is how the campaign stands: $.look.
type campaignLook struct {
	// Open tasks are waited for, until the campaign's end at the latest.
	Open        int `json:"open"`
	WaitSeconds int `json:"wait_seconds,omitempty"`
	// Waits is true while there is anything to wait for.
	Waits bool `json:"waits"`
}

// ReadCampaign takes custody again and counts the tasks whose answers are still
// waited for.
func (c *Campaign) ReadCampaign(ctx context.Context, st campaignState) (campaignLook, error) {
	// Taking it says that what woke us has been seen.
	if _, err := c.custodian.Take(ctx, st.Subject); err != nil {
		return campaignLook{}, err
	}
	tasks, err := c.store.listedTasks(ctx, st.review())
	if err != nil {
		return campaignLook{}, err
	}
	var look campaignLook
	for _, t := range tasks {
		if t.Open {
			look.Open++
		}
	}
	ahead := time.Until(st.Campaign.Ends)
	if look.Waits = look.Open > 0 && ahead > 0; look.Waits {
		look.WaitSeconds = seconds(min(ahead, c.settings.Look))
	}
	return look, nil
}

// decided are the findings with who decides about them and what they have decided
// so far.
func (c *Campaign) decided(ctx context.Context, review string, p plan) report.Findings {
	return func() iter.Seq2[report.Finding, error] {
		return func(yield func(report.Finding, error) bool) {
			people := map[string]string{}
			for f, err := range c.store.Decided(ctx, review)() {
				if err == nil && toDecide(f) {
					f.Reviewer = p.assignee(f)
				}
				if err == nil {
					f.Decision.By, err = c.login(ctx, f.Decision.By, people)
				}
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// login is a person's user name in ServiceNow, for readers of the report.
func (c *Campaign) login(ctx context.Context, id string, known map[string]string) (string, error) {
	if isGroup(id) { // nobody, or the policy
		return id, nil
	}
	if name, ok := known[id]; ok {
		return name, nil
	}
	person, err := c.servicenow.PersonBySysID(ctx, id)
	if err != nil && !fault.Is[*fault.NotFound](err) {
		return "", err
	}
	if known[id] = person.UserName; person.UserName == "" {
		known[id] = id
	}
	return known[id], nil
}

// report writes the report with what was decided so far, and the review with its
// figures.
func (c *Campaign) report(ctx context.Context, review report.Review, p plan) error {
	reviewers, err := c.reviewers(ctx, review, p)
	if err != nil {
		return err
	}
	review.Reviewers = reviewers
	m, err := report.Write(ctx, review, c.decided(ctx, review.ID, p), c.files(review.ID))
	if err != nil {
		return err
	}
	review.Figures = m.Figures
	return c.store.PutReview(ctx, review)
}

// reviewers are those who are asked, with their names and tasks.
func (c *Campaign) reviewers(ctx context.Context, review report.Review, p plan) ([]report.Reviewer, error) {
	numbers := map[string]string{}
	tasks, err := c.store.listedTasks(ctx, review.ID)
	if err != nil {
		return nil, err
	}
	for _, t := range tasks {
		q, err := c.store.asked(ctx, t.SysID)
		if err != nil {
			return nil, err
		}
		numbers[q.Reviewer] = t.Number
	}
	out := make([]report.Reviewer, 0, len(p.Asked))
	for _, r := range p.Asked {
		r.Task = numbers[r.ID]
		if r.Name, err = c.name(ctx, review, r.ID); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// name is what a reviewer is called: as the review says, else as ServiceNow does.
func (c *Campaign) name(ctx context.Context, review report.Review, reviewer string) (string, error) {
	for _, r := range review.Reviewers {
		if r.ID == reviewer && r.Name != "" {
			return r.Name, nil
		}
	}
	return c.login(ctx, reviewer, map[string]string{})
}

// Summarise writes the report with the decisions.
func (c *Campaign) Summarise(ctx context.Context, st campaignState) (workflow.Nothing, error) {
	review, p, err := c.underWay(ctx, st.review())
	if err != nil {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, c.report(ctx, review, p)
}

// AskSignOff puts the report onto the security team's task with a summary by
// control, and asks for it to be signed off.
func (c *Campaign) AskSignOff(ctx context.Context, st campaignState) (signOff, error) {
	review, err := c.store.Review(ctx, st.review())
	if err != nil {
		return signOff{}, err
	}
	m, err := report.ReadManifest(ctx, c.files(review.ID))
	if err != nil {
		return signOff{}, err
	}
	why := because(review.ID, "what was decided")
	if err := c.attachReport(ctx, st, "-decided", why); err != nil {
		return signOff{}, err
	}
	t, err := c.servicenow.Ticket(ctx, c.tasks.Kind, st.Security.SysID)
	if err != nil {
		return signOff{}, err
	}
	due := entered(ctx).Add(c.settings.SignOffWait)
	set := map[string]string{"due_date": due.Format(time.DateTime)}
	if !t.Unfinished() { // closed before there was anything to sign
		maps.Copy(set, c.tasks.Kind.Columns(servicenow.Open))
	}
	undone, err := c.undone(ctx, review.ID)
	if err != nil {
		return signOff{}, err
	}
	note := c.summary(review, st, m, undone) + fmt.Sprintf("\nPlease look at it and close this task by %s: that signs the review off.", moment(due))
	err = c.servicenow.Post(ctx, workflow.Ref(st.Security.Subject), servicenow.Posting{
		Key: "summary", Comment: note, Set: set,
	}, why)
	return signOff{Until: due}, err
}

// undone are the revocations that could not be carried out, each with why.
func (c *Campaign) undone(ctx context.Context, review string) ([]string, error) {
	var list []string
	for f, err := range c.store.Decided(ctx, review)() {
		if err != nil {
			return nil, err
		}
		if d := f.Decision; d.Answer == report.Revoke && (strings.HasPrefix(d.Outcome, "not revoked") || d.Outcome == remains) {
			list = append(list, fmt.Sprintf("%s %s of Okta user %s: %s", f.Holding.Kind, f.Holding.Name, f.Person.OktaID, d.Outcome))
		}
	}
	return list, nil
}

// summary tells what came of the review, with the controls that it is evidence
// for.
func (c *Campaign) summary(review report.Review, st campaignState, m report.Manifest, undone []string) string {
	f := review.Figures
	var b strings.Builder
	fmt.Fprintf(&b, "The decisions of access review %s are carried out.\n%d findings: %d to revoke, %d to keep, %d without a decision.\n",
		review.ID, st.Campaign.Findings, f.Answers[report.Revoke], f.Answers[report.Keep], f.Answers[report.None])
	if st.Look.Open > 0 {
		fmt.Fprintf(&b, "%d tasks could not be finished; they are listed in the report.\n", st.Look.Open)
	}
	for i, line := range undone {
		if i == mostProblems {
			fmt.Fprintf(&b, "- and %d more, in the report\n", len(undone)-i)
			break
		}
		fmt.Fprintf(&b, "- %s\n", line)
	}
	b.WriteString("Evidence by control:\n")
	for _, line := range report.ControlLines(review) {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	fmt.Fprintf(&b, "Manifest of the report: sha256 %s. Proof of each decision: the ledger's streams of the reviewers' tasks.\n", m.Hash())
	return b.String()
}

// signOff is how signing off stands: $.sign_off.
type signOff struct {
	Until       time.Time `json:"until,omitzero"`
	Waits       bool      `json:"waits"`
	WaitSeconds int       `json:"wait_seconds,omitempty"`
	// By is the sys_id of who has signed it off; At when.
	By string    `json:"by,omitempty"`
	At time.Time `json:"at,omitzero"`
}

// ReadSignOff reads whether the security team has closed its task.
func (c *Campaign) ReadSignOff(ctx context.Context, st campaignState) (signOff, error) {
	if _, err := c.custodian.Take(ctx, st.Subject); err != nil {
		return signOff{}, err
	}
	t, err := c.servicenow.Ticket(ctx, c.tasks.Kind, st.Security.SysID)
	if err != nil {
		return signOff{}, err
	}
	out := signOff{Until: st.SignOff.Until}
	ahead := time.Until(out.Until)
	switch {
	case !t.Unfinished():
		out.By, out.At = t.Value("closed_by"), t.Updated
	case ahead > 0:
		out.Waits, out.WaitSeconds = true, seconds(min(ahead, c.settings.Look))
	}
	return out, nil
}

// CloseCampaign writes who has signed the review off into the review and the
// report.
func (c *Campaign) CloseCampaign(ctx context.Context, st campaignState) (workflow.Nothing, error) {
	review, p, err := c.underWay(ctx, st.review())
	if err != nil {
		return workflow.Nothing{}, err
	}
	if review.Closed.IsZero() {
		review.Closed = entered(ctx)
	}
	who, err := c.login(ctx, st.SignOff.By, map[string]string{})
	if err != nil {
		return workflow.Nothing{}, err
	}
	if who != "" {
		review.SignedOff = fmt.Sprintf("%s, %s (%s)", who, moment(st.SignOff.At), st.Security.Number)
	}
	return workflow.Nothing{}, c.report(ctx, review, p)
}

// TellClosed puts the signed report onto the security team's task, and notes the
// hash of the whole in the ledger.
func (c *Campaign) TellClosed(ctx context.Context, st campaignState) (workflow.Nothing, error) {
	review, err := c.store.Review(ctx, st.review())
	if err != nil {
		return workflow.Nothing{}, err
	}
	m, err := report.ReadManifest(ctx, c.files(review.ID))
	if err != nil {
		return workflow.Nothing{}, err
	}
	_, err = c.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: "access_review.closed", Target: st.Stream(), Reason: because(review.ID, ""),
		After: map[string]any{"signed_off_by": st.SignOff.By, "manifest": m.Hash(), "answers": review.Figures.Answers},
	})
	if err != nil {
		return workflow.Nothing{}, err
	}
	why := because(review.ID, "closed")
	if err := c.attachReport(ctx, st, "-signed-off", why); err != nil {
		return workflow.Nothing{}, err
	}
	note := servicenow.Posting{Key: "closed"}
	switch {
	case st.SignOff.By != "":
		note.WorkNote = fmt.Sprintf("The access review %s is closed and signed off.", review.ID)
	default:
		note.WorkNote = fmt.Sprintf("The access review %s is closed; nobody has signed it off by %s.", review.ID, moment(st.SignOff.Until))
		note.Set = c.tasks.Kind.Columns(servicenow.Resolved)
		note.Set["close_notes"] = note.WorkNote
	}
	note.WorkNote += " Manifest of the report: sha256 " + m.Hash() + "."
	return workflow.Nothing{}, c.servicenow.Post(ctx, workflow.Ref(st.Security.Subject), note, why)
}

// ReleaseCampaign gives custody of the review back: it is over.
func (c *Campaign) ReleaseCampaign(ctx context.Context, st campaignState) (workflow.Nothing, error) {
	return workflow.Nothing{}, c.tasks.LetGo(ctx, st.Subject)
}
