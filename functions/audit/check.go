package audit

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	ledger "lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// asksVerify is the body of a question whether the ledger is intact.
type asksVerify struct {
	// Ticket is one ticket, by number or stream.
	Ticket string `json:"ticket,omitempty"`
	// From and To choose the streams that have a record in the period.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// All chooses every stream.
	All bool `json:"all,omitempty"`
	// Content reads every copy in the archive too, rather than list them.
	Content bool   `json:"content,omitempty"`
	Cursor  string `json:"cursor,omitempty"`
}

const verifyExample = `{"ticket": "<number, or table/sys_id>"}, {"from": "2026-11-01", "to": "2026-11-30"} or {"all": true}, with "content": true to read every archived copy; go on with "cursor" until there is no "next"`

// verdict is the answer.
type verdict struct {
	Checked

	// Intact tells of the streams of this page.
	Intact bool `json:"intact"`
	// Summary says it in words.
	Summary string `json:"summary"`
	// Next is the cursor with which to go on; empty at the end.
	Next string `json:"next,omitempty"`
}

// A verification of many streams goes through those of the table, then through
// those of the archive that the table knows nothing of.
const inArchive = "archive"

// pageTime is how long a page of a verification goes on to the next streams.
const pageTime = 12 * time.Second

func (s *Service) answerVerify(ctx context.Context, _ events.APIGatewayV2HTTPRequest, body []byte) (events.APIGatewayV2HTTPResponse, error) {
	var none events.APIGatewayV2HTTPResponse
	var asked asksVerify
	if err := strictly(body, &asked, verifyExample); err != nil {
		return none, err
	}
	kinds := 0
	for _, given := range []bool{asked.Ticket != "", asked.From+asked.To != "", asked.All} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		return none, &fault.Invalid{Message: "verify one ticket, one period or everything; ask " + verifyExample}
	}
	q := question{Ticket: asked.Ticket, From: asked.From, To: asked.To}
	var v verdict
	var at cursor
	var err error
	if asked.Cursor != "" {
		if at, err = readCursor(asked.Cursor, q.of("verify")); err != nil {
			return none, err
		}
	}
	v.Problems = []Problem{}
	if asked.Ticket != "" {
		err = s.verifyTicket(ctx, q, asked.Content, &v.Checked)
	} else {
		err = s.verifyMany(ctx, q, asked, at, &v)
	}
	if err != nil {
		return none, err
	}
	v.Intact, v.Summary = v.OK(), v.String()
	return answer(v)
}

// verifyTicket verifies the streams of one ticket. One that the table has never
// heard of is looked for in the archive all the same.
func (s *Service) verifyTicket(ctx context.Context, q question, content bool, into *Checked) error {
	search, err := q.search()
	if err != nil {
		return err
	}
	streams := []string{search.Stream}
	if search.Stream == "" {
		if streams, _, err = s.ledger.StreamsOf(ctx, search); err != nil {
			return err
		}
		if len(streams) == 0 {
			return &fault.NotFound{Message: "the ledger has no record of " + q.Ticket + "; a deleted stream is found by its name, <table>/<sys_id>"}
		}
	}
	for _, stream := range streams {
		if err := s.verifier.addStream(ctx, stream, content, into); err != nil {
			return err
		}
	}
	if into.Records == 0 && into.OK() {
		return &fault.NotFound{Message: "the ledger has no record of " + q.Ticket}
	}
	return nil
}

// errEnough ends a page.
var errEnough = errors.New("enough for one page")

// verifyMany verifies streams until the page's time is up.
func (s *Service) verifyMany(ctx context.Context, q question, asked asksVerify, at cursor, v *verdict) error {
	at.Of = q.of("verify")
	end := time.Now().Add(pageTime)
	for at.Phase != inArchive {
		streams, next, err := s.streams(ctx, q, at.Place)
		if err != nil {
			return err
		}
		for _, stream := range streams {
			if stream == at.Key { // the last one of the page before
				continue
			}
			if err := s.verifier.addStream(ctx, stream, asked.Content, &v.Checked); err != nil {
				return err
			}
		}
		if len(streams) > 0 {
			at.Key = streams[len(streams)-1]
		}
		if at.Place = next; next == (ledger.Place{}) {
			at.Phase, at.Key = inArchive, ""
		}
		if time.Now().After(end) {
			v.Next = at.String()
			return nil
		}
	}
	if s.verifier.vault == nil {
		return nil
	}
	return s.verifyGone(ctx, asked, at, end, v)
}

// streams is a page of the streams in question.
func (s *Service) streams(ctx context.Context, q question, after ledger.Place) (streams []string, next ledger.Place, err error) {
	if q.From+q.To == "" {
		return s.ledger.StreamsFrom(ctx, after)
	}
	search, err := q.search()
	if err != nil {
		return nil, ledger.Place{}, err
	}
	search.After, search.Limit = after, mostLimit
	return s.ledger.StreamsOf(ctx, search)
}

// verifyGone verifies the archived streams that the table does not know.
func (s *Service) verifyGone(ctx context.Context, asked asksVerify, at cursor, end time.Time, v *verdict) error {
	var last string
	archived := func(yield func(string, error) bool) {
		n := 0
		for stream, err := range s.verifier.vault.Streams(ctx, at.Key) {
			if err == nil && n%100 == 0 && time.Now().After(end) {
				yield("", errEnough)
				return
			}
			if !yield(stream, err) {
				return
			}
			n++
			last = stream
		}
	}
	err := s.verifier.Gone(ctx, archived, func(stream string) error {
		return s.verifier.addStream(ctx, stream, asked.Content, &v.Checked)
	})
	if errors.Is(err, errEnough) {
		// All before the last one have been looked at: a batch was full.
		// "0" comes right behind the slash that ends the stream's prefix.
		at.Key = strings.TrimSuffix(streamPrefix(last), "/") + "0"
		v.Next, err = at.String(), nil
	}
	return err
}
