package event

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// answer is what the sender gets. Nothing of the internals is in it: why a
// request failed stands in the log, under the request id.
type answer struct {
	status int
	// code names the refusal for programs; empty when the event was accepted.
	code     string
	problems []Problem
	// execution is the name of the execution that the event started.
	execution  string
	retryAfter time.Duration
}

// Codes of refusals.
const (
	tooLarge    = "body_too_large"
	unsigned    = "signature_not_valid"
	notJSON     = "content_type_not_supported"
	notValid    = "notice_not_valid"
	idReused    = "webhook_id_used_with_another_body"
	throttled   = "too_many_requests"
	unavailable = "temporarily_unavailable"
)

func refuse(status int, code string, problems ...Problem) answer {
	return answer{status: status, code: code, problems: problems}
}

func (a answer) response(requestID string) events.APIGatewayV2HTTPResponse {
	header := map[string]string{"Content-Type": jsonType, "Cache-Control": "no-store"}
	if a.retryAfter > 0 {
		seconds := int((a.retryAfter + time.Second - 1) / time.Second)
		header["Retry-After"] = strconv.Itoa(seconds)
	}
	var body any
	if a.status == http.StatusAccepted {
		body = struct {
			Execution string `json:"execution"`
		}{a.execution}
	} else {
		body = struct {
			Error     string    `json:"error"`
			Errors    []Problem `json:"errors,omitempty"`
			RequestID string    `json:"request_id"`
		}{a.code, a.problems, requestID}
	}
	raw, err := json.Marshal(body)
	if err != nil { // strings only: cannot happen
		raw = []byte(`{}`)
	}
	return events.APIGatewayV2HTTPResponse{StatusCode: a.status, Headers: header, Body: string(raw)}
}
