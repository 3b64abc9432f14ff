package servicenow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// row is one record as the Table API answers it: every value is text, whatever
// the column's type; a reference is the sys_id it points to.
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

func plain(raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || bytes.Equal(raw, []byte("null")):
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
		return "", fmt.Errorf("a list instead of a value")
	default: // a number or a truth value
		return string(raw), nil
	}
}

// truth reads a true/false column.
func (r row) truth(column string) bool { return r[column] == "true" || r[column] == "1" }

// moment reads a date/time column: stored in UTC, to the second. What is empty
// or unreadable is the zero time.
func (r row) moment(column string) time.Time {
	at, err := time.ParseInLocation(time.DateTime, r[column], time.UTC)
	if err != nil {
		return time.Time{}
	}
	return at
}
