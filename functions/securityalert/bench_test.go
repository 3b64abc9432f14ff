package securityalert

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/idempotency"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/syslog"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
)

// nobody starts executions that do nothing.
type nobody struct{ executions }

func (nobody) StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	return &sfn.StartExecutionOutput{}, nil
}

// BenchmarkIntake puts pages of a thousand events through the pipeline, as the
// poller does, over the embedded DynamoDB, whose time and memory are in the
// figures: events per second, and the most memory that is in use.
func BenchmarkIntake(b *testing.B) {
	for _, log := range []struct {
		name   string
		attack int
	}{{"an ordinary day", 0}, {"one event in twenty is of a spray", 20}, {"nothing but a spray", 1}} {
		b.Run(log.name, func(b *testing.B) {
			intake, ctx := benchIntake(b)
			b.ReportAllocs()
			b.StopTimer()
			var most uint64
			for n := range b.N {
				page := benchPage(n, log.attack)
				b.StartTimer()
				if _, err := intake.Take(ctx, "poll", page); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
			b.ReportMetric(float64(1000*b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(most)/(1<<20), "MB-heap")
		})
	}
}

func benchIntake(b *testing.B) (*Intake, context.Context) {
	b.Helper()
	ctx := platform.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	db := dynamo.New()
	for _, spec := range []dynamo.Spec{{Name: "alerts", Hash: "pk", Range: "sk", TTL: "expires"}, {Name: "idempotency", Hash: "pk", TTL: "expires"}} {
		if err := db.CreateTable(ctx, spec); err != nil {
			b.Fatal(err)
		}
	}
	client := db.Client()
	return &Intake{
		rules: detect.NewSource(nil, "", "", nil), detector: detect.New(client, "alerts", nil),
		claims: idempotency.New(client, "idempotency"), desk: desk{store: store{client, "alerts"}, sfn: nobody{}, machine: "machine"},
	}, ctx
}

// benchPage is a page of the System Log, in which one event in so many is of a
// spray; 0: none.
func benchPage(n, attack int) []okta.LogEvent {
	people := seed.People()
	page := make([]okta.LogEvent, 1000)
	for i := range page {
		p := people[i%47]
		var e syslog.Event
		switch {
		case attack > 0 && i%attack == 0:
			e = syslog.WrongPassword(p, syslog.Hosting, syslog.Script)
		case i%4 == 0:
			e = syslog.SignIn(p, syslog.Berlin, syslog.Mac)
		default:
			e = syslog.SingleSignOn(p, seed.AppSlack, syslog.Berlin, syslog.Mac, fmt.Sprint("s", i%47))
		}
		page[i] = e.Stamped(fmt.Sprintf("%08d-0000-4000-8000-%012d", n, i), time.Now())
	}
	return page
}
