package workflow

import (
	"context"

	"lifecycle/shared/idempotency"
)

// turnStore is the part of idempotency.Store that taking turns needs.
type turnStore interface {
	Enter(ctx context.Context, what string, e idempotency.Entrant) (idempotency.Turn, error)
	Leave(ctx context.Context, what string, e idempotency.Entrant, withdrawn bool) error
	Oust(ctx context.Context, what, execution string) error
}

// Turns lets one ticket at a time change the same thing, such as one person's
// access: the latest. An earlier ticket that waits is woken and ends; one that is
// at work finishes first.
type Turns struct {
	store     turnStore
	custodian *Custodian
}

// NewTurns returns the turns kept in the idempotency table.
func NewTurns(store *idempotency.Store, custodian *Custodian) *Turns {
	return &Turns{store: store, custodian: custodian}
}

// Enter asks for the ticket's turn to change what. When it is another ticket's,
// the execution that works on that one has been told to look again.
func (t *Turns) Enter(ctx context.Context, what string, s Subject, rank string) (idempotency.Turn, error) {
	task, err := current(ctx)
	if err != nil {
		return idempotency.Turn{}, err
	}
	for {
		turn, err := t.store.Enter(ctx, what, idempotency.Entrant{Ticket: s.Stream(), Number: s.Number, Rank: rank, Execution: task.Execution})
		if err != nil || turn.Holder.Execution == "" {
			return turn, err
		}
		alive, err := t.custodian.running(ctx, turn.Holder.Execution)
		if err != nil {
			return idempotency.Turn{}, err
		}
		if alive {
			return turn, t.custodian.nudge(ctx, turn.Holder.Ticket)
		}
		if err := t.store.Oust(ctx, what, turn.Holder.Execution); err != nil {
			return idempotency.Turn{}, err
		}
	}
}

// Leave gives the turn back; withdrawn says that the ticket has changed nothing
// and is not to be counted any more.
func (t *Turns) Leave(ctx context.Context, what string, s Subject, withdrawn bool) error {
	task, err := current(ctx)
	if err != nil {
		return err
	}
	return t.store.Leave(ctx, what, idempotency.Entrant{Ticket: s.Stream(), Number: s.Number, Execution: task.Execution}, withdrawn)
}

// Nudge makes whoever has custody of what the subject names look at it again, for
// work that depends on another one's. Nobody having it is fine.
func (c *Custodian) Nudge(ctx context.Context, s Subject) error { return c.nudge(ctx, s.Stream()) }

// nudge makes whoever has custody of a ticket look at it again. A ticket that
// nobody has any more is left as it is.
func (c *Custodian) nudge(ctx context.Context, ticket string) error {
	task, err := current(ctx)
	if err != nil {
		return err
	}
	custody, err := c.store.Take(ctx, ticket, task.Execution)
	if err != nil {
		return err
	}
	for custody.Held {
		// Given back just now. What is noted while it is ours the sweep finds.
		again, err := c.store.Release(ctx, ticket, task.Execution, "", "")
		if err != nil || !again {
			return err
		}
		if custody, err = c.store.Take(ctx, ticket, task.Execution); err != nil {
			return err
		}
	}
	return c.wake(ctx, custody.Token)
}
