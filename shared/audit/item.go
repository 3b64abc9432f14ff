package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// recordKey is the sort key of a record: its number with twelve digits.
func recordKey(seq int64) string { return fmt.Sprintf("%012d", seq) }

// doneKey is the sort key of the item that finds the latest done record of a
// change.
func doneKey(change string) string { return donePrefix + change }

const donePrefix = "done#"

// hashAttribute holds a record's hash, and in the head the last record's.
const hashAttribute = "hash"

// lastKey sorts behind every record's key.
const lastKey = "999999999999"

// The indexes, named as their keys.
const (
	subjectIndex = "subject"
	actorIndex   = "actor"
	dayIndex     = "day"
	ticketIndex  = "ticket"
	targetIndex  = "target"
)

// recordAttributes are all that an item of a record has.
var recordAttributes = []string{"pk", "sk", "body", hashAttribute, "at_seq", subjectIndex, actorIndex, dayIndex, ticketIndex, targetIndex}

// moment is the form of a time in sort keys: it sorts as text.
const moment = "2006-01-02T15:04:05.000000000Z"

// sealed gives a record its hash and returns the text that the hash is over:
// the record in canonical JSON, without the hash itself.
func sealed(r Record) (Record, string, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return Record{}, "", err
	}
	fields, err := decoded(raw)
	if err != nil {
		return Record{}, "", err
	}
	delete(fields.(map[string]any), hashAttribute) //nolint:forcetypeassert // a Record is an object
	body, err := canonical(fields)
	if err != nil {
		return Record{}, "", err
	}
	r.Hash = hashOf(body)
	return r, body, nil
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// recordItem is the record as it is stored. Only body and hash are the record;
// the rest finds it.
func recordItem(r Record, body string) map[string]types.AttributeValue {
	item := map[string]types.AttributeValue{
		"pk": text(r.Stream), "sk": text(recordKey(r.Seq)), "body": text(body), hashAttribute: text(r.Hash),
	}
	for name, value := range indexed(r) {
		item[name] = text(value)
	}
	return item
}

// indexed are the attributes by which the table's indexes find a record. A key
// of an index cannot be empty, so a record without a subject is in no subject's
// list.
func indexed(r Record) map[string]string {
	at := r.At.UTC()
	values := map[string]string{"at_seq": at.Format(moment) + "#" + recordKey(r.Seq), dayIndex: at.Format(time.DateOnly)}
	for name, value := range map[string]string{subjectIndex: r.Subject, actorIndex: r.Actor, ticketIndex: r.Ticket, targetIndex: r.Target} {
		if value != "" {
			values[name] = value
		}
	}
	return values
}

// recordOf reads a stored record. It does not check the hash: Verify does.
func recordOf(item map[string]types.AttributeValue) (Record, error) {
	body, ok := textOf(item["body"])
	if !ok {
		return Record{}, errors.New("it has no body")
	}
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	var r Record
	if err := decoder.Decode(&r); err != nil {
		return Record{}, fmt.Errorf("its body cannot be read: %w", err)
	}
	r.Hash, _ = textOf(item[hashAttribute])
	return r, nil
}
