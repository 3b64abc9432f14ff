package states

import "time"

// contextObject is what $$ paths see (docs, "Context object"). Each thread of an
// execution has its own.
type contextObject struct {
	execution, machine map[string]any
	state              string
	entered            time.Time
	retries            int64
	// inRetryable is set in the states that can retry: only they have a
	// RetryCount.
	inRetryable bool
	token       string
	item        *mapItem
}

// mapItem is the iteration that a thread runs, or that an ItemSelector is
// evaluated for.
type mapItem struct {
	index int
	value any
}

// stamp is a time as the context object writes it, in milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (c *contextObject) value() any {
	state := map[string]any{"Name": c.state, "EnteredTime": stamp(c.entered)}
	if c.inRetryable {
		state["RetryCount"] = c.retries
	}
	v := map[string]any{"Execution": c.execution, "StateMachine": c.machine, "State": state}
	if c.token != "" {
		v["Task"] = map[string]any{"Token": c.token}
	}
	if c.item != nil {
		v["Map"] = map[string]any{"Item": map[string]any{"Index": int64(c.item.index), "Value": c.item.value}}
	}
	return v
}
