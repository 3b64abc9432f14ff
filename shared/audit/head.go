package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// headKey is the sort key of a stream's head. It sorts behind the numbers.
const headKey = "head"

// head is where a stream ends and what is open in it.
type head struct {
	// seq and hash are those of the last record; 0 and "" in an empty stream.
	seq  int64
	hash string
	// at is when the last record was written: time never goes back within a stream,
	// so that a period is never one with gaps. Heads of before have none.
	at time.Time
	// open maps a change (changeKey) to the number of its latest intent, for
	// changes that may have been made although no outcome says so.
	open map[string]int64
}

// changeKey is the short name of a change, for the head and for done items.
func changeKey(verb, target, key string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", verb, target, key))
	return hex.EncodeToString(sum[:12])
}

func (r Record) changeKey() string { return changeKey(r.Verb, r.Target, r.Key) }

// after is the head once r has been appended.
func (h head) after(r Record) head {
	next := head{seq: r.Seq, hash: r.Hash, at: r.At, open: maps.Clone(h.open)}
	if next.open == nil {
		next.open = map[string]int64{}
	}
	change := r.changeKey()
	switch r.Phase {
	case Intent:
		next.open[change] = r.Seq
	case Done, Failed:
		// An outcome of an older intent says nothing about the latest one.
		if next.open[change] == r.Intent && !r.Uncertain {
			delete(next.open, change)
		}
	}
	return next
}

func (h head) item(stream string) map[string]types.AttributeValue {
	open := map[string]types.AttributeValue{}
	for change, seq := range h.open {
		open[change] = number(seq)
	}
	return map[string]types.AttributeValue{
		"pk": text(stream), "sk": text(headKey), "seq": number(h.seq), hashAttribute: text(h.hash), "at": text(h.at.Format(moment)),
		"open": &types.AttributeValueMemberM{Value: open},
	}
}

// headOf reads a head item; an absent one is the head of an empty stream.
func headOf(item map[string]types.AttributeValue) (head, error) {
	h := head{open: map[string]int64{}}
	if len(item) == 0 {
		return h, nil
	}
	var ok bool
	if h.seq, ok = numberOf(item["seq"]); !ok || h.seq < 1 {
		return head{}, errors.New("its head has no number")
	}
	if h.hash, ok = textOf(item[hashAttribute]); !ok {
		return head{}, errors.New("its head has no hash")
	}
	if at, noted := textOf(item["at"]); noted {
		var err error
		if h.at, err = time.Parse(moment, at); err != nil {
			return head{}, errors.New("its head does not say when it was written")
		}
	}
	open, ok := item["open"].(*types.AttributeValueMemberM)
	if !ok {
		return head{}, errors.New("its head does not say what is open")
	}
	for change, value := range open.Value {
		if h.open[change], ok = numberOf(value); !ok {
			return head{}, errors.New("its head does not say what is open")
		}
	}
	return h, nil
}

func text(s string) *types.AttributeValueMemberS { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) *types.AttributeValueMemberN {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func textOf(v types.AttributeValue) (string, bool) {
	s, ok := v.(*types.AttributeValueMemberS)
	if !ok {
		return "", false
	}
	return s.Value, true
}

func numberOf(v types.AttributeValue) (int64, bool) {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	return i, err == nil
}
