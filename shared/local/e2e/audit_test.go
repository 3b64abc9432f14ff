package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/functions/audit"
	ledger "lifecycle/shared/audit"
	"lifecycle/shared/local"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/report"
)

// audited asks the audit API and expects an answer.
func (o *office) audited(route string, question, answer any) http.Header {
	o.t.Helper()
	raw, err := json.Marshal(question)
	o.must(err)
	r, err := http.NewRequestWithContext(o.ctx, http.MethodPost, "https://api.simulated.example/audit/"+route, bytes.NewReader(raw))
	o.must(err)
	r.Header.Set("Content-Type", "application/json")
	o.must(local.Sign(o.ctx, r, raw))
	recorder := httptest.NewRecorder()
	o.API().ServeHTTP(recorder, r)
	if recorder.Code != http.StatusOK {
		o.t.Fatalf("%s: %d %s", route, recorder.Code, recorder.Body)
	}
	switch into := answer.(type) {
	case *string:
		*into = recorder.Body.String()
	default:
		o.must(json.Unmarshal(recorder.Body.Bytes(), into))
	}
	return recorder.Header()
}

type ask map[string]any

// verdict is an answer of /audit/verify.
type verdict struct {
	audit.Checked

	Intact  bool
	Summary string
	Next    string
}

func (o *office) verified(question ask) verdict {
	o.t.Helper()
	var v verdict
	o.audited("verify", question, &v)
	return v
}

// exported reads all pages of an export.
func (o *office) exported(question ask) string {
	o.t.Helper()
	var whole strings.Builder
	for {
		var page string
		header := o.audited("export", question, &page)
		whole.WriteString(page)
		next := header.Get(audit.NextCursor)
		if next == "" {
			return whole.String()
		}
		question["cursor"] = next
	}
}

func TestTheEvidenceOfAPersonIsComplete(t *testing.T) {
	t.Parallel()
	story(t, "joined and left", calm(scenario.Options{}), func(o *office) {
		joined := o.hired(seller)
		person := o.account(jana).ID
		o.saves(joined, "admin", map[string]string{"state": stateResolved})
		o.gone("E1013", nil)
		time.Sleep(50 * time.Minute)

		var found struct {
			Records []ledger.Record
			Read    int
		}
		o.audited("search", ask{"person": person, "limit": 500}, &found)
		if len(found.Records) == 0 || found.Read != len(found.Records) {
			t.Fatalf("%d records found, %d read", len(found.Records), found.Read)
		}
		var line report.Timeline
		o.audited("timeline", ask{"person": person}, &line)
		if line.Of != person || line.Records != len(found.Records) || len(line.Access) == 0 {
			t.Errorf("the timeline has %d records, %d kinds of access", line.Records, len(line.Access))
		}
		var page string
		if header := o.audited("timeline", ask{"ticket": joined.Number, "format": "html"}, &page); !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(page, joined.Number) {
			t.Errorf("the ticket's page: %.200s", page)
		}
		if v := o.verified(ask{"all": true, "content": true}); !v.Intact || v.Archived != v.Records || v.Records == 0 {
			t.Errorf("table and archive do not agree: %+v", v)
		}
		day := time.Now().UTC().Format(time.DateOnly)
		lines := o.exported(ask{"format": "ndjson", "from": "2000-01-01", "to": day, "limit": 30})
		if n := strings.Count(lines, `"type":"record"`); n != o.verified(ask{"all": true}).Records {
			t.Errorf("%d records exported", n)
		}
	})
}

// forgedRecord changes the last record of a stream in the table, behind the
// ledger's back.
func (o *office) tableOf(stream string) []map[string]types.AttributeValue {
	o.t.Helper()
	out, err := o.DynamoDB().Query(o.ctx, &dynamodb.QueryInput{
		TableName: aws.String(o.Table("LedgerTable")), KeyConditionExpression: aws.String("pk = :s"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":s": &types.AttributeValueMemberS{Value: stream}},
	})
	o.must(err)
	return out.Items
}

var _ = slices.Contains[[]string]
