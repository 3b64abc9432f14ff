package dynamo

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func keyOf(text string) key {
	if text == "" {
		return key{}
	}
	name, kind, typed := strings.Cut(text, ":")
	if !typed {
		kind = "S"
	}
	return key{name, kind}
}

func (db *DB) table(name string) (*table, error) {
	t, ok := db.tables[name]
	if !ok {
		return nil, missing("Requested resource not found: Table: %s not found", name)
	}
	return t, nil
}

type keyElement struct{ AttributeName, KeyType string }

type attributeDefinition struct{ AttributeName, AttributeType string }

type wireProjection struct {
	ProjectionType   string
	NonKeyAttributes []string `json:",omitempty"`
}

type wireIndex struct {
	IndexName   string
	KeySchema   []keyElement
	Projection  *wireProjection
	IndexStatus string `json:",omitempty"`
}

// creation is a CreateTable. What only matters in the cloud is accepted and has
// no effect.
type creation struct {
	TableName              string
	KeySchema              []keyElement
	AttributeDefinitions   []attributeDefinition
	GlobalSecondaryIndexes []wireIndex

	BillingMode                                                 string
	ProvisionedThroughput, OnDemandThroughput, SSESpecification any
	StreamSpecification, Tags, TableClass                       any
	DeletionProtectionEnabled                                   any
}

// create carries out a CreateTable.
func (db *DB) create(c creation) (any, error) {
	kinds := map[string]string{}
	for _, a := range c.AttributeDefinitions {
		kinds[a.AttributeName] = a.AttributeType
	}
	t := newTable(c.TableName, schemaFrom(c.KeySchema, kinds))
	for _, x := range c.GlobalSecondaryIndexes {
		if x.Projection == nil {
			return nil, invalid("One or more parameter values were invalid: Unknown ProjectionType: null")
		}
		p := projection{kind: x.Projection.ProjectionType, with: x.Projection.NonKeyAttributes}
		if !slices.Contains([]string{"ALL", "KEYS_ONLY", "INCLUDE"}, p.kind) {
			return nil, invalid("One or more parameter values were invalid: Unknown ProjectionType: %s", p.kind)
		}
		t.indexes[x.IndexName] = newIndex(schemaFrom(x.KeySchema, kinds), t.schema, p)
	}
	if err := db.addTable(t); err != nil {
		return nil, err
	}
	return map[string]any{"TableDescription": t.describe()}, nil
}

func schemaFrom(elements []keyElement, kinds map[string]string) schema {
	var s schema
	for _, e := range elements {
		k := key{e.AttributeName, kinds[e.AttributeName]}
		if e.KeyType == "HASH" {
			s.hash = k
		} else {
			s.sort = k
		}
	}
	return s
}

type named struct{ TableName string }

func (t *table) describe() map[string]any {
	kinds := map[string]string{}
	elements := func(s schema) []keyElement {
		found := []keyElement{{s.hash.name, "HASH"}}
		if s.sort.name != "" {
			found = append(found, keyElement{s.sort.name, "RANGE"})
		}
		for _, k := range s.keys() {
			kinds[k.name] = k.kind
		}
		return found
	}
	count := 0
	for _, partition := range t.primary.partitions {
		count += len(partition)
	}
	description := map[string]any{
		"TableName": t.name, "TableStatus": "ACTIVE", "KeySchema": elements(t.schema), "ItemCount": count,
		"TableArn": "arn:aws:dynamodb:eu-central-1:000000000000:table/" + t.name,
	}
	indexes := make([]wireIndex, 0, len(t.indexes))
	for _, name := range slices.Sorted(maps.Keys(t.indexes)) {
		x := t.indexes[name]
		indexes = append(indexes, wireIndex{
			IndexName: name, KeySchema: elements(x.schema), IndexStatus: "ACTIVE",
			Projection: &wireProjection{x.projection.kind, x.projection.with},
		})
	}
	if len(indexes) > 0 {
		description["GlobalSecondaryIndexes"] = indexes
	}
	definitions := make([]attributeDefinition, 0, len(kinds))
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		definitions = append(definitions, attributeDefinition{name, kinds[name]})
	}
	description["AttributeDefinitions"] = definitions
	return description
}

func (db *DB) describe(n named) (any, error) {
	t, err := db.table(n.TableName)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Table": t.describe()}, nil
}

func (db *DB) drop(n named) (any, error) {
	t, err := db.table(n.TableName)
	if err != nil {
		return nil, err
	}
	delete(db.tables, n.TableName)
	return map[string]any{"TableDescription": t.describe()}, nil
}

func (db *DB) list(struct{}) (any, error) {
	return map[string]any{"TableNames": slices.Sorted(maps.Keys(db.tables))}, nil
}

type timeToLive struct {
	TableName               string
	TimeToLiveSpecification struct {
		AttributeName string
		Enabled       bool
	}
}

func (db *DB) setTTL(l timeToLive) (any, error) {
	t, err := db.table(l.TableName)
	if err != nil {
		return nil, err
	}
	t.ttl = ""
	if l.TimeToLiveSpecification.Enabled {
		t.ttl = l.TimeToLiveSpecification.AttributeName
	}
	return map[string]any{"TimeToLiveSpecification": l.TimeToLiveSpecification}, nil
}

func (db *DB) describeTTL(n named) (any, error) {
	t, err := db.table(n.TableName)
	if err != nil {
		return nil, err
	}
	if t.ttl == "" {
		return map[string]any{"TimeToLiveDescription": map[string]any{"TimeToLiveStatus": "DISABLED"}}, nil
	}
	return map[string]any{"TimeToLiveDescription": map[string]any{"TimeToLiveStatus": "ENABLED", "AttributeName": t.ttl}}, nil
}

// Input is the CreateTable call that makes the same table on another DynamoDB,
// apart from TTL, which is a call of its own there.
func (s Spec) Input() *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{TableName: aws.String(s.Name), BillingMode: types.BillingModePayPerRequest}
	defined := map[string]bool{}
	elements := func(of schema) []types.KeySchemaElement {
		found := make([]types.KeySchemaElement, 0, len(of.keys()))
		for n, k := range of.keys() {
			role := types.KeyTypeHash
			if n > 0 {
				role = types.KeyTypeRange
			}
			found = append(found, types.KeySchemaElement{AttributeName: aws.String(k.name), KeyType: role})
			if !defined[k.name] {
				defined[k.name] = true
				in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
					AttributeName: aws.String(k.name), AttributeType: types.ScalarAttributeType(k.kind),
				})
			}
		}
		return found
	}
	in.KeySchema = elements(schemaOf(s.Hash, s.Range))
	for _, x := range s.Indexes {
		shown := &types.Projection{ProjectionType: types.ProjectionTypeAll}
		switch {
		case x.KeysOnly:
			shown.ProjectionType = types.ProjectionTypeKeysOnly
		case x.Include != nil:
			shown.ProjectionType, shown.NonKeyAttributes = types.ProjectionTypeInclude, x.Include
		}
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(x.Name), KeySchema: elements(schemaOf(x.Hash, x.Range)), Projection: shown,
		})
	}
	return in
}
