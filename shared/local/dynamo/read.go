package dynamo

import "slices"

// get is a GetItem or one part of a TransactGetItems.
type get struct {
	TableName                string
	Key                      item
	ConsistentRead           bool // every read of a table is consistent here
	ProjectionExpression     string
	ExpressionAttributeNames map[string]string
	ReturnConsumedCapacity   string
}

type found struct {
	Item item `json:",omitempty"`
}

func (db *DB) getItem(g get) (found, error) {
	t, err := db.table(g.TableName)
	if err != nil {
		return found{}, err
	}
	if err := t.identify(g.Key, true); err != nil {
		return found{}, err
	}
	s := newScope(g.ExpressionAttributeNames, nil)
	shown, err := projector(s, g.ProjectionExpression)
	if err != nil {
		return found{}, err
	}
	if err := s.unused(); err != nil {
		return found{}, err
	}
	return found{shown(t.get(g.Key))}, nil
}

// projector shows of an item what the expression asks for; empty: all.
func projector(s *scope, expression string) (func(item) item, error) {
	if expression == "" {
		return func(i item) item { return i }, nil
	}
	paths, err := parse(s, "ProjectionExpression", expression, (*parser).paths)
	return func(i item) item { return project(i, paths) }, err
}

type transactGet struct {
	TransactItems          []struct{ Get *get }
	ReturnConsumedCapacity string
}

func (db *DB) transactGet(tx transactGet) (any, error) {
	if n := len(tx.TransactItems); n == 0 || n > mostTransactItems {
		return nil, invalid("A transaction has 1 to %d items, not %d", mostTransactItems, n)
	}
	responses := []found{}
	for _, part := range tx.TransactItems {
		if part.Get == nil {
			return nil, invalid("TransactItems can only contain Get")
		}
		f, err := db.getItem(*part.Get)
		if err != nil {
			return nil, err
		}
		responses = append(responses, f)
	}
	return map[string]any{"Responses": responses}, nil
}

type batchGet struct {
	RequestItems map[string]struct {
		Keys                     []item
		ConsistentRead           bool
		ProjectionExpression     string
		ExpressionAttributeNames map[string]string
	}
	ReturnConsumedCapacity string
}

const mostBatchReads = 100

func (db *DB) batchGet(b batchGet) (any, error) {
	responses := map[string][]item{}
	n := 0
	for name, request := range b.RequestItems {
		responses[name] = []item{}
		for i, k := range request.Keys {
			n++
			if slices.ContainsFunc(request.Keys[:i], func(other item) bool { return value{kind: "M", fields: k}.equal(value{kind: "M", fields: other}) }) {
				return nil, invalid("Provided list of item keys contains duplicates")
			}
			f, err := db.getItem(get{
				TableName: name, Key: k, ProjectionExpression: request.ProjectionExpression,
				ExpressionAttributeNames: request.ExpressionAttributeNames,
			})
			if err != nil {
				return nil, err
			}
			if f.Item != nil {
				responses[name] = append(responses[name], f.Item)
			}
		}
	}
	if n == 0 || n > mostBatchReads {
		return nil, invalid("A batch of reads has 1 to %d keys, not %d", mostBatchReads, n)
	}
	return map[string]any{"Responses": responses, "UnprocessedKeys": struct{}{}}, nil
}
