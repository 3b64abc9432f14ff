package template_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local/template"
)

var addresses = map[string]string{"OktaOrgUrl": "https://example.okta.com", "ServiceNowUrl": "https://example.service-now.com"}

func TestTemplate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}

	t.Run("evaluates every name that the project's template uses", func(t *testing.T) {
		t.Parallel()
		cloud, err := template.Parse(text, "box", addresses)
		if err != nil {
			t.Fatal(err)
		}
		steps, found := cloud.Function("OffboardingSteps")
		if !found || steps.Env["OKTA_ORG_URL"] != "https://example.okta.com" || steps.Env["LEDGER_TABLE"] != "box-LedgerTable" {
			t.Fatalf("found %v, environment %v", found, steps.Env)
		}
		if steps.Reserved == 0 || steps.Timeout != time.Minute {
			t.Errorf("reserved %d, timeout %s", steps.Reserved, steps.Timeout)
		}
	})

	t.Run("gives no trigger the credential of a system", func(t *testing.T) {
		t.Parallel()
		cloud, err := template.Parse(text, "box", addresses)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range cloud.Functions {
			if !strings.HasSuffix(f.ID, "Trigger") {
				continue
			}
			for _, name := range []string{"OKTA_SECRET_ID", "SERVICENOW_SECRET_ID"} {
				if f.Env[name] != "" {
					t.Errorf("%s has %s", f.ID, name)
				}
			}
		}
	})

	t.Run("keeps the calls at once below the 75 that Okta allows an org", func(t *testing.T) {
		t.Parallel()
		cloud, err := template.Parse(text, "box", addresses)
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, f := range cloud.Functions {
			if f.Env["OKTA_SECRET_ID"] == "" {
				continue
			}
			if f.Reserved == 0 {
				t.Errorf("%s calls Okta and has no reserved concurrency", f.ID)
			}
			total += f.Reserved
		}
		if total > 74 {
			t.Errorf("%d calls at once", total)
		}
	})

	refusals := map[string]struct {
		text       string
		parameters map[string]string
		want       string
	}{
		"a parameter without a value":                {string(text), map[string]string{"OktaOrgUrl": "https://x.example"}, "ServiceNowUrl has no default"},
		"a parameter that does not exist":            {string(text), map[string]string{"Nonsense": "1"}, "no parameter Nonsense"},
		"a name that does not exist":                 {strings.Replace(string(text), "!Ref LedgerTable", "!Ref LedgerTabel", 1), addresses, "nothing is called LedgerTabel"},
		"an attribute that does not exist":           {strings.Replace(string(text), "!GetAtt OnboardingSteps.Arn", "!GetAtt OnboardingSteps.Arm", 1), addresses, "no attribute Arm"},
		"a type that the embedded cloud has not":     {strings.Replace(string(text), "AWS::SNS::Topic\n", "AWS::Kinesis::Stream\n", 1), addresses, "not part of the embedded cloud"},
		"a schedule that the embedded cloud has not": {strings.Replace(string(text), "rate(5 minutes)", "cron(0 8 * * ? *)", 1), addresses, "is not a rate"},
	}
	for name, refused := range refusals {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			_, err := template.Parse([]byte(refused.text), "box", refused.parameters)
			if err == nil || !strings.Contains(err.Error(), refused.want) {
				t.Fatalf("got %v, want %q", err, refused.want)
			}
		})
	}
}
