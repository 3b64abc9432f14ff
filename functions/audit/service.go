package audit

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	ledger "lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Routes of the HTTP API. Callers sign their requests (AWS Signature Version 4):
// API Gateway lets nobody else in.
const (
	RouteSearch   = "POST /audit/search"
	RouteTimeline = "POST /audit/timeline"
	RouteExport   = "POST /audit/export"
	RouteVerify   = "POST /audit/verify"
)

const (
	// mostTime is how long an answer may take: the HTTP API gives up after 30
	// seconds.
	mostTime = 27 * time.Second
	// mostAnswer is about how large an answer grows, in bytes, before the rest is
	// left to the next page: Lambda hands over 6 MB at most, in JSON once more.
	mostAnswer = 2 << 20
	// mostBody is how large an answer may be, in bytes, with room for what JSON adds
	// once more.
	mostBody = 4 << 20
)

// Service answers auditors.
type Service struct {
	ledger   *ledger.Ledger
	verifier *Verifier
}

// New returns the service over a ledger and its archive.
func New(l *ledger.Ledger, v *Vault) *Service {
	return &Service{ledger: l, verifier: NewVerifier(l, v)}
}

// refusal is the body of an answer that is none.
type refusal struct {
	Error     string `json:"error"`
	Message   string `json:"message"`
	RequestID string `json:"request_id"`
}

// Handle answers a request. It is the Lambda's handler.
func (s *Service) Handle(ctx context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, mostTime)
	defer cancel()
	ctx = platform.LogWith(ctx, "route", r.RouteKey, "caller", callerOf(r))
	routes := map[string]func(context.Context, events.APIGatewayV2HTTPRequest, []byte) (events.APIGatewayV2HTTPResponse, error){
		RouteSearch: s.answerSearch, RouteTimeline: s.answerTimeline, RouteExport: s.answerExport, RouteVerify: s.answerVerify,
	}
	do, known := routes[r.RouteKey]
	if !known {
		return refuse(r, http.StatusNotFound, "not_found", "there is no such question"), nil
	}
	body, err := bodyOf(r)
	if err != nil {
		return refuse(r, http.StatusBadRequest, "body_not_valid", err.Error()), nil
	}
	response, err := do(ctx, r, body)
	if err != nil {
		return failed(ctx, r, err), nil
	}
	if len(response.Body) > mostBody {
		return refuse(r, http.StatusRequestEntityTooLarge, "too_large", "the answer would be larger than can be sent: ask with a smaller limit, or search or export a period instead"), nil
	}
	// Who looked at what is itself something to know; what was asked for names
	// nobody but by id.
	platform.Logger(ctx).InfoContext(ctx, "an auditor was answered", "asked", string(body[:min(len(body), 500)]), "bytes", len(response.Body))
	return response, nil
}

func bodyOf(r events.APIGatewayV2HTTPRequest) ([]byte, error) {
	if !r.IsBase64Encoded {
		return []byte(r.Body), nil
	}
	body, err := base64.StdEncoding.DecodeString(r.Body)
	if err != nil {
		return nil, errors.New("the body is not what its encoding says")
	}
	return body, nil
}

// strictly reads a question and refuses members that nothing here knows: a
// misspelt one would be a question that was not asked.
func strictly(body []byte, into any, example string) error {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		err = errors.New("more than one document")
	}
	if err != nil {
		return &fault.Invalid{Message: fmt.Sprintf("the question cannot be read (%v); ask %s", err, example)}
	}
	return nil
}

// callerOf is the ARN of who has signed the request.
func callerOf(r events.APIGatewayV2HTTPRequest) string {
	if a := r.RequestContext.Authorizer; a != nil && a.IAM != nil {
		return a.IAM.UserARN
	}
	return ""
}

// failed is the answer to a question that could not be answered.
func failed(ctx context.Context, r events.APIGatewayV2HTTPRequest, err error) events.APIGatewayV2HTTPResponse {
	status, code := http.StatusInternalServerError, "failed"
	switch {
	case fault.Is[*fault.NotFound](err):
		status, code = http.StatusNotFound, "not_found"
	case fault.Is[*fault.Invalid](err):
		status, code = http.StatusBadRequest, "not_valid"
	case fault.Is[*fault.Conflict](err):
		status, code = http.StatusConflict, "ledger_damaged"
	case ctx.Err() != nil, fault.Is[*fault.Throttled](err):
		status, code = http.StatusServiceUnavailable, "not_in_time"
	case fault.Is[*fault.Unavailable](err):
		status, code = http.StatusServiceUnavailable, "temporarily_unavailable"
	}
	platform.Logger(ctx).WarnContext(ctx, "an auditor was not answered", "error", err.Error())
	message := err.Error()
	if status == http.StatusInternalServerError {
		message = "this was not foreseen; the log has more under the request's id"
	}
	return refuse(r, status, code, message)
}

func refuse(r events.APIGatewayV2HTTPRequest, status int, code, message string) events.APIGatewayV2HTTPResponse {
	response, err := answer(refusal{Error: code, Message: message, RequestID: r.RequestContext.RequestID})
	if err != nil {
		panic(err) // three strings
	}
	response.StatusCode = status
	return response
}

func answer(body any) (events.APIGatewayV2HTTPResponse, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // it is JSON, and read by people
	err := encoder.Encode(body)
	return content("application/json", text.String()), err
}

func content(kind, body string) events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{
		StatusCode: http.StatusOK, Body: body,
		Headers: map[string]string{"content-type": kind, "cache-control": "no-store", "x-content-type-options": "nosniff"},
	}
}
