package detect_test

import (
	"fmt"
	"testing"
	"time"

	"lifecycle/shared/local/syslog"
	"lifecycle/shared/okta"
)

// BenchmarkConsider is what an event costs that is looked at and belongs to nothing:
// by far the most of a System Log.
func BenchmarkConsider(b *testing.B) {
	rules := defaults(b)
	bench := newBench(b)
	page := make([]okta.LogEvent, 1000)
	for i := range page {
		kind := []string{"user.authentication.verify", "app.oauth2.as.token.grant", "user.session.end", "policy.evaluate_sign_on"}[i%4]
		page[i] = syslog.New(kind, syslog.By(person(i)), syslog.From(syslog.Berlin), syslog.With(syslog.Mac), syslog.Behaviors()).
			Stamped(fmt.Sprint("u", i), time.Now())
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := bench.detector.Detect(bench.ctx, rules, page); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(page)*b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkAttack is what an event costs that is part of a spray, with its windows
// in the embedded DynamoDB.
func BenchmarkAttack(b *testing.B) {
	rules := defaults(b)
	bench := newBench(b)
	b.ReportAllocs()
	for n := range b.N {
		page := make([]okta.LogEvent, 1000)
		for i := range page {
			page[i] = syslog.WrongPassword(person(i), syslog.Hosting, syslog.Script).Stamped(fmt.Sprint("u", n, "-", i), time.Now())
		}
		b.StartTimer()
		if _, err := bench.detector.Detect(bench.ctx, rules, page); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
	}
	b.ReportMetric(float64(1000*b.N)/b.Elapsed().Seconds(), "events/s")
}
