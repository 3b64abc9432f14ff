package snowsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// states are the values of state that end a task.
type states struct{ closed, cancelled []string }

// statesOf are those of an instance that nobody changed (FACTS). A resolved
// incident is still active.
func statesOf(t *table) states {
	switch {
	case t.is("incident"):
		return states{closed: []string{"7", "8"}, cancelled: []string{"8"}}
	case t.is("sn_si_incident"):
		return states{closed: []string{"3", "7"}, cancelled: []string{"7"}}
	}
	return states{closed: []string{"3", "4", "7"}, cancelled: []string{"4", "7"}}
}

// beforeRules are the business rules and data policies that may change or refuse
// a write.
func (s *Sim) beforeRules(w *write) *Error {
	t := w.record.table
	switch {
	case t.is("task"):
		return s.beforeTask(w)
	case t.is("sys_user"):
		return s.beforeUser(w)
	case t.is("sysapproval_approver"):
		s.beforeApproval(w)
	}
	return nil
}

// afterRules follow a write that was made.
func (s *Sim) afterRules(w *write, changed []string) {
	t := w.record.table
	if t.is("task") && slices.Contains(changed, "state") && slices.Contains(statesOf(t).cancelled, w.record.get("state")) {
		s.withdrawApprovals(w.record)
	}
	switch {
	case t.is("sysapproval_group") && w.isNew:
		s.askGroup(w.record)
	case t.is("sysapproval_approver") && slices.Contains(changed, "state"):
		s.rollUp(w.record)
	}
}

func (s *Sim) beforeTask(w *write) *Error {
	t := w.record.table
	if w.isNew {
		s.openTask(w)
	}
	if refusal := s.unique(w, "number"); refusal != nil {
		return refusal
	}
	if w.turns("assignment_group") && !w.isNew && w.record.get("assignment_group") != "" {
		w.count("reassignment_count")
	}
	if t.is("incident") {
		if refusal := s.beforeIncident(w); refusal != nil {
			return refusal
		}
	}
	if !w.isNew && !w.turns("state") {
		return nil
	}
	if slices.Contains(statesOf(t).closed, w.get("state")) {
		if w.isNew || w.record.get("active") == "true" {
			w.set["active"], w.set["closed_at"], w.set["closed_by"] = "false", w.now, w.by.id()
		}
		return nil
	}
	if !w.isNew && w.record.get("active") != "true" {
		w.set["active"], w.set["closed_at"], w.set["closed_by"] = "true", "", ""
	}
	return nil
}

func (s *Sim) openTask(w *write) {
	if w.get("number") == "" {
		if t := w.record.table.numbering(); t != nil {
			t.last++
			w.set["number"] = fmt.Sprintf("%s%07d", t.prefix, t.last)
		}
	}
	if w.get("opened_by") == "" {
		w.set["opened_by"] = w.by.id()
	}
	if w.get("opened_at") == "" {
		w.set["opened_at"] = w.now
	}
}

func (w *write) count(column string) {
	n, _ := strconv.Atoi(w.get(column))
	w.set[column] = strconv.Itoa(n + 1)
}

const incidentResolved = "6"

func (s *Sim) beforeIncident(w *write) *Error {
	s.settleIncidentState(w)
	if code := w.set["close_code"]; code != "" {
		if _, valid := s.choicesOf(w.record.table, "close_code")[code]; !valid {
			// Seen: a closing code that is no choice is dropped, and the data policy
			// below then says that it is missing.
			delete(w.set, "close_code")
		}
	}
	if impact, urgency := w.get("impact"), w.get("urgency"); w.isNew || w.turns("impact") || w.turns("urgency") {
		i, _ := strconv.Atoi(impact)
		u, _ := strconv.Atoi(urgency)
		w.set["priority"] = strconv.Itoa(max(1, min(5, i+u-1))) // the lookup table dl_u_priority
	}
	state := w.get("state")
	if state == incidentResolved || state == "7" {
		// Seen: the data policy "Make close info mandatory when resolved or closed".
		var missing []string
		for _, column := range []string{"close_code", "close_notes"} {
			if w.get(column) == "" {
				missing = append(missing, w.record.table.column(column).label())
			}
		}
		if len(missing) > 0 {
			return dataPolicy(strings.Join(missing, ", "))
		}
	}
	if !w.isNew && !w.turns("state") {
		return nil
	}
	over := func(state string) bool { return state == incidentResolved || state == "7" || state == "8" }
	switch was := w.record.get("state"); {
	case state == incidentResolved:
		w.set["resolved_at"], w.set["resolved_by"] = w.now, w.by.id()
	case !w.isNew && over(was) && !over(state):
		w.count("reopen_count")
		w.set["reopened_time"], w.set["reopened_by"] = w.now, w.by.id()
		w.set["resolved_at"], w.set["resolved_by"] = "", ""
	}
	return nil
}

// settleIncidentState keeps state and incident_state the same.
func (s *Sim) settleIncidentState(w *write) {
	switch {
	case w.turns("incident_state") && !w.turns("state"):
		w.set["state"] = w.set["incident_state"]
	case w.turns("state"):
		w.set["incident_state"] = w.set["state"]
	}
}

func (s *Sim) beforeUser(w *write) *Error {
	if w.turns("first_name") || w.turns("last_name") {
		w.set["name"] = strings.TrimSpace(w.get("first_name") + " " + w.get("last_name"))
	}
	return s.unique(w, "user_name")
}
