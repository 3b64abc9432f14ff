package event

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"
)

func TestSchemaIsPublishedAsItIsUsed(t *testing.T) {
	t.Parallel()
	var document struct {
		ID         string                     `json:"$id"`
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(Schema(), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Properties) != 5 || document.ID == "" {
		t.Errorf("schema %+v", document)
	}
	changed := Schema()
	changed[0] = 'x'
	if Schema()[0] != '{' {
		t.Error("a caller can change the schema")
	}
}

func TestParseNoticeReadsWhatItAccepts(t *testing.T) {
	t.Parallel()
	got, problems := ParseNotice([]byte(notice))
	want := Notice{
		Table: "incident", SysID: "46d44a2300000000000000000000000a", Number: "INC0010001",
		Change: "created", OccurredAt: "2026-11-24T09:30:00Z",
	}
	if len(problems) > 0 || got != want {
		t.Errorf("read %+v, problems %v", got, problems)
	}
}

func TestApprovalsAndPeopleNeedNoNumber(t *testing.T) {
	t.Parallel()
	for table, needless := range map[string]bool{"sysapproval_approver": true, "sys_user": true, "incident": false, "sys_user_group": false} {
		body := strings.Replace(strings.Replace(notice, `"number":"INC0010001",`, "", 1), `"incident"`, `"`+table+`"`, 1)
		if _, problems := ParseNotice([]byte(body)); (len(problems) == 0) != needless {
			t.Errorf("%s without a number: problems %v", body, problems)
		}
	}
}

func TestProblemsAreBoundedAndRepeatNoValue(t *testing.T) {
	t.Parallel()
	members := make([]string, 0, 200)
	for i := range 200 {
		members = append(members, fmt.Sprintf(`"%d%s":"s3cr3t"`, i, strings.Repeat("ä", 60)))
	}
	_, problems := ParseNotice([]byte("{" + strings.Join(members, ",") + `,"table":"S3CR3T","sys_id":"s3cr3t/"}`))
	if len(problems) != maxProblems {
		t.Errorf("%d problems", len(problems))
	}
	for _, p := range problems {
		if len(p.Field) > maxFieldName+3 || !utf8.ValidString(p.Field) || strings.Contains(strings.ToLower(p.Problem), "s3cr3t") {
			t.Errorf("problem %+v", p)
		}
	}
}

func TestExecutionNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		key, number, table := rapid.String().Draw(r, "key"), rapid.String().Draw(r, "number"), rapid.String().Draw(r, "table")
		name := executionName(key, Ticket{Table: table, Number: number})
		if len(name) < 1 || len(name) > 80 {
			r.Fatalf("name of %d characters: %q", len(name), name)
		}
		if i := strings.IndexFunc(name, func(c rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", c)
		}); i >= 0 {
			r.Fatalf("name %q is not safe at %d", name, i)
		}
		if again := executionName(key, Ticket{Table: table, Number: number}); again != name {
			r.Fatalf("%q and %q", name, again)
		}
		if other := executionName(key+"x", Ticket{Table: table, Number: number}); other == name {
			r.Fatalf("two keys, one name %q", name)
		}
	})
}

func TestNamesFromARNs(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string][2]string{
		stateMachine:           {"dev-onboarding", "arn:aws:states:eu-central-1:123456789012:execution:dev-onboarding:n"},
		stateMachine + ":live": {"dev-onboarding", "arn:aws:states:eu-central-1:123456789012:execution:dev-onboarding:n"},
		stateMachine + ":7":    {"dev-onboarding", "arn:aws:states:eu-central-1:123456789012:execution:dev-onboarding:n"},
	} {
		s := NewStarter(nil, nil, arn)
		if got := [2]string{s.Machine(), s.ExecutionARN("n")}; got != want {
			t.Errorf("%s: %v, want %v", arn, got, want)
		}
	}
}

// FuzzParseNotice holds whatever is accepted against the promises that the
// steps rely on.
func FuzzParseNotice(f *testing.F) {
	for _, seed := range []string{notice, `{}`, `[]`, `null`, `{"table":"incident"}`, "{\"table\":\"\xff\"}", notice + " ", `{"table":{"table":[]}}`, strings.Repeat("[", 1000)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, problems := ParseNotice(body)
		if len(problems) > 0 {
			return
		}
		var members map[string]string
		if err := json.Unmarshal(body, &members); err != nil {
			t.Fatalf("accepted %q: %v", body, err)
		}
		for _, value := range []string{n.Table, n.SysID, n.Number, n.Change} {
			if strings.ContainsAny(value, "^/?&#.,=%\n\x00 \"'") || len(value) > 80 {
				t.Errorf("accepted %q", value)
			}
		}
		if n.Table == "" || n.SysID == "" || members["table"] != n.Table || members["sys_id"] != n.SysID {
			t.Errorf("accepted %q as %+v", body, n)
		}
	})
}

// FuzzTrigger sends arbitrary requests, unsigned and signed: nothing is answered
// with a failure, and nothing is started that is not a signed, valid notice.
func FuzzTrigger(f *testing.F) {
	f.Add("msg_1", "v1,AAAA", "1700000000", "application/json", []byte(notice), false, false)
	f.Add("msg_1", "v1,AAAA", "1700000000", "application/json", []byte(notice), false, true)
	f.Add("", "", "", "", []byte(""), true, false)
	f.Add("a b", "v1 v1,", "-1", "application/json; charset=\"", []byte("{}"), true, true)
	f.Add("msg_1", "x", "99999999999999999999", "APPLICATION/JSON", []byte(strings.Replace(notice, "incident", "sys_user", 1)), false, true)
	b := setup(f)
	f.Fuzz(func(t *testing.T, id, signature, timestamp, contentType string, body []byte, base64Encoded, signed bool) {
		before := len(b.cloud.started())
		request := events.APIGatewayV2HTTPRequest{
			Headers: map[string]string{
				"content-type": contentType, "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature,
			},
			Body: string(body), IsBase64Encoded: base64Encoded,
		}
		valid := false
		if signed {
			request = sent{id: id, body: string(body), change: func(r *events.APIGatewayV2HTTPRequest) {
				r.Headers["content-type"] = contentType
				encoded(r)
			}}.request(t)
			n, problems := ParseNotice(body)
			valid = len(problems) == 0 && slices.Contains([]string{"incident", "sc_req_item"}, n.Table)
		}
		response := b.deliver(t.Context(), t, request)
		switch response.StatusCode {
		case http.StatusAccepted:
			if !valid {
				t.Errorf("accepted %q", body)
			}
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
			if len(b.cloud.started()) != before {
				t.Errorf("started for a request that was refused with %d", response.StatusCode)
			}
		default:
			t.Errorf("answer %d %s", response.StatusCode, response.Body)
		}
		if !json.Valid([]byte(response.Body)) {
			t.Errorf("body %q", response.Body)
		}
	})
}
