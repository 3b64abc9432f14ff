package accessreview

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/report"
	"lifecycle/shared/workflow"
)

// question is what a task of a review asks, and how far its answer has come. The
// execution that has custody of the task writes it.
type question struct {
	Review string `json:"review"`
	// SignOff is the security team's task, which asks for nothing but to be closed.
	SignOff bool `json:"sign_off,omitempty"`
	// Reviewer is who was asked first, and Responsible who is by now: a sys_id, or
	// the name of a group.
	Reviewer    string `json:"reviewer"`
	As          string `json:"as"`
	Responsible string `json:"responsible"`
	// Count is the number of lines, SHA256 the hash of the object that holds them.
	Count  int    `json:"count"`
	SHA256 string `json:"sha256"`
	// Parent is the security team's task.
	Parent workflow.Subject `json:"parent"`
	// Read is when the access was read: what was given after it is not asked about.
	// Holdings is how much was.
	Read     time.Time `json:"read"`
	Holdings int       `json:"holdings"`
	Due      time.Time `json:"due"`

	// Escalated is true once it has gone up a level; Reminded counts reminders of
	// the present level.
	Escalated bool `json:"escalated,omitempty"`
	Reminded  bool `json:"reminded,omitempty"`
	// Round counts the answers that were taken, those taken back included.
	Round  int     `json:"round,omitempty"`
	Answer *answer `json:"answer,omitempty"`
	// Final is the task's fingerprint once all is carried out.
	Final string `json:"final,omitempty"`
}

// answer is an answer that was taken.
type answer struct {
	// Fingerprint is the task's as it was answered; By the sys_id of who did, empty
	// when the deadline did.
	Fingerprint string    `json:"fingerprint"`
	By          string    `json:"by,omitempty"`
	At          time.Time `json:"at"`
	// Until is when it is carried out.
	Until time.Time `json:"until"`
	// SHA256 is the hash of the object that holds the answers, line by line.
	SHA256  string `json:"sha256"`
	Kept    int    `json:"kept"`
	Revoked int    `json:"revoked"`
	// Risk is whether a second person has to agree, once that is known.
	Risk *risk `json:"risk,omitempty"`
	// Begun is true once any of it has been carried out: it cannot be taken back
	// any more.
	Begun bool `json:"begun,omitempty"`
}

// refused reports whether a second person has not agreed to what it revokes.
func (a answer) refused() bool { return a.Risk != nil && a.Risk.Verdict == refused }

// taken is the answer to one line of a task.
type taken struct {
	Answer  report.Answer `json:"answer"`
	Comment string        `json:"comment,omitempty"`
}

// asked reads what a task asks; the zero question when it is not known.
func (s *Store) asked(ctx context.Context, sysID string) (q question, err error) {
	found, err := s.table.get(ctx, key{"task#" + sysID, "question"})
	if err != nil || len(found) == 0 {
		return question{}, err
	}
	if err := json.Unmarshal([]byte(textOf(found["question"])), &q); err != nil {
		return question{}, &fault.Conflict{Message: "what the task " + sysID + " asks is damaged in the table of reviews", Cause: err}
	}
	return q, nil
}

// keep writes what a task asks.
func (s *Store) keep(ctx context.Context, sysID string, q question) error {
	content, err := json.Marshal(q)
	if err != nil {
		return &fault.Invalid{Message: "what a task asks cannot be written", Cause: err}
	}
	return s.table.put(ctx, key{"task#" + sysID, "question"}, item{"question": text(string(content))})
}

// reviewTask is a task of a review.
type reviewTask struct {
	workflow.Subject

	// Open is true while its answer is waited for.
	Open bool `json:"open"`
}

// list notes that the review has the task, and whether its answer is still waited
// for.
func (s *Store) list(ctx context.Context, review string, task workflow.Subject, open bool) error {
	content, err := json.Marshal(reviewTask{task, open})
	if err != nil {
		return &fault.Invalid{Message: "a task of the review cannot be written", Cause: err}
	}
	return s.table.put(ctx, key{"review#" + review, "task#" + task.SysID}, item{"task": text(string(content))})
}

// listedTasks reads the tasks of a review.
func (s *Store) listedTasks(ctx context.Context, review string) ([]reviewTask, error) {
	var all []reviewTask
	for one, err := range s.table.under(ctx, key{"review#" + review, "task#"}) {
		if err != nil {
			return nil, err
		}
		var l reviewTask
		if err := json.Unmarshal([]byte(textOf(one["task"])), &l); err != nil {
			return nil, &fault.Conflict{Message: "the list of the tasks of " + review + " is damaged at " + strings.TrimPrefix(textOf(one["sk"]), "task#"), Cause: err}
		}
		all = append(all, l)
	}
	return all, nil
}
