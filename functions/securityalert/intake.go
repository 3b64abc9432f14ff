package securityalert

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"golang.org/x/sync/errgroup"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
)

// Intake is the one pipeline behind all ways in: what no rule looks at is left
// out, so is what has been processed, whichever way it came; the rest is held
// against the rules, and what they find is put on file.
//
// Every part of it may be repeated. An event counts as processed only when all that
// follows from it is on file and an execution exists that works on it, so whatever
// dies half way is done again by the next delivery.
type Intake struct {
	rules    *detect.Source
	detector *detect.Detector
	claims   *idempotency.Store
	desk     desk
	metrics  *platform.Metrics
}

// IntakeConfig is the configuration of every function that takes events in.
type IntakeConfig struct {
	Table            string `env:"ALERTS_TABLE,required"`
	IdempotencyTable string `env:"IDEMPOTENCY_TABLE,required"`
	// Machine is the state machine that works on alerts.
	Machine     string `env:"ALERT_STATE_MACHINE_ARN,required"`
	RulesBucket string `env:"RULES_BUCKET,required"`
	// RulesKey is the object with the alert rules; empty: the default set.
	RulesKey string `env:"ALERT_RULES_KEY"`
}

func newIntake(cloud *platform.Cloud) (*Intake, error) {
	config, err := platform.Config[IntakeConfig](cloud)
	if err != nil {
		return nil, err
	}
	return &Intake{
		rules:    detect.NewSource(cloud.S3, config.RulesBucket, config.RulesKey, cloud.Metrics),
		detector: detect.New(cloud.DynamoDB, config.Table, cloud.Metrics),
		claims:   idempotency.New(cloud.DynamoDB, config.IdempotencyTable),
		desk:     newDesk(cloud.SFN, store{cloud.DynamoDB, config.Table}, config.Machine),
		metrics:  cloud.Metrics,
	}, nil
}

func newDesk(client *sfn.Client, s store, machine string) desk {
	return desk{store: s, sfn: client, machine: machine}
}

const (
	// processed is how long an event is known to have been processed: longer than
	// any of the ways in may be late.
	processed = 14 * 24 * time.Hour
	// alertsAtOnce is how many alerts are put on file at the same time.
	alertsAtOnce = 8
)

// Taken is what became of a batch of events.
type Taken struct {
	Events   int `json:"events"`
	Relevant int `json:"relevant"`
	New      int `json:"new"`
	Findings int `json:"findings"`
}

// Take processes a batch of events.
func (i *Intake) Take(ctx context.Context, way string, events []okta.LogEvent) (Taken, error) {
	out := Taken{Events: len(events)}
	rules, err := i.rules.Rules(ctx)
	if err != nil {
		return out, err
	}
	fresh := rules.Wanted(events)
	out.Relevant = len(fresh)
	claims := make([]string, len(fresh))
	for n, e := range fresh {
		claims[n] = claimOf(e)
	}
	done, err := i.claims.Completed(ctx, claims)
	if err != nil {
		return out, err
	}
	fresh = slices.DeleteFunc(fresh, func(e okta.LogEvent) bool { return done[claimOf(e)] })
	claims = slices.DeleteFunc(claims, func(key string) bool { return done[key] })
	out.New = len(fresh)
	findings, err := i.detector.Detect(ctx, rules, fresh)
	if err != nil {
		return out, err
	}
	out.Findings = len(findings)
	if err := i.fileAll(ctx, rules, findings); err != nil {
		return out, err
	}
	if err := i.claims.CompleteAll(ctx, claims, way, processed); err != nil {
		return out, err
	}
	i.metrics.Count("OktaEventsTaken", out.New, "Way", way)
	for _, f := range findings {
		i.metrics.Count("RuleMatched", 1, "Rule", f.Rule.ID)
	}
	return out, nil
}

func claimOf(e okta.LogEvent) string { return "okta-event/" + e.UUID }

// fileAll puts the findings on file, those of one key together.
func (i *Intake) fileAll(ctx context.Context, rules *detect.Rules, findings []detect.Finding) error {
	byKey := map[string][]detect.Finding{}
	for _, f := range findings {
		byKey[f.Key.ID] = append(byKey[f.Key.ID], f)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(alertsAtOnce)
	for _, list := range byKey {
		group.Go(func() error { return i.desk.file(ctx, rules, list[0].Key, list) })
	}
	return group.Wait()
}
