package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// ledger is the part of *audit.Ledger that the register needs.
type ledger interface {
	FactWith(ctx context.Context, c audit.Change, with ...types.TransactWriteItem) (audit.Record, error)
}

// Register keeps the leases in a table with the keys pk (the subject) and sk
// (the entitlement), and the indexes "due" (due_list, due: when the first lease
// of a holding ends) and "entitlement" (sk, pk: who holds it). It is safe for
// concurrent use.
type Register struct {
	client *dynamodb.Client
	table  string
	ledger ledger
}

// New returns the register in the table.
func New(client *dynamodb.Client, table string, l ledger) *Register {
	return &Register{client: client, table: table, ledger: l}
}

// tries is how often a change starts over because somebody else changed the
// same holding.
const tries = 8

// Grant records a lease, or renews the one with the same key. Granting what is
// granted already changes and records nothing.
func (r *Register) Grant(ctx context.Context, l Lease) error {
	if l.Subject == "" || l.Entitlement.ID == "" || l.Key == "" || l.Reason.Kind == "" {
		return &fault.Invalid{Message: fmt.Sprintf("no access to %s was recorded for %s: a lease names person, entitlement, key and reason", l.Entitlement, l.Subject)}
	}
	if l.Since.IsZero() {
		l.Since = time.Now().UTC()
	}
	return r.change(ctx, l.Subject, l.Entitlement, func(h Holding) (Holding, audit.Change, bool) {
		if old, found := h.Find(l.Key); found && same(old, l) {
			return h, audit.Change{}, false
		}
		return h.with(l), audit.Change{Verb: "lease.grant", Reason: l.Reason, Key: l.Key, After: l}, true
	})
}

// End ends the lease under that key, whoever holds others; why says what ended
// it. A lease that does not exist has ended already.
func (r *Register) End(ctx context.Context, subject string, e Entitlement, key string, why audit.Reason) error {
	return r.change(ctx, subject, e, func(h Holding) (Holding, audit.Change, bool) {
		old, found := h.Find(key)
		if !found {
			return h, audit.Change{}, false
		}
		return h.without(key), audit.Change{Verb: "lease.end", Reason: why, Key: key, Before: old}, true
	})
}

// Expire ends the lease under that key if its time is over, and leaves alone one
// that was renewed meanwhile.
func (r *Register) Expire(ctx context.Context, subject string, e Entitlement, key string, why audit.Reason) error {
	return r.change(ctx, subject, e, func(h Holding) (Holding, audit.Change, bool) {
		old, found := h.Find(key)
		if !found || !old.Ended(time.Now()) {
			return h, audit.Change{}, false
		}
		return h.without(key), audit.Change{Verb: "lease.end", Reason: why, Key: key, Before: old}, true
	})
}

// Warned notes that the holder of the lease was told of its end. A lease that is
// gone, renewed to another end, or noted already stays as it is.
func (r *Register) Warned(ctx context.Context, subject string, e Entitlement, key string, until time.Time, why audit.Reason) error {
	return r.change(ctx, subject, e, func(h Holding) (Holding, audit.Change, bool) {
		old, found := h.Find(key)
		if !found || !old.Until.Equal(until) || !old.Warned.IsZero() {
			return h, audit.Change{}, false
		}
		old.Warned = time.Now().UTC()
		return h.with(old), audit.Change{Verb: "lease.warn", Reason: why, Key: key, After: old}, true
	})
}

// Postpone keeps a lease that is over, and gives nothing any more, in the register
// until Okta lets go: ending it is to be tried again at that time.
func (r *Register) Postpone(ctx context.Context, subject string, e Entitlement, key string, until time.Time, why audit.Reason) error {
	return r.change(ctx, subject, e, func(h Holding) (Holding, audit.Change, bool) {
		old, found := h.Find(key)
		if !found || !old.Ended(time.Now()) || !old.Retry.Before(until) {
			return h, audit.Change{}, false
		}
		old.Retry = until.UTC()
		return h.with(old), audit.Change{Verb: "lease.postpone", Reason: why, Key: key, After: old}, true
	})
}

// EndedAll is the verb of the ledger's records of EndAll; Before of each is the
// list of leases that ended.
const EndedAll = "lease.end_all"

// EndAll ends every lease of a person, and returns what was held.
func (r *Register) EndAll(ctx context.Context, subject string, why audit.Reason) ([]Holding, error) {
	holdings, err := r.Of(ctx, subject)
	if err != nil {
		return nil, err
	}
	for _, h := range holdings {
		err := r.change(ctx, subject, h.Entitlement, func(h Holding) (Holding, audit.Change, bool) {
			if len(h.Leases) == 0 {
				return h, audit.Change{}, false
			}
			before := h.Leases
			h.Leases = nil
			return h, audit.Change{Verb: EndedAll, Reason: why, Before: before}, true
		})
		if err != nil {
			return nil, err
		}
	}
	return holdings, nil
}

// change reads the holding, lets edit say what becomes of it, and writes both
// the holding and the record.
func (r *Register) change(ctx context.Context, subject string, e Entitlement, edit func(Holding) (Holding, audit.Change, bool)) error {
	for try := range tries {
		h, err := r.Holding(ctx, subject, e)
		if err != nil {
			return err
		}
		next, change, needed := edit(h)
		if !needed {
			return nil
		}
		write, err := r.write(h, next)
		if err != nil {
			return err
		}
		change.System, change.Target, change.Subject = "lifecycle", e.String(), subject
		_, err = r.ledger.FactWith(ctx, change, write)
		if !fault.Is[*fault.Conflict](err) || !lostRace(err) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
	return &fault.Unavailable{Message: fmt.Sprintf("the access of %s to %s kept being changed by others", subject, e)}
}

// write is the conditional write from one version of a holding to the next. A
// holding without leases keeps its item, whose version Settle goes by.
func (r *Register) write(from, to Holding) (types.TransactWriteItem, error) {
	body, err := json.Marshal(to.Leases)
	if err != nil {
		return types.TransactWriteItem{}, &fault.Invalid{Message: "the leases cannot be written", Cause: err}
	}
	item := map[string]types.AttributeValue{
		"pk": text(to.Subject), "sk": text(to.Entitlement.String()), "kind": text(to.Entitlement.Kind), "id": text(to.Entitlement.ID),
		"leases": text(string(body)), "version": number(from.version + 1),
	}
	if due := to.due(); !due.IsZero() {
		item["due_list"], item["due"] = text(dueList), text(moment(due))
	}
	put := &types.Put{TableName: aws.String(r.table), Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)")}
	if from.version > 0 {
		put.ConditionExpression = aws.String("version = :version")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":version": number(from.version)}
	}
	return types.TransactWriteItem{Put: put}, nil
}

// Holding reads the leases of one person on one entitlement, up to date.
func (r *Register) Holding(ctx context.Context, subject string, e Entitlement) (Holding, error) {
	out, err := r.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(r.table), ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": text(subject), "sk": text(e.String())},
	})
	if err != nil {
		return Holding{}, platform.AWSError(fmt.Sprintf("the access of %s to %s could not be read", subject, e), err)
	}
	if len(out.Item) == 0 {
		return Holding{Subject: subject, Entitlement: e}, nil
	}
	return holdingOf(out.Item)
}

// Of reads all that a person holds, up to date. Holdings whose last lease has
// ended are left out.
func (r *Register) Of(ctx context.Context, subject string) ([]Holding, error) {
	var all []Holding
	for h, err := range r.query(ctx, &dynamodb.QueryInput{
		ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("pk = :subject"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":subject": text(subject)},
	}) {
		if err != nil {
			return nil, err
		}
		if len(h.Leases) > 0 {
			all = append(all, h)
		}
	}
	return all, nil
}

// HoldersOf reads who holds an entitlement; a change shows up a moment later.
func (r *Register) HoldersOf(ctx context.Context, e Entitlement) iter.Seq2[Holding, error] {
	return r.query(ctx, &dynamodb.QueryInput{
		IndexName: aws.String("entitlement"), KeyConditionExpression: aws.String("sk = :entitlement"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":entitlement": text(e.String())},
	})
}

// Due reads the holdings of which a lease ends by that time, earliest first; a
// change shows up a moment later.
func (r *Register) Due(ctx context.Context, by time.Time) iter.Seq2[Holding, error] {
	return r.query(ctx, &dynamodb.QueryInput{
		IndexName: aws.String("due"), KeyConditionExpression: aws.String("due_list = :list AND due <= :by"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":list": text(dueList), ":by": text(moment(by))},
	})
}

func (r *Register) query(ctx context.Context, q *dynamodb.QueryInput) iter.Seq2[Holding, error] {
	q.TableName = aws.String(r.table)
	return func(yield func(Holding, error) bool) {
		pages := dynamodb.NewQueryPaginator(r.client, q)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Holding{}, platform.AWSError("the register of access could not be read", err))
				return
			}
			for _, item := range page.Items {
				h, err := holdingOf(item)
				if !yield(h, err) || err != nil {
					return
				}
			}
		}
	}
}

func holdingOf(item map[string]types.AttributeValue) (Holding, error) {
	h := Holding{Subject: textOf(item["pk"]), Entitlement: Entitlement{Kind: textOf(item["kind"]), ID: textOf(item["id"])}}
	n, _ := item["version"].(*types.AttributeValueMemberN)
	if n != nil {
		h.version, _ = strconv.ParseInt(n.Value, 10, 64)
	}
	if err := json.Unmarshal([]byte(textOf(item["leases"])), &h.Leases); err != nil || h.version < 1 {
		return Holding{}, &fault.Conflict{Message: fmt.Sprintf("the leases of %s on %s are damaged; somebody has to look at the item", h.Subject, h.Entitlement), Cause: err}
	}
	return h, nil
}

// lostRace tells a version that has moved on from any other conflict.
func lostRace(err error) bool {
	var cancelled *types.TransactionCanceledException
	return errors.As(err, &cancelled)
}

func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(20 * time.Millisecond << try))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

const dueList = "due"

// moment is a time that sorts as text.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

func text(s string) *types.AttributeValueMemberS { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) *types.AttributeValueMemberN {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
