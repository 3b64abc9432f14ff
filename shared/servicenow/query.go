package servicenow

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"lifecycle/shared/fault"
)

// query is an encoded query made of conditions that all have to hold. It is
// kept in parts because every row that comes back is held against it: the Table
// API ignores what it cannot read and answers with every row of the table.
type query []condition

// condition is one term. The operators are those that can be checked here
// without knowing the column's type.
type condition struct {
	column   string
	operator operator
	values   []string
}

type operator string

const (
	isEmpty    operator = "ISEMPTY"
	isNotEmpty operator = "ISNOTEMPTY"
	startsWith operator = "STARTSWITH"
	contains   operator = "LIKE"
	notIn      operator = "NOT IN"
	in         operator = "IN"
	differs    operator = "!="
	equals     operator = "="
)

// operators in the order in which they are looked for: none is the beginning of
// a later one.
var operators = []operator{isNotEmpty, isEmpty, startsWith, contains, notIn, in, differs, equals}

var (
	columnName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,3}$`)
	columnPart = regexp.MustCompile(`^[a-z0-9_.]+`)
	tableName  = regexp.MustCompile(`^[a-z][a-z0-9_]{1,79}$`)
	// sysIDShape is wider than hex digits: records that come with the platform
	// or with an import have sys_ids of other characters.
	sysIDShape = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// refusedValue says why a value must not go into an encoded query, or nothing.
// An empty value is refused because "email=" finds everybody without one.
func refusedValue(value string) string {
	switch {
	case strings.TrimSpace(value) == "":
		return "it is empty"
	case value == "NULL":
		return "it is NULL, which stands for an empty value (ISEMPTY finds those)"
	case strings.Contains(value, "^"):
		return "it holds a ^, which separates the terms of a query"
	case strings.Contains(strings.ToLower(value), "javascript:"):
		return "it holds a script"
	case strings.IndexFunc(value, unicode.IsControl) >= 0:
		return "it holds control characters"
	}
	return ""
}

// where is the condition that column has the value, which may come from
// outside.
func where(column, value string) (condition, error) {
	return within(equals, column, value)
}

// within is a condition with values that may come from outside.
func within(op operator, column string, values ...string) (condition, error) {
	for _, v := range values {
		why := refusedValue(v)
		if why == "" && (op == in || op == notIn) && strings.Contains(v, ",") {
			why = "it holds a comma, which separates the values of a list"
		}
		if why != "" {
			return condition{}, &fault.Invalid{Message: fmt.Sprintf("ServiceNow cannot be searched for this value of %s: %s", column, why)}
		}
	}
	return condition{column: column, operator: op, values: values}, nil
}

// parseQuery reads the encoded query of a configuration. What could not be
// checked against the rows is refused: alternatives (write IN), scripts, dates
// relative to now, and operators beyond the table above.
func parseQuery(encoded string) (query, []string) {
	var q query
	var problems []string
	for term := range strings.SplitSeq(encoded, "^") {
		c, problem := parseTerm(term)
		if problem != "" {
			problems = append(problems, problem)
			continue
		}
		q = append(q, c)
	}
	return q, problems
}

func parseTerm(term string) (c condition, problem string) {
	switch {
	case term == "":
		return c, "it has an empty term"
	case strings.HasPrefix(term, "OR") || strings.HasPrefix(term, "NQ"):
		return c, fmt.Sprintf("%q: alternatives are not supported; give several values of one column as columnINa,b", term)
	}
	c.column = columnPart.FindString(term)
	if !columnName.MatchString(c.column) {
		return c, fmt.Sprintf("%q does not begin with the name of a column", term)
	}
	rest := term[len(c.column):]
	at := slices.IndexFunc(operators, func(op operator) bool { return strings.HasPrefix(rest, string(op)) })
	if at < 0 || strings.HasPrefix(rest, "INSTANCEOF") {
		return c, fmt.Sprintf("%q: the operators are =, !=, IN, NOT IN, STARTSWITH, LIKE, ISEMPTY and ISNOTEMPTY", term)
	}
	c.operator = operators[at]
	value := rest[len(c.operator):]
	switch c.operator {
	case isEmpty, isNotEmpty:
		if value != "" {
			return c, fmt.Sprintf("%q: %s takes no value", term, c.operator)
		}
		return c, ""
	case in, notIn:
		c.values = strings.Split(value, ",")
	default:
		c.values = []string{value}
	}
	for _, v := range c.values {
		if why := refusedValue(v); why != "" {
			return c, fmt.Sprintf("%q: a value is refused, %s", term, why)
		}
	}
	return c, ""
}

func (c condition) String() string {
	return c.column + string(c.operator) + strings.Join(c.values, ",")
}

// String is the query as sysparm_query takes it.
func (q query) String() string {
	terms := make([]string, len(q))
	for i, c := range q {
		terms[i] = c.String()
	}
	return strings.Join(terms, "^")
}

// columns are those that have to be fetched so that rows can be checked.
func (q query) columns() []string {
	list := make([]string, len(q))
	for i, c := range q {
		list[i] = c.column
	}
	return list
}

// and returns a longer query and leaves q as it is.
func (q query) and(more ...condition) query { return append(slices.Clip(slices.Clone(q)), more...) }

// holds reports whether the row satisfies every condition. A row that lacks a
// column satisfies none about it.
func (q query) holds(r row) bool {
	for _, c := range q {
		if value, present := r[c.column]; !present || !c.holds(value) {
			return false
		}
	}
	return true
}

// holds compares as the database does: without regard to case.
func (c condition) holds(value string) bool {
	equal := func(other string) bool { return strings.EqualFold(value, other) }
	folded := strings.ToLower(value)
	switch c.operator {
	case isEmpty:
		return value == ""
	case isNotEmpty:
		return value != ""
	case startsWith:
		return strings.HasPrefix(folded, strings.ToLower(c.values[0]))
	case contains:
		return strings.Contains(folded, strings.ToLower(c.values[0]))
	case notIn, differs:
		return !slices.ContainsFunc(c.values, equal)
	default:
		return slices.ContainsFunc(c.values, equal)
	}
}
