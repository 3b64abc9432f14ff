package snowsim

import "regexp"

var columnShape = regexp.MustCompile(`^[a-z][a-z0-9_]{0,79}$`)

// systemColumns are those of every table. On a real instance only tables that
// others are made from have sys_class_name.
var systemColumns = []Column{
	{Name: "sys_id", Label: "Sys ID", System: true},
	{Name: "sys_created_on", Label: "Created", Type: DateTime, System: true},
	{Name: "sys_created_by", Label: "Created by", System: true},
	{Name: "sys_updated_on", Label: "Updated", Type: DateTime, System: true},
	{Name: "sys_updated_by", Label: "Updated by", System: true},
	{Name: "sys_mod_count", Label: "Updates", Type: Integer, System: true},
	{Name: "sys_class_name", Label: "Task type", System: true},
}

// indexed are the columns of each table that are found without reading all rows.
var indexed = map[string][]string{
	"sys_user":                     {"user_name", "email", "employee_number"},
	"sys_user_group":               {"name"},
	"sys_user_grmember":            {"group", "user"},
	"sys_user_has_role":            {"user"},
	"sys_journal_field":            {"element_id"},
	"sys_attachment":               {"table_sys_id"},
	"sys_choice":                   {"element"},
	"sysapproval_approver":         {"sysapproval", "group"},
	"task":                         {"number", "correlation_id", "request_item", "parent"},
	"sc_item_option_mtom":          {"request_item"},
	"question_answer":              {"table_sys_id"},
	"sc_multi_row_question_answer": {"parent_id"},
}

func text(name string, length int) Column { return Column{Name: name, Type: Text, Length: length} }
func choice(name, otherwise string) Column {
	return Column{Name: name, Type: Text, Length: 40, Default: otherwise}
}
func number(name, otherwise string) Column {
	return Column{Name: name, Type: Integer, Default: otherwise}
}
func flag(name, otherwise string) Column {
	return Column{Name: name, Type: Boolean, Default: otherwise}
}
func reference(name, table string) Column    { return Column{Name: name, Type: Reference, Refers: table} }
func list(name, table string) Column         { return Column{Name: name, Type: List, Refers: table} }
func moment(name string) Column              { return Column{Name: name, Type: DateTime} }
func journal(name string) Column             { return Column{Name: name, Type: Journal} }
func document(name string) Column            { return Column{Name: name, Type: Document} }
func labelled(label string, c Column) Column { c.Label = label; return c }

// tables are those of an instance with ITSM and the service catalog, as far as
// they are used; a table comes after the one it is made from.
var tables = []Table{
	{Name: "cmn_department", Label: "Department", Display: "name", Columns: []Column{text("name", 100)}},
	{Name: "cmn_location", Label: "Location", Display: "name", Columns: []Column{text("name", 100), text("time_zone", 40)}},
	{Name: "sys_user", Label: "User", Display: "name", Columns: []Column{
		text("user_name", 40), text("first_name", 50), text("last_name", 50), text("name", 151), text("email", 100),
		text("employee_number", 40), text("title", 60), text("phone", 40), text("mobile_phone", 40),
		reference("department", "cmn_department"), reference("location", "cmn_location"), reference("manager", "sys_user"),
		flag("active", "true"), flag("locked_out", "false"), choice("time_zone", ""), choice("preferred_language", ""),
		flag("web_service_access_only", "false"), choice("source", ""),
	}},
	{Name: "sys_user_group", Label: "Group", Display: "name", Columns: []Column{
		text("name", 80), text("description", 1000), text("email", 100), reference("manager", "sys_user"),
		reference("parent", "sys_user_group"), flag("active", "true"),
	}},
	{Name: "sys_user_grmember", Label: "Group Member", Columns: []Column{reference("user", "sys_user"), reference("group", "sys_user_group")}},
	{Name: "sys_user_role", Label: "Role", Display: "name", Columns: []Column{text("name", 100), text("description", 1000)}},
	{Name: "sys_user_has_role", Label: "User Role", Columns: []Column{
		reference("user", "sys_user"), reference("role", "sys_user_role"), flag("inherited", "false"),
	}},
	{Name: "sys_choice", Label: "Choice", Display: "label", Columns: []Column{
		text("name", 80), text("element", 80), text("value", 100), text("label", 100), choice("language", "en"),
		number("sequence", ""), flag("inactive", "false"), text("dependent_value", 100),
	}},
	{Name: "sys_journal_field", Label: "Journal Entry", Columns: []Column{
		document("element_id"), text("element", 80), text("name", 80), text("value", 0),
	}},
	{Name: "sys_attachment", Label: "Attachment", Display: "file_name", Columns: []Column{
		text("file_name", 100), text("table_name", 80), document("table_sys_id"), text("content_type", 100),
		number("size_bytes", ""), number("size_compressed", ""), flag("compressed", "true"), text("hash", 64), choice("state", "available"),
		text("average_image_color", 40), text("image_height", 40), text("image_width", 40),
	}},
	task,
	incident,
	{Name: "sc_request", Label: "Request", Extends: "task", Prefix: "REQ", Columns: []Column{
		reference("requested_for", "sys_user"), choice("request_state", "requested"), choice("stage", "requested"),
		text("special_instructions", 4000),
	}},
	{Name: "sc_cat_item", Label: "Catalog Item", Display: "name", Columns: []Column{
		text("name", 100), text("short_description", 200), flag("active", "true"),
	}},
	{Name: "sc_req_item", Label: "Requested Item", Extends: "task", Prefix: "RITM", Columns: []Column{
		reference("request", "sc_request"), reference("cat_item", "sc_cat_item"), reference("requested_for", "sys_user"),
		number("quantity", "1"), choice("stage", "waiting_for_approval"),
	}},
	{Name: "sc_task", Label: "Catalog Task", Extends: "task", Prefix: "SCTASK", Columns: []Column{
		reference("request_item", "sc_req_item"), reference("request", "sc_request"),
	}},
	{Name: "question", Label: "Question", Display: "question_text", Columns: []Column{
		text("name", 80), text("question_text", 255), number("type", "6"), number("order", "100"), flag("active", "true"),
	}},
	{Name: "item_option_new", Label: "Variable", Extends: "question", Columns: []Column{
		reference("cat_item", "sc_cat_item"), text("variable_set", 40),
	}},
	{Name: "sc_item_option", Label: "Options", Columns: []Column{
		reference("item_option_new", "item_option_new"), text("value", 4000), number("order", ""),
	}},
	{Name: "sc_item_option_mtom", Label: "Item Option Mtom", Columns: []Column{
		reference("request_item", "sc_req_item"), reference("sc_item_option", "sc_item_option"),
	}},
	{Name: "question_answer", Label: "Question Answer", Columns: []Column{
		reference("question", "question"), text("table_name", 80), document("table_sys_id"), text("value", 4000), number("order", ""),
	}},
	{Name: "sc_multi_row_question_answer", Label: "Multi Row Question Answer", Columns: []Column{
		document("parent_id"), text("parent_table_name", 80), text("row_index", 40), text("variable_set", 40),
		reference("item_option_new", "item_option_new"), text("value", 4000),
	}},
	{Name: "sysapproval_group", Label: "Group approval", Extends: "task", Prefix: "GAPRV", Columns: []Column{
		reference("approval_user", "sys_user"), choice("wait_for", "any"),
	}},
	{Name: "sysapproval_approver", Label: "Approval", Display: "state", Columns: []Column{
		reference("sysapproval", "task"), text("source_table", 80), document("document_id"), reference("approver", "sys_user"),
		reference("group", "sysapproval_group"), choice("state", "not requested"), journal("comments"), moment("due_date"),
		moment("expected_start"), number("order", ""), number("iteration", "1"),
	}},
}

var task = Table{Name: "task", Label: "Task", Display: "number", Prefix: "TASK", Columns: []Column{
	text("number", 40), text("short_description", 160), text("description", 4000), flag("active", "true"),
	number("state", "1"), number("priority", "4"), number("impact", "3"), number("urgency", "3"), number("escalation", "0"),
	choice("approval", "not requested"), choice("upon_approval", "proceed"), choice("upon_reject", "cancel"), choice("contact_type", ""),
	reference("opened_by", "sys_user"), moment("opened_at"), reference("closed_by", "sys_user"), moment("closed_at"),
	reference("assigned_to", "sys_user"), reference("assignment_group", "sys_user_group"), reference("parent", "task"),
	text("correlation_id", 100), text("correlation_display", 100), moment("due_date"), moment("sla_due"),
	text("close_notes", 4000), list("watch_list", "sys_user"), list("work_notes_list", "sys_user"),
	journal("work_notes"), journal("comments"), number("reassignment_count", "0"), flag("made_sla", "true"), number("order", ""),
	reference("location", "cmn_location"),
}}

// incident has, besides the platform's, the columns u_* that the onboarding,
// offboarding, role change and credential reset tickets of package servicenow use
// unless configured otherwise.
var incident = Table{Name: "incident", Label: "Incident", Extends: "task", Prefix: "INC", Columns: []Column{
	reference("caller_id", "sys_user"), choice("category", "inquiry"), choice("subcategory", ""), number("incident_state", "1"),
	number("severity", "3"), number("priority", "5"), choice("hold_reason", ""), number("notify", "1"), number("reopen_count", "0"),
	labelled("Resolution code", choice("close_code", "")), labelled("Resolution notes", text("close_notes", 4000)),
	reference("resolved_by", "sys_user"), moment("resolved_at"), reference("reopened_by", "sys_user"), moment("reopened_time"),
	reference("parent_incident", "incident"),
	text("u_kind", 40), text("u_first_name", 100), text("u_last_name", 100), text("u_email", 100), text("u_department", 100),
	text("u_title", 100), text("u_role", 100), text("u_location", 100), text("u_employee_number", 40),
	text("u_previous_employee_number", 40), text("u_employee_type", 40), text("u_time_zone", 40), reference("u_manager", "sys_user"),
	{Name: "u_start_date", Type: Date}, text("u_termination_at", 40), flag("u_legal_hold", "false"),
	text("u_old_department", 100), text("u_old_title", 100), text("u_old_location", 100), reference("u_old_manager", "sys_user"),
	{Name: "u_effective_date", Type: Date},
	text("u_reset_type", 40), text("u_factor", 100), text("u_identity_proof", 255),
}}

// securityIncident is the table of the plugin Security Incident Response.
var securityIncident = Table{Name: "sn_si_incident", Label: "Security Incident", Extends: "task", Prefix: "SIR", Columns: []Column{
	number("state", "10"), choice("category", ""), choice("subcategory", ""), number("severity", "3"), number("risk_score", ""),
	reference("affected_user", "sys_user"), reference("caller", "sys_user"), labelled("Closure code", choice("close_code", "")),
	number("business_criticality", "3"), text("external_url", 1024), text("alert_rule", 255), text("source_ip", 100),
}}
