package audit

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	ledger "lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/report"
)

// asksTimeline is the body of a question for a timeline.
type asksTimeline struct {
	Person string `json:"person,omitempty"`
	Ticket string `json:"ticket,omitempty"`
	// Format is "html" or "json"; without it the accept header decides.
	Format string `json:"format,omitempty"`
}

const (
	timelineExample = `{"person": "<Okta user id>"} or {"ticket": "<number, or table/sys_id>"}, with "format": "html" or "json"`
	// mostEntries is how many records a timeline shows: a page that nobody can read
	// is no evidence, and an answer has a size.
	mostEntries = 2000
)

func (s *Service) answerTimeline(ctx context.Context, r events.APIGatewayV2HTTPRequest, body []byte) (events.APIGatewayV2HTTPResponse, error) {
	var none events.APIGatewayV2HTTPResponse
	var asked asksTimeline
	if err := strictly(body, &asked, timelineExample); err != nil {
		return none, err
	}
	if (asked.Person == "") == (asked.Ticket == "") {
		return none, &fault.Invalid{Message: "a timeline is of one person or one ticket; ask " + timelineExample}
	}
	if asked.Format == "" && strings.HasPrefix(r.Headers["accept"], "text/html") {
		asked.Format = "html"
	}
	line, err := s.Timeline(ctx, asked.Person, asked.Ticket)
	if err != nil {
		return none, err
	}
	switch asked.Format {
	case "", "json":
		return answer(line)
	case "html":
		var page strings.Builder
		if err := line.WriteHTML(&page); err != nil {
			return none, err
		}
		return content("text/html; charset=utf-8", page.String()), nil
	}
	return none, notValid("format", "html or json")
}

// Timeline draws up what the ledger tells about a person, by the Okta user id, or
// a ticket, by number or stream, and verifies every stream that it rests on.
//
// It is *fault.NotFound when the ledger has nothing, and *fault.Invalid when it has
// too much for one page.
func (s *Service) Timeline(ctx context.Context, person, ticket string) (report.Timeline, error) {
	search, err := question{Person: person, Ticket: ticket, Limit: mostLimit}.search()
	if err != nil {
		return report.Timeline{}, err
	}
	var records []ledger.Record
	for {
		page, err := s.ledger.Search(ctx, search)
		if err != nil {
			return report.Timeline{}, err
		}
		for _, f := range page.Found {
			records = append(records, f.Record)
		}
		if page.Next == (ledger.Place{}) {
			break
		}
		if search.After = page.Next; len(records) > mostEntries {
			return report.Timeline{}, &fault.Invalid{Message: fmt.Sprintf("more than %d records are too many for one timeline: search or export a period instead", mostEntries)}
		}
	}
	if len(records) == 0 {
		return report.Timeline{}, &fault.NotFound{Message: "the ledger has no record of " + person + ticket}
	}
	found, err := s.chains(ctx, records)
	if err != nil {
		return report.Timeline{}, err
	}
	options := []report.Option{report.WithChains(found...), report.WithTime(time.Now())}
	if person != "" {
		return report.PersonTimeline(person, each(records), options...)
	}
	return report.TicketTimeline(records[len(records)-1].Ticket, each(records), options...)
}

func each(records []ledger.Record) iter.Seq2[ledger.Record, error] {
	return func(yield func(ledger.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// chains verifies the streams of the records, in the table and against the
// archive.
func (s *Service) chains(ctx context.Context, records []ledger.Record) ([]ledger.Verification, error) {
	var found []ledger.Verification
	seen := map[string]bool{}
	for _, r := range records {
		if seen[r.Stream] {
			continue
		}
		seen[r.Stream] = true
		checked, err := s.verifier.Stream(ctx, r.Stream, false)
		if err != nil {
			return nil, err
		}
		v := ledger.Verification{Stream: r.Stream, Records: checked.Records}
		if !checked.OK() {
			v.Bad, v.Problem = checked.Problems[0].Seq, checked.Problems[0].Text
		}
		found = append(found, v)
	}
	return found, nil
}
