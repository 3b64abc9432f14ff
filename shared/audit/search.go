package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Search is what records are looked for. All that is given has to hold; the first
// of Subject, Stream, Ticket, Target and Actor that is given chooses the index
// that is read, the others leave out what was read. A search for a period alone
// reads its days.
type Search struct {
	// Subject is a person's Okta user id.
	Subject string
	// Stream is a ticket's "<table>/<sys_id>", Ticket its number.
	Stream, Ticket string
	// Target is what was changed, for entitlements "group/<id>" or "app/<id>".
	Target string
	// Actor is who acted, e.g. "system:onboarding".
	Actor string
	// From is the first moment, To the first one after the period; zero leaves that
	// side open. Without any of the above both are needed.
	From, To time.Time
	// After is where an earlier page ended; the zero value is the beginning.
	After Place
	// Limit is how many records are read at most; 0 means 100.
	Limit int

	// names asks for the streams only, whatever the records look like.
	names bool
}

// Place is where a page of a search ends. It means nothing to any other search.
type Place struct {
	Day    string `json:"d,omitempty"`
	Moment string `json:"m,omitempty"`
	Stream string `json:"s,omitempty"`
	Key    string `json:"k,omitempty"`
}

// Found is a record with the text that its hash is over.
type Found struct {
	Record

	Body string
}

// Page is a part of what was found, oldest first.
type Page struct {
	Found []Found
	// Read is how many records were read for it.
	Read int
	// Next is where the search goes on, the zero value at its end. A page may be
	// empty and not the last.
	Next Place
}

const (
	defaultLimit = 100
	// mostDays is how many days one page looks through.
	mostDays = 31
)

// Search reads one page. A record shows up a moment after it was written. A record
// that cannot be read is *fault.Conflict, a search for nothing *fault.Invalid.
func (l *Ledger) Search(ctx context.Context, s Search) (Page, error) {
	if s.Limit <= 0 {
		s.Limit = defaultLimit
	}
	for _, index := range []struct{ name, value string }{
		{subjectIndex, s.Subject}, {"pk", s.Stream}, {ticketIndex, s.Ticket}, {targetIndex, s.Target}, {actorIndex, s.Actor},
	} {
		if index.value != "" {
			return l.page(ctx, s, index.name, index.value)
		}
	}
	if s.From.IsZero() || s.To.IsZero() || !s.From.Before(s.To) {
		return Page{}, &fault.Invalid{Message: "the ledger is searched for a person, a ticket, an entitlement, an actor, or a period with both ends"}
	}
	return l.days(ctx, s)
}

// StreamsOf names the streams of the records that one page of a search reads, each
// once, and where to go on: also of those that cannot be read, for who wants to
// verify them.
func (l *Ledger) StreamsOf(ctx context.Context, s Search) (streams []string, next Place, err error) {
	s.names = true
	page, err := l.Search(ctx, s)
	for _, f := range page.Found {
		if !slices.Contains(streams, f.Stream) {
			streams = append(streams, f.Stream)
		}
	}
	return streams, page.Next, err
}

// days reads the days of a period, one after the other.
func (l *Ledger) days(ctx context.Context, s Search) (Page, error) {
	day := s.From.UTC().Truncate(24 * time.Hour)
	if s.After.Day != "" {
		at, err := time.Parse(time.DateOnly, s.After.Day)
		if err != nil {
			return Page{}, &fault.Invalid{Message: "the place in the ledger cannot be read", Cause: err}
		}
		day = at
	}
	var all Page
	for range mostDays {
		if !day.Before(s.To) {
			all.Next = Place{}
			return all, nil
		}
		rest := s
		rest.Limit -= all.Read
		name := day.Format(time.DateOnly)
		p, err := l.page(ctx, rest, dayIndex, name)
		if err != nil {
			return Page{}, err
		}
		all.Found, all.Read = append(all.Found, p.Found...), all.Read+p.Read
		if all.Next = p.Next; p.Next != (Place{}) {
			all.Next.Day = name
			return all, nil
		}
		day = day.AddDate(0, 0, 1)
		s.After, all.Next = Place{}, Place{Day: day.Format(time.DateOnly)}
		if all.Read >= s.Limit {
			break
		}
	}
	if !day.Before(s.To) {
		all.Next = Place{}
	}
	return all, nil
}

// page reads one page of one index.
func (l *Ledger) page(ctx context.Context, s Search, index, value string) (Page, error) {
	what := "the ledger could not be searched by " + index
	query := &dynamodb.QueryInput{
		TableName: aws.String(l.table), Limit: aws.Int32(int32(min(s.Limit, 1000))), //nolint:gosec // at most 1000
		KeyConditionExpression:    aws.String("#key = :value AND #at BETWEEN :from AND :to"),
		ExpressionAttributeNames:  map[string]string{"#key": index, "#at": "at_seq"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":value": text(value), ":from": text(s.bound(s.From, "0")), ":to": text(s.bound(s.To, "9"))},
	}
	if index == "pk" {
		query.ConsistentRead = aws.Bool(true)
		query.ExpressionAttributeNames["#at"] = "sk"
		query.ExpressionAttributeValues[":from"], query.ExpressionAttributeValues[":to"] = text(recordKey(0)), text(lastKey)
	} else {
		query.IndexName = aws.String(index)
	}
	query.ExclusiveStartKey = s.After.key(index, value)
	out, err := l.client.Query(ctx, query)
	if err != nil {
		return Page{}, platform.AWSError(what, err)
	}
	p := Page{Read: len(out.Items), Next: placeOf(out.LastEvaluatedKey)}
	for _, item := range out.Items {
		r, err := recordOf(item)
		if s.names {
			stream, _ := textOf(item["pk"])
			p.Found = append(p.Found, Found{Record: Record{Stream: stream}})
			continue
		}
		if err != nil {
			return Page{}, damaged(item, err)
		}
		if body, _ := textOf(item["body"]); s.wants(r) {
			p.Found = append(p.Found, Found{Record: r, Body: body})
		}
	}
	return p, nil
}

// bound is an end of the period as it sorts among the keys of the indexes: a
// moment without a number comes before all records of that moment.
func (s Search) bound(at time.Time, open string) string {
	if at.IsZero() {
		return open
	}
	return at.UTC().Format(moment)
}

func (s Search) wants(r Record) bool {
	fits := func(want, got string) bool { return want == "" || want == got }
	return fits(s.Subject, r.Subject) && fits(s.Stream, r.Stream) && fits(s.Ticket, r.Ticket) && fits(s.Target, r.Target) && fits(s.Actor, r.Actor) &&
		!r.At.Before(s.From) && (s.To.IsZero() || r.At.Before(s.To))
}

func (p Place) key(index, value string) map[string]types.AttributeValue {
	if p.Stream == "" {
		return nil
	}
	key := map[string]types.AttributeValue{"pk": text(p.Stream), "sk": text(p.Key)}
	if index != "pk" {
		key[index], key["at_seq"] = text(value), text(p.Moment)
	}
	return key
}

func placeOf(key map[string]types.AttributeValue) Place {
	var p Place
	p.Stream, _ = textOf(key["pk"])
	p.Key, _ = textOf(key["sk"])
	p.Moment, _ = textOf(key["at_seq"])
	return p
}

// damaged is the error of a record that cannot be read.
func damaged(item map[string]types.AttributeValue, err error) error {
	stream, _ := textOf(item["pk"])
	seq, _ := textOf(item["sk"])
	return &fault.Conflict{Message: fmt.Sprintf("record %s of the ledger of %s is damaged; somebody has to verify this stream", seq, stream), Cause: err}
}

// Head is where a stream ends: its last record.
type Head struct {
	Stream string `json:"stream"`
	Seq    int64  `json:"seq"`
	Hash   string `json:"hash"`
}

// mostItems is how many items one page of streams reads: the records of some
// twenty streams.
const mostItems = 1000

// mostHeads is how many items DynamoDB reads in one batch.
const mostHeads = 100

// Heads reads where streams end; a stream without a head is not among them.
func (l *Ledger) Heads(ctx context.Context, streams []string) ([]Head, error) {
	const what = "the ends of the ledger's streams could not be read"
	var heads []Head
	for len(streams) > 0 {
		n := min(mostHeads, len(streams))
		keys := make([]map[string]types.AttributeValue, 0, n)
		for _, stream := range streams[:n] {
			keys = append(keys, map[string]types.AttributeValue{"pk": text(stream), "sk": text(headKey)})
		}
		streams = streams[n:]
		for len(keys) > 0 {
			out, err := l.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				l.table: {Keys: keys, ConsistentRead: aws.Bool(true)},
			}})
			if err != nil {
				return nil, platform.AWSError(what, err)
			}
			for _, item := range out.Responses[l.table] {
				stream, _ := textOf(item["pk"])
				if h, err := headOf(item); err == nil {
					heads = append(heads, Head{Stream: stream, Seq: h.seq, Hash: h.hash})
				}
			}
			keys = out.UnprocessedKeys[l.table].Keys
		}
	}
	return heads, nil
}

// StreamsFrom names streams that come behind a place in the table, and where to
// go on; the zero Place is the end. A stream may be named by two pages.
func (l *Ledger) StreamsFrom(ctx context.Context, after Place) (streams []string, next Place, err error) {
	out, err := l.client.Scan(ctx, &dynamodb.ScanInput{
		TableName: aws.String(l.table), ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("pk"), ExclusiveStartKey: after.key("pk", ""), Limit: aws.Int32(mostItems),
	})
	if err != nil {
		return nil, Place{}, platform.AWSError("the ledger's streams could not be read", err)
	}
	for _, item := range out.Items {
		stream, _ := textOf(item["pk"])
		if len(streams) == 0 || streams[len(streams)-1] != stream {
			streams = append(streams, stream)
		}
	}
	return streams, placeOf(out.LastEvaluatedKey), nil
}

// Ref names a record for people and notes: "<stream>/<number>".
func (r Record) Ref() string { return fmt.Sprintf("%s/%d", r.Stream, r.Seq) }

// ParseRef reads such a name.
func ParseRef(ref string) (stream string, seq int64, ok bool) {
	i := strings.LastIndexByte(ref, '/')
	if i <= 0 {
		return "", 0, false
	}
	_, err := fmt.Sscanf(ref[i+1:], "%d", &seq)
	return ref[:i], seq, err == nil && seq > 0 && fmt.Sprint(seq) == ref[i+1:]
}

// At reads one record of a stream; found is false when there is none.
func (l *Ledger) At(ctx context.Context, stream string, seq int64) (f Found, found bool, err error) {
	item, err := l.item(ctx, stream, recordKey(seq))
	if err != nil || len(item) == 0 {
		return Found{}, false, platform.AWSError("the ledger of "+stream+" could not be read", err)
	}
	r, err := recordOf(item)
	if err != nil {
		return Found{}, false, damaged(item, err)
	}
	body, _ := textOf(item["body"])
	return Found{Record: r, Body: body}, true, nil
}
