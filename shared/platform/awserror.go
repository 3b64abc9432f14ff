package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"lifecycle/shared/fault"
)

// AWSError turns the error of an AWS call into the fault it means. what says
// what could not be done ("the execution could not be started") and begins the
// message; the AWS error stays reachable by errors.As. A nil error stays nil, and
// a fault stays what it is.
//
// Errors that carry a meaning of their own for the caller, such as a failed
// condition, are for the caller to recognise first.
func AWSError(what string, err error) error {
	if err == nil || isFault(err) {
		return err
	}
	cause := &causeError{err: err}
	var cancelled *dynamodbtypes.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return ofTransaction(what, cancelled, cause)
	}
	var parameters smithy.InvalidParamsError
	if errors.As(err, &parameters) {
		return &fault.Invalid{Message: what, Cause: cause}
	}
	var answered smithy.APIError
	if !errors.As(err, &answered) {
		// No answer, or none that could be read: it may have been done.
		return &fault.Unavailable{Message: what, Cause: cause}
	}
	return byCode(what, answered, statusOf(err), cause)
}

// kinds tells the kind of an AWS error by its code, where the HTTP status, which
// is 400 for nearly everything, does not.
var kinds = map[string]func(what string, cause error) error{
	"ExecutionLimitExceeded":         throttled,
	"KmsThrottlingException":         throttled,
	"TransactionInProgressException": unavailable,
	"TransactionConflictException":   unavailable,
	"StateMachineDeleting":           unavailable, // it is being replaced
	"InternalServerError":            unavailable,
	"InternalServiceError":           unavailable,
	"ServiceUnavailable":             unavailable,
	"RequestTimeout":                 unavailable,
	"RequestTimeoutException":        unavailable,

	"AccessDenied":                    denied,
	"AccessDeniedException":           denied,
	"UnauthorizedOperation":           denied,
	"UnrecognizedClientException":     denied,
	"InvalidClientTokenId":            denied,
	"InvalidSignatureException":       denied,
	"SignatureDoesNotMatch":           denied,
	"MissingAuthenticationToken":      denied,
	"IncompleteSignature":             denied,
	"ExpiredToken":                    denied,
	"ExpiredTokenException":           denied,
	"KmsAccessDeniedException":        denied,
	"DecryptionFailure":               denied,
	"NoSuchKey":                       notFound,
	"NoSuchBucket":                    notFound,
	"NotFound":                        notFound,
	"ResourceNotFound":                notFound,
	"ResourceNotFoundException":       notFound,
	"StateMachineDoesNotExist":        notFound,
	"ExecutionDoesNotExist":           notFound,
	"TaskDoesNotExist":                notFound,
	"ConditionalCheckFailedException": conflict,
	"ExecutionAlreadyExists":          conflict,
	"TaskTimedOut":                    conflict,
	"ResourceInUseException":          conflict,
	"PreconditionFailed":              conflict,
	"IdempotentParameterMismatch":     conflict,
}

func byCode(what string, answered smithy.APIError, status int, cause error) error {
	code := answered.ErrorCode()
	if kind, ok := kinds[code]; ok {
		return kind(what, cause)
	}
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok {
		return throttled(what, cause)
	}
	switch {
	case status == http.StatusTooManyRequests:
		return throttled(what, cause)
	case status >= http.StatusInternalServerError, answered.ErrorFault() == smithy.FaultServer:
		return unavailable(what, cause)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return denied(what, cause)
	case status == http.StatusNotFound:
		return notFound(what, cause)
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return conflict(what, cause)
	default:
		return &fault.Invalid{Message: what, Cause: cause}
	}
}

// ofTransaction goes by the reasons of a cancelled transaction: a condition that
// does not hold outweighs what would pass by itself.
func ofTransaction(what string, cancelled *dynamodbtypes.TransactionCanceledException, cause error) error {
	kind := func(what string, cause error) error { return &fault.Invalid{Message: what, Cause: cause} }
	weight := 0
	for _, reason := range cancelled.CancellationReasons {
		if reason.Code == nil {
			continue
		}
		switch code := *reason.Code; {
		case code == "ConditionalCheckFailed" && weight < 3:
			kind, weight = conflict, 3
		case (code == "ThrottlingError" || code == "ProvisionedThroughputExceeded" || code == "RequestLimitExceeded") && weight < 2:
			kind, weight = throttled, 2
		case code == "TransactionConflict" && weight < 1:
			kind, weight = unavailable, 1
		}
	}
	return kind(what, cause)
}

func throttled(what string, cause error) error {
	return &fault.Throttled{Message: what, Cause: cause}
}
func unavailable(what string, cause error) error {
	return &fault.Unavailable{Message: what, Cause: cause}
}
func denied(what string, cause error) error   { return &fault.Denied{Message: what, Cause: cause} }
func notFound(what string, cause error) error { return &fault.NotFound{Message: what, Cause: cause} }
func conflict(what string, cause error) error { return &fault.Conflict{Message: what, Cause: cause} }

func isFault(err error) bool {
	return fault.Retryable(err) || fault.Is[*fault.Conflict](err) || fault.Is[*fault.NotFound](err) ||
		fault.Is[*fault.Invalid](err) || fault.Is[*fault.Denied](err)
}

func statusOf(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.HTTPStatusCode()
	}
	return 0
}

// causeError shows an AWS error in the length that a ticket bears: service,
// operation, code, message and request id.
type causeError struct{ err error }

func (c *causeError) Unwrap() error { return c.err }

func (c *causeError) Error() string {
	var b strings.Builder
	var operation *smithy.OperationError
	if errors.As(c.err, &operation) {
		fmt.Fprintf(&b, "%s %s ", operation.ServiceID, operation.OperationName)
	}
	var answered smithy.APIError
	switch {
	case errors.As(c.err, &answered):
		fmt.Fprintf(&b, "answered %s", answered.ErrorCode())
		if m := answered.ErrorMessage(); m != "" {
			fmt.Fprintf(&b, ": %s", m)
		}
	case errors.Is(c.err, context.DeadlineExceeded), errors.Is(c.err, context.Canceled):
		b.WriteString("did not answer in time")
	default:
		b.WriteString("did not answer: " + innermost(c.err).Error())
	}
	var response *awshttp.ResponseError
	if errors.As(c.err, &response) && response.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", response.RequestID)
	}
	return b.String()
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
