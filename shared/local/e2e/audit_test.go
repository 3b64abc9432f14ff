package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"lifecycle/functions/audit"
	"lifecycle/functions/offboarding"
	ledger "lifecycle/shared/audit"
	"lifecycle/shared/local"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/report"
	"lifecycle/shared/workflow"
)

// audited asks the audit API and expects an answer.
func (o *office) audited(route string, question, answer any) http.Header {
	o.t.Helper()
	status, body, header := o.auditor(route, question)
	if status != http.StatusOK {
		o.t.Fatalf("%s: %d %s", route, status, body)
	}
	if into, isText := answer.(*string); isText {
		*into = body
	} else {
		o.must(json.Unmarshal([]byte(body), answer))
	}
	return header
}

func (o *office) auditor(route string, question any) (status int, body string, header http.Header) {
	o.t.Helper()
	raw, err := json.Marshal(question)
	o.must(err)
	r, err := http.NewRequestWithContext(o.ctx, http.MethodPost, "https://api.simulated.example/audit/"+route, bytes.NewReader(raw))
	o.must(err)
	r.Header.Set("Content-Type", "application/json")
	o.must(local.Sign(o.ctx, r, raw))
	recorder := httptest.NewRecorder()
	o.API().ServeHTTP(recorder, r)
	return recorder.Code, recorder.Body.String(), recorder.Header()
}

// archiveAgrees holds the ledger against its archive, both ways.
func (o *office) archiveAgrees() {
	o.t.Helper()
	time.Sleep(time.Minute) // until what was written last is archived
	agreed, err := audit.NewVerifier(o.ledger(), audit.NewVault(o.S3(), o.Bucket("LedgerArchive"))).All(o.ctx, false)
	o.must(err)
	if !agreed.OK() {
		o.t.Errorf("ledger and archive: %s", agreed)
	}
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

// found are all records of a search.
func (o *office) found(question ask) (records []ledger.Record) {
	o.t.Helper()
	for {
		var page struct {
			Records []ledger.Record
			Next    string
		}
		o.audited("search", question, &page)
		records = append(records, page.Records...)
		if page.Next == "" {
			return records
		}
		question["cursor"] = page.Next
	}
}

// history onboards somebody and offboards them again.
func (o *office) history() (person string, joined, left scenario.Ticket) {
	o.t.Helper()
	joined = o.hired(seller)
	person = o.account(jana).ID
	time.Sleep(24 * time.Hour)
	left, err := o.Open(offboarding.DefaultKind(), scenario.Requester, "Termination", map[string]string{"email": jana, "employee_number": text(o.account(jana).Profile["employeeNumber"])})
	o.must(err)
	o.rests(leaving, left)
	time.Sleep(time.Hour)
	return person, joined, left
}

func text(v any) string { return fmt.Sprint(v) }

func TestTheEvidenceOfAPersonIsComplete(t *testing.T) {
	t.Parallel()
	story(t, "who joined and left", calm(scenario.Options{}), func(o *office) {
		person, joined, left := o.history()

		t := o.t
		var line report.Timeline
		o.audited("timeline", ask{"person": person}, &line)
		records := o.found(ask{"person": person, "limit": 7})
		if line.Of != person || line.Records != len(records) || len(records) == 0 {
			t.Errorf("the timeline has %d records of %d", line.Records, len(records))
		}
		for _, chain := range line.Chains {
			if !chain.OK() {
				t.Errorf("chain %+v", chain)
			}
		}
		var groups []string
		for _, a := range line.Access {
			for _, span := range slices.Concat(a.Held, a.Reasons) {
				if span.Lasts() || span.Given.Record == "" || span.Taken.Record == "" {
					t.Errorf("%s %s: %+v", a.Kind, a.Name, span)
				}
			}
			if a.Kind == report.Group && len(a.Held) > 0 && len(a.Reasons) > 0 {
				groups = append(groups, a.Name)
			}
		}
		if len(groups) < 2 {
			t.Errorf("held, and for a reason: %v", groups)
		}
		var page string
		o.audited("timeline", ask{"ticket": left.Number, "format": "html"}, &page)
		for _, want := range []string{"<!doctype html>", left.Number, person} {
			if !strings.Contains(page, want) {
				t.Errorf("the ticket's page does not contain %q", want)
			}
		}
		o.notesLeadToTheirProof(joined)
		o.notesLeadToTheirProof(left)
		o.stepsAreRecorded(joined, joining)
		o.stepsAreRecorded(left, leaving)
	})
}

// noted is how a note names its record.
var noted = regexp.MustCompile(`\[record (\S+)\] \[ref `)

// notesLeadToTheirProof follows the record that each note of a ticket names.
func (o *office) notesLeadToTheirProof(ticket scenario.Ticket) {
	o.t.Helper()
	for _, note := range slices.Concat(o.Notes(ticket, "work_notes"), o.Notes(ticket, "comments")) {
		named := noted.FindStringSubmatch(note)
		if named == nil {
			if strings.Contains(note, "[ref ") {
				o.t.Errorf("a note names no record: %s", note)
			}
			continue
		}
		var proof struct {
			Record       ledger.Record
			Body         string
			Intact       bool
			Verification struct{ Archived int }
		}
		o.audited("search", ask{"record": named[1]}, &proof)
		if !proof.Intact || proof.Record.Verb != "ticket.update" || proof.Record.Target != ticket.Table+"/"+ticket.SysID || proof.Verification.Archived == 0 {
			o.t.Errorf("%s leads to %+v", named[1], proof.Record)
		}
	}
}

// stepsAreRecorded holds the steps that the executions of a ticket went through
// against the ledger.
func (o *office) stepsAreRecorded(ticket scenario.Ticket, machine string) {
	o.t.Helper()
	recorded := map[string]int{}
	for _, r := range o.records(ticket) {
		if r.Verb == workflow.StepDone {
			recorded[r.Step]++
			before, _ := r.Before.(map[string]any)
			after, _ := r.After.(map[string]any)
			if before["sha256"] == nil || after["sha256"] == nil || before["data"] == nil {
				o.t.Errorf("step %s: input %v, output %v", r.Step, before, after)
			}
		}
	}
	if len(recorded) < 8 || len(o.Executions(machine, ticket)) == 0 {
		o.t.Errorf("steps on record: %v", recorded)
	}
}

func TestExportsOfALivingSystemHold(t *testing.T) {
	t.Parallel()
	story(t, "as proof, as a sheet and as events", calm(scenario.Options{}), func(o *office) {
		t := o.t
		o.history()
		period := func(format string) ask {
			return ask{"format": format, "from": "2000-01-01", "to": time.Now().UTC().Format(time.DateOnly), "limit": 40}
		}
		all := o.verified(ask{"all": true, "content": true})
		if !all.Intact || all.Pending != 0 || all.Archived != all.Records || all.Records == 0 {
			t.Fatalf("table and archive do not agree: %s", all.Summary)
		}
		if v := o.verified(ask{"from": "2000-01-01", "to": "2000-01-31"}); !v.Intact || v.Streams != all.Streams {
			t.Errorf("the period: %s, all: %s", v.Summary, all.Summary)
		}
		proof, err := audit.Prove(strings.NewReader(o.exported(period("ndjson"))))
		if err != nil || !proof.OK(true) || proof.Records != all.Records {
			t.Errorf("%s, %v; %d records in the ledger", proof, err, all.Records)
		}
		if rows := strings.Count(o.exported(period("csv")), "\r\nrecord,"); rows != all.Records {
			t.Errorf("%d rows of %d", rows, all.Records)
		}
		classes := map[string]int{}
		for l := range strings.Lines(o.exported(period("ocsf"))) {
			var event map[string]any
			o.must(json.Unmarshal([]byte(l), &event))
			if missing := missingOf(t, event); len(missing) > 0 {
				t.Errorf("the schema misses %v in %s", missing, l)
			}
			classes[text(event["class_uid"])]++
		}
		for _, class := range []string{"3001", "3004", "3005", "3006"} {
			if classes[class] == 0 {
				t.Errorf("no event of class %s: %v", class, classes)
			}
		}
	})
}

// missingOf lists the attributes that OCSF requires and an event has not.
func missingOf(t *testing.T, event map[string]any) (missing []string) {
	t.Helper()
	raw, err := os.ReadFile(root + "/functions/audit/testdata/ocsf-1.2.0.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Required map[string][]string `json:"required"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Concat(schema.Required["every"], schema.Required[text(event["class_uid"])]) {
		at := any(event)
		for part := range strings.SplitSeq(path, ".") {
			fields, _ := at.(map[string]any)
			at = fields[part]
		}
		if at == nil {
			missing = append(missing, path)
		}
	}
	return missing
}

func TestTamperingIsToldAtOnceAndNamedByVerification(t *testing.T) {
	t.Parallel()
	inOffice(t, calm(scenario.Options{}), func(o *office) {
		ticket := o.hired(seller)
		time.Sleep(time.Hour)
		stream := ticket.Table + "/" + ticket.SysID
		key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: stream}, "sk": &types.AttributeValueMemberS{Value: "000000000005"}}
		_, err := o.DynamoDB().DeleteItem(o.ctx, &dynamodb.DeleteItemInput{TableName: aws.String(o.Table("LedgerTable")), Key: key})
		o.must(err)
		time.Sleep(time.Minute)
		findings := slices.DeleteFunc(o.Objects().Keys(o.Bucket("LedgerArchive")), func(key string) bool { return !strings.HasPrefix(key, "findings/") })
		if len(findings) != 1 || !strings.Contains(o.log.String(), `"LedgerTampered":1`) {
			t.Errorf("findings %v", findings)
		}
		v := o.verified(ask{"ticket": ticket.Number})
		if v.Intact || v.Problems[0].Seq != 5 || v.Problems[0].Stream != stream || !slices.ContainsFunc(v.Problems, func(p audit.Problem) bool {
			return p.Seq == 5 && p.Where == audit.Between
		}) {
			t.Errorf("%s", v.Summary)
		}
	})
}

func TestTheArchiveIsCompleteWhateverFails(t *testing.T) {
	t.Parallel()
	verdicts := []local.Verdict{local.KillBefore, local.KillAfter, local.LoseAnswer, local.Cut, local.Hang, local.Fail, local.Throttle}
	inOffice(t, calm(scenario.Options{}), func(o *office) {
		// Every third call of the archiver goes wrong, each time in another way.
		o.Sabotage(func(c local.Outgoing) local.Verdict {
			if c.N < 0 && c.N%3 == 0 {
				return verdicts[(-c.N/3)%len(verdicts)]
			}
			return local.Pass
		})
		o.hired(seller)
		o.Sabotage(nil)
		time.Sleep(2 * time.Hour)
		if v := o.verified(ask{"all": true, "content": true}); !v.Intact || v.Archived != v.Records || v.Records == 0 {
			t.Errorf("%s", v.Summary)
		}
	})
}

func TestAuditorsHaveToSign(t *testing.T) {
	t.Parallel()
	inOffice(t, calm(scenario.Options{}), func(o *office) {
		for _, route := range []string{"search", "timeline", "export", "verify"} {
			if status, _ := o.questions("/audit/"+route, ask{"all": true}, func(r *http.Request) { r.Header.Del("Authorization") }); status != http.StatusForbidden {
				t.Errorf("%s: %d without a signature", route, status)
			}
		}
		if status, said, _ := o.auditor("search", ask{"person": jana}); status != http.StatusBadRequest || !strings.Contains(said, "/entitlements/explain") || strings.Contains(said, jana) {
			t.Errorf("a login: %d %s", status, said)
		}
	})
}
