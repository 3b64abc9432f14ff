package states

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func evaluateCall(t *testing.T, text string) (any, error) {
	t.Helper()
	data, err := decode([]byte(`{"name":"Ann","n":5,"f":2.5,"list":[1,2,2,{"a":1}],"o":{"a":1,"b":{"c":1}},"p":{"b":{"d":2}},"template":"{} and {}","it's":"quoted"}`))
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseIntrinsic(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c.evaluate(data, &contextObject{state: "S"})
}

func TestIntrinsicFunctions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`States.Format('{} is {}', $.name, $.n)`:                             `"Ann is 5"`,
		`States.Format($.template, 'x', $$.State.Name)`:                      `"x and S"`,
		`States.Format('\{\} \'quoted\' \\ {}', $.list)`:                     `"{} 'quoted' \\ [1, 2, 2, {a=1}]"`,
		`States.Format('no value')`:                                          `"no value"`,
		`States.Format('')`:                                                  `""`,
		`States.Format( '{}' , States.Format('{}', null) )`:                  `"null"`,
		`States.Format('{}', $["it's"])`:                                     `"quoted"`,
		`States.Format('a,b) {}', $['name'])`:                                `"a,b) Ann"`,
		`States.StringToJson('{"a": [1, 2.0]}')`:                             `{"a":[1,2.0]}`,
		`States.JsonToString($.o)`:                                           `"{\"a\":1,\"b\":{\"c\":1}}"`,
		`States.Array()`:                                                     `[]`,
		`States.Array(1, 'two', true, null, $.n, 2.5)`:                       `[1,"two",true,null,5,2.5]`,
		`States.ArrayPartition($.list, 3)`:                                   `[[1,2,2],[{"a":1}]]`,
		`States.ArrayPartition(States.Array(), 3)`:                           `[]`,
		`States.ArrayContains($.list, States.StringToJson('{"a":1.0}'))`:     `true`,
		`States.ArrayContains($.list, '1')`:                                  `false`,
		`States.ArrayRange(1, 9, 2)`:                                         `[1,3,5,7,9]`,
		`States.ArrayRange(5, 1, -2)`:                                        `[5,3,1]`,
		`States.ArrayRange(5, 1, 1)`:                                         `[]`,
		`States.ArrayGetItem($.list, 3)`:                                     `{"a":1}`,
		`States.ArrayLength($.list)`:                                         `4`,
		`States.ArrayUnique($.list)`:                                         `[1,2,{"a":1}]`,
		`States.Base64Encode('Grüße')`:                                       `"R3LDvMOfZQ=="`,
		`States.Base64Decode('R3LDvMOfZQ==')`:                                `"Grüße"`,
		`States.Hash('abc', 'MD5')`:                                          `"900150983cd24fb0d6963f7d28e17f72"`,
		`States.Hash('abc', 'SHA-1')`:                                        `"a9993e364706816aba3e25717850c26c9cd0d89d"`,
		`States.Hash($.o, 'SHA-256')`:                                        `"e54b7448b807528bc0474f5111ba484ef481c4eb6dd8b395818d675bc0025d96"`,
		`States.JsonMerge($.o, $.p, false)`:                                  `{"a":1,"b":{"d":2}}`,
		`States.MathAdd($.n, -7)`:                                            `-2`,
		`States.MathAdd($.f, 1)`:                                             `3`,
		`States.MathRandom(3, 4)`:                                            `3`,
		`States.StringSplit('1,2+3', ',+')`:                                  `["1","2","3"]`,
		`States.StringSplit('', ',')`:                                        `[]`,
		`States.ArrayLength(States.StringSplit(States.UUID(), '-'))`:         `5`,
		`States.ArrayGetItem(States.StringSplit($.name, 'n'), 0)`:            `"A"`,
		`States.Format('{}', States.Array(States.Array('a', 1), $.o))`:       `"[[a, 1], {a=1, b={c=1}}]"`,
		`States.MathAdd(States.MathRandom(1, 100, 7), 0)`:                    `SEEDED`,
		`States.ArrayContains(States.ArrayRange(0, 5, 1), $.list[?(@.a)])`:   `false`,
		`States.JsonToString(States.Array($.list[0], $['list'][1:3], 'é"'))`: `"[1,[2,2],\"é\\\"\"]"`,
	} {
		v, err := evaluateCall(t, text)
		switch {
		case err != nil:
			t.Errorf("%s: %v", text, err)
		case want == "SEEDED":
			if again, _ := evaluateCall(t, text); !equal(v, again) {
				t.Errorf("%s is not the same with the same seed", text)
			}
		case string(encode(v)) != want:
			t.Errorf("%s is %s, not %s", text, encode(v), want)
		}
	}
}

func TestIntrinsicFunctionsFail(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`States.Format('{}')`, `States.Format('x', 1)`, `States.Format('{x}', 1)`, `States.Format($.n)`, `States.StringToJson('{')`, `States.StringToJson($.n)`,
		`States.ArrayPartition($.n, 1)`, `States.ArrayPartition($.list, 0)`, `States.ArrayPartition($.list, 'x')`, `States.ArrayContains($.o, 1)`,
		`States.ArrayRange(1, 2, 0)`, `States.ArrayRange(1, 1001, 1)`, `States.ArrayRange('a', 2, 1)`, `States.ArrayGetItem($.list, 4)`, `States.ArrayGetItem($.list, -1)`,
		`States.ArrayLength($.name)`, `States.ArrayUnique($.name)`, `States.Base64Encode($.n)`, `States.Base64Decode('!')`, `States.Hash('x', 'CRC')`, `States.Hash('x', 1)`,
		`States.JsonMerge($.o, $.p, true)`, `States.JsonMerge($.o, $.n, false)`, `States.MathRandom(4, 4)`, `States.MathAdd('1', 2)`, `States.StringSplit($.n, ',')`,
		`States.Base64Encode(States.Format('` + strings.Repeat("x", mostEncoded+1) + `'))`,
	} {
		v, err := evaluateCall(t, text)
		if f, failed := asFailure(err); !failed || f.name != errIntrinsic {
			t.Errorf("%.60s gave %v, %v", text, v, err)
		}
	}
	for _, text := range []string{
		``, `Format('x')`, `States.Format('x'`, `States.Format('x') y`, `States.Format('x)`, `States.Format(x)`, `States.Format("x")`, `States.Format('x' 'y')`,
		`States.Format(,)`, `States.Format()`, `States.UUID(1)`, `States.Format($.a b)`, `States.Format({})`, `States.Nope()`, `States.Format(States.Nope())`,
	} {
		if c, err := parseIntrinsic(text); err == nil {
			t.Errorf("%q is a call: %v", text, c)
		}
	}
}

func TestPatternsMatchAsARegularExpressionWould(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s, pattern string
		want       bool
	}{{"ab", "ab*b", false}, {"abb", "ab*b", true}, {"", "*", true}, {"aXbXc", "a*X*c", true}, {"ab", "b*", false}, {"a*", `a\*`, true}, {"ab", `a\*`, false}} {
		if matches(c.s, c.pattern) != c.want {
			t.Errorf("%q on %q: not %v", c.pattern, c.s, c.want)
		}
	}
	letters := rapid.SampledFrom([]rune(`ab*\.`))
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(letters, 0, 8, -1).Draw(t, "pattern")
		s := rapid.StringOfN(letters, 0, 10, -1).Draw(t, "text")
		var expression strings.Builder
		for i := 0; i < len(pattern); i++ {
			switch {
			case pattern[i] == '\\' && i+1 < len(pattern):
				i++
				expression.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
			case pattern[i] == '*':
				expression.WriteString(".*")
			default:
				expression.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
			}
		}
		if want := regexp.MustCompile(`^(?s:` + expression.String() + `)$`).MatchString(s); matches(s, pattern) != want {
			t.Fatalf("%q on %q: not %v", pattern, s, want)
		}
	})
}

func FuzzIntrinsic(f *testing.F) {
	f.Add(`States.Format('{} \' {}', $.a[0], States.Array(1, 'x'))`)
	f.Add(`States.ArrayPartition($.a, 2)`)
	f.Fuzz(func(_ *testing.T, text string) {
		if c, err := parseIntrinsic(text); err == nil {
			_, _ = c.evaluate(map[string]any{"a": []any{int64(1)}}, &contextObject{})
		}
	})
}
