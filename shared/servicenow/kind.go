package servicenow

import (
	"maps"
	"slices"
	"strings"

	"lifecycle/shared/fault"
)

// Phase is how far a ticket has come, whatever numbers the instance uses.
type Phase string

// The phases of a ticket.
const (
	Open       Phase = "open"
	InProgress Phase = "in_progress"
	OnHold     Phase = "on_hold"
	// Resolved is carried out; a ticket can be reopened from it.
	Resolved Phase = "resolved"
	Closed   Phase = "closed"
	// Cancelled is ended without having been carried out.
	Cancelled Phase = "cancelled"
)

// phases in the order of a ticket's life.
var phases = []Phase{Open, InProgress, OnHold, Resolved, Closed, Cancelled}

// written are the phases that tickets are put into, which every kind needs.
var written = []Phase{Open, InProgress, Resolved}

// unfinished are the phases of a ticket that is still to be carried out.
var unfinished = []Phase{Open, InProgress, OnHold}

// State says how a phase is kept in the instance.
type State struct {
	// Values are the values of the column state that mean this phase; the first
	// is the one that is written.
	Values []string
	// Set are the columns that go with it, such as close_code.
	Set map[string]string
}

// Kind is what tickets of one sort look like in the instance.
type Kind struct {
	// Name is the sort, for messages: "onboarding".
	Name string
	// Table holds the tickets: task or a table made from it.
	Table string
	// Query is the encoded query that tells these tickets from others in the
	// table, without their state. A ticket that does not satisfy it is treated
	// as if it did not exist. It compares values as they are stored: truth as
	// true or false, a reference by its sys_id or by a column of the record it
	// refers to ("cat_item.name=New hire").
	Query string
	// Fields says where each value comes from: a column, a column of a record
	// that a column refers to ("u_department.name"), or a catalog variable
	// ("variable:start_date").
	Fields map[string]string
	// States says how each phase is kept. Values that belong to no phase make a
	// ticket unreadable rather than guessed at.
	States map[Phase]State
	// ReturnGroup is the name of the group that mends tickets, EscalationGroup
	// of the one that handles what could not be done.
	ReturnGroup, EscalationGroup string
}

const variablePrefix = "variable:"

// OnboardingKind is how a new hire's ticket looks unless configuration says
// otherwise: an incident whose column u_kind is "onboarding", with the columns
//
//	u_first_name, u_last_name, u_email, u_department, u_title, u_location,
//	u_employee_number (text), u_start_date (date), u_manager (reference to
//	sys_user, or text with a sys_id or an employee number)
//
// and, which may be empty, u_role, u_previous_employee_number, u_employee_type
// (employee, contractor or intern) and u_time_zone (an IANA name).
func OnboardingKind() Kind {
	return incident("onboarding", "IT Operations", "first_name", "last_name", "email", "department", "title", "role", "location",
		"employee_number", "previous_employee_number", "employee_type", "time_zone", "manager", "start_date")
}

// OffboardingKind is how a termination ticket looks unless configuration says
// otherwise: an incident whose column u_kind is "offboarding", with the columns
//
//	u_email (text)
//
// and, which may be empty, u_employee_number, u_legal_hold (true/false),
// u_time_zone (an IANA name) and u_termination_at: text like "2026-01-31
// 17:30:00", or a date, in the leaver's own time. It must not be a date/time
// column, which an instance converts to UTC. Who asks for it is caller_id.
func OffboardingKind() Kind {
	k := incident("offboarding", "Security Operations", "email", "employee_number", "legal_hold", "termination_at", "time_zone")
	k.Fields["requested_by"] = "caller_id"
	return k
}

func incident(name, escalation string, fields ...string) Kind {
	k := Kind{
		Name: name, Table: incidents, Query: "u_kind=" + name, Fields: map[string]string{},
		States: statesOf(incidents), ReturnGroup: "Service Desk", EscalationGroup: escalation,
	}
	for _, f := range fields {
		k.Fields[f] = "u_" + f
	}
	return k
}

// statesOf are the states that a table has unless an administrator changed
// them; nil for tables that are not known here.
func statesOf(table string) map[Phase]State {
	switch table {
	case incidents:
		return map[Phase]State{
			Open: {Values: []string{"1"}}, InProgress: {Values: []string{"2"}},
			OnHold: {Values: []string{"3"}}, Closed: {Values: []string{"7"}}, Cancelled: {Values: []string{"8"}},
			Resolved: {Values: []string{"6"}, Set: map[string]string{
				"close_code": "Solution provided", closeNotes: "Carried out automatically; the work notes tell what was done.",
			}},
		}
	case catalogTasks, requestItems, tasks:
		// Pending is open; skipped is 7, or 5 where it was added by hand.
		return map[Phase]State{
			Open: {Values: []string{"1", "-5"}}, InProgress: {Values: []string{"2"}},
			Resolved:  {Values: []string{"3"}, Set: map[string]string{closeNotes: "Carried out automatically; the work notes tell what was done."}},
			Cancelled: {Values: []string{"4", "7", "5"}},
		}
	default:
		return nil
	}
}

// Columns are the columns to write for a phase: the state and what goes with
// it. The map is the caller's own. It is empty for a phase the kind lacks.
func (k Kind) Columns(p Phase) map[string]string {
	columns := map[string]string{}
	state, ok := k.States[p]
	if !ok || len(state.Values) == 0 {
		return columns
	}
	maps.Copy(columns, state.Set)
	columns[stateColumn] = state.Values[0]
	return columns
}

// phase tells which phase a state value means.
func (k Kind) phase(value string) (p Phase, ok bool) {
	for p, state := range k.States {
		if slices.Contains(state.Values, value) {
			return p, true
		}
	}
	return "", false
}

// values are the state values of the given phases, for a query.
func (k Kind) values(of []Phase) []string {
	var list []string
	for _, p := range of {
		list = append(list, k.States[p].Values...)
	}
	return list
}

// selects is the query that tells these tickets from others.
func (k Kind) selects() (query, error) {
	q, problems := parseQuery(k.Query)
	if len(problems) > 0 {
		return nil, &fault.Invalid{Message: "the query of the " + k.Name + " tickets cannot be used", Problems: problems}
	}
	return q, nil
}

// columns are the columns and the variables that the fields come from.
func (k Kind) columns() (columns, variables []string) {
	for _, from := range k.Fields {
		if name, ok := strings.CutPrefix(from, variablePrefix); ok {
			variables = append(variables, name)
			continue
		}
		columns = append(columns, from)
	}
	return columns, variables
}
