package dynamo

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// DB is a DynamoDB. It is an http.Handler and safe for concurrent use.
type DB struct {
	mu       sync.Mutex
	tables   map[string]*table
	tokens   map[string]spent // of transactions, by ClientRequestToken
	forgetAt int              // how many tokens there may be before old ones are forgotten
	serial   int              // numbers requests
	counts   map[string]int   // calls by operation
	looked   int              // items that queries and scans looked at
	fault    func(*http.Request, int) *Fault
	faulted  int // requests seen by fault
}

// New makes a DynamoDB without tables.
func New() *DB {
	return &DB{tables: map[string]*table{}, tokens: map[string]spent{}, counts: map[string]int{}}
}

// Client returns a client of this DB with the SDK's usual settings.
func (db *DB) Client() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       "eu-central-1",
		BaseEndpoint: aws.String("http://dynamodb.invalid"),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient:   &http.Client{Transport: db.Transport()},
	})
}

// Calls tells how many calls of each operation ("PutItem") there were.
func (db *DB) Calls() map[string]int {
	db.mu.Lock()
	defer db.mu.Unlock()
	return maps.Clone(db.counts)
}

// Looked tells how many items queries and scans have looked at, returned or not:
// what DynamoDB would charge for.
func (db *DB) Looked() int {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.looked
}

// Spec describes a table. Keys are written "name", or "name:N" for a number;
// without a type they are strings.
type Spec struct {
	Name string
	// Hash is the partition key, Range the sort key; Range may be empty.
	Hash, Range string
	Indexes     []Index
	// TTL is the attribute that says when an item expires, in seconds since
	// 1970; empty: items do not expire.
	TTL string
}

// Index describes a global secondary index.
type Index struct {
	Name string
	// Hash and Range are as in Spec.
	Hash, Range string
	// KeysOnly and Include narrow what the index knows of an item to its keys,
	// or those and the attributes named; otherwise it knows all.
	KeysOnly bool
	Include  []string
}

// CreateTable creates a table. A table of that name, or a description that
// contradicts itself, is an error.
func (db *DB) CreateTable(_ context.Context, s Spec) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	t := newTable(s.Name, schemaOf(s.Hash, s.Range))
	t.ttl = s.TTL
	for _, x := range s.Indexes {
		p := projection{kind: "ALL"}
		switch {
		case x.KeysOnly:
			p.kind = "KEYS_ONLY"
		case x.Include != nil:
			p = projection{kind: "INCLUDE", with: x.Include}
		}
		if _, taken := t.indexes[x.Name]; taken {
			return invalid("Duplicate index name: %s", x.Name)
		}
		t.indexes[x.Name] = newIndex(schemaOf(x.Hash, x.Range), t.schema, p)
	}
	return db.addTable(t)
}

func (db *DB) addTable(t *table) error {
	schemas := append(make([]schema, 0, 1+len(t.indexes)), t.schema)
	for _, x := range t.indexes {
		schemas = append(schemas, x.schema)
	}
	kinds := map[string]string{}
	for _, s := range schemas {
		for _, k := range s.keys() {
			if k.name == "" || !slices.Contains([]string{"S", "N", "B"}, k.kind) {
				return invalid("The key %q of table %s has the type %q; it must be S, N or B", k.name, t.name, k.kind)
			}
			if other, known := kinds[k.name]; known && other != k.kind {
				return invalid("The key %q of table %s has two types, %s and %s", k.name, t.name, other, k.kind)
			}
			kinds[k.name] = k.kind
		}
	}
	if _, exists := db.tables[t.name]; exists || t.name == "" {
		return refuse("ResourceInUseException", "Table already exists: %s", t.name)
	}
	db.tables[t.name] = t
	return nil
}

func schemaOf(hash, sort string) schema { return schema{keyOf(hash), keyOf(sort)} }
