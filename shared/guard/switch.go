package guard

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// freshness is how long what was read of the switch is believed: so long may a
// change still be made after somebody stopped them.
const freshness = 5 * time.Second

// Switch stops all changes to other systems, everywhere and at once. Stopped
// work waits in the state machines and goes on when the switch is back on. It
// is safe for concurrent use.
type Switch struct {
	client *dynamodb.Client
	table  string

	mu      sync.Mutex
	read    time.Time // when stopped was read; zero when never
	stopped *fault.Stopped
}

// NewSwitch returns the switch in the control table. It is on until somebody
// stops it.
func NewSwitch(client *dynamodb.Client, table string) *Switch {
	return &Switch{client: client, table: table}
}

// Check returns nil when changes may be made, and *fault.Stopped, which names
// who stopped them and why, when not. A switch that cannot be read stops too,
// by the error of the reading.
func (s *Switch) Check(ctx context.Context) error {
	if stopped, known := s.believed(); known {
		return asError(stopped)
	}
	asked := time.Now()
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.table), Key: switchKey(), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return platform.AWSError("whether changes may be made could not be read, so none was", err)
	}
	stopped := stoppedBy(out.Item)
	s.believe(asked, stopped)
	return asError(stopped)
}

// Stop stops all changes. by is who does it, reason why; both are told to
// everyone whose ticket has to wait.
func (s *Switch) Stop(ctx context.Context, by, reason string) error {
	if strings.TrimSpace(by) == "" || strings.TrimSpace(reason) == "" {
		return &fault.Invalid{Message: "changes were not stopped: say who stops them and why, because everyone who has to wait is told"}
	}
	return s.set(ctx, true, by, reason)
}

// Start lets changes be made again; by is who does it.
func (s *Switch) Start(ctx context.Context, by string) error {
	if strings.TrimSpace(by) == "" {
		return &fault.Invalid{Message: "changes were not started again: say who starts them"}
	}
	return s.set(ctx, false, by, "")
}

func (s *Switch) set(ctx context.Context, stop bool, by, reason string) error {
	entry := switchKey()
	now := time.Now()
	entry["stopped"] = &types.AttributeValueMemberBOOL{Value: stop}
	entry["set_by"], entry["set_because"], entry["set_at"] = text(by), text(reason), text(now.UTC().Format(time.RFC3339))
	if _, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.table), Item: entry}); err != nil {
		return platform.AWSError("the switch could not be set", err)
	}
	s.believe(now, stoppedBy(entry))
	return nil
}

func (s *Switch) believed() (stopped *fault.Stopped, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped, !s.read.IsZero() && time.Since(s.read) < freshness
}

func (s *Switch) believe(read time.Time, stopped *fault.Stopped) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if read.Before(s.read) {
		return // a slow reading must not undo a newer one
	}
	s.read, s.stopped = read, stopped
}

// asError keeps a nil *fault.Stopped from becoming a non-nil error.
func asError(stopped *fault.Stopped) error {
	if stopped == nil {
		return nil
	}
	return stopped
}

func switchKey() item { return item{"pk": text("switch"), "sk": text("changes")} }

func stoppedBy(i item) *fault.Stopped {
	if stop, ok := i["stopped"].(*types.AttributeValueMemberBOOL); !ok || !stop.Value {
		return nil
	}
	return &fault.Stopped{Message: fmt.Sprintf("all changes were stopped by %s at %s (%s); this one is made when they are started again",
		textOf(i["set_by"]), textOf(i["set_at"]), textOf(i["set_because"]))}
}

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
