package states

import (
	"time"
)

// mostEvents is the limit of an execution's history (docs: quotas). The event
// with this number is the failure.
const mostEvents = 25000

// event is one entry of an execution's history. Data is kept as values, which
// states share, and written as JSON when somebody reads the history.
type event struct {
	id, previous int
	at           time.Time
	kind         string // the API's HistoryEventType
	name         string // of the state, for ...StateEntered, ...StateExited and iterations
	resource     string
	resourceType string
	errorName    string
	cause        string
	data         any // input, output or parameters
	hasData      bool
	number       int // index of an iteration, length of a Map, count of redrives
	timeout      int64
	heartbeat    int64
}

// Event is what a watcher learns of an execution's history, as it is written.
type Event struct {
	// Execution and Machine are ARNs.
	Execution, Machine string
	// ID numbers the events of the execution from 1.
	ID int
	// Type is the API's HistoryEventType, such as TaskStateEntered.
	Type string
	// State is the name of the state, for types that enter or leave one.
	State string
	At    time.Time
	// Error and Cause are those of a failure.
	Error, Cause string
}

// Entered reports whether the event enters a state.
func (e Event) Entered() bool { return enters(e.Type) }

// Exited reports whether the event leaves a state.
func (e Event) Exited() bool { return exits(e.Type) }

func enters(kind string) bool { return hasEnd(kind, "StateEntered") }
func exits(kind string) bool  { return hasEnd(kind, "StateExited") }

func hasEnd(s, end string) bool { return len(s) > len(end) && s[len(s)-len(end):] == end }

// details are the name under which the API puts what belongs to the event, and
// that.
func (e *event) details(withData bool) (string, map[string]any) {
	d := map[string]any{}
	put := func(name string, v string) {
		if v != "" {
			d[name] = v
		}
	}
	data := func(name string) {
		if !e.hasData {
			return
		}
		d[name+"Details"] = map[string]any{"truncated": false}
		if withData {
			d[name] = string(encode(e.data))
		}
	}
	put("error", e.errorName)
	put("cause", e.cause)
	put("resource", e.resource)
	put("resourceType", e.resourceType)
	switch {
	case enters(e.kind):
		d["name"] = e.name
		data("input")
		return "stateEnteredEventDetails", d
	case exits(e.kind):
		d["name"] = e.name
		data("output")
		return "stateExitedEventDetails", d
	}
	switch e.kind {
	case "ExecutionStarted":
		d["roleArn"] = e.name
		data("input")
	case "ExecutionSucceeded", "LambdaFunctionSucceeded", "TaskSucceeded", "TaskSubmitted":
		data("output")
	case "LambdaFunctionScheduled":
		data("input")
		e.limits(d)
	case "TaskScheduled":
		d["region"] = e.name
		if withData && e.hasData {
			d["parameters"] = string(encode(e.data))
		} else {
			d["parameters"] = ""
		}
		e.limits(d)
	case "MapStateStarted":
		d["length"] = e.number
	case "MapIterationStarted", "MapIterationSucceeded", "MapIterationFailed", "MapIterationAborted":
		d["name"], d["index"] = e.name, e.number
	case "ExecutionRedriven":
		d["redriveCount"] = e.number
	case "LambdaFunctionStarted", "ParallelStateStarted", "ParallelStateSucceeded", "ParallelStateFailed",
		"MapStateSucceeded", "MapStateFailed":
		return "", nil
	}
	return string(e.kind[0]|0x20) + e.kind[1:] + "EventDetails", d
}

func (e *event) limits(d map[string]any) {
	if e.timeout > 0 {
		d["timeoutInSeconds"] = e.timeout
	}
	if e.heartbeat > 0 {
		d["heartbeatInSeconds"] = e.heartbeat
	}
}
