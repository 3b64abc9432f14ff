package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	ledger "lifecycle/shared/audit"
	"lifecycle/shared/audit/audittest"
)

// peopled is a ledger with records of two people on three tickets.
func peopled(t *testing.T) *evidence {
	t.Helper()
	e := newEvidence(t)
	for i := range 12 {
		c := audittest.Grant(fmt.Sprintf("group/%d", i%2))
		c.Subject = []string{"00u1", "00u2"}[i%2]
		ctx := audittest.In(context.Background(), fmt.Sprintf("incident/%d", i%3))
		if i%4 == 3 {
			if err := e.ledger.Do(ctx, c, audittest.Makes); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if _, err := e.ledger.Fact(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	e.archive(t)
	return e
}

// all reads every page of a search.
func (e *evidence) all(t *testing.T, question string, limit int) (records []ledger.Record, read int) {
	t.Helper()
	cursor := ""
	for {
		body := fmt.Sprintf(`{%s,"limit":%d,"cursor":%q}`, question, limit, cursor)
		response := e.asked(t, RouteSearch, body)
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", body, response.StatusCode, response.Body)
		}
		var found foundRecords
		if err := json.Unmarshal([]byte(response.Body), &found); err != nil {
			t.Fatal(err)
		}
		records, read = append(records, found.Records...), read+found.Read
		if cursor = found.Next; cursor == "" {
			return records, read
		}
	}
}

func TestASearchFindsWhatWasAskedForAndReadsNothingElse(t *testing.T) {
	t.Parallel()
	e := peopled(t)
	today := time.Now().UTC().Format(time.DateOnly)
	for question, want := range map[string]int{
		`"person":"00u1"`: 6, `"person":"00u2"`: 9, `"person":"00u9"`: 0,
		`"ticket":"incident/0"`: 5, `"ticket":"INCincident/0"`: -1,
		`"entitlement":"group/0"`: 6, `"actor":"system:onboarding"`: 15,
		fmt.Sprintf(`"from":%q,"to":%q`, today, today):                   15,
		`"from":"2001-01-01","to":"2001-12-31"`:                          0,
		`"person":"00u1","entitlement":"group/1"`:                        0,
		`"person":"00u1","from":"2001-01-01","to":"2001-12-31"`:          0,
		fmt.Sprintf(`"person":"00u1","from":%q`, today):                  6,
		fmt.Sprintf(`"entitlement":"group/1","ticket":"incident/%d"`, 1): 3,
	} {
		if want < 0 {
			continue
		}
		for _, limit := range []int{1, 4, 100} {
			records, read := e.all(t, question, limit)
			if len(records) != want || read < want {
				t.Errorf("%s by %d: %d records of %d read, want %d", question, limit, len(records), read, want)
			}
			for i := 1; i < len(records); i++ {
				if records[i].At.Before(records[i-1].At) {
					t.Errorf("%s: not in order", question)
				}
			}
		}
	}
}

func TestATicketIsFoundByItsNumber(t *testing.T) {
	t.Parallel()
	e := newEvidence(t)
	ctx := ledger.WithTrail(context.Background(), ledger.Trail{Stream: "incident/1", Ticket: "INC0010001", Actor: "system:onboarding"})
	if _, err := e.ledger.Fact(ctx, audittest.Grant("group/1")); err != nil {
		t.Fatal(err)
	}
	for _, asked := range []string{"INC0010001", "inc0010001", "incident/1"} {
		if records, _ := e.all(t, fmt.Sprintf(`"ticket":%q`, asked), 10); len(records) != 1 {
			t.Errorf("%s: %d records", asked, len(records))
		}
	}
}

func TestAQuestionThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	e := peopled(t)
	foreign := cursor{Of: question{Person: "00u2"}.of(""), Place: ledger.Place{Stream: "incident/0", Key: sortKey(1)}}.String()
	for name, tt := range map[string]struct{ route, body, want string }{
		"no body":               {RouteSearch, ``, "cannot be read"},
		"no object":             {RouteSearch, `[]`, "cannot be read"},
		"two documents":         {RouteSearch, `{"person":"00u1"}{}`, "more than one"},
		"a misspelt member":     {RouteSearch, `{"persn":"00u1"}`, "persn"},
		"nothing":               {RouteSearch, `{}`, "nothing was asked for"},
		"half a period":         {RouteSearch, `{"from":"2026-01-01"}`, "nothing was asked for"},
		"a login":               {RouteSearch, `{"person":"ann@example.com"}`, "/entitlements/explain"},
		"no id":                 {RouteSearch, `{"person":"a b"}`, "person has to be"},
		"no ticket":             {RouteSearch, `{"ticket":"../x/y"}`, "ticket has to be"},
		"no entitlement":        {RouteSearch, `{"entitlement":"a b"}`, "entitlement has to be"},
		"no actor":              {RouteSearch, `{"actor":" "}`, "actor has to be"},
		"a limit too high":      {RouteSearch, `{"person":"00u1","limit":501}`, "limit has to be"},
		"a limit below nothing": {RouteSearch, `{"person":"00u1","limit":-1}`, "limit has to be"},
		"no day":                {RouteSearch, `{"from":"yesterday","to":"2026-01-01"}`, "from has to be"},
		"backwards":             {RouteSearch, `{"from":"2026-02-01","to":"2026-01-01"}`, "ends before it begins"},
		"too long":              {RouteSearch, `{"from":"2020-01-01","to":"2026-01-01"}`, "400 days"},
		"no cursor":             {RouteSearch, `{"person":"00u1","cursor":"???"}`, "cursor has to be"},
		"another's cursor":      {RouteSearch, `{"person":"00u1","cursor":"` + foreign + `"}`, "another question"},
		"a record and more":     {RouteSearch, `{"record":"incident/0/1","person":"00u1"}`, "by itself"},
		"no record's name":      {RouteSearch, `{"record":"incident/0/x"}`, "record has to be"},
		"no such record":        {RouteSearch, `{"record":"incident/0/99"}`, "no record"},
		"person and ticket":     {RouteTimeline, `{"person":"00u1","ticket":"INC1"}`, "one person or one ticket"},
		"nobody":                {RouteTimeline, `{"person":"00u9"}`, "no record of 00u9"},
		"no format":             {RouteTimeline, `{"person":"00u1","format":"pdf"}`, "html or json"},
		"no export format":      {RouteExport, `{"person":"00u1"}`, "ndjson, csv or ocsf"},
		"an export of nothing":  {RouteExport, `{"format":"csv"}`, "nothing was asked for"},
		"verify nothing":        {RouteVerify, `{}`, "verify one ticket"},
		"verify two things":     {RouteVerify, `{"all":true,"ticket":"INC1"}`, "verify one ticket"},
		"verify an unknown one": {RouteVerify, `{"ticket":"INC9999999"}`, "no record"},
		"another route":         {"GET /audit/search", `{}`, "no such question"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := e.asked(t, tt.route, tt.body)
			var r refusal
			if err := json.Unmarshal([]byte(response.Body), &r); err != nil {
				t.Fatal(err)
			}
			if response.StatusCode/100 != 4 || !strings.Contains(r.Message, tt.want) || r.RequestID != "req-1" || r.Error == "" {
				t.Errorf("%d %+v", response.StatusCode, r)
			}
		})
	}
}

func TestARecordThatANoteNamesComesWithItsProof(t *testing.T) {
	t.Parallel()
	e := peopled(t)
	var p proof
	if err := json.Unmarshal([]byte(e.asked(t, RouteSearch, `{"record":"incident/0/2"}`).Body), &p); err != nil {
		t.Fatal(err)
	}
	if p.Record.Ref() != "incident/0/2" || hashOf(p.Body) != p.Record.Hash || !p.OK || p.Checked.Archived != 5 {
		t.Errorf("%+v", p)
	}
}

func TestARecordThatCannotBeReadIsNamedAndNotPassedOver(t *testing.T) {
	t.Parallel()
	e := newEvidence(t)
	ctx := ledger.WithTrail(context.Background(), ledger.Trail{Stream: "s/1", Ticket: "INC0010001", Actor: "system:onboarding"})
	for range 3 {
		if _, err := e.ledger.Fact(ctx, audittest.Grant("group/1")); err != nil {
			t.Fatal(err)
		}
	}
	e.archive(t)
	bad := e.read(t, sortKey(2))
	bad["body"] = text("{")
	e.write(t, bad)
	for _, asked := range []string{`{"all":true}`, `{"ticket":"INC0010001"}`, `{` + period() + `}`} {
		var v verdict
		response := e.asked(t, RouteVerify, asked)
		if err := json.Unmarshal([]byte(response.Body), &v); err != nil || response.StatusCode != http.StatusOK || v.Intact || v.Problems[0].Seq != 2 {
			t.Errorf("%s: %d %s", asked, response.StatusCode, response.Body)
		}
	}
	for _, route := range []string{RouteSearch, RouteTimeline} {
		if response := e.asked(t, route, `{"person":"00u1"}`); response.StatusCode != http.StatusConflict || !strings.Contains(response.Body, "damaged") {
			t.Errorf("%s: %d %s", route, response.StatusCode, response.Body)
		}
	}
}

func TestAnAnswerThatIsTooLargeIsNotTried(t *testing.T) {
	t.Parallel()
	e := newEvidence(t)
	c := audittest.Grant("group/1")
	c.Before, c.After = strings.Repeat("x", 30_000), strings.Repeat("y", 30_000)
	for range 80 {
		if _, err := e.ledger.Fact(audittest.In(context.Background(), "s/1"), c); err != nil {
			t.Fatal(err)
		}
	}
	if response := e.asked(t, RouteTimeline, `{"person":"00u1"}`); response.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(response.Body, "smaller limit") {
		t.Errorf("the timeline: %d, %d bytes", response.StatusCode, len(response.Body))
	}
	if records, _ := e.all(t, `"person":"00u1"`, 500); len(records) != 80 {
		t.Errorf("%d found, page by page", len(records))
	}
	response := e.asked(t, RouteExport, `{"format":"ndjson","person":"00u1"}`)
	if response.StatusCode != http.StatusOK || response.Headers[NextCursor] == "" || len(response.Body) > mostBody {
		t.Errorf("the export: %d, %d bytes", response.StatusCode, len(response.Body))
	}
}

func TestAVerificationGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	e := newEvidence(t)
	for i := range 150 {
		e.grants(t, fmt.Sprintf("incident/%03d", i), 8)
	}
	e.archive(t)
	for s := 1; s <= 8; s++ {
		e.remove(t, "incident/077", sortKey(s))
	}
	e.remove(t, "incident/077", "head")
	today := time.Now().UTC().Format(time.DateOnly)
	for _, asked := range []string{`"all":true`, fmt.Sprintf(`"from":%q,"to":%q`, today, today)} {
		var total Checked
		cursor := ""
		pages := 0
		for {
			var v verdict
			if err := json.Unmarshal([]byte(e.asked(t, RouteVerify, fmt.Sprintf(`{%s,"cursor":%q}`, asked, cursor)).Body), &v); err != nil {
				t.Fatal(err)
			}
			total.add(&v.Checked)
			pages++
			if cursor = v.Next; cursor == "" {
				break
			}
		}
		if total.Records < 149*8 || len(total.Problems) != 8 || total.Problems[0].Stream != "incident/077" {
			t.Errorf("%s in %d pages: %s", asked, pages, total.String())
		}
	}
	var v verdict
	if err := json.Unmarshal([]byte(e.asked(t, RouteVerify, `{"ticket":"incident/077"}`).Body), &v); err != nil {
		t.Fatal(err)
	}
	if v.Intact || v.Problems[0].Seq != 1 || v.Problems[0].Where != Between {
		t.Errorf("the deleted ticket: %+v", v)
	}
}
