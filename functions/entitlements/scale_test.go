package entitlements

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
)

// company makes an org of n people, like those of the seed.
func company(n int) *oktasim.Seed {
	models := slices.DeleteFunc(seed.People(), func(p seed.Person) bool { return p.EmployeeType == "service" || p.OktaStatus != "ACTIVE" })
	org := &oktasim.Seed{Groups: seed.Groups(), Apps: seed.Apps()}
	for i := range n {
		p := models[i%len(models)]
		p.Number, p.OktaID, p.Email = fmt.Sprintf("L%06d", i), fmt.Sprintf("00ularge%012d", i), fmt.Sprintf("person%d@example.com", i)
		p.AdminRoles = nil
		org.People = append(org.People, p)
	}
	return org
}

// serviceFor is the service over an org in which nobody has a lease.
func serviceFor(ctx context.Context, t testing.TB, sim *oktasim.Sim) *Service {
	t.Helper()
	db := dynamo.New()
	for _, spec := range []dynamo.Spec{
		{Name: "control", Hash: "pk", Range: "sk", TTL: "expires"}, {Name: "ledger", Hash: "pk", Range: "sk"}, {Name: "leases", Hash: "pk", Range: "sk"},
	} {
		if err := db.CreateTable(ctx, spec); err != nil {
			t.Fatal(err)
		}
	}
	ledger := audit.New(db.Client(), "ledger")
	seats := ratelimit.New(db.Client(), "control", ratelimit.DefaultShare)
	client, err := okta.New(ctx, okta.Options{
		URL: "https://okta.simulated.example", Credentials: `{"token":"` + oktasim.DefaultToken + `"}`, Transport: sim.Transport(), Ledger: ledger, Seats: seats,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Service{
		okta: client, leases: lease.New(db.Client(), "leases", ledger), seats: seats, rules: entitlement.NewSource(stored{}, "rules", "rules.json"),
	}
}

// weigh asks what would happen without the engineers' development accounts.
func weigh(ctx context.Context, t testing.TB, s *Service, visit func(entitlement.Change) error) entitlement.Summary {
	t.Helper()
	candidate, err := entitlement.Load([]byte(strings.Replace(string(seed.Rules()), `"groups": ["GitHub Engineers", "AWS Developers"]}`, `"groups": ["GitHub Engineers"]}`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	summary, err := s.WhatIf(ctx, "scale", candidate, visit)
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

func TestWhatIfOfMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const people = 4_000
		sim := oktasim.New(oktasim.Options{Seed: company(people), Bare: true})
		began := time.Now()
		summary := weigh(t.Context(), t, serviceFor(t.Context(), t, sim), nil)
		if summary.People != people+1 || summary.Losers < people/10 { // the org has an integration account
			t.Errorf("%d people, %d losers", summary.People, summary.Losers)
		}
		pages := 0
		for _, c := range sim.Calls() {
			if c.Status != http.StatusOK {
				t.Errorf("%s answered %d", c.Path, c.Status)
			}
			pages++
		}
		if pages != people/200+1 {
			t.Errorf("%d calls", pages)
		}
		t.Logf("%d people in %s of Okta's time", people, time.Since(began))
	})
}

// BenchmarkWhatIf weighs a change over 100,000 people. MB is by how much more is
// in use at most while it does, with the simulated org's own share taken out.
func BenchmarkWhatIf(b *testing.B) {
	const people = 100_000
	sim := oktasim.New(oktasim.Options{Seed: company(people), Bare: true, Limits: map[oktasim.Bucket]int{oktasim.BucketUsers: people}})
	s := serviceFor(b.Context(), b, sim)
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		peak, n := uint64(0), 0
		weigh(b.Context(), b, s, func(entitlement.Change) error {
			if n++; n%5_000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapAlloc)
			}
			return nil
		})
		b.ReportMetric(float64(peak-min(peak, before.HeapAlloc))/(1<<20), "MB")
	}
}

// stored is a bucket with the seed's rules.
type stored struct{}

func (stored) GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(seed.Rules()))}, nil
}
