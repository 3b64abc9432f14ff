package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/fault"
)

// absent is the kind of what does not exist.
const absent = "NotFound"

func kindOf(err error) string { return strings.TrimPrefix(fmt.Sprintf("%T", err), "*fault.") }

func TestAWSErrorOfRealAnswers(t *testing.T) {
	t.Parallel()
	get := func(ctx context.Context, c *Cloud) error {
		_, err := c.DynamoDB.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: aws.String("t"), Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "x"}},
		})
		return err
	}
	start := func(ctx context.Context, c *Cloud) error {
		_, err := c.SFN.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: aws.String("arn"), Name: aws.String("n")})
		return err
	}
	object := func(ctx context.Context, c *Cloud) error {
		_, err := c.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
		return err
	}
	transact := func(ctx context.Context, c *Cloud) error {
		_, err := c.DynamoDB.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{
			Delete: &types.Delete{TableName: aws.String("t"), Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "x"}}},
		}}})
		return err
	}
	cancelled := func(codes string) string {
		return `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[` + codes + `]}`
	}
	cases := []struct {
		name   string
		call   func(context.Context, *Cloud) error
		status int
		body   string
		want   string
	}{
		{"throughput", get, 400, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow"}`, "Throttled"},
		{"throttling", start, 400, `{"__type":"ThrottlingException","message":"Rate exceeded"}`, "Throttled"},
		{"too many executions", start, 400, `{"__type":"ExecutionLimitExceeded","message":"m"}`, "Throttled"},
		{"a key that throttles", start, 400, `{"__type":"KmsThrottlingException","message":"m"}`, "Throttled"},
		{"429 with a code of its own", start, 429, `{"__type":"SomethingNew","message":"m"}`, "Throttled"},
		{"server error", get, 500, `{"__type":"InternalServerError","message":"m"}`, "Unavailable"},
		{"an unknown 503", start, 503, `{"__type":"Whatever","message":"m"}`, "Unavailable"},
		{"HTML instead of JSON", get, 502, `<html>bad gateway</html>`, "Unavailable"},
		{"denied", get, 400, `{"__type":"AccessDeniedException","message":"m"}`, "Denied"},
		{"a credential that is not known", get, 400, `{"__type":"UnrecognizedClientException","message":"m"}`, "Denied"},
		{"an unknown 403", start, 403, `{"__type":"Whatever","message":"m"}`, "Denied"},
		{"no such table", get, 400, `{"__type":"ResourceNotFoundException","message":"m"}`, absent},
		{"no such machine", start, 400, `{"__type":"StateMachineDoesNotExist","message":"m"}`, absent},
		{"no such object", object, 404, `<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>m</Message></Error>`, absent},
		{"access to an object denied", object, 403, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>m</Message></Error>`, "Denied"},
		{"S3 asks for less", object, 503, `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>m</Message></Error>`, "Throttled"},
		{"name taken", start, 400, `{"__type":"ExecutionAlreadyExists","message":"m"}`, "Conflict"},
		{"condition", get, 400, `{"__type":"ConditionalCheckFailedException","message":"m"}`, "Conflict"},
		{"validation", get, 400, `{"__type":"ValidationException","message":"m"}`, "Invalid"},
		{"bad name", start, 400, `{"__type":"InvalidName","message":"m"}`, "Invalid"},
		{"transaction: condition outweighs throttling", transact, 400, cancelled(`{"Code":"ThrottlingError"},{"Code":"ConditionalCheckFailed"},{"Code":"None"}`), "Conflict"},
		{"transaction: throttled", transact, 400, cancelled(`{"Code":"TransactionConflict"},{"Code":"ProvisionedThroughputExceeded"}`), "Throttled"},
		{"transaction: two at once", transact, 400, cancelled(`{"Code":"TransactionConflict"}`), "Unavailable"},
		{"transaction: bad item", transact, 400, cancelled(`{"Code":"ValidationError"}`), "Invalid"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cloud, _ := newCloud(t, nil, roundTripper(func(*http.Request) (*http.Response, error) {
				return reply(c.status, map[string]string{"X-Amz-Request-Id": "REQ-1"}, c.body), nil
			}))
			err := AWSError("the thing could not be done", c.call(t.Context(), cloud))
			if got := kindOf(err); got != c.want {
				t.Fatalf("%s (%v), want %s", got, err, c.want)
			}
			if !strings.HasPrefix(err.Error(), "the thing could not be done: ") {
				t.Errorf("message %q", err)
			}
			if !strings.Contains(err.Error(), "REQ-1") {
				t.Errorf("message %q lacks the request id", err)
			}
			if len(err.Error()) > 200 {
				t.Errorf("message of %d characters is too long for a ticket: %q", len(err.Error()), err)
			}
		})
	}
}

func TestAWSErrorWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	call := func(t *testing.T, failure error) error {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if errors.Is(failure, context.Canceled) {
			cancel()
		}
		cloud, _ := newCloud(t, nil, roundTripper(func(*http.Request) (*http.Response, error) { return nil, failure }))
		_, err := cloud.SFN.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String("arn")})
		return AWSError("the execution could not be seen", err)
	}
	t.Run("a reset connection is unavailable", func(t *testing.T) {
		t.Parallel()
		err := call(t, syscall.ECONNRESET)
		if kindOf(err) != "Unavailable" || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%T %v", err, err)
		}
		if want := "the execution could not be seen: SFN DescribeExecution did not answer: connection reset by peer"; err.Error() != want {
			t.Errorf("message %q, want %q", err, want)
		}
	})
	t.Run("running out of time is unavailable", func(t *testing.T) {
		t.Parallel()
		err := call(t, context.Canceled)
		if kindOf(err) != "Unavailable" || !errors.Is(err, context.Canceled) {
			t.Errorf("%T %v", err, err)
		}
	})
	t.Run("parameters that the SDK refuses are invalid", func(t *testing.T) {
		t.Parallel()
		cloud, _ := newCloud(t, nil, nil)
		_, err := cloud.SFN.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{})
		if err = AWSError("x", err); kindOf(err) != "Invalid" {
			t.Errorf("%T %v", err, err)
		}
	})
}

func TestAWSErrorKeepsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	if AWSError("x", nil) != nil {
		t.Error("nil became an error")
	}
	for _, err := range []error{
		&fault.Throttled{Message: "m"}, &fault.Stopped{Message: "m"}, &fault.Invalid{Message: "m"}, fmt.Errorf("around: %w", &fault.NotFound{Message: "m"}),
	} {
		if got := AWSError("x", err); !errors.Is(got, err) || got.Error() != err.Error() {
			t.Errorf("%v became %v", err, got)
		}
	}
	var exists *sfntypes.ExecutionAlreadyExists
	if err := AWSError("x", &sfntypes.ExecutionAlreadyExists{}); !errors.As(err, &exists) {
		t.Errorf("%v hides the SDK's error", err)
	}
}
