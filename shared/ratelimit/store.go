package ratelimit

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// In the table, the board is one item: its columns, as compressed JSON, and a
// version that every writer expects to find. A booking is an item beside it,
// written in the same transaction, so a retry finds what the first try took. One
// item for all buckets rather than one each: nearly every booking needs the same
// few, and would meet the others there anyway.

const (
	boardKey   = "seats"
	bookingKey = "seats#" // and the booking's id
	keep       = 48 * time.Hour
)

// What is being done, for messages; an id follows.
const (
	booking    = "the calls to Okta could not be booked for "
	checkingIn = "whether the calls to Okta may be made could not be read for "
)

// state is the board as it was read.
type state struct {
	board   *board
	version int64 // 0 when there is none yet
}

// tries is how often a change is tried while others change the board. With a
// hundred at once, most are through after five.
const tries = 30

// reserve books k, not before a second, unless that was done before.
func (s *Seats) reserve(ctx context.Context, k Booking, notBefore int64) (Booking, error) {
	what := booking + k.ID
	for try := range tries {
		if earlier, found, err := s.earlier(ctx, k.ID, what); err != nil || found {
			return earlier, err
		}
		state, err := s.read(ctx, what)
		if err != nil {
			return Booking{}, err
		}
		made, err := state.board.book(k, time.Now().Unix(), notBefore, s.share)
		if err != nil {
			return Booking{}, &fault.Invalid{Message: what, Cause: err}
		}
		item, err := bookingItem(made)
		if err != nil {
			return Booking{}, &fault.Invalid{Message: what, Cause: err}
		}
		err = s.write(ctx, state, types.TransactWriteItem{Put: &types.Put{
			TableName: aws.String(s.table), Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		}})
		if err == nil {
			return made, nil
		}
		if err := s.again(ctx, try, what, err); err != nil {
			return Booking{}, err
		}
	}
	return Booking{}, &fault.Unavailable{Message: what + ": too many others were booking at the same moment; it is tried again"}
}

// change alters the board; alter returns false when there is nothing to alter.
func (s *Seats) change(ctx context.Context, subject string, alter func(*board) bool, bucket string) error {
	what := subject + " could not be noted"
	for try := range tries {
		state, err := s.read(ctx, what)
		if err != nil {
			return err
		}
		state.board.advance(time.Now().Unix())
		altered := alter(state.board)
		if altered {
			err = s.write(ctx, state)
		}
		if err == nil {
			s.remember(state.board, bucket)
			return nil
		}
		if err := s.again(ctx, try, what, err); err != nil {
			return err
		}
	}
	return &fault.Unavailable{Message: what + ": too many others were changing it at the same moment"}
}

// again returns nil, after a pause, when a write failed because somebody
// else's came first.
func (s *Seats) again(ctx context.Context, try int, what string, err error) error {
	if !contended(err) {
		return platform.AWSError(what, err)
	}
	timer := time.NewTimer(rand.N(min(10*time.Millisecond<<try, 500*time.Millisecond)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return platform.AWSError(what, ctx.Err())
	case <-timer.C:
		return nil
	}
}

func contended(err error) bool {
	var inProgress *types.TransactionInProgressException
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &inProgress) {
		return true
	}
	if !errors.As(err, &cancelled) {
		return false
	}
	for _, reason := range cancelled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "ConditionalCheckFailed", "TransactionConflict":
			return true
		}
	}
	return false
}

func (s *Seats) item(ctx context.Context, pk, sk, what string) (map[string]types.AttributeValue, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: aws.String(s.table), ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": text(pk), "sk": text(sk)},
	})
	if err != nil {
		return nil, platform.AWSError(what, err)
	}
	return out.Item, nil
}

// earlier finds the booking that was made under the id before.
func (s *Seats) earlier(ctx context.Context, id, what string) (Booking, bool, error) {
	item, err := s.item(ctx, bookingKey+id, "booking", what)
	if err != nil || item == nil {
		return Booking{}, false, err
	}
	stored, _ := item["booking"].(*types.AttributeValueMemberS)
	var k Booking
	if stored == nil {
		return Booking{}, false, &fault.Invalid{Message: what + ": what is stored under that name is no booking"}
	}
	if err := json.Unmarshal([]byte(stored.Value), &k); err != nil {
		return Booking{}, false, &fault.Invalid{Message: what + ": the stored booking cannot be read", Cause: err}
	}
	return k, true, nil
}

func bookingItem(k Booking) (map[string]types.AttributeValue, error) {
	encoded, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("it cannot be stored: %w", err)
	}
	return map[string]types.AttributeValue{
		"pk": text(bookingKey + k.ID), "sk": text("booking"), "booking": text(string(encoded)),
		"expires": number(k.At.Add(keep).Unix()),
	}, nil
}

// read returns the board as it stands, an empty one when there is none yet.
func (s *Seats) read(ctx context.Context, what string) (state, error) {
	item, err := s.item(ctx, boardKey, "board", what)
	if err != nil {
		return state{}, err
	}
	if item == nil {
		return state{board: newBoard(time.Now().Unix())}, nil
	}
	version, _ := item["version"].(*types.AttributeValueMemberN)
	columns, _ := item["board"].(*types.AttributeValueMemberB)
	if version == nil || columns == nil {
		return state{}, &fault.Invalid{Message: what + ": the board of seats lacks its attributes; an operator may delete the item " + boardKey + " of the control table"}
	}
	var read state
	if read.version, err = strconv.ParseInt(version.Value, 10, 64); err == nil {
		read.board, err = decode(columns.Value)
	}
	if err != nil {
		return state{}, &fault.Invalid{Message: what + ": the board of seats cannot be read; an operator may delete the item " + boardKey + " of the control table", Cause: err}
	}
	return read, nil
}

// write stores the board, together with other items, unless it was changed
// since it was read.
func (s *Seats) write(ctx context.Context, read state, others ...types.TransactWriteItem) error {
	columns, err := encode(read.board)
	if err != nil {
		return err
	}
	put := &types.Put{
		TableName: aws.String(s.table), ConditionExpression: aws.String("attribute_not_exists(pk)"),
		Item: map[string]types.AttributeValue{
			"pk": text(boardKey), "sk": text("board"),
			"version": number(read.version + 1), "board": &types.AttributeValueMemberB{Value: columns},
		},
	}
	if read.version > 0 {
		put.ConditionExpression = aws.String("version = :read")
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":read": number(read.version)}
	}
	_, err = s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: append([]types.TransactWriteItem{{Put: put}}, others...),
	})
	return err
}

// squeezers are kept: making one takes longer than using it.
var squeezers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		panic("ratelimit: " + err.Error()) // the level is a constant
	}
	return w
}}

func encode(b *board) ([]byte, error) {
	squeezer, _ := squeezers.Get().(*flate.Writer)
	defer squeezers.Put(squeezer)
	var out bytes.Buffer
	squeezer.Reset(&out)
	if err := json.NewEncoder(squeezer).Encode(b); err != nil {
		return nil, fmt.Errorf("the board cannot be stored: %w", err)
	}
	if err := squeezer.Close(); err != nil {
		return nil, fmt.Errorf("the board cannot be stored: %w", err)
	}
	return out.Bytes(), nil
}

// mostBoard bounds what a stored board may grow to when it is unpacked: weeks
// of bookings, far below what a function's memory holds.
const mostBoard = 32 << 20

func decode(columns []byte) (*board, error) {
	var b board
	if err := json.NewDecoder(io.LimitReader(flate.NewReader(bytes.NewReader(columns)), mostBoard)).Decode(&b); err != nil {
		return nil, err
	}
	if b.Buckets == nil {
		b.Buckets = map[string]*bucket{}
	}
	for name, k := range b.Buckets {
		if k == nil {
			delete(b.Buckets, name)
		}
	}
	return &b, nil
}

func text(value string) types.AttributeValue { return &types.AttributeValueMemberS{Value: value} }
func number(value int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(value, 10)}
}
