package audit

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	ledger "lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// asksSearch is the body of a search.
type asksSearch struct {
	question

	// Record is one record, "<stream>/<number>", as a ticket's note names it.
	Record string `json:"record,omitempty"`
}

// foundRecords is the answer to a search.
type foundRecords struct {
	Records []ledger.Record `json:"records"`
	// Read is how many records were read for it.
	Read int `json:"read"`
	// Next is the cursor of the next page; empty at the end. A page may be empty
	// and not the last.
	Next string `json:"next,omitempty"`
}

func (s *Service) answerSearch(ctx context.Context, _ events.APIGatewayV2HTTPRequest, body []byte) (events.APIGatewayV2HTTPResponse, error) {
	var asked asksSearch
	if err := strictly(body, &asked, example); err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	if asked.Record != "" {
		if asked.question != (question{}) {
			return events.APIGatewayV2HTTPResponse{}, &fault.Invalid{Message: "a record is asked for by itself"}
		}
		return s.answerRecord(ctx, asked.Record)
	}
	search, err := asked.search()
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	page, err := s.ledger.Search(ctx, search)
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	found := foundRecords{Records: []ledger.Record{}, Read: page.Read, Next: asked.next(page.Next)}
	for _, f := range page.Found {
		found.Records = append(found.Records, f.Record)
	}
	return answer(found)
}

// proof is a record with what proves it.
type proof struct {
	Record ledger.Record `json:"record"`
	// Body is the text whose SHA-256 is the record's hash.
	Body string `json:"body"`
	// Checked is the verification of the whole stream and of its copy.
	Checked *Checked `json:"verification"`
	OK      bool     `json:"intact"`
}

func (s *Service) answerRecord(ctx context.Context, ref string) (events.APIGatewayV2HTTPResponse, error) {
	stream, seq, ok := ledger.ParseRef(ref)
	if !ok {
		return events.APIGatewayV2HTTPResponse{}, notValid("record", `"<stream>/<number>", as a ticket's note names it`)
	}
	f, found, err := s.ledger.At(ctx, stream, seq)
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	checked, err := s.verifier.Stream(ctx, stream, true)
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	if !found && checked.OK() {
		return events.APIGatewayV2HTTPResponse{}, &fault.NotFound{Message: "the ledger has no record " + ref}
	}
	return answer(proof{Record: f.Record, Body: f.Body, Checked: checked, OK: checked.OK()})
}
