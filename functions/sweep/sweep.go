// Package sweep starts what a lost webhook left.
//
// Every few minutes it reads the open tickets of each kind and looks who has
// custody of them. A ticket that nobody works on, or whose execution died
// without an outcome, is started through the same idempotent path as a webhook,
// under a key made of what the ticket asks for: one content, one start. Tickets
// that were changed a moment ago are left to their webhook, and tickets whose
// reader was told what to mend are left alone until they are changed.
//
// It writes nothing to ServiceNow and keeps no state of its own: what one run
// does not get to, the next one finds.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/event"
	"lifecycle/shared/fault"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/platform"
	"lifecycle/shared/servicenow"
)

// tickets is the part of servicenow.Client that the sweep needs.
type tickets interface {
	OpenTickets(ctx context.Context, kind servicenow.Kind) iter.Seq2[servicenow.Ticket, error]
}

// custodians is the part of idempotency.Store that the sweep needs.
type custodians interface {
	Custody(ctx context.Context, what string) (idempotency.Custody, bool, error)
}

// executions is the part of the Step Functions client that the sweep needs.
type executions interface {
	DescribeExecution(ctx context.Context, in *sfn.DescribeExecutionInput, o ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error)
}

// gate is the switch that stops all changes.
type gate interface {
	Check(ctx context.Context) error
}

// process is a kind of ticket and the state machine that works on it.
type process struct {
	kind    servicenow.Kind
	starter *event.Starter
}

const (
	// grace is how long a ticket is left to its webhook after its last change. A
	// sender tries again every minute.
	grace = 3 * time.Minute
	// most is how many executions one run starts. More than that at once is a
	// backlog, and need not arrive in one go.
	most = 200
	// margin is left of the function's time for what is under way.
	margin = 20 * time.Second
)

// Sweep looks after the open tickets of all kinds.
type Sweep struct {
	// connect signs in to ServiceNow, anew in each run: the credential may have
	// been rotated since the last.
	connect    func(context.Context) (tickets, error)
	custody    custodians
	executions executions
	gate       gate
	processes  []process
	metrics    *platform.Metrics
}

// Report counts what a run found.
type Report struct {
	// Open is the number of open tickets that were looked at.
	Open int `json:"open"`
	// Started were without an execution, and have one now.
	Started int `json:"started"`
	// Working are tickets that an execution works on.
	Working int `json:"working"`
	// Settled were returned or ended, and have not changed since.
	Settled int `json:"settled"`
	// Recent were changed a moment ago and are left to their webhook.
	Recent int `json:"recent"`
	// Failed could not be looked at or started; the log says why.
	Failed int `json:"failed"`
	// Left is true when time or the number of starts ran out: the next run goes on.
	Left bool `json:"left"`
}

// Run is one sweep. Its error says which kinds of ticket could not be read; all
// others have been looked after.
func (s *Sweep) Run(ctx context.Context) (Report, error) {
	var (
		report  Report
		unread  []error
		stopped *fault.Stopped
	)
	if err := s.gate.Check(ctx); errors.As(err, &stopped) {
		platform.Logger(ctx).WarnContext(ctx, "all changes are stopped: nothing is started", "why", stopped.Message)
		report.Left = true
		return report, nil
	} else if err != nil {
		return report, err
	}
	source, err := s.connect(ctx)
	if err != nil {
		return report, err
	}
	for _, p := range s.processes {
		open, err := open(ctx, source, p.kind)
		if err != nil {
			unread = append(unread, fmt.Errorf("open tickets of kind %s could not all be read: %w", p.kind.Name, err))
		}
		s.each(platform.LogWith(ctx, "kind", p.kind.Name), p, open, &report)
	}
	s.measure(report)
	platform.Logger(ctx).InfoContext(ctx, "sweep done", "report", report)
	return report, errors.Join(unread...)
}

// open reads the tickets of a kind, as many as can be read, in an order that
// differs from run to run: when time runs out, it is not always out for the same.
func open(ctx context.Context, source tickets, kind servicenow.Kind) ([]servicenow.Ticket, error) {
	var open []servicenow.Ticket
	for ticket, err := range source.OpenTickets(ctx, kind) {
		if err != nil {
			return open, err
		}
		open = append(open, ticket)
	}
	rand.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
	return open, nil
}

func (s *Sweep) each(ctx context.Context, p process, open []servicenow.Ticket, report *Report) {
	for _, ticket := range open {
		if report.Started >= most || outOfTime(ctx) {
			report.Left = true
			return
		}
		report.Open++
		ctx := platform.LogWith(ctx, "ticket", ticket.Number, "sys_id", ticket.SysID)
		found, err := s.look(ctx, p, ticket)
		if err != nil {
			report.Failed++
			platform.Logger(ctx).ErrorContext(ctx, "the ticket could not be looked after", "error", err.Error())
			continue
		}
		switch found {
		case recent:
			report.Recent++
		case working:
			report.Working++
		case settled:
			report.Settled++
		case started:
			report.Started++
		}
	}
}

func (s *Sweep) measure(r Report) {
	for name, n := range map[string]int{
		"SweepStarted": r.Started, "SweepWorking": r.Working, "SweepSettled": r.Settled, "SweepRecent": r.Recent, "SweepFailed": r.Failed,
	} {
		s.metrics.Count(name, n)
	}
	left := 0
	if r.Left {
		left = 1
	}
	s.metrics.Count("SweepLeft", left)
}

func outOfTime(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(deadline) < margin
}
