package snowsim

import "net/http"

// Error is how the REST API says no (docs: api-reference/rest-api-explorer).
type Error struct {
	Status int
	// Message and Detail are what the body says; an empty detail is sent as null.
	Message, Detail string
	// challenge asks for a sign-in.
	challenge bool
	// oauth is the body of the token endpoint, which has a form of its own.
	oauth *oauthError
}

type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Message
	}
	return e.Message + ": " + e.Detail
}

func refuse(status int, message, detail string) *Error {
	return &Error{Status: status, Message: message, Detail: detail}
}

// body is the error as JSON.
func (e *Error) body() any {
	if e.oauth != nil {
		return e.oauth
	}
	detail := any(e.Detail)
	if e.Detail == "" {
		detail = nil
	}
	return map[string]any{"error": map[string]any{"message": e.Message, "detail": detail}, "status": "failure"}
}

// The answers below are seen in many public repositories.

func unauthenticated() *Error {
	e := refuse(http.StatusUnauthorized, "User Not Authenticated", "Required to provide Auth information")
	e.challenge = true
	return e
}

func noRecord() *Error {
	return refuse(http.StatusNotFound, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
}

func invalidTable(name string) *Error {
	return refuse(http.StatusBadRequest, "Invalid table "+name, "")
}

// forbidden is the refusal of an access rule; what is Insert, Update or Delete.
func forbidden(what string) *Error {
	return refuse(http.StatusForbidden, "Operation Failed", "ACL Exception "+what+" Failed due to security constraints")
}

func dataPolicy(labels string) *Error {
	return refuse(http.StatusForbidden, "Operation Failed", "Data Policy Exception: The following fields are mandatory: "+labels)
}

func unreadableColumn() *Error {
	return refuse(http.StatusForbidden, "Insufficient rights to query records", "Field(s) present in the query do not have permission to be read")
}
