package states

import (
	"crypto/md5"
	"crypto/rand" // States.UUID
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"strings"
)

// function is an intrinsic function.
type function struct {
	least, most int // how many arguments; most -1: any number
	run         func(arguments []any) (any, error)
}

var functions map[string]function

func init() { //nolint:gochecknoinits // the table's functions lead back to it
	functions = map[string]function{
		"States.Format":         {1, -1, format},
		"States.StringToJson":   {1, 1, stringToJSON},
		"States.JsonToString":   {1, 1, func(a []any) (any, error) { return string(encode(a[0])), nil }},
		"States.Array":          {0, -1, func(a []any) (any, error) { return a, nil }},
		"States.ArrayPartition": {2, 2, arrayPartition},
		"States.ArrayContains":  {2, 2, arrayContains},
		"States.ArrayRange":     {3, 3, arrayRange},
		"States.ArrayGetItem":   {2, 2, arrayGetItem},
		"States.ArrayLength":    {1, 1, arrayLength},
		"States.ArrayUnique":    {1, 1, arrayUnique},
		"States.Base64Encode":   {1, 1, base64Encode},
		"States.Base64Decode":   {1, 1, base64Decode},
		"States.Hash":           {2, 2, hash},
		"States.JsonMerge":      {3, 3, jsonMerge},
		"States.MathRandom":     {2, 3, mathRandom},
		"States.MathAdd":        {2, 2, mathAdd},
		"States.StringSplit":    {2, 2, stringSplit},
		"States.UUID":           {0, 0, func([]any) (any, error) { return uuid(), nil }},
	}
}

// format fills each {} of its template with the next argument; \{, \} and \'
// stand for themselves.
func format(a []any) (any, error) {
	template, err := text(a[0], "template")
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	next := 1
	for i := 0; i < len(template); i++ {
		switch c := template[i]; {
		case c == '\\' && i+1 < len(template):
			i++
			out.WriteByte(template[i])
		case c == '{' && strings.HasPrefix(template[i:], "{}"):
			if next >= len(a) {
				return nil, errors.New("the template has more {} than there are values")
			}
			shown(&out, a[next])
			next++
			i++
		case c == '{' || c == '}':
			return nil, fmt.Errorf("a brace that is no {} has to be written \\%c", c)
		default:
			out.WriteByte(c)
		}
	}
	if next < len(a) {
		return nil, errors.New("the template has fewer {} than there are values")
	}
	return out.String(), nil
}

// shown writes a value as States.Format does: texts without quotes, arrays as
// [a, b] and objects as {name=value}, which is how LocalStack recorded the
// service.
func shown(out *strings.Builder, v any) {
	switch v := v.(type) {
	case string:
		out.WriteString(v)
	case []any:
		out.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				out.WriteString(", ")
			}
			shown(out, item)
		}
		out.WriteByte(']')
	case map[string]any:
		out.WriteByte('{')
		for i, name := range sortedNames(v) {
			if i > 0 {
				out.WriteString(", ")
			}
			out.WriteString(name + "=")
			shown(out, v[name])
		}
		out.WriteByte('}')
	default:
		out.Write(encode(v))
	}
}

func stringToJSON(a []any) (any, error) {
	s, err := text(a[0], "argument")
	if err != nil {
		return nil, err
	}
	v, err := decode([]byte(s))
	if err != nil {
		return nil, fmt.Errorf("the argument is no JSON: %w", err)
	}
	return v, nil
}

// mostEncoded is the limit of the Base64 and hash functions in characters.
const mostEncoded = 10000

func base64Encode(a []any) (any, error) {
	s, err := shortText(a[0])
	return base64.StdEncoding.EncodeToString([]byte(s)), err
}

func base64Decode(a []any) (any, error) {
	s, err := shortText(a[0])
	if err != nil {
		return nil, err
	}
	plain, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("the argument is no Base64: %w", err)
	}
	return string(plain), nil
}

func hash(a []any) (any, error) {
	data, isText := a[0].(string)
	if !isText {
		data = string(encode(a[0]))
	}
	if len(data) > mostEncoded {
		return nil, fmt.Errorf("more than %d characters", mostEncoded)
	}
	algorithm, err := text(a[1], "algorithm")
	if err != nil {
		return nil, err
	}
	var sum []byte
	switch algorithm {
	case "MD5":
		s := md5.Sum([]byte(data))
		sum = s[:]
	case "SHA-1":
		s := sha1.Sum([]byte(data))
		sum = s[:]
	case "SHA-256":
		s := sha256.Sum256([]byte(data))
		sum = s[:]
	case "SHA-384":
		s := sha512.Sum384([]byte(data))
		sum = s[:]
	case "SHA-512":
		s := sha512.Sum512([]byte(data))
		sum = s[:]
	default:
		return nil, fmt.Errorf("there is no algorithm %q", algorithm)
	}
	return hex.EncodeToString(sum), nil
}

// jsonMerge lays the names of the second object over those of the first; the
// service merges only at the top, and wants to be told so.
func jsonMerge(a []any) (any, error) {
	first, ok := a[0].(map[string]any)
	second, ok2 := a[1].(map[string]any)
	switch {
	case !ok || !ok2:
		return nil, errors.New("the first two arguments have to be objects")
	case a[2] != false:
		return nil, errors.New("the third argument has to be false: the service does not merge deep")
	}
	merged := maps.Clone(first)
	maps.Copy(merged, second)
	return merged, nil
}

// mathRandom is a number from the first argument up to, not including, the
// second.
func mathRandom(a []any) (any, error) {
	from, err := whole(a[0])
	if err != nil {
		return nil, err
	}
	to, err := whole(a[1])
	switch {
	case err != nil:
		return nil, err
	case to <= from:
		return nil, fmt.Errorf("no number lies between %d and %d", from, to)
	case len(a) == 3:
		seed, err := whole(a[2])
		if err != nil {
			return nil, err
		}
		return from + mathrand.New(mathrand.NewPCG(uint64(seed), 0)).Int64N(to-from), nil
	}
	return from + mathrand.Int64N(to-from), nil
}

func mathAdd(a []any) (any, error) {
	x, err := whole(a[0])
	if err != nil {
		return nil, err
	}
	y, err := whole(a[1])
	return x + y, err
}

// stringSplit cuts at each of the second argument's characters; nothing between
// two of them is no part.
func stringSplit(a []any) (any, error) {
	s, err := text(a[0], "first argument")
	if err != nil {
		return nil, err
	}
	at, err := text(a[1], "second argument")
	if err != nil {
		return nil, err
	}
	parts := []any{}
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(at, r) }) {
		parts = append(parts, part)
	}
	return parts, nil
}

// uuid is a version 4 UUID.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func text(v any, what string) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("the %s has to be a string", what)
	}
	return s, nil
}

func shortText(v any) (string, error) {
	s, err := text(v, "argument")
	if err == nil && len(s) > mostEncoded {
		err = fmt.Errorf("more than %d characters", mostEncoded)
	}
	return s, err
}

// whole reads an integer argument; the service rounds others down.
func whole(v any) (int64, error) {
	if f, isFloat := v.(float64); isFloat && f > -1<<53 && f < 1<<53 {
		return int64(f), nil
	}
	n, ok := v.(int64)
	if !ok {
		return 0, fmt.Errorf("%s is no number", encode(v))
	}
	return n, nil
}
