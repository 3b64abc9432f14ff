package securityalert

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/workflow"
)

// TakeDelivery takes in what a hook has put down: statemachines/security-intake.asl.json.
func (i *Intake) TakeDelivery(ctx context.Context, s workflow.Subject) (Taken, error) {
	found, err := i.desk.store.get(ctx, inboxKey(s.SysID), inboxSort)
	if err != nil {
		return Taken{}, err
	}
	packed, _ := found["events"].(*types.AttributeValueMemberB)
	if packed == nil { // an earlier attempt took them in
		return Taken{}, nil
	}
	delivered, err := unpack(packed.Value)
	if err != nil {
		return Taken{}, &fault.Invalid{Message: "the events that a hook delivered cannot be read; the poller brings them", Cause: err}
	}
	out, err := i.Take(ctx, "hook", delivered)
	if err != nil {
		return out, err
	}
	return out, i.desk.store.remove(ctx, inboxKey(s.SysID), inboxSort)
}

// Stream is the way in through EventBridge, where Okta's Log Streaming delivers
// each event by itself. Lambda tries again when it fails, and the dead-letter queue
// gets what is given up.
type Stream struct{ intake *Intake }

// Handle takes in one event.
func (s *Stream) Handle(ctx context.Context, e events.CloudWatchEvent) (Taken, error) {
	var logged okta.LogEvent
	if err := json.Unmarshal(e.Detail, &logged); err != nil || logged.UUID == "" || logged.Type == "" {
		// It will not get better; the poller reads the event itself.
		platform.Logger(ctx).ErrorContext(ctx, "a streamed event is not one of the System Log", "source", e.Source, "id", e.ID)
		return Taken{}, nil
	}
	out, err := s.intake.Take(ctx, "stream", []okta.LogEvent{logged})
	if err != nil {
		err = workflow.Boundary(err)
		platform.Logger(ctx).WarnContext(ctx, "a streamed event was not taken in", "error_type", fmt.Sprintf("%T", err), "error", err.Error())
	}
	return out, err
}

// executionARN is the ARN of an execution of a state machine.
func executionARN(machine, name string) string {
	return strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":" + name
}
