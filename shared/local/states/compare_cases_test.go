package states

import (
	"strings"
)

// answers is a function that answers the same to everybody.
func always(a ...scriptAnswer) map[string][]scriptAnswer { return map[string][]scriptAnswer{"*": a} }

func returns(v any) scriptAnswer { return scriptAnswer{Return: v} }

func errs(name, message string) scriptAnswer {
	return scriptAnswer{Error: map[string]string{"errorType": name, "errorMessage": message}}
}

// handmadeCases are small machines, each about one thing.
func handmadeCases() []compareCase {
	var all []compareCase
	add := func(name, states, input string, answers map[string][]scriptAnswer) {
		definition := states
		if !strings.HasPrefix(states, `{"StartAt"`) {
			definition = `{"StartAt":"A","States":{` + states + `}}`
		}
		definition = strings.ReplaceAll(definition, "FN", "arn:aws:lambda:us-east-1:123456789012:function:"+name)
		all = append(all, compareCase{name, definition, input, answers})
	}
	pass := func(name, fields, input string) {
		add(name, `"A":{"Type":"Pass",`+fields+`,"End":true}`, input, nil)
	}
	dataFlowCases(pass)
	intrinsicCases(pass)
	choiceCases(add)
	taskCases(add)
	branchCases(add)
	return all
}

type addCase = func(name, states, input string, answers map[string][]scriptAnswer)

func dataFlowCases(pass func(name, fields, input string)) {
	pass("pass-result", `"Result":{"a":1}`, `{"x":1}`)
	pass("pass-result-path", `"Result":{"a":1},"ResultPath":"$.b.c"`, `{"x":1}`)
	pass("pass-result-dropped", `"Result":{"a":1},"ResultPath":null`, `{"x":1}`)
	pass("pass-replaces", `"Result":2,"ResultPath":"$.x"`, `{"x":1}`)
	pass("pass-input-path", `"InputPath":"$.x"`, `{"x":{"y":[1,2]}}`)
	pass("pass-no-input", `"InputPath":null`, `{"x":1}`)
	pass("pass-output-path", `"OutputPath":"$.x.y[1]"`, `{"x":{"y":[1,2]}}`)
	pass("pass-no-output", `"OutputPath":null`, `{"x":1}`)
	pass("pass-parameters", `"Parameters":{"a.$":"$.x","b":{"c.$":"$.y[0]","d":"$.x"},"e":[1,{"f.$":"$.x"}]}`, `{"x":"v","y":[true]}`)
	pass("pass-parameters-beside", `"Parameters":{"a.$":"$.x"},"ResultPath":"$.p"`, `{"x":"v"}`)
	pass("pass-context", `"Parameters":{"s.$":"$$.State.Name","i.$":"$$.Execution.Input.x"}`, `{"x":"v"}`)
	pass("path-wildcard", `"Parameters":{"a.$":"$.l[*].k"}`, `{"l":[{"k":1},{"k":2}]}`)
	pass("path-slice", `"Parameters":{"a.$":"$.l[0:2]"}`, `{"l":[1,2,3]}`)
	pass("path-filter", `"Parameters":{"a.$":"$.l[?(@.k==2)].v"}`, `{"l":[{"k":1,"v":"a"},{"k":2,"v":"b"}]}`)
	pass("path-brackets", `"Parameters":{"a.$":"$['x y'].z"}`, `{"x y":{"z":null}}`)
	pass("path-null", `"Parameters":{"a.$":"$.x"}`, `{"x":null}`)
	pass("path-missing", `"Parameters":{"a.$":"$.nope"}`, `{"x":1}`)
	pass("numbers", `"Parameters":{"a.$":"States.JsonToString($)"}`, `{"x":1}`)
}

func intrinsicCases(pass func(name, fields, input string)) {
	calls := map[string]string{
		"format":        `States.Format('{} is {} years, {} {}', $.name, $.age, $.list, $.two)`,
		"format-nested": `States.Format('{}', States.Array($.name, 'x', 1, true))`,
		"string-json":   `States.StringToJson($.json)`,
		"json-string":   `States.JsonToString($.list)`,
		"partition":     `States.ArrayPartition($.list, 2)`,
		"contains":      `States.ArrayContains($.list, 3)`,
		"contains-not":  `States.ArrayContains($.list, 9)`,
		"range":         `States.ArrayRange(1, 9, 2)`,
		"get":           `States.ArrayGetItem($.list, 1)`,
		"length":        `States.ArrayLength($.list)`,
		"unique":        `States.ArrayUnique(States.Array(1, 2, 2, 1, 3))`,
		"base64":        `States.Base64Encode($.name)`,
		"base64-back":   `States.Base64Decode(States.Base64Encode('Hello'))`,
		"md5":           `States.Hash($.name, 'MD5')`,
		"sha1":          `States.Hash('text', 'SHA-1')`,
		"sha256":        `States.Hash('text', 'SHA-256')`,
		"sha384":        `States.Hash('text', 'SHA-384')`,
		"sha512":        `States.Hash('text', 'SHA-512')`,
		"merge":         `States.JsonMerge($.one, $.two, false)`,
		"add":           `States.MathAdd($.age, -1)`,
		"split":         `States.StringSplit('1,2+3', ',+')`,
		"split-empty":   `States.StringSplit('a..b', '.')`,
	}
	fields := make([]string, 0, len(calls))
	for name, call := range calls {
		fields = append(fields, `"`+name+`.$":"`+call+`"`)
	}
	pass("intrinsics", `"Parameters":{`+strings.Join(fields, ",")+`}`,
		`{"name":"Ann","age":41,"list":[1,2,3,4,5],"json":"{\"a\":[1,null]}","one":{"a":1,"b":{"c":1}},"two":{"b":{"d":2}}}`)
}

// choiceCases are one machine: each choice leads over its Yes or No to the next.
func choiceCases(add addCase) {
	rules := map[string]string{
		"string":               `"Variable":"$.s","StringEquals":"b"`,
		"string-other":         `"Variable":"$.s","StringEquals":"c"`,
		"string-number":        `"Variable":"$.n","StringEquals":"5"`,
		"string-less":          `"Variable":"$.s","StringLessThan":"c"`,
		"string-greater":       `"Variable":"$.s","StringGreaterThanEquals":"b"`,
		"string-path":          `"Variable":"$.s","StringEqualsPath":"$.s2"`,
		"matches":              `"Variable":"$.file","StringMatches":"log-*.txt"`,
		"matches-not":          `"Variable":"$.file","StringMatches":"log-*.csv"`,
		"matches-stars":        `"Variable":"$.file","StringMatches":"*o*-*2*"`,
		"numeric":              `"Variable":"$.n","NumericEquals":5`,
		"numeric-float":        `"Variable":"$.n","NumericEquals":5.0`,
		"numeric-less":         `"Variable":"$.n","NumericLessThan":5`,
		"numeric-less-equals":  `"Variable":"$.n","NumericLessThanEquals":5`,
		"numeric-path":         `"Variable":"$.n","NumericGreaterThanPath":"$.m"`,
		"numeric-string":       `"Variable":"$.s","NumericEquals":5`,
		"boolean":              `"Variable":"$.t","BooleanEquals":true`,
		"boolean-path":         `"Variable":"$.t","BooleanEqualsPath":"$.f"`,
		"timestamp":            `"Variable":"$.at","TimestampLessThan":"2026-01-02T00:00:00Z"`,
		"timestamp-path":       `"Variable":"$.at","TimestampEqualsPath":"$.at"`,
		"present":              `"Variable":"$.s","IsPresent":true`,
		"absent":               `"Variable":"$.nope","IsPresent":false`,
		"absent-not":           `"Variable":"$.nope","IsPresent":true`,
		"null":                 `"Variable":"$.z","IsNull":true`,
		"is-string":            `"Variable":"$.n","IsString":true`,
		"is-numeric":           `"Variable":"$.n","IsNumeric":true`,
		"is-boolean":           `"Variable":"$.t","IsBoolean":true`,
		"is-timestamp":         `"Variable":"$.at","IsTimestamp":true`,
		"is-timestamp-not":     `"Variable":"$.s","IsTimestamp":false`,
		"and":                  `"And":[{"Variable":"$.t","BooleanEquals":true},{"Variable":"$.n","NumericEquals":5}]`,
		"and-not":              `"And":[{"Variable":"$.t","BooleanEquals":true},{"Variable":"$.n","NumericEquals":6}]`,
		"or":                   `"Or":[{"Variable":"$.t","BooleanEquals":false},{"Variable":"$.n","NumericEquals":5}]`,
		"not":                  `"Not":{"Variable":"$.t","BooleanEquals":false}`,
		"nested":               `"And":[{"Not":{"Variable":"$.s","StringEquals":"x"}},{"Or":[{"Variable":"$.n","NumericEquals":1},{"Variable":"$.m","NumericEquals":3}]}]`,
		"present-then-boolean": `"And":[{"Variable":"$.nope.x","IsPresent":true},{"Variable":"$.nope.x","BooleanEquals":true}]`,
	}
	states := append(make([]string, 0, len(rules)+1), `"end":{"Type":"Succeed"}`)
	next := "end"
	for name, rule := range rules {
		states = append(states, strings.NewReplacer("NAME", name, "NEXT", next, "RULE", rule).Replace(
			`"NAME":{"Type":"Choice","Choices":[{RULE,"Next":"NAME yes"}],"Default":"NAME no"},"NAME yes":{"Type":"Pass","Next":"NEXT"},"NAME no":{"Type":"Pass","Next":"NEXT"}`))
		next = name
	}
	add("choices", `{"StartAt":"`+next+`","States":{`+strings.Join(states, ",")+`}}`,
		`{"s":"b","s2":"b","n":5,"m":3,"t":true,"f":false,"z":null,"at":"2026-01-01T00:00:00Z","file":"log-2026.txt"}`, nil)
}

func taskCases(add addCase) {
	again := `"Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":1,"MaxAttempts":2,"BackoffRate":1}],`
	caught := `"Catch":[{"ErrorEquals":["Gone"],"ResultPath":"$.error","Next":"B"},{"ErrorEquals":["States.ALL"],"Next":"B"}],`
	end := `,"B":{"Type":"Pass","End":true}`
	task := func(name, fields string, answers map[string][]scriptAnswer) {
		add("task-"+name, `"A":{"Type":"Task","Resource":"FN",`+fields+`"Next":"B"}`+end, `{"x":{"y":1}}`, answers)
	}
	invoke := func(name, pattern, fields string, answers map[string][]scriptAnswer) {
		add("invoke-"+name, `"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke`+pattern+`",`+fields+`"Next":"B"}`+end, `{"x":{"y":1}}`, answers)
	}
	task("plain", ``, always(returns(map[string]any{"ok": true})))
	task("null", `"ResultPath":"$.r",`, always(returns(nil)))
	task("selector", `"ResultSelector":{"k.$":"$.ok","s.$":"$$.State.Name"},"ResultPath":"$.r",`, always(returns(map[string]any{"ok": true})))
	task("flow", `"InputPath":"$.x","Parameters":{"a.$":"$.y"},"ResultPath":"$.r","OutputPath":"$.r",`, always(returns([]any{1, "two"})))
	task("retried", again, always(errs("Busy", "wait"), errs("Busy", "wait"), returns(map[string]any{"done": true})))
	task("retries-end", again, always(errs("Busy", "wait")))
	task("not-retried", again, always(errs("Other", "no")))
	task("two-retriers", `"Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":1,"MaxAttempts":1},{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":1}],`,
		always(errs("Busy", "1"), errs("Other", "2"), errs("Busy", "3"), returns(map[string]any{})))
	task("never-retried", `"Retry":[{"ErrorEquals":["Busy"],"MaxAttempts":0},{"ErrorEquals":["States.ALL"]}],`, always(errs("Busy", "wait")))
	task("caught", caught, always(errs("Gone", "no")))
	task("caught-all", caught, always(errs("Other", "no")))
	task("caught-task-failed", `"Catch":[{"ErrorEquals":["States.TaskFailed"],"ResultPath":null,"Next":"B"}],`, always(errs("Other", "no")))
	task("retried-then-caught", again+caught, always(errs("Busy", "wait")))
	task("retry-count", again+`"Parameters":{"n.$":"$$.State.RetryCount"},`, always(errs("Busy", "wait"), returns(map[string]any{"done": true})))
	invoke("plain", "", `"Parameters":{"FunctionName":"FN","Payload":{"a.$":"$.x"}},"OutputPath":"$.Payload",`, always(returns(map[string]any{"ok": 1})))
	invoke("status", "", `"Parameters":{"FunctionName":"FN","Payload.$":"$"},"ResultSelector":{"p.$":"$.Payload","c.$":"$.StatusCode"},"ResultPath":"$.r",`, always(returns("v")))
	invoke("error", "", `"Parameters":{"FunctionName":"FN","Payload.$":"$"},`+caught, always(errs("Gone", "no")))
	waits := `"Parameters":{"FunctionName":"FN","Payload":{"token.$":"$$.Task.Token"}},`
	answer := func(callback map[string]any) map[string][]scriptAnswer {
		return always(scriptAnswer{Return: "started", Callback: callback})
	}
	invoke("token", ".waitForTaskToken", waits+`"ResultPath":"$.r",`, answer(map[string]any{"output": map[string]any{"d": "yes"}}))
	invoke("token-failure", ".waitForTaskToken", waits, answer(map[string]any{"error": "Refused", "cause": "by hand"}))
	invoke("token-caught", ".waitForTaskToken", waits+caught, answer(map[string]any{"error": "Gone", "cause": "by hand"}))
	invoke("token-function-fails", ".waitForTaskToken", waits+caught, always(errs("Gone", "no")))
	invoke("token-timeout", ".waitForTaskToken", waits+`"TimeoutSeconds":1,"Catch":[{"ErrorEquals":["States.Timeout"],"ResultPath":"$.e","Next":"B"}],`, always(returns("started")))
	invoke("token-timeout-path", ".waitForTaskToken", waits+`"TimeoutSecondsPath":"$.x.y",`, always(returns("started")))
	add("wait", `"A":{"Type":"Wait","Seconds":1,"Next":"B"},"B":{"Type":"Wait","SecondsPath":"$.n","Next":"C"},"C":{"Type":"Wait","TimestampPath":"$.at","Next":"D"},"D":{"Type":"Wait","Timestamp":"1999-01-01T00:00:00Z","End":true}`,
		`{"n":1,"at":"1999-01-01T00:00:00Z"}`, nil)
	add("fail", `"A":{"Type":"Fail","Error":"Broken","Cause":"as told"}`, `{}`, nil)
	add("fail-bare", `"A":{"Type":"Fail"}`, `{}`, nil)
	add("fail-paths", `"A":{"Type":"Fail","ErrorPath":"$.e","CausePath":"States.Format('it was {}', $.c)"}`, `{"e":"Broken","c":"me"}`, nil)
	add("succeed", `"A":{"Type":"Succeed","InputPath":"$.a","OutputPath":"$.b"}`, `{"a":{"b":[1]}}`, nil)
}

func branchCases(add addCase) {
	branch := func(state string) string { return `{"StartAt":"P","States":{` + state + `}}` }
	ok := `"P":{"Type":"Pass","Parameters":{"from":"P","x.$":"$.x"},"End":true}`
	parallel := func(name, fields, second string) {
		add("parallel-"+name, `"A":{"Type":"Parallel",`+fields+`"Branches":[`+branch(ok)+`,`+strings.ReplaceAll(branch(second), `"P"`, `"Q"`)+`],"Next":"Z"},"Z":{"Type":"Pass","End":true}`,
			`{"x":1,"l":[1,2,3]}`, always(errs("Gone", "no")))
	}
	failing := `"P":{"Type":"Wait","Seconds":1,"Next":"F"},"F":{"Type":"Fail","Error":"Broken","Cause":"in a branch"}`
	parallel("plain", ``, ok)
	parallel("selector", `"ResultSelector":{"first.$":"$[0]"},"ResultPath":"$.r",`, ok)
	parallel("parameters", `"Parameters":{"x.$":"$.l[2]"},`, ok)
	parallel("fails", ``, failing)
	parallel("caught", `"Catch":[{"ErrorEquals":["Broken"],"ResultPath":"$.e","Next":"Z"}],`, failing)
	each := func(name, fields, state, input string) {
		add("map-"+name, `"A":{"Type":"Map",`+fields+`"ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"},"StartAt":"P","States":{`+state+`}},"Next":"Z"},"Z":{"Type":"Pass","End":true}`,
			input, always(returns(map[string]any{"ok": 1})))
	}
	same := `"P":{"Type":"Pass","End":true}`
	each("plain", ``, same, `[1,{"a":2},"three"]`)
	each("empty", `"ItemsPath":"$.l",`, same, `{"l":[]}`)
	each("items", `"ItemsPath":"$.l","ResultPath":"$.r",`, same, `{"l":[3,2,1]}`)
	each("selector", `"ItemsPath":"$.l","ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value","x.$":"$.x"},"MaxConcurrency":1,`, same, `{"l":["a","b"],"x":9}`)
	each("task", `"MaxConcurrency":2,`, `"P":{"Type":"Task","Resource":"FN","ResultPath":"$.r","End":true}`, `[{"n":1},{"n":2},{"n":3}]`)
	each("fails", ``, `"P":{"Type":"Fail","Error":"Broken","Cause":"in an iteration"}`, `[1]`)
	each("caught", `"Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}],`, `"P":{"Type":"Fail","Error":"Broken","Cause":"in an iteration"}`, `[1]`)
}
