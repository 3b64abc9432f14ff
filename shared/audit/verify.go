package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Verification is what the check of one stream found.
type Verification struct {
	Stream string `json:"stream"`
	// Records is how many records the stream holds.
	Records int `json:"records"`
	// Bad is the number of the first record that was altered, removed, slipped
	// in or moved; 0 when the stream is intact.
	Bad int64 `json:"bad,omitempty"`
	// Problem says what is wrong with it; empty when the stream is intact.
	Problem string `json:"problem,omitempty"`
}

// OK reports whether the stream is intact.
func (v Verification) OK() bool { return v.Problem == "" }

func (v Verification) String() string {
	if v.OK() {
		return fmt.Sprintf("%s: %d records, intact", v.Stream, v.Records)
	}
	return fmt.Sprintf("%s: record %d: %s", v.Stream, v.Bad, v.Problem)
}

// Report is what the check of the whole ledger found.
type Report struct {
	Streams int `json:"streams"`
	Records int `json:"records"`
	// Damaged is how many streams are not intact.
	Damaged int `json:"damaged"`
	// First is the first of them that was met.
	First Verification `json:"first,omitzero"`
}

// OK reports whether the whole ledger is intact.
func (r Report) OK() bool { return r.Damaged == 0 }

func (r Report) String() string {
	if r.OK() {
		return fmt.Sprintf("%d records in %d streams, all intact", r.Records, r.Streams)
	}
	return fmt.Sprintf("%d of %d streams damaged, the first %s", r.Damaged, r.Streams, r.First)
}

// VerifyAll verifies every stream. Its error is DynamoDB's; damage is in the
// report.
func (l *Ledger) VerifyAll(ctx context.Context) (Report, error) {
	var report Report
	for stream, err := range l.Streams(ctx) {
		if err != nil {
			return report, err
		}
		v, err := l.Verify(ctx, stream)
		if err != nil {
			return report, err
		}
		report.Streams++
		report.Records += v.Records
		if !v.OK() {
			if report.OK() {
				report.First = v
			}
			report.Damaged++
		}
	}
	return report, nil
}

// Verify recomputes a stream's chain of hashes, and what the head and the index
// attributes say about it. Its error is DynamoDB's; damage is in the result.
func (l *Ledger) Verify(ctx context.Context, stream string) (Verification, error) {
	x, err := l.Examine(ctx, stream)
	return x.Verification, err
}

// Link is a record as it lies in the table, damaged or not.
type Link struct {
	Seq int64
	// Hash is that of the record's content, whatever the record says it is.
	Hash string
	// At is when the record says that it was written; zero when it cannot be read.
	At time.Time
}

// Examination is the check of a stream with what it found there.
type Examination struct {
	Verification

	// Links are the stream's records in order; what is no record is left out.
	Links []Link
}

// Examine is Verify for who compares the records with copies of them.
func (l *Ledger) Examine(ctx context.Context, stream string) (Examination, error) {
	query := &dynamodb.QueryInput{
		TableName: aws.String(l.table), ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String("pk = :stream"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":stream": text(stream)},
	}
	c := chain{stream: stream, done: map[string]int64{}}
	for item, err := range l.items(ctx, query, "the ledger of "+stream+" could not be read") {
		if err != nil {
			return Examination{}, err
		}
		c.sort(item)
	}
	return Examination{Verification: c.verify(), Links: c.links()}, nil
}

func (c *chain) links() []Link {
	links := make([]Link, 0, len(c.records))
	for _, item := range c.records {
		key, _ := textOf(item["sk"])
		seq, err := strconv.ParseInt(key, 10, 64)
		if err != nil || key != recordKey(seq) {
			continue
		}
		body, _ := textOf(item["body"])
		link := Link{Seq: seq, Hash: hashOf(body)}
		if r, err := recordOf(item); err == nil {
			link.At = r.At
		}
		links = append(links, link)
	}
	return links
}

// chain is a stream as it lies in the table.
type chain struct {
	stream  string
	records []map[string]types.AttributeValue
	head    map[string]types.AttributeValue
	done    map[string]int64 // of the done items: change to number
}

func (c *chain) sort(item map[string]types.AttributeValue) {
	key, _ := textOf(item["sk"])
	change, isDone := strings.CutPrefix(key, donePrefix)
	switch {
	case key == headKey:
		c.head = item
	case isDone:
		seq, _ := numberOf(item["seq"])
		c.done[change] = seq
	default:
		c.records = append(c.records, item)
	}
}

func (c *chain) verify() Verification {
	v := Verification{Stream: c.stream, Records: len(c.records)}
	var end head
	done := map[string]int64{}
	for i, item := range c.records {
		seq := int64(i) + 1
		r, problem := c.alone(item, seq)
		if problem == "" && r.Previous != end.hash {
			v.Bad, v.Problem = c.broken(i, r)
			return v
		}
		if problem != "" {
			v.Bad, v.Problem = seq, problem
			return v
		}
		end = end.after(r)
		if r.Phase == Done {
			done[r.changeKey()] = seq
		}
	}
	if v.Bad, v.Problem = c.atEnd(end); v.Problem != "" {
		return v
	}
	v.Bad, v.Problem = differing(done, c.done, "which of its changes was made last")
	return v
}

// alone holds one item against the place it has in the stream.
func (c *chain) alone(item map[string]types.AttributeValue, seq int64) (Record, string) {
	key, _ := textOf(item["sk"])
	if key != recordKey(seq) {
		number, err := strconv.ParseInt(key, 10, 64)
		if err == nil && number > seq && key == recordKey(number) {
			return Record{}, "it is missing"
		}
		return Record{}, fmt.Sprintf("an item with the key %q was slipped in where it belongs", key)
	}
	body, _ := textOf(item["body"])
	if hash, _ := textOf(item[hashAttribute]); hashOf(body) != hash {
		return Record{}, "it was altered: its hash is another"
	}
	r, err := recordOf(item)
	if err != nil {
		return Record{}, "it was altered: " + err.Error()
	}
	if r.Stream != c.stream || r.Seq != seq {
		return Record{}, fmt.Sprintf("it was moved: record %d of %s stands in its place", r.Seq, r.Stream)
	}
	want := indexed(r)
	for _, name := range recordAttributes[4:] {
		if got, _ := textOf(item[name]); got != want[name] {
			return Record{}, fmt.Sprintf("it was altered: its attribute %s is not what the record says", name)
		}
	}
	for name := range item {
		if !slices.Contains(recordAttributes, name) {
			return Record{}, fmt.Sprintf("it was altered: it has an attribute %s, which no record has", name)
		}
	}
	return r, ""
}

// broken says which side of a broken link is to blame: record r at i does not
// follow the one before. When what comes after r vouches for r, it is the one
// before that was replaced.
func (c *chain) broken(i int, r Record) (int64, string) {
	if i > 0 && c.vouched(i, r) {
		return r.Seq - 1, "it was replaced: the next record was written after another"
	}
	return r.Seq, "it was replaced: it does not follow the record before it"
}

func (c *chain) vouched(i int, r Record) bool {
	if i+1 == len(c.records) {
		hash, _ := textOf(c.head[hashAttribute])
		return hash == r.Hash
	}
	next, problem := c.alone(c.records[i+1], r.Seq+1)
	return problem == "" && next.Previous == r.Hash
}

// atEnd holds the head against the records.
func (c *chain) atEnd(end head) (int64, string) {
	if c.head == nil && end.seq == 0 {
		return 0, ""
	}
	h, err := headOf(c.head)
	switch {
	case c.head == nil:
		return end.seq, "the stream's head, which names it as the last, is missing"
	case err != nil:
		return end.seq, "the stream was altered: " + err.Error()
	case h.seq > end.seq:
		return end.seq + 1, fmt.Sprintf("it is missing: the stream's head says that there are %d", h.seq)
	case h.seq < end.seq:
		return h.seq + 1, "it was slipped in: the stream's head names the one before it as the last"
	case h.hash != end.hash:
		return end.seq, "it was replaced: the stream's head names another"
	case !h.at.IsZero() && !h.at.Equal(end.at):
		return end.seq, "the stream was altered: its head says that it was written at another time"
	}
	return differing(end.open, h.open, "which of its changes are open")
}

// differing compares what follows from the records with what is noted.
func differing(want, got map[string]int64, what string) (int64, string) {
	bad := map[int64]bool{}
	for change, seq := range want {
		if got[change] != seq {
			bad[seq] = true
		}
	}
	for change, seq := range got {
		if _, ok := want[change]; !ok {
			bad[seq] = true
		}
	}
	if len(bad) == 0 {
		return 0, ""
	}
	return slices.Min(slices.Collect(maps.Keys(bad))), "the stream was altered: it does not say " + what
}
