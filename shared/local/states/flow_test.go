package states

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// taskWith makes a machine of one Task and an end that shows its input.
func taskWith(fields string) string {
	return machineOf(`"A":{"Type":"Task","Resource":"${Steps}",` + fields + `"Next":"Z"},"B":{"Type":"Pass","End":true}` + ending)
}

const toB = `"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"B"}],`

// catching is taskWith, with B reached by its Catch.
func catching(fields string) string { return taskWith(fields + toB) }

// trying is taskWith without B, which nothing leads to.
func trying(fields string) string {
	return strings.Replace(taskWith(fields), `,"B":{"Type":"Pass","End":true}`, "", 1)
}

const second = time.Second

func TestRetry(t *testing.T) {
	t.Parallel()
	busy, gone, done := fails("Busy", "b"), fails("Gone", "g"), says(`{}`)
	for name, c := range map[string]struct {
		retry   string
		answers []reply
		status  string
		at      []time.Duration
	}{
		"three times after 1, 2, 4 seconds by default": {
			`{"ErrorEquals":["Busy"]}`, []reply{busy}, Failed, []time.Duration{0, second, 3 * second, 7 * second},
		},
		"by the rate of the retrier": {
			`{"ErrorEquals":["Busy"],"IntervalSeconds":3,"BackoffRate":1.5,"MaxAttempts":3}`, []reply{busy}, Failed, []time.Duration{0, 3 * second, 7500 * time.Millisecond, 14250 * time.Millisecond},
		},
		"no longer than the longest delay": {
			`{"ErrorEquals":["Busy"],"IntervalSeconds":1,"BackoffRate":10,"MaxDelaySeconds":20,"MaxAttempts":3}`, []reply{busy}, Failed, []time.Duration{0, second, 11 * second, 31 * second},
		},
		"not at all": {`{"ErrorEquals":["Busy"],"MaxAttempts":0},{"ErrorEquals":["States.ALL"]}`, []reply{busy}, Failed, []time.Duration{0}},
		"each retrier counts for itself": {
			`{"ErrorEquals":["Busy"],"IntervalSeconds":1,"MaxAttempts":2},{"ErrorEquals":["States.ALL"],"IntervalSeconds":10,"MaxAttempts":2}`,
			[]reply{busy, gone, busy, gone, done}, Succeeded, []time.Duration{0, second, 11 * second, 13 * second, 33 * second},
		},
		"an exhausted retrier hands over to no other": {
			`{"ErrorEquals":["Busy"],"IntervalSeconds":1,"MaxAttempts":1},{"ErrorEquals":["States.ALL"],"IntervalSeconds":10,"MaxAttempts":5}`, []reply{busy}, Failed, []time.Duration{0, second},
		},
		"other errors are not retried": {`{"ErrorEquals":["Busy"]}`, []reply{gone}, Failed, []time.Duration{0}},
		"errors of the service by their name": {
			`{"ErrorEquals":["Lambda.TooManyRequestsException"],"IntervalSeconds":2}`, []reply{refuses("Lambda.TooManyRequestsException"), done}, Succeeded, []time.Duration{0, 2 * second},
		},
		"States.TaskFailed is every error of a task": {`{"ErrorEquals":["States.TaskFailed"]}`, []reply{gone, done}, Succeeded, []time.Duration{0, second}},
		"a name without limit of attempts": {
			`{"ErrorEquals":["Busy"],"IntervalSeconds":60,"BackoffRate":1,"MaxAttempts":2000}`, append(slices.Repeat([]reply{busy}, 300), done), Succeeded, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, _, s := run(t, trying(`"Retry":[`+c.retry+`],`), `{}`, c.answers...)
			if x.Status != c.status {
				t.Error(x)
			}
			if d := cmp.Diff(c.at, s.at); c.at != nil && d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFullJitterWaitsNoLongerThanWithoutAndNotAlwaysAsLong(t *testing.T) {
	t.Parallel()
	_, _, s := run(t, trying(`"Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":10,"BackoffRate":1,"MaxAttempts":50,"JitterStrategy":"FULL"}],`), `{}`, fails("Busy", "b"))
	if len(s.at) != 51 {
		t.Fatal(len(s.at))
	}
	waits := map[time.Duration]bool{}
	for i := range s.at[1:] {
		wait := s.at[i+1] - s.at[i]
		waits[wait] = true
		if wait < 0 || wait > 10*second {
			t.Error(wait)
		}
	}
	if len(waits) < 40 || s.at[50] < 100*second || s.at[50] > 400*second {
		t.Errorf("%d different waits, %s together", len(waits), s.at[50])
	}
}

func TestCatch(t *testing.T) {
	t.Parallel()
	gone := fails("Gone", "g")
	cause := `{\"errorMessage\":\"g\",\"errorType\":\"Gone\"}`
	for name, c := range map[string]struct {
		catch  string
		answer reply
		output string
		failed string
	}{
		"the error lands where ResultPath says": {
			`{"ErrorEquals":["Gone"],"ResultPath":"$.error","Next":"B"}`, gone, `{"error":{"Cause":"` + cause + `","Error":"Gone"},"k":1}`, "",
		},
		"and takes the input's place without one": {`{"ErrorEquals":["Gone"],"Next":"B"}`, gone, `{"Cause":"` + cause + `","Error":"Gone"}`, ""},
		"or is dropped":                     {`{"ErrorEquals":["Gone"],"ResultPath":null,"Next":"B"}`, gone, `{"k":1}`, ""},
		"the first that names it is taken":  {`{"ErrorEquals":["X","Gone"],"ResultPath":null,"Next":"B"},{"ErrorEquals":["States.ALL"],"Next":"B"}`, gone, `{"k":1}`, ""},
		"States.ALL is every error":         {`{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"B"}`, refuses("Lambda.Unknown"), `{"k":1}`, ""},
		"a payload without a type":          {`{"ErrorEquals":["Lambda.Unknown"],"ResultPath":null,"Next":"B"}`, func(context.Context, map[string]any) ([]byte, error) { return nil, &FunctionError{[]byte(`"x"`)} }, `{"k":1}`, ""},
		"an answer that is no JSON":         {`{"ErrorEquals":["States.TaskFailed"],"ResultPath":null,"Next":"B"}`, says(`{`), `{"k":1}`, ""},
		"an error nobody named":             {`{"ErrorEquals":["Busy"],"Next":"B"}`, gone, "", "Gone"},
		"a result path that does not fit":   {`{"ErrorEquals":["Gone"],"ResultPath":"$.k.x","Next":"B"}`, gone, "", errResultPath},
		"a result too large is not in ALL":  {`{"ErrorEquals":["States.ALL"],"Next":"B"}`, says(`"` + strings.Repeat("x", mostPayload) + `"`), "", errDataLimit},
		"but can be named":                  {`{"ErrorEquals":["States.DataLimitExceeded"],"ResultPath":null,"Next":"B"}`, says(`"` + strings.Repeat("x", mostPayload) + `"`), `{"k":1}`, ""},
		"a timeout is not in TaskFailed":    {`{"ErrorEquals":["States.TaskFailed"],"Next":"B"}`, takes(time.Hour, gone), "", errTimeout},
		"a timeout is in ALL":               {`{"ErrorEquals":["States.ALL"],"ResultPath":"$.e","Next":"B"}`, takes(time.Hour, gone), `{"e":{"Cause":"","Error":"States.Timeout"},"k":1}`, ""},
		"a missing path is a runtime error": {`{"ErrorEquals":["States.ALL"],"Next":"B"}`, says(`{"missing":1}`), "", errRuntime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			selector := ""
			if c.failed == errRuntime {
				selector = `"ResultSelector":{"a.$":"$.nope"},`
			}
			x, _, _ := run(t, taskWith(selector+`"TimeoutSeconds":60,"Catch":[`+c.catch+`],`), `{"k":1}`, c.answer)
			if x.Output != c.output || x.Error != c.failed {
				t.Error(x)
			}
		})
	}
}

func TestDataFlow(t *testing.T) {
	t.Parallel()
	input := `{"x":{"y":1,"l":[1,2]},"z":"zz"}`
	for name, c := range map[string]struct{ fields, payload, output, failed string }{
		"nothing":            {``, input, `{"r":[7]}`, ""},
		"InputPath":          {`"InputPath":"$.x.l",`, `[1,2]`, `{"r":[7]}`, ""},
		"InputPath null":     {`"InputPath":null,`, `{}`, `{"r":[7]}`, ""},
		"Parameters":         {`"InputPath":"$.x","Parameters":{"a.$":"$.y","b":[{"c.$":"$.l[1]"}],"n.$":"$$.State.Name"},`, `{"a":1,"b":[{"c":2}],"n":"A"}`, `{"r":[7]}`, ""},
		"ResultSelector":     {`"ResultSelector":{"a.$":"$.r[0]"},`, input, `{"a":7}`, ""},
		"ResultPath":         {`"InputPath":"$.x","ResultPath":"$.x.r",`, `{"l":[1,2],"y":1}`, `{"x":{"l":[1,2],"r":{"r":[7]},"y":1},"z":"zz"}`, ""},
		"ResultPath null":    {`"ResultPath":null,`, input, `{"x":{"l":[1,2],"y":1},"z":"zz"}`, ""},
		"OutputPath":         {`"ResultPath":"$.q","OutputPath":"$.q.r",`, input, `[7]`, ""},
		"OutputPath null":    {`"OutputPath":null,`, input, `{}`, ""},
		"all of them":        {`"InputPath":"$.x","Parameters":{"a.$":"$.y"},"ResultSelector":{"s.$":"$.r"},"ResultPath":"$.t","OutputPath":"$.t.s",`, `{"a":1}`, `[7]`, ""},
		"a missing input":    {`"InputPath":"$.nope",`, ``, ``, "An error occurred while executing the state 'A' (entered at the event id #2). Invalid path '$.nope'"},
		"a missing value":    {`"Parameters":{"a.$":"$.nope"},`, ``, ``, "The JSONPath '$.nope' specified for the field 'a.$' could not be found in the input '{"},
		"a missing output":   {`"OutputPath":"$.nope",`, input, ``, "Invalid path '$.nope'"},
		"a path that ends":   {`"ResultPath":"$.z.a",`, input, ``, "Unable to apply step \"result path\" to input"},
		"a failing function": {`"Parameters":{"a.$":"States.StringToJson($.z)"},`, ``, ``, "States.StringToJson: the argument is no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, events, _ := run(t, trying(c.fields), input, says(`{"r":[7]}`))
			if x.Output != c.output || !strings.Contains(x.Cause, c.failed) || (c.failed == "") != (x.Status == Succeeded) {
				t.Error(x)
			}
			i := slices.IndexFunc(events, func(e event) bool { return e.kind == "LambdaFunctionScheduled" })
			if i < 0 != (c.payload == "") {
				t.Fatal(kinds(events))
			}
			if i >= 0 {
				want, err := decode([]byte(c.payload))
				if err != nil || !equal(want, events[i].data) {
					t.Errorf("the function got %s", encode(events[i].data))
				}
			}
		})
	}
}

func TestChoiceFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ rule, tail, failed string }{
		"a value that is not there":       {`"Variable":"$.nope","StringEquals":"x"`, `,"Default":"Z"`, "Invalid path '$.nope': The choice state's condition path references an invalid value."},
		"a value that cannot be compared": {`"Variable":"$.n","NumericEqualsPath":"$.nope"`, `,"Default":"Z"`, "Invalid path '$.nope'"},
		"no rule and no default":          {`"Variable":"$.n","NumericEquals":4`, ``, "No choice rule of the state 'A' matched"},
		"present but not looked at":       {`"And":[{"Variable":"$.nope","IsPresent":true},{"Variable":"$.nope","StringEquals":"x"}]`, `,"Default":"Z"`, ""},
		"absent and not looked at":        {`"Or":[{"Variable":"$.nope","IsPresent":false},{"Variable":"$.nope","StringEquals":"x"}]`, ``, ""},
		"an escaped star":                 {`"Variable":"$.s","StringMatches":"a\\*b*"`, ``, ""},
		"a timestamp with an offset":      {`"Variable":"$.at","TimestampEquals":"2026-01-01T00:00:00Z"`, ``, ""},
		"a timestamp with fractions":      {`"Variable":"$.at","TimestampLessThan":"2026-01-01T00:00:00.5Z"`, ``, ""},
		"the context object":              {`"Variable":"$$.Execution.Name","StringEqualsPath":"$.name"`, ``, ""},
		"another type is no match":        {`"Variable":"$.n","StringEqualsPath":"$.n"`, ``, "No choice rule"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, _, _ := run(t, machineOf(`"A":{"Type":"Choice","Choices":[{`+c.rule+`,"Next":"Z"}]`+c.tail+`}`+ending), `{"n":5,"s":"a*bc","at":"2026-01-01T01:00:00+01:00","name":"x"}`)
			if !strings.Contains(x.Cause, c.failed) || (c.failed == "") != (x.Status == Succeeded) {
				t.Error(x)
			}
		})
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	// Virtual time begins at midnight of 1 January 2000, UTC.
	for name, c := range map[string]struct {
		fields, failed string
		takes          time.Duration
	}{
		"Seconds":                        {`"Seconds":90`, "", 90 * second},
		"no seconds":                     {`"Seconds":0`, "", 0},
		"SecondsPath":                    {`"SecondsPath":"$.n"`, "", 5 * second},
		"three weeks":                    {`"Timestamp":"2000-01-22T00:00:00Z"`, "", 21 * 24 * time.Hour},
		"a moment with an offset":        {`"TimestampPath":"$.at"`, "", time.Hour},
		"a moment that has passed":       {`"Timestamp":"1999-01-01T00:00:00Z"`, "", 0},
		"seconds that are no number":     {`"SecondsPath":"$.at"`, "The SecondsPath parameter cannot be parsed as a long value", 0},
		"negative seconds":               {`"SecondsPath":"$.neg"`, "The SecondsPath parameter references a negative value", 0},
		"seconds that are not there":     {`"SecondsPath":"$.nope"`, "The SecondsPath parameter does not reference an input value: $.nope", 0},
		"a moment that is none":          {`"TimestampPath":"$.n"`, "The TimestampPath parameter does not reference a valid ISO-8601", 0},
		"a moment that is not there":     {`"TimestampPath":"$.nope"`, "The TimestampPath parameter does not reference an input value", 0},
		"beyond what an execution takes": {`"Timestamp":"2002-01-01T00:00:00Z"`, "TIMED_OUT", 365 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, _, _ := run(t, machineOf(`"A":{"Type":"Wait",`+c.fields+`,"Next":"Z"}`+ending), `{"n":5,"neg":-1,"at":"2000-01-01T02:00:00+01:00"}`)
			if took := x.Stopped.Sub(x.Started); took != c.takes || !strings.Contains(x.Status+x.Cause, c.failed) {
				t.Errorf("took %s: %v", took, x)
			}
		})
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	slow := takes(10*second, says(`{}`))
	for name, c := range map[string]struct {
		definition string
		status     string
		failed     string
		takes      time.Duration
		last       string
	}{
		"a task in time":           {trying(`"TimeoutSeconds":11,`), Succeeded, "", 10 * second, "ExecutionSucceeded"},
		"a task too late":          {trying(`"TimeoutSeconds":9,`), Failed, errTimeout, 9 * second, "LambdaFunctionTimedOut ExecutionFailed"},
		"by a path":                {trying(`"TimeoutSecondsPath":"$.limit",`), Failed, errTimeout, 3 * second, "LambdaFunctionTimedOut ExecutionFailed"},
		"a path to nowhere":        {trying(`"TimeoutSecondsPath":"$.nope",`), Failed, errRuntime, 0, "TaskStateEntered ExecutionFailed"},
		"a path to 0":              {trying(`"TimeoutSecondsPath":"$.zero",`), Failed, errRuntime, 0, "TaskStateEntered ExecutionFailed"},
		"each attempt for itself":  {trying(`"TimeoutSeconds":9,"Retry":[{"ErrorEquals":["States.Timeout"],"MaxAttempts":1}],`), Failed, errTimeout, 19 * second, "LambdaFunctionTimedOut ExecutionFailed"},
		"the execution":            {`{"TimeoutSeconds":4,` + trying(``)[1:], TimedOut, errTimeout, 4 * second, "LambdaFunctionStarted ExecutionTimedOut"},
		"caught, and on it goes":   {catching(`"TimeoutSeconds":9,`), Succeeded, "", 9 * second, "PassStateExited ExecutionSucceeded"},
		"the execution, in a wait": {`{"TimeoutSeconds":4,` + machineOf(`"A":{"Type":"Wait","Seconds":5,"End":true}`)[1:], TimedOut, errTimeout, 4 * second, "WaitStateEntered ExecutionTimedOut"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, events, _ := run(t, c.definition, `{"limit":3,"zero":0}`, slow)
			if took := x.Stopped.Sub(x.Started); took != c.takes || x.Status != c.status || x.Error != c.failed {
				t.Errorf("took %s: %v", took, x)
			}
			if all := strings.Join(kinds(events), " "); !strings.HasSuffix(all, c.last) {
				t.Error(all)
			}
		})
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]string{
		`"Error":"E","Cause":"C"`: "E C", ``: " ", `"ErrorPath":"$.e","CausePath":"States.Format('it is {}', $.c)"`: "Named it is me",
		`"ErrorPath":"$.nope"`: "States.Runtime An error occurred while executing the state 'A' (entered at the event id #2). The ErrorPath parameter cannot be resolved: The JSONPath '$.nope' could not be found in the input '{\"c\":\"me\",\"e\":\"Named\",\"n\":1}'",
		`"CausePath":"$.n"`:    "States.Runtime An error occurred while executing the state 'A' (entered at the event id #2). The CausePath parameter does not give a string: 1",
	} {
		definition := machineOf(`"A":{"Type":"Fail"` + strings.TrimSuffix(","+fields, ",") + `}`)
		x, _, _ := run(t, definition, `{"e":"Named","c":"me","n":1}`)
		if got := x.Error + " " + x.Cause; x.Status != Failed || got != want {
			t.Errorf("%s: %s\n%s", fields, got, want)
		}
	}
}
