package event

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/idempotency"
	"lifecycle/shared/platform"
)

// Ticket is the input of every execution: which record, and nothing of its
// content.
type Ticket struct {
	Table  string `json:"table"`
	SysID  string `json:"sys_id"`
	Number string `json:"number"`
}

// Event is something that an execution has to be started for, once.
type Event struct {
	// Key identifies the event: the same key is the same event.
	Key string
	// Payload is what the event said; the same key with another payload is
	// refused.
	Payload []byte
	Ticket  Ticket
}

// Started is the outcome of Start.
type Started struct {
	// Execution is the name of the execution.
	Execution string
	// Repeated is true when the event was answered before.
	Repeated bool
}

// claims is the part of idempotency.Store that starting needs.
type claims interface {
	Claim(ctx context.Context, key, payloadHash string, lease time.Duration) (idempotency.Claim, error)
	Complete(ctx context.Context, key, payloadHash, result string, keep time.Duration) error
}

// executions is the part of the Step Functions client that starting needs.
type executions interface {
	StartExecution(ctx context.Context, in *sfn.StartExecutionInput, o ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
}

const (
	// keep is how long an event is remembered: as long as Step Functions keeps
	// the execution's name.
	keep = 90 * 24 * time.Hour
	// lease is how long a claim keeps others out: not at all, even where clocks
	// differ. Whoever has the same event may start it at the same time, because
	// Step Functions takes a name once; the claim ties the key to its payload and
	// keeps the answer. So two deliveries at once get the same answer, and a crash
	// delays nobody.
	lease = -time.Minute
)

// Starter starts executions of one state machine, one for each event.
type Starter struct {
	claims  claims
	sfn     executions
	machine string // ARN
}

// NewStarter returns a Starter for the state machine with this ARN.
func NewStarter(store claims, client executions, stateMachineARN string) *Starter {
	return &Starter{claims: store, sfn: client, machine: stateMachineARN}
}

// Machine is the name of the state machine.
func (s *Starter) Machine() string { return machineName(s.machine) }

// ExecutionARN is the ARN of the execution of this machine with the given name.
func (s *Starter) ExecutionARN(name string) string {
	before, after, _ := strings.Cut(s.machine, ":stateMachine:")
	machine, _, _ := strings.Cut(after, ":")
	return before + ":execution:" + machine + ":" + name
}

// Start starts the event's execution unless that was done before. When it
// returns without an error the execution exists. Errors: *fault.Conflict when
// the key is used with another payload, *fault.Throttled, *fault.Unavailable,
// and what AWSError makes of a wrong deployment.
func (s *Starter) Start(ctx context.Context, e Event) (Started, error) {
	key := s.Machine() + "/" + e.Key
	sum := sha256.Sum256(e.Payload)
	hash := hex.EncodeToString(sum[:])
	claim, err := s.claims.Claim(ctx, key, hash, lease)
	if err != nil {
		return Started{}, platform.AWSError("the event could not be claimed", err)
	}
	if claim.State == idempotency.StateReplay {
		return Started{Execution: claim.Result, Repeated: true}, nil
	}
	name := executionName(key, e.Ticket)
	if err := s.start(ctx, name, e.Ticket); err != nil {
		return Started{}, err
	}
	if err := s.claims.Complete(ctx, key, hash, name, keep); err != nil {
		// The execution exists, which is what the answer says; the next delivery
		// finds its name taken and completes the claim.
		platform.Logger(ctx).WarnContext(ctx, "the event's claim could not be completed", "execution", name, "error", err.Error())
	}
	return Started{Execution: name}, nil
}

func (s *Starter) start(ctx context.Context, name string, t Ticket) error {
	input, err := json.Marshal(t)
	if err != nil {
		return err
	}
	in := &sfn.StartExecutionInput{StateMachineArn: aws.String(s.machine), Name: aws.String(name), Input: aws.String(string(input))}
	if trace := platform.TraceHeader(ctx); trace != "" {
		in.TraceHeader = aws.String(trace)
	}
	_, err = s.sfn.StartExecution(ctx, in)
	var exists *sfntypes.ExecutionAlreadyExists
	if errors.As(err, &exists) {
		return nil // it has ended already
	}
	return platform.AWSError("the execution could not be started", err)
}

// executionName derives the execution's name from the event: a prefix that
// people recognise and 128 bits of the key's hash, 73 characters at most of the
// 80 that Step Functions takes.
func executionName(key string, t Ticket) string {
	sum := sha256.Sum256([]byte(key))
	prefix := t.Number
	if prefix == "" {
		prefix = t.Table
	}
	return namePart(prefix) + "-" + hex.EncodeToString(sum[:16])
}

// namePart keeps what every tool shows and every ARN bears.
func namePart(s string) string {
	const most = 40
	safe := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_':
			return r
		default:
			return -1
		}
	}, s)
	if safe == "" {
		return "event"
	}
	return safe[:min(len(safe), most)]
}

// machineName is the name in a state machine's ARN, without version or alias.
func machineName(arn string) string {
	_, after, found := strings.Cut(arn, ":stateMachine:")
	if !found {
		return arn
	}
	name, _, _ := strings.Cut(after, ":")
	return name
}
