package dynamo

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// DynamoDB's numbers are decimals of up to 38 digits between 1E-130 and
// 9.99E+125. Floating point would lose the end of a nanosecond timestamp.
const (
	mostDigits   = 38
	mostExponent = 130
)

var decimal = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d+))?$`)

// canonicalNumber brings a number into the one form that is stored: no leading
// or trailing zeros, no exponent.
func canonicalNumber(text string) (string, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return strconv.FormatInt(n, 10), nil
	}
	parts := decimal.FindStringSubmatch(text)
	if parts == nil {
		return "", invalid("The parameter cannot be converted to a numeric value: %s", text)
	}
	if exponent, err := strconv.Atoi(parts[2]); parts[2] != "" && (err != nil || exponent > mostExponent || exponent < -mostExponent) {
		return "", invalid("Number overflow or underflow: %s", text)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return "", invalid("The parameter cannot be converted to a numeric value: %s", text)
	}
	return formatNumber(r)
}

func formatNumber(r *big.Rat) (string, error) {
	places, exact := r.FloatPrec()
	text := r.FloatString(places)
	digits := strings.Trim(strings.Replace(strings.TrimPrefix(text, "-"), ".", "", 1), "0")
	if !exact || len(digits) > mostDigits {
		return "", invalid("Attempting to store more than 38 significant digits in a Number")
	}
	return text, nil
}

// compareNumbers orders two canonical numbers.
func compareNumbers(a, b string) int {
	if len(a) < 19 && len(b) < 19 {
		x, errX := strconv.ParseInt(a, 10, 64)
		y, errY := strconv.ParseInt(b, 10, 64)
		if errX == nil && errY == nil {
			switch {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		}
	}
	return rational(a).Cmp(rational(b))
}

// addNumbers adds the second canonical number, or takes it away, exactly.
func addNumbers(a, b string, minus bool) (string, error) {
	x, y := rational(a), rational(b)
	if minus {
		return formatNumber(x.Sub(x, y))
	}
	return formatNumber(x.Add(x, y))
}

func rational(canonical string) *big.Rat {
	r, ok := new(big.Rat).SetString(canonical)
	if !ok {
		panic("dynamo: a stored number is no number: " + canonical)
	}
	return r
}
