package states

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func branchOf(states string) string { return `{"StartAt":"P","States":{` + states + `}}` }

func TestParallel(t *testing.T) {
	t.Parallel()
	wait := func(name string, seconds int) string {
		return fmt.Sprintf(`{"StartAt":%q,"States":{%q:{"Type":"Wait","Seconds":%d,"Next":"%s2"},"%s2":{"Type":"Pass","Result":%q,"ResultPath":"$.by","End":true}}}`, name, name, seconds, name, name, name)
	}
	fail := `{"StartAt":"F","States":{"F":{"Type":"Wait","Seconds":2,"Next":"F2"},"F2":{"Type":"Fail","Error":"Broken","Cause":"in a branch"}}}`
	for name, c := range map[string]struct {
		fields, output, failed string
		takes                  time.Duration
	}{
		"outputs in the order of the branches": {`"Branches":[` + wait("P", 5) + `,` + wait("Q", 1) + `],`, `[{"by":"P","k":1},{"by":"Q","k":1}]`, "", 5 * second},
		"the first failure stops the others":   {`"Branches":[` + wait("P", 5) + `,` + fail + `],`, ``, "Broken in a branch", 2 * second},
		"caught":                               {`"Branches":[` + wait("P", 5) + `,` + fail + `],"Catch":[{"ErrorEquals":["Broken"],"ResultPath":"$.e","Next":"Z"}],`, `{"e":{"Cause":"in a branch","Error":"Broken"},"k":1}`, "", 2 * second},
		"retried":                              {`"Branches":[` + fail + `],"Retry":[{"ErrorEquals":["Broken"],"MaxAttempts":1}],`, ``, "Broken in a branch", 5 * second},
		"parameters and result":                {`"Parameters":{"k.$":"$.k","m":2},"ResultSelector":{"one.$":"$[0]"},"ResultPath":"$.r","Branches":[` + wait("P", 1) + `],`, `{"k":1,"r":{"one":{"by":"P","k":1,"m":2}}}`, "", second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, events, _ := run(t, machineOf(`"A":{"Type":"Parallel",`+c.fields+`"Next":"Z"}`+ending), `{"k":1}`)
			if got := strings.TrimSpace(x.Error + " " + x.Cause); x.Output != c.output || got != c.failed || x.Stopped.Sub(x.Started) != c.takes {
				t.Errorf("%s: %v", x.Stopped.Sub(x.Started), x)
			}
			want := "ParallelStateSucceeded"
			if strings.Contains(c.fields, `"F"`) {
				want = "ParallelStateFailed"
			}
			if all := kinds(events); !slices.Contains(all, "ParallelStateStarted") || !slices.Contains(all, want) {
				t.Error(all)
			}
		})
	}
}

func TestMap(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ fields, processor, input, output, failed string }{
		"the input itself":      {``, `"P":{"Type":"Pass","End":true}`, `[1,{"a":2}]`, `[1,{"a":2}]`, ""},
		"nothing":               {``, `"P":{"Type":"Pass","End":true}`, `[]`, `[]`, ""},
		"ItemsPath":             {`"ItemsPath":"$.l","ResultPath":"$.r",`, `"P":{"Type":"Pass","End":true}`, `{"l":[1,2]}`, `{"l":[1,2],"r":[1,2]}`, ""},
		"ItemSelector":          {`"InputPath":"$.in","ItemsPath":"$.l","ItemSelector":{"i.$":"$$.Map.Item.Index","v.$":"$$.Map.Item.Value.n","k.$":"$.k"},`, `"P":{"Type":"Pass","End":true}`, `{"in":{"k":7,"l":[{"n":"a"},{"n":"b"}]}}`, `[{"i":0,"k":7,"v":"a"},{"i":1,"k":7,"v":"b"}]`, ""},
		"the item within":       {``, `"P":{"Type":"Pass","Parameters":{"i.$":"$$.Map.Item.Index","s.$":"$$.State.Name"},"End":true}`, `["a","b"]`, `[{"i":0,"s":"P"},{"i":1,"s":"P"}]`, ""},
		"no array":              {``, `"P":{"Type":"Pass","End":true}`, `{"l":1}`, ``, `Reference path "$" must point to array.`},
		"no items":              {`"ItemsPath":"$.nope",`, `"P":{"Type":"Pass","End":true}`, `{"l":1}`, ``, `Invalid path '$.nope'`},
		"a failing iteration":   {``, `"P":{"Type":"Fail","Error":"Broken","Cause":"here"}`, `[1,2]`, ``, "here"},
		"a runtime error":       {``, `"P":{"Type":"Pass","InputPath":"$.nope","End":true}`, `[1]`, ``, "An error occurred while executing the state 'P' (entered at the event id #5). Invalid path '$.nope'"},
		"a result that is huge": {``, `"P":{"Type":"Pass","Result":"` + strings.Repeat("x", 200<<10) + `","End":true}`, `[1,2]`, ``, "The state/task 'A' returned a result with a size exceeding"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, _, _ := run(t, machineOf(`"A":{"Type":"Map",`+c.fields+`"ItemProcessor":`+branchOf(c.processor)+`,"Next":"Z"}`+ending), c.input)
			if x.Output != c.output || !strings.HasPrefix(x.Cause, c.failed) && !strings.Contains(x.Cause, "#2). "+c.failed) || (c.failed == "") != (x.Status == Succeeded) {
				t.Error(x)
			}
		})
	}
}

func TestMapRunsNoMoreAtOnceThanAllowed(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]struct {
		most  int64
		takes time.Duration
	}{
		``: {40, 3 * second}, `"MaxConcurrency":0,`: {40, 3 * second}, `"MaxConcurrency":1,`: {1, 100 * second}, `"MaxConcurrency":7,`: {7, 15 * second},
		`"MaxConcurrencyPath":"$.most","ItemsPath":"$.l",`: {5, 20 * second}, `"MaxConcurrency":1000,`: {40, 3 * second},
	} {
		synctest.Test(t, func(t *testing.T) {
			var now, most atomic.Int64
			b := newBench(t, machineOf(`"A":{"Type":"Map",`+fields+`"Iterator":`+branchOf(`"P":{"Type":"Task","Resource":"${Steps}","End":true}`)+`,"End":true}`),
				func(context.Context, string, []byte) ([]byte, error) {
					n := now.Add(1)
					defer now.Add(-1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					time.Sleep(time.Second)
					return []byte(`{}`), nil
				})
			defer b.Close()
			input := `[` + strings.TrimSuffix(strings.Repeat("0,", 100), ",") + `]`
			if strings.Contains(fields, "ItemsPath") {
				input = `{"most":5,"l":` + input + `}`
			}
			arn, err := b.Start(b.machine, "", input)
			if err != nil {
				t.Fatal(err)
			}
			x := b.wait(arn)
			if x.Status != Succeeded || most.Load() != want.most || x.Stopped.Sub(x.Started) != want.takes {
				t.Errorf("%s: %d at once, %s", fields, most.Load(), x.Stopped.Sub(x.Started))
			}
		})
	}
}

func TestAFailedIterationIsTheEndOfTheOthers(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	x, events, _ := run(t, machineOf(`"A":{"Type":"Map","MaxConcurrency":2,"ItemProcessor":`+branchOf(`"P":{"Type":"Choice","Choices":[{"Variable":"$","NumericEquals":3,"Next":"F"}],"Default":"W"},"F":{"Type":"Fail","Error":"Third"},"W":{"Type":"Wait","Seconds":10,"End":true}`)+
		`,"Catch":[{"ErrorEquals":["Third"],"Next":"Z"}],"Next":"Z"}`+ending), `[1,2,3,4,5]`, func(context.Context, map[string]any) ([]byte, error) { calls.Add(1); return nil, nil })
	all := strings.Join(kinds(events), " ")
	if x.Status != Succeeded || strings.Count(all, "MapIterationStarted") > 4 || !strings.Contains(all, "MapIterationFailed MapStateFailed MapStateExited") {
		t.Error(x.Status, all)
	}
	if len(x.Current) != 0 {
		t.Error(x.Current)
	}
}

func TestStatesWithinBranchesAreCurrentTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, machineOf(`"A":{"Type":"Parallel","Branches":[`+branchOf(`"P":{"Type":"Wait","Seconds":10,"End":true}`)+`,{"StartAt":"Q","States":{"Q":{"Type":"Wait","Seconds":2,"Next":"F"},"F":{"Type":"Fail"}}}],
			"Catch":[{"ErrorEquals":["States.ALL"],"Next":"B"}],"End":true},"B":{"Type":"Wait","Seconds":5,"End":true}`), nil)
		defer b.Close()
		arn := b.start("x")
		for after, want := range map[time.Duration]string{time.Second: "A P Q", 3 * time.Second: "B"} {
			time.AfterFunc(after, func() {
				x, err := b.Execution(arn)
				slices.Sort(x.Current)
				if got := strings.Join(x.Current, " "); err != nil || got != want {
					t.Errorf("after %s: %s", after, got)
				}
			})
		}
		// A Fail without an error name cannot be matched but by States.ALL.
		if x := b.wait(arn); x.Status != Succeeded || x.Stopped.Sub(x.Started) != 7*time.Second {
			t.Error(x)
		}
	})
}
