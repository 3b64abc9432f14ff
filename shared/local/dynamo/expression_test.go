package dynamo

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func decodeItem(t testing.TB, text string) item {
	t.Helper()
	var i item
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		t.Fatalf("the test's item %s: %v", text, err)
	}
	return i
}

func encodeItem(t testing.TB, i item) string {
	t.Helper()
	text, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const person = `{"pk":{"S":"p1"},"age":{"N":"41"},"big":{"N":"1795532400123456789"},"tags":{"SS":["a","b"]},` +
	`"home":{"M":{"city":{"S":"Graz"},"rooms":{"L":[{"N":"3"},{"N":"4"}]}}},"active":{"BOOL":true},"none":{"NULL":true},"raw":{"B":"AQID"}}`

const placeholders = `{":s":{"S":"p1"},":p":{"S":"p"},":41":{"N":"41.0"},":50":{"N":"50"},":big":{"N":"1795532400123456788"},":a":{"S":"a"},` +
	`":graz":{"S":"Graz"},":4":{"N":"4"},":yes":{"BOOL":true},":type":{"S":"SS"},":0":{"N":"0"},":set":{"SS":["b","a"]}}`

func TestConditionsHoldAsDynamoDBDefinesThem(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]bool{
		"pk = :s":                                     true,
		"pk <> :s":                                    false,
		"age = :41":                                   true, // 41 and 41.0 are the same number
		"age < :50 AND age >= :41":                    true,
		"big > :big":                                  true, // a difference that floating point loses
		"age < :s":                                    false,
		"age > :s":                                    false, // types have no order between them
		"age <> :s":                                   true,
		"absent = :s":                                 false,
		"absent <> :s":                                true,
		"absent < :50":                                false,
		"attribute_exists(home.city)":                 true,
		"attribute_exists(home.street)":               false,
		"attribute_not_exists(absent)":                true,
		"attribute_type(tags, :type)":                 true,
		"begins_with(pk, :p)":                         true,
		"contains(tags, :a)":                          true,
		"contains(home.rooms, :4)":                    true,
		"contains(home.city, :a)":                     true,
		"home.rooms[1] = :4":                          true,
		"home.rooms[2] = :4":                          false,
		"#h.#c = :graz":                               true,
		"age BETWEEN :0 AND :50":                      true,
		"age BETWEEN :50 AND :0":                      false,
		"age IN (:0, :41)":                            true,
		"age IN (:0)":                                 false,
		"active = :yes":                               true,
		"tags = :set":                                 true,
		"size(home.rooms) < :4":                       true,
		"size(tags) = size(home.rooms)":               true,
		"size(age) > :0":                              false, // a number has no size
		"NOT age = :0":                                true,
		"NOT (age = :41 OR pk = :s)":                  false,
		"age = :0 OR age = :41 AND pk = :s":           true, // AND binds tighter
		"(age = :0 OR age = :41) AND pk <> :s":        false,
		"NOT attribute_exists(pk) OR age = :41":       true, // NOT binds tightest
		"not age = :0 and pk = :s":                    true, // keywords in any case
		"age between :0 and :50 AND size(pk) <= :50 ": true,
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			s := newScope(map[string]string{"#h": "home", "#c": "city"}, decodeItem(t, placeholders))
			holds, err := parse(s, "ConditionExpression", expression, (*parser).condition)
			if err != nil {
				t.Fatal(err)
			}
			if got := holds(decodeItem(t, person)); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestUpdatesSeeTheItemAsItWas(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, before, expression, after string }{
		{"set makes an attribute", `{}`, "SET a = :1", `{"a":{"N":"1"}}`},
		{"set swaps", `{"a":{"N":"1"},"b":{"N":"2"}}`, "SET a = b, b = a", `{"a":{"N":"2"},"b":{"N":"1"}}`},
		{"sums are exact", `{"a":{"N":"1795532400123456789"}}`, "SET a = a + :1", `{"a":{"N":"1795532400123456790"}}`},
		{"decimals are exact", `{"a":{"N":"0.1"}}`, "SET a = a + :fifth", `{"a":{"N":"0.3"}}`},
		{"differences may be negative", `{"a":{"N":"0"}}`, "SET a = a - :1", `{"a":{"N":"-1"}}`},
		{"if_not_exists keeps", `{"a":{"N":"7"}}`, "SET a = if_not_exists(a, :1) + :1", `{"a":{"N":"8"}}`},
		{"if_not_exists starts", `{}`, "SET a = if_not_exists(a, :1) + :1", `{"a":{"N":"2"}}`},
		{"list_append", `{"l":{"L":[{"N":"1"}]}}`, "SET l = list_append(l, :l)", `{"l":{"L":[{"N":"1"},{"S":"x"}]}}`},
		{"a nested field", `{"m":{"M":{"x":{"N":"1"}}}}`, "SET m.y = :1", `{"m":{"M":{"x":{"N":"1"},"y":{"N":"1"}}}}`},
		{"a place in a list", `{"l":{"L":[{"N":"5"},{"N":"6"}]}}`, "SET l[1] = :1, l[9] = :x", `{"l":{"L":[{"N":"5"},{"N":"1"},{"S":"x"}]}}`},
		{"remove", `{"a":{"N":"1"},"b":{"N":"2"}}`, "REMOVE a, absent", `{"b":{"N":"2"}}`},
		{"remove from a list by what the places were", `{"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"}]}}`, "REMOVE l[0], l[1]", `{"l":{"L":[{"N":"2"}]}}`},
		{"set and remove", `{"a":{"N":"1"}}`, "SET b = a REMOVE a", `{"b":{"N":"1"}}`},
		{"add counts from nothing", `{}`, "ADD a :1", `{"a":{"N":"1"}}`},
		{"add to a set", `{"s":{"SS":["x"]}}`, "ADD s :s", `{"s":{"SS":["x","y"]}}`},
		{"delete from a set", `{"s":{"SS":["x","y","z"]}}`, "DELETE s :s", `{"s":{"SS":["z"]}}`},
		{"the last member takes the set along", `{"s":{"SS":["x"]}}`, "DELETE s :s", `{}`},
		{"names", `{"a":{"N":"1"}}`, "SET #at = #at + :1", `{"a":{"N":"2"}}`},
		{"an empty map stays", `{"m":{"M":{}}}`, "SET a = m", `{"a":{"M":{}},"m":{"M":{}}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before := decodeItem(t, test.before)
			s := newScope(map[string]string{"#at": "a"}, decodeItem(t, `{":1":{"N":"1"},":x":{"S":"x"},":fifth":{"N":"0.2"},":l":{"L":[{"S":"x"}]},":s":{"SS":["x","y"]}}`))
			u, err := parse(s, "UpdateExpression", test.expression, (*parser).update)
			if err != nil {
				t.Fatal(err)
			}
			after, err := u.apply(before)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.after, encodeItem(t, after)); diff != "" {
				t.Errorf("after (-want +got):\n%s", diff)
			}
			if got := encodeItem(t, before); got != test.before {
				t.Errorf("the update changed the item it started from: %s", got)
			}
		})
	}
}

func TestExpressionsThatDynamoDBRefusesAreRefused(t *testing.T) {
	t.Parallel()
	for expression, problem := range map[string]string{
		"":                            "can not be empty",
		"SET":                         "Syntax error",
		"SET a = :missing":            "not defined",
		"SET #missing = :1":           "not defined",
		"SET owner = :1":              "reserved keyword",
		"SET m.token = :1":            "reserved keyword",
		"SET a = :1 SET b = :1":       "only be used once",
		"SET a = :1, a.b = :1":        "overlap",
		"SET a = :1 REMOVE a":         "overlap",
		"SET a = absent":              "does not exist in the item",
		"SET a = :1 + :x":             "incorrect data type",
		"SET absent.b = :1":           "invalid for update",
		"SET n.b = :1":                "invalid for update",
		"ADD n :x":                    "Incorrect operand type",
		"ADD s :1":                    "incorrect data type",
		"DELETE n :1":                 "Incorrect operand type",
		"SET a = list_append(n, :l)":  "incorrect data type",
		"SET a = now(:1)":             "Invalid function name",
		"SET a = :1,":                 "Syntax error",
		"SET a := :1":                 "Syntax error",
		"SET a = :1 $":                "Syntax error",
		"UPDATE a = :1":               "Syntax error",
		"SET n = n + :nines + :nines": "Syntax error",
		"SET n = :nines + :tenth":     "38 significant digits",
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			s := newScope(nil, decodeItem(t, `{":1":{"N":"1"},":x":{"S":"x"},":l":{"L":[]},":nines":{"N":"99999999999999999999999999999999999999"},":tenth":{"N":"0.1"}}`))
			u, err := parse(s, "UpdateExpression", expression, (*parser).update)
			if err == nil {
				_, err = u.apply(decodeItem(t, `{"n":{"N":"1"},"s":{"SS":["x"]}}`))
			}
			var refused *apiError
			if !errors.As(err, &refused) || refused.code != "ValidationException" || !strings.Contains(refused.message, problem) {
				t.Errorf("got %v, want a ValidationException with %q", err, problem)
			}
		})
	}
}

func TestNumbersHaveOneForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "007": "7", "+5": "5", "1.50": "1.5", "1e3": "1000", "12E-3": "0.012", ".5": "0.5", "5.": "5",
		"99999999999999999999999999999999999999":  "99999999999999999999999999999999999999",
		"1e125":                                   "1" + strings.Repeat("0", 125),
		"999999999999999999999999999999999999999": "", "1e999": "", "0x10": "", "1/2": "", "NaN": "", "": "", "1_0": "", "1 2": "",
	} {
		got, err := canonicalNumber(text)
		if (err != nil) != (want == "") || got != want {
			t.Errorf("canonicalNumber(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
}

// FuzzExpression looks for expressions that make the parser fall over.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{"SET a = if_not_exists(b, :v) + :v REMOVE c[1].d", "NOT (a = :v OR size(b) < :v) AND c IN (:v)", "a.b[0], #n", "pk = :v AND begins_with(sk, :v)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		s := newScope(map[string]string{"#n": "name"}, item{":v": numberValue("1")})
		i := decodeItem(t, person)
		if u, err := parse(s, "UpdateExpression", expression, (*parser).update); err == nil {
			_, _ = u.apply(i)
		}
		if holds, err := parse(s, "ConditionExpression", expression, (*parser).condition); err == nil {
			holds(i)
		}
		if paths, err := parse(s, "ProjectionExpression", expression, (*parser).paths); err == nil {
			project(i, paths)
		}
		x := newIndex(schemaOf("pk", "sk"), schemaOf("pk", "sk"), projection{kind: "ALL"})
		_, _ = parse(s, "KeyConditionExpression", expression, x.keyCondition)
	})
}
