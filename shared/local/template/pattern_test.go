package template_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lifecycle/shared/local/template"
)

const streaming = `
Resources:
  Stream:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Okta:
          Type: EventBridgeRule
          Properties:
            Pattern:
              source: [{prefix: aws.partner/okta.com}]
              detail:
                eventType: [user.session.start, {prefix: security.}]
`

func TestPatterns(t *testing.T) {
	t.Parallel()
	cloud, err := template.Parse([]byte(streaming), "box", nil)
	if err != nil {
		t.Fatal(err)
	}
	pattern := cloud.Functions[0].Patterns[0]
	for text, want := range map[string]bool{
		`{"source": "aws.partner/okta.com/x/y", "detail": {"eventType": "user.session.start"}}`:                       true,
		`{"source": "aws.partner/okta.com/x/y", "detail": {"eventType": "security.threat.detected"}}`:                 true,
		`{"source": "aws.partner/okta.com/x/y", "detail": {"eventType": ["user.session.end", "user.session.start"]}}`: true,
		`{"source": "aws.partner/okta.com/x/y", "detail": {"eventType": "user.session.end"}}`:                         false,
		`{"source": "aws.partner/okta.com/x/y", "detail": {}}`:                                                        false,
		`{"source": "aws.partner/okta.com/x/y"}`:                                                                      false,
		`{"source": "aws.ec2", "detail": {"eventType": "user.session.start"}}`:                                        false,
	} {
		var event map[string]any
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			t.Fatal(err)
		}
		if got := pattern.Matches(event); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	for _, c := range []struct{ old, with, want string }{
		{"[{prefix: aws.partner/okta.com}]", "aws.partner", "list of alternatives"},
		{"{prefix: security.}", "{exists: true}", "not part of the embedded cloud"},
	} {
		if _, err := template.Parse([]byte(strings.Replace(streaming, c.old, c.with, 1)), "box", nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.with, err)
		}
	}
}
