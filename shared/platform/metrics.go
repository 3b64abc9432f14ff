package platform

import (
	"encoding/json"
	"io"
	"time"
)

// defaultNamespace is the CloudWatch namespace unless METRICS_NAMESPACE names
// another.
const defaultNamespace = "Lifecycle"

// Metrics writes measurements as lines in CloudWatch's Embedded Metric Format,
// which become metrics without a call from the function. A nil *Metrics is
// valid and silent.
type Metrics struct {
	out       io.Writer
	namespace string
}

func newMetrics(out io.Writer, namespace string) *Metrics {
	if namespace == "" {
		namespace = defaultNamespace
	}
	return &Metrics{out: out, namespace: namespace}
}

// Count adds n to a metric. dims are pairs of name and value; a pair whose value
// is empty is left out, because CloudWatch refuses it. The metric is kept by all
// of them and by the first alone.
func (m *Metrics) Count(name string, n int, dims ...string) {
	m.put(name, "Count", float64(n), dims)
}

// Duration records how long something took, in milliseconds.
func (m *Metrics) Duration(name string, d time.Duration, dims ...string) {
	m.put(name, "Milliseconds", float64(d.Microseconds())/1000, dims)
}

// metadataMember is the member that makes a log line a measurement.
const metadataMember = "_aws"

// Limits of the format: docs.aws.amazon.com, CloudWatch Embedded Metric Format
// specification.
const (
	maxDimensions     = 30
	maxDimensionName  = 250
	maxDimensionValue = 1024
	maxMetricName     = 1024
)

type metricDirective struct {
	Namespace  string         `json:"Namespace"`
	Dimensions [][]string     `json:"Dimensions"`
	Metrics    []metricDetail `json:"Metrics"`
}

type metricDetail struct {
	Name string `json:"Name"`
	Unit string `json:"Unit"`
}

type metricMetadata struct {
	// Timestamp is in milliseconds since 1970.
	Timestamp         int64             `json:"Timestamp"`
	CloudWatchMetrics []metricDirective `json:"CloudWatchMetrics"`
}

func (m *Metrics) put(name, unit string, value float64, dims []string) {
	if m == nil || name == "" || name == metadataMember {
		return
	}
	name = cut(name, maxMetricName)
	line := map[string]any{}
	names := []string{}
	for i := 0; i+1 < len(dims) && len(names) < maxDimensions; i += 2 {
		key := cut(dims[i], maxDimensionName)
		if _, twice := line[key]; twice || key == "" || key == metadataMember || key == name || dims[i+1] == "" {
			continue
		}
		line[key] = cut(dims[i+1], maxDimensionValue)
		names = append(names, key)
	}
	line[name] = value
	line[metadataMember] = metricMetadata{
		Timestamp: time.Now().UnixMilli(),
		CloudWatchMetrics: []metricDirective{{
			Namespace: m.namespace, Dimensions: rollups(names), Metrics: []metricDetail{{Name: name, Unit: unit}},
		}},
	}
	raw, err := json.Marshal(line)
	if err != nil {
		return // not a number: there is nothing to measure
	}
	// A measurement that cannot be written must not fail what it measures.
	_, _ = m.out.Write(append(raw, '\n'))
}

// rollups are the sets of dimensions that a metric is kept by: all of them, and
// the first alone, which alarms and dashboards go by. CloudWatch adds up nothing
// over dimensions by itself.
func rollups(names []string) [][]string {
	if len(names) < 2 {
		return [][]string{names}
	}
	return [][]string{names[:1], names}
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 { // not in the middle of a character
		n--
	}
	return s[:n]
}
