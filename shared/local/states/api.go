package states

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// target is what X-Amz-Target begins with.
const apiTarget = "AWSStepFunctions."

// mostRequest is more than any request of the API holds.
const mostRequest = 4 << 20

// operations are the API's, by name. Each reads its request and returns its
// answer, nil for an empty one.
var operations = map[string]func(*Engine, *request) (any, error){
	"CreateStateMachine":               (*Engine).createStateMachine,
	"UpdateStateMachine":               (*Engine).updateStateMachine,
	"DescribeStateMachine":             (*Engine).describeStateMachine,
	"DescribeStateMachineForExecution": (*Engine).describeStateMachineForExecution,
	"ListStateMachines":                (*Engine).listStateMachines,
	"StartExecution":                   (*Engine).startExecution,
	"StopExecution":                    (*Engine).stopExecution,
	"DescribeExecution":                (*Engine).describeExecution,
	"ListExecutions":                   (*Engine).listExecutions,
	"GetExecutionHistory":              (*Engine).getExecutionHistory,
	"RedriveExecution":                 (*Engine).redriveExecution,
	"SendTaskSuccess":                  (*Engine).sendTaskSuccess,
	"SendTaskFailure":                  (*Engine).sendTaskFailure,
	"SendTaskHeartbeat":                (*Engine).sendTaskHeartbeat,
}

// request holds every parameter that an operation here may take.
type request struct {
	Name                 string      `json:"name"`
	Definition           string      `json:"definition"`
	RoleArn              string      `json:"roleArn"`
	Type                 string      `json:"type"`
	StateMachineArn      string      `json:"stateMachineArn"`
	ExecutionArn         string      `json:"executionArn"`
	Input                string      `json:"input"`
	Output               string      `json:"output"`
	Error                string      `json:"error"`
	Cause                string      `json:"cause"`
	TaskToken            string      `json:"taskToken"`
	StatusFilter         string      `json:"statusFilter"`
	MaxResults           json.Number `json:"maxResults"`
	NextToken            string      `json:"nextToken"`
	ReverseOrder         bool        `json:"reverseOrder"`
	IncludeExecutionData *bool       `json:"includeExecutionData"`
}

// ServeHTTP is the wire API, AWS JSON 1.0. Signatures are not looked at.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), apiTarget)
	operation, known := operations[name]
	if !ours || !known {
		answerError(w, &APIError{"UnknownOperationException", "the embedded Step Functions does not do " + r.Header.Get("X-Amz-Target")})
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, mostRequest))
	if err != nil {
		answerError(w, &APIError{"SerializationException", err.Error()})
		return
	}
	var asked request
	if len(body) > 0 {
		if err := json.Unmarshal(body, &asked); err != nil {
			answerError(w, &APIError{"SerializationException", err.Error()})
			return
		}
	}
	out, err := operation(e, &asked)
	if err != nil {
		answerError(w, err)
		return
	}
	if out == nil {
		out = struct{}{}
	}
	text, err := json.Marshal(out)
	if err != nil {
		answerError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", uuid())
	_, _ = w.Write(text) // the caller may have gone
}

// answerError writes an exception.
func answerError(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var refused *APIError
	var definition *DefinitionError
	switch {
	case errors.As(err, &refused):
	case errors.As(err, &definition):
		refused = &APIError{"InvalidDefinition", "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: " + strings.Join(definition.Problems, ", ") + "'"}
	default:
		refused, status = &APIError{"InternalFailure", err.Error()}, http.StatusInternalServerError
	}
	if refused.Code == "ServiceUnavailable" {
		status = http.StatusServiceUnavailable
	}
	text, err := json.Marshal(map[string]string{"__type": "com.amazonaws.states#" + refused.Code, "message": refused.Message})
	if err != nil {
		panic(err) // two strings
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", uuid())
	w.Header().Set("X-Amzn-Errortype", refused.Code)
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may have gone
}

// epoch is a time on the wire: seconds, to the millisecond.
type epoch time.Time

// MarshalJSON writes seconds since 1970.
func (t epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, math.Round(float64(time.Time(t).UnixMicro())/1000)/1000, 'f', 3, 64), nil
}

// page cuts a list of n into pages; token is where this page starts.
func page(asked *request, n int) (from, to int, next string, err error) {
	size := int64(100)
	if asked.MaxResults != "" && asked.MaxResults != "0" {
		if size, err = asked.MaxResults.Int64(); err != nil || size < 0 || size > 1000 {
			return 0, 0, "", refuse("ValidationException", "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value between 0 and 1000")
		}
	}
	if asked.NextToken != "" {
		if from, err = strconv.Atoi(strings.TrimPrefix(asked.NextToken, pageMark)); err != nil || from < 0 || from > n || !strings.HasPrefix(asked.NextToken, pageMark) {
			return 0, 0, "", refuse("InvalidToken", "Invalid Token: 'Invalid token'")
		}
	}
	to = min(n, from+int(size))
	if to < n {
		next = pageMark + strconv.Itoa(to)
	}
	return from, to, next, nil
}

// pageMark begins a page's token.
const pageMark = "page-"
