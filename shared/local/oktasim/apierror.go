package oktasim

import "fmt"

// Error is the body of every refusal (spec, schema Error).
type Error struct {
	Status  int     `json:"-"`
	Code    string  `json:"errorCode"`
	Summary string  `json:"errorSummary"`
	Link    string  `json:"errorLink"`
	ID      string  `json:"errorId"`
	Causes  []Cause `json:"errorCauses"`

	// authenticate is the WWW-Authenticate header, on answers to bearer tokens.
	authenticate string
}

// Cause is one reason behind an Error.
type Cause struct {
	Summary string `json:"errorSummary"`
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Summary) }

// Codes, their HTTP status and their summary, from Okta's list of error codes.
var codes = map[string]struct {
	status  int
	summary string
}{
	"E0000001": {400, "Api validation failed: %s"},
	"E0000003": {400, "The request body was not well-formed."},
	"E0000006": {403, "You do not have permission to perform the requested action"},
	"E0000007": {404, "Not found: Resource not found: %s"},
	"E0000008": {404, "The requested path was not found"},
	"E0000009": {500, "Internal Server Error"},
	"E0000010": {503, "Service is in read only mode"},
	"E0000011": {401, "Invalid token provided"},
	"E0000016": {403, "Activation failed because the user is already active"},
	"E0000021": {400, "Bad request.  Accept and/or Content-Type headers likely do not match supported values."},
	"E0000022": {405, "The endpoint does not support the provided HTTP method"},
	"E0000028": {400, "The request is missing a required parameter."},
	"E0000030": {400, "Bad request. Invalid date. Dates must be of the form yyyy-MM-dd'T'HH:mm:ss.SSSZZ, e.g. 2013-01-01T12:00:00.000-07:00."},
	"E0000031": {400, "Invalid search criteria."},
	"E0000032": {403, "Unlock is not allowed for this user."},
	"E0000033": {400, "Bad request. Can't specify a search query and filter in the same request."},
	"E0000038": {403, "This operation is not allowed in the user's current status."},
	"E0000046": {403, "Deactivate application for user forbidden."},
	"E0000047": {429, "API call exceeded rate limit due to too many requests."},
	"E0000060": {501, "Unsupported operation."},
	"E0000067": {504, "Factors Service Error."},
	"E0000090": {409, "The role specified is already assigned to the user."},
	"E0000093": {400, "Target count limit exceeded"},
	"E0000112": {409, "Cannot update this user because they are still being activated. Please try again in a few minutes."},
	"E0000117": {403, "Cannot assign apps or update app profiles for an inactive user."},
	"E0000124": {400, "Could not create user. To create a user and expire their password immediately, a password must be specified"},
	"E0000125": {400, "Could not create user. To create a user and expire their password immediately, \"activate\" must be true"},
}

// refuse makes the Error of a code whose summary takes no argument.
func refuse(code string, causes ...string) *Error { return refusef(code, nil, causes...) }

// invalid is E0000001: what names the field or the object that is wrong.
func invalid(what string, causes ...string) *Error {
	return refusef("E0000001", []any{what}, causes...)
}

// missing is E0000007; kind is Okta's own name for it, e.g. "User", "UserGroup",
// "AppInstance", "AppUser".
func missing(id, kind string) *Error {
	return refusef("E0000007", []any{id + " (" + kind + ")"})
}

func refusef(code string, args []any, causes ...string) *Error {
	known, ok := codes[code]
	if !ok {
		panic("oktasim: error code " + code + " is not in the table")
	}
	e := &Error{Status: known.status, Code: code, Summary: known.summary, Link: code, Causes: []Cause{}}
	if len(args) > 0 {
		e.Summary = fmt.Sprintf(known.summary, args...)
	}
	for _, cause := range causes {
		e.Causes = append(e.Causes, Cause{Summary: cause})
	}
	return e
}
