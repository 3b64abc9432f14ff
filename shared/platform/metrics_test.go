package platform

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// checkEMF holds a document against the rules of CloudWatch's Embedded Metric
// Format specification.
func checkEMF(t interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}, doc map[string]any,
) {
	t.Helper()
	metadata, ok := doc["_aws"].(map[string]any)
	if !ok {
		t.Fatalf("no _aws object in %v", doc)
	}
	if ts, ok := metadata["Timestamp"].(float64); !ok || ts != math.Trunc(ts) || ts <= 0 {
		t.Errorf("Timestamp %v is not milliseconds", metadata["Timestamp"])
	}
	directives, ok := metadata["CloudWatchMetrics"].([]any)
	if !ok || len(directives) == 0 {
		t.Fatalf("no CloudWatchMetrics in %v", metadata)
	}
	for _, d := range directives {
		directive, _ := d.(map[string]any)
		if ns, _ := directive["Namespace"].(string); ns == "" || len(ns) > 1024 {
			t.Errorf("Namespace %q", ns)
		}
		sets, ok := directive["Dimensions"].([]any)
		if !ok {
			t.Fatalf("Dimensions %v is no list of sets", directive["Dimensions"])
		}
		for _, s := range sets {
			set, ok := s.([]any)
			if !ok || len(set) > 30 {
				t.Fatalf("dimension set %v", s)
			}
			for _, name := range set {
				value, isText := doc[name.(string)].(string)
				if !isText || value == "" || len(value) > 1024 || len(name.(string)) > 250 {
					t.Errorf("dimension %v has the target %v", name, doc[name.(string)])
				}
			}
		}
		metrics, ok := directive["Metrics"].([]any)
		if !ok || len(metrics) == 0 || len(metrics) > 100 {
			t.Fatalf("Metrics %v", directive["Metrics"])
		}
		for _, m := range metrics {
			metric, _ := m.(map[string]any)
			name, _ := metric["Name"].(string)
			if _, isNumber := doc[name].(float64); name == "" || len(name) > 1024 || !isNumber {
				t.Errorf("metric %q has the target %v", name, doc[name])
			}
			if unit := metric["Unit"]; unit != "Count" && unit != "Milliseconds" {
				t.Errorf("unit %v", unit)
			}
		}
	}
}

func TestMetricsLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud, out := newCloud(t, map[string]string{"METRICS_NAMESPACE": "Mine"}, nil)
		cloud.Metrics.Duration("StepDuration", 1500*time.Microsecond, "UseCase", "onboarding", "Step", "ReadTicket")
		doc := out.only(t)
		checkEMF(t, doc)
		if doc["StepDuration"] != 1.5 || doc["UseCase"] != "onboarding" || doc["Step"] != "ReadTicket" {
			t.Errorf("wrote %v", doc)
		}
		metadata := doc["_aws"].(map[string]any)
		if metadata["Timestamp"] != float64(time.Now().UnixMilli()) {
			t.Errorf("Timestamp %v, want now", metadata["Timestamp"])
		}
		if ns := metadata["CloudWatchMetrics"].([]any)[0].(map[string]any)["Namespace"]; ns != "Mine" {
			t.Errorf("Namespace %v", ns)
		}
	})
}

func TestMetricsNeverWriteWhatCloudWatchRefuses(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "_aws", "UseCase", "N", strings.Repeat("ä", 1500)}), rapid.String())
	rapid.Check(t, func(r *rapid.T) {
		out := &output{}
		m := newMetrics(out, "")
		name := text.Draw(r, "name")
		dims := rapid.SliceOfN(text, 0, 80).Draw(r, "dims")
		if !utf8.ValidString(name) {
			return
		}
		m.Count(name, rapid.Int().Draw(r, "n"), dims...)
		if name == "" || name == "_aws" {
			if out.text() != "" {
				r.Fatalf("wrote %s", out.text())
			}
			return
		}
		checkEMF(r, out.only(t))
	})
}

func TestNilMetricsAreSilent(t *testing.T) {
	t.Parallel()
	var m *Metrics
	m.Count("N", 1)
	m.Duration("D", time.Second, "UseCase", "x")
}
