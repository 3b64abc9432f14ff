package snowsim

import (
	"regexp"
	"slices"
	"strings"
)

// query is an encoded query as it was written, before it is held against a
// table: alternatives (^NQ) of groups that must all hold, each of conditions
// (^OR) of which one must (docs: platform-user-interface/c_EncodedQueryStrings,
// r_OpAvailableFiltersQueries).
type query struct {
	alternatives [][]group
	order        []ordering
	// broken says that a part could not be read.
	broken bool
	// foreign are operators and scripts that a real instance understands and the
	// simulator does not.
	foreign []string
}

type group []condition

type condition struct {
	column   string
	operator string
	value    string
	// displayed also compares with what people read (name-value pairs).
	displayed bool
}

type ordering struct {
	column     string
	descending bool
}

// operators are those that the simulator carries out, longer ones first where
// one begins with the other.
var operators = []string{
	"ISNOTEMPTY", "ISEMPTY", "EMPTYSTRING", "ANYTHING", "NOT IN", "NOT LIKE", "NOTLIKE", "STARTSWITH", "ENDSWITH", "BETWEEN",
	"NSAMEAS", "SAMEAS", "LIKE", "IN", "!*", "!=", ">=", "<=", "=", ">", "<", "*", "%",
}

// synonyms are other spellings of operators.
var synonyms = map[string]string{"NOTLIKE": "NOT LIKE", "!*": "NOT LIKE", "*": "LIKE", "%": "ENDSWITH"}

// foreignOperators are real ones that are not carried out. Some begin with one
// of the above.
var foreignOperators = []string{
	"IN_HIERARCHY", "INSTANCEOF", "NOTON", "ON", "DYNAMIC", "VALCHANGES", "CHANGESFROM", "CHANGESTO", "RELATIVE", "DATEPART",
	"MORETHAN", "LESSTHAN", "GT_", "LT_", "MATCH_",
}

var columnPart = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*`)

// caret stands for ^^, a caret within a value, while the query is split.
const caret = "\x00"

// parseQuery reads an encoded query. What it cannot read it leaves out.
func parseQuery(encoded string) query {
	q := query{alternatives: [][]group{nil}}
	for term := range strings.SplitSeq(strings.ReplaceAll(encoded, "^^", caret), "^") {
		term = strings.ReplaceAll(term, caret, "^")
		if term != "" && term != "EQ" { // ^EQ ends what the list view makes
			q.read(term)
		}
	}
	return q
}

func (q *query) read(term string) {
	if column, ok := strings.CutPrefix(term, "ORDERBYDESC"); ok {
		q.order = append(q.order, ordering{column, true})
		return
	}
	if column, ok := strings.CutPrefix(term, "ORDERBY"); ok {
		q.order = append(q.order, ordering{column, false})
		return
	}
	if rest, ok := strings.CutPrefix(term, "NQ"); ok {
		q.alternatives = append(q.alternatives, nil)
		term = rest
	}
	rest, or := strings.CutPrefix(term, "OR")
	if or {
		term = rest
	}
	if term == "" {
		return
	}
	c, ok := q.condition(term)
	if !ok {
		q.broken = true
		return
	}
	last := len(q.alternatives) - 1
	groups := q.alternatives[last]
	if or && len(groups) > 0 {
		groups[len(groups)-1] = append(groups[len(groups)-1], c)
		return
	}
	q.alternatives[last] = append(groups, group{c})
}

func (q *query) condition(term string) (c condition, ok bool) {
	c.column = columnPart.FindString(term)
	if c.column == "" {
		return c, false
	}
	rest := term[len(c.column):]
	begins := func(op string) bool { return strings.HasPrefix(rest, op) }
	if at := slices.IndexFunc(foreignOperators, begins); at >= 0 {
		q.foreign = append(q.foreign, foreignOperators[at])
		return c, false
	}
	at := slices.IndexFunc(operators, begins)
	if at < 0 {
		return c, false
	}
	c.operator = operators[at]
	c.value = rest[len(c.operator):]
	if usual, ok := synonyms[c.operator]; ok {
		c.operator = usual
	}
	if strings.HasPrefix(c.value, "javascript:") {
		q.foreign = append(q.foreign, "javascript:")
		return c, false
	}
	return c, true
}

// pair is the query of one name-value pair in the URL.
func (q *query) pair(column, value string) {
	if len(q.alternatives) == 0 {
		q.alternatives = [][]group{nil}
	}
	q.alternatives[0] = append(q.alternatives[0], group{{column: column, operator: "=", value: value, displayed: true}})
}
