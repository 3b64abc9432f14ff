package event

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Waits that are asked of a sender when the other side does not say.
const (
	afterThrottling = 5 * time.Second
	afterFailure    = 30 * time.Second
)

// webhookID is what an id may look like; the Standard Webhooks specification
// forbids the dot, which separates what is signed.
var webhookID = regexp.MustCompile(`^[A-Za-z0-9_:/-]{1,128}$`)

// Trigger turns signed webhooks into executions of one state machine.
type Trigger struct {
	verifier verifier
	starter  *Starter
	// tables are the tables whose records may be named.
	tables  []string
	metrics *platform.Metrics
}

// Handle answers one request. It never returns an error: for API Gateway that
// would be a 500 that says nothing.
func (t *Trigger) Handle(ctx context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	ctx, cancel := inTime(ctx)
	defer cancel()
	req, large := readRequest(r)
	ctx = platform.LogWith(ctx, "api_request_id", req.id)
	var a answer
	if large {
		a = t.refused(ctx, refuse(http.StatusRequestEntityTooLarge, tooLarge), nil)
	} else {
		a = t.answer(ctx, req)
	}
	t.metrics.Count("WebhookAnswered", 1, "Machine", t.starter.Machine(), "Status", strconv.Itoa(a.status))
	return a.response(req.id), nil
}

// inTime leaves a second of the function's time for the answer: a function that
// runs out of time answers nothing, and API Gateway a 500.
func inTime(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-time.Second))
}

// answer goes through the checks in the order that the package comment gives.
func (t *Trigger) answer(ctx context.Context, r request) answer {
	if err := t.verifier.verify(ctx, r); err != nil {
		var bad *unsignedError
		if errors.As(err, &bad) {
			return t.refused(ctx, refuse(http.StatusUnauthorized, unsigned), err)
		}
		return t.failed(ctx, err)
	}
	if !r.isJSON() {
		return t.refused(ctx, refuse(http.StatusUnsupportedMediaType, notJSON), nil)
	}
	id := r.one(standardwebhooks.HeaderWebhookID)
	if !webhookID.MatchString(id) {
		return t.invalid(ctx, Problem{Field: standardwebhooks.HeaderWebhookID, Problem: "must match " + webhookID.String()})
	}
	ctx = platform.LogWith(ctx, "webhook_id", id)
	notice, problems := ParseNotice(r.body)
	if len(problems) > 0 {
		return t.invalid(ctx, problems...)
	}
	if !slices.Contains(t.tables, notice.Table) {
		return t.invalid(ctx, Problem{Field: "table", Problem: "is not accepted at this address"})
	}
	return t.start(platform.LogWith(ctx, "ticket", notice.Number, "table", notice.Table, "change", notice.Change), id, notice, r.body)
}

func (t *Trigger) start(ctx context.Context, id string, n Notice, body []byte) answer {
	started, err := t.starter.Start(ctx, Event{
		Key: "servicenow/" + id, Payload: body, Ticket: Ticket{Table: n.Table, SysID: n.SysID, Number: n.Number},
	})
	switch {
	case fault.Is[*fault.Conflict](err):
		return t.refused(ctx, refuse(http.StatusConflict, idReused), err)
	case err != nil:
		return t.failed(ctx, err)
	}
	platform.Logger(ctx).InfoContext(ctx, "webhook accepted", "execution", started.Execution, "repeated", started.Repeated)
	return answer{status: http.StatusAccepted, execution: started.Execution}
}

func (t *Trigger) invalid(ctx context.Context, problems ...Problem) answer {
	return t.refused(platform.LogWith(ctx, "problems", problems), refuse(http.StatusBadRequest, notValid, problems...), nil)
}

// refused logs what the sender did wrong.
func (t *Trigger) refused(ctx context.Context, a answer, why error) answer {
	args := []any{"status", a.status, "refusal", a.code}
	if why != nil {
		args = append(args, "error", why.Error())
	}
	platform.Logger(ctx).WarnContext(ctx, "webhook refused", args...)
	return a
}

// failed logs what is wrong on our side, and asks the sender to come again.
func (t *Trigger) failed(ctx context.Context, err error) answer {
	a := answer{status: http.StatusServiceUnavailable, code: unavailable, retryAfter: afterFailure}
	var limit *fault.Throttled
	if errors.As(err, &limit) {
		a = answer{status: http.StatusTooManyRequests, code: throttled, retryAfter: max(time.Until(limit.Until), afterThrottling)}
	}
	platform.Logger(ctx).ErrorContext(ctx, "webhook not taken", "status", a.status, "error", err.Error())
	return a
}
