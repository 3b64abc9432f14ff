package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lifecycle/functions/entitlements"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
)

// questions sends a body to a route of the API; tamper may change the request
// after it was signed.
func (o *office) questions(path string, body any, tamper func(*http.Request)) (status int, answer []byte) {
	o.t.Helper()
	raw, isRaw := body.([]byte)
	if !isRaw {
		var err error
		raw, err = json.Marshal(body)
		o.must(err)
	}
	r, err := http.NewRequestWithContext(o.ctx, http.MethodPost, "https://api.simulated.example"+path, bytes.NewReader(raw))
	o.must(err)
	r.Header.Set("Content-Type", "application/json")
	o.must(local.Sign(o.ctx, r, raw))
	if tamper != nil {
		tamper(r)
	}
	recorder := httptest.NewRecorder()
	o.API().ServeHTTP(recorder, r)
	return recorder.Code, recorder.Body.Bytes()
}

// explained asks what somebody gets.
func (o *office) explained(user string) (e entitlements.Explanation) {
	o.t.Helper()
	status, answer := o.questions("/entitlements/explain", map[string]string{"user": user}, nil)
	if status != http.StatusOK {
		o.t.Fatalf("%d %s", status, answer)
	}
	o.must(json.Unmarshal(answer, &e))
	return e
}

// weighed asks what a changed document would do.
func (o *office) weighed(candidate string) (s entitlement.Summary) {
	o.t.Helper()
	status, answer := o.questions("/entitlements/what-if", map[string]json.RawMessage{"candidate": json.RawMessage(candidate)}, nil)
	if status != http.StatusOK {
		o.t.Fatalf("%d %s", status, answer)
	}
	o.must(json.Unmarshal(answer, &s))
	return s
}

// changedRules are the seed's rules with one text in another's place.
func changedRules(t *testing.T, from, to string) string {
	t.Helper()
	rules := string(seed.Rules())
	if !strings.Contains(rules, from) {
		t.Fatalf("the rules do not contain %s", from)
	}
	return strings.Replace(rules, from, to, 1)
}

// consultation is a story of which nothing is left but the answer.
func consultation(t *testing.T, name string, tell func(o *office)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		inOffice(t, calm(scenario.Options{}), func(o *office) {
			tell(o)
			o.keepsSecrets()
		})
	})
}

func entries(list []entitlements.Entry) (out []string) {
	for _, e := range list {
		out = append(out, e.Kind+" "+e.Name)
	}
	return out
}

func TestExplain(t *testing.T) {
	t.Parallel()

	consultation(t, "tells what somebody would get, lose and keep, and why", func(o *office) {
		o.holds(mover, "PagerDuty Responders", lease.RequestKey("RITM1"), time.Time{})
		o.holds(mover, "Engineering", lease.Birthright, time.Time{})
		o.holds(mover, "Zendesk Agents", "", time.Time{})
		e := o.explained(scenario.Login(mover))
		o.is("user", e.UserID, seed.PersonOktaID(mover))
		o.is("gets", entries(e.Gets), []string{"app Jira"})
		o.is("loses", entries(e.Loses), []string{"group Engineering"})
		o.is("keeps", e.Keeps, []entitlements.Entry{
			{Kind: "group", ID: seed.GroupID("PagerDuty Responders"), Name: "PagerDuty Responders", Why: "asked for (RITM1)"},
			{Kind: "group", ID: seed.GroupID("Zendesk Agents"), Name: "Zendesk Agents", Why: "held, for a reason that nobody recorded"},
		})
		o.is("not managed", e.Unmanaged, []string{"Domain Users", "Location Berlin"})
		o.is("the same by id", o.explained(seed.PersonOktaID(mover)), e)
		o.is("groups are as they were", len(groupsOf(o.person(mover))), len(inSales)+3)
	})

	consultation(t, "tells what a profile would get, whoever it belongs to", func(o *office) {
		status, answer := o.questions("/entitlements/explain", map[string]any{"profile": map[string]string{"department": "Engineering", "title": "Engineer", "employeeType": "employee"}}, nil)
		o.is("status", status, http.StatusOK)
		o.says(string(answer), `"name":"GitHub Engineers"`, `"rule":"job[title=Engineer, department=Engineering]"`)
	})

	consultation(t, "answers those who sign, and nobody else", func(o *office) {
		for name, tamper := range map[string]func(*http.Request){
			"unsigned":                 func(r *http.Request) { r.Header.Del("Authorization") },
			"signed for another route": func(r *http.Request) { r.URL.Path = "/entitlements/what-if" },
			"signed by another key": func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Credential=local", "Credential=other", 1))
			},
			"signed yesterday": func(r *http.Request) {
				r.Header.Set("X-Amz-Date", time.Now().Add(-24*time.Hour).UTC().Format("20060102T150405Z"))
			},
			"another body": func(r *http.Request) {
				r.Body = http.NoBody
			},
		} {
			if status, answer := o.questions("/entitlements/explain", map[string]string{"user": mover}, tamper); status != http.StatusForbidden || strings.Contains(string(answer), "group") {
				o.t.Errorf("%s: %d %s", name, status, answer)
			}
		}
	})

	consultation(t, "refuses a question that it does not understand", func(o *office) {
		for body, want := range map[string]int{
			`{}`: 400, `{"user":"a","profile":{}}`: 400, `{"usr":"a"}`: 400, `{"user":"nobody@example.com"}`: 404, `{"profile":{}}`: 400, `{"user":"a"}{"user":"b"}`: 400,
		} {
			if status, answer := o.questions("/entitlements/explain", []byte(body), nil); status != want {
				o.t.Errorf("%s: %d %s", body, status, answer)
			}
		}
	})
}

func TestWhatIf(t *testing.T) {
	t.Parallel()
	more := changedRules(t, `"groups": ["Sales"]}`, `"groups": ["Sales", "Zendesk Agents"]}`)
	less := changedRules(t, `"groups": ["GitHub Engineers", "AWS Developers"]}`, `"groups": ["GitHub Engineers"]}`)

	consultation(t, "counts what everybody would gain and lose, and changes nothing", func(o *office) {
		s := o.weighed(more)
		o.is("people", []int{s.People, s.Protected, s.Changed, s.Granted, s.Removed}, []int{49, 2, 7, 7, 0})
		o.is("gains", []any{s.Gains[0].What, s.Gains[0].People}, []any{"Zendesk Agents", 7})
		s = o.weighed(less)
		o.is("losers", []int{s.Losers, s.Removed}, []int{12, 12})
		o.is("losses", s.Losses[0].What, "AWS Developers")
		o.is("groups", groupsOf(o.person("E1013")), []string{"AWS Developers", "All Employees", "Domain Users", "Engineering", "GitHub Engineers", "Location Berlin"})
		for _, m := range o.Okta.Calls() {
			if m.Method != http.MethodGet {
				o.t.Errorf("%s %s", m.Method, m.Path)
			}
		}
	})

	consultation(t, "has one hash for one plan, and another when anything in it changes", func(o *office) {
		first := o.weighed(less).Hash
		o.is("asked again", o.weighed(less).Hash, first)
		o.holds("E1013", "AWS Developers", lease.RequestKey("RITM1"), time.Time{}) // keeps it whatever the rules say
		second := o.weighed(less)
		o.is("losers", second.Losers, 11)
		if second.Hash == first {
			o.t.Error("the plan is another, and its hash the same")
		}
	})

	consultation(t, "refuses a document that cannot be used, with every problem and its place", func(o *office) {
		broken := changedRules(t, `"gives": ["seller"]`, `"gives": ["sellers"]`)
		status, answer := o.questions("/entitlements/what-if", map[string]json.RawMessage{"candidate": json.RawMessage(broken)}, nil)
		o.is("status", status, http.StatusUnprocessableEntity)
		o.says(string(answer), `"where":"/tables/1/rows/4/gives`, `"candidate_not_valid"`)
		status, _ = o.questions("/entitlements/what-if", map[string]string{"rules": "x"}, nil)
		o.is("status of another question", status, http.StatusBadRequest)
	})

	consultation(t, "says so when Okta leaves it no time", func(o *office) {
		o.Okta.Fault(func(*http.Request, int) *oktasim.Fault { return &oktasim.Fault{Hang: true} })
		status, answer := o.questions("/entitlements/what-if", map[string]json.RawMessage{"candidate": json.RawMessage(more)}, nil)
		o.is("status", status, http.StatusServiceUnavailable)
		o.says(string(answer), `"request_id"`)
		o.Okta.Fault(nil)
	})
}
