package servicenow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lifecycle/shared/fault"
)

// With returns the kind changed by a JSON object; nothing but white space
// changes nothing. Its keys, all optional:
//
//	{
//	  "table": "sc_req_item",
//	  "query": "cat_item.name=New hire",
//	  "fields": {"first_name": "variable:first_name", "role": ""},
//	  "states": {"resolved": {"values": ["3"], "set": {"close_notes": "Done."}}},
//	  "return_group": "Service Desk",
//	  "escalation_group": "IT Operations"
//	}
//
// Fields and states that are not named stay as they are; a field with an empty
// source is not read at all. Another table brings its usual states along, where
// these are known (incident, sc_req_item, sc_task, task), and needs a query of
// its own.
//
// The error is *fault.Invalid and lists everything that is wrong.
func (k Kind) With(overrides []byte) (Kind, error) {
	if len(bytes.TrimSpace(overrides)) == 0 {
		return k, nil
	}
	k.Fields, k.States = maps.Clone(k.Fields), maps.Clone(k.States)
	o := override{kind: k}
	if parts, ok := o.object("", overrides, "table", "query", "fields", "states", "return_group", "escalation_group"); ok {
		o.apply(parts)
		o.checkStates()
	}
	if len(o.problems) > 0 {
		return Kind{}, &fault.Invalid{Message: "the configuration of the " + k.Name + " tickets cannot be used", Problems: o.problems}
	}
	return o.kind, nil
}

// override collects problems while it is applied.
type override struct {
	kind     Kind
	problems []string
}

func (o *override) problemf(format string, args ...any) {
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

// object reads a JSON object whose keys are among the known ones; none known
// means that any key goes.
func (o *override) object(where string, raw json.RawMessage, known ...string) (map[string]json.RawMessage, bool) {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil || parts == nil {
		o.problemf("%s must be a JSON object", named(where))
		return nil, false
	}
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		if len(known) > 0 && !slices.Contains(known, key) {
			o.problemf("%s has no %q; it has %s", named(where), key, strings.Join(known, ", "))
		}
	}
	return parts, true
}

func (o *override) text(where string, raw json.RawMessage) (string, bool) {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		o.problemf("%s must be a text", named(where))
		return "", false
	}
	return *text, true
}

func named(where string) string {
	if where == "" {
		return "it"
	}
	return where
}

func (o *override) apply(parts map[string]json.RawMessage) {
	if raw, ok := parts["table"]; ok {
		o.table(raw, parts)
	}
	if raw, ok := parts["query"]; ok {
		if text, ok := o.text("query", raw); ok {
			_, problems := parseQuery(text)
			for _, p := range problems {
				o.problemf("query: %s", p)
			}
			o.kind.Query = text
		}
	}
	if raw, ok := parts["fields"]; ok {
		o.fields(raw)
	}
	if raw, ok := parts["states"]; ok {
		o.states(raw)
	}
	for key, group := range map[string]*string{"return_group": &o.kind.ReturnGroup, "escalation_group": &o.kind.EscalationGroup} {
		raw, ok := parts[key]
		if !ok {
			continue
		}
		text, ok := o.text(key, raw)
		if why := refusedValue(text); ok && why != "" {
			o.problemf("%s is not the name of a group: %s", key, why)
		}
		*group = text
	}
}

func (o *override) table(raw json.RawMessage, parts map[string]json.RawMessage) {
	table, ok := o.text("table", raw)
	switch {
	case !ok || table == o.kind.Table:
		return
	case !tableName.MatchString(table):
		o.problemf("table: %q is not the name of a table", table)
		return
	}
	o.kind.Table, o.kind.States = table, statesOf(table)
	if _, given := parts["query"]; !given {
		o.problemf("query is needed with another table: what tells these tickets from others in %s", table)
	}
	if _, given := parts["states"]; !given && o.kind.States == nil {
		o.problemf("states are needed with the table %s, whose usual ones are not known here", table)
	}
	if o.kind.States == nil {
		o.kind.States = map[Phase]State{}
	}
}

// variableName takes what the catalog does as a variable's name.
var variableName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_ -]{0,79}$`)

func (o *override) fields(raw json.RawMessage) {
	fields, ok := o.object("fields", raw, slices.Sorted(maps.Keys(o.kind.Fields))...)
	if !ok {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		from, ok := o.text("fields."+name, fields[name])
		variable, isVariable := strings.CutPrefix(from, variablePrefix)
		switch {
		case !ok:
		case from == "":
			delete(o.kind.Fields, name)
		case isVariable && !variableName.MatchString(variable), !isVariable && !columnName.MatchString(from):
			o.problemf("fields.%s: %q is neither a column nor %q with the name of a catalog variable", name, from, variablePrefix)
		default:
			o.kind.Fields[name] = from
		}
	}
}

func (o *override) states(raw json.RawMessage) {
	known := make([]string, len(phases))
	for i, p := range phases {
		known[i] = string(p)
	}
	given, ok := o.object("states", raw, known...)
	if !ok {
		return
	}
	for _, phase := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, phase) {
			continue // reported
		}
		where := "states." + phase
		parts, ok := o.object(where, given[phase], "values", "set")
		if !ok {
			continue
		}
		state := o.kind.States[Phase(phase)]
		if raw, ok := parts["values"]; ok {
			state.Values = o.stateValues(where, raw)
		}
		if raw, ok := parts["set"]; ok {
			state.Set = o.stateColumns(where, raw)
		}
		o.kind.States[Phase(phase)] = state
	}
}

func (o *override) stateValues(where string, raw json.RawMessage) []string {
	var values []string
	if err := json.Unmarshal(raw, &values); err != nil || len(values) == 0 {
		o.problemf(`%s.values must be a list of texts such as ["6"]`, where)
		return nil
	}
	for _, v := range values {
		if why := refusedValue(v); why != "" || strings.Contains(v, ",") {
			o.problemf("%s.values: %q is not the value of a state", where, v)
		}
	}
	return values
}

func (o *override) stateColumns(where string, raw json.RawMessage) map[string]string {
	columns := map[string]string{}
	parts, _ := o.object(where+".set", raw)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if !columnName.MatchString(name) || strings.Contains(name, ".") || name == stateColumn {
			o.problemf("%s.set: %q is not a column that can be written with the state", where, name)
		}
		columns[name], _ = o.text(where+".set."+name, parts[name])
	}
	return columns
}

// checkStates holds the phases against each other.
func (o *override) checkStates() {
	meaning := map[string]Phase{}
	for _, p := range phases {
		for _, v := range o.kind.States[p].Values {
			if other, taken := meaning[v]; taken {
				o.problemf("states: the value %q means both %s and %s", v, other, p)
			}
			meaning[v] = p
		}
		if slices.Contains(written, p) && len(o.kind.States[p].Values) == 0 {
			o.problemf("states: %s needs a value, because tickets are put into it", p)
		}
	}
}
