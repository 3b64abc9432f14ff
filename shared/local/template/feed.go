package template

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Feed is the stream of a table that a function is invoked with.
type Feed struct {
	// Table is the table's name.
	Table string
	// Batch is how many changes one invocation gets at most, Window how long they
	// are gathered.
	Batch  int
	Window time.Duration
	// Filters say which changes are worth an invocation: any of them; none means
	// all.
	Filters []Pattern
}

// feed reads an event source mapping. It has to report which changes failed, and
// to say where those go that fail for good.
func (e *evaluator) feed(properties map[string]any) (Feed, error) {
	arn, err := e.text(properties["Stream"])
	if err != nil {
		return Feed{}, err
	}
	_, path, _ := strings.Cut(arn, ":table/")
	table, _, isStream := strings.Cut(path, "/stream/")
	reports := list(properties["FunctionResponseTypes"])
	switch {
	case !isStream:
		return Feed{}, fmt.Errorf("%s is no stream of a table", arn)
	case len(reports) != 1 || reports[0] != "ReportBatchItemFailures":
		return Feed{}, fmt.Errorf("a function that does not report what failed is not part of the embedded cloud")
	case properties["StartingPosition"] != "TRIM_HORIZON":
		return Feed{}, fmt.Errorf("does not start with the oldest change")
	case properties["DestinationConfig"] == nil:
		return Feed{}, fmt.Errorf("does not say what becomes of changes that fail for good")
	}
	f := Feed{Table: table, Batch: number(properties["BatchSize"], 100), Window: time.Duration(number(properties["MaximumBatchingWindowInSeconds"], 0)) * time.Second}
	for _, raw := range list(object(properties["FilterCriteria"])["Filters"]) {
		text, _ := object(raw)["Pattern"].(string)
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			return Feed{}, fmt.Errorf("filter %q: %w", text, err)
		}
		pattern, err := newPattern(fields)
		if err != nil {
			return Feed{}, err
		}
		f.Filters = append(f.Filters, pattern)
	}
	return f, nil
}
