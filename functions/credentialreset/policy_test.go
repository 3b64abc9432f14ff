package credentialreset

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/fault"
)

func TestPolicy(t *testing.T) {
	t.Parallel()

	t.Run("is its own without a document", func(t *testing.T) {
		t.Parallel()
		for _, document := range []string{"", " \n", "{}"} {
			p, err := DefaultPolicy().With([]byte(document))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(DefaultPolicy().text()), string(p.text())); d != "" || p.version != DefaultPolicy().version {
				t.Errorf("%q changes it: %s", document, d)
			}
		}
		if problems := DefaultPolicy().check(); len(problems) > 0 {
			t.Error(problems)
		}
	})

	t.Run("changes what the document names and nothing else", func(t *testing.T) {
		t.Parallel()
		before := DefaultPolicy()
		p, err := before.With([]byte(`{
			"version": "2026-11", "may_ask": {"manager": []}, "limits": {"person": {"resets": 1, "window": "90m"}},
			"cool_down": {"unlock": {"for": "0s"}}, "watch": {"after": []}
		}`))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(Limit{1, Span(90 * time.Minute)}, p.Limits.Person); d != "" {
			t.Error(d)
		}
		if len(p.MayAsk[manager]) != 0 || len(p.MayAsk[self]) != 3 || p.Limits.Helpdesk.Resets != 40 || p.CoolDown[unlock].For != 0 ||
			p.CoolDown[mfa].For != Span(72*time.Hour) || len(p.Watch.After) != 0 || p.Watch.Group != "Security Operations" {
			t.Errorf("%+v", p)
		}
		if p.version == before.version || !strings.HasPrefix(p.version, "2026-11+") {
			t.Errorf("its version is %s", p.version)
		}
		if d := cmp.Diff(string(DefaultPolicy().text()), string(before.text())); d != "" {
			t.Errorf("the policy it was made from has changed: %s", d)
		}
	})

	for name, wrong := range map[string]struct{ document, says string }{
		"no JSON":                   {`{`, "cannot be read"},
		"a list":                    {`[]`, "cannot be read"},
		"a word misspelt":           {`{"limit": {}}`, "limit"},
		"a duration that is none":   {`{"limits": {"person": {"resets": 1, "window": "a day"}}}`, "a day"},
		"a duration in numbers":     {`{"limits": {"person": {"resets": 1, "window": 24}}}`, "24h"},
		"two documents":             {`{} {}`, "behind its end"},
		"a type that is none":       {`{"may_ask": {"self": ["everything"]}}`, `may_ask.self: "everything" is none of unlock, password, mfa`},
		"a relation that is none":   {`{"may_ask": {"friend": ["unlock"]}}`, `may_ask: "friend" is none of self, manager, helpdesk`},
		"an approver that is none":  {`{"second_approval": {"from": ["self"]}}`, `second_approval.from: "self" is none of manager, helpdesk`},
		"nobody to approve":         {`{"second_approval": {"from": []}}`, "second_approval: it needs somebody to ask"},
		"no time to approve":        {`{"second_approval": {"wait": "1s"}}`, "a minute at least"},
		"a limit without a window":  {`{"limits": {"overall": {"resets": 5, "window": "0s"}}}`, "limits.overall: 5 within 0s is no limit"},
		"a limit below nothing":     {`{"limits": {"helpdesk": {"resets": -1, "window": "1h"}}}`, "limits.helpdesk: -1 within 1h is no limit"},
		"a cool-down after nothing": {`{"cool_down": {"mfa": {"for": "72h"}}}`, "cool_down.mfa: it is negative, or names no event"},
		"no helpdesk":               {`{"helpdesk": []}`, "helpdesk: it is empty"},
		"a nameless group":          {`{"helpdesk": ["Service Desk", " "]}`, "helpdesk: it is empty, or has an empty name in it"},
		"no method of proof":        {`{"identity_proof": {"methods": []}}`, "identity_proof.methods: it is empty"},
		"a query that cannot hold":  {`{"incidents": [{"table": "incident", "query": "active=true^ORactive=false", "by_id": ["caller_id"]}]}`, "incidents, incident: The query"},
		"looks out of order":        {`{"watch": {"after": ["8h", "1h"]}}`, "watch.after"},
	} {
		t.Run("is refused with "+name, func(t *testing.T) {
			t.Parallel()
			_, err := DefaultPolicy().With([]byte(wrong.document))
			if !fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), wrong.says) {
				t.Errorf("got %v", err)
			}
		})
	}

	t.Run("names all that is wrong at once", func(t *testing.T) {
		t.Parallel()
		_, err := DefaultPolicy().With([]byte(`{"helpdesk": [], "watch": {"group": ""}, "end_sessions": ["x"]}`))
		var invalid *fault.Invalid
		if !errors.As(err, &invalid) || len(invalid.Problems) != 3 || !slices.IsSorted(invalid.Problems) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSpansReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"24h": "24h", "90m": "1h30m", "10m": "10m", "30s": "30s", "1h10m": "1h10m", "72h0m0s": "72h", "20h20m20s": "20h20m20s", "0s": "0s"} {
		var d Span
		if err := d.UnmarshalJSON([]byte(`"` + text + `"`)); err != nil || d.String() != want {
			t.Errorf("%s reads as %s, %v", text, d, err)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(string(DefaultPolicy().text()))
	f.Add(`{"limits": {"person": {"resets": 1, "window": "90m"}}}`)
	f.Add(`{"cool_down": null, "incidents": [{}]}`)
	f.Fuzz(func(t *testing.T, document string) {
		p, err := DefaultPolicy().With([]byte(document))
		if err != nil {
			return
		}
		if problems := p.check(); len(problems) > 0 {
			t.Errorf("accepted with problems: %v", problems)
		}
		again, err := DefaultPolicy().With(p.text())
		if err != nil || again.version != p.version {
			t.Errorf("it does not survive being written down: %v", err)
		}
	})
}
