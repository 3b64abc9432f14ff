package workflow

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/idempotency"
)

// custodyStore is the part of idempotency.Store that custody needs.
type custodyStore interface {
	Take(ctx context.Context, what, execution string) (idempotency.Custody, error)
	Seize(ctx context.Context, what, from, to string) error
	Await(ctx context.Context, what, execution, token string) (changed bool, err error)
	Release(ctx context.Context, what, execution, outcome, fingerprint string) (changed bool, err error)
	Forget(ctx context.Context, what, execution string) error
}

// executions is the part of the Step Functions client that custody needs.
type executions interface {
	DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error)
	SendTaskSuccess(context.Context, *sfn.SendTaskSuccessInput, ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error)
}

// Custodian lets one execution at a time work on a ticket, whatever is
// delivered twice or out of order. A later execution for the same ticket makes
// the holder look at it again, waking it if it waits, and ends.
type Custodian struct {
	store custodyStore
	sfn   executions
}

// NewCustodian returns a Custodian over the idempotency table.
func NewCustodian(store *idempotency.Store, client *sfn.Client) *Custodian {
	return &Custodian{store: store, sfn: client}
}

// Holding is the answer to Take.
type Holding struct {
	// Held is true when the running execution has custody now.
	Held bool
	// Owner is the ARN of the execution that has it otherwise; it has been told
	// to look at the ticket again.
	Owner string
	// LastOutcome and LastFingerprint are what the last Release left.
	LastOutcome, LastFingerprint string
}

// Take takes custody of the ticket for the running execution. A holder that is
// no longer running (aborted by an operator, failed) loses it.
func (c *Custodian) Take(ctx context.Context, s Subject) (Holding, error) {
	task, err := current(ctx)
	if err != nil {
		return Holding{}, err
	}
	custody, err := c.store.Take(ctx, s.Stream(), task.Execution)
	if err != nil {
		return Holding{}, err
	}
	if !custody.Held {
		alive, err := c.running(ctx, custody.Owner)
		if err != nil {
			return Holding{}, err
		}
		if alive {
			return Holding{Owner: custody.Owner}, c.wake(ctx, custody.Token)
		}
		if err := c.store.Seize(ctx, s.Stream(), custody.Owner, task.Execution); err != nil {
			return Holding{}, err
		}
		if custody, err = c.store.Take(ctx, s.Stream(), task.Execution); err != nil {
			return Holding{}, err
		}
	}
	return Holding{
		Held: custody.Held, Owner: custody.Owner,
		LastOutcome: custody.LastOutcome, LastFingerprint: custody.LastFingerprint,
	}, nil
}

// Await leaves the running state's task token with the ticket, so that whoever
// learns of a change wakes it. A change that came before is not lost: then the
// state is woken at once.
func (c *Custodian) Await(ctx context.Context, s Subject) error {
	task, err := current(ctx)
	if err != nil {
		return err
	}
	if task.Token == "" {
		return &fault.Invalid{Message: "the state that waits for a change of the ticket passes no task token"}
	}
	changed, err := c.store.Await(ctx, s.Stream(), task.Execution, task.Token)
	if err != nil || !changed {
		return err
	}
	return c.wake(ctx, task.Token)
}

// Release gives custody back, remembering how it ended. again is true when the
// ticket changed meanwhile: then the running execution still has custody and
// has to read the ticket once more.
func (c *Custodian) Release(ctx context.Context, s Subject, outcome, fingerprint string) (again bool, err error) {
	task, err := current(ctx)
	if err != nil {
		return false, err
	}
	return c.store.Release(ctx, s.Stream(), task.Execution, outcome, fingerprint)
}

// Resume drops the outcome of earlier work on the ticket: it is taken up again,
// and what the running execution writes to it is not to be taken for the echo of
// having handed it over.
func (c *Custodian) Resume(ctx context.Context, s Subject) error {
	task, err := current(ctx)
	if err != nil {
		return err
	}
	return c.store.Forget(ctx, s.Stream(), task.Execution)
}

func current(ctx context.Context) (Task, error) {
	task, ok := TaskOf(ctx)
	if !ok || task.Execution == "" {
		return Task{}, &fault.Invalid{Message: "custody of a ticket was asked for outside an execution"}
	}
	return task, nil
}

func (c *Custodian) running(ctx context.Context, execution string) (bool, error) {
	out, err := c.sfn.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(execution)})
	var gone *sfntypes.ExecutionDoesNotExist
	switch {
	case errors.As(err, &gone): // older than 90 days
		return false, nil
	case err != nil:
		return false, &fault.Unavailable{Message: "could not see whether the execution that works on this ticket is alive", Cause: err}
	}
	return out.Status == sfntypes.ExecutionStatusRunning || out.Status == sfntypes.ExecutionStatusPendingRedrive, nil
}

// wake resumes a waiting state. A token that is used, timed out or unknown is
// fine: then nobody waits any more, and the holder reads the ticket anyway.
func (c *Custodian) wake(ctx context.Context, token string) error {
	if token == "" {
		return nil
	}
	_, err := c.sfn.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: aws.String(token), Output: aws.String(`{"woken":true}`)})
	if err == nil || tokenSpent(err) {
		return nil
	}
	return &fault.Unavailable{Message: "could not wake the execution that waits for this ticket", Cause: err}
}

func tokenSpent(err error) bool {
	var (
		timedOut *sfntypes.TaskTimedOut
		invalid  *sfntypes.InvalidToken
		unknown  *sfntypes.TaskDoesNotExist
	)
	return errors.As(err, &timedOut) || errors.As(err, &invalid) || errors.As(err, &unknown)
}

// String tells who has the ticket, for notes and logs.
func (h Holding) String() string {
	if h.Held {
		return "held by this execution"
	}
	return fmt.Sprintf("held by %s", h.Owner)
}
