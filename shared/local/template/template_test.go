package template_test

import (
	"maps"
	"os"
	"slices"
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

	t.Run("archives the ledger under the lock that was chosen", func(t *testing.T) {
		t.Parallel()
		chosen := map[string]string{"LedgerLockMode": "COMPLIANCE", "LedgerLockDays": "3650"}
		maps.Copy(chosen, addresses)
		cloud, err := template.Parse(text, "box", chosen)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(cloud.Buckets, func(b template.Bucket) bool { return b.ID == "LedgerArchive" })
		if b := cloud.Buckets[i]; !b.Versioned || b.LockMode != "COMPLIANCE" || b.LockDays != 3650 {
			t.Errorf("bucket %+v", b)
		}
		archiver, _ := cloud.Function("AuditArchive")
		if len(archiver.Feeds) != 1 || !strings.HasSuffix(archiver.Feeds[0].Table, "LedgerTable") || archiver.Feeds[0].Batch != 100 {
			t.Fatalf("feeds %+v", archiver.Feeds)
		}
		change := func(name, key string) map[string]any {
			return map[string]any{"eventName": name, "dynamodb": map[string]any{"Keys": map[string]any{"sk": map[string]any{"S": key}}}}
		}
		for _, tt := range []struct {
			name, key string
			wanted    bool
		}{{"INSERT", "000000000001", true}, {"MODIFY", "000000000001", true}, {"REMOVE", "head", true}, {"MODIFY", "head", false}, {"INSERT", "done#1", false}} {
			passes := slices.ContainsFunc(archiver.Feeds[0].Filters, func(p template.Pattern) bool { return p.Matches(change(tt.name, tt.key)) })
			if passes != tt.wanted {
				t.Errorf("%s of %s reaches the archiver: %t", tt.name, tt.key, passes)
			}
		}
		if api, _ := cloud.Function("AuditApi"); api.Env["OKTA_SECRET_ID"]+api.Env["SERVICENOW_SECRET_ID"] != "" || len(api.Routes) != 4 {
			t.Errorf("the auditors' function has %v, %v", api.Env, api.Routes)
		}
	})

	refusals := map[string]struct {
		text       string
		parameters map[string]string
		want       string
	}{
		"a parameter without a value":                      {string(text), map[string]string{"OktaOrgUrl": "https://x.example"}, "ServiceNowUrl has no default"},
		"a parameter that does not exist":                  {string(text), map[string]string{"Nonsense": "1"}, "no parameter Nonsense"},
		"a name that does not exist":                       {strings.Replace(string(text), "!Ref LedgerTable", "!Ref LedgerTabel", 1), addresses, "nothing is called LedgerTabel"},
		"an attribute that does not exist":                 {strings.Replace(string(text), "!GetAtt OnboardingSteps.Arn", "!GetAtt OnboardingSteps.Arm", 1), addresses, "no attribute Arm"},
		"a type that the embedded cloud has not":           {strings.Replace(string(text), "AWS::SNS::Topic\n", "AWS::Kinesis::Stream\n", 1), addresses, "not part of the embedded cloud"},
		"a stream whose function is silent about failures": {strings.Replace(string(text), "FunctionResponseTypes: [ReportBatchItemFailures]", "ParallelizationFactor: 1", 1), addresses, "does not report what failed"},
		"a stream without a place for what fails":          {strings.Replace(string(text), "            DestinationConfig:\n              OnFailure:\n                Type: SQS\n                Destination: !GetAtt DeadLetters.Arn\n        EveryDay:", "        EveryDay:", 1), addresses, "fail for good"},
		"a lock without versions":                          {strings.Replace(string(text), "      ObjectLockEnabled: true\n", "", 1), addresses, "versioned, and made with it"},
		"a schedule that the embedded cloud has not":       {strings.Replace(string(text), "rate(5 minutes)", "cron(0 8 * * ? *)", 1), addresses, "is not a rate"},
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
