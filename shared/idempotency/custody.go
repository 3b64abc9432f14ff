package idempotency

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Custody is who works on a ticket.
type Custody struct {
	// Held is true when somebody has custody: from Take, the one who asked; from
	// Custody, anybody.
	Held bool
	// Owner is the ARN of the execution that has custody; empty when nobody has.
	Owner string
	// Token is the task token on which the owner waits for a change; empty when
	// it does not wait.
	Token string
	// LastOutcome and LastFingerprint are what the last Release left.
	LastOutcome, LastFingerprint string
}

// A custody item has the attributes holder, wake_token, last_outcome and
// last_fingerprint (S), and changed (BOOL), which is there or not: there, a
// change was noted that the holder has not looked at.

// Take takes custody of what for an execution if nobody has it. Otherwise it
// notes for the holder that what has changed, and says who that is and on which
// token it waits; then Held is false.
//
// The holder may take again: that is how it says that it now looks at what, so
// it forgets changes noted before, and its token.
func (s *Store) Take(ctx context.Context, what, execution string) (Custody, error) {
	problem := fmt.Sprintf("custody of %s could not be taken", what)
	for range tries {
		out, err := s.client.UpdateItem(ctx, s.update(custodyKey(what),
			"SET holder = :me REMOVE wake_token, changed",
			"attribute_not_exists(holder) OR holder = :me", item{me: text(execution)}))
		if err == nil {
			c := custodyOf(out.Attributes)
			c.Held = c.Owner == execution
			return c, nil
		}
		if !refused(err) {
			return Custody{}, platform.AWSError(problem, err)
		}
		// The note and the reading of the token are one write, as are Await's
		// token and its reading of the note: one of the two sees the other.
		out, err = s.client.UpdateItem(ctx, s.update(custodyKey(what),
			"SET changed = :yes",
			"attribute_exists(holder) AND holder <> :me", item{me: text(execution), ":yes": flag(true)}))
		if err == nil {
			c := custodyOf(out.Attributes)
			c.Held = false
			return c, nil
		}
		if !refused(err) {
			return Custody{}, platform.AWSError(problem, err)
		}
		// The holder gave it back in between.
	}
	return Custody{}, &fault.Unavailable{Message: problem + ": it kept changing hands"}
}

// Seize gives custody from an execution that is dead to another. When from no
// longer has it, nothing happens: the caller takes again and sees.
func (s *Store) Seize(ctx context.Context, what, from, to string) error {
	_, err := s.client.UpdateItem(ctx, s.update(custodyKey(what),
		"SET holder = :to REMOVE wake_token", "holder = :from",
		item{":from": text(from), ":to": text(to)}))
	if refused(err) {
		return nil
	}
	return platform.AWSError(fmt.Sprintf("custody of %s could not be taken from a dead execution", what), err)
}

// Await leaves the token on which the holder waits. changed is true when a
// change was noted since it last took: then nobody else will wake it. That is
// also the answer to an execution that no longer has custody, because it has to
// look who has.
func (s *Store) Await(ctx context.Context, what, execution, token string) (changed bool, err error) {
	out, err := s.client.UpdateItem(ctx, s.update(custodyKey(what),
		"SET wake_token = :token", "holder = :me",
		item{me: text(execution), ":token": text(token)}))
	if refused(err) {
		return true, nil
	}
	if err != nil {
		return false, platform.AWSError(fmt.Sprintf("the wait for a change of %s could not be noted", what), err)
	}
	return flagOf(out.Attributes["changed"]), nil
}

// Release gives custody back and keeps how it ended; an empty outcome keeps the
// outcome and fingerprint from before. changed is true when a change was noted
// since the execution last took: then it still has custody and has to take
// again, which clears the note and tells it the outcome that it has just left.
// Until it does, Release answers the same, so that a repeated Release cannot
// lose the change. Releasing what is not ours is harmless.
func (s *Store) Release(ctx context.Context, what, execution, outcome, fingerprint string) (changed bool, err error) {
	keep, values := "", item{me: text(execution)}
	if outcome != "" {
		keep = "SET last_outcome = :outcome, last_fingerprint = :fingerprint "
		values[":outcome"], values[":fingerprint"] = text(outcome), text(fingerprint)
	}
	given, err := s.release(ctx, what, keep+"REMOVE holder, wake_token", "holder = :me AND attribute_not_exists(changed)", values)
	if given || err != nil {
		return false, err
	}
	// Refused for the note, which is never taken back while somebody else looks
	// on, or because it is not ours.
	return s.release(ctx, what, keep+"REMOVE wake_token", "holder = :me", values)
}

// Forget drops the outcome that the last Release left, because the execution
// that has custody takes the work up again. When it is not ours nothing happens.
func (s *Store) Forget(ctx context.Context, what, execution string) error {
	_, err := s.client.UpdateItem(ctx, s.update(custodyKey(what), "REMOVE last_outcome, last_fingerprint", "holder = :me", item{me: text(execution)}))
	if refused(err) {
		return nil
	}
	return platform.AWSError(fmt.Sprintf("the last outcome of %s could not be dropped", what), err)
}

func (s *Store) release(ctx context.Context, what, expression, condition string, values item) (done bool, err error) {
	_, err = s.client.UpdateItem(ctx, s.update(custodyKey(what), expression, condition, values))
	if refused(err) {
		return false, nil
	}
	return err == nil, platform.AWSError(fmt.Sprintf("custody of %s could not be given back", what), err)
}

// Custody reads who has custody of what; known is false when nobody ever had.
func (s *Store) Custody(ctx context.Context, what string) (c Custody, known bool, err error) {
	found, err := s.read(ctx, custodyKey(what))
	if err != nil {
		return Custody{}, false, platform.AWSError(fmt.Sprintf("custody of %s could not be read", what), err)
	}
	return custodyOf(found), len(found) > 0, nil
}

func (s *Store) read(ctx context.Context, key string) (item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.table), Key: item{"pk": text(key)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// me stands in an expression for the execution that asks.
const me = ":me"

func custodyKey(what string) string { return "custody#" + what }

func custodyOf(i item) Custody {
	owner := textOf(i["holder"])
	return Custody{
		Held: owner != "", Owner: owner, Token: textOf(i["wake_token"]),
		LastOutcome: textOf(i["last_outcome"]), LastFingerprint: textOf(i["last_fingerprint"]),
	}
}
