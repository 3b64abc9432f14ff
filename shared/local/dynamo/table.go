package dynamo

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// mostItem and mostPage are DynamoDB's limits on an item and on a page of
// results, in bytes.
const (
	mostItem = 400 << 10
	mostPage = 1 << 20
)

// key is the name and type of a key attribute; the zero key is no attribute.
type key struct{ name, kind string }

// schema are the keys of a table or an index; sort may be absent.
type schema struct{ hash, sort key }

func (s schema) keys() []key {
	if s.sort.name == "" {
		return []key{s.hash}
	}
	return []key{s.hash, s.sort}
}

// table holds items under their primary key, and in each index those that have
// its keys.
type table struct {
	name    string
	schema  schema
	primary *index
	indexes map[string]*index
	// ttl names the attribute that says when an item expires; empty: none.
	ttl   string
	swept time.Time // when what had expired was last deleted
	// stream gets every change; nil while nobody reads it.
	stream *Stream
}

// index is an order of a table's items: partitions by hash key, each sorted by
// the sort key. The primary index is one too.
type index struct {
	schema     schema
	primary    schema // the table's own keys, which tell equal index keys apart
	projection projection
	partitions map[string][]item
	// order lists the partitions for Scan; nil when it has to be made again.
	order []string
}

// projection is what an index knows of its items.
type projection struct {
	kind string // ALL, KEYS_ONLY, INCLUDE
	with []string
}

func newTable(name string, s schema) *table {
	return &table{
		name: name, schema: s, indexes: map[string]*index{},
		primary: newIndex(s, s, projection{kind: "ALL"}),
	}
}

func newIndex(s, primary schema, p projection) *index {
	return &index{schema: s, primary: primary, projection: p, partitions: map[string][]item{}}
}

// identify checks that i has the table's keys, and with exactly that it has
// nothing else.
func (t *table) identify(i item, exactly bool) error {
	for _, k := range t.schema.keys() {
		v, ok := i[k.name]
		switch {
		case !ok:
			return invalid("One of the required keys was not given a value")
		case v.kind != k.kind:
			return invalid("One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s", k.name, k.kind, v.kind)
		case v.text == "":
			return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: %s", k.name)
		}
	}
	if exactly && len(i) != len(t.schema.keys()) {
		return invalid("The provided key element does not match the schema")
	}
	return nil
}

// accept checks what is to be stored.
func (t *table) accept(i item) error {
	if err := t.identify(i, false); err != nil {
		return err
	}
	for name, x := range t.indexes {
		for _, k := range x.schema.keys() {
			v, ok := i[k.name]
			switch {
			case !ok:
			case v.kind != k.kind:
				return invalid("One or more parameter values were invalid: Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", k.name, k.kind, v.kind, name)
			case v.text == "":
				return invalid("One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: %s, IndexKey: %s", name, k.name)
			}
		}
	}
	if i.size() > mostItem {
		return invalid("Item size has exceeded the maximum allowed size")
	}
	return nil
}

// get is the item with the keys of i; nil when there is none.
func (t *table) get(i item) item {
	partition := t.primary.partitions[i[t.schema.hash.name].text]
	if at, found := t.primary.find(partition, i); found {
		return partition[at]
	}
	return nil
}

// put stores an item in place of the one with the same keys.
func (t *table) put(i item) {
	t.remove(i)
	t.primary.insert(i)
	for _, x := range t.indexes {
		if x.covers(i) {
			x.insert(i)
		}
	}
}

// remove deletes the item with the keys of i, if there is one.
func (t *table) remove(i item) {
	old := t.get(i)
	if old == nil {
		return
	}
	t.primary.remove(old)
	for _, x := range t.indexes {
		if x.covers(old) {
			x.remove(old)
		}
	}
}

// covers reports whether the item has the index's keys: indexes are sparse.
func (x *index) covers(i item) bool {
	for _, k := range x.schema.keys() {
		if _, ok := i[k.name]; !ok {
			return false
		}
	}
	return true
}

func (x *index) insert(i item) {
	name := i[x.schema.hash.name].text
	partition, known := x.partitions[name]
	if !known {
		x.order = nil
	}
	at, _ := x.find(partition, i)
	x.partitions[name] = slices.Insert(partition, at, i)
}

func (x *index) remove(i item) {
	name := i[x.schema.hash.name].text
	partition := x.partitions[name]
	at, found := x.find(partition, i)
	if !found {
		panic("dynamo: an index has lost an item")
	}
	if len(partition) == 1 {
		delete(x.partitions, name)
		x.order = nil
		return
	}
	x.partitions[name] = slices.Delete(partition, at, at+1)
}

// find is where the item with the keys of i is in its partition, or belongs.
func (x *index) find(partition []item, i item) (at int, found bool) {
	return slices.BinarySearchFunc(partition, i, x.compare)
}

// compare orders the items of a partition.
func (x *index) compare(a, b item) int {
	for _, k := range []key{x.schema.sort, x.primary.hash, x.primary.sort} {
		if k.name == "" {
			continue
		}
		if order, _ := a[k.name].compare(b[k.name]); order != 0 {
			return order
		}
	}
	return 0
}

// position is the item's keys, where a later page goes on.
func (x *index) position(i item) item {
	keys := item{}
	for _, k := range slices.Concat(x.schema.keys(), x.primary.keys()) {
		keys[k.name] = i[k.name]
	}
	return keys
}

// seen is the item as the index knows it.
func (x *index) seen(i item) item {
	if x.projection.kind == "ALL" {
		return i
	}
	known := x.position(i)
	for _, name := range x.projection.with {
		if v, ok := i[name]; ok {
			known[name] = v
		}
	}
	return known
}

// DynamoDB deletes expired items within a few days; so late they are deleted
// here, so that software which relies on it is found out.
const (
	ttlDelay = 48 * time.Hour
	ttlSweep = time.Hour
)

// sweep deletes what has expired. There is nothing in the background: whoever
// uses the table next does it.
func (t *table) sweep(now time.Time) {
	if t.ttl == "" || now.Sub(t.swept) < ttlSweep {
		return
	}
	t.swept = now
	var gone []item
	for _, partition := range t.primary.partitions {
		for _, i := range partition {
			if v := i[t.ttl]; v.kind == "N" && expired(v.text, now) {
				gone = append(gone, i)
			}
		}
	}
	for _, i := range gone {
		t.remove(i)
		t.note(i, nil)
	}
}

// expired goes by whole seconds since 1970; what lies more than five years back
// DynamoDB takes for a mistake.
func expired(seconds string, now time.Time) bool {
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return false
	}
	since := now.Sub(time.Unix(at, 0))
	return since >= ttlDelay && cmp.Less(since, 5*365*24*time.Hour)
}
