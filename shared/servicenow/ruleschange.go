package servicenow

// RulesChangeKind is what the task of a change of the access rules looks like: a
// catalog task made by this integration, known by its correlation_display.
func RulesChangeKind() Kind {
	return Kind{
		Name: "rules-change", Table: catalogTasks, Query: "correlation_display=" + RulesChangeMark,
		Fields: map[string]string{correlation: correlation}, States: statesOf(catalogTasks),
		ReturnGroup: "Identity Operations", EscalationGroup: "Identity Operations",
	}
}

// RulesChangeMark is the correlation_display of those tasks.
const RulesChangeMark = "Change of access rules"
