package template

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// decoded is decode, once per text: tests start the same template thousands of
// times, and what was decoded is only read.
func decoded(text []byte) (map[string]any, error) {
	if known, ok := documents.Load(string(text)); ok {
		return known.(map[string]any), nil
	}
	document, err := decode(text)
	if err == nil {
		documents.Store(string(text), document)
	}
	return document, err
}

var documents sync.Map

// decode reads YAML with CloudFormation's short forms: !Ref x becomes
// {"Ref": x}, !Sub x {"Fn::Sub": x} and so on.
func decode(text []byte) (map[string]any, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	if len(root.Content) != 1 {
		return nil, fmt.Errorf("template: not one document")
	}
	value, err := plain(root.Content[0])
	if err != nil {
		return nil, err
	}
	document, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("template: not a mapping")
	}
	return document, nil
}

func plain(n *yaml.Node) (any, error) {
	tag := n.Tag
	if strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
		bare := *n
		bare.Tag = ""
		value, err := plain(&bare)
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(tag, "!")
		if name == "Ref" || name == "Condition" {
			return map[string]any{name: value}, nil
		}
		if text, isText := value.(string); isText && name == "GetAtt" {
			id, attribute, _ := strings.Cut(text, ".")
			value = []any{id, attribute}
		}
		return map[string]any{"Fn::" + name: value}, nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			value, err := plain(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = value
		}
		return m, nil
	case yaml.SequenceNode:
		l := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			value, err := plain(item)
			if err != nil {
				return nil, err
			}
			l = append(l, value)
		}
		return l, nil
	case yaml.ScalarNode:
		var value any
		if err := n.Decode(&value); err != nil {
			return nil, fmt.Errorf("template: line %d: %w", n.Line, err)
		}
		return value, nil
	default:
		return nil, fmt.Errorf("template: line %d: aliases are not used here", n.Line)
	}
}

// evaluator knows what every name of the template stands for.
type evaluator struct {
	parameters map[string]string
	conditions map[string]any
	globals    map[string]any
	names      map[string]string            // what Ref gives
	attributes map[string]map[string]string // what GetAtt gives
}

func newEvaluator(document map[string]any, stack string, given map[string]string) (*evaluator, error) {
	e := &evaluator{
		parameters: map[string]string{
			"AWS::Region": Region, "AWS::AccountId": Account, "AWS::Partition": "aws",
			"AWS::StackName": stack, "AWS::URLSuffix": "amazonaws.com",
		},
		conditions: object(document["Conditions"]),
		globals:    object(object(document["Globals"])["Function"]),
		names:      map[string]string{}, attributes: map[string]map[string]string{},
	}
	declared := object(document["Parameters"])
	for name := range given {
		if _, known := declared[name]; !known {
			return nil, fmt.Errorf("template: there is no parameter %s", name)
		}
	}
	for name, raw := range declared {
		value, set := given[name]
		if fallback, has := object(raw)["Default"]; !set && has {
			value, set = fmt.Sprint(fallback), true
		}
		if !set {
			return nil, fmt.Errorf("template: the parameter %s has no default and was not given", name)
		}
		e.parameters[name] = value
	}
	for id, raw := range object(document["Resources"]) {
		if err := e.name(id, object(raw), stack); err != nil {
			return nil, fmt.Errorf("template: resource %s: %w", id, err)
		}
	}
	return e, nil
}

// name gives a resource the names that CloudFormation would give it.
func (e *evaluator) name(id string, resource map[string]any, stack string) error {
	physical := stack + "-" + id
	arn := func(service, rest string) string {
		return "arn:aws:" + service + ":" + Region + ":" + Account + ":" + rest
	}
	ref, attributes := physical, map[string]string{}
	switch resource["Type"] {
	case "AWS::Serverless::Function":
		attributes["Arn"] = arn("lambda", "function:"+physical)
	case "AWS::Serverless::StateMachine":
		name, err := e.text(object(resource["Properties"])["Name"])
		if err != nil {
			return err
		}
		ref = arn("states", "stateMachine:"+name)
		attributes["Arn"], attributes["Name"] = ref, name
	case "AWS::DynamoDB::Table":
		attributes["Arn"] = arn("dynamodb", "table/"+physical)
		attributes["StreamArn"] = attributes["Arn"] + "/stream/1"
	case "AWS::SecretsManager::Secret":
		ref = arn("secretsmanager", "secret:"+physical)
	case "AWS::S3::Bucket":
		ref = strings.ToLower(physical)
		attributes["Arn"] = "arn:aws:s3:::" + ref
	case "AWS::SQS::Queue":
		attributes["Arn"], attributes["QueueName"] = arn("sqs", physical), physical
	case "AWS::SNS::Topic":
		ref = arn("sns", physical)
	case "AWS::Serverless::HttpApi":
		attributes["ApiEndpoint"] = "https://" + strings.ToLower(physical) + ".execute-api.local"
	case "AWS::Logs::LogGroup":
		attributes["Arn"] = arn("logs", "log-group:"+physical)
	}
	e.names[id], e.attributes[id] = ref, attributes
	return nil
}

// text evaluates a value that has to be a string in the end.
func (e *evaluator) text(v any) (string, error) {
	value, err := e.value(v)
	if err != nil {
		return "", err
	}
	switch value.(type) {
	case map[string]any, []any, nil:
		return "", fmt.Errorf("%v is not a text", value)
	}
	return fmt.Sprint(value), nil
}

func (e *evaluator) value(v any) (any, error) {
	m, isObject := v.(map[string]any)
	if !isObject || len(m) != 1 {
		return v, nil
	}
	for name, argument := range m {
		switch name {
		case "Ref":
			return e.ref(fmt.Sprint(argument))
		case "Fn::GetAtt":
			parts := list(argument)
			if len(parts) != 2 {
				return nil, fmt.Errorf("GetAtt of %v", argument)
			}
			return e.attribute(fmt.Sprint(parts[0]), fmt.Sprint(parts[1]))
		case "Fn::Sub":
			text, isText := argument.(string)
			if !isText {
				return nil, fmt.Errorf("Sub with variables of its own is not used here")
			}
			return e.substitute(text)
		case "Fn::If":
			parts := list(argument)
			if len(parts) != 3 {
				return nil, fmt.Errorf("If of %v", argument)
			}
			holds, err := e.holds(fmt.Sprint(parts[0]))
			if err != nil {
				return nil, err
			}
			if holds {
				return e.value(parts[1])
			}
			return e.value(parts[2])
		}
	}
	return v, nil
}

func (e *evaluator) ref(name string) (string, error) {
	if value, known := e.parameters[name]; known {
		return value, nil
	}
	if value, known := e.names[name]; known {
		return value, nil
	}
	return "", fmt.Errorf("nothing is called %s", name)
}

func (e *evaluator) attribute(id, name string) (string, error) {
	value, known := e.attributes[id][name]
	if !known {
		return "", fmt.Errorf("%s has no attribute %s", id, name)
	}
	return value, nil
}

var placeholder = regexp.MustCompile(`\$\{([^}]+)\}`)

func (e *evaluator) substitute(text string) (string, error) {
	var failed error
	out := placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		var value string
		var err error
		if id, attribute, isAttribute := strings.Cut(name, "."); isAttribute {
			value, err = e.attribute(id, attribute)
		} else {
			value, err = e.ref(name)
		}
		if err != nil && failed == nil {
			failed = err
		}
		return value
	})
	return out, failed
}

// holds evaluates a named condition; Equals and Not are all the template uses.
func (e *evaluator) holds(name string) (bool, error) {
	condition, known := e.conditions[name]
	if !known {
		return false, fmt.Errorf("there is no condition %s", name)
	}
	return e.judge(condition)
}

func (e *evaluator) judge(condition any) (bool, error) {
	for name, argument := range object(condition) {
		parts := list(argument)
		switch {
		case name == "Fn::Equals" && len(parts) == 2:
			left, err := e.text(parts[0])
			if err != nil {
				return false, err
			}
			right, err := e.text(parts[1])
			return left == right, err
		case name == "Fn::Not" && len(parts) == 1:
			holds, err := e.judge(parts[0])
			return !holds, err
		}
	}
	return false, fmt.Errorf("the condition %v is not understood", condition)
}
