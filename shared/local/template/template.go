// Package template reads template.yaml, the only description of the cloud, so
// that the embedded one cannot drift from what is deployed.
//
// It evaluates the parameters and the intrinsic functions that the template
// uses, names every resource as CloudFormation would (with a made-up account),
// and returns functions, routes, schedules, state machines, tables, secrets and
// buckets as plain Go values. What it does not understand is an error: a
// resource type or function that is skipped silently would be one that the
// embedded cloud lacks.
package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Account and Region are those of the embedded cloud.
const (
	Account = "123456789012"
	Region  = "us-east-1"
)

// Cloud is the template with everything evaluated.
type Cloud struct {
	Functions []Function
	Machines  []Machine
	Tables    []Table
	Secrets   []Secret
	Buckets   []Bucket
	Outputs   map[string]string
}

// Function is one Lambda.
type Function struct {
	ID, ARN string
	Env     map[string]string
	Timeout time.Duration
	// Reserved is the reserved concurrency; 0 when there is none.
	Reserved int
	Routes   []Route
	Ticks    []Tick
	// Patterns are the EventBridge rules that send events to it.
	Patterns []Pattern
	// Feeds are the streams of tables that it is invoked with.
	Feeds []Feed
}

// Route is a route of the HTTP API.
type Route struct {
	Method, Path string
	// IAM is true when callers have to sign their requests.
	IAM bool
}

// Tick is a schedule with what it sends.
type Tick struct {
	Every time.Duration
	Input string
}

// Machine is one state machine.
type Machine struct {
	ID, Name, ARN string
	// File is the definition's path, relative to the template.
	File          string
	Substitutions map[string]string
	Ticks         []Tick
}

// Table is one DynamoDB table; all attributes of its keys are strings.
type Table struct {
	Name     string
	Hash     string
	Range    string // empty when there is none
	Indexes  []Index
	TTL      string // attribute; empty when items do not expire
	KeyTypes map[string]string
}

// Index is a global secondary index that projects everything.
type Index struct{ Name, Hash, Range string }

// Secret is a Secrets Manager secret; the template knows no value of one.
type Secret struct{ ID, ARN string }

// Parse evaluates a template with the given parameters; those not given have
// their defaults. A parameter with neither is an error, as is an unknown one.
func Parse(text []byte, stack string, parameters map[string]string) (*Cloud, error) {
	document, err := decoded(text)
	if err != nil {
		return nil, err
	}
	e, err := newEvaluator(document, stack, parameters)
	if err != nil {
		return nil, err
	}
	cloud := &Cloud{Outputs: map[string]string{}}
	resources := object(document["Resources"])
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		if err := cloud.add(e, id, object(resources[id])); err != nil {
			return nil, fmt.Errorf("template: resource %s: %w", id, err)
		}
	}
	for name, output := range object(document["Outputs"]) {
		value, err := e.text(object(output)["Value"])
		if err != nil {
			return nil, fmt.Errorf("template: output %s: %w", name, err)
		}
		cloud.Outputs[name] = value
	}
	return cloud, nil
}

// Function returns the function with that logical id or ARN.
func (c *Cloud) Function(id string) (Function, bool) {
	i := slices.IndexFunc(c.Functions, func(f Function) bool { return f.ID == id || f.ARN == id })
	if i < 0 {
		return Function{}, false
	}
	return c.Functions[i], true
}

// passive are resources that nothing in the embedded cloud has to act for.
var passive = []string{
	"AWS::Serverless::HttpApi", "AWS::Logs::LogGroup", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy",
	"AWS::SNS::Topic", "AWS::SNS::Subscription", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard",
}

func (c *Cloud) add(e *evaluator, id string, resource map[string]any) error {
	kind, _ := resource["Type"].(string)
	properties := object(resource["Properties"])
	switch kind {
	case "AWS::Serverless::Function":
		return c.addFunction(e, id, properties)
	case "AWS::Serverless::StateMachine":
		return c.addMachine(e, id, properties)
	case "AWS::DynamoDB::Table":
		return c.addTable(e, id, properties)
	case "AWS::SecretsManager::Secret":
		c.Secrets = append(c.Secrets, Secret{ID: id, ARN: e.names[id]})
	case "AWS::S3::Bucket":
		return c.addBucket(e, id, properties)
	default:
		if !slices.Contains(passive, kind) {
			return fmt.Errorf("type %s is not part of the embedded cloud", kind)
		}
	}
	return nil
}

func (c *Cloud) addFunction(e *evaluator, id string, own map[string]any) error {
	properties := merged(e.globals, own)
	f := Function{ID: id, ARN: e.attributes[id]["Arn"], Env: map[string]string{}}
	variables := object(object(properties["Environment"])["Variables"])
	for name, value := range variables {
		text, err := e.text(value)
		if err != nil {
			return fmt.Errorf("variable %s: %w", name, err)
		}
		f.Env[name] = text
	}
	f.Timeout = time.Duration(number(properties["Timeout"], 3)) * time.Second
	f.Reserved = number(properties["ReservedConcurrentExecutions"], 0)
	for name, event := range object(properties["Events"]) {
		switch kind, about := object(event)["Type"], object(object(event)["Properties"]); kind {
		case "HttpApi":
			route := Route{Method: fmt.Sprint(about["Method"]), Path: fmt.Sprint(about["Path"])}
			switch authorizer := object(about["Auth"])["Authorizer"]; authorizer {
			case nil:
			case "AWS_IAM":
				route.IAM = true
			default:
				return fmt.Errorf("event %s: the authorizer %v is not part of the embedded cloud", name, authorizer)
			}
			f.Routes = append(f.Routes, route)
		case "Schedule":
			var err error
			if f.Ticks, err = e.ticks(f.Ticks, about); err != nil {
				return fmt.Errorf("event %s: %w", name, err)
			}
		case "EventBridgeRule":
			pattern, err := newPattern(object(about["Pattern"]))
			if err != nil {
				return fmt.Errorf("event %s: %w", name, err)
			}
			f.Patterns = append(f.Patterns, pattern)
		case "DynamoDB":
			feed, err := e.feed(about)
			if err != nil {
				return fmt.Errorf("event %s: %w", name, err)
			}
			f.Feeds = append(f.Feeds, feed)
		default:
			return fmt.Errorf("event %s: type %v is not part of the embedded cloud", name, kind)
		}
	}
	c.Functions = append(c.Functions, f)
	return nil
}

func (c *Cloud) addMachine(e *evaluator, id string, properties map[string]any) error {
	m := Machine{ID: id, ARN: e.names[id], Name: e.attributes[id]["Name"], Substitutions: map[string]string{}}
	m.File, _ = properties["DefinitionUri"].(string)
	if m.File == "" {
		return fmt.Errorf("has no DefinitionUri")
	}
	for name, value := range object(properties["DefinitionSubstitutions"]) {
		text, err := e.text(value)
		if err != nil {
			return fmt.Errorf("substitution %s: %w", name, err)
		}
		m.Substitutions[name] = text
	}
	for name, event := range object(properties["Events"]) {
		if object(event)["Type"] != "Schedule" {
			return fmt.Errorf("event %s: type %v is not part of the embedded cloud", name, object(event)["Type"])
		}
		var err error
		if m.Ticks, err = e.ticks(m.Ticks, object(object(event)["Properties"])); err != nil {
			return fmt.Errorf("event %s: %w", name, err)
		}
	}
	c.Machines = append(c.Machines, m)
	return nil
}

func (c *Cloud) addTable(e *evaluator, id string, properties map[string]any) error {
	t := Table{Name: e.names[id], KeyTypes: map[string]string{}}
	for _, raw := range list(properties["AttributeDefinitions"]) {
		a := object(raw)
		t.KeyTypes[fmt.Sprint(a["AttributeName"])] = fmt.Sprint(a["AttributeType"])
	}
	t.Hash, t.Range = keys(properties["KeySchema"])
	if t.Hash == "" {
		return fmt.Errorf("has no hash key")
	}
	for _, raw := range list(properties["GlobalSecondaryIndexes"]) {
		index := Index{Name: fmt.Sprint(object(raw)["IndexName"])}
		index.Hash, index.Range = keys(object(raw)["KeySchema"])
		if object(object(raw)["Projection"])["ProjectionType"] != "ALL" {
			return fmt.Errorf("index %s does not project everything", index.Name)
		}
		t.Indexes = append(t.Indexes, index)
	}
	if ttl := object(properties["TimeToLiveSpecification"]); ttl["Enabled"] == true {
		t.TTL = fmt.Sprint(ttl["AttributeName"])
	}
	c.Tables = append(c.Tables, t)
	return nil
}

func keys(schema any) (hash, sort string) {
	for _, raw := range list(schema) {
		switch k := object(raw); k["KeyType"] {
		case "HASH":
			hash = fmt.Sprint(k["AttributeName"])
		case "RANGE":
			sort = fmt.Sprint(k["AttributeName"])
		}
	}
	return hash, sort
}

// ticks adds a schedule, unless it is switched off.
func (e *evaluator) ticks(to []Tick, properties map[string]any) ([]Tick, error) {
	if state, given := properties["State"]; given {
		on, err := e.text(state)
		if err != nil || on == "DISABLED" {
			return to, err
		}
	}
	tick, err := e.tick(properties)
	return append(to, tick), err
}

// tick reads a schedule. Rates are all the template uses.
func (e *evaluator) tick(properties map[string]any) (Tick, error) {
	expression, err := e.text(properties["Schedule"])
	if err != nil {
		return Tick{}, err
	}
	var n int
	var unit string
	if _, err := fmt.Sscanf(expression, "rate(%d %s", &n, &unit); err != nil || n < 1 {
		return Tick{}, fmt.Errorf("schedule %q is not a rate", expression)
	}
	units := map[string]time.Duration{
		"minute)": time.Minute, "minutes)": time.Minute, "hour)": time.Hour, "hours)": time.Hour,
		"day)": 24 * time.Hour, "days)": 24 * time.Hour,
	}
	length, known := units[unit]
	if !known {
		return Tick{}, fmt.Errorf("schedule %q has an unknown unit", expression)
	}
	input, _ := properties["Input"].(string)
	if input == "" {
		// What EventBridge sends when the target gives no input, as far as anybody reads it.
		body, err := json.Marshal(map[string]any{"source": "aws.events", "detail-type": "Scheduled Event", "detail": map[string]any{}})
		if err != nil {
			return Tick{}, err
		}
		input = string(body)
	}
	return Tick{Every: time.Duration(n) * length, Input: input}, nil
}

// merged lays a function's own properties over the global ones, one level deep
// and for the environment two, as SAM does.
func merged(globals, own map[string]any) map[string]any {
	all := maps.Clone(globals)
	if all == nil {
		all = map[string]any{}
	}
	for name, value := range own {
		if name == "Environment" {
			variables := maps.Clone(object(object(globals["Environment"])["Variables"]))
			if variables == nil {
				variables = map[string]any{}
			}
			maps.Copy(variables, object(object(value)["Variables"]))
			value = map[string]any{"Variables": variables}
		}
		all[name] = value
	}
	return all
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }
func list(v any) []any            { l, _ := v.([]any); return l }

func number(v any, otherwise int) int {
	if n, ok := v.(int); ok {
		return n
	}
	return otherwise
}
