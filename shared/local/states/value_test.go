package states

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anyValue draws JSON values.
func anyValue() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any { return drawValue(t, 3) })
}

func drawValue(t *rapid.T, depth int) any {
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int64().Draw(t, "whole")
	case 3:
		return rapid.Float64().Draw(t, "float")
	case 4:
		return rapid.String().Draw(t, "text")
	case 5:
		list := make([]any, rapid.IntRange(0, 4).Draw(t, "length"))
		for i := range list {
			list[i] = drawValue(t, depth-1)
		}
		return list
	}
	object := map[string]any{}
	for range rapid.IntRange(0, 4).Draw(t, "size") {
		object[rapid.String().Draw(t, "name")] = drawValue(t, depth-1)
	}
	return object
}

func TestValuesComeBackFromTheirJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue().Draw(t, "value")
		text := encode(v)
		back, err := decode(text)
		if err != nil {
			t.Fatal(err)
		}
		if !equal(v, back) {
			t.Fatalf("%s became %s", text, encode(back))
		}
		if n := sizeOf(v); n != len(text) {
			t.Fatalf("%s has %d bytes, not %d", text, len(text), n)
		}
		var theirs any
		if err := json.Unmarshal(text, &theirs); err != nil {
			t.Fatalf("encoding/json cannot read %s: %v", text, err)
		}
	})
}

func TestWholeNumbersAndOthersAreToldApart(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"1": "1", "1.0": "1.0", "-0.5": "-0.5", "9223372036854775807": "9223372036854775807", "1e3": "1000.0", "1e30": "1e+30", "1e999": "1.7976931348623157e+308",
	} {
		v, err := decode([]byte(text))
		if err != nil || string(encode(v)) != want {
			t.Errorf("%s became %s (%v), not %s", text, encode(v), err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5,null,"x"]}`))
	f.Add([]byte(`"\ud800"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := decode(text)
		if err != nil {
			return
		}
		if len(encode(v)) != sizeOf(v) {
			t.Errorf("size of %q", text)
		}
		if _, err := decode(encode(v)); err != nil {
			t.Errorf("%q became %q", text, encode(v))
		}
	})
}

func TestPathsSelect(t *testing.T) {
	t.Parallel()
	data, err := decode([]byte(`{"a":{"b":null,"c-d":3},"l":[1,2,{"x":1,"y":"q"}],"ä":true}`))
	if err != nil {
		t.Fatal(err)
	}
	c := &contextObject{state: "S", execution: map[string]any{"Name": "x"}, item: &mapItem{1, "v"}}
	for text, want := range map[string]string{
		"$": string(encode(data)), "$.a.b": "null", "$.a['c-d']": "3", "$.l[0]": "1", "$.l[-1].y": `"q"`, "$.ä": "true",
		"$.l[*]": `[1,2,{"x":1,"y":"q"}]`, "$.l[0:2]": "[1,2]", "$.l[0,2].y": `["q"]`, "$..x": "[1]", "$.l[?(@.x==1)].y": `["q"]`,
		"$.l[?(@.x==2)]": "[]", "$$.State.Name": `"S"`, "$$.Execution.Name": `"x"`, "$$.Map.Item.Index": "1", "$$.Map.Item.Value": `"v"`,
	} {
		p, err := parsePath(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if v, found := p.get(data, c); !found || string(encode(v)) != want {
			t.Errorf("%s selected %v, %s, not %s", text, found, encode(v), want)
		}
	}
	for _, text := range []string{"$.b", "$.a.b.c", "$.l[3]", "$.l[-4]", "$.l.x", "$.a[0]", "$.l['0']", "$$.Task.Token", "$$.State.RetryCount"} {
		p, err := parsePath(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if v, found := p.get(data, c); found {
			t.Errorf("%s selected %s", text, encode(v))
		}
	}
	for _, text := range []string{"", "a", "$a", "$.", "$.a..", "$.a.length()", "$.a b", "@.a", "$.l[(@.length-1)]", "$$$.a", "$.a-b"} {
		if _, err := parsePath(text); err == nil {
			t.Errorf("%q is a path", text)
		}
	}
}

func TestResultPathLeavesTheInputAsItWas(t *testing.T) {
	t.Parallel()
	before := `{"a":{"b":1},"l":[1,{"k":2}],"s":"text"}`
	for text, want := range map[string]string{
		"$": `"new"`, "$.a": `{"a":"new","l":[1,{"k":2}],"s":"text"}`, "$.a.b": `{"a":{"b":"new"},"l":[1,{"k":2}],"s":"text"}`,
		"$.x.y.z": `{"a":{"b":1},"l":[1,{"k":2}],"s":"text","x":{"y":{"z":"new"}}}`, "$.l[1].k": `{"a":{"b":1},"l":[1,{"k":"new"}],"s":"text"}`,
		"$.s.x": "", "$.l[2]": "", "$.l.x": "", "$.a[0]": "",
	} {
		data, err := decode([]byte(before))
		if err != nil {
			t.Fatal(err)
		}
		p, err := parseReference(text)
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.put(data, "new")
		if want == "" {
			if f, failed := asFailure(err); !failed || f.name != errResultPath {
				t.Errorf("%s gave %s, %v", text, encode(out), err)
			}
		} else if err != nil || string(encode(out)) != want {
			t.Errorf("%s gave %s, %v", text, encode(out), err)
		}
		if d := cmp.Diff(before, string(encode(data))); d != "" {
			t.Errorf("%s changed its input: %s", text, d)
		}
	}
}

func FuzzPath(f *testing.F) {
	f.Add("$.a[?(@.b == 'c')]..d[1:2]")
	f.Add("$$.Execution['Id']")
	f.Fuzz(func(_ *testing.T, text string) {
		if p, err := parsePath(text); err == nil {
			p.get(map[string]any{"a": []any{int64(1), map[string]any{"b": "c"}}}, &contextObject{})
		}
	})
}
