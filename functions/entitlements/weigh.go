package entitlements

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// task is the ServiceNow task that tells of the change, and that people decide
// on: $.task.
type task struct {
	Table  string `json:"table,omitempty"`
	SysID  string `json:"sys_id,omitempty"`
	Number string `json:"number,omitempty"`
}

func (t task) ref() servicenow.Ref { return servicenow.Ref{Table: t.Table, SysID: t.SysID} }

// OpenTask makes the task of this execution.
func (s *Steps) OpenTask(ctx context.Context, st changing) (task, error) {
	running, err := currentTask(ctx)
	if err != nil {
		return task{}, err
	}
	group, err := s.servicenow.GroupSysID(ctx, s.settings.Group)
	if err != nil {
		return task{}, err
	}
	what := "Rules " + st.Number + " are to come into force."
	if changeOf(st.SysID).plan == "" {
		what = "Rules " + st.Number + " are looked at; nothing is changed."
	}
	made, err := s.servicenow.CreateTask(ctx, servicenow.NewTask{Table: servicenow.RulesChangeKind().Table, Key: "rules/" + running.Name(), Values: map[string]string{
		"correlation_display": servicenow.RulesChangeMark, "assignment_group": group,
		"short_description": "Change of the access rules to " + st.Number, "description": what + " The work notes tell what it would do to whom.",
	}}, reason(st))
	return task{Table: made.Table, SysID: made.SysID, Number: made.Number}, err
}

// weighed is what the change comes to: $.change.
type weighed struct {
	// Verdict is one of the constants below.
	Verdict string `json:"verdict"`
	Current string `json:"current,omitempty"`
	// ETag is that of the rules in force when it was weighed.
	ETag string `json:"etag,omitempty"`
	Hash string `json:"hash,omitempty"`
	// Prefix is where the parts of the plan are kept, Parts how many there are.
	Prefix string `json:"prefix,omitempty"`
	Parts  int    `json:"parts,omitempty"`

	People  int `json:"people,omitempty"`
	Granted int `json:"granted,omitempty"`
	Removed int `json:"removed,omitempty"`
	Losers  int `json:"losers,omitempty"`
}

// Verdicts: $.change.verdict.
const (
	// looked: no plan was named, so that it is only looked at.
	looked = "looked"
	// stale: the plan is not the one that was looked at.
	stale = "stale"
	// agrees: the plan is the one that was looked at.
	agrees = "agrees"
	// resumes: the document is in force already, by this very plan, and what is
	// left of it is carried out.
	resumes = "resumes"
	// inForce: the document is in force already.
	inForce = "in_force"
)

// partSize is how many people a part of a plan holds: what one step carries out.
const partSize = 100

// WeighChange holds the document against the rules in force over all people,
// writes the plan down in parts, and says whether it is the one that was looked
// at. The task gets the summary.
func (s *Steps) WeighChange(ctx context.Context, st changing) (weighed, error) {
	change := changeOf(st.SysID)
	candidate, err := s.candidate(ctx, change.candidate)
	if err != nil {
		return weighed{}, err
	}
	doc, etag, err := s.shelf.get(ctx, s.rulesKey)
	if err != nil {
		return weighed{}, err
	}
	current, err := entitlement.Load(doc)
	if err != nil {
		return weighed{}, err
	}
	if current.Version() == candidate.Version() {
		return s.resumed(ctx, change)
	}
	running, err := currentTask(ctx)
	if err != nil {
		return weighed{}, err
	}
	w := weighed{Current: current.Version(), ETag: etag, Prefix: fmt.Sprintf("changes/%s/%s/", change.candidate, running.Name())}
	pages := parts{shelf: s.shelf, prefix: w.Prefix}
	summary, err := entitlement.WhatIf(current, candidate, s.people(ctx, "weigh/"+running.Name()+"/"+running.Entered), func(c entitlement.Change) error { return pages.add(ctx, c) })
	if err == nil {
		err = pages.flush(ctx)
	}
	if err != nil {
		return weighed{}, err
	}
	w.Hash, w.Parts, w.People, w.Granted, w.Removed, w.Losers = summary.Hash, pages.n, summary.People, summary.Granted, summary.Removed, summary.Losers
	switch change.plan {
	case "":
		w.Verdict = looked
	case summary.Hash:
		w.Verdict = agrees
	default:
		w.Verdict = stale
	}
	return w, s.noteDown(ctx, st, change, w, summary)
}

// noteDown keeps what a plan is made of, so that it can be gone on with, and
// tells it on the task.
func (s *Steps) noteDown(ctx context.Context, st changing, change changeID, w weighed, summary entitlement.Summary) error {
	manifest, err := json.Marshal(w)
	if err != nil {
		return err
	}
	if err := s.shelf.put(ctx, manifestKey(change.candidate, w.Hash), manifest, ""); err != nil {
		return err
	}
	report, err := json.MarshalIndent(summary, "", "  ")
	if err != nil {
		return err
	}
	_, err = s.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: "rules.weighed", Target: st.Stream(), Reason: reason(st), Key: w.Hash,
		After: map[string]any{"verdict": w.Verdict, "current": w.Current, "people": w.People, "granted": w.Granted, "removed": w.Removed, "losers": w.Losers},
	})
	if err != nil {
		return err
	}
	if err := s.servicenow.Attach(ctx, st.Task.ref(), "plan-"+w.Hash[:12]+".json", "application/json", report, reason(st)); err != nil {
		return err
	}
	return s.servicenow.Post(ctx, st.Task.ref(), servicenow.Posting{Key: "weighed/" + w.Hash, WorkNote: tells(st.Number, summary)}, reason(st))
}

func manifestKey(candidate, hash string) string {
	return fmt.Sprintf("changes/%s/plan-%s.json", candidate, hash)
}

// resumed finds the plan by which the document came into force.
func (s *Steps) resumed(ctx context.Context, change changeID) (weighed, error) {
	raw, _, err := s.shelf.get(ctx, manifestKey(change.candidate, change.plan))
	if fault.Is[*fault.NotFound](err) {
		return weighed{Verdict: inForce}, nil
	}
	if err != nil {
		return weighed{}, err
	}
	var w weighed
	if err := json.Unmarshal(raw, &w); err != nil {
		return weighed{}, &fault.Conflict{Message: "the plan of this change cannot be read", Cause: err}
	}
	w.Verdict = resumes
	return w, nil
}

// candidate reads a changed document, and makes sure that it is the one named.
func (s *Steps) candidate(ctx context.Context, hash string) (*entitlement.Rules, error) {
	doc, err := s.document(ctx, hash)
	if err != nil {
		return nil, err
	}
	return entitlement.Load(doc)
}

func (s *Steps) document(ctx context.Context, hash string) ([]byte, error) {
	doc, _, err := s.shelf.get(ctx, candidateKey(hash))
	if err == nil && contentHash(doc) != hash {
		err = &fault.Conflict{Message: "the changed document is not the one that was taken"}
	}
	return doc, err
}

// parts writes a plan down while it is made, without holding it.
type parts struct {
	shelf  shelf
	prefix string
	n      int
	page   []entitlement.Change
}

func partKey(prefix string, n int) string { return fmt.Sprintf("%s%06d.json", prefix, n) }

func (p *parts) add(ctx context.Context, c entitlement.Change) error {
	if len(c.Gained)+len(c.Lost) == 0 {
		return nil // a collision or a release is told, and nothing is to be done
	}
	c.Collisions, c.Released = nil, nil
	if p.page = append(p.page, c); len(p.page) < partSize {
		return nil
	}
	return p.flush(ctx)
}

func (p *parts) flush(ctx context.Context) error {
	if len(p.page) == 0 {
		return nil
	}
	raw, err := json.Marshal(p.page)
	if err != nil {
		return err
	}
	if err := p.shelf.put(ctx, partKey(p.prefix, p.n), raw, ""); err != nil {
		return err
	}
	p.n, p.page = p.n+1, nil
	return nil
}

// mostTallies keeps the note readable; the attachment has everything.
const mostTallies = 15

// tells is a summary for the task.
func tells(version string, s entitlement.Summary) string {
	var b strings.Builder
	fmt.Fprintf(&b, "From rules %s to %s, over %d people (%d protected, left alone): %d change, %d grants come, %d go, %d people lose something.\n",
		s.Current, version, s.People, s.Protected, s.Changed, s.Granted, s.Removed, s.Losers)
	for _, part := range []struct {
		title string
		list  []entitlement.Tally
	}{
		{"Given", s.Gains}, {"Taken away", s.Losses}, {"No longer managed, left as they are", s.Releases},
		{"Must not be held together", s.Collisions}, {"No rule", s.Gaps},
	} {
		for i, t := range part.list {
			if i == 0 {
				fmt.Fprintf(&b, "%s:\n", part.title)
			}
			if i == mostTallies {
				fmt.Fprintf(&b, "- and %d more\n", len(part.list)-i)
				break
			}
			fmt.Fprintf(&b, "- %s: %d people\n", t.What, t.People)
		}
	}
	fmt.Fprintf(&b, "Plan: %s", s.Hash)
	return b.String()
}

func reason(st changing) audit.Reason { return audit.Reason{Kind: "rules change", Ref: st.Number} }

func currentTask(ctx context.Context) (workflow.Task, error) {
	running, ok := workflow.TaskOf(ctx)
	if !ok {
		return workflow.Task{}, &fault.Invalid{Message: "a step of a rules change was run outside an execution"}
	}
	return running, nil
}

// seconds rounds up, because a wait must not end before its time.
func seconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }
