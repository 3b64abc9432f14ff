package dynamo

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// value is an attribute value. Values are never changed once they are made, so
// they can be shared.
type value struct { //nolint:recvcheck // only UnmarshalJSON has to change what it is called on
	kind string // S, N, B, BOOL, NULL, L, M, SS, NS, BS
	// text is the value of S, the canonical decimal of N, the bytes of B.
	text string
	// yes is the value of BOOL.
	yes    bool
	list   []value
	fields item
	// set holds the members of SS, NS or BS as text would, in order.
	set []string
}

// item is a record: attributes by name.
type item map[string]value

func numberValue(text string) value { return value{kind: "N", text: text} }

func (v value) isSet() bool { return len(v.kind) == 2 }

// MarshalJSON writes the wire form, e.g. {"S":"text"}.
func (v value) MarshalJSON() ([]byte, error) { return v.append(nil), nil }

// MarshalJSON writes the attributes in order of their names.
func (i item) MarshalJSON() ([]byte, error) { return i.append(nil), nil }

// append and its like write JSON by hand: items are most of what is sent, and
// encoding/json would look at every value by reflection.
func (i item) append(b []byte) []byte {
	b = append(b, '{')
	for n, name := range slices.Sorted(maps.Keys(i)) {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendText(b, name)
		b = i[name].append(append(b, ':'))
	}
	return append(b, '}')
}

func (v value) append(b []byte) []byte {
	b = append(b, '{', '"')
	b = append(append(b, v.kind...), '"', ':')
	switch v.kind {
	case "B":
		b = appendText(b, base64.StdEncoding.EncodeToString([]byte(v.text)))
	case "BOOL":
		b = strconv.AppendBool(b, v.yes)
	case "NULL":
		b = append(b, "true"...)
	case "L":
		b = appendList(b, v.list, value.append)
	case "M":
		b = v.fields.append(b)
	case "SS", "NS":
		b = appendList(b, v.set, func(m string, b []byte) []byte { return appendText(b, m) })
	case "BS":
		b = appendList(b, v.set, func(m string, b []byte) []byte {
			return appendText(b, base64.StdEncoding.EncodeToString([]byte(m)))
		})
	default:
		b = appendText(b, v.text)
	}
	return append(b, '}')
}

func appendList[T any](b []byte, members []T, write func(T, []byte) []byte) []byte {
	b = append(b, '[')
	for n, m := range members {
		if n > 0 {
			b = append(b, ',')
		}
		b = write(m, b)
	}
	return append(b, ']')
}

func appendText(b []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic("dynamo: a text cannot be encoded: " + err.Error())
	}
	return append(b, quoted...)
}

// UnmarshalJSON reads the wire form and refuses what DynamoDB refuses.
func (v *value) UnmarshalJSON(raw []byte) error {
	raw = bytes.TrimSpace(raw)
	name, content, found := bytes.Cut(raw, []byte{':'})
	name = bytes.TrimSpace(bytes.TrimPrefix(name, []byte{'{'}))
	if !found || len(name) < 2 || raw[0] != '{' {
		return invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
	v.kind = string(name[1 : len(name)-1])
	content = bytes.TrimSuffix(content, []byte{'}'})
	if !json.Valid(content) {
		return invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
	}
	return v.read(content)
}

func (v *value) read(content json.RawMessage) error {
	switch v.kind {
	case "S":
		return json.Unmarshal(content, &v.text)
	case "N":
		if err := json.Unmarshal(content, &v.text); err != nil {
			return err
		}
		var err error
		v.text, err = canonicalNumber(v.text)
		return err
	case "B":
		var b []byte
		err := json.Unmarshal(content, &b)
		v.text = string(b)
		return err
	case "BOOL":
		return json.Unmarshal(content, &v.yes)
	case "NULL":
		return json.Unmarshal(content, &v.yes)
	case "L":
		return json.Unmarshal(content, &v.list)
	case "M":
		return json.Unmarshal(content, &v.fields)
	case "SS", "NS", "BS":
		return v.readSet(content)
	default:
		return invalid("Supplied AttributeValue has the unknown type %q", v.kind)
	}
}

func (v *value) readSet(content json.RawMessage) error {
	var members []string
	if err := json.Unmarshal(content, &members); err != nil {
		return err
	}
	for i, m := range members {
		var err error
		switch v.kind {
		case "NS":
			members[i], err = canonicalNumber(m)
		case "BS":
			var b []byte
			b, err = base64.StdEncoding.DecodeString(m)
			members[i] = string(b)
		}
		if err != nil {
			return err
		}
	}
	if len(members) == 0 {
		return invalid("One or more parameter values were invalid: An empty set may not be used")
	}
	v.set = sortedSet(v.kind, members)
	if len(v.set) != len(members) {
		return invalid("One or more parameter values were invalid: Input collection contains duplicates")
	}
	return nil
}

// sortedSet is the members in order and each once.
func sortedSet(kind string, members []string) []string {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b string) int {
		if kind == "NS" {
			return compareNumbers(a, b)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(members)
}

func (v value) equal(w value) bool {
	if v.kind != w.kind {
		return false
	}
	switch v.kind {
	case "BOOL":
		return v.yes == w.yes
	case "NULL":
		return true
	case "L":
		return slices.EqualFunc(v.list, w.list, value.equal)
	case "M":
		return maps.EqualFunc(v.fields, w.fields, value.equal)
	case "SS", "NS", "BS":
		return slices.Equal(v.set, w.set)
	default:
		return v.text == w.text
	}
}

// compare orders two values of the same kind S, N or B; ok is false for others,
// which have no order.
func (v value) compare(w value) (order int, ok bool) {
	switch {
	case v.kind != w.kind:
		return 0, false
	case v.kind == "N":
		return compareNumbers(v.text, w.text), true
	case v.kind == "S", v.kind == "B":
		return cmp.Compare(v.text, w.text), true
	default:
		return 0, false
	}
}

// size is what DynamoDB counts for a value, in bytes.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func (v value) size() int {
	switch v.kind {
	case "N":
		return len(v.text)/2 + 2
	case "BOOL", "NULL":
		return 1
	case "L":
		n := 3
		for _, inner := range v.list {
			n += 1 + inner.size()
		}
		return n
	case "M":
		return 3 + len(v.fields) + v.fields.size()
	case "SS", "NS", "BS":
		n := 0
		for _, m := range v.set {
			n += len(m)
		}
		return n
	default:
		return len(v.text)
	}
}

func (i item) size() int {
	n := 0
	for name, v := range i {
		n += len(name) + v.size()
	}
	return n
}

// encode writes JSON as DynamoDB does, without escaping HTML.
func encode(content any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(content)
	return b.Bytes(), err
}
