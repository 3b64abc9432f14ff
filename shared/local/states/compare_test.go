package states

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// compareCase is a machine with its input and what its function answers, for
// both interpreters; testdata/compare.py tells what the fields mean.
type compareCase struct {
	Name       string                    `json:"name"`
	Definition string                    `json:"definition"`
	Input      string                    `json:"input"`
	Answers    map[string][]scriptAnswer `json:"answers"`
}

type scriptAnswer struct {
	Return   any               `json:"return,omitempty"`
	Error    map[string]string `json:"error,omitempty"`
	Callback map[string]any    `json:"callback,omitempty"`
}

// outcome is what an execution came to.
type outcome struct {
	Status  string   `json:"status"`
	Output  string   `json:"output"`
	Error   string   `json:"error"`
	Cause   string   `json:"cause"`
	Entered []string `json:"entered"`
}

// comparable makes two outcomes of the same behaviour equal: JSON by its value,
// and the states of branches, which run side by side, in any order.
func (o outcome) comparable(ordered bool) outcome {
	for _, text := range []*string{&o.Output, &o.Cause} {
		if v, err := decode([]byte(*text)); err == nil {
			*text = string(encode(v))
		}
	}
	o.Cause = strings.NewReplacer(`": `, `":`, `, "`, `,"`).Replace(o.Cause) // JSON within a sentence
	if !ordered {
		o.Entered = slices.Sorted(slices.Values(o.Entered))
	}
	return o
}

// TestSameAsAnIndependentInterpreter plays machines here and on LocalStack's
// interpreter, which shares no code with this one.
func TestSameAsAnIndependentInterpreter(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("the other interpreter takes some seconds")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3, which the other interpreter needs")
	}
	if out, err := exec.Command(python, "-c", "import moto.server, moto.stepfunctions.parser.stepfunctions_utils, moto.stepfunctions.parser.models").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Skipf("python3 has no moto with its Step Functions interpreter: %s", lines[len(lines)-1])
	}
	cases := slices.Concat(handmadeCases(), projectCases(t))
	theirs := runThere(t, python, cases)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			ours := runHere(t, c, 0)
			ordered := !strings.Contains(c.Definition, `"Parallel"`) && !strings.Contains(c.Definition, `"Map"`)
			if d := cmp.Diff(theirs[c.Name].comparable(ordered), ours.comparable(ordered)); d != "" {
				t.Errorf("theirs -, ours +\n%s", d)
			}
		})
	}
}

func runThere(t *testing.T, python string, cases []compareCase) map[string]outcome {
	t.Helper()
	asked, err := json.Marshal(map[string]any{"cases": cases})
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "compare.py"))
	command.Stdin = bytes.NewReader(asked)
	var out, log bytes.Buffer
	command.Stdout, command.Stderr = &out, &log
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	var results map[string]outcome
	if err := json.Unmarshal(out.Bytes(), &results); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return results
}

// runHere plays a case in virtual time; with most events, one that has more is
// stopped.
func runHere(t *testing.T, c compareCase, most int) (got outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var e *Engine
		p := &player{answers: c.Answers, turns: map[string]int{}}
		o := Options{Invoke: p.invoke, OnEvent: func(v Event) {
			if v.Entered() {
				p.enter(v.State)
			}
			if most > 0 && v.ID == most {
				_ = e.Stop(v.Execution, "", "too long")
			}
		}}
		e = New(o)
		defer e.Close()
		p.engine = e
		if err := e.Create(c.Name, c.Definition, nil); err != nil {
			got = outcome{Status: "REFUSED", Cause: err.Error()}
			return
		}
		arn, err := e.Start(e.Machines()[0].ARN, "", c.Input)
		if err != nil {
			t.Fatal(err)
		}
		x, err := e.Wait(t.Context(), arn)
		if err != nil {
			t.Fatal(err)
		}
		got = outcome{x.Status, x.Output, x.Error, x.Cause, p.entered}
	})
	return got
}

// player answers a case's function.
type player struct {
	engine  *Engine
	answers map[string][]scriptAnswer

	mu      sync.Mutex
	turns   map[string]int
	entered []string
}

func (p *player) enter(state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.entered = append(p.entered, state)
}

func (p *player) invoke(_ context.Context, _ string, payload []byte) ([]byte, error) {
	given, err := decode(payload)
	if err != nil {
		return nil, err
	}
	object, _ := given.(map[string]any)
	step, _ := object["step"].(string)
	if step == "" {
		step = "*"
	}
	answers := p.answers[step]
	if len(answers) == 0 {
		answers = p.answers["*"]
	}
	if len(answers) == 0 {
		return nil, fmt.Errorf("no answer for step %s", step)
	}
	p.mu.Lock()
	p.turns[step]++
	answer := answers[min(p.turns[step], len(answers))-1]
	p.mu.Unlock()
	if answer.Callback != nil {
		token, _ := object["token"].(string)
		time.AfterFunc(300*time.Millisecond, func() {
			if output, is := answer.Callback["output"]; is {
				_ = p.engine.Succeed(token, string(must(json.Marshal(output))))
			} else {
				_ = p.engine.Fail(token, answer.Callback["error"].(string), answer.Callback["cause"].(string))
			}
		})
	}
	if answer.Error != nil {
		return nil, &FunctionError{must(json.Marshal(answer.Error))}
	}
	return json.Marshal(answer.Return)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// readMachine reads a state machine of the project, with its functions replaced
// and its waits and retries made short, as the other interpreter runs in real
// time.
func readMachine(t *testing.T, file, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:lambda:us-east-1:123456789012:function:" + name
	definition := unsubstituted.ReplaceAllString(string(text), arn)
	v, err := decode([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	shorten(v)
	return v.(map[string]any)
}

func shorten(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			shorten(item)
		}
	case map[string]any:
		if v["Type"] == "Wait" && v["Seconds"] != nil {
			v["Seconds"] = int64(1)
		}
		if v["ErrorEquals"] != nil && v["IntervalSeconds"] != nil {
			v["IntervalSeconds"], v["BackoffRate"], v["MaxAttempts"] = int64(1), int64(1), int64(1)
			delete(v, "MaxDelaySeconds")
			delete(v, "JitterStrategy")
		}
		for _, item := range v {
			shorten(item)
		}
	}
}
