package servicenow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// row is one record as the Table API answers it: every value is text, whatever
// the column's type; a reference is the sys_id it points to.
//
//nolint:recvcheck // a map is passed by value; decoding has to replace it
type row map[string]string

// UnmarshalJSON also takes references that come with their link although they
// were asked for without, and values that come with their display value.
func (r *row) UnmarshalJSON(raw []byte) error {
	var columns map[string]json.RawMessage
	if err := json.Unmarshal(raw, &columns); err != nil {
		return err
	}
	*r = make(row, len(columns))
	for name, value := range columns {
		text, err := plain(value)
		if err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
		(*r)[name] = text
	}
	return nil
}

// absent reports whether a JSON value is not there or null.
func absent(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null"))
}

func plain(raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case absent(raw):
		return "", nil
	case raw[0] == '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	case raw[0] == '{':
		var reference struct {
			Value json.RawMessage `json:"value"`
		}
		if err := json.Unmarshal(raw, &reference); err != nil {
			return "", err
		}
		return plain(reference.Value)
	case raw[0] == '[':
		return "", errors.New("a list instead of a value")
	default: // a number or a truth value
		return string(raw), nil
	}
}

// truth reads a true/false column.
func (r row) truth(column string) bool { return r[column] == yes || r[column] == "1" }

// moment reads a date/time column: stored in UTC, to the second. What is empty
// or unreadable is the zero time.
func (r row) moment(column string) time.Time {
	at, err := time.ParseInLocation(time.DateTime, r[column], time.UTC)
	if err != nil {
		return time.Time{}
	}
	return at
}
