package servicenow

// RoleChangeKind is how a change of role looks unless configuration says
// otherwise: an incident whose column u_kind is "role_change", with the column
//
//	u_employee_number (text)
//
// and what changes, of which only one has to be filled in: u_department, u_title,
// u_location (text), u_manager (reference to sys_user, or text with a sys_id or
// an employee number). The same columns with u_old_ before their names hold what
// it was before; they may be empty, and otherwise have to agree with Okta.
// u_effective_date (date) is the first day of the new role, where the person
// works or, if given, in u_time_zone (an IANA name). Who asks for it is
// caller_id.
func RoleChangeKind() Kind {
	k := incident("role_change", "IT Operations", "employee_number", "department", "title", "location", "manager",
		"old_department", "old_title", "old_location", "old_manager", "effective_date", "time_zone")
	k.Name = "role-change"
	k.Fields["requested_by"], k.Fields["opened_at"] = "caller_id", "opened_at"
	return k
}

// RecertificationKind is how a manager is asked which exceptional access a
// person may keep, unless configuration says otherwise: a catalog task made by
// this integration, known by its correlation_display, which the manager answers
// in its closing notes and closes.
func RecertificationKind() Kind {
	return Kind{
		Name: "recertification", Table: catalogTasks, Query: "correlation_display=" + RecertificationMark,
		Fields: map[string]string{
			"decisions": closeNotes, "assigned_to": "assigned_to", "due_date": "due_date", "closed_by": "closed_by",
			"correlation_id": correlation,
		},
		States: statesOf(catalogTasks), ReturnGroup: "Service Desk", EscalationGroup: "IT Operations",
	}
}

// RecertificationMark is the correlation_display of recertification tasks.
const RecertificationMark = "Access recertification"
