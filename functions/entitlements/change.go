package entitlements

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/event"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/platform"
)

// RouteChange is the route by which a change of the rules is asked for.
const RouteChange = "POST /entitlements/changes"

// asksChange is the body of such a request.
type asksChange struct {
	// Candidate is the changed document.
	Candidate json.RawMessage `json:"candidate"`
	// Plan is the hash of the plan that was looked at. Without it the change is
	// only looked at: the task that is opened tells the plan and its hash.
	Plan string `json:"plan"`
}

// planHash is what a plan's hash looks like.
var planHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// changeID names a change: what is to come into force, and the plan that was
// looked at, empty when it is only to be looked at.
type changeID struct {
	candidate, plan string
}

// String is the change's name in the input of an execution and in the ledger.
func (c changeID) String() string {
	if c.plan == "" {
		return c.candidate
	}
	return c.candidate + "-" + c.plan
}

func changeOf(sysID string) changeID {
	candidate, plan, _ := strings.Cut(sysID, "-")
	return changeID{candidate, plan}
}

// changesTable is the table in the input of an execution that is about the rules.
const changesTable = "rules_change"

// ChangeAPI takes changed documents. It holds no credential of Okta or
// ServiceNow.
type ChangeAPI struct {
	shelf   shelf
	starter *event.Starter
}

// changeConfig is the configuration of the function that takes changes.
type changeConfig struct {
	RulesBucket      string `env:"RULES_BUCKET,required"`
	IdempotencyTable string `env:"IDEMPOTENCY_TABLE,required"`
	Machine          string `env:"STATE_MACHINE_ARN,required"`
}

// NewChangeAPI wires the function that takes changed documents.
func NewChangeAPI(_ context.Context, cloud *platform.Cloud) (lambda.Handler, error) {
	c, err := platform.Config[changeConfig](cloud)
	if err != nil {
		return nil, err
	}
	api := &ChangeAPI{
		shelf:   shelf{client: cloud.S3, bucket: c.RulesBucket},
		starter: event.NewStarter(idempotency.New(cloud.DynamoDB, c.IdempotencyTable), cloud.SFN, c.Machine),
	}
	return lambda.NewHandler(api.Handle), nil
}

// started is the body of the answer: 202.
type started struct {
	Execution string `json:"execution"`
	// Candidate is the version that was asked for.
	Candidate string `json:"candidate"`
}

// Handle checks and keeps the document, and starts the execution that looks at
// it, and carries it out when the plan is the one that was looked at.
func (a *ChangeAPI) Handle(ctx context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	ctx = platform.LogWith(ctx, "route", r.RouteKey, "caller", callerOf(r))
	id := r.RequestContext.RequestID
	body, err := bodyOf(r)
	var asked asksChange
	if err == nil {
		err = strictly(body, &asked)
	}
	if err != nil || len(asked.Candidate) == 0 || asked.Plan != "" && !planHash.MatchString(asked.Plan) {
		return answer(http.StatusBadRequest, refusal{
			Error: "body_not_valid", RequestID: id, Message: `ask {"candidate": <the changed rules document>, "plan": "<the hash of the plan that was looked at>"}; without a plan it is only looked at`,
		}), nil
	}
	rules, problems := entitlement.Inspect(asked.Candidate)
	if len(problems) > 0 {
		return answer(http.StatusUnprocessableEntity, refusal{
			Error: "candidate_not_valid", Message: fmt.Sprintf("the document cannot be used (problems: %d)", len(problems)), Problems: problems, RequestID: id,
		}), nil
	}
	change := changeID{candidate: contentHash(asked.Candidate), plan: asked.Plan}
	if err := a.shelf.put(ctx, candidateKey(change.candidate), asked.Candidate, ""); err != nil {
		return failed(ctx, r, err), nil
	}
	// Each request starts an execution of its own: a change that was refused may be
	// asked for again. Of two at once one gives way.
	did, err := a.starter.Start(ctx, event.Event{
		Key: "request/" + id, Payload: body, Ticket: event.Ticket{Table: changesTable, SysID: change.String(), Number: rules.Version()},
	})
	if err != nil {
		return failed(ctx, r, err), nil
	}
	platform.Logger(ctx).InfoContext(ctx, "a change of the rules was taken", "candidate", rules.Version(), "plan", asked.Plan, "execution", did.Execution)
	return answer(http.StatusAccepted, started{Execution: did.Execution, Candidate: rules.Version()}), nil
}

// contentHash names a document by its bytes.
func contentHash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:16])
}

// callerOf is the ARN of who has signed the request.
func callerOf(r events.APIGatewayV2HTTPRequest) string {
	if a := r.RequestContext.Authorizer; a != nil && a.IAM != nil {
		return a.IAM.UserARN
	}
	return ""
}
