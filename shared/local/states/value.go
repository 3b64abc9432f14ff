package states

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// mostPayload is the limit for a state's input, output and result, in bytes of
// UTF-8 (docs: quotas).
const mostPayload = 256 << 10

// Values are nil, bool, string, int64, float64, []any and map[string]any. They
// are shared between states, events and executions, so nobody changes one in
// place.

// decode reads one JSON value.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return settle(v), nil
}

// settle turns the numbers of a freshly decoded value into int64 or float64, in
// place.
func settle(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(v.String())
	case []any:
		for i := range v {
			v[i] = settle(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = settle(v[name])
		}
	}
	return v
}

// number reads a JSON number: whole ones stay whole, as States.Format and
// JsonToString show the difference.
func number(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil { // beyond the range of a float64, which has no JSON for infinity
		return math.Copysign(math.MaxFloat64, f)
	}
	return f
}

// decodeStrict reads one JSON value and refuses an object that has a name twice,
// which encoding/json lets the last one win: in a definition it is a lost state.
func decodeStrict(text []byte) (any, error) {
	if _, err := decode(text); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return decodeNext(d, "")
}

func decodeNext(d *json.Decoder, at string) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Number:
		return number(token.String()), nil
	case json.Delim:
		if token == '[' {
			list := []any{}
			for d.More() {
				v, err := decodeNext(d, at)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := d.Token()
			return list, err
		}
		object := map[string]any{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			key, _ := name.(string)
			if _, twice := object[key]; twice {
				return nil, fmt.Errorf("%s has the name %q twice", orTop(at), key)
			}
			if object[key], err = decodeNext(d, at+"."+key); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return object, err
	}
	return token, nil
}

func orTop(at string) string {
	if at == "" {
		return "the definition"
	}
	return at[1:]
}

// encode writes a value as compact JSON, names in order.
func encode(v any) []byte { return appendJSON(nil, v) }

func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		return appendString(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case float64:
		return appendFloat(b, v)
	case []any:
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, item)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, name), ':')
			b = appendJSON(b, v[name])
		}
		return append(b, '}')
	}
	panic(fmt.Sprintf("a %T is no JSON value", v))
}

const hexDigits = "0123456789abcdef"

// appendString escapes only what JSON demands; json.Marshal would escape <, >
// and & as well, and functions see the difference in size.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r) // an invalid byte becomes U+FFFD
			i += size
			continue
		default:
			b = append(b, c)
		}
		i++
	}
	return append(b, '"')
}

// appendFloat keeps the decimal point of a whole number, as the service does:
// 1.0 stays 1.0.
func appendFloat(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return strconv.AppendFloat(b, f, 'f', 1, 64)
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

// sizeOf is len(encode(v)), without writing it where that is easy.
func sizeOf(v any) int {
	switch v := v.(type) {
	case []any:
		n := 2 + max(0, len(v)-1)
		for _, item := range v {
			n += sizeOf(item)
		}
		return n
	case map[string]any:
		n := 2 + max(0, len(v)-1)
		for name, item := range v {
			n += sizeOfString(name) + 1 + sizeOf(item)
		}
		return n
	case string:
		return sizeOfString(v)
	}
	var room [32]byte
	return len(appendJSON(room[:0], v))
}

func sizeOfString(s string) int {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return len(appendString(nil, s))
		}
	}
	return len(s) + 2
}

// equal compares two values as JSON: 1 and 1.0 are the same number.
func equal(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	}
	if order, both := compareNumbers(a, b); both {
		return order == 0
	}
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}

// compareNumbers orders two numbers; both is false unless they are.
func compareNumbers(a, b any) (order int, both bool) {
	x, xWhole := a.(int64)
	y, yWhole := b.(int64)
	if xWhole && yWhole {
		switch {
		case x < y:
			return -1, true
		case x > y:
			return 1, true
		}
		return 0, true
	}
	f, ok := asFloat(a)
	g, ok2 := asFloat(b)
	if !ok || !ok2 {
		return 0, false
	}
	switch {
	case f < g:
		return -1, true
	case f > g:
		return 1, true
	}
	return 0, true
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// asWhole is v as a whole number, also where it was written as 5.0.
func asWhole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), true
		}
	}
	return 0, false
}
