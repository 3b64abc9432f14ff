package detect_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/fault"
)

// replaced is the default document with a part of it changed.
func replaced(t testing.TB, old, with string) []byte {
	t.Helper()
	document := detect.Default()
	if bytes.Count(document, []byte(old)) == 0 {
		t.Fatalf("%q is not in the default document", old)
	}
	return bytes.Replace(document, []byte(old), []byte(with), 1)
}

func TestADocumentIsRefusedWithPlaceAndReason(t *testing.T) {
	t.Parallel()
	const when = `"when": "outcome.reason contains 'FastPass declined phishing attempt'"`
	cases := map[string]struct {
		old, with string
		want      []string
	}{
		"a member nobody knows":       {`"version": "default-1"`, `"version": "default-1", "colour": 1`, []string{"colour"}},
		"a severity that is none":     {`"severity": "critical", "correlate"`, `"severity": "terrible", "correlate"`, []string{"/rules/4/severity"}},
		"a field that is misspelt":    {when, `"when": "outcome.raeson == 'x'"`, []string{"/rules/17/when", "line 1, column", "raeson"}},
		"another type of value":       {when, `"when": "securityContext.asNumber == 'x'"`, []string{"/rules/17/when", "mismatched types"}},
		"a condition that is a text":  {when, `"when": "outcome.reason"`, []string{"/rules/17/when", "expected bool"}},
		"a value that is a number":    {`"per": "user.login", "within": "30m"`, `"per": "securityContext.asNumber", "within": "30m"`, []string{"/threshold/per", "expected string"}},
		"what can fail while running": {when, `"when": "target[0].id == 'x'"`, []string{"/rules/17/when", "not part of the language"}},
		"arithmetic":                  {when, `"when": "1 / 0 == 1"`, []string{"/rules/17/when"}},
		"a clock":                     {when, `"when": "now().Hour() > 20"`, []string{"/rules/17/when"}},
		"a pattern that varies":       {when, `"when": "outcome.reason matches user.login"`, []string{"not a constant"}},
		"a network without a name": {`inNetwork(address, 'corporate')",
      "threshold": {"count": 40`, `inNetwork(address, 'office')",
      "threshold": {"count": 40`, []string{"/rules/1/when", `no network "office"`}},
		"an address that is none":  {`"networks": {"corporate": []}`, `"networks": {"corporate": ["10.0.0.0/33"]}`, []string{"/networks/corporate/0"}},
		"two rules of one name":    {`"id": "mfa-bypass"`, `"id": "phishing-declined"`, []string{"/rules/18/id", "rule 17"}},
		"a sequence after nothing": {`"after": {"rule": "push-fatigue"`, `"after": {"rule": "push-party"`, []string{"/after/rule", "no rule of the document"}},
		"a sequence of sequences":  {`"after": {"rule": "push-fatigue"`, `"after": {"rule": "success-after-spray"`, []string{"does not come after another itself"}},
		"a sequence that joins nothing": {`"after": {"rule": "brute-force", "by": "user.login + ' ' + address"`, `"after": {"rule": "brute-force", "by": "user.login"`,
			[]string{"/after/by", `counts per "user.login + ' ' + address"`}},
		"a silent rule without effect": {`"title": "Factor`, `"silent": true, "title": "Factor`, nil},
		"containment of nobody": {`"subject": "nobody",
      "severity": "medium",`, `"subject": "nobody", "contain": ["suspend"],
      "severity": "medium",`, []string{"/contain", "nobody's account"}},
		"a suppression for ever": {`"suppressions": []`, `"suppressions": [{"id": "x", "when": "true", "owner": "me", "reason": "so"}]`, []string{"/suppressions/0", "expires"}},
		"a suppression of nothing": {`"suppressions": []`, `"suppressions": [{"id": "x", "rules": ["nothing"], "when": "true", "owner": "me", "reason": "so", "expires": "2027-01-01"}]`,
			[]string{"/suppressions/0/rules/0"}},
		"a day that is none":  {`"suppressions": []`, `"suppressions": [{"id": "x", "when": "true", "owner": "me", "reason": "so", "expires": "soon"}]`, []string{"/suppressions/0/expires"}},
		"two kinds of memory": {`"travel": {"km"`, `"threshold": {"count": 2, "per": "address", "within": "1h"}, "travel": {"km"`, []string{"/rules/23/travel"}},
		"no JSON at all":      {`"version": "default-1",`, `"version": "default-1"`, []string{"not JSON", "line 4"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := detect.Load(replaced(t, c.old, c.with))
			var invalid *fault.Invalid
			if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
				if c.want == nil {
					return
				}
				t.Fatalf("accepted: %v", err)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is missing in: %v", part, err)
				}
			}
		})
	}

	t.Run("and everything that is wrong is told at once", func(t *testing.T) {
		t.Parallel()
		_, err := detect.Load([]byte(`{"version": "1", "group": "g", "severities": {"low": {"priority": 4}, "medium": {"priority": 3}, "high": {"priority": 2}, "critical": {"priority": 1}},
			"rules": [
				{"id": "a", "title": "a", "description": "a", "events": ["x"], "severity": "low", "category": "c", "when": "nonsense"},
				{"id": "a", "title": "a", "description": "a", "events": ["x"], "severity": "low", "category": "c", "silent": true}
			]}`))
		var invalid *fault.Invalid
		if !errors.As(err, &invalid) || len(invalid.Problems) != 3 {
			t.Errorf("%v", err)
		}
	})
}

func FuzzLoadNeverPanics(f *testing.F) {
	f.Add(string(detect.Default()))
	f.Add(`{"rules": [{"threshold": {"within": "9d"}}]}`)
	f.Fuzz(func(t *testing.T, document string) {
		rules, err := detect.Load([]byte(document))
		if (rules == nil) == (err == nil) {
			t.Errorf("rules and error: %v", err)
		}
		if err != nil && !fault.Is[*fault.Invalid](err) {
			t.Errorf("%T %v", err, err)
		}
	})
}
