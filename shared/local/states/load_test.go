package states

import (
	"errors"
	"strings"
	"testing"
)

// machineOf makes a definition of state A and, beneath it, an end.
func machineOf(states string) string { return `{"StartAt":"A","States":{` + states + `}}` }

const ending = `,"Z":{"Type":"Succeed"}`

func TestWhatIsRefusedAtLoad(t *testing.T) {
	t.Parallel()
	task := func(fields string) string {
		return machineOf(`"A":{"Type":"Task","Resource":"` + stepsARN + `",` + fields + `"Next":"Z"}` + ending)
	}
	resource := func(arn, fields string) string {
		return machineOf(`"A":{"Type":"Task","Resource":"` + arn + `",` + fields + `"Next":"Z"}` + ending)
	}
	choice := func(rules string) string {
		return machineOf(`"A":{"Type":"Choice","Choices":[` + rules + `],"Default":"Z"}` + ending)
	}
	for name, c := range map[string]struct{ definition, want string }{
		"no JSON":                      {`{"StartAt":`, "it is no JSON"},
		"no object":                    {`[]`, "it is no JSON object"},
		"no StartAt":                   {`{"States":{"A":{"Type":"Succeed"}}}`, "the state machine, field StartAt: is missing"},
		"StartAt that is nowhere":      {`{"StartAt":"B","States":{"A":{"Type":"Succeed"}}}`, `the state machine, field StartAt: there is no state "B"`},
		"no States":                    {`{"StartAt":"A"}`, "field States: has to hold at least one state"},
		"a field nobody knows":         {`{"StartAt":"A","Sates":{},"States":{"A":{"Type":"Succeed"}}}`, "field Sates: the States Language does not know it here"},
		"a state's unknown field":      {machineOf(`"A":{"Type":"Succeed","Next":"A"}`), "state A, field Next: the States Language does not know it here"},
		"another version":              {`{"Version":"2.0","StartAt":"A","States":{"A":{"Type":"Succeed"}}}`, "field Version: has to be 1.0"},
		"a type nobody knows":          {machineOf(`"A":{"Type":"Tsk","End":true}`), `state A, field Type: there is no type "Tsk"`},
		"no type":                      {machineOf(`"A":{"End":true}`), `state A, field Type: there is no type ""`},
		"a target that is nowhere":     {machineOf(`"A":{"Type":"Pass","Next":"B"}`), `state A, field Next: there is no state "B" beside it`},
		"a catcher to nowhere":         {task(`"Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],`), `state A, field Catch[0].Next: there is no state "B"`},
		"a choice to nowhere":          {choice(`{"Variable":"$.a","IsNull":true,"Next":"B"}`), `state A, field Choices[0].Next: there is no state "B"`},
		"a state nothing leads to":     {machineOf(`"A":{"Type":"Succeed"},"B":{"Type":"Succeed"}`), "state B: no other state leads to it"},
		"no end":                       {machineOf(`"A":{"Type":"Pass","Next":"A"}`), "no state ends the execution"},
		"neither Next nor End":         {machineOf(`"A":{"Type":"Pass"}`), "state A, field Next: is missing"},
		"both Next and End":            {machineOf(`"A":{"Type":"Pass","Next":"Z","End":true}` + ending), "state A, field Next: stands beside End"},
		"a name twice":                 {machineOf(`"A":{"Type":"Succeed"},"A":{"Type":"Succeed"}`), `States has the name "A" twice`},
		"a name of 81 characters":      {`{"StartAt":"` + strings.Repeat("n", 81) + `","States":{"` + strings.Repeat("n", 81) + `":{"Type":"Succeed"}}}`, "1 to 80 characters"},
		"a substitution left":          {strings.Replace(task(``), stepsARN, "${Other}", 1), "${Other} has no substitution"},
		"JSONata":                      {`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Succeed"}}}`, "field QueryLanguage: only JSONPath is run here"},
		"JSONata in a state":           {task(`"Arguments":{},`), "state A, field Arguments: belongs to JSONata"},
		"variables":                    {machineOf(`"A":{"Type":"Pass","Assign":{"a":1},"End":true}`), "state A, field Assign: variables are not run here"},
		"a path that is none":          {task(`"InputPath":"ticket",`), `state A, field InputPath: "ticket" is no path`},
		"a path with a function":       {task(`"OutputPath":"$.l.length()",`), "state A, field OutputPath"},
		"a result path to several":     {task(`"ResultPath":"$.l[*]",`), "state A, field ResultPath: \"$.l[*]\" may select several values"},
		"a result path to the context": {task(`"ResultPath":"$$.Task",`), "the context object cannot be written"},
		"a template path that is none": {task(`"Parameters":{"a.$":"x"},`), "state A, field Parameters.a.$"},
		"a template path as number":    {task(`"Parameters":{"b":{"a.$":5}},`), "state A, field Parameters.b.a.$: a name that ends in .$ wants a path"},
		"a template name twice":        {task(`"Parameters":{"a":1,"a.$":"$.a"},`), `field Parameters.a.$: "a" stands there too`},
		"an unknown function":          {task(`"Parameters":{"a.$":"States.Uuid()"},`), `there is no function "States.Uuid"`},
		"a function without arguments": {task(`"Parameters":{"a.$":"States.Hash('x')"},`), "States.Hash does not take 1 arguments"},
		"a token nobody waits for":     {task(`"Parameters":{"t.$":"$$.Task.Token"},`), "there is no $$.Task.Token without .waitForTaskToken"},
		"a token nobody gets":          {resource("arn:aws:states:::lambda:invoke.waitForTaskToken", `"Parameters":{"FunctionName":"f"},`), "nothing in it hands out $$.Task.Token"},
		"no function named":            {resource("arn:aws:states:::lambda:invoke", `"Parameters":{"Payload":{}},`), "state A, field Parameters: has to name the FunctionName"},
		"an unknown argument":          {resource("arn:aws:states:::lambda:invoke", `"Parameters":{"FunctionName":"f","Paylod":{}},`), "field Parameters.Paylod"},
		"an asynchronous call":         {resource("arn:aws:states:::lambda:invoke", `"Parameters":{"FunctionName":"f","InvocationType":"Event"},`), "only RequestResponse is run here"},
		"another integration":          {resource("arn:aws:states:::dynamodb:getItem", ``), "the integration arn:aws:states:::dynamodb:getItem is not run here"},
		"a pattern that is none":       {resource("arn:aws:states:::lambda:invoke.sync", `"Parameters":{"FunctionName":"f"},`), "lambda:invoke has no pattern .sync"},
		"an activity":                  {resource("arn:aws:states:us-east-1:123456789012:activity:a", ``), "is neither a function's ARN nor an integration"},
		"other credentials":            {task(`"Credentials":{},`), "state A, field Credentials"},
		"two timeouts":                 {task(`"TimeoutSeconds":5,"TimeoutSecondsPath":"$.t",`), "field TimeoutSecondsPath: stands beside TimeoutSeconds"},
		"a timeout of 0":               {task(`"TimeoutSeconds":0,`), "field TimeoutSeconds: has to be a whole number from 1"},
		"heartbeats nobody sends":      {task(`"HeartbeatSeconds":5,`), "only a task that waits for its token is sent heartbeats"},
		"a heartbeat beyond the end": {
			resource("arn:aws:states:::lambda:invoke.waitForTaskToken", `"Parameters":{"FunctionName":"f","Payload.$":"$$.Task"},"TimeoutSeconds":5,"HeartbeatSeconds":5,`),
			"field HeartbeatSeconds: has to be less than TimeoutSeconds",
		},
		"a retrier without errors":       {task(`"Retry":[{"MaxAttempts":1}],`), "field Retry[0].ErrorEquals: has to be an array"},
		"a reserved error nobody raises": {task(`"Retry":[{"ErrorEquals":["States.Timout"]}],`), "there is no error States.Timout"},
		"States.ALL beside others":       {task(`"Retry":[{"ErrorEquals":["States.ALL","A"]}],`), "States.ALL has to stand alone"},
		"States.ALL before others":       {task(`"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"},{"ErrorEquals":["A"],"Next":"Z"}],`), "field Catch[0].ErrorEquals: States.ALL has to stand alone, and in the last entry"},
		"a backoff below 1":              {task(`"Retry":[{"ErrorEquals":["A"],"BackoffRate":0.5}],`), "field Retry[0].BackoffRate"},
		"a longest delay below the first": {
			task(`"Retry":[{"ErrorEquals":["A"],"IntervalSeconds":5,"MaxDelaySeconds":5}],`), "field Retry[0].MaxDelaySeconds: has to be more than IntervalSeconds",
		},
		"a jitter nobody knows":     {task(`"Retry":[{"ErrorEquals":["A"],"JitterStrategy":"HALF"}],`), "field Retry[0].JitterStrategy"},
		"a retrier's unknown field": {task(`"Retry":[{"ErrorEquals":["A"],"MaxAttemps":1}],`), "field Retry[0].MaxAttemps: the States Language does not know it"},
		"a catcher without target":  {task(`"Catch":[{"ErrorEquals":["A"]}],`), "field Catch[0].Next: is missing"},
		"a rule without operator":   {choice(`{"Variable":"$.a","Next":"Z"}`), "a rule has exactly one operator, this one has none"},
		"a rule with two operators": {choice(`{"Variable":"$.a","IsNull":true,"IsString":true,"Next":"Z"}`), "this one has IsNull and IsString"},
		"a rule without variable":   {choice(`{"IsNull":true,"Next":"Z"}`), "field Choices[0].Variable: is missing"},
		"a rule without target":     {choice(`{"Variable":"$.a","IsNull":true}`), "field Choices[0].Next: is missing"},
		"a target within a rule":    {choice(`{"Not":{"Variable":"$.a","IsNull":true,"Next":"Z"},"Next":"Z"}`), "field Choices[0].Not.Next"},
		"a value of another type":   {choice(`{"Variable":"$.a","NumericEquals":"5","Next":"Z"}`), `field Choices[0].NumericEquals: "5" is no value for it`},
		"a timestamp that is none":  {choice(`{"Variable":"$.a","TimestampEquals":"2026-01-01","Next":"Z"}`), "field Choices[0].TimestampEquals"},
		"no path form":              {choice(`{"Variable":"$.a","IsNullPath":"$.b","Next":"Z"}`), "field Choices[0].IsNullPath"},
		"an end of a choice":        {machineOf(`"A":{"Type":"Choice","Choices":[{"Variable":"$.a","IsNull":true,"Next":"Z"}],"End":true}` + ending), "state A, field End"},
		"two waits":                 {machineOf(`"A":{"Type":"Wait","Seconds":1,"Timestamp":"2026-01-01T00:00:00Z","End":true}`), "a Wait has exactly one of"},
		"no wait":                   {machineOf(`"A":{"Type":"Wait","End":true}`), "a Wait has exactly one of"},
		"a wait of 1.5 seconds":     {machineOf(`"A":{"Type":"Wait","Seconds":1.5,"End":true}`), "field Seconds: has to be a whole number"},
		"a wait until nonsense":     {machineOf(`"A":{"Type":"Wait","Timestamp":"tomorrow","End":true}`), "is no RFC 3339 timestamp"},
		"a timestamp in lower case": {machineOf(`"A":{"Type":"Wait","Timestamp":"2026-01-01T00:00:00z","End":true}`), "is no RFC 3339 timestamp"},
		"two causes":                {machineOf(`"A":{"Type":"Fail","Cause":"c","CausePath":"$.c"}`), "field CausePath: stands beside Cause"},
		"a cause that is no text":   {machineOf(`"A":{"Type":"Fail","CausePath":"States.Array(1)"}`), "States.Array gives no text"},
		"no branches":               {machineOf(`"A":{"Type":"Parallel","Branches":[],"End":true}`), "field Branches: has to be an array with at least one object"},
		"a broken branch":           {machineOf(`"A":{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"C":{"Type":"Succeed"}}}],"End":true}`), `state A, Branches[0], field StartAt: there is no state "B"`},
		"a way out of a branch":     {machineOf(`"A":{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","Next":"Z"}}}],"Next":"Z"}` + ending), `state B, field Next: there is no state "Z" beside it`},
		"a name in two branches":    {machineOf(`"A":{"Type":"Parallel","Branches":[{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}],"End":true}`), "the name is used twice"},
		"a map over nothing":        {machineOf(`"A":{"Type":"Map","End":true}`), "field ItemProcessor: is missing"},
		"a distributed map":         {machineOf(`"A":{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED"},"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}`), "only INLINE is run here"},
		"a reader of items":         {machineOf(`"A":{"Type":"Map","ItemReader":{},"ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}`), "field ItemReader: belongs to distributed Map"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := Validate(c.definition, nil)
			var wrong *DefinitionError
			if !errors.As(err, &wrong) {
				t.Fatalf("loaded: %s", c.definition)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %s\nwant %s", err, c.want)
			}
			if len(wrong.Problems) > 1 && name != "a substitution left" {
				t.Errorf("more than was to be found: %q", wrong.Problems)
			}
		})
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	err := Validate(`{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"C":{"Type":"Wait","Seconds":-1,"Next":"D"}}}`, nil)
	var wrong *DefinitionError
	if !errors.As(err, &wrong) || len(wrong.Problems) != 4 {
		t.Fatal(err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(machineOf(`"A":{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"B":{"Type":"Wait","Seconds":1,"End":true}}}],"Next":"Z"}` + ending))
	f.Add(machineOf(`"A":{"Type":"Choice","Choices":[{"And":[{"Variable":"$.a","IsPresent":true}],"Next":"Z"}]}` + ending))
	f.Add(machineOf(`"A":{"Type":"Pass","Parameters":{"a.$":"States.Format('{}',$.x)"},"End":true}`))
	f.Fuzz(func(t *testing.T, definition string) {
		p, err := load(definition)
		if (p == nil) == (err == nil) {
			t.Errorf("%v, %v", p, err)
		}
	})
}
