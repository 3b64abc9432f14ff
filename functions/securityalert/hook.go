package securityalert

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/workflow"
)

// Hook receives Okta's event hooks: the way in that is there within seconds. It
// faces the internet and holds no credential of Okta or ServiceNow. Okta waits three
// seconds and tries once more, so nothing is done here but to look at the secret,
// put down the events that a rule looks at, and start an execution that takes them
// in.
type Hook struct {
	secrets secrets
	config  HookConfig
	rules   *detect.Source
	claims  *idempotency.Store
	store   store
	sfn     executions
	metrics *platform.Metrics
}

// HookConfig is the configuration of the hook.
type HookConfig struct {
	Table            string `env:"ALERTS_TABLE,required"`
	IdempotencyTable string `env:"IDEMPOTENCY_TABLE,required"`
	// Machine takes in what a hook delivered.
	Machine string `env:"INTAKE_STATE_MACHINE_ARN,required"`
	// Secret names the secret that Okta sends, Header the header it sends it in.
	Secret      string `env:"OKTA_HOOK_SECRET_ID,required"`
	Header      string `env:"OKTA_HOOK_HEADER" envDefault:"Authorization"`
	RulesBucket string `env:"RULES_BUCKET,required"`
	RulesKey    string `env:"ALERT_RULES_KEY"`
}

// secrets is the part of platform.Secrets that the hook needs.
type secrets interface {
	Versions(ctx context.Context, id string) ([]string, error)
	VersionsWithin(ctx context.Context, id string, age time.Duration) ([]string, error)
}

const (
	// answerTime is how long the hook takes at most: Okta waits three seconds.
	answerTime = 2500 * time.Millisecond
	// mostHookBody bounds what is read of a delivery.
	mostHookBody = 1 << 20
	// shortestSecret in characters: what is shorter can be guessed.
	shortestSecret = 16
	// rotationGap bounds how often a wrong secret makes us look for a newer one.
	rotationGap = 30 * time.Second
	// inboxTime is how long delivered events are kept at most: they are removed
	// when they are taken in.
	inboxTime = 24 * time.Hour
	// mostInbox is the largest inbox item, in bytes: DynamoDB takes 400 KB.
	mostInbox = 350_000
)

// challengeHeader is what Okta asks once, and whose value it wants back.
const challengeHeader = "x-okta-verification-challenge"

var challengeShape = regexp.MustCompile(`^[A-Za-z0-9._~+/=-]{1,512}$`)

// Handle answers one request of Okta. It never returns an error: whatever goes
// wrong is an answer.
func (h *Hook) Handle(ctx context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	ctx = platform.LogWith(ctx, "api_request_id", r.RequestContext.RequestID)
	var status int
	var body any
	if r.RequestContext.HTTP.Method == http.MethodGet {
		status, body = verification(r.Headers)
	} else {
		status, body = h.deliver(ctx, r)
	}
	h.metrics.Count("HookAnswered", 1, "Status", strconv.Itoa(status))
	raw, err := json.Marshal(body)
	if err != nil { // texts and numbers: cannot happen
		raw = []byte(`{}`)
	}
	return events.APIGatewayV2HTTPResponse{
		StatusCode: status, Body: string(raw), Headers: map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store"},
	}, nil
}

type refusal struct {
	Error string `json:"error"`
}

// verification answers the one request by which Okta sees that the address is
// meant for it.
func verification(headers map[string]string) (status int, body any) {
	challenge := one(headers, challengeHeader)
	if !challengeShape.MatchString(challenge) {
		return http.StatusBadRequest, refusal{"verification_challenge_missing"}
	}
	return http.StatusOK, map[string]string{"verification": challenge}
}

// one is the value of a header, whatever the case of its name.
func one(headers map[string]string, name string) string {
	for key, value := range headers {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// deliver takes a delivery.
func (h *Hook) deliver(ctx context.Context, r events.APIGatewayV2HTTPRequest) (status int, body any) {
	log := platform.Logger(ctx)
	known, err := h.authentic(ctx, one(r.Headers, h.config.Header))
	switch {
	case err != nil:
		log.ErrorContext(ctx, "an event hook was not taken: its secret could not be read", "error", err.Error())
		return http.StatusServiceUnavailable, refusal{"temporarily_unavailable"}
	case !known:
		log.WarnContext(ctx, "an event hook was refused: the secret is wrong")
		return http.StatusUnauthorized, refusal{"secret_not_valid"}
	}
	delivered, problem := readDelivery(r)
	if problem != "" {
		log.WarnContext(ctx, "an event hook was refused", "refusal", problem)
		return http.StatusBadRequest, refusal{problem}
	}
	accepted, err := h.enqueue(ctx, delivered)
	if err != nil {
		log.ErrorContext(ctx, "an event hook was not taken", "error", err.Error())
		return http.StatusServiceUnavailable, refusal{"temporarily_unavailable"}
	}
	log.InfoContext(ctx, "event hook taken", "events", len(delivered), "relevant", accepted)
	return http.StatusOK, map[string]int{"accepted": accepted}
}

// authentic compares what was sent with every version of the secret that is
// valid, in a time that does not depend on how much of it is right.
func (h *Hook) authentic(ctx context.Context, sent string) (bool, error) {
	versions, err := h.secrets.Versions(ctx, h.config.Secret)
	if err != nil {
		return false, err
	}
	if matches(versions, sent) {
		return true, nil
	}
	// It may have been rotated within the time that it is remembered.
	versions, err = h.secrets.VersionsWithin(ctx, h.config.Secret, rotationGap)
	return err == nil && matches(versions, sent), err
}

// matches compares hashes, which are of one length. A secret that is empty or too
// short matches nothing.
func matches(versions []string, sent string) bool {
	got := sha256.Sum256([]byte(sent))
	found := 0
	for _, v := range versions {
		want := sha256.Sum256([]byte(strings.TrimSpace(v)))
		if len(strings.TrimSpace(v)) >= shortestSecret {
			found |= subtle.ConstantTimeCompare(got[:], want[:])
		}
	}
	return found == 1
}

// readDelivery reads the events of a delivery; problem says why there are none.
func readDelivery(r events.APIGatewayV2HTTPRequest) (delivered []okta.LogEvent, problem string) {
	body := []byte(r.Body)
	if r.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(r.Body)
		if err != nil {
			return nil, "body_not_readable"
		}
		body = decoded
	}
	if len(body) > mostHookBody {
		return nil, "body_too_large"
	}
	var delivery struct {
		Data struct {
			Events []json.RawMessage `json:"events"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &delivery); err != nil {
		return nil, "body_not_json"
	}
	for _, raw := range delivery.Data.Events {
		var e okta.LogEvent
		if json.Unmarshal(raw, &e) != nil || e.UUID == "" || e.Type == "" {
			return nil, "event_not_valid"
		}
		delivered = append(delivered, e)
	}
	if len(delivered) == 0 {
		return nil, "events_missing"
	}
	return delivered, ""
}

// enqueue puts down the events that a rule looks at and that have not been
// processed, and starts the execution that takes them in. The same events again
// start the same execution, that is: none.
func (h *Hook) enqueue(ctx context.Context, delivered []okta.LogEvent) (int, error) {
	rules, err := h.rules.Rules(ctx)
	if err != nil {
		return 0, err
	}
	fresh := rules.Wanted(delivered)
	claims := make([]string, len(fresh))
	for i, e := range fresh {
		claims[i] = claimOf(e)
	}
	done, err := h.claims.Completed(ctx, claims)
	if err != nil {
		return 0, err
	}
	fresh = slices.DeleteFunc(fresh, func(e okta.LogEvent) bool { return done[claimOf(e)] })
	if len(fresh) == 0 {
		return 0, nil
	}
	return len(fresh), h.put(ctx, fresh)
}

// put stores a batch and starts its execution; one that is too large for an item
// is cut in two.
func (h *Hook) put(ctx context.Context, batch []okta.LogEvent) error {
	packed, err := pack(batch)
	if err != nil {
		return err
	}
	if len(packed) > mostInbox && len(batch) > 1 {
		middle := len(batch) / 2
		return errors.Join(h.put(ctx, batch[:middle]), h.put(ctx, batch[middle:]))
	}
	id := inboxOf(batch)
	i := keys(inboxKey(id), inboxSort)
	i["events"], i["expires"] = &types.AttributeValueMemberB{Value: packed}, number(time.Now().Add(inboxTime).Unix())
	if _, err := h.store.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &h.store.table, Item: i}); err != nil {
		return platform.AWSError("the events could not be put down", err)
	}
	input, err := json.Marshal(workflow.Subject{Table: inboxTable, SysID: id, Number: "hook"})
	if err != nil {
		return err
	}
	_, err = h.sfn.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(h.config.Machine), Name: aws.String("hook-" + id), Input: aws.String(string(input)),
	})
	var exists *sfntypes.ExecutionAlreadyExists
	if errors.As(err, &exists) {
		return nil
	}
	return platform.AWSError("the execution could not be started", err)
}

const (
	inboxTable = "okta_inbox"
	inboxSort  = "inbox"
)

func inboxKey(id string) string { return "inbox#" + id }

// inboxOf names a batch by its events.
func inboxOf(batch []okta.LogEvent) string {
	uuids := make([]string, len(batch))
	for i, e := range batch {
		uuids[i] = e.UUID
	}
	slices.Sort(uuids)
	sum := sha256.Sum256([]byte(strings.Join(uuids, " ")))
	return hex.EncodeToString(sum[:16])
}

// pack compresses events.
func pack(batch []okta.LogEvent) ([]byte, error) {
	raw := make([]json.RawMessage, len(batch))
	for i, e := range batch {
		raw[i] = e.Raw
	}
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	if err := json.NewEncoder(zipped).Encode(raw); err != nil {
		return nil, err
	}
	err := zipped.Close()
	return out.Bytes(), err
}

// mostUnpacked bounds what a packed batch may hold.
const mostUnpacked = 64 << 20

func unpack(packed []byte) (batch []okta.LogEvent, err error) {
	zipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	err = json.NewDecoder(io.LimitReader(zipped, mostUnpacked)).Decode(&batch)
	return batch, err
}
