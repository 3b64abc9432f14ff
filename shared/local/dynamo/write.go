package dynamo

import (
	"maps"
	"slices"
)

// write is a PutItem, UpdateItem, DeleteItem or one part of a transaction.
type write struct {
	TableName                           string
	Item                                item // of a put
	Key                                 item // of the others
	ConditionExpression                 string
	UpdateExpression                    string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           item
	ReturnValues                        string
	ReturnValuesOnConditionCheckFailure string

	// Accepted and without effect.
	ReturnConsumedCapacity, ReturnItemCollectionMetrics string
}

// change is what a write comes to: keys is the item's identity, before and
// after are nil where there is no item.
type change struct {
	table         *table
	keys          item
	before, after item
	paths         []path // that an update touched
}

// apply makes the change.
func (c change) apply() {
	defer c.table.note(c.before, c.after)
	if c.after == nil {
		c.table.remove(c.keys)
		return
	}
	c.table.put(c.after)
}

// plan works out what a write comes to, without doing it. operation is Put,
// Update, Delete or ConditionCheck. A condition that does not hold is an error.
func (db *DB) plan(operation string, w write) (change, error) {
	t, err := db.table(w.TableName)
	if err != nil {
		return change{}, err
	}
	c := change{table: t, keys: w.Key}
	if operation == "Put" {
		c.keys = w.Item
	}
	if err := t.identify(c.keys, operation != "Put"); err != nil {
		return change{}, err
	}
	s := newScope(w.ExpressionAttributeNames, w.ExpressionAttributeValues)
	holds, u, err := w.expressions(s)
	if err != nil {
		return change{}, err
	}
	c.before = t.get(c.keys)
	if holds != nil && !holds(c.before) {
		return change{}, notMet(c.before, w.ReturnValuesOnConditionCheckFailure)
	}
	c.after, err = w.result(operation, t, c.before, u)
	if err != nil {
		return change{}, err
	}
	for _, a := range u {
		c.paths = append(c.paths, a.path)
	}
	return c, nil
}

func (w write) expressions(s *scope) (holds condition, u update, err error) {
	if w.ConditionExpression != "" {
		if holds, err = parse(s, "ConditionExpression", w.ConditionExpression, (*parser).condition); err != nil {
			return nil, nil, err
		}
	}
	if w.UpdateExpression != "" {
		if u, err = parse(s, "UpdateExpression", w.UpdateExpression, (*parser).update); err != nil {
			return nil, nil, err
		}
	}
	return holds, u, s.unused()
}

func (w write) result(operation string, t *table, before item, u update) (item, error) {
	switch operation {
	case "Put":
		return w.Item, t.accept(w.Item)
	case "Delete":
		return nil, nil
	case "ConditionCheck":
		return before, nil
	}
	for _, a := range u {
		for _, k := range t.schema.keys() {
			if a.path.root() == k.name {
				return nil, invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", k.name)
			}
		}
	}
	start := before
	if start == nil {
		start = maps.Clone(w.Key)
	}
	after, err := u.apply(start)
	if err != nil {
		return nil, err
	}
	return after, t.accept(after)
}

// writeItem carries out a PutItem, UpdateItem or DeleteItem.
func (db *DB) writeItem(operation string, w write) (any, error) {
	c, err := db.plan(operation, w)
	if err != nil {
		return nil, err
	}
	returned, err := c.returned(w.ReturnValues, operation == "Update")
	if err != nil {
		return nil, err
	}
	c.apply()
	return struct {
		Attributes item `json:",omitempty"`
	}{returned}, nil
}

// returned is what ReturnValues asks for.
func (c change) returned(wanted string, isUpdate bool) (item, error) {
	switch {
	case wanted == "" || wanted == "NONE":
		return nil, nil
	case wanted == "ALL_OLD":
		return c.before, nil
	case wanted == "ALL_NEW" && isUpdate:
		return c.after, nil
	case wanted == "UPDATED_OLD" && isUpdate:
		return project(c.before, c.paths), nil
	case wanted == "UPDATED_NEW" && isUpdate:
		return project(c.after, c.paths), nil
	default:
		return nil, invalid("Return values set to invalid value")
	}
}

// batch is a BatchWriteItem.
type batch struct {
	RequestItems map[string][]struct {
		PutRequest    *struct{ Item item }
		DeleteRequest *struct{ Key item }
	}
	ReturnConsumedCapacity, ReturnItemCollectionMetrics string
}

const mostBatchWrites = 25

// batchWrite carries out a BatchWriteItem, as a whole or not at all: nothing is
// ever left unprocessed here.
func (db *DB) batchWrite(b batch) (any, error) {
	var changes []change
	for name, requests := range b.RequestItems {
		for _, r := range requests {
			operation, w := "Put", write{TableName: name}
			switch {
			case r.PutRequest != nil:
				w.Item = r.PutRequest.Item
			case r.DeleteRequest != nil:
				operation, w.Key = "Delete", r.DeleteRequest.Key
			}
			c, err := db.plan(operation, w)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(changes, c.sameItem) {
				return nil, invalid("Provided list of item keys contains duplicates")
			}
			changes = append(changes, c)
		}
	}
	if len(changes) == 0 || len(changes) > mostBatchWrites {
		return nil, invalid("A batch of writes has 1 to %d requests, not %d", mostBatchWrites, len(changes))
	}
	for _, c := range changes {
		c.apply()
	}
	return map[string]any{"UnprocessedItems": struct{}{}}, nil
}

func (c change) sameItem(d change) bool {
	return c.table == d.table && !slices.ContainsFunc(c.table.schema.keys(), func(k key) bool {
		return !c.keys[k.name].equal(d.keys[k.name])
	})
}
