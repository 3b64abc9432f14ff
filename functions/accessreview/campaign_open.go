package accessreview

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/report"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// openedTasks is how far the tasks have been opened: $.opened.
type openedTasks struct {
	Next int  `json:"next"`
	Done bool `json:"done"`
}

// One step opens so many tasks, or so many lines on them, whichever comes first:
// as much as fits into the time and the memory of a function.
const (
	tasksAtOnce = 20
	linesAtOnce = 5000
)

// OpenTasks opens the tasks of the next reviewers, each with its lines, riskiest
// first, and with a page of its own that tells about nobody else.
func (c *Campaign) OpenTasks(ctx context.Context, st campaignState) (openedTasks, error) {
	review, p, err := c.underWay(ctx, st.review())
	if err != nil {
		return openedTasks{}, err
	}
	slice, total := map[string][]report.Finding{}, 0
	next := st.Opened.Next
	for ; next < len(p.Asked) && len(slice) < tasksAtOnce; next++ {
		r := p.Asked[next]
		if total += r.Count; total > linesAtOnce && len(slice) > 0 {
			break
		}
		slice[r.ID] = nil
	}
	for f, err := range c.store.Findings(ctx, review.ID)() {
		if err != nil {
			return openedTasks{}, err
		}
		who := p.assignee(f)
		if _, ours := slice[who]; ours && toDecide(f) {
			f.Reviewer = who
			slice[who] = append(slice[who], f)
		}
	}
	for _, r := range p.Asked[st.Opened.Next:next] {
		if err := c.openTask(ctx, st, review, r, slice[r.ID]); err != nil {
			return openedTasks{}, err
		}
	}
	return openedTasks{Next: next, Done: next >= len(p.Asked)}, nil
}

// underWay reads the review and the plan of its campaign.
func (c *Campaign) underWay(ctx context.Context, id string) (report.Review, plan, error) {
	review, err := c.store.Review(ctx, id)
	if err != nil {
		return report.Review{}, plan{}, err
	}
	p, err := c.planned(ctx, id)
	return review, p, err
}

// openTask opens one task, once for each reviewer and review.
func (c *Campaign) openTask(ctx context.Context, st campaignState, review report.Review, r report.Reviewer, lines []report.Finding) error {
	q := question{
		Review: review.ID, Reviewer: r.ID, As: r.As, Count: len(lines), Parent: st.Security.Subject, Read: review.Read,
		Responsible: r.ID, Due: st.Campaign.Began.Add(c.settings.DecisionWait), Holdings: review.Figures.Memberships + review.Figures.Assignments,
	}
	content, err := ndjson(lines)
	if err != nil {
		return err
	}
	q.SHA256 = hashOf(content)
	if err := c.store.write(ctx, linesKey(review.ID, r.ID), "application/x-ndjson", content); err != nil {
		return err
	}
	values := map[string]string{
		"correlation_display": servicenow.AccessReviewMark, "parent": st.Security.SysID, "due_date": q.Due.Format(time.DateTime),
		"short_description": fmt.Sprintf("Keep or revoke: %d lines of access (review %s)", len(lines), review.ID),
		"description":       c.text(q, lines),
	}
	if err := c.hand(ctx, values, r.ID); err != nil {
		return err
	}
	why := because(review.ID, "asked as "+r.As)
	made, err := c.servicenow.CreateTask(ctx, servicenow.NewTask{Table: c.tasks.Kind.Table, Key: taskKey(review.ID, r.ID), Values: values}, why)
	if err != nil {
		return err
	}
	task := workflow.Subject{Table: made.Table, SysID: made.SysID, Number: made.Number}
	r.Task = made.Number
	if r.Name, err = c.name(ctx, review, r.ID); err != nil {
		return err
	}
	if err := c.attach(ctx, made.Ref, review, r, lines, why); err != nil {
		return err
	}
	return c.ask(ctx, task, q)
}

// ask notes what a task asks: in the task's own stream of the ledger, and where
// whoever works on it looks.
func (c *Campaign) ask(ctx context.Context, task workflow.Subject, q question) error {
	known, err := c.store.asked(ctx, task.SysID)
	if err != nil || known.Review != "" {
		return err
	}
	trail, _ := audit.TrailOf(ctx)
	trail.Stream, trail.Ticket = task.Stream(), task.Number
	_, err = c.ledger.Fact(audit.WithTrail(ctx, trail), audit.Change{
		System: "lifecycle", Verb: "access_review.asked", Target: task.Stream(), Reason: because(q.Review, "asked as "+q.As),
		After: map[string]any{"reviewer": q.Reviewer, "lines": q.Count, "sha256": q.SHA256, "due": q.Due, "sign_off": q.SignOff},
	})
	if err != nil {
		return err
	}
	if err := c.store.list(ctx, q.Review, task, !q.SignOff); err != nil {
		return err
	}
	return c.store.keep(ctx, task.SysID, q)
}

// taskKey is a task's correlation_id.
func taskKey(review, reviewer string) string {
	sum := sha256.Sum256([]byte(review + "\n" + reviewer))
	return "access-review/" + hex.EncodeToString(sum[:16])
}

// linesKey is where the lines of a reviewer's task are kept, in their order.
func linesKey(review, reviewer string) string {
	sum := sha256.Sum256([]byte(reviewer))
	return "reviews/" + review + "/tasks/" + hex.EncodeToString(sum[:8]) + ".ndjson"
}

func ndjson(findings []report.Finding) ([]byte, error) {
	var b bytes.Buffer
	for _, f := range findings {
		line, err := json.Marshal(f)
		if err != nil {
			return nil, &fault.Invalid{Message: "the finding " + f.ID + " cannot be written", Cause: err}
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes(), nil
}

// lines reads the lines of a task, as they were when it was opened.
func (c *Campaign) lines(ctx context.Context, q question) ([]report.Finding, error) {
	place := linesKey(q.Review, q.Reviewer)
	content, err := c.unaltered(ctx, place, q.SHA256)
	if err != nil {
		return nil, err
	}
	var list []report.Finding
	for f, err := range lines[report.Finding](bytes.NewReader(content), c.store.place(place)) {
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// unaltered reads an object whose hash is known.
func (c *Campaign) unaltered(ctx context.Context, key, hash string) ([]byte, error) {
	content, err := c.store.read(ctx, key)
	if err == nil && hashOf(content) != hash {
		err = &fault.Conflict{Message: c.store.place(key) + " was altered after it was written: its hash is not the one in the ledger. Restore the version that has it"}
	}
	return content, err
}

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// each hands over findings that are in memory.
func each(list []report.Finding) report.Findings {
	return func() iter.Seq2[report.Finding, error] {
		return func(yield func(report.Finding, error) bool) {
			for _, f := range list {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

// attach puts the reviewer's own page on the task, and all lines with their
// numbers where the description does not hold them.
func (c *Campaign) attach(ctx context.Context, task servicenow.Ref, review report.Review, r report.Reviewer, list []report.Finding, why audit.Reason) error {
	page, err := c.page(ctx, review, r, list)
	if err != nil {
		return err
	}
	if err := c.servicenow.Attach(ctx, task, report.PageFile, "text/html", page, why); err != nil {
		return err
	}
	var all strings.Builder
	for n, f := range list {
		fmt.Fprintf(&all, "%s\n", lineOf(n+1, f))
	}
	return c.servicenow.Attach(ctx, task, "lines.txt", "text/plain", []byte(all.String()), why)
}

// page is the reviewer's own page. It is written once: the time of writing stands
// in it, and a page that differs would be attached a second time.
func (c *Campaign) page(ctx context.Context, review report.Review, r report.Reviewer, list []report.Finding) ([]byte, error) {
	key := strings.TrimSuffix(linesKey(review.ID, r.ID), ".ndjson") + ".html"
	written, err := c.store.read(ctx, key)
	if !fault.Is[*fault.NotFound](err) {
		return written, err
	}
	review.Reviewers = []report.Reviewer{r}
	var page bytes.Buffer
	if err := report.WriteReviewer(&page, review, each(list), r.ID); err != nil {
		return nil, err
	}
	return page.Bytes(), c.store.write(ctx, key, "text/html; charset=utf-8", page.Bytes())
}

// longestDescription is what a task's description holds, in characters.
const longestDescription = 4000

// text is what the reviewer reads: how to answer, then the lines, as many as fit.
func (c *Campaign) text(q question, list []report.Finding) string {
	var head, body strings.Builder
	fmt.Fprintf(&head, "An access review (%s) found what is listed here, riskiest first. Please keep or revoke each: write one line for each number into the closing notes, "+
		"such as\n1 keep\n2 revoke\n3-%d keep\nor \"all keep\" with exceptions below it, and close this task by %s. What is revoked is taken away %s after you have closed it; until then, opening the task again takes everything back. "+
		"Without an answer it goes to your own manager, who has %s; after that, %s.\n\n",
		q.Review, max(4, len(list)), moment(q.Due), span(c.settings.Grace), span(c.settings.EscalationWait), c.consequence())
	const more = "\n… and %d more, with the same numbering, in the attached lines.txt and " + report.PageFile
	room := longestDescription - len([]rune(head.String())) - len(more) - 10
	for n, f := range list {
		line := lineOf(n+1, f)
		if room -= len([]rune(line)) + 1; room < 0 {
			fmt.Fprintf(&body, more, len(list)-n)
			break
		}
		body.WriteString(line + "\n")
	}
	return head.String() + strings.TrimRight(body.String(), "\n")
}

// consequence says what becomes of access that nobody decides about.
func (c *Campaign) consequence() string {
	if len(c.settings.RevokeUnanswered) == 0 {
		return "what nobody has decided about is kept"
	}
	flags := make([]string, len(c.settings.RevokeUnanswered))
	for i, f := range c.settings.RevokeUnanswered {
		flags[i] = string(f)
	}
	slices.Sort(flags)
	return "what nobody has decided about is kept, except what is flagged " + strings.Join(flags, ", ") + ", which is revoked"
}

// lineOf is a finding as a numbered line: whose access, why it is here, when it
// was last used, where it comes from.
func lineOf(n int, f report.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d. [%s] %s: %s %s", n, f.Risk, f.Person.Login, f.Holding.Kind, f.Holding.Name)
	if f.Holding.Via != "" {
		fmt.Fprintf(&b, " (through %s)", f.Holding.Via)
	}
	fmt.Fprintf(&b, " - %s", f.Flag)
	if len(f.Evidence) > 0 {
		fmt.Fprintf(&b, ": %s", strings.TrimRight(f.Evidence[0], "."))
	}
	b.WriteString(". Last sign-in: ")
	if f.Person.LastSignIn.IsZero() {
		b.WriteString("never")
	} else {
		b.WriteString(day(f.Person.LastSignIn))
	}
	fmt.Fprintf(&b, ". Origin: %s.", origin(f.Origin))
	if f.Suggested != report.None {
		fmt.Fprintf(&b, " Suggested: %s.", f.Suggested)
	}
	return b.String()
}

func origin(o report.Origin) string {
	text := o.Kind
	if text == "" {
		text = "unknown"
	}
	if o.Ref != "" {
		text += " " + o.Ref
	}
	if !o.At.IsZero() {
		text += ", " + day(o.At)
	}
	if !o.Until.IsZero() {
		text += ", until " + day(o.Until)
	}
	return text
}

// span is a duration in days where it is whole days.
func span(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	switch {
	case d%(24*time.Hour) != 0 || n == 0:
		return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
	case n == 1:
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}
