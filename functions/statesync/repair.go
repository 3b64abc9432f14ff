package statesync

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/fault"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// findingsPerSheet bounds what is rewritten when one of them is mended.
const findingsPerSheet = 100

func (s *Steps) keepFindings(ctx context.Context, run, name string, found []finding) error {
	for n := 0; len(found) > 0; n++ {
		count := min(findingsPerSheet, len(found))
		if err := s.rewrite(ctx, run, fmt.Sprintf("%s-%05d", name, n), found[:count]); err != nil {
			return err
		}
		found = found[count:]
	}
	return nil
}

func (s *Steps) rewrite(ctx context.Context, run, name string, found []finding) error {
	lines := make([]string, len(found))
	for i, f := range found {
		line, err := json.Marshal(f)
		if err != nil {
			return &fault.Invalid{Message: "a finding of the comparison cannot be kept", Cause: err}
		}
		lines[i] = string(line)
	}
	return s.shelf.replace(ctx, findingsPile(run), name, lines)
}

// findings reads the sheet of findings that follows the one of that name.
func (s *Steps) findings(ctx context.Context, run, after string) (name string, found []finding, ok bool, err error) {
	one, ok, err := s.shelf.next(ctx, findingsPile(run), after)
	if err != nil || !ok {
		return "", nil, false, err
	}
	found = make([]finding, len(one.lines))
	for i, line := range one.lines {
		if err := json.Unmarshal([]byte(line), &found[i]); err != nil {
			return "", nil, false, &fault.Conflict{Message: "a finding of the comparison is damaged; the next comparison begins anew"}
		}
	}
	return one.name, found, true, nil
}

// planned is what the comparison came to: $.plan.
type planned struct {
	Any bool `json:"any"`
	// Counts are the findings by kind, Repairs those that are going to be mended.
	Counts  map[Kind]int `json:"counts,omitempty"`
	Repairs int          `json:"repairs"`
	// Over says that there are so many repairs that a person has to agree, which
	// is waited for until Until, ApprovalSeconds from now.
	Over            bool      `json:"over"`
	Until           time.Time `json:"until,omitzero"`
	ApprovalSeconds int       `json:"approval_seconds,omitempty"`
}

// PlanRepairs counts.
func (s *Steps) PlanRepairs(ctx context.Context, st comparison) (planned, error) {
	out := planned{Counts: map[Kind]int{}}
	for after := ""; ; {
		name, found, ok, err := s.findings(ctx, st.Slice.Run, after)
		if err != nil {
			return planned{}, err
		}
		if !ok {
			break
		}
		for _, f := range found {
			out.Any = true
			out.Counts[f.Kind]++
			if f.Repair {
				out.Repairs++
			}
		}
		after = name
	}
	if out.Over = out.Repairs > s.settings.Threshold; out.Over {
		out.Until = time.Now().Add(s.settings.ApprovalWait).UTC()
		out.ApprovalSeconds = int(math.Ceil(s.settings.ApprovalWait.Seconds()))
	}
	return out, nil
}

// decision is how the approvers decided: $.decision.
type decision struct {
	Decision string `json:"decision"`
}

// AskApproval asks the approval group about the repairs.
func (s *Steps) AskApproval(ctx context.Context, st comparison) (workflow.Nothing, error) {
	task, _ := workflow.TaskOf(ctx)
	ref := st.Report.ref()
	_, err := s.desk.Open(ofReport(ctx, ref), approval.Ask{
		Ticket: ref, Key: st.Slice.Run + "/repairs/" + task.Entered, Group: s.settings.ApprovalGroup,
		Subject: fmt.Sprintf("%d repairs need a decision", st.Planned.Repairs),
		Text: fmt.Sprintf("The comparison of all people wants to make %d repairs, and more than %d need a second person: so many at once are more often a mistake in one of the systems. "+
			"The attached file lists them. Nothing has been changed yet.", st.Planned.Repairs, s.settings.Threshold),
		Expires: st.Planned.Until, Token: task.Token, Execution: task.Execution,
	}, because("more repairs than the threshold"))
	return workflow.Nothing{}, err
}

// repairs is how far repairing has come: $.repairs.
type repairs struct {
	// After is the sheet that is done with, At the finding on the next one.
	After string `json:"after,omitempty"`
	At    int    `json:"at"`
	Done  bool   `json:"done"`
	// Mended counts those that agree now, Failed those that could not be mended.
	Mended int `json:"mended"`
	Failed int `json:"failed"`
}

// repairsPerStep bounds one step.
const repairsPerStep = 10

// BookRepairs books the calls of the next few repairs in the bulk lane.
func (s *Steps) BookRepairs(ctx context.Context, st comparison) (workflow.Seats, error) {
	left := st.Planned.Repairs - st.Repairs.Mended - st.Repairs.Failed
	return workflow.BookSeats(ctx, s.seats, ratelimit.Bulk, callsPerPerson(max(0, min(left, repairsPerStep))), st.Seats)
}

// RepairSome mends the next few findings. What is mended is written down at
// once; a step that is cut off mends nothing twice.
func (s *Steps) RepairSome(ctx context.Context, st comparison) (repairs, error) {
	at := st.Repairs
	for left := repairsPerStep; left > 0; {
		name, found, ok, err := s.findings(ctx, st.Slice.Run, at.After)
		if err != nil {
			return repairs{}, err
		}
		if !ok {
			at.Done = true
			return at, nil
		}
		for ; at.At < len(found) && left > 0; at.At++ {
			if !found[at.At].Repair {
				continue
			}
			left--
			if err := s.repairOne(ctx, st.Slice.Run, name, found, at.At); err != nil {
				return repairs{}, err
			}
			if found[at.At].failed() {
				at.Failed++
			} else {
				at.Mended++
			}
		}
		if at.At >= len(found) {
			at.After, at.At = name, 0
		}
	}
	return at, nil
}

// repairOne mends one finding of a sheet, unless an attempt that was cut off has
// done so, and writes down what came of it.
func (s *Steps) repairOne(ctx context.Context, run, name string, found []finding, i int) (err error) {
	if found[i].Outcome != "" {
		return nil
	}
	if found[i].Outcome, err = s.repair(ctx, found[i]); err != nil {
		return err
	}
	return s.rewrite(ctx, run, name, found)
}

// Outcomes of a repair.
const (
	mended     = "repaired"
	agreed     = "agreed by then"
	terminated = "termination opened: "
	failure    = "failed: "
)

func (f finding) failed() bool {
	return strings.HasPrefix(f.Outcome, failure)
}

// repair reads both records again and brings them in step as an event would
// have. What cannot be mended does not keep the others from it.
func (s *Steps) repair(ctx context.Context, f finding) (outcome string, err error) {
	outcome, err = s.mend(ctx, f)
	if err != nil && !fault.Retryable(err) {
		return failure + err.Error(), nil
	}
	return outcome, err
}

func (s *Steps) mend(ctx context.Context, f finding) (string, error) {
	account, err := s.okta.User(ctx, f.OktaID)
	if err != nil {
		return "", err
	}
	user, err := s.servicenow.User(ctx, f.SysID)
	if err != nil {
		return "", err
	}
	who, err := s.settle(ctx, pair{account, user}, true)
	if err != nil {
		return "", err
	}
	if who.Left {
		ctx := about(ctx, who.OktaID)
		if err := s.closeRequests(ctx, who); err != nil {
			return "", err
		}
		if err := s.moveApprovals(ctx, who); err != nil {
			return "", err
		}
	}
	switch {
	case who.Termination != "":
		return terminated + who.Termination, nil
	case len(who.Changed) == 0:
		return agreed, nil
	}
	return mended, nil
}

// report is the task that tells people what was found: $.report.
type report struct {
	Table  string `json:"table,omitempty"`
	SysID  string `json:"sys_id,omitempty"`
	Number string `json:"number,omitempty"`
}

func (r report) ref() servicenow.Ref { return servicenow.Ref{Table: r.Table, SysID: r.SysID} }
