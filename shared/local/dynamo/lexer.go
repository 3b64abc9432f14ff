package dynamo

import (
	"fmt"
	"strings"
)

// tokens of an expression: names, #names, :values, whole numbers (list
// positions), and the operators as they stand.
func tokens(expression string) ([]string, error) {
	var found []string
	for i := 0; i < len(expression); {
		c := expression[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			i++
			continue
		}
		end := i + 1
		switch {
		case strings.HasPrefix(expression[i:], "<>"), strings.HasPrefix(expression[i:], "<="), strings.HasPrefix(expression[i:], ">="):
			end = i + 2
		case wordPart(c), c == '#', c == ':':
			for end < len(expression) && wordPart(expression[end]) {
				end++
			}
		case !strings.ContainsRune("()[],.=<>+-", rune(c)):
			return nil, fmt.Errorf("Syntax error; token: %q", string(c)) //nolint:staticcheck // as DynamoDB words it
		}
		found = append(found, expression[i:end])
		i = end
	}
	return found, nil
}

func wordPart(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
