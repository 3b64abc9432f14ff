package idempotency

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Entrant is a ticket that wants to work on something that other tickets may be
// about too, such as a person.
type Entrant struct {
	// Ticket is the name of its stream, Number what people call it.
	Ticket, Number string
	// Rank orders the tickets about the same thing, as text; no two have the same.
	Rank string
	// Execution is the ARN of the execution that works on the ticket.
	Execution string
}

// Turn is the answer to Enter.
type Turn struct {
	// Held is true when it is the entrant's turn.
	Held bool
	// Replaced is the number of a ticket of higher rank: the entrant is not to
	// work any more. Empty when there is none.
	Replaced string
	// Holder has the turn otherwise; it learns of the entrant when it enters
	// again.
	Holder Entrant
}

// A turn item has the attributes holder, holder_ticket and holder_number (S),
// which are there while somebody has the turn, and latest_rank, latest_ticket and
// latest_number (S) of the ticket of the highest rank that ever entered.

// Enter says that a ticket wants to work on what. Of several tickets that of the
// highest rank works: one of a lower rank that enters later, or again, is told
// so. Whoever has the turn keeps it until it leaves, so that two never work at
// once. Entering again is harmless; another execution of the same ticket takes
// the ticket's turn over.
func (s *Store) Enter(ctx context.Context, what string, e Entrant) (Turn, error) {
	problem := fmt.Sprintf("the turn to work on %s could not be taken", what)
	for range tries {
		_, err := s.client.UpdateItem(ctx, s.update(turnKey(what),
			"SET latest_rank = :rank, latest_ticket = :ticket, latest_number = :number",
			"attribute_not_exists(latest_rank) OR latest_rank <= :rank",
			item{":rank": text(e.Rank), ":ticket": text(e.Ticket), ":number": text(e.Number)}))
		if err != nil && !refused(err) {
			return Turn{}, platform.AWSError(problem, err)
		}
		_, err = s.client.UpdateItem(ctx, s.update(turnKey(what),
			"SET holder = :me, holder_ticket = :ticket, holder_number = :number",
			"latest_ticket = :ticket AND (attribute_not_exists(holder) OR holder = :me OR holder_ticket = :ticket)",
			item{me: text(e.Execution), ":ticket": text(e.Ticket), ":number": text(e.Number)}))
		if err == nil {
			return Turn{Held: true}, nil
		}
		if !refused(err) {
			return Turn{}, platform.AWSError(problem, err)
		}
		now, err := s.read(ctx, turnKey(what))
		if err != nil {
			return Turn{}, platform.AWSError(problem, err)
		}
		switch {
		case textOf(now["latest_rank"]) > e.Rank:
			return Turn{Replaced: textOf(now["latest_number"])}, nil
		case textOf(now[holder]) != "" && textOf(now[holder]) != e.Execution:
			return Turn{Holder: Entrant{Execution: textOf(now[holder]), Ticket: textOf(now["holder_ticket"]), Number: textOf(now["holder_number"])}}, nil
		}
		// It was left, or the latest withdrew, in between.
	}
	return Turn{}, &fault.Unavailable{Message: problem + ": it kept changing hands"}
}

// Leave gives the turn back, if the execution has it. A ticket that was withdrawn
// before it changed anything is forgotten too, so that one of a lower rank may
// work after all.
func (s *Store) Leave(ctx context.Context, what string, e Entrant, withdrawn bool) error {
	problem := fmt.Sprintf("the turn to work on %s could not be given back", what)
	if withdrawn {
		err := s.cleared(ctx, what, "REMOVE latest_rank, latest_ticket, latest_number", "latest_ticket = :it", e.Ticket)
		if err != nil {
			return platform.AWSError(problem, err)
		}
	}
	return platform.AWSError(problem, s.cleared(ctx, what, leaving, "holder = :it", e.Execution))
}

// Oust takes the turn from an execution that is dead.
func (s *Store) Oust(ctx context.Context, what, execution string) error {
	return platform.AWSError(fmt.Sprintf("the turn to work on %s could not be taken from a dead execution", what),
		s.cleared(ctx, what, leaving, "holder = :it", execution))
}

const (
	holder  = "holder"
	leaving = "REMOVE holder, holder_ticket, holder_number"
)

// cleared removes attributes where the condition about it holds.
func (s *Store) cleared(ctx context.Context, what, expression, condition, it string) error {
	update := s.update(turnKey(what), expression, condition, item{":it": text(it)})
	update.ReturnValues = types.ReturnValueNone
	_, err := s.client.UpdateItem(ctx, update)
	if refused(err) {
		return nil
	}
	return err
}

func turnKey(what string) string { return "turn#" + what }
