package entitlements

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

	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Routes of the HTTP API. Callers sign their requests (AWS Signature Version 4):
// API Gateway lets nobody else in.
const (
	RouteExplain = "POST /entitlements/explain"
	RouteWhatIf  = "POST /entitlements/what-if"
)

// mostTime is how long a question may take: the HTTP API gives up after 30
// seconds.
const mostTime = 27 * time.Second

// asksExplain is the body of an explain request: one of its members.
type asksExplain struct {
	// User is an Okta user id or a login.
	User string `json:"user"`
	// Profile is that of somebody who need not exist.
	Profile *struct {
		Department   string `json:"department"`
		Title        string `json:"title"`
		Role         string `json:"role"`
		Location     string `json:"location"`
		EmployeeType string `json:"employeeType"`
		Manager      string `json:"manager"`
	} `json:"profile"`
}

// asksWhatIf is the body of a what-if request.
type asksWhatIf struct {
	// Candidate is the changed document.
	Candidate json.RawMessage `json:"candidate"`
}

// refusal is the body of an answer that is none.
type refusal struct {
	Error   string `json:"error"`
	Message string `json:"message"`
	// Problems are those of a document that cannot be used.
	Problems  []entitlement.Problem `json:"problems,omitempty"`
	RequestID string                `json:"request_id"`
}

// Handle answers a request. It is the Lambda's handler.
func (s *Service) Handle(ctx context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, mostTime)
	defer cancel()
	ctx = platform.LogWith(ctx, "route", r.RouteKey, "caller", callerOf(r))
	body, err := bodyOf(r)
	if err != nil {
		return answer(http.StatusBadRequest, refusal{Error: "body_not_valid", Message: err.Error(), RequestID: r.RequestContext.RequestID}), nil
	}
	switch r.RouteKey {
	case RouteExplain:
		return s.answerExplain(ctx, r, body), nil
	case RouteWhatIf:
		return s.answerWhatIf(ctx, r, body), nil
	}
	return answer(http.StatusNotFound, refusal{Error: "not_found", Message: "there is no such question", RequestID: r.RequestContext.RequestID}), nil
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

func (s *Service) answerExplain(ctx context.Context, r events.APIGatewayV2HTTPRequest, body []byte) events.APIGatewayV2HTTPResponse {
	var asked asksExplain
	if err := strictly(body, &asked); err != nil || (asked.User == "") == (asked.Profile == nil) {
		return answer(http.StatusBadRequest, refusal{
			Error: "body_not_valid", RequestID: r.RequestContext.RequestID,
			Message: `ask {"user": "<login or Okta user id>"} or {"profile": {"department": ..., "title": ..., "role": ..., "location": ..., "employeeType": ..., "manager": ...}}`,
		})
	}
	var e Explanation
	var err error
	if p := asked.Profile; p != nil {
		e, err = s.ExplainProfile(ctx, entitlement.Profile{
			Department: p.Department, Title: p.Title, Role: p.Role, Location: p.Location, EmployeeType: p.EmployeeType, Manager: p.Manager,
		})
	} else {
		e, err = s.Explain(ctx, r.RequestContext.RequestID, asked.User)
	}
	if err != nil {
		return failed(ctx, r, err)
	}
	if strings.HasPrefix(r.Headers["accept"], "text/plain") {
		return text(e.String())
	}
	return answer(http.StatusOK, e)
}

func (s *Service) answerWhatIf(ctx context.Context, r events.APIGatewayV2HTTPRequest, body []byte) events.APIGatewayV2HTTPResponse {
	var asked asksWhatIf
	if err := strictly(body, &asked); err != nil || len(asked.Candidate) == 0 {
		return answer(http.StatusBadRequest, refusal{
			Error: "body_not_valid", Message: `ask {"candidate": <the changed rules document>}`, RequestID: r.RequestContext.RequestID,
		})
	}
	candidate, problems := entitlement.Inspect(asked.Candidate)
	if len(problems) > 0 {
		return answer(http.StatusUnprocessableEntity, refusal{
			Error: "candidate_not_valid", Message: fmt.Sprintf("the document cannot be used (problems: %d)", len(problems)),
			Problems: problems, RequestID: r.RequestContext.RequestID,
		})
	}
	summary, err := s.WhatIf(ctx, r.RequestContext.RequestID, candidate, nil)
	if err != nil {
		return failed(ctx, r, err)
	}
	return answer(http.StatusOK, summary)
}

// strictly reads JSON and refuses members that nothing here knows: a misspelt one
// would be a question that was not asked.
func strictly(body []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("more than one document")
	}
	return nil
}

// failed is the answer to a question that could not be answered.
func failed(ctx context.Context, r events.APIGatewayV2HTTPRequest, err error) events.APIGatewayV2HTTPResponse {
	status, code := http.StatusInternalServerError, "failed"
	switch {
	case fault.Is[*fault.NotFound](err):
		status, code = http.StatusNotFound, "not_found"
	case fault.Is[*fault.Invalid](err):
		status, code = http.StatusBadRequest, "not_valid"
	case ctx.Err() != nil, fault.Is[*fault.Throttled](err):
		status, code = http.StatusServiceUnavailable, "not_in_time"
	case fault.Is[*fault.Unavailable](err):
		status, code = http.StatusServiceUnavailable, "temporarily_unavailable"
	}
	platform.Logger(ctx).WarnContext(ctx, "a question about the rules was not answered", "error", err.Error())
	message := err.Error()
	if status == http.StatusInternalServerError {
		message = "this was not foreseen; the log has more under the request's id"
	}
	return answer(status, refusal{Error: code, Message: message, RequestID: r.RequestContext.RequestID})
}

func answer(status int, body any) events.APIGatewayV2HTTPResponse {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"error":"failed"}`)
	}
	return events.APIGatewayV2HTTPResponse{
		StatusCode: status, Headers: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}, Body: string(raw),
	}
}

func text(body string) events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{
		StatusCode: http.StatusOK, Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}, Body: body,
	}
}
