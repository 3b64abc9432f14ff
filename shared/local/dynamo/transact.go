package dynamo

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"
)

// transaction is a TransactWriteItems.
type transaction struct {
	TransactItems      []transactionPart
	ClientRequestToken string

	// Accepted and without effect.
	ReturnConsumedCapacity, ReturnItemCollectionMetrics string
}

type transactionPart struct {
	Put, Update, Delete, ConditionCheck *write `json:",omitempty"`
}

const (
	mostTransactItems = 100
	// tokenLife is how long a ClientRequestToken is remembered.
	tokenLife = 10 * time.Minute
)

// spent is what succeeded under a token.
type spent struct {
	at    time.Time
	items []transactionPart
}

// transactWrite carries out a transaction: every condition is looked at before
// anything is changed.
func (db *DB) transactWrite(tx transaction) (any, error) {
	now := time.Now()
	before, known := db.tokens[tx.ClientRequestToken]
	if known && tx.ClientRequestToken != "" && now.Sub(before.at) < tokenLife {
		same, err := sameContent(before.items, tx.TransactItems)
		if err == nil && !same {
			err = refuse("IdempotentParameterMismatchException", "the token was used for another transaction")
		}
		return struct{}{}, err // it was made already, and is not made twice
	}
	changes, err := db.planAll(tx)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		c.apply()
	}
	db.spend(tx.ClientRequestToken, spent{now, tx.TransactItems})
	return struct{}{}, nil
}

func sameContent(a, b []transactionPart) (bool, error) {
	x, err := encode(a)
	if err != nil {
		return false, err
	}
	y, err := encode(b)
	return bytes.Equal(x, y), err
}

func (db *DB) planAll(tx transaction) ([]change, error) {
	if n := len(tx.TransactItems); n == 0 || n > mostTransactItems {
		return nil, invalid("A transaction has 1 to %d items, not %d", mostTransactItems, n)
	}
	var changes []change
	reasons := make([]reason, len(tx.TransactItems))
	cancelled := false
	for i, part := range tx.TransactItems {
		operation, w := part.operation()
		if operation == "" {
			return nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
		}
		c, err := db.plan(operation, w)
		reasons[i] = reason{Code: "None"}
		var refused *apiError
		switch {
		case err == nil && slices.ContainsFunc(changes, c.sameItem):
			return nil, invalid("Transaction request cannot include multiple operations on one item")
		case err == nil:
			changes = append(changes, c)
		case errors.As(err, &refused) && refused.code == conditionFailed+"Exception":
			cancelled = true
			reasons[i] = reason{Code: conditionFailed, Message: refused.message, Item: refused.item}
		default:
			return nil, err
		}
	}
	if cancelled {
		codes := make([]string, len(reasons))
		for i, r := range reasons {
			codes[i] = r.Code
		}
		e := refuse(transactionCanceled, "Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", "))
		e.reasons = reasons
		return nil, e
	}
	return changes, nil
}

// operation tells which of the four a part is; empty when it is not exactly one.
func (part transactionPart) operation() (string, write) {
	name, found := "", write{}
	for operation, w := range map[string]*write{"Put": part.Put, "Update": part.Update, "Delete": part.Delete, "ConditionCheck": part.ConditionCheck} {
		if w == nil {
			continue
		}
		if name != "" {
			return "", write{}
		}
		name, found = operation, *w
	}
	return name, found
}

func (db *DB) spend(token string, s spent) {
	if token == "" {
		return
	}
	// Forgetting old tokens now and then keeps a long run small.
	if len(db.tokens) >= db.forgetAt {
		for old, t := range db.tokens {
			if s.at.Sub(t.at) >= tokenLife {
				delete(db.tokens, old)
			}
		}
		db.forgetAt = 2*len(db.tokens) + 1000
	}
	db.tokens[token] = s
}
