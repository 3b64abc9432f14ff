package dynamo

import (
	"hash/fnv"
	"slices"
	"strings"
)

// search is a Query or a Scan.
type search struct {
	TableName                 string
	IndexName                 string
	KeyConditionExpression    string // of a Query
	FilterExpression          string
	ProjectionExpression      string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues item
	ExclusiveStartKey         item
	Limit                     int
	ScanIndexForward          *bool
	Select                    string
	ConsistentRead            bool
	ReturnConsumedCapacity    string
}

type page struct {
	Items            []item `json:",omitempty"`
	Count            int
	ScannedCount     int
	LastEvaluatedKey item `json:",omitempty"`
}

// keyCondition is what a Query looks for: one partition, and of it what within
// holds of.
type keyCondition struct {
	partition string
	within    condition
	// hashes and sorts count the conditions on either key.
	hashes, sorts int
}

// search carries out a Query or a Scan: one page of it.
func (db *DB) search(isQuery bool, q search) (any, error) {
	t, err := db.table(q.TableName)
	if err != nil {
		return nil, err
	}
	x, err := t.index(q)
	if err != nil {
		return nil, err
	}
	s := newScope(q.ExpressionAttributeNames, q.ExpressionAttributeValues)
	shown, filter, err := q.expressions(s, x)
	if err != nil {
		return nil, err
	}
	c := keyCondition{within: func(item) bool { return true }}
	if isQuery {
		if c, err = parse(s, "KeyConditionExpression", q.KeyConditionExpression, x.keyCondition); err != nil {
			return nil, err
		}
	}
	if err := s.unused(); err != nil {
		return nil, err
	}
	candidates, err := q.candidates(isQuery, x, c.partition)
	if err != nil {
		return nil, err
	}
	p := page{}
	size := 0
	for i := range candidates {
		db.looked++
		if !c.within(i) {
			continue
		}
		p.ScannedCount++
		size += i.size()
		if seen := x.seen(i); filter(seen) {
			p.Count++
			if q.Select != "COUNT" {
				p.Items = append(p.Items, shown(seen))
			}
		}
		if p.ScannedCount == q.Limit || size >= mostPage {
			p.LastEvaluatedKey = x.position(i)
			break
		}
	}
	return p, nil
}

func (t *table) index(q search) (*index, error) {
	if q.IndexName == "" {
		return t.primary, nil
	}
	x, ok := t.indexes[q.IndexName]
	switch {
	case !ok:
		return nil, invalid("The table does not have the specified index: %s", q.IndexName)
	case q.ConsistentRead:
		return nil, invalid("Consistent reads are not supported on global secondary indexes")
	}
	return x, nil
}

func (q search) expressions(s *scope, x *index) (shown func(item) item, filter condition, err error) {
	filter = func(item) bool { return true }
	if q.FilterExpression != "" {
		if filter, err = parse(s, "FilterExpression", q.FilterExpression, (*parser).condition); err != nil {
			return nil, nil, err
		}
	}
	switch q.Select {
	case "", "COUNT", "SPECIFIC_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES":
	case "ALL_ATTRIBUTES":
		if x.projection.kind != "ALL" {
			return nil, nil, invalid("One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index %s because its projection type is not ALL", q.IndexName)
		}
	default:
		return nil, nil, invalid("Select has the unknown value %s", q.Select)
	}
	shown, err = projector(s, q.ProjectionExpression)
	return shown, filter, err
}

// candidates are the items to look at, in order, from behind the start key.
func (q search) candidates(isQuery bool, x *index, partition string) (func(yield func(item) bool), error) {
	if q.ExclusiveStartKey != nil && !x.covers(q.ExclusiveStartKey) {
		return nil, invalid("The provided starting key is invalid")
	}
	if !isQuery {
		return x.all(q.ExclusiveStartKey), nil
	}
	items := x.partitions[partition]
	forward := q.ScanIndexForward == nil || *q.ScanIndexForward
	if start := q.ExclusiveStartKey; start != nil {
		if start[x.schema.hash.name].text != partition {
			return nil, invalid("The provided starting key is outside query boundaries based on provided conditions")
		}
		at, exists := x.find(items, start)
		switch {
		case !forward:
			items = items[:at]
		case exists:
			items = items[at+1:]
		default:
			items = items[at:]
		}
	}
	if forward {
		return slices.Values(items), nil
	}
	return func(yield func(item) bool) {
		for _, i := range slices.Backward(items) {
			if !yield(i) {
				return
			}
		}
	}, nil
}

// all are the items of every partition, behind start where that is given. The
// partitions come in an order that means nothing, as in DynamoDB.
func (x *index) all(start item) func(yield func(item) bool) {
	first, from := 0, []item(nil)
	order := x.scanOrder()
	if start != nil {
		name := start[x.schema.hash.name].text
		at, exists := slices.BinarySearchFunc(order, name, byHash)
		first = at
		if exists {
			first++
			from = x.partitions[name]
			place, same := x.find(from, start)
			if same {
				place++
			}
			from = from[place:]
		}
	}
	return func(yield func(item) bool) {
		for _, i := range from {
			if !yield(i) {
				return
			}
		}
		for _, name := range order[first:] {
			for _, i := range x.partitions[name] {
				if !yield(i) {
					return
				}
			}
		}
	}
}

func (x *index) scanOrder() []string {
	if x.order == nil {
		for name := range x.partitions {
			x.order = append(x.order, name)
		}
		slices.SortFunc(x.order, byHash)
	}
	return x.order
}

func byHash(a, b string) int {
	if order := int64(hashed(a)) - int64(hashed(b)); order != 0 {
		return int(order)
	}
	return strings.Compare(a, b)
}

func hashed(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s)) // never fails
	return h.Sum32()
}

// keyCondition reads a key condition: the hash key equals a value, and at most
// one condition on the sort key.
func (x *index) keyCondition(p *parser) keyCondition {
	c := keyCondition{within: func(item) bool { return true }}
	for {
		x.keyTerm(p, &c)
		if _, and := p.accept("AND"); !and {
			break
		}
	}
	if c.hashes != 1 || c.sorts > 1 {
		p.failf("Query condition missed key schema element: %s, or has several conditions on a key", x.schema.hash.name)
	}
	return c
}

func (x *index) keyTerm(p *parser, c *keyCondition) {
	if _, open := p.accept("("); open {
		x.keyTerm(p, c)
		p.expect(")")
		return
	}
	name, compare := p.keyComparison()
	switch {
	case name == x.schema.hash.name && compare.operator == "=":
		x.schema.hash.check(p, compare.low)
		c.partition = compare.low.text
		c.hashes++
	case name == x.schema.sort.name && compare.operator != "<>":
		x.schema.sort.check(p, compare.low)
		x.schema.sort.check(p, compare.high)
		c.within = func(i item) bool { return compare.holds(i[name]) }
		c.sorts++
	default:
		p.failf("Query key condition not supported; attribute: %s", name)
	}
}

func (k key) check(p *parser, v value) {
	if v.kind != "" && v.kind != k.kind {
		p.failf("One or more parameter values were invalid: Condition parameter type does not match schema type; attribute: %s", k.name)
	}
	if v.kind == "S" && v.text == "" { // seen on another engine: an empty beginning is no way to ask for all
		p.failf("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: %s", k.name)
	}
}

// keyComparison compares a key with a value, or with two (BETWEEN).
type keyComparison struct {
	operator  string
	low, high value
}

func (p *parser) keyComparison() (string, keyComparison) {
	if p.peek(0) == "begins_with" && p.peek(1) == "(" {
		p.at += 2
		name := p.name()
		p.expect(",")
		prefix := p.value()
		p.expect(")")
		return name, keyComparison{operator: "begins_with", low: prefix}
	}
	name := p.name()
	if _, between := p.accept("BETWEEN"); between {
		low := p.value()
		p.expect("AND")
		return name, keyComparison{operator: "BETWEEN", low: low, high: p.value()}
	}
	operator, ok := p.accept("=", "<>", "<", "<=", ">", ">=")
	if !ok {
		p.unexpected()
	}
	return name, keyComparison{operator: operator, low: p.value()}
}

func (c keyComparison) holds(v value) bool {
	order, _ := v.compare(c.low)
	switch c.operator {
	case "begins_with":
		return beginsWith(v, c.low)
	case "BETWEEN":
		above, _ := v.compare(c.high)
		return order >= 0 && above <= 0
	default:
		return inOrder(c.operator, order)
	}
}
