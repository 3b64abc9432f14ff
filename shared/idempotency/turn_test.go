package idempotency_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lifecycle/shared/idempotency"
	"lifecycle/shared/idempotency/idempotencytest"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/dynamo/dynamotest"
)

const mover = "mover/00u1"

// entrant is a ticket in its first execution; the rank orders tickets as their
// numbers do.
func entrant(n int) idempotency.Entrant {
	return idempotency.Entrant{
		Ticket: fmt.Sprintf("incident/%d", n), Number: fmt.Sprintf("INC%d", n), Rank: fmt.Sprintf("%03d", n), Execution: fmt.Sprintf("arn:%d", n),
	}
}

// turns is a store whose calls must succeed.
type turns struct {
	*idempotency.Store

	t *testing.T
}

func (s *turns) enter(what string, e idempotency.Entrant) idempotency.Turn {
	s.t.Helper()
	turn, err := s.Enter(s.t.Context(), what, e)
	if err != nil {
		s.t.Fatal(err)
	}
	return turn
}

func (s *turns) leave(what string, e idempotency.Entrant, withdrawn bool) {
	s.t.Helper()
	if err := s.Leave(s.t.Context(), what, e, withdrawn); err != nil {
		s.t.Fatal(err)
	}
}

func (s *turns) want(what string, want, got idempotency.Turn) {
	s.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTurn(t *testing.T) {
	t.Parallel()
	held := idempotency.Turn{Held: true}
	holder := func(n int) idempotency.Turn {
		e := entrant(n)
		e.Rank = ""
		return idempotency.Turn{Holder: e}
	}
	cases := map[string]func(s *turns){
		"the later ticket waits for the earlier one, which then has to give way": func(s *turns) {
			s.want("the first", held, s.enter(mover, entrant(1)))
			s.want("the second", holder(1), s.enter(mover, entrant(2)))
			s.want("the first, again", idempotency.Turn{Replaced: "INC2"}, s.enter(mover, entrant(1)))
			s.want("the second, as long as the first has not left", holder(1), s.enter(mover, entrant(2)))
			s.leave(mover, entrant(1), false)
			s.want("the second, then", held, s.enter(mover, entrant(2)))
			s.want("the second, again", held, s.enter(mover, entrant(2)))
		},
		"an earlier ticket that comes late does not work, whether the later is done or not": func(s *turns) {
			s.want("the later", held, s.enter(mover, entrant(2)))
			s.want("the earlier", idempotency.Turn{Replaced: "INC2"}, s.enter(mover, entrant(1)))
			s.leave(mover, entrant(2), false)
			s.want("the earlier, afterwards", idempotency.Turn{Replaced: "INC2"}, s.enter(mover, entrant(1)))
			s.want("a third", held, s.enter(mover, entrant(3)))
		},
		"a ticket that is withdrawn lets the earlier one work after all": func(s *turns) {
			s.enter(mover, entrant(1))
			s.enter(mover, entrant(2))
			s.leave(mover, entrant(2), true)
			s.want("the first", held, s.enter(mover, entrant(1)))
			s.leave(mover, entrant(2), true)
			s.want("the first, after it was withdrawn twice", held, s.enter(mover, entrant(1)))
		},
		"another execution of the ticket takes its turn over, and the former one gives nothing back": func(s *turns) {
			s.enter(mover, entrant(1))
			next := entrant(1)
			next.Execution = "arn:next"
			s.want("the next execution", held, s.enter(mover, next))
			s.leave(mover, entrant(1), false)
			s.want("another ticket", idempotency.Turn{Holder: idempotency.Entrant{Execution: "arn:next", Ticket: "incident/1", Number: "INC1"}}, s.enter(mover, entrant(2)))
		},
		"a dead execution loses the turn, and nobody else": func(s *turns) {
			s.enter(mover, entrant(1))
			for _, dead := range []string{"arn:9", "arn:1"} {
				if err := s.Oust(s.t.Context(), mover, dead); err != nil {
					s.t.Fatal(err)
				}
				if dead == "arn:9" {
					s.want("the second", holder(1), s.enter(mover, entrant(2)))
				}
			}
			s.want("the second, then", held, s.enter(mover, entrant(2)))
		},
		"people do not disturb each other": func(s *turns) {
			s.want("one", held, s.enter(mover, entrant(2)))
			s.want("another", held, s.enter("mover/00u2", entrant(1)))
		},
	}
	dynamotest.Run(t, func(t *testing.T, e dynamotest.Engine) {
		t.Helper()
		for name, run := range cases {
			e.Case(t, name, idempotencytest.Table, func(t *testing.T, client *dynamodb.Client, table string) {
				t.Helper()
				run(&turns{Store: idempotency.New(client, table), t: t})
			})
		}
	})
}

// TestTurnProperty holds the turn against a list kept by hand: whatever the
// order, at most one holds, and it is not one that knows of a later ticket.
func TestTurnProperty(t *testing.T) {
	t.Parallel()
	db := dynamo.New()
	if err := db.CreateTable(t.Context(), idempotencytest.Table); err != nil {
		t.Fatal(err)
	}
	s := &turns{Store: idempotency.New(db.Client(), idempotencytest.Table.Name), t: t}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		what := fmt.Sprintf("mover/%d", run)
		latest, holder := 0, 0
		for range rapid.IntRange(1, 25).Draw(rt, "moves") {
			n := rapid.IntRange(1, 4).Draw(rt, "ticket")
			if rapid.Bool().Draw(rt, "leaves") {
				withdrawn := rapid.Bool().Draw(rt, "withdrawn")
				s.leave(what, entrant(n), withdrawn)
				if holder == n {
					holder = 0
				}
				if withdrawn && latest == n {
					latest = 0
				}
				continue
			}
			turn := s.enter(what, entrant(n))
			latest = max(latest, n)
			switch {
			case latest > n:
				if turn.Replaced != entrant(latest).Number || turn.Held {
					rt.Fatalf("ticket %d should give way to %d: %+v", n, latest, turn)
				}
			case holder == 0 || holder == n:
				if holder = n; !turn.Held {
					rt.Fatalf("ticket %d should have the turn: %+v", n, turn)
				}
			case turn.Held || turn.Holder.Number != entrant(holder).Number:
				rt.Fatalf("ticket %d should wait for %d: %+v", n, holder, turn)
			}
		}
	})
}
