package okta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/fault"
)

// refusal is an answer of Okta that is an error (spec, schema Error).
type refusal struct {
	status      int
	code        string
	summary     string
	causes      []string
	description string // of a bearer token's refusal
	requestID   string
}

func (r *refusal) Error() string {
	text := fmt.Sprintf("Okta answered %d", r.status)
	if r.code != "" {
		text += " " + r.code
	}
	// What was not found is named by what was asked for, which may be a login.
	if detail := strings.Trim(strings.Join(append([]string{r.summary}, r.causes...), "; ")+"; "+r.description, "; "); detail != "" && r.status != http.StatusNotFound {
		text += " (" + detail + ")"
	}
	if r.requestID != "" {
		text += ", request " + r.requestID
	}
	return text
}

// refusalOf reads an error answer.
func refusalOf(a *reply) *refusal {
	var body struct {
		Code    string `json:"errorCode"`
		Summary string `json:"errorSummary"`
		Causes  []struct {
			Summary string `json:"errorSummary"`
		} `json:"errorCauses"`
	}
	_ = json.Unmarshal(a.body, &body) // what is no Error has no code
	r := &refusal{status: a.status, code: body.Code, summary: plain(body.Summary), requestID: a.header.Get("X-Okta-Request-Id")}
	for _, cause := range body.Causes {
		r.causes = append(r.causes, plain(cause.Summary))
	}
	if found := bearerError.FindStringSubmatch(a.header.Get("WWW-Authenticate")); found != nil {
		r.description = plain(found[1])
	}
	return r
}

var (
	address     = regexp.MustCompile(`\S+@\S+`)
	bearerError = regexp.MustCompile(`error_description="([^"]*)"`)
)

// plain takes addresses, which logins are, out of Okta's words, and cuts them to
// a length that a note can carry.
func plain(text string) string {
	text = address.ReplaceAllString(text, "(address)")
	if runes := []rune(text); len(runes) > 300 {
		text = string(runes[:300]) + "…"
	}
	return text
}

// withoutURL takes the URL out of a transport's error: it can hold a login.
func withoutURL(err error) error {
	var in *url.Error
	for errors.As(err, &in) {
		err = in.Err
	}
	return err
}

// fault is what came of a call, for the caller.
func (x *exchange) fault(call call) error {
	undone := "nothing was changed"
	unsure := "whether it was done is not known, and it is tried again"
	if call.read {
		undone, unsure = "it was not read", "it is tried again"
	}
	switch {
	case isFault(x.failure): // signing in failed, before anything was sent
		return prefixed(call.doing, x.failure)
	case x.failure != nil && errors.Is(x.failure, context.DeadlineExceeded):
		return &fault.Unavailable{Message: fmt.Sprintf("%s: Okta did not answer in time; %s", call.doing, unsure), Cause: withoutURL(x.failure)}
	case x.failure != nil:
		return &fault.Unavailable{Message: fmt.Sprintf("%s: Okta could not be reached; %s", call.doing, unsure), Cause: withoutURL(x.failure)}
	case x.reply == nil: // nothing was sent
		return &fault.Invalid{Message: call.doing + ": the request could not be made; " + undone}
	case x.reply.status < http.StatusMultipleChoices:
		return &fault.Unavailable{Message: fmt.Sprintf("%s: Okta's answer cannot be read; %s", call.doing, unsure)}
	}
	return x.reply.fault(call.doing, undone, unsure)
}

// conflicts are the codes that say that a record is not in the state an
// operation needs (developer.okta.com, reference/error-codes).
var conflicts = []string{
	"E0000016", // activation: already active
	"E0000032", // unlock: not locked out
	"E0000036", // recovery question: not allowed in this status
	"E0000038", // not allowed in the user's current status
	"E0000046", // unassign: a group gives the app
	"E0000060", // unsupported operation: a built-in group
	"E0000090", // the role is assigned already
	"E0000117", // assign: the user is not active
}

// fault classifies an error answer by its status and code: several codes share
// one status, and some codes come with several.
func (a *reply) fault(doing, undone, unsure string) error {
	r := refusalOf(a)
	switch {
	case a.crowded():
		return &fault.Throttled{Message: doing + ": too many requests to Okta are under way at once; " + undone, Cause: r}
	case r.status == http.StatusTooManyRequests || r.code == "E0000047":
		limit, _, reset, known := a.limits()
		if !known {
			return &fault.Throttled{Message: doing + ": Okta's limit is used up; " + undone, Cause: r}
		}
		return &fault.Throttled{Message: fmt.Sprintf("%s: Okta's limit of %d calls a minute for %s is used up; %s", doing, limit, a.bucket, undone), Until: reset, Cause: r}
	case r.code == "E0000112":
		return &fault.Unavailable{Message: doing + ": Okta is still activating the account; " + undone + ", and it is tried again", Cause: r}
	case slices.Contains(conflicts, r.code):
		return &fault.Conflict{Message: doing + ": Okta does not allow it in the state things are in; " + undone, Cause: r}
	case r.status >= http.StatusInternalServerError || r.status < http.StatusBadRequest:
		return &fault.Unavailable{Message: doing + ": Okta is not available; " + unsure, Cause: r}
	case r.status == http.StatusUnauthorized || r.code == "E0000011" || r.code == "E0000004":
		return &fault.Denied{Message: doing + ": Okta does not accept the integration's credentials; " + undone + ". An Okta administrator has to renew the token or key", Cause: r}
	case r.status == http.StatusForbidden:
		return &fault.Denied{Message: doing + ": Okta does not permit it to the integration; " + undone + ". An Okta administrator has to grant the scope or the admin role", Cause: r}
	case r.status == http.StatusNotFound:
		return &fault.NotFound{Message: doing + ": Okta knows no such record, or does not show it to the integration; " + undone, Cause: r}
	case r.status == http.StatusConflict || r.exists():
		return &fault.Conflict{Message: doing + ": Okta has such a record already; " + undone, Cause: r}
	}
	return &fault.Invalid{Message: doing + ": Okta does not accept what was sent; " + undone, Problems: r.causes, Cause: r}
}

// exists reports whether a validation failed because a unique value is taken.
func (r *refusal) exists() bool {
	return slices.ContainsFunc(append([]string{r.summary}, r.causes...), func(text string) bool {
		return strings.Contains(text, "already exists")
	})
}

func isFault(err error) bool {
	return fault.Retryable(err) || fault.Is[*fault.Conflict](err) || fault.Is[*fault.NotFound](err) ||
		fault.Is[*fault.Invalid](err) || fault.Is[*fault.Denied](err)
}

// refused reports whether Okta answered no: nothing was done, and asking again
// will not help.
func refused(err error) bool { return isFault(err) && !fault.Retryable(err) }

// prefixed says what a fault of signing in kept from being done.
func prefixed(doing string, err error) error {
	var (
		denied    *fault.Denied
		throttled *fault.Throttled
		invalid   *fault.Invalid
	)
	switch {
	case errors.As(err, &denied):
		return &fault.Denied{Message: doing + ": " + denied.Message, Cause: denied.Cause}
	case errors.As(err, &throttled):
		return &fault.Throttled{Message: doing + ": " + throttled.Message, Until: throttled.Until, Cause: throttled.Cause}
	case errors.As(err, &invalid):
		return &fault.Invalid{Message: doing + ": " + invalid.Message, Problems: invalid.Problems, Cause: invalid.Cause}
	}
	return &fault.Unavailable{Message: doing + ": " + err.Error()}
}

// at reads one of the SDK's optional times; zero when there is none.
func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
