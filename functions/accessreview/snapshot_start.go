package accessreview

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
	"lifecycle/shared/workflow"
)

// Trigger starts a review on demand. Callers sign their requests (AWS Signature
// Version 4): API Gateway lets nobody else in. It holds no credential of Okta or
// ServiceNow.
type Trigger struct {
	sfn     *sfn.Client
	machine string
}

type triggerConfig struct {
	Machine string `env:"STATE_MACHINE_ARN,required"`
}

// NewTrigger wires the function that starts reviews on demand.
func NewTrigger(_ context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	c, err := platform.Config[triggerConfig](cloud)
	if err != nil {
		return nil, err
	}
	return lambda.NewHandler((&Trigger{cloud.SFN, c.Machine}).Handle), nil
}

// asked is the body of a request. All of it may be left out.
type asked struct {
	Title string `json:"title"`
	Scope Scope  `json:"scope"`
}

// input is what an execution begins with.
type input struct {
	workflow.Subject

	Scope Scope `json:"scope"`
}

// longestTitle is the longest title of a review, in bytes.
const longestTitle = 100

// Handle checks the scope and starts the review: 202 with the execution's name. A
// review of the same scope that is under way is not started twice: the second
// execution ends at once.
func (t *Trigger) Handle(ctx context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	ctx = platform.LogWith(ctx, "route", r.RouteKey)
	want, err := askedFor(r)
	if err != nil {
		return replied(http.StatusBadRequest, map[string]string{"error": "body_not_valid", "message": err.Error(), "request_id": r.RequestContext.RequestID})
	}
	content, err := json.Marshal(input{Subject: workflow.Subject{Table: Table, SysID: "on-demand-" + want.Scope.key(), Number: want.Title}, Scope: want.Scope})
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	name := "on-demand-" + short(r.RequestContext.RequestID)
	_, err = t.sfn.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: aws.String(t.machine), Name: aws.String(name), Input: aws.String(string(content))})
	var exists *sfntypes.ExecutionAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		platform.Logger(ctx).WarnContext(ctx, "a review was not started", "error", err.Error())
		return replied(http.StatusServiceUnavailable, map[string]string{
			"error": "temporarily_unavailable", "message": "The review was not started; ask again.", "request_id": r.RequestContext.RequestID,
		})
	}
	return replied(http.StatusAccepted, map[string]string{"execution": name, "scope": want.Scope.String()})
}

func askedFor(r events.APIGatewayV2HTTPRequest) (asked, error) {
	want := asked{Title: "access review on demand"}
	body := []byte(r.Body)
	if r.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			return want, &fault.Invalid{Message: "the body is not what its encoding says"}
		}
		body = decoded
	}
	if len(bytes.TrimSpace(body)) > 0 {
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&want); err != nil || d.More() || want.Title == "" || len(want.Title) > longestTitle {
			return want, &fault.Invalid{Message: `ask {"title": "...", "scope": {"departments": [...], "groups": [...], "apps": [...], "risk": "high"}}; what is left out does not narrow it down`}
		}
	}
	return want, want.Scope.Check()
}

func replied(status int, body map[string]string) (events.APIGatewayV2HTTPResponse, error) {
	raw, err := json.Marshal(body)
	return events.APIGatewayV2HTTPResponse{
		StatusCode: status, Headers: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"}, Body: string(raw),
	}, err
}
