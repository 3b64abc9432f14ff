package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/event"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
)

// finding is what a look at a ticket came to.
type finding int

const (
	recent finding = iota
	working
	settled
	started
)

const (
	// patience is how long a failed execution that could not tell its ticket is
	// left before it is tried again: what kept it from telling has to pass first.
	patience = time.Hour
	// revivals bounds how many dead executions in a row are followed in one look.
	revivals = 5
)

// look decides about one open ticket.
func (s *Sweep) look(ctx context.Context, p process, t servicenow.Ticket) (finding, error) {
	if age := time.Since(t.Updated); age < grace && age > -grace {
		return recent, nil
	}
	fingerprint := t.Fingerprint()
	custody, _, err := s.custody.Custody(ctx, t.String())
	if err != nil {
		return 0, err
	}
	key := fmt.Sprintf("sweep/%s/%s", t.Ref, fingerprint)
	switch {
	case custody.Held:
		dead, found, err := s.dead(ctx, custody.Owner)
		if err != nil || !dead {
			return found, err
		}
		return s.start(ctx, p, t, key+"/after/"+nameOf(custody.Owner))
	case custody.LastOutcome != "" && custody.LastFingerprint == fingerprint:
		// Returned, resolved and reopened by the process, or failed: a person has
		// been told, and it is their turn.
		return settled, nil
	default:
		return s.start(ctx, p, t, key+"/after/"+custody.LastOutcome+custody.LastFingerprint)
	}
}

// dead reports whether an execution that has custody of a ticket has ended
// without giving it back; otherwise found says how the ticket stands.
//
// An execution that fails tells its ticket and gives it back. One that still
// has it was aborted, timed out, or could not even tell: nobody knows, so the
// ticket is started again.
func (s *Sweep) dead(ctx context.Context, execution string) (dead bool, found finding, err error) {
	out, err := s.executions.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(execution)})
	var gone *types.ExecutionDoesNotExist
	switch {
	case errors.As(err, &gone): // ended more than 90 days ago
		return true, 0, nil
	case err != nil:
		return false, 0, platform.AWSError("could not see whether the execution that has the ticket is alive", err)
	}
	switch out.Status {
	case types.ExecutionStatusRunning, types.ExecutionStatusPendingRedrive:
		return false, working, nil
	case types.ExecutionStatusFailed:
		if out.StopDate != nil && time.Since(*out.StopDate) < patience {
			return false, settled, nil
		}
		return true, 0, nil
	default: // aborted, timed out
		return true, 0, nil
	}
}

// start starts the ticket under the key, unless that was done before. A start of
// an earlier run whose execution was aborted before it took custody is followed
// by another.
func (s *Sweep) start(ctx context.Context, p process, t servicenow.Ticket, key string) (finding, error) {
	ticket := event.Ticket{Table: t.Table, SysID: t.SysID, Number: t.Number}
	payload, err := json.Marshal(ticket)
	if err != nil {
		return 0, err
	}
	for range revivals {
		did, err := p.starter.Start(ctx, event.Event{Key: key, Payload: payload, Ticket: ticket})
		if err != nil {
			return 0, err
		}
		if !did.Repeated {
			platform.Logger(ctx).InfoContext(ctx, "started a ticket that nobody worked on", "execution", did.Execution)
			return started, nil
		}
		found, again, err := s.followUp(ctx, p.starter.ExecutionARN(did.Execution))
		if err != nil || !again {
			return found, err
		}
		key += "/" + did.Execution
	}
	return settled, nil
}

// followUp says how a ticket stands that was started by an earlier run and is
// still without an outcome.
func (s *Sweep) followUp(ctx context.Context, execution string) (found finding, again bool, err error) {
	out, err := s.executions.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(execution)})
	var gone *types.ExecutionDoesNotExist
	switch {
	case errors.As(err, &gone):
		return settled, false, nil
	case err != nil:
		return 0, false, platform.AWSError("could not see what became of an execution that an earlier sweep started", err)
	}
	switch out.Status {
	case types.ExecutionStatusRunning, types.ExecutionStatusPendingRedrive:
		return working, false, nil
	case types.ExecutionStatusAborted, types.ExecutionStatusTimedOut:
		return 0, true, nil
	default: // succeeded or failed: it ended by itself, and said so
		return settled, false, nil
	}
}

// nameOf is the execution's name: the last part of its ARN.
func nameOf(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }
