package local

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/functions/accessrequest"
	"lifecycle/functions/accessreview"
	"lifecycle/functions/approvals"
	"lifecycle/functions/audit"
	"lifecycle/functions/credentialreset"
	"lifecycle/functions/entitlements"
	"lifecycle/functions/offboarding"
	"lifecycle/functions/onboarding"
	"lifecycle/functions/rolechange"
	"lifecycle/functions/securityalert"
	"lifecycle/functions/statesync"
	"lifecycle/functions/sweep"
	"lifecycle/shared/event"
	"lifecycle/shared/local/buckets"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/template"
	"lifecycle/shared/platform"
)

// builders are the functions by logical id; each main.go hands the same builder
// to platform.Main (a test compares them).
var builders = map[string]platform.Build{
	"AccessRequestTrigger":    event.NewTrigger,
	"AccessRequestSteps":      accessrequest.NewSteps,
	"RoleChangeTrigger":       event.NewTrigger,
	"RoleChangeSteps":         rolechange.NewSteps,
	"RecertificationTrigger":  event.NewTrigger,
	"EntitlementsApi":         entitlements.NewAPI,
	"RulesChangeTrigger":      entitlements.NewChangeAPI,
	"RulesChangeSteps":        entitlements.NewSteps,
	"CredentialResetTrigger":  event.NewTrigger,
	"CredentialResetSteps":    credentialreset.NewSteps,
	"OnboardingTrigger":       event.NewTrigger,
	"OnboardingSteps":         onboarding.NewSteps,
	"OffboardingTrigger":      event.NewTrigger,
	"OffboardingSteps":        offboarding.NewSteps,
	"ApprovalsTrigger":        event.NewTrigger,
	"ApprovalsSteps":          approvals.NewSteps,
	"SecurityAlertHook":       securityalert.NewHook,
	"SecurityAlertIntake":     securityalert.NewIntake,
	"SecurityAlertPoller":     securityalert.NewPoller,
	"SecurityAlertSteps":      securityalert.NewSteps,
	"SecurityAlertStream":     securityalert.NewStream,
	"StateSyncTrigger":        event.NewTrigger,
	"StateSyncSteps":          statesync.NewSteps,
	"StateSyncPoller":         statesync.NewPoller,
	"AuditApi":                audit.NewAPI,
	"AuditArchive":            audit.NewArchiver,
	"AccessReviewTrigger":     accessreview.NewTrigger,
	"AccessReviewSteps":       accessreview.NewSteps,
	"AccessReviewTaskTrigger": event.NewTrigger,
	"Sweep":                   sweep.NewSweep,
}

// simulate makes the systems that were not given.
func (c *Cloud) simulate() {
	if c.Okta == nil {
		c.Okta = oktasim.New(oktasim.Options{URL: OktaURL})
	}
	if c.ServiceNow == nil {
		c.ServiceNow = snowsim.New(snowsim.Options{})
	}
}

// webhookSecret is 33 bytes in base64, as the template generates them.
const webhookSecret = "c2ltdWxhdGVkV2ViaG9va1NlY3JldE9mVGhlRGVtbzEy"

// hookSecret is what Okta sends with its event hooks.
const hookSecret = "simulatedEventHookSecretOfTheDemo1234567890"

// fillVault gives each secret of the template its value.
func (c *Cloud) fillVault() error {
	values := map[string]string{"WebhookSecret": webhookSecret, "OktaHookSecret": hookSecret}
	okta, err := json.Marshal(map[string]string{"token": oktasim.DefaultToken})
	if err != nil {
		return err
	}
	servicenow, err := json.Marshal(map[string]string{"user": snowsim.IntegrationUser, "password": snowsim.IntegrationPassword})
	if err != nil {
		return err
	}
	values["OktaSecret"], values["ServiceNowSecret"] = string(okta), string(servicenow)
	for id, value := range c.options.Secrets {
		values[id] = value
	}
	for _, s := range c.Template.Secrets {
		value, known := values[s.ID]
		if !known {
			return fmt.Errorf("the secret %s of the template has no value in the embedded cloud", s.ID)
		}
		c.vault.put(s.ARN, value)
	}
	return nil
}

// Rotate makes value the current version of a secret; the one before stays
// readable.
func (c *Cloud) Rotate(id, value string) {
	for _, s := range c.Template.Secrets {
		if s.ID == id {
			c.vault.put(s.ARN, value)
		}
	}
}

// Secret is the current value of a secret, by logical id.
func (c *Cloud) Secret(id string) string {
	for _, s := range c.Template.Secrets {
		if s.ID == id {
			return c.vault.value(s.ARN)
		}
	}
	return ""
}

func tableOf(t template.Table) dynamo.Spec {
	spec := dynamo.Spec{Name: t.Name, Hash: t.Hash, Range: t.Range, TTL: t.TTL}
	for _, i := range t.Indexes {
		spec.Indexes = append(spec.Indexes, dynamo.Index{Name: i.Name, Hash: i.Hash, Range: i.Range})
	}
	return spec
}

// fillObjects puts the rules where the functions look for them.
func (c *Cloud) fillObjects() {
	rules := c.options.Rules
	if rules == nil {
		rules = seed.Rules()
	}
	c.PutRules(rules)
}

// PutRules replaces the rules; functions that have read others go by the new
// ones a minute later.
func (c *Cloud) PutRules(rules []byte) {
	for _, f := range c.Template.Functions {
		if bucket := f.Env["RULES_BUCKET"]; bucket != "" {
			c.objects.Put(bucket, f.Env["RULES_KEY"], rules)
		}
	}
}

// schedule starts the schedules of the template.
func (c *Cloud) schedule(ctx context.Context) {
	for _, f := range c.Template.Functions {
		for _, tick := range f.Ticks {
			c.every(ctx, tick, func() {
				// Lambda tries an asynchronous event once more, then the dead-letter queue gets it.
				for range 2 {
					if _, err := c.Invoke(ctx, f.ID, []byte(tick.Input)); err == nil {
						return
					}
				}
				c.log("a scheduled run of %s was given up", f.ID)
			})
		}
	}
	for _, m := range c.Template.Machines {
		for _, tick := range m.Ticks {
			c.every(ctx, tick, func() {
				if _, err := c.SFN().StartExecution(ctx, &sfn.StartExecutionInput{
					StateMachineArn: aws.String(m.ARN), Input: aws.String(tick.Input),
				}); err != nil {
					c.log("a scheduled run of %s was given up: %v", m.ID, err)
				}
			})
		}
	}
}

func (c *Cloud) every(ctx context.Context, tick template.Tick, do func()) {
	c.background.Go(func() {
		ticker := time.NewTicker(max(tick.Every, c.options.Pace))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				do()
			}
		}
	})
}

// Objects is the embedded S3, for whoever looks from outside.
func (c *Cloud) Objects() *buckets.Store { return &c.objects }

// S3 is a client for it.
func (c *Cloud) S3() *s3.Client { return s3.NewFromConfig(*c.awsConfig(c.awsTransport())) }

// Bucket is the name of a bucket by its logical id.
func (c *Cloud) Bucket(id string) string {
	for _, b := range c.Template.Buckets {
		if b.ID == id {
			return b.Name
		}
	}
	return ""
}

// SFN is a client for the embedded Step Functions, for whoever looks from
// outside.
func (c *Cloud) SFN() *sfn.Client { return sfn.NewFromConfig(*c.awsConfig(c.awsTransport())) }

// DynamoDB is a client for the embedded DynamoDB, likewise.
func (c *Cloud) DynamoDB() *dynamodb.Client { return c.DB.Client() }

// Machine is the ARN of a state machine by its logical id.
func (c *Cloud) Machine(id string) string {
	for _, m := range c.Template.Machines {
		if m.ID == id {
			return m.ARN
		}
	}
	return ""
}

// Table is the name of a table by its logical id.
func (c *Cloud) Table(id string) string {
	for _, t := range c.Template.Tables {
		if strings.HasSuffix(t.Name, "-"+id) {
			return t.Name
		}
	}
	return ""
}
