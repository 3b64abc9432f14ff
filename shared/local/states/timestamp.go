package states

import (
	"strings"
	"time"
)

// timestamp reads an RFC 3339 timestamp with the spec's restriction: an
// uppercase T and, without an offset, an uppercase Z.
func timestamp(text string) (time.Time, bool) {
	if strings.ContainsAny(text, "tz ") {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}

func compareTimestamps(a, b string) int {
	x, _ := timestamp(a)
	y, _ := timestamp(b)
	return x.Compare(y)
}
