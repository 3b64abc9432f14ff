package snowsim

import "strconv"

// choices are the values of a column and what people read, in their order.
type choices struct {
	table, column string
	pairs         []string // value, label, value, label...
}

// defaultChoices are those of an instance that nobody changed (FACTS; the
// closing codes as seen on current releases: "Solution provided" and nine
// others).
var defaultChoices = []choices{
	{"task", "state", []string{"-5", "Pending", "1", "Open", "2", "Work in Progress", "3", "Closed Complete", "4", "Closed Incomplete", "7", "Closed Skipped"}},
	{"incident", "state", []string{"1", "New", "2", "In Progress", "3", "On Hold", "6", "Resolved", "7", "Closed", "8", "Canceled"}},
	{"incident", "incident_state", []string{"1", "New", "2", "In Progress", "3", "On Hold", "6", "Resolved", "7", "Closed", "8", "Canceled"}},
	{"sn_si_incident", "state", []string{"10", "Draft", "16", "Analysis", "18", "Contain", "19", "Eradicate", "20", "Recover", "100", "Review", "3", "Closed", "7", "Cancelled"}},
	{"task", "approval", []string{"not requested", "Not Yet Requested", "requested", "Requested", "approved", "Approved", "rejected", "Rejected", "cancelled", "Cancelled", "not_required", "No Longer Required", "duplicate", "Duplicate"}},
	{"sysapproval_approver", "state", []string{"not requested", "Not Yet Requested", "requested", "Requested", "approved", "Approved", "rejected", "Rejected", "cancelled", "Cancelled", "not_required", "No Longer Required", "duplicate", "Duplicate", "skipped", "Skipped"}},
	{"task", "priority", []string{"1", "1 - Critical", "2", "2 - High", "3", "3 - Moderate", "4", "4 - Low", "5", "5 - Planning"}},
	{"task", "impact", []string{"1", "1 - High", "2", "2 - Medium", "3", "3 - Low"}},
	{"task", "urgency", []string{"1", "1 - High", "2", "2 - Medium", "3", "3 - Low"}},
	{"incident", "category", []string{"inquiry", "Inquiry / Help", "software", "Software", "hardware", "Hardware", "network", "Network", "database", "Database"}},
	{"incident", "hold_reason", []string{"1", "Awaiting Caller", "5", "Awaiting Change", "3", "Awaiting Problem", "4", "Awaiting Vendor"}},
	{"incident", "close_code", []string{
		"Duplicate", "Duplicate", "Known error", "Known error", "No resolution provided", "No resolution provided",
		"Resolved by caller", "Resolved by caller", "Resolved by change", "Resolved by change", "Resolved by problem", "Resolved by problem",
		"Resolved by request", "Resolved by request", "Solution provided", "Solution provided", "Workaround provided", "Workaround provided",
		"User error", "User error",
	}},
	{"sn_si_incident", "close_code", []string{"Threat mitigated", "Threat mitigated", "Patched vulnerability", "Patched vulnerability", "Invalid vulnerability", "Invalid vulnerability", "False positive", "False positive", "Not resolved", "Not resolved"}},
}

// plantChoices fills sys_choice, which is where choices are looked up ever after.
func (s *Sim) plantChoices() {
	for _, c := range defaultChoices {
		if s.tables[c.table] == nil {
			continue
		}
		for i := 0; i < len(c.pairs); i += 2 {
			s.plantRecord("sys_choice", "", map[string]string{
				"name": c.table, "element": c.column, "value": c.pairs[i], "label": c.pairs[i+1], "sequence": strconv.Itoa(i / 2),
			})
		}
	}
}

// choicesOf are the active choices of a column: those of the table itself or,
// without any, of the nearest table that it is made from.
func (s *Sim) choicesOf(t *table, column string) map[string]string {
	byTable := map[string]map[string]string{}
	for _, r := range s.tables["sys_choice"].shelf.by("element", column) {
		if r.get("inactive") == "true" {
			continue
		}
		name := r.get("name")
		if byTable[name] == nil {
			byTable[name] = map[string]string{}
		}
		byTable[name][r.get("value")] = r.get("label")
	}
	for at := t; at != nil; at = at.parent {
		if found := byTable[at.name]; found != nil {
			return found
		}
	}
	return nil
}
