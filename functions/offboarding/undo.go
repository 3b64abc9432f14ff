package offboarding

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// The undo of a termination that was a mistake: statemachines/offboarding-undo.asl.json.

// executions is the part of the Step Functions client that the undo needs.
type executions interface {
	StopExecution(context.Context, *sfn.StopExecutionInput, ...func(*sfn.Options)) (*sfn.StopExecutionOutput, error)
}

func (s *Steps) registerUndo(table *workflow.Steps) {
	workflow.Add(table, "HaltOffboarding", s.HaltOffboarding)
	workflow.Add(table, "FindSnapshot", s.FindSnapshot)
	workflow.Add(table, "RestoreAccount", s.RestoreAccount)
	workflow.Add(table, "RestoreAccess", s.RestoreAccess)
	workflow.Add(table, "TellRestored", s.TellRestored)
	workflow.Add(table, "TellUndoFailed", s.TellUndoFailed)
	workflow.Add(table, "LetGo", s.LetGo)
}

// undoState is the data of the undo's state machine.
type undoState struct {
	workflow.Subject
	Error workflow.Failure `json:"error"`
	// UserID says whose termination is undone where the ticket took several
	// people's access; empty otherwise.
	UserID   string   `json:"user_id"`
	Snapshot found    `json:"snapshot"`
	Restored restored `json:"restored"`
}

func undoing(s workflow.Subject) audit.Reason {
	return audit.Reason{Kind: "undo", Ref: s.Number, Text: "the termination was a mistake"}
}

// HaltOffboarding stops whatever execution carries the termination out or
// watches it, takes the ticket over and cancels it, so that nothing works against
// the undo, whatever becomes of it: left open, the next to save the ticket would
// terminate the person again.
func (s *Steps) HaltOffboarding(ctx context.Context, st undoState) (workflow.Nothing, error) {
	records, err := s.ledger.Stream(ctx, st.Stream())
	if err != nil {
		return workflow.Nothing{}, err
	}
	task, _ := workflow.TaskOf(ctx)
	stopped := map[string]bool{task.Execution: true}
	for _, r := range records {
		if r.Execution == "" || stopped[r.Execution] {
			continue
		}
		stopped[r.Execution] = true
		if err := s.stop(ctx, r.Execution, st.Number); err != nil {
			return workflow.Nothing{}, err
		}
	}
	held, err := s.tickets.TakeOver(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	if !held {
		return workflow.Nothing{}, &fault.Unavailable{Message: "the ticket has just been taken by another execution"}
	}
	ticket, err := s.servicenow.Ticket(ctx, s.tickets.Kind, st.SysID)
	if err != nil || ticket.Phase == servicenow.Closed || ticket.Phase == servicenow.Cancelled {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.tickets.Cancel(ctx, st.Subject, "undo",
		"This termination is being undone. The ticket is cancelled so that nobody carries it out again by saving it.", undoing(st.Subject))
}

func (s *Steps) stop(ctx context.Context, execution, ticket string) error {
	_, err := s.executions.StopExecution(ctx, &sfn.StopExecutionInput{
		ExecutionArn: aws.String(execution), Error: aws.String("Undone"), Cause: aws.String("The termination " + ticket + " is being undone."),
	})
	var gone *sfntypes.ExecutionDoesNotExist
	if err == nil || errors.As(err, &gone) {
		return nil
	}
	return &fault.Unavailable{Message: "the execution that carries the termination out could not be stopped", Cause: err}
}

// found is the snapshot to go back to: $.snapshot.
type found struct {
	UserID string `json:"user_id"`
	Seq    int64  `json:"seq"`
}

// FindSnapshot finds the snapshot that the ticket's termination took.
func (s *Steps) FindSnapshot(ctx context.Context, st undoState) (found, error) {
	records, err := s.ledger.Stream(ctx, st.Stream())
	if err != nil {
		return found{}, err
	}
	var taken []found
	for _, r := range records {
		if r.Verb == snapshotVerb && (st.UserID == "" || r.Subject == st.UserID) {
			taken = append(taken, found{UserID: r.Subject, Seq: r.Seq})
		}
	}
	switch len(taken) {
	case 0:
		return found{}, &fault.NotFound{Message: "the ledger holds no snapshot for this ticket: nothing was removed on its account, or it is another ticket's"}
	case 1:
		return taken[0], nil
	}
	return found{}, &fault.Invalid{Message: fmt.Sprintf("this ticket was changed under way and took the access of %d people: start the undo with the user_id of the one whom it was a mistake for", len(taken))}
}

// RestoreAccount unsuspends or activates the account.
func (s *Steps) RestoreAccount(ctx context.Context, st undoState) (found, error) {
	u, err := s.okta.User(ctx, st.Snapshot.UserID)
	if err != nil {
		return found{}, err
	}
	if u.TransitioningTo != "" {
		return found{}, &fault.Unavailable{Message: "Okta is still deactivating the account; it can be brought back when that is finished"}
	}
	switch u.Status {
	case okta.Suspended:
		err = s.okta.Unsuspend(ctx, u.ID, undoing(st.Subject))
	case okta.Deprovisioned:
		err = s.okta.Activate(ctx, u.ID, true, undoing(st.Subject))
	}
	return st.Snapshot, err
}

// restored is what came back and what did not: $.restored.
type restored struct {
	Back    []string  `json:"back,omitempty"`
	Missing []finding `json:"missing,omitempty"`
}

// RestoreAccess gives back groups, direct app assignments and admin roles.
func (s *Steps) RestoreAccess(ctx context.Context, st undoState) (restored, error) {
	held, err := s.heldBefore(ctx, state{Subject: st.Subject, Snapshot: snapshot{Seq: st.Snapshot.Seq}})
	if err != nil {
		return restored{}, err
	}
	id, why := st.Snapshot.UserID, undoing(st.Subject)
	if err := s.restoreLeases(ctx, st); err != nil {
		return restored{}, err
	}
	var out restored
	for _, g := range held.Groups {
		if g.Type != okta.GroupTypeOkta {
			continue
		}
		if err := out.add("group", g.ID, g.Name, s.okta.AddToGroup(ctx, g.ID, id, why)); err != nil {
			return restored{}, err
		}
	}
	for _, a := range held.Apps {
		there, err := s.okta.HasApp(ctx, a.AppID, id)
		if err != nil {
			return restored{}, err
		}
		if there || a.Scope == okta.ScopeGroup { // comes back with its group
			continue
		}
		if err := out.add("app", a.AppID, a.Label, s.okta.AssignApp(ctx, a.AppID, id, why)); err != nil {
			return restored{}, err
		}
	}
	for _, r := range held.Roles {
		if r.ViaGroup() {
			continue
		}
		if err := out.add("admin role", r.ID, r.Label, s.okta.AssignAdminRole(ctx, id, r.Type, why)); err != nil {
			return restored{}, err
		}
	}
	return out, nil
}

// restoreLeases grants again what EndLeases ended, under the reasons of then;
// what has run out meanwhile stays ended.
func (s *Steps) restoreLeases(ctx context.Context, st undoState) error {
	records, err := s.ledger.Stream(ctx, st.Stream())
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Verb != lease.EndedAll || r.Subject != st.Snapshot.UserID {
			continue
		}
		var ended []lease.Lease
		if err := into(r.Before, &ended); err != nil {
			return err
		}
		for _, l := range ended {
			if l.Ended(time.Now()) {
				continue
			}
			if err := s.leases.Grant(ctx, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// add notes how one restoration went; errors that may pass are handed on.
func (r *restored) add(what, id, name string, err error) error {
	switch {
	case err == nil:
		r.Back = append(r.Back, what+" "+name)
	case fault.Retryable(err):
		return err
	default:
		r.Missing = append(r.Missing, finding{What: what, ID: id, Name: name, Why: err.Error()})
	}
	return nil
}

// TellRestored says on the ticket what is back, and what no command brings back.
func (s *Steps) TellRestored(ctx context.Context, st undoState) (workflow.Nothing, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "The termination of Okta user %s was undone. Back: the account", st.Snapshot.UserID)
	for _, name := range st.Restored.Back {
		fmt.Fprintf(&b, ", %s", name)
	}
	b.WriteString(".\n")
	for _, f := range st.Restored.Missing {
		fmt.Fprintf(&b, "Not back: %s\n", f)
	}
	held, err := s.heldBefore(ctx, state{Subject: st.Subject, Snapshot: snapshot{Seq: st.Snapshot.Seq}})
	if err != nil {
		return workflow.Nothing{}, err
	}
	tokens := "API tokens"
	if len(held.SSWS) > 0 {
		tokens += " (" + strings.Join(held.tokenNames(), ", ") + ")"
	}
	fmt.Fprintf(&b, "The person has to sign in and enrol factors anew. %s, consents and what apps deleted at deactivation cannot be restored.", tokens)
	return workflow.Nothing{}, s.tickets.Remark(ctx, st.Subject, "undone", b.String(), undoing(st.Subject))
}

// TellUndoFailed says on the ticket why the termination could not be undone.
func (s *Steps) TellUndoFailed(ctx context.Context, st undoState) (workflow.Nothing, error) {
	return workflow.Nothing{}, s.tickets.Remark(ctx, st.Subject, "undo failed/"+st.Error.Error, fmt.Sprintf(
		"The termination could not be undone: %s\nThe ledger under %s has what was restored up to there. When the cause is mended, start the undo again: it goes on from there.",
		st.Error.Message(), st.Stream()), undoing(st.Subject))
}

// LetGo gives the ticket back.
func (s *Steps) LetGo(ctx context.Context, st undoState) (workflow.Nothing, error) {
	return workflow.Nothing{}, s.tickets.LetGo(ctx, st.Subject)
}
