package dynamo

import (
	"errors"
	"fmt"
	"net/http"
)

// apiError is an answer that refuses.
type apiError struct {
	status  int
	code    string // the exception's name
	message string
	// item is the item that a condition did not hold of, where asked for.
	item item
	// reasons say for each part of a transaction why it was cancelled.
	reasons []reason
}

// reason is why a part of a transaction stood in its way; the code None if it
// did not.
type reason struct {
	Code    string `json:"Code"`
	Message string `json:"Message,omitempty"`
	Item    item   `json:"Item,omitempty"`
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// body is the wire form.
func (e *apiError) body() map[string]any {
	name := "message"
	if e.code == transactionCanceled {
		name = "Message"
	}
	body := map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + e.code, name: e.message}
	if e.item != nil {
		body["Item"] = e.item
	}
	if e.reasons != nil {
		body["CancellationReasons"] = e.reasons
	}
	return body
}

const (
	conditionFailed     = "ConditionalCheckFailed"
	transactionCanceled = "TransactionCanceledException"
)

func refuse(code, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return refuse("ValidationException", format, args...) }

func missing(format string, args ...any) error {
	return refuse("ResourceNotFoundException", format, args...)
}

// notMet says that a condition did not hold of old.
func notMet(old item, returned string) *apiError {
	e := refuse(conditionFailed+"Exception", "The conditional request failed")
	if returned == "ALL_OLD" && old != nil {
		e.item = old
	}
	return e
}

func asAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	return &apiError{status: http.StatusBadRequest, code: "SerializationException", message: err.Error()}
}
